"""A grid as a report: one HTML page that opens from disk, pictures, CSV and Parquet. Nothing in it asks a network."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from memoria.evaluation.lab import figures, verdict
from memoria.evaluation.lab.grid import EVERYTHING, ORACLE, Cell
from memoria.evaluation.lab.intervals import Estimate, estimate
from memoria.evaluation.lab.metrics import MEANING
from memoria.protocols import Progress

_IDENTITY = ("source", "trace", "contender", "budget", "capacity")
_SHARES = (
    "recall",
    "hit_rate",
    "regret",
    "found",
    "found_gain",
    "full",
    "stale",
    "precision",
    "precision_gain",
    "cost",
)
_SHOWN = (
    *("recall", "regret", "found", "found_gain", "full", "stale", "precision_gain", "cost"),
    *("mean_bytes", "operations", "scored", "seconds"),
)
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}
th,td{padding:.25rem .7rem;text-align:right;white-space:nowrap;border-bottom:1px solid #ddd}
td{font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
.best{font-weight:700}.bound{color:#555;font-style:italic}
svg{width:100%;height:auto}
.wide{overflow-x:auto}
.verdict{background:#f3f6fa;border-left:4px solid #0072B2;padding:.6rem 1rem;margin:.6rem 0}
"""
_METHOD = """
<p>Each policy replayed the same traces under the same budgets. Evidence recall is the share of the facts a question
needs that was kept when it was asked. Intervals are 95 % bootstrap intervals over traces, widened for few; the best of
a budget is compared with all others on the same traces, each interval at 1 - 0.05 over the number of others.
The oracle knows the future: it is an upper bound, on every trace. <i>everything</i> lets nothing go.
The best is named by the traces that it is judged by, which flatters it a little.</p>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chapter:
    """One source: its cells, labels of contenders in the order of the grid, and budgets, largest first."""

    source: str
    cells: list[Cell]
    labels: list[str]
    budgets: list[float]

    def of(self, label: str, budget: float, figure: str) -> Estimate:
        """A figure over the traces."""
        found = [
            one.figures.get(figure, math.nan) for one in self.cells if (one.contender, one.budget) == (label, budget)
        ]
        return estimate(np.array(found))

    def curve(self, label: str) -> list[tuple[float, Estimate]]:
        return [(budget, self.of(label, budget, "recall")) for budget in self.budgets]

    def memory(self, label: str) -> list[tuple[float, float]]:
        return [(self.of(label, b, "mean_bytes").mean, self.of(label, b, "recall").mean) for b in self.budgets]


def write(cells: Sequence[Cell], folder: Path, progress: Progress) -> Path:
    """Writes index.html, results.csv, results.parquet, summary.csv and figures/ into `folder`; returns the page.

    Raises InvalidInput when the extra `lab` is missing.
    """
    figures.need_library()
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    chapters = list(_chapters(cells))
    _write_cells(cells, folder)
    _write_summary(chapters, folder / "summary.csv")
    sections = []
    for done, one in enumerate(chapters, 1):
        sections.append(_section(one, _drawing(one, folder)))
        progress("figures", done, len(chapters))
    page = folder / "index.html"
    page.write_text(_page(chapters, sections), encoding="utf-8")
    return page


def _chapters(cells: Sequence[Cell]) -> Iterator[_Chapter]:
    for source in dict.fromkeys(one.source for one in cells):
        mine = [one for one in cells if one.source == source]
        ours = [one for one in mine if one.contender not in (ORACLE, EVERYTHING)]
        yield _Chapter(
            source=source,
            cells=mine,
            labels=list(dict.fromkeys(one.contender for one in ours)),
            budgets=sorted({one.budget for one in ours}, reverse=True),
        )


def _write_cells(cells: Sequence[Cell], folder: Path) -> None:
    """One row a result: CSV for people, Parquet for programs."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {name: getattr(one, name) for name in _IDENTITY} | {name: one.figures.get(name, math.nan) for name in MEANING}
        for one in cells
    ]
    _write_csv(folder / "results.csv", rows)
    parquet.write_table(pa.Table.from_pylist(rows), folder / "results.parquet")


def _write_summary(chapters: Sequence[_Chapter], path: Path) -> None:
    """One row for each figure of each contender under each budget: mean, interval, traces."""
    rows: list[dict[str, str | float]] = []
    for one in chapters:
        for label in one.labels:
            for budget in one.budgets:
                for figure in MEANING:
                    found = one.of(label, budget, figure)
                    name: dict[str, str | float] = {"source": one.source, "contender": label, "budget": budget}
                    value: dict[str, str | float] = {
                        "mean": found.mean,
                        "low": found.low,
                        "high": found.high,
                        "traces": found.n,
                    }
                    rows.append(name | {"figure": figure} | value)
    _write_csv(path, rows)


def _write_csv(path: Path, rows: Sequence[Mapping[str, str | float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            # A field left empty is what was not measured.
            writer.writerow({name: "" if value != value else value for name, value in row.items()})


def _drawing(one: _Chapter, folder: Path) -> str:
    name = "".join(char if char.isalnum() else "-" for char in one.source)
    curves = {label: one.curve(label) for label in one.labels}
    memory = {label: one.memory(label) for label in one.labels}
    return figures.draw(folder / "figures" / name, one.source, curves, one.curve(ORACLE), memory)


def _page(chapters: Sequence[_Chapter], sections: Iterable[str]) -> str:
    together = _together(chapters) if len(chapters) > 1 else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Which policy to use, and what forgetting costs</title><style>{_STYLE}</style></head><body>"
        f"<h1>Which policy to use, and what forgetting costs</h1>{_METHOD}{together}{''.join(sections)}{_legend()}"
        "</body></html>\n"
    )


def _together(chapters: Sequence[_Chapter]) -> str:
    """The verdict over all sources, where all have the same contenders and budgets."""
    if len({(tuple(one.labels), tuple(one.budgets)) for one in chapters}) > 1:
        return ""
    parts = []
    for budget in chapters[0].budgets:
        said = verdict.sentences([verdict.values(one.cells, one.source, budget) for one in chapters])
        parts.append(_verdict(budget, said))
    return f"<h2>Over all {len(chapters)} sources, each counting the same</h2>{''.join(parts)}"


def _section(one: _Chapter, drawing: str) -> str:
    said = "".join(
        _verdict(budget, verdict.sentences([verdict.values(one.cells, one.source, budget)])) for budget in one.budgets
    )
    more = "".join(
        f"<details><summary>All figures at {100 * budget:g} % of memory</summary>{_figures(one, budget)}</details>"
        for budget in one.budgets
    )
    title = escape(one.source)
    traces = one.of(one.labels[0], one.budgets[0], "recall").n
    return (
        f"<h2>{title}</h2><p>{traces} traces.</p>{said}"
        f'<figure role="img" aria-label="Evidence recall against budget and memory: {title}">{drawing}</figure>'
        f"{_recalls(one)}{more}"
    )


def _verdict(budget: float, said: Sequence[str]) -> str:
    first, *more = map(escape, said)
    return (
        f'<div class="verdict"><b>{100 * budget:g} % of memory.</b> {first}'
        f"{''.join(f'<br>{sentence}' for sentence in more)}</div>"
    )


def _recalls(one: _Chapter) -> str:
    """Evidence recall by contender and budget, the oracle above."""
    head = ["evidence recall", *(f"{100 * budget:g} % of memory" for budget in one.budgets)]
    best = {budget: max(one.of(label, budget, "recall").mean for label in one.labels) for budget in one.budgets}
    rows = [_row(ORACLE, [_cell(one.of(ORACLE, budget, "recall")) for budget in one.budgets], "bound")]
    for label in sorted(one.labels, key=lambda label: -sum(found.mean for _, found in one.curve(label))):
        found = one.curve(label)
        rows.append(_row(label, [_cell(e, bold=e.mean == best[budget]) for budget, e in found]))
    rows.append(_row(EVERYTHING, [_cell(one.of(EVERYTHING, 1.0, "recall"))] * len(one.budgets), "bound"))
    return _table(head, rows)


def _figures(one: _Chapter, budget: float) -> str:
    shown = [name for name in _SHOWN if one.of(one.labels[0], budget, name).n]
    rows = [_row(label, [_cell(one.of(label, budget, name), name) for name in shown]) for label in one.labels]
    return _table(["policy", *(name.replace("_", " ") for name in shown)], rows)


def _cell(found: Estimate, figure: str = "recall", *, bold: bool = False) -> str:
    scale, form = (100.0, ".1f") if figure in _SHARES else (1.0, ".4f" if figure == "seconds" else ",.0f")
    ends = "" if math.isnan(found.low) else f" [{scale * found.low:{form}}, {scale * found.high:{form}}]"
    text = f"{scale * found.mean:{form}}{ends}"
    return f'<td class="best">{text}</td>' if bold else f"<td>{text}</td>"


def _row(label: str, cells: Sequence[str], kind: str = "") -> str:
    return f'<tr class="{kind}"><td>{escape(label)}</td>{"".join(cells)}</tr>'


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _legend() -> str:
    """What each figure is."""
    lines = "".join(
        f"<li><b>{name.replace('_', ' ')}</b>{' (%)' if name in _SHARES else ''}: {escape(text)}</li>"
        for name, text in MEANING.items()
    )
    return f"<h2>What the figures are</h2><ul>{lines}</ul>"
