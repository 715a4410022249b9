"""Budgets and thresholds: which memories the policy can do without. Forgetting them is forget/prune.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery
from memoria.protocols import DecayPolicy, Store
from memoria.retention.counting import Limit, Weigh, limits
from memoria.retention.order import Going, Standing, going, least_first, standing
from memoria.types import Budget, Namespace

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats, Ints
    from memoria.traces import Traces

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
    store: Store,
    policy: DecayPolicy,
    namespace: Namespace,
    at: datetime,
    budget: Budget,
    *,
    archived: bool,
    weigh: Weigh,
    keeper: DecayPolicy | None = None,
) -> list[Going]:
    """What is to go so that one namespace keeps its budget, in the order in which it goes.

    archived: whether archived memories count too. Protected ones count but are never listed, so a namespace may stay
    over its budget. weigh: is asked for a budget of tokens only. keeper: the policy of which the least goes first; None
    for `policy`.
    """
    held = counted(store, policy, namespace, at, budget, archived=archived, weigh=weigh, keeper=keeper)
    return [] if held is None else held.beyond()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """A namespace that is over its budget.

    ids, traces, scores, worth, sizes: of its n memories; retrievability in [0, 1], what the least of goes first without
    regard to what it takes, and bytes, shape (n,). counting: which count, shape (n,). known: what became of them.
    keeper: the policy of `worth`. limits: those of the budget.
    """

    ids: list[str]
    traces: Traces
    scores: Floats
    worth: Floats
    sizes: Ints
    counting: Bools
    known: Standing
    keeper: DecayPolicy
    limits: list[Limit]

    def going(self) -> list[Going]:
        """All that may go, in the order in which it goes."""
        worth = self.worth - _burden(self.keeper, self.traces, self.limits)
        order = least_first(self.ids, self.traces, worth, self.known, self.counting, away=~self.counting)
        return going(self.ids, order, self.scores, self.known, worth)

    def beyond(self) -> list[Going]:
        """What is to go so that the budget is kept, in the order in which it goes."""
        found, at = self.going(), {id: n for n, id in enumerate(self.ids)}
        order = [at[one.id] for one in found]
        return found[: max(limit.excess(order) for limit in self.limits)]


def counted(
    store: Store,
    policy: DecayPolicy,
    namespace: Namespace,
    at: datetime,
    budget: Budget,
    *,
    archived: bool,
    weigh: Weigh,
    keeper: DecayPolicy | None = None,
) -> Counted | None:
    """A namespace as its budget sees it; None when the budget is kept. Arguments as of `beyond`."""
    ids, traces, sizes = store.holdings(namespace)
    counting = ~traces.archived | archived
    found = limits(budget, ids, sizes, counting, weigh)
    if all(limit.over <= 0 for limit in found):
        return None
    scores = policy.retrievability(traces, at)
    return Counted(
        ids=ids,
        traces=traces,
        scores=scores,
        worth=scores if keeper is None else keeper.retrievability(traces, at),
        sizes=sizes,
        counting=counting,
        known=standing(store, namespace, ids, at),
        keeper=policy if keeper is None else keeper,
        limits=found,
    )


def _burden(keeper: DecayPolicy, traces: Traces, found: Sequence[Limit]) -> Floats:
    """What is taken off the worth of memories for what they take, where bytes or tokens are what is short, and not

    places as well; only for a policy that has a method `weighed`.
    """
    import numpy as np

    weighed: Callable[[Ints], Floats] | None = getattr(keeper, "weighed", None)
    short = [limit for limit in found if limit.over > 0]
    if weighed is None or not short or any(limit.unit == "count" for limit in short):
        return np.zeros(len(traces))
    return weighed(max(short, key=lambda limit: limit.over / max(limit.most, 1)).taken)


def in_order(found: Sequence[Going]) -> list[Going]:
    """Memories of several namespaces in one order; the order within each stays."""
    return sorted(found, key=lambda one: one.key)


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
