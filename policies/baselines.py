"""Baselines for evaluation: what a cache would do. They do not model memory.

L. A. Belady, A study of replacement algorithms for a virtual-storage computer, IBM Systems Journal 5, 1966, for the
clairvoyant one. Their retrievability is only an order: the memory with the least goes first.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.policies.model import DAY, Model, after, days
from memoria.types import Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Never(Model):
    """Nothing fades."""

    def one(self, trace: Trace, at: datetime) -> float:
        return 1.0

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        return np.ones(len(traces))

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return trace.last_retrieved if threshold > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lru(Model):
    """Least recently used goes first.

    Attributes:
        half: days without use that halve the value; > 0.
    """

    half: float = 30.0

    def one(self, trace: Trace, at: datetime) -> float:
        return math.exp(-math.log(2) * days(trace, at) / self.half)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        out: Floats = np.exp(traces.days(at) * (-math.log(2) / self.half))
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return _halved(trace.last_retrieved, self.half, threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fifo(Model):
    """First in, first out, used or not.

    Attributes:
        half: days of age that halve the value; > 0.
    """

    half: float = 30.0

    def one(self, trace: Trace, at: datetime) -> float:
        return math.exp(-math.log(2) * max((at - trace.start) / DAY, 0.0) / self.half)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        out: Floats = np.exp(traces.replaced(last_retrieved=traces.encoded_at).days(at) * (-math.log(2) / self.half))
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        due = _halved(trace.start, self.half, threshold)
        return None if due is None else max(due, trace.last_retrieved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lfu(Model):
    """Least often used goes first: 1 - 1 / (2 + retrievals), the same at all times."""

    def one(self, trace: Trace, at: datetime) -> float:
        return 1 - 1 / (2 + trace.retrievals)

    def many(self, traces: Traces, at: datetime) -> Floats:
        out: Floats = 1 - 1 / (2.0 + traces.retrievals)
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return _constant(trace, self.one(trace, trace.last_retrieved), threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Random(Model):
    """In random order: a number drawn from `seed` and the time of encoding (SplitMix64, Steele et al. 2014).

    Attributes:
        seed: another one gives another order.
    """

    seed: int = 0

    def one(self, trace: Trace, at: datetime) -> float:
        from memoria.traces import micros

        return _mixed((micros(trace.start) + self.seed * 0x9E3779B97F4A7C15) & _MASK) / 2.0**64

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        return (
            np.array([_mixed((int(t) + self.seed * 0x9E3779B97F4A7C15) & _MASK) for t in traces.encoded_at]) / 2.0**64
        )

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return _constant(trace, self.one(trace, trace.last_retrieved), threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Belady(Model):
    """Clairvoyant: the memory that is needed last, or never again, goes first. Its value rises before a use.

    Attributes:
        uses: for each time of encoding, by which a memory is known, the times of its uses, ascending.
    """

    uses: Mapping[datetime, tuple[datetime, ...]] = field(default_factory=dict)

    def one(self, trace: Trace, at: datetime) -> float:
        coming = self.uses.get(trace.start, ())
        position = bisect_right(coming, at)
        return 0.0 if position == len(coming) else 1 / (1 + (coming[position] - at) / DAY)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        if threshold <= 0:
            return None
        # Its last use.
        return max((*self.uses.get(trace.start, ()), trace.last_retrieved))


def _halved(start: datetime, half: float, threshold: float) -> datetime | None:
    return None if threshold <= 0 else after(start, max(-half * math.log2(threshold), 0.0))


def _constant(trace: Trace, value: float, threshold: float) -> datetime | None:
    return trace.last_retrieved if value < threshold else None


def _mixed(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
