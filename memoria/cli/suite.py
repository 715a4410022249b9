"""eval suite: generated cases of forgetting, memoria beside two baselines."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from memoria.cli.app import JsonOption, echo_json, out, progress_bar
from memoria.cli.quality import eval_app
from memoria.embedders import MiniLM
from memoria.evaluation.suite import suite as suites
from memoria.evaluation.suite.cases import CATEGORIES
from memoria.testing import HashEmbedder

CategoriesOption = Annotated[list[str] | None, typer.Option("--category", help="One of the ten; repeatable.")]


@eval_app.command()
def suite(
    category: CategoriesOption = None,
    count: Annotated[int, typer.Option(min=1, help="Cases of each category.")] = suites.PER_CATEGORY,
    seed: Annotated[int, typer.Option(help="Seed of the cases.")] = 0,
    embedder: Annotated[Literal["hash", "minilm"], typer.Option(help="Hashed words, or the sentence model.")] = "hash",
    as_json: JsonOption = False,
) -> None:
    """Forgetting in ten categories of generated cases, beside doing nothing and deleting everything."""
    unknown = sorted(set(category or ()) - set(CATEGORIES))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: the categories are {', '.join(CATEGORIES)}")
    chosen = HashEmbedder() if embedder == "hash" else MiniLM()
    names = tuple(category or CATEGORIES)
    with progress_bar() as progress:
        report = suites.evaluate(chosen, progress, categories=names, count=count, seed=seed)
    if as_json:
        echo_json(report)
        return
    _show(report)


def _show(report: dict[str, Any]) -> None:
    rates = report["rates"]
    title = f"{report['cases']} cases, {report['on_disk']} on disk with a byte scan, seed {report['seed']}"
    table = Table("category", *rates, title=title)
    for name in rates["memoria"]:
        table.add_row(
            name, *(f"{one[name]['passed']}/{one[name]['of']} {one[name]['rate']:.3f}" for one in rates.values())
        )
    out.print(table)
    for failed in report["failed"]:
        out.print(f"{failed['case']}: {'; '.join(failed['wrong'])}", highlight=False, markup=False, soft_wrap=True)
