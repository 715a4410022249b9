"""Days of the calendar: the day, week, month, season or year that a phrase means. No zones here, only dates."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

Days = tuple[date, date]
"""The first and the last of some days, both included."""
Unit = Literal["day", "week", "month", "year"]
# The month in which a season begins, as meteorologists count; each is three months long.
SEASONS: Mapping[str, int] = MappingProxyType({"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12})
_LAST = date.max.toordinal()


def day(on: date) -> Days:
    """One day."""
    return on, on


def week(on: date) -> Days:
    """The ISO week around a day, Monday to Sunday; the last one of the calendar ends with it."""
    monday = on.toordinal() - on.weekday()
    return date.fromordinal(monday), date.fromordinal(min(monday + 6, _LAST))


def weekend(on: date) -> Days:
    """Saturday and Sunday of the ISO week around a day."""
    monday, _ = week(on)
    return monday + timedelta(days=5), monday + timedelta(days=6)


def months(year: int, month: int, count: int = 1) -> Days:
    """Whole months, from one of a year on. month: 1 is January; others count on into the years beside."""
    first, last = (_month(12 * year + month - 1 + more) for more in (0, count - 1))
    return first, last.replace(day=monthrange(last.year, last.month)[1])


def _month(count: int) -> date:
    """The first day of a month, by the number of months since the year 0."""
    return date(count // 12, count % 12 + 1, 1)


def month(on: date) -> Days:
    """The month around a day."""
    return months(on.year, on.month)


def quarter(on: date) -> Days:
    """The quarter of a year around a day."""
    return months(on.year, on.month - (on.month - 1) % 3, 3)


def year(on: date) -> Days:
    """The year around a day."""
    return years(on.year)


def years(first: int, count: int = 1) -> Days:
    """Whole years."""
    return date(first, 1, 1), date(first + count - 1, 12, 31)


def season(name: str, of: int) -> Days:
    """A season that begins in a year, in the northern half of the world."""
    return months(of, SEASONS[name], 3)


def moved(on: date, by: int, unit: Unit) -> Days:
    """The day, week, month or year so many of them after a day; before it when negative.

    Raises ValueError or OverflowError when it is not in the calendar.
    """
    if unit == "day":
        return day(on + timedelta(days=by))
    if unit == "week":
        return week(on + timedelta(weeks=by))
    if unit == "month":
        return months(on.year, on.month + by)
    return years(on.year + by)


def weekday(on: date, number: int, *, after: bool) -> date:
    """The nearest day of the week before or after a day, never that day itself. number: 0 is Monday."""
    apart = (number - on.weekday()) % 7 or 7
    return on + timedelta(days=apart if after else apart - 7 or -7)


def easter(of: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(of, 100)
    moon = (19 * (of % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (of % 19 + 11 * moon + 22 * sunday) // 451
    month, before = divmod(moon + sunday - 7 * late + 114, 31)
    return date(of, month, before + 1)


def thanksgiving(of: int) -> date:
    """The fourth Thursday of November."""
    first = date(of, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)
