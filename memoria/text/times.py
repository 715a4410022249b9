"""Times in words, such as "last Tuesday", "in May 2023" or "two weeks ago", as spans of days.

dateparser finds the day that the words mean, counted from when they were said. The words themselves tell how long the
span is: a day, a week, a month or a year.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Span = tuple[datetime, datetime]

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_NUMBER = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
# Longest first, because the first that matches is taken. A month's name alone needs "in", because "may" is also a verb.
_FORMS: tuple[tuple[str, str], ...] = (
    ("day", rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}"),
    ("day", rf"{_MONTH} {_DAY},? {_YEAR}"),
    ("day", r"\d{4}-\d\d-\d\d"),
    ("month", rf"{_MONTH},? {_YEAR}"),
    ("day", rf"{_DAY}(?: of)? {_MONTH}\b"),
    ("day", rf"{_MONTH} {_DAY}\b"),
    ("month", rf"(?<=\bin ){_MONTH}\b"),
    ("day", rf"{_NUMBER} days? ago"),
    ("week", rf"{_NUMBER} weeks? ago"),
    ("month", rf"{_NUMBER} months? ago"),
    ("year", rf"{_NUMBER} years? ago"),
    ("day", rf"last {_WEEKDAY}"),
    ("week", r"(?:last|this) week"),
    ("month", r"(?:last|this) month"),
    ("year", r"(?:last|this) year"),
    ("day", r"yesterday|today|tonight"),
    ("year", rf"(?<=\bin ){_YEAR}\b"),
)
_EXPRESSION = re.compile(
    r"\b(?:" + "|".join(f"(?P<g{n}>{form})" for n, (_, form) in enumerate(_FORMS)) + ")", re.IGNORECASE
)
_REPEATED = re.compile(r"^(?:last|this) ", re.IGNORECASE)


def spans(text: str, said: datetime) -> list[Span]:
    """The spans [from, to) that a text names, in its order; relative ones count from `said` (aware), in UTC."""
    found = []
    for match in _EXPRESSION.finditer(text):
        grain = _FORMS[int(str(match.lastgroup)[1:])][0]
        point = _parse(match.group(), grain, said)
        if point is not None:
            found.append(_span(point, grain))
    return found


def overlap(some: Sequence[Span], others: Sequence[Span]) -> bool:
    """Whether any of `some` overlaps any of `others`."""
    return any(start < end_ and start_ < end for start, end in some for start_, end_ in others)


def _parse(words: str, grain: str, said: datetime) -> datetime | None:
    """The moment that dateparser reads, in UTC; None when the words name no date, such as 31 June."""
    import dateparser

    base = said.astimezone(UTC).replace(tzinfo=None)
    if words.lower().startswith("last ") and grain == "day":
        # "Tuesday" is the last one before `said`; dateparser does not know "last Tuesday".
        words = _REPEATED.sub("", words)
    if words.lower().startswith("this "):
        words = "today"
    settings: Any = {"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past", "PREFER_DAY_OF_MONTH": "first"}
    with warnings.catch_warnings():
        # strptime warns of days without a year, but dateparser adds the year.
        warnings.simplefilter("ignore", DeprecationWarning)
        point = dateparser.parse(words, languages=["en"], settings=settings)
    return None if point is None else point.replace(tzinfo=UTC)


def _span(point: datetime, grain: str) -> Span:
    """The day, ISO week, month or year around a moment."""
    day = point.replace(hour=0, minute=0, second=0, microsecond=0)
    if grain == "day":
        return day, day + timedelta(days=1)
    if grain == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if grain == "month":
        first = day.replace(day=1)
        return first, (first + timedelta(days=32)).replace(day=1)
    return day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)
