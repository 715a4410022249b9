"""Ebbinghaus' savings: H. Ebbinghaus, Ueber das Gedaechtnis, 1885, section 29 (Memory, 1913, pp. 76-78).

    b = 100 k / ((log t)^c + k),    k = 1.84, c = 1.25, log to base 10                                     (p. 77)

b is the work saved in relearning, in per cent; t counts minutes from one minute before the end of learning, so that
b = 100 at the moment when learning ends. There is no term for repetition: no spacing effect.
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

_MINUTES = 1440.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings(Model):
    """R = k / ((log10 t)^c + k), t in minutes since the last retrieval, plus one.

    Attributes:
        k: constant of the formula; > 0.
        c: exponent of the formula; > 0.
    """

    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {"k": (0.01, 100.0), "c": (0.1, 10.0)}

    k: float = 1.84
    c: float = 1.25

    def one(self, trace: Trace, at: datetime) -> float:
        lost = math.pow(math.log10(1 + _MINUTES * days(trace, at)), self.c)
        return self.k / (lost + self.k)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        lost = np.log10(1 + _MINUTES * traces.days(at))
        # exp of log is faster than a power; the logarithm of 0 minutes is minus infinity, and its exp 0 again.
        with np.errstate(divide="ignore"):
            np.log(lost, out=lost)
        lost *= self.c
        np.exp(lost, out=lost)
        out: Floats = self.k / (lost + self.k)
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # t = 10^((k (1/threshold - 1))^(1/c))
        power = math.pow(max(self.k * (1 / threshold - 1), 0.0), 1 / self.c)
        minutes = math.pow(10.0, power) - 1 if power < 300 else math.inf
        return after(trace.last_retrieved, minutes / _MINUTES)
