"""Exponential forgetting: H. Ebbinghaus, Ueber das Gedaechtnis, 1885; in the form R(t) = 0.9^(t/S).

S, the stability, is the time in days until retrievability has fallen to 0.9 (the convention of FSRS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.protocols import Floats

_DAY = timedelta(days=1)
_LOG_R = math.log(0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """R = 0.9^(t/S), t in days since the last retrieval.

    stability: S of a new memory in days; > 0. growth: S is multiplied by 1 + growth * (1 - R) when it is found, so
    that massed repeats add next to nothing (the spacing effect); >= 0.
    loss: S is multiplied by this when it is missed; in (0, 1].
    """

    stability: float = 7.0
    growth: float = 4.0
    loss: float = 0.5

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory."""
        return Trace(stability=self.stability, last_retrieved=memory.created_at)

    def retrievability(self, traces: Sequence[Trace], at: datetime) -> Floats:
        """Probability of retrieval at `at`, shape (n,)."""
        import numpy as np

        days = np.array([(at - trace.last_retrieved) / _DAY for trace in traces], np.float64)
        stability = np.array([trace.stability for trace in traces], np.float64)
        return np.exp(_LOG_R * np.maximum(days, 0.0) / stability)

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after it was looked for at `at`."""
        if not recalled:
            return replace(trace, stability=trace.stability * self.loss, lapses=trace.lapses + 1)
        gain = 1 + self.growth * (1 - float(self.retrievability([trace], at)[0]))
        return replace(trace, stability=trace.stability * gain, last_retrieved=at, retrievals=trace.retrievals + 1)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When R falls below `threshold` in (0, 1]: t = S ln(threshold) / ln(0.9); None when that is never."""
        if threshold <= 0:
            return None
        return trace.last_retrieved + trace.stability * math.log(threshold) / _LOG_R * _DAY
