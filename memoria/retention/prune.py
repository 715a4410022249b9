"""Budgets and thresholds: which memories the policy can do without. Forgetting them is forget/prune.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery, shown
from memoria.protocols import DecayPolicy, Store
from memoria.retention.order import Going, going, least_first, standing
from memoria.types import Budget, Namespace

if TYPE_CHECKING:
    from memoria.arrays import Ints

CAP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What a pass of pruning forgot, or would forget.

    Attributes:
        ids: memories that the policy can do without: what has ended, what is doubtful, then the least needed.
        retrievability: of each of `ids`, in [0, 1].
        derived: ids that are forgotten with them: parts of gists, and what was made from them.
        rewritten: ids of gists that are made again without them.
        shards: names of the adapters that were wiped because they had learnt any of it.
        capped: whether more is left for the next pass.
        dry_run: whether nothing was forgotten.
    """

    ids: tuple[str, ...]
    retrievability: tuple[float, ...]
    capped: bool
    dry_run: bool
    derived: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()


def check_budget(budget: Budget) -> None:
    """Raises InvalidQuery for a budget that is negative or limits nothing."""
    limits = {"count": budget.count, "bytes": budget.bytes}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InvalidQuery(f"{name} {shown(value)} is not a whole number")
    wrong = [f"{name} {value!r} is negative" for name, value in limits.items() if value is not None and value < 0]
    if wrong or (budget.count is None and budget.bytes is None):
        raise InvalidQuery(*(wrong or ["a budget binds count, bytes, or both"]))


def faded(
    store: Store, policy: DecayPolicy, prefix: Namespace, at: datetime, below: float, due: Collection[str] = ()
) -> list[Going]:
    """Archived, unprotected memories with retrievability under `below`, in the order in which they go.

    due: ids that count as archived.
    """
    import numpy as np

    found: list[Going] = []
    for namespace in store.namespaces(prefix):
        ids, traces, _ = store.holdings(namespace)
        scores = policy.retrievability(traces, at)
        counted = (traces.archived | np.isin(ids, list(due)) if due else traces.archived) & (scores < below)
        if counted.any():
            known = standing(store, namespace, ids, at)
            found += going(ids, least_first(ids, traces, scores, known, counted), scores, known)
    return in_order(found)


def beyond(
    store: Store, policy: DecayPolicy, namespace: Namespace, at: datetime, budget: Budget, *, archived: bool
) -> list[Going]:
    """What is to go so that one namespace keeps its budget, in the order in which it goes.

    archived: whether archived memories count too. Protected ones count but are never listed, so a namespace may stay
    over its budget.
    """
    ids, traces, sizes = store.holdings(namespace)
    counted = ~traces.archived | archived
    if not _excess(budget, sizes, int(counted.sum()), int(sizes[counted].sum())):
        return []
    scores, known = policy.retrievability(traces, at), standing(store, namespace, ids, at)
    order = least_first(ids, traces, scores, known, counted, away=~counted)
    excess = _excess(budget, sizes[order], int(counted.sum()), int(sizes[counted].sum()))
    return going(ids, order[:excess], scores, known)


def in_order(found: Sequence[Going]) -> list[Going]:
    """Memories of several namespaces in one order; the order within each stays."""
    return sorted(found, key=lambda one: one.key)


def _excess(budget: Budget, sizes: Ints, count: int, total: int) -> int:
    """How many of the least needed to forget. sizes: theirs, in bytes. count, total: number and bytes of all."""
    import numpy as np

    over = 0 if budget.count is None else max(count - budget.count, 0)
    if budget.bytes is not None and total > budget.bytes:
        over = max(over, int(np.searchsorted(np.cumsum(sizes), total - budget.bytes)) + 1)
    return min(over, len(sizes))


def capped(found: Sequence[Going], cap: int, *, dry_run: bool) -> Pruning:
    """The first `cap` of `found` as a Pruning; raises InvalidQuery for a cap under 1."""
    if cap < 1:
        raise InvalidQuery(f"cap {cap!r} is not at least 1")
    taken = found[:cap]
    return Pruning(
        ids=tuple(one.id for one in taken),
        retrievability=tuple(one.retrievability for one in taken),
        capped=len(found) > cap,
        dry_run=dry_run,
    )
