"""What is left of a reworded memory keeps its place in the talk; what is taken out of a list leaves a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Draft, Memory, Provenance
from memoria.english.detect import by_commands
from memoria.identity import IdSource
from memoria.testing import HashEmbedder
from memoria.text.conversation import Conversation, seat
from memoria.types import Hit

START = datetime(2026, 3, 2, tzinfo=UTC)
TICK = timedelta(microseconds=1)
IDS = IdSource()
ADA = Provenance(source="chat", speaker="ada", session="s")
LIST = "The guests are Ann Lee, Bob Ray and Cy Fox."
TALK = (
    "We plan the harbour party for Saturday.",
    "The music is by the brass band.",
    LIST,
    "The food comes from the bakery by the bridge.",
    "My cousin brings the lanterns.",
)


def turn(text: str, at: datetime = START, of: Memory | None = None) -> Memory:
    """A turn, or what it was reworded to."""
    if of is None:
        return Memory(id=IDS.new(at), namespace=(), text=text, created_at=at, provenance=ADA)
    at = of.created_at + TICK
    origin = Provenance(speaker="ada", session="s", derived_from=(of.id, IDS.new(START)))
    valid = START + timedelta(days=1)
    return Memory(id=IDS.new(at), namespace=(), text=text, created_at=at, valid_from=valid, provenance=origin)


def test_a_rewording_has_the_seat_of_the_turn() -> None:
    # All turns of one moment, as when a talk is brought in: the id of the rewording is after those of all of them.
    a, b, c = (turn(text) for text in "abc")
    other = turn("B", of=b)
    again = turn("BB", of=other)
    assert (seat(b), seat(other)) == (b.id, b.id)
    talk = Conversation()
    for doc, memory in enumerate([a, b, c, other]):
        talk.add(doc, memory)
    docs = np.arange(4)
    assert talk.neighbours(docs, -1).tolist() == [-1, 0, 3, 0]
    assert talk.neighbours(docs, 1).tolist() == [3, 2, -1, 2]
    assert talk.neighbours(docs, 2).tolist() == [2, -1, -1, -1]
    # What was made from a turn of another moment, or holds from the start, has a place of its own.
    assert seat(again) == other.id
    note = Provenance(speaker="ada", session="s", derived_from=(a.id,))
    for made in (
        Memory(id=IDS.new(START + timedelta(hours=1)), namespace=(), text="x", created_at=START, provenance=note),
        Memory(id=IDS.new(START), namespace=(), text="x", created_at=START, provenance=note),
    ):
        assert seat(made) == made.id


@settings(max_examples=60)
@given(st.data())
def test_the_order_of_coming_and_going_leaves_no_trace(data: st.DataObject) -> None:
    turns = [turn(str(n), START + timedelta(seconds=n // 2)) for n in range(6)]
    made = [turn("r", of=turns[n]) for n in data.draw(st.lists(st.integers(0, 5), max_size=4))]
    named = dict(enumerate([*turns, *made]))
    gone = data.draw(st.sets(st.sampled_from(sorted(named))))
    talk, fresh = Conversation(), Conversation()
    for doc in data.draw(st.permutations(sorted(named))):
        talk.add(doc, named[doc])
    for doc in data.draw(st.permutations(sorted(gone))):
        talk.remove(doc)
    for doc in sorted(named.keys() - gone):
        fresh.add(doc, named[doc])
    assert talk.state(str) == fresh.state(str)


def terms(hits: Sequence[Hit], text: str) -> dict[str, float]:
    (found,) = (dict(hit.terms) for hit in hits if hit.memory.text == text)
    return found


@pytest.fixture(params=["local", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("database")) if request.param == "postgres" else ":memory:"


def test_turns_beside_a_reworded_one_keep_their_terms(place: str) -> None:
    now = START + timedelta(days=9)
    with memoria.open(place, embedder=HashEmbedder(32), clock=lambda: now, reinforce="never") as memory:
        memory.remember_many([Draft(text=text, created_at=START, provenance=ADA) for text in TALK])
        asked = "Which brass band plays at the harbour party, and what about the lanterns and the bakery?"
        before = memory.recall(asked)
        told = memory.remember("Please remove 'Cy Fox' from the guests.", created_at=START + timedelta(days=1))
        (done,) = memory.reconcile(told.id)
        ((_, left),) = done.amends
        assert left == "The guests are Ann Lee and Bob Ray."
        after = memory.recall(asked)
        around = ("near words", "far words")
        for text, there in ((TALK[1], TALK[1]), (TALK[3], TALK[3]), (TALK[4], TALK[4]), (LIST, left)):
            assert [terms(after, there)[one] for one in around] == pytest.approx(
                [terms(before, text)[one] for one in around], abs=0.25
            )
        assert terms(before, LIST)["far words"] > 0.5


@pytest.mark.parametrize(
    ("text", "command", "left"),
    [
        (LIST, "Please remove 'Cy Fox' from the guests.", "The guests are Ann Lee and Bob Ray."),
        (LIST, "Please remove 'Ann Lee' from the guests.", "The guests are Bob Ray and Cy Fox."),
        ("I like chess, tennis or golf.", "Please remove golf from the list.", "I like chess or tennis."),
        ("Today, I saw a heron and an otter.", "Please remove the otter from the list.", "Today, I saw a heron."),
        (
            "I met Ann Lee, a nurse and a singer.",
            "Please remove the singer from the list.",
            "I met Ann Lee, a nurse.",
        ),
        (
            "The guests are Ann Lee, Bob Ray, Di Orr, and Cy Fox.",
            "Please remove 'Cy Fox' from the guests.",
            "The guests are Ann Lee, Bob Ray and Di Orr.",
        ),
        (
            "It goes to the treasurer, the head of sales, and our chief counsel.",
            "Please remove 'Chief Counsel' from the recipients.",
            "It goes to the treasurer, the head of sales.",
        ),
        (
            "Today, I saw a heron, a kite and an otter.",
            "Please remove the otter from the list.",
            "Today, I saw a heron and a kite.",
        ),
        (
            "The guests are the Head of Sales, Northern Division, and Cy Fox.",
            "Please remove 'Cy Fox' from the guests.",
            "The guests are the Head of Sales, Northern Division.",
        ),
        (
            "The papers for this report include a final report on the tides, two maps and a glossary.",
            "Please remove 'Final report on the tides' from the papers.",
            "The papers for this report include two maps and a glossary.",
        ),
    ],
)
def test_what_is_left_of_a_list_is_a_sentence(text: str, command: str, left: str) -> None:
    statement = turn(command, START + timedelta(hours=1))
    (proposal,) = by_commands(statement, [turn(text)])
    assert [said for _, said in proposal.amends] == [left]
