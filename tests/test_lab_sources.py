"""Sources of the policy lab, from small files made here of which everything is known."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config

import memoria
from memoria.evaluation.lab import grid, metrics, recorded, settling
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.lab.events import AVOID, END, NEED, REMEMBER, Events
from memoria.evaluation.lab.oracle import bound
from memoria.evaluation.lab.simulate import simulate
from memoria.evaluation.lab.sources import Source, named, source
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.remember import Draft

# What is said in each session of the week, and by whom; marked ones are shared by the user.
WEEK = [
    [("ai_agent", "What did you drink?", False), ("user_agent", "I drank coffee at Nero for 3 dollars.", True)],
    [("user_agent", "Another coffee, at Rosso in Bergen, cost 4 dollars.", True), ("ai_agent", "Nice coffee.", False)],
    [("user_agent", "My favourite is opera.", True)],
    [("user_agent", "I no longer care for opera.", True), ("user_agent", "Hm.", False)],
]
QUESTIONS: list[dict[str, Any]] = [
    {
        "persona": "p",
        "task": "reasoning",
        "question": "What did the second coffee cost?",
        "memory_evidence": {"drinks": [{"value": "coffee", "session_id": 2}]},
        "forgetting_evidence": {"forgotten_items": [{"value": "opera", "session_id": 4}]},
    },
    {
        "persona": "p",
        "task": "remembering",
        "question": "Where was I?",
        "memory_evidence": {"places": [{"value": "Nero", "session_id": 1}, {"value": "Rosso", "session_id": 2}]},
    },
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A week of Memora in its format."""
    path = tmp_path / "week"
    path.mkdir()
    sessions = [
        {
            "session_id": number,
            "date": f"2025-06-0{number}",
            "persona": "p",
            "conversation": [
                {"turn": at, "speaker": who, "message": text, "share_memory": shared}
                for at, (who, text, shared) in enumerate(turns, 1)
            ],
        }
        for number, turns in enumerate(WEEK, 1)
    ]
    with gzip.open(path / "weekly_sessions.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in sessions)
    (path / "weekly_questions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in QUESTIONS))
    return path


def realmem(path: Path) -> Path:
    """Facts of two personas, and messages sent when 2 and 3, and when 4 of them were known."""
    lines: list[dict[str, Any]] = []
    for name, known in (("ann lee", (2, 3)), ("bo", (4,))):
        texts = [f"{name} has fact number {n} about Oslo and 1{n} boats." for n in range(4)]
        lines += [
            {"kind": "memory", "persona": name, "id": str(n), "text": text, "at": "2025-12-01", "session": "s"}
            for n, text in enumerate(texts)
        ]
        lines += [
            {
                "kind": "query", "persona": name, "text": "Tell me.", "at": "2025-12-02", "known": many,
                "evidence": [str(many - 1)], "category": "Recall",
            }
            for many in known
        ]  # fmt: skip
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in lines)
    return path


def only(text: str) -> Events:
    (events,) = source(text, [0]).traces.values()
    return events


def needed(events: Events) -> list[list[int]]:
    """For each fact that is needed, the items that supply it."""
    return [
        sorted(events.item[(events.kind == NEED) & (events.fact == fact)].tolist()) for fact in range(events.needed)
    ]


def test_evidence_of_memora_is_what_was_said_in_the_session_that_it_names(folder: Path) -> None:
    """ "coffee" stands in two statements, and the question is about one."""
    strict, by_value = only(str(folder)), only(f"{folder}:evidence=value")
    assert (strict.items, by_value.items) == (4, 4)
    assert needed(strict) == [[1], [0], [1]]
    assert needed(by_value) == [[0, 1], [0], [1]]
    # Each fact by session lies within one by value: nothing is needed that does not hold the value.
    assert all(set(one) <= set(other) for one, other in zip(needed(strict), needed(by_value), strict=True))
    assert strict.item[strict.kind == AVOID].tolist() == [2]
    assert only(f"{folder}:evidence=session").digest() == strict.digest()


def test_every_turn_is_stored_where_the_whole_is_asked_for(folder: Path) -> None:
    events = only(f"{folder}:whole=true")
    assert (events.kind == REMEMBER).sum() == sum(map(len, WEEK)) == 7
    assert needed(events) == [[2], [1], [2]]
    # What an assistant said again is no evidence by session, and is by value.
    assert needed(only(f"{folder}:whole=true,evidence=value"))[0] == [1, 2, 3]


def test_what_a_turn_says_is_over_ends_when_it_is_said(folder: Path) -> None:
    """And goes first for a contender that knows; without `settled`, nothing ends."""
    assert (only(str(folder)).kind != END).all()
    events = only(f"{folder}:settled=true")
    (at,) = np.flatnonzero(events.kind == END)
    assert events.item[at] == 2
    assert (events.kind[at - 1], events.item[at - 1]) == (REMEMBER, 3)
    talk = Conversation(
        name="t",
        drafts=tuple(Draft(text=text) for text in ("I own a boat.", "I like tea.", "I no longer like tea.", "I ski.")),
        asked=(Asked(text="?", category="c", relevant=(frozenset({0}),), stale=(frozenset({1}),)),),
        until=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert settling.ended([talk, replace(talk, drafts=talk.drafts[:2])], ["t", "t"]) == [{2: [1]}, {}]
    (events,) = recorded.conversations([talk], settled=True)
    for name, kept, stale in (("fifo", 0, 1), ("fifo+ended-first", 1, 0), ("fifo+supersede", 1, 0)):
        found = metrics.measure(events, simulate(events, contender(name), 3))
        assert (found["recall"], found["stale"]) == (kept, stale)
    assert bound(events, 3).recall == 1


def test_one_kind_of_question_alone(folder: Path) -> None:
    assert needed(only(f"{folder}:task=reasoning")) == [[1]]
    assert needed(only(f"{folder}:task=remembering")) == [[0], [1]]
    with pytest.raises(memoria.InvalidInput, match="'cooking' is not one of reasoning, remembering"):
        source(f"{folder}:task=cooking", [0])


def test_moments_of_a_persona_are_one_witness(tmp_path: Path) -> None:
    path = realmem(tmp_path / "facts.jsonl.gz")
    found = source(str(path), [0])
    assert found.label == "facts"
    assert {name: (one.items, needed(one)) for name, one in found.traces.items()} == {
        "ann lee 2": (2, [[1]]),
        "ann lee 3": (3, [[2]]),
        "bo 4": (4, [[3]]),
    }
    assert found.units == {"ann lee 2": "ann lee", "ann lee 3": "ann lee", "bo 4": "bo"}
    assert list(source(f"{path}:every=2", [0]).traces) == ["ann lee 2", "bo 4"]
    assert [one.name for one in found.files] == ["facts.jsonl.gz"]
    for salience in ("fitted", "text"):
        judged = source(f"{path}:salience={salience}", [0])
        assert "fitted on" in judged.note
        early, late = (judged.traces[f"ann lee {n}"].salience for n in (2, 3))
        assert late[:2].tolist() == early.tolist()


def test_salience_of_one_source_is_learnt_from_others(folder: Path, tmp_path: Path) -> None:
    """The files that it was learnt from are named with their hashes, and no folder is."""
    path = realmem(tmp_path / "facts.jsonl.gz")
    for salience in ("text", "fitted"):
        found = source(f"{folder}:salience={salience}:{path}", [0])
        assert found.label == f"week:salience={salience}:facts"
        assert found.note == ""
        assert [one.name for one in found.files] == [
            *("weekly_questions.jsonl", "weekly_sessions.jsonl.gz", "facts.jsonl.gz")
        ]
        (events,) = found.traces.values()
        assert len(set(events.salience.tolist())) > 1
        assert (
            source(f"{path}:salience={salience}:{folder}+{path}", [0]).label == f"facts:salience={salience}:week+facts"
        )
    with pytest.raises(memoria.InvalidInput, match=r"nowhere\.json, which does not exist"):
        source(f"{folder}:salience=fitted:{tmp_path / 'nowhere.json'}", [0])


def test_a_command_on_the_page_holds_no_folder_of_the_machine() -> None:
    text = "/home/ann/talks.json:recalls=3,salience=text:/home/ann/memora+/srv/more.jsonl.gz"
    assert named(text) == "talks.json:recalls=3,salience=text:memora+more.jsonl.gz"
    assert named("recency") == "recency"
    assert named("/srv/a.csv:relearns=true") == "a.csv:relearns=true"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("evidence=words", "'words' is not one of session, value"),
        ("whole=3", "whole 3"),
        ("settled=1", "settled 1 is not true or false"),
        ("every=2", "parameters of .* are recalls, salience, task, settled, evidence, whole"),
        ("salience=length:x", "salience 'length'|does not exist"),
        ("recalls=-1", "recalls -1 is not"),
        ("recalls=few", "recalls 'few' is not"),
        ("salience=3", "salience '3'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(folder: Path, given: str, rule: str) -> None:
    with pytest.raises(memoria.InvalidInput, match=rule):
        source(f"{folder}:{given}", [0])


@pytest.mark.parametrize("every", ["0", "-1", "1.5", "true"])
def test_a_stride_is_a_whole_number(tmp_path: Path, every: str) -> None:
    path = realmem(tmp_path / "facts.jsonl.gz")
    with pytest.raises(memoria.InvalidInput, match="whole number above 0"):
        source(f"{path}:every={every}", [0])


def chances(n: int, kept: int, holders: int) -> float:
    """That any of so many turns, none of them the last, is kept: the last one is, and of others kept - 1, by chance."""
    return 1 - comb(n - 1 - holders, kept - 1) / comb(n - 1, kept - 1)


def test_chance_is_drawn_often_enough_to_be_chance(tmp_path: Path) -> None:
    """The mean over draws is what can be computed, for facts of one holder and of many; a single draw is not."""
    asked = [frozenset(range(3, 3 + 2 * many, 2)) for many in (1, 2, 4, 12)]
    questions = tuple(Asked(text="?", category="c", relevant=(some,)) for some in asked)
    talks = []
    for number in range(1, 9):
        at = datetime(2026, 1, number, tzinfo=UTC)
        drafts = tuple(Draft(text=f"turn {n}", created_at=at) for n in range(40))
        talks.append(Conversation(name=str(number), drafts=drafts, asked=questions, until=at))
    traces = {one.name: one for one in recorded.conversations(talks)}
    with parallel_config("threading", n_jobs=1):
        cells = grid.run([Source(label="s", traces=traces)], [contender("random")], [0.25], tmp_path, lambda *at: None)
    found = [one.figures["recall"] for one in cells if one.contender == "random"]
    expected = np.mean([chances(40, 10, len(some)) for some in asked])
    assert np.mean(found) == pytest.approx(expected, abs=0.02)
    assert np.std(found) < 0.06
    assert (np.array(found) * grid.DRAWS * len(asked)).tolist() == pytest.approx(
        (np.array(found) * grid.DRAWS * len(asked)).round().tolist()
    )
