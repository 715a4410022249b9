"""When memories ended, as it was known at an earlier time.

Bi-temporal after R. T. Snodgrass, Developing Time-Oriented Database Applications in SQL, 1999: valid time is
[valid_from, valid_to); recorded time is that at which a memory was observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from memoria.derived.undoing import closing, latest
from memoria.protocols import Store
from memoria.types import Memory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The end of the year 9999, in milliseconds: an id from elsewhere may say more.
_LATEST = 253_402_300_799_999


def as_known(store: Store, memories: Sequence[Memory], at: datetime) -> dict[str, datetime | None]:
    """For those ended by a memory observed after `at`, by id: the end of validity known at `at`, None for none."""
    ended = {memory.id for memory in memories if memory.valid_to is not None}
    known: dict[str, datetime | None] = {}
    # The last reason first: below one that was known then, none counts.
    for link in sorted(closing(store, ended), key=latest):
        if link.parent in ended and observed(link.child) > at:
            known[link.parent] = link.was
        else:
            ended.discard(link.parent)
    return known


def observed(id: str) -> datetime:
    """When the memory of this id was observed, to the millisecond (UUIDv7)."""
    return _EPOCH + timedelta(milliseconds=min(int(id[:12], 16), _LATEST))
