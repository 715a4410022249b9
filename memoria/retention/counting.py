"""What memories take of a budget of memories, bytes or tokens, and how many have to go so that it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from memoria.errors import InvalidQuery, shown
from memoria.types import Budget

if TYPE_CHECKING:
    from memoria.arrays import Bools, Ints

BudgetUnit = Literal["count", "bytes", "tokens"]
"""What a budget is counted in: memories, bytes, or tokens of a prompt."""
BUDGET_UNITS: tuple[BudgetUnit, ...] = get_args(BudgetUnit)
"""Every unit."""
Weigh = Callable[[Sequence[str]], "Ints"]
"""Takes n ids, and returns the tokens that each costs in a prompt, shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limit:
    """One limit of a budget over n memories.

    unit: what it is counted in. most: the limit, >= 0. taken: what each memory takes of it, shape (n,); 0 for what does
    not count.
    """

    unit: BudgetUnit
    most: int
    taken: Ints

    @property
    def over(self) -> int:
        """How much is taken beyond the limit; 0 or less when it is kept."""
        return int(self.taken.sum()) - self.most

    def excess(self, order: Sequence[int]) -> int:
        """How many have to go, in this order, so that what is left is within the limit; all when that is not enough.

        order: places of those that may go, m <= n.
        """
        import numpy as np

        if self.over <= 0:
            return 0
        return min(int(np.searchsorted(np.cumsum(self.taken[list(order)]), self.over)) + 1, len(order))


def check_budget(budget: Budget) -> None:
    """Raises InvalidQuery for a budget that is negative or limits nothing."""
    limits = {unit: getattr(budget, unit) for unit in BUDGET_UNITS}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InvalidQuery(f"{name} {shown(value)} is not a whole number")
    wrong = [f"{name} {value!r} is negative" for name, value in limits.items() if value is not None and value < 0]
    if wrong or all(value is None for value in limits.values()):
        raise InvalidQuery(*(wrong or ["a budget binds count, bytes or tokens, or several of them"]))


def limits(budget: Budget, ids: Sequence[str], sizes: Ints, counted: Bools, weigh: Weigh) -> list[Limit]:
    """The limits of a budget over the memories of one namespace.

    ids, sizes: n memories and their bytes. counted: which of them count, shape (n,). weigh: is asked for tokens only.
    """
    import numpy as np

    found = []
    if budget.count is not None:
        found.append(Limit(unit="count", most=budget.count, taken=counted.astype(np.int64)))
    if budget.bytes is not None:
        found.append(Limit(unit="bytes", most=budget.bytes, taken=np.where(counted, sizes, 0)))
    if budget.tokens is not None:
        tokens = np.zeros(len(ids), np.int64)
        tokens[counted] = weigh([ids[n] for n in counted.nonzero()[0].tolist()])
        found.append(Limit(unit="tokens", most=budget.tokens, taken=tokens))
    return found
