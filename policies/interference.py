"""Interference: similar memories that came later weaken retrieval (J. A. McGeoch, Psychological Review 39, 1932).

In the ratio rule of J. G. W. Raaijmakers, R. M. Shiffrin, Search of associative memory, Psychological Review 88, 1981,
a memory competes with all that the cue evokes:

    P = S_i / sum_j S_j        (eq. 1),  here   R = R_base / (1 + weight I),   I = summed similarity of later rivals

It wraps any model, which gives R_base. The engine tells `interfere` of each later memory that is like this one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.policies.exponential import Exponential
from memoria.policies.model import Model
from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Interference(Model):
    """Retrievability by another model, lowered by similar memories that came later.

    Attributes:
        base: the model that gives R_base.
        weight: effect of a rival of cosine 1; >= 0.
        similar: cosine from which a later memory is a rival, in (0, 1].
    """

    base: Model = Exponential()  # noqa: RUF009 - frozen, so that one default can serve all
    weight: float = 0.5
    similar: float = 0.8

    @property
    def spacing(self) -> bool:  # type: ignore[override]  # it is that of the base
        return self.base.spacing

    def encode(self, memory: Memory) -> Trace:
        return self.base.encode(memory)

    def interfere(self, trace: Trace, similarity: float) -> Trace:
        """The trace after a later memory was stored.

        Args:
            trace: the trace of the earlier memory.
            similarity: cosine of the two, in [-1, 1].

        Returns:
            The trace with more interference; the same one when the two are not similar enough.
        """
        if similarity < self.similar:
            return trace
        return replace(trace, interference=trace.interference + similarity)

    def one(self, trace: Trace, at: datetime) -> float:
        return self.base.one(trace, at) / (1 + self.weight * trace.interference)

    def many(self, traces: Traces, at: datetime) -> Floats:
        out: Floats = self.base.many(traces, at) / (1 + self.weight * traces.interference)
        return out

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        return self.base.reinforce(trace, at, recalled=recalled)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # When the base falls below threshold (1 + weight I).
        needed = threshold * (1 + self.weight * trace.interference)
        return trace.last_retrieved if needed >= 1 else self.base.next_below(trace, needed)
