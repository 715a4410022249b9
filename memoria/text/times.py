"""Times in words, as days: which ones a text names, and how well two lots of days agree.

A day is one of the calendar that whoever speaks lives by, so it has no zone: "yesterday", said in Tokyo in the morning,
is the day before there, whatever the time is elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from memoria.text import numeric, phrases, translated
from memoria.text.calendar import Days
from memoria.text.language import ENGLISH, languages

# Days of which so many are one occasion.
_PRECISE = 3
_FIGURE = re.compile(r"\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How times are read.

    Attributes:
        zone: where days begin and end.
        day_first: whether 5/8/2023 is in August; None goes by the language of the text, in English it is in May.
        language: of texts in its script, by its code; None tells it by each text.
    """

    zone: tzinfo = UTC
    day_first: bool | None = None
    language: str | None = None


def days(text: str, on: date, reading: Reading, *, ahead: bool = False) -> list[Days]:
    """The days that a text names, in its order. on: when it was said.

    ahead: in English, a date without a year, or a bare weekday, is the next one, however the text speaks.
    """
    found: list[tuple[tuple[int, int], Days]] = []
    for place, some in _readings(text, on, reading, languages(text, reading.language), ahead=ahead):
        # What was read as a date in figures is not read again as words: 5月8日 is no whole May.
        if all(place[1] <= begin or end <= place[0] or place == (begin, end) for (begin, end), _ in found):
            found.append((place, some))
    return list(dict.fromkeys(some for _, some in sorted(found, key=lambda one: one[0])))


def _readings(
    text: str, on: date, reading: Reading, codes: Sequence[str], *, ahead: bool
) -> Iterator[tuple[tuple[int, int], Days]]:
    """Each phrase, where it is and the days: figures first, then words in each language that the text may be in."""
    others = [code for code in codes if code != ENGLISH]
    if _FIGURE.search(text):
        first = reading.day_first
        yield from numeric.found(
            text, on, day_first=bool(others) and translated.day_first(others[0]) if first is None else first
        )
    # Always: short texts are easily taken for those of another language, and languages are mixed.
    yield from phrases.found(text, on, ahead=ahead)
    for code in others:
        yield from translated.found(text, on, code)


def meant(text: str, on: date, reading: Reading) -> list[Days]:
    """The days that what somebody said is about: those it names, and the one on which it was said.

    The latter not when it names a day or a weekend: what was done yesterday was not done today.
    """
    named = days(text, on, reading)
    return named if any(_length(some) <= _PRECISE for some in named) else [(on, on), *named]


def closeness(asked: Sequence[Days], about: Sequence[Days]) -> float:
    """How well the days that a question names and those that a memory is about agree, in [0, 1].

    1 when some of the latter are all asked for; the square root of the share that is when they are longer, so that
    what happened in some year says little of a day in it; 0 when they have no day in common.
    """
    shares = (_common(some, others) / _length(others) for some in asked for others in about)
    return math.sqrt(max(shares, default=0.0))


def _length(some: Days) -> int:
    return (some[1] - some[0]).days + 1


def _common(some: Days, others: Days) -> int:
    """How many days two spans have in common."""
    return max((min(some[1], others[1]) - max(some[0], others[0])).days + 1, 0)
