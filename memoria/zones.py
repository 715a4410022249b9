"""Time zones, by a name of the IANA database or an offset from UTC; from the system, or from the package tzdata."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from memoria.errors import InvalidQuery, shown

ZoneLike = str | tzinfo | None
"""A time zone: a name such as "Asia/Tokyo", an offset such as "+05:45", a tzinfo; None is that of the clock."""
_OFFSET = re.compile(r"([+-])([01]\d|2[0-3]):([0-5]\d)")


def as_zone(given: ZoneLike, name: str = "zone") -> tzinfo | None:
    """The zone that is meant, None for None; raises InvalidQuery for what is none. name: of the argument."""
    if given is None or isinstance(given, tzinfo):
        return given
    if not isinstance(given, str):
        raise InvalidQuery(f"{name} is {type(given).__name__}, not the name of a time zone")
    found = known_zone(given)
    if found is None:
        raise InvalidQuery(f"{name} {shown(given)} is no time zone: give a name such as 'Asia/Tokyo', or '+05:45'")
    return found


def known_zone(name: str) -> tzinfo | None:
    """The zone of a name, None for one that nobody knows here."""
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        apart = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-apart if offset[1] == "-" else apart)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A path, a folder of zones, or a file that is none.
        return None


def at_home(moment: datetime, zone: tzinfo | None) -> datetime:
    """An aware time as a zone tells it; as it is for None, and where the zone would leave the calendar."""
    try:
        return moment if zone is None else moment.astimezone(zone)
    except OverflowError:
        return moment


def day(moment: datetime, zone: tzinfo | None) -> date:
    """The day of an aware time in a zone."""
    return at_home(moment, zone).date()


def zone_of(time: datetime) -> str | None:
    """The name by which the zone of an aware time is known again; None for UTC, and for a time without a zone."""
    zone = time.tzinfo
    name = getattr(zone, "key", None)
    if zone is None or zone is UTC or name == "UTC":
        return None
    if isinstance(name, str) and known_zone(name) is not None:
        return name
    apart = time.utcoffset()
    if not apart:
        return None
    minutes = round(apart / timedelta(minutes=1))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
