"""The verbs of budgets: archiving what is beyond one, and dividing one over namespaces."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from memoria.engine.periods import Periods
from memoria.errors import InvalidQuery
from memoria.forget import shorten as shortening
from memoria.forget.shorten import Asked, Shortening
from memoria.recall.context import CountTokens, cost, costs, estimate_tokens
from memoria.retention import allocate as allocating
from memoria.retention.allocate import Allocation, Demand, Weights
from memoria.retention.counting import BUDGET_UNITS, BudgetUnit, Weigh, check_budget, limits
from memoria.retention.order import Going
from memoria.retention.prune import CAP, beyond, in_order
from memoria.retention.reinforce import DEMAND
from memoria.types import Budget, Namespace
from memoria.validate import check_choice, check_whole


class Budgets(Periods):
    """The verbs that keep namespaces within a budget of memories, bytes or tokens."""

    def evict(
        self,
        budget: Budget,
        *,
        at: datetime | None = None,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> tuple[str, ...]:
        """Archives the least needed memories of each namespace until what is not archived keeps its budget.

        What has ended goes first, then what is doubtful as a whole; a memory that ended another one, or makes it
        doubtful, never goes before it.

        Args:
            budget: of each namespace.
            at: when retrievability is taken; None is now.
            dry_run: only lists them.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            The ids of the memories that were archived, or would be, in the order in which they go.

        Raises:
            InvalidQuery: a budget that binds nothing or is negative, or `at` without a time zone.
        """
        self._traces.flush()
        when, weigh = self._at(at), self._weighing(count_tokens)
        with self.store.alone():
            going = tuple(one.id for one in self._beyond(budget, when, archived=False, weigh=weigh))
            if going and not dry_run:
                self.store.mark(going, archived=True)
        return going

    def shorten(
        self,
        budget: Budget,
        *,
        archived: bool = False,
        at: datetime | None = None,
        cap: int = CAP,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> Shortening:
        """Takes detail out of the least needed memories of each namespace, for ever, until it keeps its budget.

        A text is cut to those of its sentences and clauses that tell something, word for word; the old text is erased,
        as `amend` erases it, and may be remembered again. No memory goes: what is beyond the budget even so is listed,
        and `evict` or `prune` with the same budget takes it. Parts of a gist are shortened in it, each by itself. Left
        as they are: what is pinned, held, restricted or in another language than English; what has a key or says how
        something is done; what something else was made from; statements that ended others, and what they ended.

        Args:
            budget: of each namespace, of bytes or tokens.
            archived: whether archived memories count and are shortened too, as for `prune`; `evict` counts the others.
            at: when retrievability is taken; None is now.
            cap: how many are shortened in one pass at most.
            dry_run: changes nothing, and tells what would be.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            What was shortened, or would be, with the sizes before and after, and what is still beyond the budget.

        Raises:
            InvalidQuery: a budget without bytes and tokens, or one that is negative, `cap` under 1, or `at` without a
                time zone.
        """
        check_budget(budget)
        if budget.bytes is None and budget.tokens is None:
            raise InvalidQuery("shorten takes a budget of bytes or tokens: it makes memories shorter, not fewer")
        self._traces.flush()
        count = count_tokens or estimate_tokens
        asked = Asked(
            budget=budget,
            at=self._at(at),
            archived=archived,
            weigh=self._weighing(count),
            price=partial(cost, count=count, zone=self.zone),
            keeper=self._traces.keeper,
            dry_run=dry_run,
        )
        return shortening.shorten(self._records, self.store.namespaces(self.prefix), asked, check_whole("cap", cap))

    def _weighing(self, count: CountTokens | None) -> Weigh:
        """What each memory costs in a prompt, in the tokens of a counter."""
        return partial(costs, self.store, count=count or estimate_tokens, zone=self.zone)

    def _beyond(self, budget: Budget, at: datetime, *, archived: bool, weigh: Weigh) -> list[Going]:
        check_budget(budget)
        spaces = self.store.namespaces(self.prefix)
        return in_order([one for name in spaces for one in self._beyond_in(name, budget, at, weigh, archived=archived)])

    def _beyond_in(self, name: Namespace, budget: Budget, at: datetime, weigh: Weigh, *, archived: bool) -> list[Going]:
        """What is to go of exactly this namespace."""
        keeper = self._traces.keeper
        return beyond(self.store, self.policy, name, at, budget, archived=archived, weigh=weigh, keeper=keeper)

    def allocate(
        self, total: int, *, by: BudgetUnit = "count", apply: bool = False, count_tokens: CountTokens | None = None
    ) -> Allocation:
        """Divides a budget over the namespaces of this view by what more of it would be worth in each.

        Uses are counted from the first call on; until then the split is even.

        Args:
            total: of all namespaces together, in memories, bytes or tokens.
            by: what is divided: "count" (memories), "bytes" or "tokens", as of `Budget`.
            apply: also archives, in each namespace, what is beyond its budget.
            count_tokens: counts tokens of a text, for tokens; None is about a quarter of its bytes.

        Returns:
            The budget of each namespace, and what it is worth.

        Raises:
            InvalidQuery: `total` is not enough for a memory in each namespace, or `by` is none of the three.
        """
        check_choice("by", by, BUDGET_UNITS)
        total, weigh = check_whole("total", total), self._weighing(count_tokens)
        self._traces.flush()
        noted = self.store.note(DEMAND)
        if noted is None and self._reinforcing != "never":
            self.store.write_note(DEMAND, allocating.to_note({}))
        known = allocating.from_note(noted)
        names = {"/".join(namespace): namespace for namespace in self.store.namespaces(self.prefix)}
        demands = {name: known.get(self.store.alias(names[name]), Demand()) for name in names}
        weights = None if by == "count" else {name: self._weights(names[name], by, weigh) for name in names}
        found = allocating.divide(demands, total, by=by, weights=weights)
        if apply:
            for name, places in found.places().items():
                with self.store.alone():
                    budget, now = Budget(**{by: places}), self._clock()
                    going = self._beyond_in(names[name], budget, now, weigh, archived=False)
                    self.store.mark([one.id for one in going], archived=True)
        return found

    def _weights(self, namespace: Namespace, by: BudgetUnit, weigh: Weigh) -> Weights:
        """What the memories of a namespace take, most needed first, archived ones included: as uses are ranked."""
        import numpy as np

        ids, traces, sizes = self.store.holdings(namespace)
        order = self._traces.keeper.retrievability(traces, self._clock()).argsort()[::-1]
        (limit,) = limits(Budget(**{by: 0}), ids, sizes, np.ones(len(ids), np.bool_), weigh)
        return Weights.of(limit.taken[order].tolist())
