"""eval residue: whether verification cries wolf, and whether it overlooks what is planted."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from memoria.cli.app import JsonOption, echo_json, out, progress_bar
from memoria.cli.quality import eval_app
from memoria.embedders import as_embedder
from memoria.evaluation.quality import residues


@eval_app.command("residue")
def eval_residue(
    texts: Annotated[int, typer.Option(min=1, help="Short texts that are forgotten and verified.")] = 10_000,
    plants: Annotated[int, typer.Option(min=1, help="Residues that are planted and looked for.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Of the texts and the plants.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Counts false alarms over short texts, and planted residues that verification misses. Exit status 1 for any."""
    with progress_bar() as progress, TemporaryDirectory() as folder:
        found = residues.evaluate(as_embedder(None), Path(folder), progress, texts=texts, plants=plants, seed=seed)
    if as_json:
        echo_json(found)
    else:
        out.print(found)
    if found["alarms"] or found["missed"] or found["alarms without a plant"]:
        raise typer.Exit(1)
