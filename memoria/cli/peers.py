"""bench peers: memoria beside other stores of memories, and the page that tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import JsonOption, echo_json, err, out, progress_bar
from memoria.cli.bench import FolderOption, NOption, SeedOption, bench_app, workplace
from memoria.embedders import MiniLM
from memoria.errors import InvalidQuery, shown
from memoria.evaluation.bench.peers import page, run, sample
from memoria.evaluation.bench.peers.adapters import PEERS


@bench_app.command()
def peers(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=10, help="Single inserts, searches and deletions of each.")] = 100,
    only: Annotated[list[str] | None, typer.Option(help="Only this store; repeat for several.")] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Texts to store, one a line, embedded by all-MiniLM-L6-v2; by default synthetic ones.",
        ),
    ] = None,
    limit: Annotated[float, typer.Option(min=1, help="Seconds for each store in all.")] = 1800,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    write: Annotated[
        Path | None,
        typer.Option(
            "--out", exists=True, file_okay=False, help="A folder for peers.json and peers.md; by default none."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compares memoria with other stores: times, sizes, and what of deleted memories is left in files.

    Each store is in a process of its own. Exit status 1 when one failed, or is not installed (extra peers).
    """
    names = list(only or PEERS)
    for name in names:
        if name not in PEERS:
            raise InvalidQuery(f"--only: no store is called {shown(name)}; there are {', '.join(PEERS)}")
    with workplace(folder) as place, progress_bar() as progress:
        count = n + rounds
        if texts is None:
            made = sample.synthetic(count, run.QUESTIONS, seed)
        else:
            made = sample.given(texts.read_text().splitlines(), count, run.QUESTIONS, MiniLM(), seed)
        report = run.bench_peers(place, made, names, n, progress, rounds=rounds, limit=limit, seed=seed)
    report |= {
        "command": f"memoria bench peers --n {n} --rounds {rounds} --out docs",
        "texts": "synthetic texts and vectors" if texts is None else "texts of a file, embedded by all-MiniLM-L6-v2",
    }
    _told(report, write, as_json)


def _told(report: dict[str, Any], write: Path | None, as_json: bool) -> None:
    """Writes and prints the report; exit status 1 when a store failed."""
    rounded = json.loads(page.stored(report))
    if write is not None:
        (write / "peers.json").write_text(page.stored(report))
        (write / "peers.md").write_text(page.render(rounded))
    if as_json:
        echo_json(rounded)
    else:
        out.print(page.render(rounded), markup=False, highlight=False, soft_wrap=True)
    failed = {name: one["failed"] for name, one in report["peers"].items() if "failed" in one}
    for name, why in failed.items():
        err.print(f"{name} failed: {why}", markup=False, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)
