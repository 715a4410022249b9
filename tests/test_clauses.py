"""The clause reader: who does what to what, when and where; and the questions that ask for each side."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoria.english.clauses import clauses
from memoria.english.questions import asked_of, examples
from memoria.english.wants import of_oneself
from memoria.types import Memory


def memory(text: str, subject: str | None = None) -> Memory:
    return Memory(
        id="0" * 32, namespace=("a",), text=text, created_at=datetime(2026, 1, 1, tzinfo=UTC), subject=subject
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ada moved north when the factory closed.", [("Ada", "moved", "north"), ("the factory", "closed", "")]),
        ("My sister Eva works in Lund.", [("My sister Eva", "works", "")]),
        ("We haven't seen Bob since Christmas.", [("We", "haven't seen", "Bob")]),
        ("I used to work at Norvane, but I left in 2021.", [("I", "used to work", ""), ("I", "left", "")]),
        ("I bought a red bike and sold the old one.", [("I", "bought", "a red bike"), ("I", "sold", "the old one")]),
        ("I watched 'Lost and Found' and loved it!", [("I", "watched", "'Lost and Found'"), ("I", "loved", "it")]),
        ("I don't eat meat because it makes me sick.", [("I", "don't eat", "meat"), ("it", "makes", "me sick")]),
        ("Bob will bring the wine.", [("Bob", "will bring", "the wine")]),
        ("Thanks, that's great!", []),
        ("xyz", []),
        ("", []),
    ],
)
def test_clauses_have_subject_verb_and_object(text: str, found: list[tuple[str, str, str]]) -> None:
    assert [(one.subject, one.verb, one.object) for one in clauses(text)] == found


def test_what_is_time_place_and_complement_is_told_apart() -> None:
    (moved, _) = clauses("I moved to Lund in May, and my sister Eva works there.")
    assert (moved.place, moved.time, moved.object) == ("Lund", "in May", "")
    (met,) = clauses("The meeting with Sam was moved to Friday at 10:30.")
    assert (met.subject, met.time) == ("The meeting with Sam", "Friday at 10:30")
    (code,) = clauses("Mira Velasko's locker code is 4821.")
    assert (code.subject, code.verb, code.complement) == ("Mira Velasko's locker code", "is", "4821")


@given(st.text(st.sampled_from("I Ada my the is moved and , . 'm \" to because Lund it's\n\u2019()"), max_size=80))
def test_a_clause_and_every_answer_stand_in_the_text(text: str) -> None:
    flat = " ".join(text.split())
    for one in clauses(text):
        assert one.text in flat
        assert one.sentence in flat
        assert one.subject
        assert one.verb
    if text.strip():
        made = examples(memory(text))
        assert made
        assert all(each.answer in flat or each.answer.rstrip(".") in flat for each in made)


def test_every_clause_of_a_long_memory_is_asked_for_from_its_sides() -> None:
    made = {one.prompt: one.answer for one in examples(memory("I moved to Lund in May. My sister Eva bought a boat."))}
    assert made["When was it that I moved?"] == made["Where was it that I moved?"] == "I moved to Lund in May."
    assert made["Who or what bought a boat?"] == made["What was it that my sister Eva bought?"]
    assert made["What did I say about a boat?"] == "My sister Eva bought a boat."
    assert len(made) == len(examples(memory("I moved to Lund in May. My sister Eva bought a boat.")))


def test_what_a_question_asks_with_is_not_what_it_asks_for() -> None:
    assert asked_of("I forgot which film I told you I like. Which is it?") == {"film"}
    assert asked_of("Could you remind me what Ada's dog is called?") == {"ada", "dog"}


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Which film do I like?", True),
        ("Where is my key?", True),
        ("Name the film I mentioned.", True),
        ("How do I sort a list in Python?", False),
        ("What should I wear in cold weather?", False),
        ("Who wrote Hamlet?", False),
    ],
)
def test_only_its_speaker_can_have_told_what_a_question_about_them_asks(text: str, own: bool) -> None:
    assert of_oneself(text) is own
