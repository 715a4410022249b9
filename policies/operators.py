"""Operators: small policies made of others. `Floor(base=Faster(base=ActR(), kinds=("episodic",)))` reads inside out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.policies.exponential import Exponential
from memoria.policies.model import DAY, LATEST, Model, after
from memoria.types import KINDS, Kind, Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped(Model):
    """What each operator leaves to its base.

    Attributes:
        base: the policy that is changed.
    """

    base: Model = Exponential()  # noqa: RUF009 - frozen, so that one default can serve all

    @property
    def spacing(self) -> bool:  # type: ignore[override]  # it is that of the base
        return self.base.spacing

    def encode(self, memory: Memory) -> Trace:
        return self.base.encode(memory)

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        return self.base.reinforce(trace, at, recalled=recalled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protect(Wrapped):
    """Pinned and held memories have retrievability 1, for ever.

    Attributes:
        base: the policy of all other memories.
    """

    def one(self, trace: Trace, at: datetime) -> float:
        return 1.0 if trace.protected else self.base.one(trace, at)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        out: Floats = np.where(traces.pinned | traces.held, 1.0, self.base.many(traces, at))
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return None if trace.protected else self.base.next_below(trace, threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor(Wrapped):
    """Retrievability never falls below a share of the salience.

    Attributes:
        base: the policy that is changed.
        height: the share, in [0, 1].
    """

    height: float = 0.5

    def one(self, trace: Trace, at: datetime) -> float:
        return max(self.base.one(trace, at), self.height * trace.salience)

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        out: Floats = np.maximum(self.base.many(traces, at), self.height * traces.salience)
        return out

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        return None if self.height * trace.salience >= threshold else self.base.next_below(trace, threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faster(Wrapped):
    """For memories of some kinds time runs faster, counted from when they were stored.

    Attributes:
        base: the policy that is changed.
        kinds: the kinds of memories.
        factor: how many times as fast; > 0.
    """

    kinds: tuple[Kind, ...] = ("episodic",)
    factor: float = 2.0

    def one(self, trace: Trace, at: datetime) -> float:
        return self.base.one(self._stretched(trace), self._then(trace, at))

    def many(self, traces: Traces, at: datetime) -> Floats:
        import numpy as np

        from memoria.traces import micros

        # Ages are what matters: they are stretched backwards from `at`, which is one time for all.
        now = micros(at)
        factor = np.array([self.factor if kind in self.kinds else 1.0 for kind in KINDS])[traces.kind]
        stretched = traces.replaced(
            last_retrieved=now - np.round((now - traces.last_retrieved) * factor).astype(np.int64),
            encoded_at=now - np.round((now - traces.encoded_at) * factor).astype(np.int64),
            recent=now - (now - traces.recent) * factor[:, None],
        )
        return self.base.many(stretched, at)

    def _speed(self, trace: Trace) -> float:
        return self.factor if trace.kind in self.kinds else 1.0

    def _then(self, trace: Trace, at: datetime) -> datetime:
        return after(trace.start, (at - trace.start) / DAY * self._speed(trace)) or LATEST

    def _stretched(self, trace: Trace) -> Trace:
        return replace(
            trace,
            encoded_at=trace.start,
            last_retrieved=self._then(trace, trace.last_retrieved),
            recent=tuple((self._then(trace, time), rate) for time, rate in trace.recent),
        )

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        after_ = self.base.reinforce(self._stretched(trace), self._then(trace, at), recalled=recalled)
        if not recalled:
            return replace(after_, last_retrieved=trace.last_retrieved, recent=trace.recent)
        counted = trace.found(at)
        rates = [rate for _, rate in after_.recent]
        recent = tuple((time, rate) for (time, _), rate in zip(counted.recent, rates, strict=True))
        return replace(after_, last_retrieved=counted.last_retrieved, recent=recent)

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        due = self.base.next_below(self._stretched(trace), threshold)
        return None if due is None else after(trace.start, (due - trace.start) / DAY / self._speed(trace))
