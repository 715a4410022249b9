"""Budgets and thresholds: which memories the policy can do without. Forgetting them is forget/prune.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
Weigh = Callable[[Sequence[str]], "Ints"]
"""Takes n ids, and returns the tokens that each costs in a prompt, shape (n,)."""


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
    limits = {"count": budget.count, "bytes": budget.bytes, "tokens": budget.tokens}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InvalidQuery(f"{name} {shown(value)} is not a whole number")
    wrong = [f"{name} {value!r} is negative" for name, value in limits.items() if value is not None and value < 0]
    if wrong or all(value is None for value in limits.values()):
        raise InvalidQuery(*(wrong or ["a budget binds count, bytes or tokens, or several of them"]))


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
    store: Store,
    policy: DecayPolicy,
    namespace: Namespace,
    at: datetime,
    budget: Budget,
    *,
    archived: bool,
    weigh: Weigh,
) -> list[tuple[float, str]]:
    """(retrievability, id) of what to forget so that one namespace keeps its budget, least needed first.

    archived: whether archived memories count too. Protected ones count but are never listed, so a namespace may stay
    over its budget. weigh: is asked for a budget of tokens only.
    """
    held = counted(store, policy, namespace, at, budget, archived=archived, weigh=weigh)
    return [(held.scores[n], held.ids[n]) for n in held.order[: held.excess()]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A namespace as a budget sees it.

    ids: of its n memories. scores: retrievability of each, in [0, 1]. order: places of those that may go, least needed
    first. limits: the budget, as of `weighed`. sizes: bytes of each, shape (n,).
    """

    ids: list[str]
    scores: list[float]
    order: list[int]
    limits: list[tuple[int, Ints]]
    sizes: Ints

    def excess(self) -> int:
        """How many of `order` to forget so that what is left keeps every limit; all when that is not enough."""
        return max(_excess(limit, taken, self.order) for limit, taken in self.limits)


def counted(
    store: Store,
    policy: DecayPolicy,
    namespace: Namespace,
    at: datetime,
    budget: Budget,
    *,
    archived: bool,
    weigh: Weigh,
) -> Counted:
    """One namespace as a budget sees it. Arguments as of `beyond`."""
    ids, traces, sizes = store.holdings(namespace)
    counting = ~traces.archived | archived
    scores = policy.retrievability(traces, at)
    order = _least_first(traces, scores, counting)
    limits = weighed(budget, ids, sizes, counting, weigh)
    return Counted(ids=ids, scores=scores.tolist(), order=order.tolist(), limits=limits, sizes=sizes)


def weighed(budget: Budget, ids: Sequence[str], sizes: Ints, counted: Bools, weigh: Weigh) -> list[tuple[int, Ints]]:
    """(limit, what each memory takes of it, shape (n,)) for each limit of a budget; 0 for what does not count."""
    import numpy as np

    found = []
    if budget.count is not None:
        found.append((budget.count, counting.astype(np.int64)))
    if budget.bytes is not None:
        found.append((budget.bytes, np.where(counting, sizes, 0)))
    if budget.tokens is not None:
        tokens = np.zeros(len(ids), np.int64)
        tokens[counting] = weigh([ids[n] for n in counting.nonzero()[0]])
        found.append((budget.tokens, tokens))
    return found


def _least_first(traces: Traces, scores: Floats, counted: Bools) -> Ints:
    import numpy as np

    order = np.lexsort((traces.encoded_at, scores))
    free = counted & ~(traces.pinned | traces.held | traces.restricted)
    out: Ints = order[free[order]]
    return out


def _excess(limit: int, taken: Ints, order: Sequence[int]) -> int:
    """How many to forget, in this order, so that what is left is within a limit; all when that is not enough.

    taken: what each memory takes of the limit, shape (n,). order: places in it, shape (m,), m <= n.
    """
    import numpy as np

    over = int(taken.sum()) - limit
    return 0 if over <= 0 else min(int(np.searchsorted(np.cumsum(taken[list(order)]), over)) + 1, len(order))


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
