"""FSRS-6: J. Ye, J. Su, Y. Cao, A stochastic shortest path algorithm for optimizing spaced repetition scheduling, KDD
2022; the algorithm as published by open-spaced-repetition, version 6. Numbers are those of its description.

    R(t, S) = (1 + factor t / S)^-w20,  factor = 0.9^(-1/w20) - 1                                     forgetting curve
    S0(G) = w_(G-1),  D0(G) = w4 - e^(w5 (G-1)) + 1                                                    first review
    D' = w7 D0(4) + (1 - w7) (D - w6 (G - 3) (10 - D) / 9)                                             difficulty
    S' = S (1 + e^w8 (11 - D) S^-w9 (e^(w10 (1-R)) - 1) w15^[G=2] w16^[G=4])                           success
    S' = min(w11 D^-w12 ((S + 1)^w13 - 1) e^(w14 (1-R)), S / e^(w17 w18))                              lapse
    S' = S e^(w17 (G - 3 + w18)) S^-w19, not below S when G > 1                                        same day

Grades G: 1 again, 2 hard, 3 good, 4 easy. An agent says found (3) or missed (1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from memoria.errors import InvalidInput
from memoria.policies.model import Model, after, days
from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces

WEIGHTS = (
    *(0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796),
    *(1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542),
)
AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4
_LEAST_STABILITY = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class FSRS6(Model):
    """Stability, difficulty, retrievability.

    Attributes:
        w: the 21 weights w0 to w20.
        first: grade of the first presentation, 1 to 4.
        grain: elapsed time is rounded down to multiples of so many days; 1 as the package `fsrs` does, 0 for no
            rounding.

    Raises:
        InvalidInput: there are not 21 weights, or `first` is no grade.
    """

    spacing: ClassVar[bool] = True
    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {
        "w[2]": (0.01, 100.0),
        "w[8]": (0.0, 4.5),
        "w[20]": (0.1, 0.8),
    }

    w: tuple[float, ...] = WEIGHTS
    first: int = GOOD
    grain: float = 0.0

    def __post_init__(self) -> None:
        if len(self.w) != len(WEIGHTS) or self.first not in (AGAIN, HARD, GOOD, EASY):
            raise InvalidInput(f"{len(self.w)} weights and first grade {self.first!r}: FSRS-6 has 21 and grades 1 to 4")

    @property
    def _factor(self) -> float:
        return math.pow(0.9, -1 / self.w[20]) - 1

    def encode(self, memory: Memory) -> Trace:
        return Trace.of(
            memory,
            stability=max(self.w[self.first - 1], _LEAST_STABILITY),
            difficulty=_clamped(self._first_difficulty(self.first)),
        )

    def one(self, trace: Trace, at: datetime) -> float:
        return math.pow(1 + self._factor * self._elapsed(trace, at) / trace.stability, -self.w[20])

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        base = traces.days(at)
        if self.grain:
            base = np.floor(base / self.grain) * self.grain
        base *= self._factor
        base /= traces.stability
        np.log1p(base, out=base)
        base *= -self.w[20]
        out: Floats = np.exp(base, out=base)
        return out

    def _elapsed(self, trace: Trace, at: datetime) -> float:
        elapsed = days(trace, at)
        return math.floor(elapsed / self.grain) * self.grain if self.grain else elapsed

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        return self.review(trace, at, GOOD if recalled else AGAIN)

    def review(self, trace: Trace, at: datetime, grade: int) -> Trace:
        """The trace after a review with a grade.

        Args:
            trace: the trace before.
            at: when; aware.
            grade: 1 again, 2 hard, 3 good, 4 easy.

        Returns:
            The trace after it.
        """
        if days(trace, at) < 1:
            stability = self._same_day(trace.stability, grade)
        elif grade == AGAIN:
            stability = self._lapse(trace, self.one(trace, at))
        else:
            stability = self._success(trace, self.one(trace, at), grade)
        stability, difficulty = max(stability, _LEAST_STABILITY), self._difficulty(trace.difficulty, grade)
        # A miss is a review too: time counts from it.
        return (
            trace.missed(last_retrieved=max(at, trace.last_retrieved), stability=stability, difficulty=difficulty)
            if grade == AGAIN
            else trace.found(at, stability=stability, difficulty=difficulty)
        )

    def _first_difficulty(self, grade: int) -> float:
        return self.w[4] - math.exp(self.w[5] * (grade - 1)) + 1

    def _difficulty(self, difficulty: float, grade: int) -> float:
        damped = difficulty - self.w[6] * (grade - 3) * (10 - difficulty) / 9
        return _clamped(self.w[7] * self._first_difficulty(EASY) + (1 - self.w[7]) * damped)

    def _same_day(self, stability: float, grade: int) -> float:
        gain = math.exp(self.w[17] * (grade - 3 + self.w[18])) * math.pow(stability, -self.w[19])
        return stability * (max(gain, 1.0) if grade > AGAIN else gain)

    def _success(self, trace: Trace, r: float, grade: int) -> float:
        w, s = self.w, trace.stability
        bonus = {HARD: w[15], EASY: w[16]}.get(grade, 1.0)
        gain = math.exp(w[8]) * (11 - trace.difficulty) * math.pow(s, -w[9]) * (math.exp((1 - r) * w[10]) - 1)
        return s * (1 + gain * bonus)

    def _lapse(self, trace: Trace, r: float) -> float:
        w, s = self.w, trace.stability
        long = w[11] * math.pow(trace.difficulty, -w[12]) * (math.pow(s + 1, w[13]) - 1) * math.exp((1 - r) * w[14])
        return min(long, s / math.exp(w[17] * w[18]))

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # t = S (threshold^(-1/w20) - 1) / factor, rounded up to the grain.
        exponent = -math.log(threshold) / self.w[20]
        elapsed = max(trace.stability * math.expm1(exponent) / self._factor, 0.0) if exponent < 700 else math.inf
        if self.grain and math.isfinite(elapsed):
            elapsed = math.ceil(elapsed / self.grain) * self.grain
        return after(trace.last_retrieved, elapsed)


def _clamped(difficulty: float) -> float:
    return min(max(difficulty, 1.0), 10.0)
