"""What all models share: a model computes the retrievability of one trace, and the rest follows from that.

A model of your own needs `one`, and usually `encode` and `reinforce`. `many` and `next_below` come with it: a loop,
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
"""One day."""
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of time: nothing is due at this time or later."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Model:
    """Base of the models here. A model is a small frozen value: no clock, no store, no I/O.

    Attributes:
        spacing: whether it claims the spacing effect: spaced repetitions last longer than massed ones.
        fitted: parameters that `fit` may choose, each with its lowest and highest value.
    """

    __slots__ = ()
    spacing: ClassVar[bool] = False
    fitted: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory.

        Args:
            memory: the memory.

        Returns:
            Its first trace, last retrieved at its `created_at`.
        """
        return Trace.of(memory)

    @overload
    def retrievability(self, traces: Trace, at: datetime) -> float: ...
    @overload
    def retrievability(self, traces: Sequence[Trace] | Traces, at: datetime) -> Floats: ...
    def retrievability(self, traces: Trace | Sequence[Trace] | Traces, at: datetime) -> float | Floats:
        """Probability that memories can be recalled.

        Args:
            traces: one trace, or n of them.
            at: when; aware.

        Returns:
            Probabilities in [0, 1], a float for one trace and an array of shape (n,) for n.
        """
        if isinstance(traces, Trace):
            return self.one(traces, at)
        from memoria.traces import Traces, in_blocks

        columns = traces if isinstance(traces, Traces) else Traces.of(traces)
        return in_blocks(lambda part: self.many(part, at), columns)

    def one(self, trace: Trace, at: datetime) -> float:
        """Retrievability of one trace.

        Args:
            trace: the trace.
            at: when; aware.

        Returns:
            A probability in [0, 1].
        """
        raise NotImplementedError

    def many(self, traces: Traces, at: datetime) -> Floats:
        """Retrievability of n traces.

        Args:
            traces: the traces as columns.
            at: when; aware.

        Returns:
            Probabilities in [0, 1], shape (n,), as `one` gives them.
        """
        import numpy as np

        return np.array([self.one(trace, at) for trace in traces], np.float64)

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after the memory was looked for.

        Args:
            trace: the trace before.
            at: when; aware.
            recalled: whether the memory was found.

        Returns:
            The trace after it.
        """
        return trace.found(at) if recalled else trace.missed()

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When retrievability falls below a threshold, if the memory is not used before.

        Args:
            trace: the trace.
            threshold: a retrievability, in [0, 1].

        Returns:
            The time; None for never, or not before the year 9999.
        """
        return root(self, trace, threshold)


def days(trace: Trace, at: datetime) -> float:
    """Days since a memory was last recalled.

    Args:
        trace: its trace.
        at: until when; aware.

    Returns:
        Days, >= 0.
    """
    return max((at - trace.last_retrieved) / DAY, 0.0)


def after(start: datetime, elapsed: float) -> datetime | None:
    """The time so many days later.

    Args:
        start: from when.
        elapsed: days; may be infinite.

    Returns:
        The time; None after the year 9999. None is before the year 1.
    """
    # Elapsed may be infinite or larger than a timedelta can be.
    if not elapsed < (LATEST - start) / DAY:
        return None
    return _EARLIEST if elapsed <= (_EARLIEST - start) / DAY else start + elapsed * DAY


def root(model: Model, trace: Trace, threshold: float) -> datetime | None:
    """`next_below` for a model without a closed form: the interval doubles until the root is in it.

    Args:
        model: gives retrievability by `one`; it has to fall with time.
        trace: the trace.
        threshold: a retrievability, in [0, 1].

    Returns:
        The time; None for never, or not before the year 9999.
    """
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
    while high <= limit and above(high) > 0:
        low, high = high, 2 * high
    if high > limit:
        return None
    return after(start, brentq(above, low, high, xtol=1e-9, rtol=1e-12))


__all__ = ["DAY", "LATEST", "Model", "after", "days", "root"]
