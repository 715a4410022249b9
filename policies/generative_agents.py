"""Generative agents: J. S. Park et al., Generative Agents: Interactive Simulacra of Human Behavior, UIST 2023, 4.1.

    score = alpha_recency * recency + alpha_importance * importance + alpha_relevance * relevance,  all alphas 1
    recency = 0.995^hours since the memory was last retrieved

The published code ranks recency the wrong way round (its exponent grows with freshness, so the stalest memory wins);
here what was used last has recency 1. Retrievability is the part of the score that needs no question: recency and
importance over the sum of their weights. `score` adds relevance. There is no spacing effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from memoria.policies.model import Model, after, days
from memoria.types import Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerativeAgents(Model):
    """Recency and importance, as a weighted mean. The three weights are the alphas of the score, not all 0.

    Attributes:
        decay: factor of recency per hour, in (0, 1).
        recency: weight of recency, >= 0.
        importance: weight of importance, >= 0.
        relevance: weight of relevance, >= 0; only in `score`.
    """

    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {"decay": (0.5, 0.99999), "importance": (0.01, 10.0)}

    decay: float = 0.995
    recency: float = 1.0
    importance: float = 1.0
    relevance: float = 1.0

    def one(self, trace: Trace, at: datetime) -> float:
        recent = math.exp(24 * days(trace, at) * math.log(self.decay))
        return (self.recency * recent + self.importance * trace.salience) / (self.recency + self.importance)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        recent = np.exp(traces.days(at) * (24 * math.log(self.decay)))
        out: Floats = (self.recency * recent + self.importance * traces.salience) / (self.recency + self.importance)
        return out

    def score(self, trace: Trace, at: datetime, relevance: float) -> float:
        """The published score of a memory for a question.

        Args:
            trace: the trace of the memory.
            at: when; aware.
            relevance: cosine of the memory with the question, in [0, 1].

        Returns:
            The weighted sum of recency, importance and relevance.
        """
        return (self.recency + self.importance) * self.one(trace, at) + self.relevance * relevance

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        # hours = ln((threshold (a_r + a_i) - a_i importance) / a_r) / ln(decay); never if importance is enough.
        recent = threshold * (self.recency + self.importance) - self.importance * trace.salience
        if recent <= 0:
            return None
        hours = math.log(recent / self.recency) / math.log(self.decay) if self.recency else 0.0
        return after(trace.last_retrieved, max(hours, 0.0) / 24)
