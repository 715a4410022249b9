"""ACT-R base-level activation with the spacing-dependent decay of Pavlik and Anderson.

J. R. Anderson, L. J. Schooler, Reflections of the environment in memory, Psychological Science 2, 1991;
P. I. Pavlik, J. R. Anderson, Practice and forgetting effects on vocabulary memory, Cognitive Science 29, 2005;
A. A. Petrov, Computationally efficient approximation of the base-level learning equation in ACT-R, ICCM 2006.

    m_n(t) = ln sum_j t_j^(-d_j)                                    activation after n presentations   (P&A eq. 1, 3)
    d_j = c e^(m_(j-1)) + a                                         decay of the j-th presentation     (P&A eq. 5)
    P = 1 / (1 + e^((tau - m) / s))                                 probability of recall              (P&A eq. 2)

The k latest presentations count one by one; of the n - k older ones only number, mean decay d and span are kept:

    sum_(j>k) t_j^(-d) ~ (n - k) (t_n^(1-d) - t_k^(1-d)) / ((1 - d) (t_n - t_k))                       (Petrov eq. 6)

With k = 0 it is the "optimized learning" of ACT-R, n t_n^(-d) / (1 - d). With c = 0 there is no spacing effect.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from memoria.policies.model import Model
from memoria.types import RECENT, Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces

_SECOND = timedelta(seconds=1)
# Closer to 1 than this, the integral of Petrov's equation loses its digits.
_NEAR_ONE = 1e-6
# How many units a presentation is old at least: activation is infinite at no age at all.
_LEAST_AGE = 1.0
# The sum of what decayed fast long ago is below the smallest number.
_LEAST_SUM = sys.float_info.min


@dataclass(frozen=True, slots=True, kw_only=True)
class ActR(Model):
    """Retrievability from the whole history, recent presentations counting most.

    The default tau is lower than P&A's -0.704 for word pairs, so that what was seen once lasts about a day.

    Attributes:
        a: intercept of decay, in (0, 1) (P&A table 4).
        c: scale of decay, >= 0; 0 gives plain ACT-R, where d = a.
        tau: retrieval threshold, in units of activation.
        s: noise of activation, > 0.
        unit: seconds that count as one second of time between sessions; 40 is P&A's h = 0.025.
        k: how many presentations count one by one, 0 to 16.
    """

    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {"a": (0.02, 0.95), "tau": (-6.0, 2.0), "s": (0.05, 2.0)}

    a: float = 0.177
    c: float = 0.217
    tau: float = -1.6
    s: float = 0.255
    unit: float = 40.0
    k: int = RECENT

    @property
    def spacing(self) -> bool:  # type: ignore[override]  # plain ACT-R has none
        return self.c > 0

    def encode(self, memory: Memory) -> Trace:
        # Nothing was there before, so m is minus infinity and d is a (P&A, p. 571).
        return Trace.of(memory, decay=self.a)

    def activation(self, trace: Trace, at: datetime) -> float:
        """Base-level activation m: the logarithm of the sum over presentations (P&A eq. 1, 3).

        Args:
            trace: the trace.
            at: when; aware.

        Returns:
            Activation, any real number.
        """
        return math.log(max(self._summed(trace, at), _LEAST_SUM))

    def _summed(self, trace: Trace, at: datetime) -> float:
        seen = trace.recent or ((trace.last_retrieved, 0.0),)
        used = seen[len(seen) - self.k :] if self.k < len(seen) else seen
        ages = [self._age(time, at) for time, _ in used]
        total = sum(math.pow(age, -(rate or self.a)) for age, (_, rate) in zip(ages, used, strict=True))
        left = max(trace.retrievals + 1, len(seen)) - len(used)
        if not left:
            return total
        dropped = [rate or self.a for _, rate in seen[: len(seen) - len(used)]]
        mean = ((trace.older or self.a) * (left - len(dropped)) + sum(dropped)) / left
        return total + left * _span(self._age(trace.start, at), max(ages) if ages else 0.0, mean)

    def _age(self, time: datetime, at: datetime) -> float:
        return max((at - time) / _SECOND / self.unit, _LEAST_AGE)

    def one(self, trace: Trace, at: datetime) -> float:
        return _logistic((self.activation(trace, at) - self.tau) / self.s)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        activation = (
            self._once(traces, at)
            if self._all_once(traces)
            else np.log(np.maximum(self._summed_columns(traces, at), _LEAST_SUM))
        )
        with np.errstate(over="ignore"):
            out: Floats = 1 / (1 + np.exp((self.tau - activation) / self.s))
        return out

    def _all_once(self, traces: Traces) -> bool:
        return self.k > 0 and traces.recent.shape[1] == 1 and not traces.retrievals.any()

    def _once(self, traces: Traces, at: datetime) -> Floats:
        """m of traces with one presentation each: ln t^(-d) is -d ln t, without a power to take the logarithm of."""
        import numpy as np

        from memoria.traces import micros

        ages = np.maximum((micros(at) - traces.recent[:, 0]) / (self.unit * 1e6), _LEAST_AGE)
        out: Floats = np.log(ages) * np.where(traces.rates[:, 0] == 0, -self.a, -traces.rates[:, 0])
        return out

    def _summed_columns(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        from memoria.traces import micros

        now, scale = micros(at), self.unit * 1e6
        width = traces.recent.shape[1]
        first = max(width - self.k, 0)
        ages = np.maximum((now - traces.recent[:, first:]) / scale, _LEAST_AGE)
        rates = np.where(traces.rates == 0, self.a, traces.rates)
        total: Floats = np.exp(-rates[:, first:] * np.log(ages)).sum(axis=1)
        present = np.isfinite(traces.recent)
        used = present[:, first:].sum(axis=1)
        left = np.maximum(traces.retrievals + 1, present.sum(axis=1)) - used
        if left.any():
            dropped = present[:, :first].sum(axis=1)
            older = np.where(traces.older == 0, self.a, traces.older) * (left - dropped)
            mean = (older + (rates * present)[:, :first].sum(axis=1)) / np.maximum(left, 1)
            oldest = np.where(np.isfinite(ages), ages, 0.0).max(axis=1, initial=0.0)
            age = np.maximum((now - traces.encoded_at) / scale, _LEAST_AGE)
            total += np.where(left > 0, left * _span_columns(age, oldest, mean), 0.0)
        return total

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        if not recalled:
            return trace.missed()
        return trace.found(at, decay=self.c * self._summed(trace, at) + self.a)


def _span(oldest: float, newest: float, d: float) -> float:
    """Petrov's mean of t^-d for presentations spread evenly between two ages."""
    d = d if abs(1 - d) > _NEAR_ONE else 1 - _NEAR_ONE
    if oldest <= newest:
        return math.pow(max(newest, _LEAST_AGE), -d)
    lower = math.pow(newest, 1 - d) if newest > 0 else 0.0
    return (math.pow(oldest, 1 - d) - lower) / ((1 - d) * (oldest - newest))


def _span_columns(oldest: Floats, newest: Floats, d: Floats) -> Floats:
    import numpy as np

    d = np.where(np.abs(1 - d) > _NEAR_ONE, d, 1 - _NEAR_ONE)
    least = np.maximum(newest, _LEAST_AGE)
    apart = np.where(oldest > newest, oldest - newest, 1.0)
    lower = np.where(newest > 0, least ** (1 - d), 0.0)
    spread = (oldest ** (1 - d) - lower) / ((1 - d) * apart)
    out: Floats = np.where(oldest > newest, spread, least**-d)
    return out


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
