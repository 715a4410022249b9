"""eval shorten: what is gained when memories lose detail before they go."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from memoria.cli.app import JsonOption, echo_json, out, progress_bar
from memoria.cli.quality import LocomoOption, MemoraOption, eval_app
from memoria.errors import InvalidInput
from memoria.evaluation.quality import shortened


@eval_app.command("shorten")
def eval_shorten(
    locomo: LocomoOption = None,
    memora: MemoraOption = None,
    share: Annotated[float, typer.Option(min=0.01, max=0.99, help="Of all tokens, or bytes, that is kept.")] = 0.25,
    as_json: JsonOption = False,
) -> None:
    """Compares letting memories go under a budget with shortening them first, by the evidence that is left."""
    sets = {"locomo": shortened.locomo(locomo)} if locomo is not None else {}
    if memora is not None:
        sets["memora"] = shortened.memora(memora)
    if not sets:
        raise InvalidInput("no data: give --locomo or --memora")
    with progress_bar() as progress:
        report = shortened.evaluate(sets, share, progress)
    if as_json:
        echo_json(report)
        return
    table = Table("set", "order, budget", "words left", "shortened first", "more", "facts whole", "first", "more")
    for name, rows in report.items():
        for how, row in rows.items():
            cells = [_cell(row[f"{one}, {way}"]) for one in ("words", "facts") for way in ("gone", "shortened", "more")]
            table.add_row(name, how, *cells)
    out.print(table)


def _cell(one: dict[str, Any]) -> str:
    return f"{one['mean']:.3f}\n[{one['low']:.3f}, {one['high']:.3f}]"
