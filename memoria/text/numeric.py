"""Dates in figures: 2023-05-08, 8.5.2023, 5/8/2023, 2023年5月8日."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from memoria.text import calendar
from memoria.text.calendar import Days

_ISO = r"(?P<iy>\d{4})(?P<sep>[-/.])(?P<im>\d{1,2})(?:(?P=sep)(?P<id>\d{1,2}))(?!\d)"
_MONTH_OF_ISO = r"(?P<my>(?:19|20)\d\d)-(?P<mm>\d\d)(?![-\d])"
_PARTS = r"(?P<a>\d{1,2})(?P<by>[-/.])(?P<b>\d{1,2})(?P=by)(?P<y>\d{4}|\d\d)(?![\d.]\d|\d)"
_EAST = (
    r"(?:(?P<ey>\d{4}) ?[\u5e74\ub144] ?)?(?P<em>\d{1,2}) ?[\u6708\uc6d4] ?(?P<ed>\d{1,2}) ?[\u65e5\u53f7\u865f\uc77c]"
    r"|(?P<ny>\d{4}) ?[\u5e74\ub144](?: ?(?P<nm>\d{1,2}) ?[\u6708\uc6d4])?"
)
_DATE = re.compile(rf"(?<![\d.,/-])(?:{_ISO}|{_MONTH_OF_ISO}|{_PARTS}|{_EAST})")
# Two figures for a year: up to this one it is in the 21st century, as POSIX has it.
_TURN = 68


def found(text: str, on: date, *, day_first: bool) -> Iterator[tuple[tuple[int, int], Days]]:
    """Each date in figures: where it is, and the days.

    on: the day a date without a year is near to. day_first: how 5/8/2023 is read where both could be the month.
    """
    for match in _DATE.finditer(text):
        try:
            yield match.span(), _days(match, on, day_first=day_first)
        except (ValueError, OverflowError):
            continue


def _days(match: re.Match[str], on: date, *, day_first: bool) -> Days:
    if match["iy"]:
        return calendar.day(date(int(match["iy"]), int(match["im"]), int(match["id"])))
    if match["my"]:
        return _month(match["my"], match["mm"])
    if match["ny"]:
        return _month(match["ny"], match["nm"]) if match["nm"] else calendar.years(int(match["ny"]))
    if match["em"]:
        return calendar.day(_near(match["ey"], int(match["em"]), int(match["ed"]), on))
    first, second = int(match["a"]), int(match["b"])
    # A point is between day and month everywhere; otherwise a number over 12 can only be the day.
    as_day = match["by"] == "." or first > 12 or (day_first and second <= 12)
    day, month = (first, second) if as_day else (second, first)
    return calendar.day(date(_year(match["y"]), month, day))


def _month(year: str, month: str) -> Days:
    if not 1 <= int(month) <= 12:
        raise ValueError("there is no such month")
    return calendar.months(int(year), int(month))


def _near(year: str | None, month: int, day: int, on: date) -> date:
    """The date, in the year nearest to a day when none is named."""
    if year:
        return date(int(year), month, day)
    return min((date(on.year + by, month, day) for by in (-1, 0, 1)), key=lambda one: abs((one - on).days))


def _year(text: str) -> int:
    return int(text) if len(text) > 2 else int(text) + (2000 if int(text) <= _TURN else 1900)
