"""A grid as a report: one HTML page that opens from disk, pictures, CSV and Parquet. Nothing in it asks a network."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from memoria.evaluation.lab import figures
from memoria.evaluation.lab.about import About, DataFile
from memoria.evaluation.lab.chapter import Chapter, chapters
from memoria.evaluation.lab.grid import ORACLE, Cell
from memoria.evaluation.lab.metrics import MEANING
from memoria.evaluation.lab.page import page, section
from memoria.evaluation.lab.sources import Source
from memoria.protocols import Progress

_IDENTITY = ("source", "trace", "unit", "contender", "budget", "capacity")


def write(cells: Sequence[Cell], sources: Sequence[Source], folder: Path, about: About, progress: Progress) -> Path:
    """Writes index.html, about.json, results.csv, results.parquet, summary.csv and figures/; returns the page.

    sources: what the cells are of. Raises InvalidInput when the extra `lab` is missing.
    """
    figures.need_library()
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    found = list(chapters(cells))
    files = sorted({file for one in sources for file in one.files}, key=lambda one: (one.name, one.sha256))
    _write_about(about, files, found, folder / "about.json")
    _write_cells(cells, folder)
    _write_summary(found, folder / "summary.csv")
    notes = {one.label: one.note for one in sources}
    sections = []
    for done, one in enumerate(found, 1):
        sections.append(section(one, _drawings(one, folder), notes.get(one.source, "")))
        progress("figures", done, len(found))
    path = folder / "index.html"
    path.write_text(page(about, found, sections, files), encoding="utf-8")
    return path


def _write_about(about: About, files: Sequence[DataFile], found: Sequence[Chapter], path: Path) -> None:
    made = {
        **asdict(about),
        "date": about.date.isoformat(timespec="seconds"),
        "traces": {one.source: one.traces for one in found},
        "files": {one.name: one.sha256 for one in files},
    }
    path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


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


def _write_summary(found: Sequence[Chapter], path: Path) -> None:
    """One row for each figure of each contender under each budget: mean, interval, independent traces."""
    rows: list[dict[str, str | float]] = []
    for one in found:
        for label in one.labels:
            for budget in one.budgets:
                for figure in MEANING:
                    value = one.of(label, budget, figure)
                    rows.append(
                        {
                            "source": one.source,
                            "contender": label,
                            "budget": budget,
                            "figure": figure,
                            "mean": value.mean,
                            "low": value.low,
                            "high": value.high,
                            "traces": value.n,
                        }
                    )
    _write_csv(path, rows)


def _write_csv(path: Path, rows: Sequence[Mapping[str, str | float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            # A field left empty is what was not measured.
            writer.writerow({name: "" if value != value else value for name, value in row.items()})


def _drawings(one: Chapter, folder: Path) -> tuple[str, str]:
    """Evidence against budget, and against memory."""
    name = "".join(char if char.isalnum() else "-" for char in one.source)
    curves = {label: one.curve(label) for label in one.labels}
    return (
        figures.budgets(folder / "figures" / name, f"Evidence kept by budget: {one.source}", curves, one.curve(ORACLE)),
        figures.memory(
            folder / "figures" / f"{name}-memory",
            f"Evidence kept by memory: {one.source}",
            {label: one.memory(label) for label in one.labels},
        ),
    )
