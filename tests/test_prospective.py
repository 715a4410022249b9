"""What must not be lost: found in what is said, ranked above all else, and kept under a budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.data import week
from memoria.english.prospective import LONGEST
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.prospective import KINDS, alike, found, kept, staying
from memoria.remember import Draft
from memoria.retention.prospective import FLOOR, prospective, raised
from memoria.retention.salience import Turn, Window
from memoria.testing.embedders import HashEmbedder

WEDNESDAY = date(2026, 3, 4)
DATED = {"appointment", "deadline"}


def test_the_lists_are_200_and_413_in_halves_that_share_nothing() -> None:
    assert (len(kept()), len(alike())) == (200, 413)
    assert {one.kind for one in kept()} == set(KINDS)
    texts = [one.text.casefold() for one in (*kept(), *alike())]
    assert len(set(texts)) == len(texts)
    assert [sum(one.half == "held out" for one in some) for some in (kept(), alike())] == [100, 216]


@pytest.mark.parametrize("day", [WEDNESDAY, date(2025, 12, 30), date(2024, 2, 26)], ids=str)
def test_each_of_the_200_is_found_whatever_the_day(day: date) -> None:
    assert [one.text for one in kept() if not prospective(one.on(day), day)] == []


def test_nearly_all_are_of_the_right_kind_and_none_that_looks_so_is_mistaken() -> None:
    for half in found().values():
        assert half["kind right"] >= 98
        assert half["mistaken"] == 0


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("I have a dentist appointment next Tuesday at 4.", date(2026, 3, 10)),
        ("The interview is on 20 March at half past nine.", date(2026, 3, 20)),
        ("They'll deliver the sofa this Friday between noon and four.", date(2026, 3, 6)),
        ("The race is on the 19th of April.", date(2026, 4, 19)),
        ("My flight leaves on 2 January at 6:40.", date(2027, 1, 2)),
        ("The invoice has to be settled within two weeks.", date(2026, 3, 22)),
        ("I'll bring the cake on Friday.", date(2026, 3, 6)),
        ("Remind me tomorrow to send Ines the slides.", date(2026, 3, 5)),
        ("The plumber comes on Wednesday at eight.", date(2026, 3, 11)),
        ("Tonight at nine there's the call with Auckland.", WEDNESDAY),
        ("Remind me to water the ferns.", None),
        ("I'm allergic to peanuts.", None),
        ("I promised Jonas that I would teach him to swim.", None),
    ],
)
def test_the_day_that_it_is_about(text: str, until: date | None) -> None:
    assert [one.until for one in prospective(text, WEDNESDAY)] == [until]


def test_each_sentence_is_read_by_itself() -> None:
    text = "We had a lovely day at the lake. Oh, and don't forget the candles! I'm allergic to bees, by the way. Bye."
    assert [one.kind for one in prospective(text, WEDNESDAY)] == ["request", "safety"]


@pytest.mark.parametrize(
    ("kinds", "form"),
    [
        (DATED, "{}, but that has been cancelled."),
        (set(KINDS), 'The hero of the film says: "{}"'),
        (set(KINDS), 'On the card of Wren: "{}"'),
        (set(KINDS), "Translate into French: {}"),
        (set(KINDS) - {"request"}, "When did she tell you: {}?"),
    ],
)
def test_what_is_called_off_or_quoted_or_asked_is_none(kinds: set[str], form: str) -> None:
    said = [form.format(one.on(WEDNESDAY).rstrip(".!?")) for one in kept() if one.kind in kinds]
    assert [text for text in said if {one.kind for one in prospective(text, WEDNESDAY)} & kinds] == []


def test_without_a_day_nothing_that_needs_one_is_found() -> None:
    assert not prospective("I have a dentist appointment next Tuesday at 4.")
    assert [one.kind for one in prospective("I'm allergic to peanuts.")] == ["safety"]


def test_what_was_to_come_and_is_past_is_none() -> None:
    text = "The interview is on 6 March 2026 at nine."
    assert prospective(text, WEDNESDAY)
    assert not prospective(text, date(2026, 3, 7))


@pytest.mark.parametrize(
    "text",
    [
        "Ich bin allergisch gegen Erdnüsse und habe am Dienstag einen Termin beim Zahnarzt.",
        "Je suis allergique aux arachides et je dois aller chez le dentiste mardi prochain.",
        "Recuérdame que tengo una cita con el dentista el martes que viene.",
        "Mijn pin is 4471 en die heb ik van de bank.",
        "私はピーナッツのアレルギーがあります。",
    ],
)
def test_other_languages_are_not_read(text: str) -> None:
    assert not prospective(text, WEDNESDAY)


def test_a_document_is_not_read() -> None:
    text = "I'm allergic to peanuts. "
    assert prospective(text * (LONGEST // len(text)), WEDNESDAY)
    assert not prospective(text * (LONGEST // len(text) + 1), WEDNESDAY)


PIECES = st.sampled_from(
    [*(one.text for one in kept()), "\u201c", '"', "\n> ", "On 31 February", "in 9999 years", " \u2014 ", ";"]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=6).map(" ".join), st.dates())
def test_any_text_on_any_day_is_read(text: str, day: date) -> None:
    assert all(one.until is None or one.until >= day for one in prospective(text, day))


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_raised_stays_in_order_above_the_floor(one: float, other: float) -> None:
    some = prospective("I'm allergic to peanuts.")
    assert raised(one, ()) == one
    assert FLOOR <= raised(one, some) <= 1
    if one < other:
        assert raised(one, some) <= raised(other, some)


def test_a_window_raises_what_the_user_says_and_not_what_an_assistant_repeats() -> None:
    window = Window()
    said = Turn(text="Remind me to water the ferns.", speaker="ada", on=WEDNESDAY)
    assert window.judge(said) >= FLOOR
    assert window.judge(replace(said, speaker="assistant")) < FLOOR
    assert window.judge(replace(said, text="I watered the ferns.")) < FLOOR


def _talk() -> Conversation:
    """Ordinary talk: a week of two people, and all that only looks as if it must not be lost."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    drafts = [Draft(text=turn.text, created_at=turn.at) for turn in week()]
    for number, one in enumerate(alike()):
        at = start + timedelta(minutes=20 * number)
        drafts.append(Draft(text=one.on(at.date()), created_at=at))
    asked = (Asked(text="?", category="any", relevant=(frozenset({0}),)),)
    return Conversation(name="talk", drafts=tuple(drafts), asked=asked, until=start)


def test_a_quarter_of_the_memory_keeps_all_200() -> None:
    rows = staying([_talk()], lambda *_: None, seeds=1, shares=(0.25, 0.3))
    # Of this talk a quarter is 232 memories, but of its bytes 215, and the talk itself has 18 that are raised.
    assert {(row["budget"], row["share"]): row["statements"] for row in rows} == {
        ("count", 0.25): 200,
        ("count", 0.3): 200,
        ("bytes", 0.25): 199,
        ("bytes", 0.3): 200,
    }
    assert all(row["statements without"] < 150 for row in rows)
    assert all(0 < row["raised"] < 0.05 for row in rows)


def test_a_date_to_come_counts_by_the_day_on_which_it_was_said() -> None:
    text = "My dentist appointment is on 14 May 2027 at nine."
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        before = memory.remember(text, created_at=datetime(2027, 5, 1, tzinfo=UTC))
        after = memory.remember(text, created_at=datetime(2027, 6, 1, tzinfo=UTC), subject="ada")
        # It is the 15th in Tokyo, and still the 14th in UTC.
        there = datetime(2027, 5, 15, 3, tzinfo=ZoneInfo("Asia/Tokyo"))
        past = memory.remember(text, created_at=there, subject="bo")
    assert before.salience >= FLOOR > after.salience
    assert past.salience < FLOOR
