"""The week, the questions about it, and the demo that plays it, or one's own file."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import memoria
from memoria.cli import app
from memoria.data import SUBJECT, Turn, questions, read_turns, week
from memoria.evaluation.quality.week import Played, bring, chosen_subject, old_first, play, read
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export
from memoria.types import Hit, Where
from tests.commands import apart as run

TURN = {"id": "a", "at": "2026-03-02T06:52:20+00:00", "speaker": "Ada", "text": "I moved to Oslo in the spring."}


def test_turns_are_about_three_hundred_with_ids_of_their_own_and_times_that_grow() -> None:
    turns = week()
    assert 280 <= len(turns) <= 320
    assert len({turn.id for turn in turns}) == len(turns)
    assert all(one.at < other.at for one, other in pairwise(turns))
    assert {turn.speaker for turn in turns} == {"Nadia", "Owen"}


def test_ids_count_the_turns_of_seven_days_with_several_conversations_each() -> None:
    turns = week()
    first = turns[0].at.date()
    for day in range(1, 8):
        here = [turn for turn in turns if turn.id.startswith(f"D{day}:")]
        assert [turn.id for turn in here] == [f"D{day}:{number}" for number in range(1, len(here) + 1)]
        assert {turn.at.date() for turn in here} == {first + timedelta(days=day - 1)}
        assert len({turn.session for turn in here}) >= 3


def test_a_conversation_stays_together() -> None:
    order = [turn.session for turn in week()]
    starts = [one for one, before in zip(order, [None, *order], strict=False) if one != before]
    assert len(starts) == len(set(starts))


def test_questions_are_thirty_of_five_kinds_about_turns_that_exist() -> None:
    asked, ids = questions(), {turn.id for turn in week()}
    assert [one.id for one in asked] == [f"Q{number}" for number in range(1, 31)]
    assert {one.kind for one in asked} == {"single", "several", "changed", "when", "forgotten"}
    assert {one.kind for one in asked if one.outdated} == {"changed"}
    assert {one.kind for one in asked if one.gone} == {"forgotten"}
    for one in asked:
        assert one.evidence
        assert {*one.evidence, *one.outdated} <= ids
        assert not set(one.evidence) & set(one.outdated)
        assert (len(one.evidence) > 1) == (one.kind == "several") or one.kind == "forgotten"


def test_at_least_twelve_facts_change_and_the_earlier_value_is_said_earlier() -> None:
    turns = {turn.id: turn for turn in week()}
    assert sum("change" in turn.tags for turn in turns.values()) >= 12
    changed = [one for one in questions() if one.kind == "changed"]
    assert all(one.outdated for one in changed)
    for one in changed:
        assert "change" in turns[one.evidence[0]].tags
        assert max(turns[id].at for id in one.outdated) < min(turns[id].at for id in one.evidence)


def test_the_subject_is_spread_over_days_and_its_words_are_nowhere_else() -> None:
    about = [turn for turn in week() if turn.subject == SUBJECT]
    rest = [turn for turn in week() if turn.subject != SUBJECT]
    assert len(about) >= 15
    assert len({turn.at.date() for turn in about}) >= 4
    for one in questions():
        if one.kind == "forgotten":
            assert set(one.evidence) <= {turn.id for turn in about}
        for word in one.gone:
            assert any(word in turn.text for turn in about)
            assert not any(word.casefold() in turn.text.casefold() for turn in rest)
    assert sum(SUBJECT.casefold() in turn.text.casefold() for turn in rest) >= 3


def openings(texts: list[str]) -> Counter[tuple[str, ...]]:
    """How often sentences begin with the same five words."""
    sentences = [re.findall(r"[\w'£]+", one.casefold()) for text in texts for one in re.split(r"[.!?]+", text)]
    return Counter(tuple(words[:5]) for words in sentences if len(words) >= 5)


def test_no_turn_is_made_from_a_template() -> None:
    assert max(openings([turn.text for turn in week()]).values()) <= 2
    assert (
        max(openings(["Ann has a cat called Bo.", "Ann has a cat called Cy.", "Ann has a cat called Di."]).values())
        == 3
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of the whole demo, played once."""
    figures: dict[str, Any] = json.loads(run(tmp_path_factory.mktemp("demo"), "demo", "--json"))
    return figures


def test_the_demo_forgets_the_subject_and_finds_nothing_of_it(played: dict[str, Any]) -> None:
    assert played["memories"] == len(week())
    forgotten = played["forgotten"]
    assert forgotten["memories"] == sum(turn.subject == SUBJECT for turn in week())
    assert forgotten["needles"] >= 5 * forgotten["memories"] - 2 * forgotten["too_short"]
    assert forgotten["bytes_scanned"] > 100_000
    assert (forgotten["found"], played["came_back"], played["clean"]) == (0, 0, True)
    assert set(played["costs"]) >= {"storage", "with_embedding"}


def test_the_demo_asks_thirty_questions_before_and_after(played: dict[str, Any]) -> None:
    scores = played["scores"]
    assert {kind: score["asked"] for kind, score in scores.items()} == Counter(one.kind for one in questions())
    for score in scores.values():
        assert score["top_3_before"] <= score["top_10_before"] <= score["asked"]
        assert score["top_3_after"] <= score["top_10_after"] <= score["asked"]
    assert scores["single"]["top_10_before"] == scores["single"]["top_10_after"] >= 7
    assert scores["forgotten"]["top_10_before"] >= 1
    assert (scores["forgotten"]["top_3_after"], scores["forgotten"]["top_10_after"]) == (0, 0)


def test_the_figures_hold_no_text_of_a_memory(played: dict[str, Any]) -> None:
    printed = json.dumps(played, ensure_ascii=False)
    assert not [turn.id for turn in week() if len(turn.text) > 20 and turn.text in printed]


def test_the_demo_is_short_and_fits_a_narrow_screen() -> None:
    lines = demo().stdout.splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80
    printed = "\n".join(lines)
    assert "Where is the stopcock?" in printed
    assert "0 found." in printed
    assert re.search(r"before +2026-03-\d\d \d\d:\d\d +\w+: ", printed)


def demo(*arguments: str, status: int = 0) -> Result:
    done = CliRunner().invoke(app, ["demo", *arguments])
    assert done.exit_code == status, done.output
    return done


def refused(*arguments: str) -> str:
    """What the demo says when it refuses."""
    error = demo(*arguments, status=1).exception
    assert isinstance(error, memoria.InvalidInput)
    return str(error)


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    """A file of turns with two subjects; "Bob" occurs most often, written in two ways."""
    said = [
        TURN | {"id": "3", "text": "Cyd is at sea until May.", "subject": "Cyd", "session": "s"},
        TURN | {"id": "1", "text": "Bob lost his job at the harbour.", "subject": "Bob"},
        TURN | {"id": "2", "text": "Ok.", "subject": "bob", "tags": ["short"]},
        TURN | {"id": "4", "text": "The harbour [red] is closed on Sunday."},
    ]
    path = tmp_path / "turns.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in said) + "\n\n", encoding="utf-8-sig")
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """An export of two namespaces: a gist of three parts about one subject, and two memories about another."""
    path = tmp_path / "export.jsonl"
    with memoria.open(tmp_path / "own.memoria") as memory:
        ada = memory.namespace("app", "ada")
        ada.remember_many(
            [
                memoria.Draft(text="Ada rode her horse along the river today.", subject="horse"),
                memoria.Draft(text="Along the river Ada rode her horse today.", subject="horse"),
                memoria.Draft(text="Today Ada rode her horse along the river.", subject="horse"),
            ]
        )
        assert len(ada.sleep().gists) == 1
        bob = memory.namespace("app", "bob")
        bob.remember_many([memoria.Draft(text=text, subject="boat") for text in ("Bob sold a boat.", "It was green.")])
        path.write_text("\n".join(export(memory.store, Where())))
    return path


def test_a_file_of_turns_loses_the_subject_that_occurs_most_often(
    turns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = turns.read_bytes()
    done = demo("--from", str(turns), "--ask", "Who lost a job?", "--ask", "What is closed on Sunday?")
    assert "subject that most memories have: Bob" in done.stderr
    assert re.search(r"before .* Ada: Bob lost his job", done.stdout)
    assert re.search(r"What is closed on Sunday\?\n +1 .* Ada: The harbour \[red\] is closed", done.stdout)
    assert "Everything about Bob: 2 memories" in done.stdout
    assert "texts under 8 bytes, 1." in done.stdout
    assert turns.read_bytes() == before
    assert list((tmp_path / "temporary").glob("memoria*")) == []


def test_a_file_of_turns_loses_the_subject_that_is_named(turns: Path) -> None:
    done = demo("--from", str(turns), "--forget", "CYD", "--json")
    figures = json.loads(done.stdout)
    assert "most memories" not in done.stderr
    assert (figures["memories"], figures["forgotten"]["memories"], figures["forgotten"]["found"]) == (4, 1, 0)
    assert (figures["scores"], figures["costs"], figures["clean"]) == ({}, None, True)


def test_an_export_is_played_with_its_gists_and_namespaces(exported: Path) -> None:
    before = exported.read_bytes()
    done = demo("--from", str(exported), "--json")
    figures = json.loads(done.stdout)
    assert "subject that most memories have: horse" in done.stderr
    assert figures["memories"] == 3
    assert figures["forgotten"]["memories"] + figures["forgotten"]["derived"] >= 3
    assert (figures["forgotten"]["found"], figures["clean"]) == (0, True)
    assert exported.read_bytes() == before


def test_an_export_says_which_lines_it_leaves_out(exported: Path) -> None:
    line = json.loads(exported.read_text().splitlines()[-1])
    line |= {"id": "f" * 32, "text": "Bob sold something.", "provenance": {"derived_from": ["e" * 32]}}
    exported.write_text(exported.read_text() + "\n" + json.dumps(line))
    assert "not in the file: lines 4." in demo("--from", str(exported), "--json").stderr


def test_without_a_subject_nothing_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text(json.dumps({name: TURN[name] for name in ("at", "speaker", "text")}))
    done = demo("--from", str(path))
    assert "No memory has a subject: nothing is forgotten." in done.stderr
    assert "Nothing: no memory has a subject." in done.stdout
    assert "Nothing was asked" in done.stdout
    assert json.loads(demo("--from", str(path), "--json").stdout)["forgotten"] is None


def test_a_subject_that_does_not_occur_is_refused(turns: Path) -> None:
    assert (
        refused("--from", str(turns), "--forget", "Dan")
        == "no memory has the subject 'Dan'; different subjects here: 2"
    )
    assert "--from" in refused("--forget", "Rowan")


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        (["", '{"note": "a secret"}'], "line 2: neither a memory"),
        (["a secret"], "line 1: neither a memory"),
        (['["a secret"]'], "line 1: neither a memory"),
        ([""], "no line with a memory: the file is empty"),
        ([json.dumps(TURN), "a secret"], "line 2: Invalid JSON: expected value at column 1"),
        ([json.dumps(TURN), '{"a secret": 1}'], "line 2: at: Field required; line 2: speaker: Field required"),
        ([json.dumps(TURN | {"a secret": "a secret"})], "line 1: Extra inputs are not permitted"),
        ([json.dumps(TURN | {"at": "a secret"})], "line 1: at: Input should be a valid datetime"),
        ([json.dumps(TURN | {"at": "2026-03-02T06:52:20"})], "line 1: at: Input should have timezone info"),
        ([json.dumps(TURN | {"text": ["a secret"]})], "line 1: text: Input should be a valid string"),
        ([json.dumps(TURN | {"text": " "})], "line 1: text is empty"),
        ([json.dumps(TURN | {"tags": ["x", {"a secret": 1}]})], "line 1: tags.1: Input should be a valid string"),
        ([json.dumps(TURN), json.dumps(TURN | {"text": "a secret"})], "line 2: its id is that of line 1"),
        ([json.dumps({"namespace": ["a secret"], "embedder": 1, "vector": "a secret"})], "line 1: id: Field required"),
    ],
)
def test_a_line_that_is_none_is_named_by_number_and_rule_without_its_content(
    lines: list[str], rule: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(lines))
    said = refused("--from", str(path))
    assert rule in said
    assert "secret" not in said


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(json.dumps(TURN).encode() + b"\n\xff\xfe")
    assert refused("--from", str(path)) == "line 2: not UTF-8"


def test_the_command_line_ends_with_status_two_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("a secret")
    said = run(tmp_path, "demo", "--from", str(tmp_path / "own.jsonl"), status=2)
    assert said.strip().startswith("InvalidMemory: line 1: neither")
    assert "secret" not in said
    assert "does not exist" in run(tmp_path, "demo", "--from", str(tmp_path / "none.jsonl"), status=2)


def test_an_own_question_is_asked_of_the_week(tmp_path: Path) -> None:
    figures = week_without_costs(tmp_path, asks=["What is the password of the Wi-Fi?"])
    first = figures.asked[0].before[0].memory
    assert "threeburntloaves" in first.text
    assert len(figures.asked) == 31


def week_without_costs(folder: Path, asks: list[str]) -> Played:
    with memoria.open(folder / "week.memoria", reinforce="never") as memory:
        memory.remember_many([turn.draft() for turn in week()])
        return play(memory, SUBJECT, asks, questions())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[memoria.Memoria]:
    """A store on disk of two memories of one subject and one of none, with vectors of hashes."""
    with memoria.open(tmp_path / "small.memoria", embedder=HashEmbedder()) as memory:
        memory.remember_many(
            [
                memoria.Draft(text="Bob lost his job at the harbour.", subject="Bob"),
                memoria.Draft(text="No", subject="Bob"),
                memoria.Draft(text="The harbour is closed on Sunday."),
            ]
        )
        yield memory


def test_a_text_that_is_left_in_a_file_is_found(small: memoria.Memoria, tmp_path: Path) -> None:
    (tmp_path / "small.memoria" / "stray").write_text("xx Bob lost his job at the harbour. xx")
    played = play(small, "Bob", ["Who lost his job at the harbour?"])
    assert played.forgotten is not None
    assert (played.forgotten.found, played.clean) == (1, False)


def test_a_word_of_a_question_that_is_left_in_a_file_is_found(small: memoria.Memoria, tmp_path: Path) -> None:
    (tmp_path / "small.memoria" / "stray").write_text("xx Larchmont xx")
    played = play(small, "Bob", [], questions())
    assert played.forgotten is not None
    assert (played.forgotten.found, played.clean) == (1, False)


def test_a_text_that_chance_could_write_is_not_looked_for_and_that_is_said(
    small: memoria.Memoria, tmp_path: Path
) -> None:
    (tmp_path / "small.memoria" / "stray").write_text("No")
    played = play(small, "Bob", [])
    assert played.forgotten is not None
    assert (played.forgotten.found, played.forgotten.too_short, played.clean) == (0, 1, True)


def test_a_question_whose_best_answer_was_forgotten_is_marked(small: memoria.Memoria) -> None:
    played = play(small, "bob", ["Who lost his job at the harbour?", "Is the harbour closed on Sunday?"])
    assert [one.lost for one in played.asked] == [True, False]
    assert played.came_back == 0
    assert not replace(played, came_back=1).clean


def test_the_exit_status_is_one_when_something_is_left(turns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaks(memory: memoria.Memoria, lines: list[str]) -> object:
        (next(iter(memory.store.files())).parent / "stray").write_text("Bob lost his job at the harbour.")
        return bring(memory, lines)

    monkeypatch.setattr("memoria.cli.demo.bring", leaks)
    done = demo("--from", str(turns), status=1)
    assert "bytes: 1 found." in done.stdout.replace("\n", " ")


def test_the_subject_of_most_memories_is_counted_in_parts_of_gists_and_by_its_canonical_form(
    exported: Path, turns: Path
) -> None:
    for path, subject in ((exported, "horse"), (turns, "Bob")):
        with memoria.open(":memory:") as memory:
            assert bring(memory, read(path)) == ()
            assert chosen_subject(memory, None) == subject


def test_an_earlier_value_before_the_one_that_holds_is_counted() -> None:
    question = next(one for one in questions() if one.kind == "changed")
    new, old = question.evidence[0], question.outdated[0]
    assert old_first(question, hits(old, new))
    assert old_first(question, hits("D1:1", old))
    assert not old_first(question, hits(new, old))
    assert not old_first(question, hits("D1:1"))


def hits(*keys: str) -> list[Hit]:
    memories = {turn.id: turn.draft().memory("0" * 32, (), turn.at) for turn in week()}
    return [Hit(memory=memories[key], score=0.0, terms={}) for key in keys]


def test_a_turn_without_an_id_gets_the_number_of_its_line() -> None:
    line = json.dumps({name: TURN[name] for name in ("at", "speaker", "text")})
    assert [turn.id for turn in read_turns(["", line, line])] == ["2", "3"]
    assert read_turns([json.dumps(TURN)]) == [Turn(**TURN | {"at": datetime.fromisoformat(TURN["at"])})]  # type: ignore[arg-type]  # of a dict
