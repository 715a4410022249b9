"""Forgetting curves: how retrievability falls after uses that were massed, and after uses that were spaced."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from memoria.evaluation.bench.forgetting import DAY
from memoria.evaluation.drawing import chart
from memoria.policies.spacing import START
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.protocols import DecayPolicy

_DAYS = 90
_STEPS = 360


def curve(policy: DecayPolicy, gap: timedelta) -> list[tuple[float, float]]:
    """(day, retrievability) over 90 days, with five uses from day 0 on, each `gap` after the one before."""
    trace = policy.encode(Memory(id="0" * 32, namespace=(), text="x", created_at=START))
    uses = [START + n * gap for n in range(1, 5)]
    points = []
    for step in range(_STEPS + 1):
        at = START + step * _DAYS / _STEPS * DAY
        while uses and uses[0] <= at:
            trace = policy.reinforce(trace, uses.pop(0), recalled=True)
        points.append((step * _DAYS / _STEPS, policy.retrievability(trace, at)))
    return points


def svg(name: str, policy: DecayPolicy) -> str:
    """Both curves, days to the right and retrievability upwards."""
    gaps = {"massed": timedelta(minutes=1), "spaced": 7 * DAY}
    lines = {label: curve(policy, gap) for label, gap in gaps.items()}
    return chart(f"{name}: retrievability after five uses", lines, range(0, _DAYS + 1, 15), "days")
