"""What every model shares: a model says how one trace is held, and the rest is built on top of that once.

A model of your own needs `one`, and mostly `encode` and `reinforce`. `many` and `next_below` come with it: a loop,
and a bracketed root (R. P. Brent, Algorithms for Minimization without Derivatives, 1973). Override them where numpy
or algebra can do better; `memoria.testing.policies.PolicyConformance` checks that both forms agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, overload

from memoria.types import Memory, Trace

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.traces import Traces

DAY = timedelta(days=1)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class Model:
    """Base of the models here. A model is a small frozen value: no clock, no store, no I/O.

    spacing: whether it claims the spacing effect. fitted: parameters that `fit` may choose, and between which bounds.
    """

    __slots__ = ()
    spacing: ClassVar[bool] = False
    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory."""
        return Trace.of(memory)

    @overload
    def retrievability(self, traces: Trace, at: datetime) -> float: ...
    @overload
    def retrievability(self, traces: Sequence[Trace] | Traces, at: datetime) -> Floats: ...
    def retrievability(self, traces: Trace | Sequence[Trace] | Traces, at: datetime) -> float | Floats:
        """Probability in [0, 1] of retrieval at `at`: a float for one trace, shape (n,) for n."""
        if isinstance(traces, Trace):
            return self.one(traces, at)
        from memoria.traces import Traces, in_blocks

        columns = traces if isinstance(traces, Traces) else Traces.of(traces)
        return in_blocks(lambda part: self.many(part, at), columns)

    def one(self, trace: Trace, at: datetime) -> float:
        """Retrievability of one trace."""
        raise NotImplementedError

    def many(self, traces: Traces, at: datetime) -> Floats:
        """Retrievability of columns, shape (n,)."""
        import numpy as np

        return np.array([self.one(trace, at) for trace in traces], np.float64)

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after it was looked for at `at`, and found or missed."""
        return trace.found(at) if recalled else trace.missed()

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When retrievability falls below `threshold`; None for never, or not before the year 9999."""
        return root(self, trace, threshold)


def days(trace: Trace, at: datetime) -> float:
    """Days since the trace was last retrieved, >= 0."""
    return max((at - trace.last_retrieved) / DAY, 0.0)


def after(start: datetime, elapsed: float) -> datetime | None:
    """The time `elapsed` days after `start`; None beyond the year 9999."""
    # Elapsed may be infinite or larger than a timedelta can be.
    if not elapsed < (LATEST - start) / DAY:
        return None
    return start + elapsed * DAY


def root(model: Model, trace: Trace, threshold: float) -> datetime | None:
    """`next_below` where no closed form exists: the interval doubles until it holds the root."""
    from scipy.optimize import brentq

    start = trace.last_retrieved
    limit = (LATEST - start) / DAY

    def above(elapsed: float) -> float:
        return model.one(trace, start + elapsed * DAY) - threshold

    if threshold <= 0:
        return None
    if above(0.0) <= 0:
        return start
    low, high = 0.0, 1.0
    while above(high) > 0:
        low, high = high, 2 * high
        if high > limit:
            return None
    return after(start, brentq(above, low, high, xtol=1e-9, rtol=1e-12))
