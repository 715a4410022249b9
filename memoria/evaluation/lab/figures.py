"""Pictures of a grid: evidence kept against budget, and against memory with its Pareto front.

Axes begin and end where the data do, in steps of five per cent, so that what differs little can be told apart; memory
is on a logarithmic scale. Bands are drawn for the three best alone, and only where there are enough traces: with few,
an interval says little, and a dozen of them on top of each other say nothing.

Colours are those of M. Okabe and K. Ito (Color Universal Design, 2008), the yellow, too pale on white, replaced by P.
Tol's wine (Colour schemes, 2021): told apart with any common colour blindness. Line style and marker tell them apart
without colour. Needs the extra `lab`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from memoria.errors import InvalidInput
from memoria.evaluation.lab.intervals import Estimate
from memoria.extras import install

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255")
_LINES, _MARKERS = ("-", "--", ":"), "osD^vPX*"
_SETTINGS: Any = {"svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif", "axes.axisbelow": True}
_SIZE = (6.4, 5.8)
# Characters that a title's line has room for, and a label where three stand side by side.
_LINE, _SHORT = 68, 20
_STEP = 0.05
# How many times as far as the policies lie apart, the oracle may lie above them and still be drawn.
_FAR = 1.0
ENOUGH = 10
"""Units from which on bands are drawn."""
BANDS = 3
"""How many of the best have one."""
Curve = Sequence[tuple[float, Estimate]]
Point = tuple[float, float]


def need_library() -> None:
    """Raises InvalidInput, naming the command that installs it, when the extra is missing."""
    try:
        import matplotlib  # noqa: F401 - only whether it is there
        import pyarrow  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InvalidInput(f"reports need {error.name}: {install('lab')}") from None


def budgets(path: Path, title: str, curves: Mapping[str, Curve], bound: Curve) -> str:
    """Evidence kept against budget; writes path.svg and path.png and returns the SVG element.

    curves: for each contender, (share of memory, evidence kept). bound: that of the oracle.
    """
    styles = _styles(curves)
    ends = _ends(one.mean for curve in curves.values() for _, one in curve)
    bounds = [one.mean for _, one in bound]
    shown = max(bounds) - ends[1] <= _FAR * (ends[1] - ends[0])
    banded = banding(curves)

    def paint(axes: Any) -> None:
        if shown:
            axes.plot(*_means(bound), color="black", linestyle=(0, (1, 1)), linewidth=2, label="oracle (upper bound)")
        for label, curve in curves.items():
            axes.plot(*_means(curve), label=label, **styles[label])
        for label in banded:
            known = [(share, one.low, one.high) for share, one in sorted(curves[label], key=lambda at: at[0])]
            axes.fill_between(*zip(*known, strict=True), color=styles[label]["color"], alpha=0.15, linewidth=0)
        ticks = sorted(share for share, _ in bound)
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{100 * share:g}" for share in ticks])
        axes.minorticks_off()
        axes.set_xlabel("memory budget (% of all that is ever kept, log scale)")
        axes.set_ylabel("evidence kept (%), mean")
        bands = [end for label in banded for _, one in curves[label] for end in (one.low, one.high)]
        _percent(axes, _ends([*ends, *bands, *(bounds if shown else ())]))
        if not shown:
            note = f"the oracle, not drawn: {100 * min(bounds):.0f} to {100 * max(bounds):.0f} %"
            axes.annotate(note, (0.02, 0.97), xycoords="axes fraction", va="top", fontsize=9)

    return _drawn(path, title, paint)


def memory(path: Path, title: str, kept: Mapping[str, Sequence[Point]]) -> str:
    """Evidence kept against bytes, with the Pareto front; writes path.svg and path.png and returns the SVG element.

    kept: for each contender, (bytes kept, evidence kept).
    """
    styles = _styles(kept)

    def paint(axes: Any) -> None:
        for label, points in kept.items():
            style = {**styles[label], "linestyle": "none"}
            axes.plot([size / 1024 for size, _ in points], [recall for _, recall in points], label=label, **style)
        best = front([point for points in kept.values() for point in points])
        kib = [size / 1024 for size, _ in best]
        line = {"color": "black", "linewidth": 1.2, "drawstyle": "steps-post", "zorder": 0}
        axes.plot(kib, [recall for _, recall in best], label="Pareto front", **line)
        _sizes(axes)
        axes.set_xlabel("memory kept (KiB, mean over time, log scale)")
        axes.set_ylabel("evidence kept (%), mean")
        _percent(axes, _ends(recall for points in kept.values() for _, recall in points))

    return _drawn(path, title, paint)


def banding(curves: Mapping[str, Curve]) -> list[str]:
    """Which contenders have a band: the best on the mean over budgets, where there are enough units at every budget."""
    units = min(one.n for curve in curves.values() for _, one in curve)
    means = {label: sum(one.mean for _, one in curve) for label, curve in curves.items()}
    # Policies that keep the same have one curve, and one band shows it.
    unlike = {tuple(one.mean for _, one in curves[label]): label for label in reversed(list(curves))}
    best = sorted(unlike.values(), key=lambda label: -means[label])
    return best[:BANDS] if units >= ENOUGH else []


def _drawn(path: Path, title: str, paint: Callable[[Any], None]) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    # The salt names what lies in the drawing: without chance, and not as in another drawing of the same page.
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": f"{path.name} {title}"}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        axes.set_title("\n".join(wrap(title, _LINE)), loc="left", fontsize=10)
        paint(axes)
        handles, labels = axes.get_legend_handles_labels()
        columns = 3 if max(map(len, labels)) <= _SHORT else 2
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
        for suffix in (".svg", ".png"):
            metadata = {"Date": None} if suffix == ".svg" else None
            figure.savefig(path.with_suffix(suffix), dpi=150, metadata=metadata)
    whole = path.with_suffix(".svg").read_text(encoding="utf-8")
    return whole[whole.index("<svg") :]


def _styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    return {label: _style(n) for n, label in enumerate(labels)}


def _style(n: int) -> dict[str, Any]:
    return {
        "color": COLOURS[n % len(COLOURS)],
        "linestyle": _LINES[n // len(COLOURS) % len(_LINES)],
        "marker": _MARKERS[n % len(_MARKERS)],
        "markersize": 5,
        "linewidth": 1.6,
    }


def _ends(values: Iterable[float]) -> tuple[float, float]:
    """The least and the most, out to the next whole step; within [0, 1]."""
    known = [value for value in values if not math.isnan(value)]
    low, high = math.floor(min(known) / _STEP + 1e-9), math.ceil(max(known) / _STEP - 1e-9)
    return max(low * _STEP, 0.0), min(max(high, low + 1) * _STEP, 1.0)


def _percent(axes: Any, ends: tuple[float, float]) -> None:
    """An axis of shares, from end to end."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    room = 0.02 * (ends[1] - ends[0])
    axes.set_ylim(ends[0] - room, ends[1] + room)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def _sizes(axes: Any) -> None:
    """An axis of sizes on a logarithmic scale, its ticks as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _means(curve: Curve) -> tuple[list[float], list[float]]:
    ordered = sorted(curve, key=lambda at: at[0])
    return [share for share, _ in ordered], [one.mean for _, one in ordered]


def front(points: Sequence[Point]) -> list[Point]:
    """Those that no other point beats with less memory and more recall; memory ascending."""
    best: list[Point] = []
    for size, recall in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or recall > best[-1][1]:
            best.append((size, recall))
    return best
