"""eval prospective: whether what must not be lost is found, and stays under a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memoria.cli.app import JsonOption, echo_json, out, progress_bar
from memoria.cli.quality import OnlyOption, chosen, eval_app
from memoria.evaluation.quality import prospective


@eval_app.command("prospective")
def prospective_(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Ordinary talk to mix the 200 into: a LoCoMo JSON file, or Memora's folder."),
    ] = None,
    only: OnlyOption = None,
    policy: Annotated[str, typer.Option(help="By which memories go, such as salience:recency=1.")] = prospective.POLICY,
    seeds: Annotated[int, typer.Option(min=1, help="Mixings.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Counts, of 200 statements that must not be lost, those that are found, and those that a budget keeps."""
    report: dict[str, Any] = {"found": prospective.found()}
    if data is not None:
        with progress_bar() as progress:
            talks = chosen(data, only)
            report["kept"] = prospective.staying(talks, progress, seeds=seeds, policy=policy)
    if as_json:
        echo_json(report)
        return
    table = Table("half", *next(iter(report["found"].values())))
    for half, counts in report["found"].items():
        table.add_row(half, *(_shown(one) for one in counts.values()))
    out.print(table)
    if "kept" in report:
        table = Table(*report["kept"][0], title=f"policy {policy}")
        for row in report["kept"]:
            table.add_row(*(_shown(one) for one in row.values()))
        out.print(table)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{kind}: {count}" for kind, count in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)
