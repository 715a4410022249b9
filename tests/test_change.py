"""What is done with a change: doubts and their bounds, whose word it is, holds, and what goes with a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Memory, Provenance
from memoria.change.doubt import PARTLY, found
from memoria.english.excise import halves
from memoria.english.voice import Voice, asks, said
from memoria.evaluation.quality import changes
from memoria.recall.doubted import MOST
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Link, Where
from tests.waiting import growth

START = datetime(2026, 3, 2, tzinfo=UTC)
EMBEDDER = HashEmbedder(32)
ADA = Provenance(source="chat", speaker="ada", session="s")
LEEDS, YORK = "My sister lives in Leeds.", "My sister has moved to York."


class Fixed:
    """A judge of fixed numbers: by a word of the statement and one of the memory; of all else it is sure that not."""

    name = "fixed"

    def __init__(self, odds: Mapping[tuple[str, str], float]) -> None:
        self.odds = odds
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, statement: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((statement, tuple(texts)))
        return [
            max((odds for (a, b), odds in self.odds.items() if a in statement and b in text), default=-6.0)
            for text in texts
        ]


JUDGE = Fixed({("York", "Leeds"): 3.0, ("Ghent", "Porto"): 4.0, ("blue", "green"): 1.0, ("blue", "cyan"): 0.5})


@pytest.fixture(params=["ram", "local", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    return ":memory:" if request.param == "ram" else str(tmp_path / "a.memoria")


@pytest.fixture
def memory(place: str) -> Iterator[memoria.Memoria]:
    with opened(place) as made:
        yield made


def opened(place: str = ":memory:", **how: object) -> memoria.Memoria:
    options: dict[str, object] = {"judge": JUDGE, "clock": lambda: START + timedelta(days=9), "reinforce": "never"}
    return memoria.open(place, embedder=EMBEDDER, **(options | how))  # type: ignore[arg-type]  # options of open


def tell(memory: memoria.Memoria, *texts: str, **origin: str) -> list[Memory]:
    """Each an hour after the one before, by one speaker."""
    given = {"source": "chat", "speaker": "ada"} | origin
    provenance = Provenance(source=given["source"], speaker=given["speaker"], session="s")
    first = len(memory)
    return [
        memory.remember(text, created_at=START + timedelta(hours=first + n), provenance=provenance)
        for n, text in enumerate(texts)
    ]


def doubts(memory: memoria.Memoria, *about: Memory) -> dict[str, list[tuple[str, float | None]]]:
    links = memory.store.links([one.id for one in about])
    found: dict[str, list[tuple[str, float | None]]] = {}
    for link in links:
        if link.relation == "doubts":
            found.setdefault(link.parent, []).append((link.child, link.weight))
    return found


def test_a_doubt_lowers_and_hides_nothing(memory: memoria.Memoria) -> None:
    old, other, new = tell(memory, LEEDS, "My sister plays the cello.", YORK)
    before = {hit.memory.id: hit for hit in memory.recall("Where does my sister live?")}
    (proposal,) = memory.reconcile(new)
    assert (proposal.action, proposal.lowers, proposal.judge) == ("doubt", ((old.id, 3.0),), "fixed")
    hits = memory.recall("Where does my sister live?")
    after = {hit.memory.id: hit for hit in hits}
    assert after.keys() == before.keys() == {old.id, other.id, new.id}
    assert after[old.id].doubted_by == (new.id,)
    assert after[old.id].terms["superseded"] == pytest.approx(-9.0)
    assert after[old.id].score == pytest.approx(before[old.id].score - 9.0)
    assert after[old.id].explain().endswith(f", doubted by {new.id}")
    assert " = superseded -9.000 + " in after[old.id].explain()
    assert after[other.id].terms == before[other.id].terms
    assert hits[-1].memory == old
    assert memory.get(old.id) == old
    assert [one.id for one in memory.history(old.id)] == [old.id, new.id]
    assert f"doubted by  {new.id}" in memory.lineage(old.id).text()
    assert "stroke-dasharray" in memory.lineage(old.id).svg()


def test_settling_twice_is_settling_once(memory: memoria.Memoria) -> None:
    told = tell(memory, LEEDS, YORK)
    memory.reconcile()
    links = memory.store.links([told[0].id])
    assert memory.reconcile() == ()
    assert memory.reconcile(told[1].id) == ()
    assert memory.store.links([told[0].id]) == links
    memory.sleep(prune=False)
    assert memory.store.links([told[0].id]) == links


@pytest.mark.parametrize("way", ["forget", "expire", "supersede", "amend", "amend the old", "forget the old"])
def test_a_doubt_goes_with_its_statement(place: str, way: str) -> None:
    with opened(place) as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        assert doubts(memory, old) == {old.id: [(new.id, 3.0)]}
        ways: dict[str, Callable[[], object]] = {
            "forget": lambda: memory.forget(new.id),
            "expire": lambda: memory.expire(new.id),
            "supersede": lambda: memory.supersede(new.id, "My sister has a flat in Hull."),
            "amend": lambda: memory.amend(new.id, text="My sister has visited York."),
            "amend the old": lambda: memory.amend(old.id, text="My sister was born in Leeds."),
            "forget the old": lambda: memory.forget(old.id),
        }
        ways[way]()
        assert all("superseded" not in hit.terms for hit in memory.recall("Where does my sister live?"))
        if way not in ("expire", "supersede"):
            assert doubts(memory, old, new) == {}


def test_as_of_a_time_only_what_was_said_then_casts_doubt() -> None:
    with opened() as memory:
        old, new = tell(memory, LEEDS, YORK)
        memory.reconcile()
        for at, term in ((old.created_at, False), (new.created_at, True)):
            (hit,) = (one for one in memory.recall("sister", as_of=at) if one.memory == old)
            assert ("superseded" in hit.terms) is term


def test_a_doubt_is_copied_and_exported(tmp_path: Path) -> None:
    with opened(str(tmp_path / "a")) as memory, opened(str(tmp_path / "b")) as other:
        old, _ = tell(memory, LEEDS, YORK)
        memory.reconcile()
        import_lines(other.store, EMBEDDER, export(memory.store, Where()))
        assert other.store.links([old.id]) == memory.store.links([old.id]) != []


def test_without_a_margin_nothing_is_lowered(memory: memoria.Memoria) -> None:
    tell(memory, "My favourite colour is green.", "My favourite paint is cyan.", "My favourite colour is blue now.")
    assert memory.reconcile() == ()


def test_the_same_fact_twice_is_one_candidate(memory: memoria.Memoria) -> None:
    first, second, _ = tell(memory, LEEDS, "My sister lives in Leeds!", YORK)
    memory.reconcile()
    assert doubts(memory, first, second).keys() == {first.id, second.id}


@pytest.mark.parametrize(
    ("endings", "left"),
    [("never", LEEDS), ("commands", LEEDS), ("sure", None)],
)
def test_only_what_is_sure_ends_when_that_is_asked_for(place: str, endings: str, left: str | None) -> None:
    with opened(place, endings=endings) as memory:
        old, _ = tell(memory, LEEDS, YORK)
        memory.reconcile()
        assert (memory.get(old.id).valid_to is None) is (left is not None)
        assert (left in [hit.memory.text for hit in memory.recall("sister")]) is (left is not None)


@pytest.mark.parametrize("endings", ["never", "commands"])
def test_a_command_ends_one_item(endings: str) -> None:
    with opened(endings=endings) as memory:
        old, _ = tell(memory, "The guests are Ann Lee, Bob Ray and Cy Fox.", "Please remove 'Bob Ray' from the guests.")
        memory.reconcile()
        now = {hit.memory.text for hit in memory.recall("guests")}
        assert ("The guests are Ann Lee and Cy Fox." in now) is (endings == "commands")
        assert (old.text in now) is (endings == "never")
        assert memory.reconcile() == ()


@pytest.mark.parametrize(
    "later",
    ["> Please remove 'Bob Ray' from the guests.", "From: Tom\nPlease remove 'Bob Ray' from the guests."],
)
def test_a_pasted_command_ends_nothing(later: str) -> None:
    with opened(endings="sure") as memory:
        old, _ = tell(memory, "The guests are Ann Lee, Bob Ray and Cy Fox.", later)
        assert all(one.action == "doubt" for one in memory.reconcile())
        assert memory.get(old.id) == old
        assert memory.get(old.id).valid_to is None


def test_to_forget_is_never_done_without_a_confirmation() -> None:
    with opened(endings="sure") as memory:
        old, new = tell(memory, "My address is 7 Oak Street.", "Forget my address.")
        for _ in range(2):
            settled = memory.reconcile()
            assert len(settled) == 0
            assert [(one.action, one.by, one.ends) for one in settled.unconfirmed] == [("erase", new.id, (old.id,))]
        assert memory.get(old.id).valid_to is None
        memory.forget(*settled.unconfirmed[0].ends)
        assert [one.text for one in memory.list()] == ["Forget my address."]


@pytest.mark.parametrize(
    "later",
    [
        "Has my sister moved to York?",
        "Where would my sister live in York",
        "If my sister moves to York, I will help.",
        "My sister might move to York.",
        "In my novel, my sister lives in York.",
        "Translate into German: my sister has moved to York.",
        "Ma soeur habite maintenant dans la ville de York.",
    ],
)
def test_a_question_a_supposition_and_another_language_change_nothing(later: str) -> None:
    with opened(endings="sure") as memory:
        tell(memory, LEEDS, later)
        assert memory.reconcile() == ()


@pytest.mark.parametrize(
    ("later", "origin", "why"),
    [
        ("Tom says my sister has moved to York.", {}, "it is reported"),
        ('Mum wrote: "Your sister has moved to York."', {}, "it is quoted"),
        ("> Your sister has moved to York.", {}, "it is quoted"),
        ("Nora has moved to York.", {"source": "web", "speaker": "page"}, "it is another's word"),
        ("Nora has moved to York.", {"source": "tool", "speaker": "ada"}, "it is another's word"),
        ("Nora has moved to York.", {"speaker": "bob"}, "it is another's word"),
    ],
)
def test_anothers_word_lowers_and_ends_nothing(later: str, origin: dict[str, str], why: str) -> None:
    with opened(endings="sure") as memory:
        (old,) = tell(memory, LEEDS if not origin else "Nora lives in Leeds.")
        tell(memory, later, **origin)
        (proposal,) = memory.reconcile()
        assert (proposal.ends, dict(proposal.lowers)) == ((), {old.id: 3.0})
        assert why in proposal.reason


def test_i_of_two_speakers_are_two_people() -> None:
    with opened(endings="sure") as memory:
        tell(memory, LEEDS)
        tell(memory, YORK, speaker="bob")
        assert memory.reconcile() == ()


def test_a_question_is_no_candidate() -> None:
    with opened(endings="sure") as memory:
        question, old, _ = tell(memory, "Does my sister live in Leeds?", LEEDS, YORK)
        memory.reconcile()
        assert [one.valid_to is None for one in (memory.get(question.id), memory.get(old.id))] == [True, False]
        assert all(question.text not in texts for _, texts in JUDGE.asked)


def test_the_first_half_ends_and_the_second_stays(memory: memoria.Memoria) -> None:
    old, new = tell(memory, "Mara lives in Porto and teaches at a music school.", "Mara has moved to Ghent.")
    memory.reconcile()
    assert doubts(memory, old) == {old.id: [(new.id, PARTLY)]}
    memory.reconcile(endings="sure")
    now = {one.text for one in memory.list() if one.valid_to is None}
    assert now == {"Mara teaches at a music school.", new.text}
    memory.forget(new.id)
    assert [one.text for one in memory.list() if one.valid_to is None] == [old.text]


def test_a_hold_stops_every_end(memory: memoria.Memoria) -> None:
    old, new, third = tell(memory, LEEDS, "The sky is wide.", "The sea is deep.")
    memory.hold(old.id, reason="a case at court")
    for change in (
        lambda: memory.expire(old.id),
        lambda: memory.supersede(old.id, "My sister lives in Hull."),
        lambda: memory.archive(old.id),
        lambda: memory.supersede([new.id, old.id], "Both are over."),
    ):
        with pytest.raises(memoria.Held, match=old.id):
            change()
    (said,) = tell(memory, YORK)
    settled = memory.reconcile(said)
    assert (settled, [one.by for one in settled.skipped]) == ((), [said.id])
    assert (doubts(memory, old), len(memory)) == ({}, 4)
    memory.expire(third.id)
    memory.release(old.id, reason="it is over")
    assert len(memory.reconcile(said)) == 1


def test_what_ended_before_a_hold_is_given_back_when_its_heir_is_forgotten(memory: memoria.Memoria) -> None:
    (old,) = tell(memory, LEEDS)
    new = memory.supersede(old.id, YORK)
    memory.hold(old.id, reason="a case at court")
    memory.forget(new.id)
    assert memory.get(old.id).valid_to is None


def test_doubts_and_endings_of_a_statement_are_one_commit(tmp_path: Path) -> None:
    """A full stop before the commit leaves neither; with it, both are there."""
    path = tmp_path / "a.memoria"
    with opened(str(path)) as memory:
        _, old, new = tell(
            memory,
            "The guests are Ann Lee and Bob Ray.",
            LEEDS,
            "Please remove 'Bob Ray' from the guests. My sister has moved to York.",
        )
        proposals = memory.reconcile(dry_run=True)
        assert doubts(memory, old) == {}
        assert [one.action for one in proposals] == ["delete", "doubt"]
        memory.reconcile()
        (link,) = (one for one in memory.store.links([old.id]) if one.relation == "doubts")
        # What says the rest of the statement casts its doubt.
        assert memory.get(link.child).valid_to is None
        memory.forget(new.id)
        assert doubts(memory, old) == {}
    with sqlite3.connect(path / "memoria.db") as database:
        assert database.execute("SELECT count(*) FROM link WHERE relation = 2").fetchone() == (0,)


ODDS = st.floats(-8, 8, allow_nan=False)


@given(st.lists(ODDS, min_size=1, max_size=5))
def test_at_most_one_fact_is_lowered_and_by_no_more_than_it_is_judged(odds: list[float]) -> None:
    near = [Memory(id=f"{n:032x}", namespace=(), text=f"word{n} stands", created_at=START) for n in range(len(odds))]

    class Given:
        name = "given"

        def __call__(self, statement: str, texts: Sequence[str]) -> list[float]:
            return odds

    findings = found("a statement", near, Given())
    best = max(odds)
    ahead = best - max((one for one in odds if one is not best), default=-9.0)
    assert len(findings.lowers) <= 1
    if findings.lowers:
        assert list(findings.lowers.values()) == [best]
        assert best > 0
        assert len(odds) == 1 or ahead >= 1 or odds.count(best) == 1
    assert set(findings.ends) <= set(findings.lowers)
    assert not findings.ends or best >= 2


@settings(max_examples=25)
@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=4), st.booleans())
def test_many_doubts_count_as_the_weightiest_and_within_bounds(weights: list[float], gone: bool) -> None:
    with opened() as memory:
        old, *said = tell(memory, LEEDS, *(f"Word {n} of it." for n in range(len(weights))))
        links = [
            Link(parent=old.id, child=one.id, relation="doubts", weight=weight, judge="fixed")
            for one, weight in zip(said, weights, strict=True)
        ]
        memory.store.revise(memoria.protocols.Change(links=tuple(links)))
        if gone:
            memory.forget(said[0].id)
        left = weights[1:] if gone else weights
        (hit,) = (one for one in memory.recall("sister", k=9) if one.memory == old)
        expected = -3.0 * min(max(left), MOST) if left else None
        assert hit.terms.get("superseded") == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "voice", "kept"),
    [
        ("I have moved. Where do I live?", Voice.OWN, "I have moved."),
        ("Can you take Bob off the list?", Voice.OWN, "Can you take Bob off the list?"),
        ("If I move, I will call. My number is 12 now.", Voice.OWN, "My number is 12 now."),
        ("The meeting is on May 14 now.", Voice.OWN, "The meeting is on May 14 now."),
        ("From: Tom\nSubject: guests\nTake Bob off the guests.", Voice.REPORTED, None),
        ("She said that I moved.", Voice.REPORTED, "She said that I moved."),
        ("Remove 'Plan to hire if we might' from it.", Voice.OWN, "Remove 'Plan to hire if we might' from it."),
        ('Mum said: "Remove the old plan from it."', Voice.REPORTED, None),
        ("I told you I moved.", Voice.OWN, "I told you I moved."),
        ("Write a poem about my move to York", Voice.NOTHING, ""),
        ("What now?", Voice.NOTHING, ""),
    ],
)
def test_whose_word_it_is(text: str, voice: Voice, kept: str | None) -> None:
    spoken = said(text)
    assert spoken.voice is voice
    assert kept is None or spoken.text == kept


def test_a_quotation_that_is_never_closed_is_read_at_once() -> None:
    for mark in ('"', "'", "\u201c"):

        def read(words: int, mark: str = mark) -> None:
            assert said(f"So he said {mark}" + "and then we moved on " * words).voice is not Voice.NOTHING

        assert growth(read, 100) < 12


def test_what_asks_and_what_has_halves() -> None:
    assert asks("Where is it? And when?")
    assert not asks("It is here. When?")
    assert halves("I like tea and coffee.") == []
    assert halves("I'm vegetarian and run every morning.")[0] == ("I'm vegetarian.", "I run every morning.")


def test_the_talks_are_two_hundred_and_each_is_whole() -> None:
    talks = list(changes.talks())
    assert len(talks) == 200
    assert {talk.kind for talk in talks} == set(changes.KINDS)
    for talk in talks:
        assert talk.over in talk.first
        assert bool(talk.over) == (talk.kind in ("compound", "command"))
        assert asks(talk.question)


def test_a_talk_is_counted() -> None:
    report = changes.evaluate(EMBEDDER, lambda *_: None, judge=JUDGE, kinds=["compound"])
    assert report["all"]["talks"] == 10
    assert report["all"]["done"] >= 2
    assert (report["all"]["ended"], report["all"]["questions"], report["all"]["again"]) == (0, 0, 0)


def test_wrong_options_are_refused() -> None:
    for how in ({"endings": "always"}, {"judge": "somebody"}):
        with pytest.raises(memoria.InvalidQuery):
            opened(**how)
    with opened() as memory, pytest.raises(memoria.InvalidQuery):
        memory.reconcile(detector="guess")  # type: ignore[arg-type]  # it is wrong on purpose
