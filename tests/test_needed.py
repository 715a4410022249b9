"""Words that a pattern needs: a text without them is not searched, and one that matches always has one of them."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoria.english import engagements, reminders, vital
from memoria.text import phrases
from memoria.text.needed import Sought, has_one, needed

SOUGHT = [one for module in (engagements, reminders, vital) for one in vars(module).values() if isinstance(one, Sought)]
FORMS = [pattern for _, pattern, _, _ in phrases._forms()]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"tea(?:s|pot)?", ("tea",)),
        (r"\b(?:green|black) (?:tea|coffee)\b", ("black", "green")),
        (r"(?:green )?tea|mate", ("mate", "tea")),
        (r"(?:teapot)*|mate", ()),
        (r"(?:teapot)+", ("teapot",)),
        (r"[gG]reen", ("reen",)),
        (r"(?=teapot)t", ()),
        (r"(?!teapot)t", ()),
        ("caf\u00e9 au", ("caf",)),
        (r"a|teapot", ()),
        (r"(?-i:Kyoto)", ("kyoto",)),
    ],
)
def test_what_a_pattern_needs(pattern: str, words: tuple[str, ...]) -> None:
    assert needed(re.compile(pattern, re.IGNORECASE)) == words


def test_patterns_that_are_read_need_something() -> None:
    assert len(SOUGHT) == 5
    assert all(len(one.words) > 10 for one in SOUGHT)
    assert sum(bool(needed(one)) for one in FORMS) > len(FORMS) - 3


@given(data=st.data())
@settings(max_examples=300)
def test_what_matches_has_a_word_that_is_needed(data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from([*(one.pattern for one in SOUGHT), *FORMS]))
    text = data.draw(st.from_regex(pattern))
    assert has_one(text, needed(pattern))
    assert Sought(pattern.pattern, pattern.flags & ~re.UNICODE).search(text) is not None


def test_other_letters_that_count_as_the_same_are_searched() -> None:
    assert Sought("kettles", re.IGNORECASE).search("\u212aettle\u017f") is not None


SAID = (
    *("in", "on", "of", "by", "the", "and", "last", "before", "ago", "three", "first", "12", "5th", "2019", "2023"),
    *("May", "Monday", "week", "days", "summer", "q3", "quarter", "Christmas", "yesterday", "tomorrow", "morning"),
)


@given(st.lists(st.sampled_from(SAID), max_size=9).map(" ".join))
@settings(max_examples=300)
def test_times_are_found_as_by_all_forms_at_once(text: str) -> None:
    on, every = date(2026, 11, 27), tuple(range(len(FORMS)))
    chosen = [found for found, _ in phrases.found(text, on)]
    spans = [match.span() for match in phrases._whole(every).finditer(text)]
    assert set(chosen) <= set(spans)
    # What no calendar has is left out of both.
    assert {span for span in spans if span not in chosen} == {span for span in spans if not _meant(text, span, on)}


def _meant(text: str, span: tuple[int, int], on: date) -> bool:
    match = phrases._whole(tuple(range(len(FORMS)))).match(text, span[0])
    assert match is not None
    _, pattern, meaning, _ = phrases._forms()[(match.lastindex or 1) - 1]
    parts = pattern.match(text, span[0])
    return parts is not None and bool(phrases._meant(meaning, parts, phrases.said(text, on)))
