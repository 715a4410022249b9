"""restrict and lift: what is about a person is only stored, until that is lifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from memoria.canonical import canonical
from memoria.derived.records import Records
from memoria.distill.unlearn import has_learnt, unlearn
from memoria.errors import InvalidQuery
from memoria.protocols import Store
from memoria.retention.restriction import Restriction, orders, write_orders
from memoria.subject.find import Asked, about, descendants, every
from memoria.types import LedgerEntry, Memory, Record, Where


def restrict(records: Records, asked: Asked, reason: str, at: datetime) -> tuple[str, ...]:
    """Restricts what is about a person, and what was made from it; what comes later is restricted by the order.

    Returns the ids that were not restricted before. Raises Held for a gist that would be made again and is held.
    """
    store = records.store
    with store.alone():
        found = about(store, asked, records.progress)
        records.set_apart([one.id for one in found.found if one.gist is not None])
        known = {(one.names, one.by, one.namespace): one for one in orders(store)}
        order = Restriction(
            names=asked.names,
            by=asked.by,
            namespace=asked.namespace,
            ids=_beside(asked, found.ids),
            at=at,
            reason=reason,
        )
        before = known.get((order.names, order.by, order.namespace))
        if before is not None:
            order = replace(order, ids=tuple(sorted({*before.ids, *order.ids})), at=before.at)
        write_orders(store, [*(one for key, one in known.items() if one is not before), order])
        new = [one.id for one in found.found if not one.restricted]
        if new:
            store.mark(new, restricted=True)
            store.enter(LedgerEntry(at=at, action="restrict", ids=tuple(new), reason=reason))
            if has_learnt(store):
                unlearn(store, new)
        return tuple(new)


def _beside(asked: Asked, ids: Sequence[str]) -> tuple[str, ...]:
    """Ids that only a choice made part of the order, so that they stay restricted as long as it stands."""
    return tuple(sorted(ids)) if asked.near else asked.include


def lift(records: Records, asked: Asked, reason: str, at: datetime) -> tuple[str, ...]:
    """Takes back the restrictions of a person here and below; returns the ids that are in use again.

    What another restriction covers stays. Raises InvalidQuery when nothing is restricted for these names.
    """
    store = records.store
    with store.alone():
        standing = orders(store)
        left = [one for one in standing if not _meant(one, asked)]
        if len(left) == len(standing):
            raise InvalidQuery("no restriction stands for this name here: `restrictions` lists those that do")
        covered: set[str] = set()
        restricted = store.select(Where(restricted=True))
        inside = set(restricted)

        def take(_: Record, one: Memory) -> None:
            if one.id in inside and any(order.covers(one) for order in left):
                covered.add(one.id)

        if left:
            every(store, (), take)
        kept = descendants(store, covered)
        free = tuple(id for id in restricted if id not in kept)
        # The ledger first: a crash between leaves them restricted.
        store.enter(LedgerEntry(at=at, action="lift", ids=free, reason=reason))
        if free:
            store.mark(free, restricted=False)
        write_orders(store, left)
        return free


def _meant(order: Restriction, asked: Asked) -> bool:
    """Whether an order is for one of these names, and stands here or below."""
    names = {canonical(name) for name in order.names}
    here = order.namespace[: len(asked.namespace)] == asked.namespace
    return here and bool(names & {canonical(name) for name in asked.names})


def withdraw(store: Store, asked: Asked) -> None:
    """Takes orders away whose names are all of a person who was erased here, so that their name goes too."""
    names = {canonical(name) for name in asked.names}
    left = [
        one for one in orders(store) if not (_meant(one, asked) and {canonical(name) for name in one.names} <= names)
    ]
    if len(left) < len(orders(store)):
        write_orders(store, left)
