"""Power-law forgetting: W. A. Wickelgren, Single-trace fragility theory of memory dynamics, Memory &
Cognition 2, 1974.

    m = lambda (1 + beta t)^-psi          (Wickelgren 1974; Wixted and Carpenter, Psychological Science 18, 2007, eq. 1)

with lambda = 1 and beta written through the stability S, so that R(S) = 0.9: beta = (0.9^(-1/psi) - 1) / S. The curve
says nothing of repetition; here a success multiplies S by a constant, whenever it comes: no spacing effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from memoria.policies.model import Model, after, days
from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw(Model):
    """R = (1 + beta t)^-psi, t in days since the last retrieval.

    Attributes:
        stability: S of a new memory, in days; > 0.
        psi: exponent of the curve; > 0.
        growth: when the memory is found, S is multiplied by this; >= 1.
        loss: when it is missed, S is multiplied by this; in (0, 1].
    """

    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {
        "stability": (0.01, 1000.0),
        "psi": (0.01, 5.0),
        "growth": (1.0, 20.0),
        "loss": (0.01, 1.0),
    }

    stability: float = 2.0
    psi: float = 0.5
    growth: float = 2.0
    loss: float = 0.5

    @property
    def _beta(self) -> float:
        """beta times S."""
        return math.pow(0.9, -1 / self.psi) - 1

    def encode(self, memory: Memory) -> Trace:
        return Trace.of(memory, stability=self.stability)

    def one(self, trace: Trace, at: datetime) -> float:
        return math.pow(1 + self._beta * days(trace, at) / trace.stability, -self.psi)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        base = traces.days(at)
        base *= self._beta
        base /= traces.stability
        # exp of log1p is faster than a power, and no less exact here.
        np.log1p(base, out=base)
        base *= -self.psi
        out: Floats = np.exp(base, out=base)
        return out

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        if not recalled:
            return trace.missed(stability=trace.stability * self.loss)
        return trace.found(at, stability=trace.stability * self.growth)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # t = (threshold^(-1/psi) - 1) / beta, where the power may be too large for a float.
        exponent = -math.log(threshold) / self.psi
        ratio = math.expm1(exponent) / self._beta if exponent < 700 else math.inf
        return after(trace.last_retrieved, max(trace.stability * ratio, 0.0))
