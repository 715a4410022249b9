"""Line charts as SVG: no library is needed, and a drawing can be compared line by line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A small chart among others that share their x-axis.

    Attributes:
        title: what y is, with its unit.
        lines: by name, points (x, y), y >= 0. The same name has the same colour in every panel.
        top: of y; None is a round number over the largest.
    """

    title: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    top: float | None = None


# Readable on a telephone: 360 px wide, text of 12.
_NARROW, _EDGE, _HIGH, _GAP, _HEAD = 360, 40, 84, 46, 76
# The same hues on a dark ground, with more light.
_ON_DARK = ("#4AA3DF", "#FF9A5C", "#35C9A0", "#E0A3C6", "#F2C14E", "#8CCBF0", "#DDDDDD")
_SHADES = (
    "text{fill:#222}.axis{stroke:#444}.grid{stroke:#ddd}"
    + "".join(f".c{n}{{stroke:{colour}}}" for n, colour in enumerate(_COLOURS))
    + "@media (prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#aaa}.grid{stroke:#444}"
    + "".join(f".c{n}{{stroke:{colour}}}" for n, colour in enumerate(_ON_DARK))
    + "}"
)


def panels(title: str, charts: Sequence[Panel], unit: str) -> str:
    """Charts one below another, as wide as a telephone; light or dark as the reader's screen is.

    unit: of x, from 0 to the largest x of all.
    """
    shared = list(dict.fromkeys(name for one in charts if len(one.lines) > 1 for name in one.lines))
    names = list(dict.fromkeys([*shared, *(name for one in charts for name in one.lines)]))
    last = max((x for one in charts for points in one.lines.values() for x, _ in points), default=1.0) or 1.0
    drawn = "".join(_panel(one, n, names, last) for n, one in enumerate(charts))
    height = _HEAD + len(charts) * (_HIGH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_NARROW} {height}" '
        'font-family="sans-serif" font-size="12">'
        f"<title>{escape(title)}</title><style>{_SHADES}</style>"
        f'<text x="8" y="18" font-weight="bold">{escape(title)}</text>{_named(shared)}'
        f'{drawn}<text x="{_NARROW - 8}" y="{height - 6}" text-anchor="end">{escape(unit)}</text></svg>\n'
    )


def _panel(one: Panel, n: int, names: Sequence[str], last: float) -> str:
    """The n-th chart, with its title above it."""
    above = _HEAD + n * (_HIGH + _GAP)
    bottom, wide = above + _HIGH, _NARROW - _EDGE - 12
    top = one.top or _round_over(max((y for points in one.lines.values() for _, y in points), default=1.0))
    parts = [f'<text x="8" y="{above - 8}">{escape(one.title)}</text>']
    for share in (0.0, 0.5, 1.0):
        y = bottom - _HIGH * share
        parts.append(f'<path class="grid" d="M{_EDGE} {y:.0f}h{wide}" fill="none"/>')
        parts.append(f'<text x="{_EDGE - 6}" y="{y + 4:.0f}" text-anchor="end">{top * share:g}</text>')
    for tick in _ticks(last):
        parts.append(f'<text x="{_EDGE + wide * tick / last:.0f}" y="{bottom + 15}" text-anchor="middle">{tick}</text>')
    parts.append(f'<path class="axis" d="M{_EDGE} {above}V{bottom}h{wide}" fill="none"/>')
    for name, points in one.lines.items():
        which = names.index(name)
        path = " ".join(f"{_EDGE + wide * x / last:.1f},{bottom - _HIGH * y / top:.1f}" for x, y in points)
        dash = _DASHES[which % len(_DASHES)] if len(one.lines) > 1 else "none"
        parts.append(
            f'<polyline class="c{which % len(_COLOURS)}" points="{path}" fill="none" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
    return "".join(parts)


def _named(names: Sequence[str]) -> str:
    """The names of lines that share a chart, in one row under the title."""
    parts, x = [], 8
    for which, name in enumerate(names):
        parts.append(
            f'<path class="c{which % len(_COLOURS)}" d="M{x} 36h20" fill="none" stroke-width="2" '
            f'stroke-dasharray="{_DASHES[which % len(_DASHES)]}"/><text x="{x + 26}" y="40">{escape(name)}</text>'
        )
        x += 44 + 7 * len(name)
    return "".join(parts)


def _round_over(most: float) -> float:
    """The least of 1, 2, 4, 5 or 10 times a power of ten that is not below a number."""
    power = math.pow(10, math.floor(math.log10(most))) if most > 0 else 1.0
    return next((one * power for one in (1, 2, 4, 5, 10) if one * power >= most), 10 * power)


def _ticks(last: float) -> list[int]:
    """Whole numbers at even distances, from 0 to the last that fits."""
    step = max(1, math.ceil(last / 6))
    return list(range(0, int(last) + 1, step))
