"""Budgets and thresholds: which memories the policy can do without. Forgetting them is forget/prune.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery, shown
from memoria.protocols import DecayPolicy, Store
from memoria.types import Budget, Namespace

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats, Ints
    from memoria.traces import Traces

CAP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What a pass of pruning forgot, or would forget.

    Attributes:
        ids: memories that the policy can do without, least needed first.
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
) -> list[tuple[float, str]]:
    """(retrievability, id) of archived, unprotected memories with retrievability under `below`, least first.

    due: ids that count as archived.
    """
    import numpy as np

    found: list[tuple[float, str]] = []
    for namespace in store.namespaces(prefix):
        ids, traces, _ = store.holdings(namespace)
        scores = policy.retrievability(traces, at)
        away = traces.archived | np.isin(ids, list(due)) if due else traces.archived
        free = away & ~(traces.pinned | traces.held | traces.restricted) & (scores < below)
        found += [(float(scores[n]), ids[n]) for n in free.nonzero()[0]]
    return sorted(found)


def beyond(
    store: Store, policy: DecayPolicy, namespace: Namespace, at: datetime, budget: Budget, *, archived: bool
) -> list[tuple[float, str]]:
    """(retrievability, id) of what to forget so that one namespace keeps its budget, least needed first.

    archived: whether archived memories count too. Protected ones count but are never listed, so a namespace may stay
    over its budget.
    """
    ids, traces, sizes = store.holdings(namespace)
    counted = ~traces.archived | archived
    scores = policy.retrievability(traces, at)
    order = _least_first(traces, scores, counted)
    excess = _excess(budget, sizes[order], int(counted.sum()), int(sizes[counted].sum()))
    return [(float(scores[n]), ids[n]) for n in order[:excess]]


def _least_first(traces: Traces, scores: Floats, counted: Bools) -> Ints:
    import numpy as np

    order = np.lexsort((traces.encoded_at, scores))
    free = counted & ~(traces.pinned | traces.held | traces.restricted)
    out: Ints = order[free[order]]
    return out


def _excess(budget: Budget, sizes: Ints, count: int, total: int) -> int:
    """How many of the least needed to forget. sizes: theirs, in bytes. count, total: number and bytes of all."""
    import numpy as np

    over = 0 if budget.count is None else max(count - budget.count, 0)
    if budget.bytes is not None and total > budget.bytes:
        over = max(over, int(np.searchsorted(np.cumsum(sizes), total - budget.bytes)) + 1)
    return min(over, len(sizes))


def capped(found: Sequence[tuple[float, str]], cap: int, *, dry_run: bool) -> Pruning:
    """The first `cap` of `found` as a Pruning; raises InvalidQuery for a cap under 1."""
    if cap < 1:
        raise InvalidQuery(f"cap {cap!r} is not at least 1")
    taken = found[:cap]
    return Pruning(
        ids=tuple(id for _, id in taken),
        retrievability=tuple(score for score, _ in taken),
        capped=len(found) > cap,
        dry_run=dry_run,
    )
