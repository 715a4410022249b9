"""Line charts as SVG: no library is needed, and a drawing can be compared line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP = 640, 360, 50, 30
_LEGEND = 170
# Told apart by the colour-blind (Okabe and Ito 2008); dashes tell apart what comes after them.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("none", "6 3", "2 3")


def chart(title: str, lines: Mapping[str, Sequence[tuple[float, float]]], ticks: Sequence[int], unit: str) -> str:
    """One line a name, with a legend, in the order given.

    lines: points (x, y), y in [0, 1], x from 0 to the last of `ticks`, which are written below the axis. unit: of x.
    """
    bottom, right = TOP + HEIGHT, LEFT + WIDTH
    drawn = "".join(_line(name, points, n, ticks[-1]) for n, (name, points) in enumerate(lines.items()))
    below = "".join(
        f'<text x="{LEFT + WIDTH * tick / ticks[-1]:.0f}" y="{bottom + 18}" text-anchor="middle">{tick}</text>'
        for tick in ticks
    )
    levels = "".join(
        f'<text x="{LEFT - 8}" y="{TOP + HEIGHT * (1 - y) + 4:.0f}" text-anchor="end">{y}</text>' for y in (0, 0.5, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + _LEGEND} {bottom + 50}" '
        'font-family="sans-serif" font-size="12">'
        f'<text x="{LEFT}" y="18">{escape(title)}</text>'
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#444"/>{below}{levels}{drawn}'
        f'<text x="{right}" y="{bottom + 40}" text-anchor="end">{escape(unit)}</text></svg>\n'
    )


def _line(name: str, points: Sequence[tuple[float, float]], n: int, last: int) -> str:
    """The n-th line and its row of the legend."""
    path = " ".join(f"{LEFT + WIDTH * x / last:.1f},{TOP + HEIGHT * (1 - y):.1f}" for x, y in points)
    dashes = _DASHES[n // len(_COLOURS) % len(_DASHES)]
    stroke = f'fill="none" stroke="{_COLOURS[n % len(_COLOURS)]}" stroke-width="2" stroke-dasharray="{dashes}"'
    x, y = LEFT + WIDTH + 10, TOP + 12 + 18 * n
    return (
        f'<polyline points="{path}" {stroke}/><path d="M{x} {y}h20" {stroke}/>'
        f'<text x="{x + 26}" y="{y + 4}">{escape(name)}</text>'
    )
