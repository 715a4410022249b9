"""The order in which memories of one namespace go when a budget, a policy or a sleep lets some of them go.

First what has ended or was superseded, then what a later statement makes doubtful as a whole, then all others; within
each, what the policy finds least worth keeping, the oldest first among equals. What ended a memory, took its place or
makes it doubtful never goes before it: without the "no longer", what no longer holds would hold again. So where the
older one stays, because it is pinned or held, the later one stays too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.protocols import Store
from memoria.types import Link, Namespace

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats, Ints
    from memoria.traces import Traces

ENDED, DOUBTFUL, CURRENT = 0, 1, 2
"""Tiers: the lower one goes first."""
WHOLE = 1.0
"""Log-odds of a doubt up to which only a part of a memory is doubtful: it goes no sooner for that."""
_ENDS = frozenset({"supersedes", "ends", "doubts"})
_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A memory that may go.

    Attributes:
        id: its id.
        retrievability: at the time of the order, in [0, 1].
        key: (tier, worth) that its place in the order has: its own, or that of what it may not go before.
    """

    id: str
    retrievability: float
    key: tuple[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What has become of the memories of a namespace.

    Attributes:
        ended: ids of what has ended or was superseded.
        doubts: by id of what is doubtful as a whole, the log-odds of the weightiest doubt.
        links: those by which memories ended, were superseded or are doubtful: parents are the older ones.
    """

    ended: frozenset[str] = frozenset()
    doubts: Mapping[str, float] = field(default_factory=dict)
    links: tuple[Link, ...] = ()


def standing(store: Store, namespace: Namespace, ids: Sequence[str], at: datetime) -> Standing:
    """What has become of memories by a time.

    Args:
        store: where they are.
        namespace: all of one namespace.
        ids: theirs.
        at: when.
    """
    links = closing(store, ids)
    here = set(ids)
    cast = [one for one in links if one.relation == "doubts" and one.parent in here and (one.weight or 0) > WHOLE]
    holding = _holding(store, sorted({one.child for one in cast}), at)
    doubts: dict[str, float] = {}
    for one in cast:
        if one.child in holding:
            doubts[one.parent] = max(one.weight or 0, doubts.get(one.parent, 0))
    return Standing(ended=frozenset(store.ended(namespace, at)), doubts=doubts, links=tuple(links))


def closing(store: Store, ids: Sequence[str]) -> list[Link]:
    """The links by which these memories ended, were superseded or are doubtful, or made others so."""
    return [one for one in store.links(ids) if one.relation in _ENDS and (one.weight is None or one.weight > 0)]


def _holding(store: Store, ids: Sequence[str], at: datetime) -> set[str]:
    """Those of some statements that hold: one that has ended makes nothing doubtful any more."""
    parts = (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
    found = (record.memory for part in parts for record in store.read(part) if record is not None)
    return {memory.id for memory in found if memory.holds(at)}


def least_first(
    ids: Sequence[str], traces: Traces, scores: Floats, known: Standing, counted: Bools, *, away: Bools | None = None
) -> Ints:
    """Places in `ids` of what may go, in the order in which it goes; shape (m,), m <= n.

    ids, traces, scores: n memories of one namespace and what each is worth keeping, shape (n,). known: what became of
    them. counted: which may go at all, unless they are protected, shape (n,). away: which are gone as far as it matters
    here, so that nothing waits for them; None for none of them.
    """
    import numpy as np

    order: Ints = np.lexsort((traces.encoded_at, scores, tiers(ids, known)))
    free = counted & ~(traces.pinned | traces.held | traces.restricted)
    chosen: Ints = order[free[order]]
    gone = set() if away is None else {ids[n] for n in away.nonzero()[0].tolist()}
    waiting = _waiting(known.links, gone)
    if not waiting:
        return chosen
    at = {id: n for n, id in enumerate(ids)}
    return np.array([at[id] for id in _released([ids[n] for n in chosen.tolist()], waiting)], np.int64)


def tiers(ids: Sequence[str], known: Standing) -> Ints:
    """The tier of each of n memories, shape (n,)."""
    import numpy as np

    out: Ints = np.full(len(ids), CURRENT)
    if known.doubts or known.ended:
        at = {id: n for n, id in enumerate(ids)}
        for tier, some in ((DOUBTFUL, known.doubts), (ENDED, known.ended)):
            out[[at[id] for id in some if id in at]] = tier
    return out


def going(
    ids: Sequence[str], chosen: Ints, scores: Floats, known: Standing, worth: Floats | None = None
) -> list[Going]:
    """The memories at these places, in this order. Keys never fall: what waited has that of what it waited for.

    scores: retrievability of all. worth: of which the least goes first; None for retrievability.
    """
    some = [ids[n] for n in chosen.tolist()]
    worths = (scores if worth is None else worth)[chosen].tolist()
    out: list[Going] = []
    last = (ENDED, float("-inf"))
    for id, tier, score, one in zip(some, tiers(some, known).tolist(), scores[chosen].tolist(), worths, strict=True):
        last = max(last, (tier, one))
        out.append(Going(id=id, retrievability=score, key=last))
    return out


def _waiting(links: Sequence[Link], gone: Collection[str]) -> dict[str, set[str]]:
    """By id of the later memory, those that have to go before it."""
    found: dict[str, set[str]] = {}
    for link in links:
        if link.parent not in gone and link.child not in gone and link.parent != link.child:
            found.setdefault(link.child, set()).add(link.parent)
    return found


def _released(order: Sequence[str], waiting: Mapping[str, set[str]]) -> list[str]:
    """`order`, in which each waits for those before it; without those that wait for what stays.

    Memories that wait for each other in a circle go in the order given, for none of them is the later one.
    """
    going = set(order) - _stuck(order, waiting)
    left = {id: before & going for id, before in waiting.items() if id in going}
    below = _turned(left)
    out: dict[str, None] = {}
    passed: set[str] = set()

    def go(id: str) -> None:
        front = [id]
        while front:
            one = front.pop()
            if one not in out:
                out[one] = None
                front += [later for later in below.get(one, ()) if later in passed and left[later] <= out.keys()]

    for id in order:
        if id in going:
            passed.add(id)
            if left.get(id, set()) <= out.keys():
                go(id)
    for id in order:
        if id in going:
            go(id)
    return list(out)


def _turned(waiting: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """By id of the earlier memory, those that wait for it."""
    below: dict[str, list[str]] = {}
    for id in sorted(waiting):
        for one in waiting[id]:
            below.setdefault(one, []).append(id)
    return below


def _stuck(order: Sequence[str], waiting: Mapping[str, set[str]]) -> set[str]:
    """Those that wait, directly or not, for a memory that does not go at all."""
    may, below = set(order), _turned(waiting)
    front = [one for one in below if one not in may]
    found: set[str] = set()
    while front:
        fresh = [id for id in below.get(front.pop(), ()) if id not in found]
        found.update(fresh)
        front += fresh
    return found


def unwaiting(store: Store, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that may go together: without what has to wait for a memory that is none of them."""
    return set(ids) - _stuck(ids, _waiting(closing(store, ids), ()))


__all__ = [
    "CURRENT",
    "DOUBTFUL",
    "ENDED",
    "WHOLE",
    "Going",
    "Standing",
    "closing",
    "going",
    "least_first",
    "standing",
    "tiers",
    "unwaiting",
]
