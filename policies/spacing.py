"""The test of the spacing effect (Ebbinghaus 1885; Cepeda et al. 2006): the same uses, massed or spread out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memoria.protocols import DecayPolicy
from memoria.types import Memory, Trace

START = datetime(2026, 1, 1, tzinfo=UTC)


def five(policy: DecayPolicy, gap: timedelta, test: timedelta) -> float:
    """Retrievability `test` after the last of five presentations, each `gap` after the one before."""
    return policy.retrievability(presented(policy, gap, 5), START + 4 * gap + test)


def presented(policy: DecayPolicy, gap: timedelta, times: int) -> Trace:
    """The trace after so many presentations from `START` on."""
    trace = policy.encode(Memory(id="0" * 32, namespace=(), text="x", created_at=START))
    for n in range(1, times):
        trace = policy.reinforce(trace, START + n * gap, recalled=True)
    return trace
