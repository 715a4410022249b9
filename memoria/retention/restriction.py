"""Restrictions: what is about a person is stored and not used until it is lifted (GDPR, article 18).

A restriction is an order that goes on: what is remembered later about the person is restricted from the start, and so
is what is made from anything restricted. The orders are one private note of the store.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import get_args

from memoria.protocols import Store
from memoria.text.person import By, Person
from memoria.types import Memory, Namespace, Record

NOTE = "restrictions"
"""The private note with the orders."""
WAYS: tuple[By, ...] = get_args(By)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """An order that memories about a person are only stored.

    Attributes:
        names: the name of the person, and other names.
        by: by which ways memories are about the person.
        namespace: in this namespace and below.
        ids: memories that were restricted beside those, as somebody chose.
        at: since when.
        reason: why.
    """

    names: tuple[str, ...]
    by: tuple[By, ...]
    namespace: Namespace
    ids: tuple[str, ...]
    at: datetime
    reason: str

    def covers(self, memory: Memory) -> bool:
        """Whether a memory is restricted by this order, by itself.

        Args:
            memory: the memory; what is made from it is not looked at.

        Returns:
            True when it is.
        """
        if not memory.under(self.namespace):
            return False
        person = _person(self.names, self.by)
        return memory.id in self.ids or any(person.judge(one).ways for one in memory.parts or (memory,))


@lru_cache(maxsize=256)
def _person(names: tuple[str, ...], by: tuple[By, ...]) -> Person:
    return Person(names, by)


def orders(store: Store) -> tuple[Restriction, ...]:
    """The restrictions of a store, oldest first."""
    return _read(store.private_note(NOTE))


def write_orders(store: Store, found: Sequence[Restriction]) -> None:
    """Puts these restrictions in the place of those of a store."""
    said = [
        {"names": one.names, "by": one.by, "namespace": one.namespace, "ids": one.ids}
        | {"at": one.at.isoformat(), "reason": one.reason}
        for one in found
    ]
    store.write_private_note(NOTE, json.dumps(said, ensure_ascii=False) if said else None)


@lru_cache(maxsize=8)
def _read(note: str | None) -> tuple[Restriction, ...]:
    return tuple(
        Restriction(
            names=tuple(one["names"]),
            by=tuple(one["by"]),
            namespace=tuple(one["namespace"]),
            ids=tuple(one["ids"]),
            at=datetime.fromisoformat(one["at"]),
            reason=one["reason"],
        )
        for one in (() if note is None else json.loads(note))
    )


def ordered(store: Store, records: Sequence[Record]) -> list[Record]:
    """Records that are about to be stored, restricted where an order says so, or where they are made from what is.

    To be called while no other thread writes, so that what is stored after `restrict` has returned is restricted.
    """
    found = orders(store)
    if not found:
        return list(records)
    out: list[Record] = []
    hidden: set[str] = set()
    for one in records:
        if one.trace.restricted or _is_restricted(store, one.memory, found, hidden):
            hidden.add(one.memory.id)
            one = replace(one, trace=replace(one.trace, restricted=True))
        out.append(one)
    return out


def is_restricted(store: Store, memory: Memory) -> bool:
    """Whether a memory is restricted by an order, or because it is made from what is."""
    found = orders(store)
    return bool(found) and _is_restricted(store, memory, found, ())


def _is_restricted(store: Store, memory: Memory, found: Sequence[Restriction], hidden: Collection[str]) -> bool:
    """hidden: ids of what is restricted and not stored yet."""
    sources = memory.provenance.derived_from
    traces = store.traces(sources) if sources and not memory.parts else []
    made = any(source in hidden for source in sources) or any(one is not None and one.restricted for one in traces)
    return (made and not memory.parts) or any(order.covers(memory) for order in found)
