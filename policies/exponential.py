"""Exponential forgetting: H. Ebbinghaus, Ueber das Gedaechtnis, 1885; in the form R(t) = 0.9^(t/S).

S, the stability, is the time in days until retrievability has fallen to 0.9 (the convention of FSRS).
Ebbinghaus' own savings formula is another curve: see savings.py.
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

_LOG_R = math.log(0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Model):
    """R = 0.9^(t/S), t in days since the last retrieval.

    Attributes:
        stability: S of a new memory, in days; > 0.
        growth: when the memory is found, S is multiplied by 1 + growth * (1 - R), so that massed repetitions add
            almost nothing (the spacing effect); >= 0.
        loss: when it is missed, S is multiplied by this; in (0, 1].
    """

    spacing: ClassVar[bool] = True
    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {
        "stability": (0.01, 1000.0),
        "growth": (0.01, 100.0),
        "loss": (0.01, 1.0),
    }

    stability: float = 7.0
    growth: float = 4.0
    loss: float = 0.5

    def encode(self, memory: Memory) -> Trace:
        return Trace.of(memory, stability=self.stability)

    def one(self, trace: Trace, at: datetime) -> float:
        return math.exp(_LOG_R * days(trace, at) / trace.stability)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        exponent = traces.days(at)
        exponent *= _LOG_R
        exponent /= traces.stability
        out: Floats = np.exp(exponent, out=exponent)
        return out

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        if not recalled:
            return trace.missed(stability=trace.stability * self.loss)
        gain = 1 + self.growth * (1 - self.one(trace, at))
        return trace.found(at, stability=trace.stability * gain)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # t = S ln(threshold) / ln(0.9)
        return after(trace.last_retrieved, max(trace.stability * math.log(threshold) / _LOG_R, 0.0))
