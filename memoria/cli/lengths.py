"""Lengths of time as people write them: 90d, 36h, 2w, 30m, 45s; and times of the command line, which are in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from memoria.errors import InvalidQuery, shown

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(\d{1,9})([smhdw])")

TtlOption = Annotated[str | None, typer.Option(help="Erase it so long after it was observed: 90d, 36h, 2w, 30m, 45s.")]
ExpiresOption = Annotated[datetime | None, typer.Option(help="Erase it from this time on (UTC).")]


def length(text: str) -> timedelta:
    """The length of time that a text says; raises InvalidQuery."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise InvalidQuery(f"{shown(text)} is no length of time such as 90d, 36h, 2w, 30m or 45s")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise InvalidQuery(f"{shown(text)} is longer than any time") from None


def said(length_of_time: timedelta) -> str:
    """A length of time in the largest unit that says it in whole numbers."""
    seconds = length_of_time // timedelta(seconds=1)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def when_erased(expires_at: datetime | None, ttl: str | None) -> dict[str, datetime | timedelta]:
    """The two options as fields of a draft; only what was given."""
    found: dict[str, datetime | timedelta] = {}
    if expires_at is not None:
        found["expires_at"] = expires_at.replace(tzinfo=UTC) if expires_at.tzinfo is None else expires_at
    if ttl is not None:
        found["ttl"] = length(ttl)
    return found
