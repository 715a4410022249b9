"""Salience: how much a memory is worth keeping as it was judged when it was stored, and how easily it is recalled now.

The importance and recency of the score of J. S. Park et al., Generative Agents, UIST 2023, 4.1, with any model for the
second of them:

    keep = (salience + recency R_base) / (1 + recency)

Under a budget of bytes or tokens, what takes more than others has to be worth more: each e-fold beyond their geometric
mean takes `burden` off the salience, except of extracted facts (semantic memories), of which the long ones say more.

With recency 0 the time of a memory and its uses do not count, with a large one they alone do. Where all memories have
one salience, the order is that of the base. The salience is that of the trace: a place in [0, 1] that was judged from
the text, or given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.errors import InvalidInput, shown
from memoria.policies.operators import Wrapped
from memoria.types import Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats, Ints
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Salience(Wrapped):
    """The weighted mean of the salience and of the retrievability by another policy.

    Attributes:
        base: the policy of R_base.
        recency: weight of R_base beside that of the salience, which is 1; >= 0.
        burden: salience that is taken off for each e-fold of bytes or tokens; >= 0.

    Raises:
        InvalidInput: a weight is below 0, or no finite number.
    """

    recency: float = 0.5
    burden: float = 0.3

    def __post_init__(self) -> None:
        wrong = [
            f"{name} {shown(value)} is not a number from 0 on"
            for name, value in (("recency", self.recency), ("burden", self.burden))
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf")
        ]
        if wrong:
            raise InvalidInput(*wrong)

    @property
    def spacing(self) -> bool:  # type: ignore[override]  # it is that of the base, where that counts
        return self.recency > 0 and self.base.spacing

    def one(self, trace: Trace, at: datetime) -> float:
        return (trace.salience + self.recency * self.base.one(trace, at)) / (1 + self.recency)

    def many(self, traces: Traces, at: datetime) -> Floats:
        out: Floats = self.recency * self.base.many(traces, at)
        out += traces.salience
        out /= 1 + self.recency
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        # When R_base falls below (threshold (1 + recency) - salience) / recency; never if the salience is enough.
        needed = threshold * (1 + self.recency) - trace.salience
        if needed <= 0:
            return None
        return trace.last_retrieved if needed >= self.recency else self.base.next_below(trace, needed / self.recency)

    def weighed(self, costs: Ints) -> Floats:
        """What is taken off the worth of memories under a budget of bytes or tokens.

        Args:
            costs: bytes or tokens of each memory, shape (n,); 0 for what does not count.

        Returns:
            Numbers, shape (n,); below 0 for what is lighter than the others.
        """
        import numpy as np

        logs = np.log(np.maximum(costs, 1))
        paid = costs > 0
        mean = logs[paid].mean() if paid.any() else 0.0
        out: Floats = np.where(paid, self.burden / (1 + self.recency) * (logs - mean), 0.0)
        return out
