"""When a memory is to be erased: at the time that it was given, or when a retention period over it ends, if sooner.

A retention period is a maximum, as in law: no `expires_at` makes a memory outlast it, and of several the shortest
counts. It is counted from when a memory was observed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from memoria.canonical import same
from memoria.types import Memory, RetentionPeriod


def lapses_at(memory: Memory, periods: Collection[RetentionPeriod]) -> datetime | None:
    """When a memory is to be erased.

    Args:
        memory: the memory.
        periods: the retention periods of its store.

    Returns:
        The soonest of its times; of a gist, when the first of its parts is. None is never.
    """
    times = [_own(one, periods) for one in memory.parts or (memory,)]
    return min((time for time in times if time is not None), default=None)


def lapsed(memory: Memory, periods: Collection[RetentionPeriod], at: datetime) -> frozenset[str]:
    """What of a memory is to be erased by a time.

    Args:
        memory: the memory.
        periods: the retention periods of its store.
        at: an aware time.

    Returns:
        Its id, or of a gist the ids of its parts that are due; empty for nothing.
    """
    times = {one.id: _own(one, periods) for one in memory.parts or (memory,)}
    return frozenset(id for id, time in times.items() if time is not None and time <= at)


def covers(period: RetentionPeriod, memory: Memory) -> bool:
    """Whether a retention period is about a memory that is no gist."""
    return memory.under(period.namespace) and (period.subject is None or same(period.subject, memory.subject))


def after(start: datetime, ttl: timedelta) -> datetime | None:
    """The time so long after another; None when there is no such time any more, which is never."""
    try:
        return start + ttl
    except OverflowError:
        return None


def ends(start: datetime, days: float | None) -> datetime | None:
    """The time so many days after another; None for no days, and for more than there are."""
    try:
        return None if days is None else after(start, timedelta(days=days))
    except OverflowError:
        return None


def _own(memory: Memory, periods: Collection[RetentionPeriod]) -> datetime | None:
    """When one memory is to be erased, parts aside."""
    ends = (after(memory.created_at, one.ttl) for one in periods if covers(one, memory))
    return min((time for time in (memory.expires_at, *ends) if time is not None), default=None)
