"""Forgetting curves as SVG: no library is needed, and a drawing can be compared line by line."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from memoria.evaluation.forgetting import DAY
from memoria.policies.spacing import START
from memoria.types import Memory

if TYPE_CHECKING:
    from memoria.protocols import DecayPolicy

WIDTH, HEIGHT, LEFT, TOP = 640, 360, 50, 30
_DAYS = 90
_STEPS = 360
_COLOURS = {"massed": "#b5651d", "spaced": "#1d6fb5"}


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
    lines = [_line(label, curve(policy, gap), n) for n, (label, gap) in enumerate(gaps.items())]
    bottom, right = TOP + HEIGHT, LEFT + WIDTH
    ticks = "".join(_tick(day) for day in range(0, _DAYS + 1, 15))
    levels = "".join(
        f'<text x="{LEFT - 8}" y="{TOP + HEIGHT * (1 - r) + 4:.0f}" text-anchor="end">{r}</text>' for r in (0, 0.5, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + 20} {bottom + 50}" '
        'font-family="sans-serif" font-size="12">'
        f'<text x="{LEFT}" y="18">{name}: retrievability after five uses</text>'
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#444"/>{ticks}{levels}{"".join(lines)}'
        f'<text x="{right}" y="{bottom + 40}" text-anchor="end">days</text></svg>\n'
    )


def _tick(day: int) -> str:
    return f'<text x="{LEFT + WIDTH * day / _DAYS:.0f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{day}</text>'


def _line(label: str, points: list[tuple[float, float]], n: int) -> str:
    path = " ".join(f"{LEFT + WIDTH * day / _DAYS:.1f},{TOP + HEIGHT * (1 - r):.1f}" for day, r in points)
    colour = _COLOURS[label]
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{LEFT + WIDTH - 60}" y="{TOP + 16 + 16 * n}" fill="{colour}">{label}</text>'
    )
