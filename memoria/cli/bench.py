"""bench: what it costs here, as ratios from one run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import JsonOption, app, echo_json, out, progress_bar
from memoria.embedders import MiniLM
from memoria.evaluation import hybrid, latency

bench_app = typer.Typer(help="Measures costs on this machine.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")

NOption = Annotated[int, typer.Option("--n", min=100, help="Memories in the store.")]
SeedOption = Annotated[int, typer.Option(help="Seed of the synthetic vectors.")]
FolderOption = Annotated[
    Path | None, typer.Option("--dir", help="Where to make the store; the default is a temporary folder.")
]


@bench_app.command()
def forget(
    n: NOption = 10_000,
    rounds: Annotated[int, typer.Option(min=10)] = 2000,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remember against forget: singles, a scattered batch, a whole namespace."""
    with _folder(folder) as place, progress_bar() as progress:
        report = latency.bench_forget(place, n, MiniLM(), progress, rounds=rounds, seed=seed)
    _show(report, as_json)


@bench_app.command()
def recall(
    n: NOption = 100_000,
    queries: Annotated[int, typer.Option(min=10)] = 200,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recall of vectors against a plain FAISS flat scan, and hybrid against vector-only recall."""
    with _folder(folder) as place, progress_bar() as progress:
        report = latency.bench_recall(place, n, MiniLM(), progress, queries=queries, seed=seed)
        report["hybrid"] = hybrid.bench_hybrid(place, n, MiniLM(), progress, queries=queries, seed=seed)
    _show(report, as_json)


@bench_app.command("open")
def open_(n: NOption = 100_000, seed: SeedOption = 0, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Seconds from opening to the first answer."""
    with _folder(folder) as place, progress_bar() as progress:
        report = latency.bench_open(place, n, MiniLM(), progress, seed=seed)
    _show(report, as_json)


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="memoria-bench-", dir=folder) as made:
        yield Path(made)


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(report)
        return
    for name, value in report.items():
        if isinstance(value, dict):
            out.print(f"[bold]{name}[/]")
            for inner, number in value.items():
                out.print(f"  {inner:18} {number:.3f}" if isinstance(number, float) else f"  {inner:18} {number}")
        else:
            out.print(f"{name:20} {value:.3f}" if isinstance(value, float) else f"{name:20} {value}")
