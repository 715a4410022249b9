"""supersede: a new fact takes the place of an old one in time. Both stay, each for the time in which it held.

Bi-temporal after R. T. Snodgrass, Developing Time-Oriented Database Applications in SQL, 1999: valid time is
[valid_from, valid_to); recorded time is that at which a memory was observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from memoria.derived.lineage import memories
from memoria.errors import InvalidQuery
from memoria.protocols import Change, Store
from memoria.types import Link, Memory, Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def supersede(store: Store, new: Record, old: Sequence[str], at: datetime) -> None:
    """Writes `new`, and ends each of `old` at `at`, in one go. Raises InvalidQuery, MemoryNotFound; then, nothing."""
    with store.alone():
        before = check_ends(store, old, at)
        links = [Link(parent=one.id, child=new.memory.id, relation="supersedes", was=one.valid_to) for one in before]
        store.revise(Change(add=(new,), ends=dict.fromkeys(old, at), links=tuple(links)))


def expire(store: Store, ids: Sequence[str], at: datetime) -> None:
    """Ends memories at `at`: from then on they do not hold. Raises InvalidQuery, MemoryNotFound; then, nothing."""
    with store.alone():
        check_ends(store, ids, at)
        store.revise(Change(ends=dict.fromkeys(ids, at)))


def check_ends(store: Store, ids: Sequence[str], at: datetime) -> list[Memory]:
    """The memories that would end; raises InvalidQuery for what ended before, or would end before it began."""
    found = list(memories(store, ids).values())
    violations = []
    for memory in found:
        if memory.valid_to is not None and memory.valid_to <= at:
            violations.append(f"memory {memory.id} has ended already, at {memory.valid_to}")
        if memory.valid_from is not None and memory.valid_from >= at:
            violations.append(f"memory {memory.id} begins at {memory.valid_from}, not before its end {at}")
    if violations:
        raise InvalidQuery(*violations)
    return found


def history(store: Store, id: str) -> list[Memory]:
    """What a memory superseded and what superseded it, itself among them, in the order of validity."""
    found, front = {id}, [id]
    while front:
        links = [link for link in store.links(front) if link.relation == "supersedes"]
        front = list({end for link in links for end in (link.parent, link.child)} - found)
        found |= set(front)
    return sorted(
        memories(store, sorted(found)).values(), key=lambda memory: (memory.valid_from or memory.created_at, memory.id)
    )


def as_known(store: Store, memories: Sequence[Memory], at: datetime) -> dict[str, datetime | None]:
    """For memories that were superseded by what was observed only after `at`: until when they were valid before."""
    ended = [memory.id for memory in memories if memory.valid_to is not None]
    links = [link for link in store.links(ended) if link.relation == "supersedes"] if ended else []
    return {link.parent: link.was for link in links if link.parent in ended and observed(link.child) > at}


def observed(id: str) -> datetime:
    """When the memory of this id was observed, to the millisecond (UUIDv7)."""
    return _EPOCH + timedelta(milliseconds=int(id[:12], 16))
