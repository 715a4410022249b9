"""A new theory of disuse: R. A. Bjork, E. L. Bjork, in Healy et al. (eds.), From Learning Processes to Cognitive
Processes, vol. 2, 1992, pp. 35-67.

Storage strength SS only grows; retrieval strength RS decays. The chapter gives assumptions, no equations; each line is
the smallest form (ours) that meets one of them:

    RS(t) = e^(-t / (scale (1 + SS)))            loss of RS is slower the greater SS                    (assumption 3)
    SS' = SS + storing (1 - RS) / (1 + SS / 10)  gain of SS falls with current RS and SS              (assumptions 2, 4)
    RS' = 1                                      a retrieval restores access                            (assumption 4)

That a use counts for more when RS is low is the spacing effect.
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
class Disuse(Model):
    """Retrievability is RS; `Trace.strength` is SS.

    Attributes:
        scale: days until RS falls to 1/e when SS = 0; > 0.
        storing: the most that one use adds to SS; > 0.
        emphasis: SS of a new memory of salience 1; >= 0.
    """

    spacing: ClassVar[bool] = True
    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {"scale": (0.1, 1000.0), "storing": (0.01, 20.0)}

    scale: float = 20.0
    storing: float = 2.0
    emphasis: float = 1.0

    def encode(self, memory: Memory) -> Trace:
        return Trace.of(memory, strength=self.emphasis * memory.salience)

    def one(self, trace: Trace, at: datetime) -> float:
        return math.exp(-days(trace, at) / (self.scale * (1 + trace.strength)))

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        exponent = traces.days(at)
        exponent /= -self.scale * (1 + traces.strength)
        out: Floats = np.exp(exponent, out=exponent)
        return out

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        if not recalled:
            return trace.missed()
        gain = self.storing * (1 - self.one(trace, at)) / (1 + trace.strength / 10)
        return trace.found(at, strength=trace.strength + gain)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # t = -scale (1 + SS) ln(threshold)
        return after(trace.last_retrieved, max(-self.scale * (1 + trace.strength) * math.log(threshold), 0.0))
