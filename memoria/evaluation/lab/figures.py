"""Pictures of a grid: recall against budget with bands, and the Pareto front of recall against memory.

Colours are those of M. Okabe and K. Ito (Color Universal Design, 2008), the yellow, too pale on white, replaced by P.
Tol's wine (Colour schemes, 2021): told apart with any common colour blindness. Line style and marker tell them apart
without colour. Needs the extra `lab`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memoria.errors import InvalidInput
from memoria.evaluation.lab.intervals import Estimate
from memoria.extras import install

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255")
_LINES, _MARKERS = ("-", "--", ":"), "osD^vPX*"
_SETTINGS: Any = {"svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif", "axes.axisbelow": True}
Curve = Sequence[tuple[float, Estimate]]
Point = tuple[float, float]


def need_library() -> None:
    """Raises InvalidInput, naming the command that installs it, when the extra is missing."""
    try:
        import matplotlib  # noqa: F401 - only whether it is there
        import pyarrow  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InvalidInput(f"reports need {error.name}: {install('lab')}") from None


def draw(
    path: Path, title: str, curves: Mapping[str, Curve], bound: Curve, memory: Mapping[str, Sequence[Point]]
) -> str:
    """Writes path.svg and path.png and returns the SVG element.

    curves: for each contender (share of memory, recall). bound: that of the oracle. memory: for each contender
    (bytes kept, recall).
    """
    import matplotlib
    from matplotlib.figure import Figure

    # The salt names what lies in the drawing: without chance, and not as in another drawing of the same page.
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": title}):
        figure = Figure(figsize=(12, 5.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        figure.suptitle(title)
        styles = {label: _style(n) for n, label in enumerate(curves)}
        _budgets(left, curves, bound, styles)
        _pareto(right, memory, styles)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
        for suffix in (".svg", ".png"):
            metadata = {"Date": None} if suffix == ".svg" else None
            figure.savefig(path.with_suffix(suffix), dpi=110, metadata=metadata)
    whole = path.with_suffix(".svg").read_text(encoding="utf-8")
    return whole[whole.index("<svg") :]


def _style(n: int) -> dict[str, Any]:
    return {
        "color": COLOURS[n % len(COLOURS)],
        "linestyle": _LINES[n // len(COLOURS) % len(_LINES)],
        "marker": _MARKERS[n % len(_MARKERS)],
        "markersize": 5,
        "linewidth": 1.6,
    }


def _budgets(axes: Any, curves: Mapping[str, Curve], bound: Curve, styles: Mapping[str, dict[str, Any]]) -> None:
    axes.plot(*_means(bound), color="black", linestyle=(0, (1, 1)), linewidth=2, label="oracle (upper bound)")
    for label, curve in curves.items():
        shares, means = _means(curve)
        axes.plot(shares, means, label=label, **styles[label])
        known = [(share, one.low, one.high) for share, one in sorted(curve, key=lambda at: at[0]) if one.n > 1]
        if known:
            axes.fill_between(*zip(*known, strict=True), color=styles[label]["color"], alpha=0.12, linewidth=0)
    ticks = [share for share, _ in bound]
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{100 * share:g}" for share in ticks])
    axes.minorticks_off()
    axes.set_xlabel("memory budget (% of all that is ever kept, log scale)")
    axes.set_ylabel("evidence recall (%), mean and 95 % band")
    _percent(axes)


def _pareto(axes: Any, memory: Mapping[str, Sequence[Point]], styles: Mapping[str, dict[str, Any]]) -> None:
    for label, points in memory.items():
        style = {**styles[label], "linestyle": "none"}
        axes.plot([size / 1024 for size, _ in points], [recall for _, recall in points], **style)
    best = front([point for points in memory.values() for point in points])
    kib = [size / 1024 for size, _ in best]
    axes.plot(kib, [recall for _, recall in best], color="black", linewidth=1.2, drawstyle="steps-post", zorder=0)
    axes.annotate(
        "Pareto front",
        (kib[len(kib) // 2], best[len(kib) // 2][1]),
        xytext=(-8, 8),
        textcoords="offset points",
        ha="right",
    )
    axes.set_xlabel("memory kept (KiB, mean over time)")
    axes.set_ylabel("evidence recall (%)")
    _percent(axes)


def _percent(axes: Any) -> None:
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20", "40", "60", "80", "100"])
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


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
