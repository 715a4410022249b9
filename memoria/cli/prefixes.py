"""Ids as people type them: the first digits are enough when no other memory has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memoria.cli.terminal import visible
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery

LENGTH = 32
# The first digits of an id are its milliseconds; fewer than so many would be searched among too many memories.
_MILLIS = 12
_LEAST = 8
_MOST = 1000


def whole(memory: Memoria, *given: str) -> tuple[str, ...]:
    """The id that each of `given` begins, in order; what is no such beginning is returned as it is.

    Raises:
        InvalidQuery: several memories have it, or it is too short.
    """
    return tuple(_whole(memory, one) for one in given)


def _whole(memory: Memoria, given: str) -> str:
    if len(given) >= LENGTH or not given or set(given) - set("0123456789abcdef"):
        return given
    if len(given) < _LEAST:
        raise InvalidQuery(f"{visible(given)} is too short: the first {_LEAST} digits of an id, or more, are needed")
    found = {one for one in _beginning_with(memory, given) if one.startswith(given)}
    if len(found) > 1:
        raise InvalidQuery(f"{given} begins the ids of {len(found)} memories: more digits are needed")
    return found.pop() if found else given


def _beginning_with(memory: Memoria, given: str) -> list[str]:
    """Ids of the time that the digits tell; of so many at most that the digits are hardly anybody's alone."""
    open_digits = max(_MILLIS - len(given), 0)
    first = int(given[:_MILLIS], 16) << (4 * open_digits)
    try:
        since = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=first)
        until = since + timedelta(milliseconds=1 << (4 * open_digits))
    except OverflowError:
        return []
    return [one.id for one in memory.list(limit=_MOST, since=since, until=until)]
