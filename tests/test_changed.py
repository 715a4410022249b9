"""A statement that says itself that something changed lowers sooner; one that adds lowers nothing; a list, a little."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

import memoria
from memoria import Memory
from memoria.change.doubt import PARTLY, SURE, found
from memoria.english.changed import adds, says_changed
from memoria.english.excise import named_items
from memoria.english.voice import Voice, said
from memoria.testing import HashEmbedder
from tests.waiting import growth

START = datetime(2026, 3, 2, tzinfo=UTC)


class Given:
    """A judge of these numbers, one for each text, whatever it is."""

    name = "given"

    def __init__(self, *odds: float) -> None:
        self.odds = list(odds)

    def __call__(self, statement: str, texts: Sequence[str]) -> list[float]:
        return self.odds[: len(texts)]


def near(*texts: str) -> list[Memory]:
    return [Memory(id=f"{n:032x}", namespace=(), text=text, created_at=START) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("I used to love the opera, but it bores me.", True),
        ("She no longer works at the mill.", True),
        ("We don't go there anymore.", True),
        ("I've changed my mind about the tent.", True),
        ("My tastes have shifted.", True),
        ("I've really come to like him.", True),
        ("Please update the budget from $3 to $4.", True),
        ("I finished the tax return.", True),
        ("Tea instead of coffee for me, please.", True),
        ("I am used to the cold by now.", False),
        ("I quit the choir.", True),
        ("Thanks, I won't quit, and don't you ever quit.", False),
        ("I love the opera.", False),
        ("My sister lives in Leeds.", False),
        ("The concert is on Friday.", False),
        ("We met Ann at the mill and had soup.", False),
    ],
)
def test_what_says_itself_that_something_changed(text: str, changed: bool) -> None:
    assert says_changed(text) is changed


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("Please add Ann Lee to the guests.", True),
        ("Yes, please update the list to include 'Head of Sales'.", True),
        ("Please add Ann Lee to the guests. I moved to Ghent.", False),
        ("Please take Ann Lee off the guests.", False),
        ("I moved to Ghent.", False),
    ],
)
def test_what_only_adds(text: str, only: bool) -> None:
    assert adds(text) is only


def test_a_statement_that_says_it_changed_lowers_from_even_odds_on() -> None:
    before = near("I love the opera.", "My sister sings in a choir.")
    assert found("I used to love the opera.", before, Given(0.4, -3.0)).lowers == {before[0].id: SURE}
    assert found("I used to love the opera.", before, Given(-0.1, -3.0)).lowers == {}
    assert found("I used to love the opera.", before, Given(0.4, -0.5)).lowers == {}
    assert found("The opera is dull.", before, Given(2.0, -3.0)).lowers == {}
    # What is only likely is lowered, and never ended.
    assert found("I used to love the opera.", before, Given(0.4, -3.0)).ends == ()
    assert found("I used to love the opera.", before, Given(2.5, -3.0)).ends == (before[0].id,)


def test_all_that_is_about_the_same_thing_is_lowered() -> None:
    before = near("I really like modern poetry.", "Modern poetry is so rich to me.", "My sister sings in a choir.")
    findings = found("I used to like modern poetry, but not any more.", before, Given(3.0, 1.0, -3.0))
    assert findings.lowers == {before[0].id: 3.0, before[1].id: SURE}
    assert findings.ends == (before[0].id,)
    # Another thing, or another number, is no such.
    other = near("I really like modern poetry.", "I like to cook.", "My sister sings in a choir.")
    assert found("I used to like modern poetry.", other, Given(3.0, 2.5, -3.0)).lowers == {}
    sums = near("The budget is $500.", "The budget is $900.")
    assert found("Please update the budget from $500 to $600.", sums, Given(3.0, 2.5)).lowers == {}


def test_a_list_is_lowered_a_little_and_never_ended() -> None:
    before = near("I like the poets Ann Lee, Bob Ray and Cy Fox.", "My sister sings in a choir.")
    findings = found("I no longer like Bob Ray.", before, Given(3.0, -3.0))
    assert findings.lowers == {before[0].id: PARTLY}
    assert (findings.ends, findings.amends) == ((), {})
    assert found("I no longer like poets.", before[:1], Given(3.0)).lowers == {before[0].id: 3.0}
    assert named_items("We met Ann Lee and Bob Ray.") == ["Ann Lee", "Bob Ray"]
    assert named_items("I like Ann Lee, but she is away.") == []


@pytest.mark.parametrize(
    ("said", "lowers"), [("Please add Cy Fox to the guests.", 0), ("The guests are Cy Fox and Di Orr.", 1)]
)
def test_what_only_adds_is_not_judged(said: str, lowers: int) -> None:
    with memoria.open(":memory:", embedder=HashEmbedder(32), judge=Given(4.0)) as memory:
        memory.remember("The guests are Ann Lee and Bob Ray.")
        assert len(memory.reconcile(memory.remember(said))) == lowers


def test_a_mark_that_nothing_closes_is_read_at_once() -> None:
    words = "It is a real and inspiring true story about a girl and what her family makes of it. "
    for mark in ('"', "'"):

        def read(times: int, mark: str = mark) -> None:
            text = f"I loved {mark}Becoming Nicole{mark} by Amy Ellis Nutt. {mark}{words * times}"
            assert said(text).voice is Voice.OWN

        assert growth(read, 20) < 12
    assert said('Tom wrote: "I have moved to the old mill".').text == 'Tom wrote: "I have moved to the old mill".'
