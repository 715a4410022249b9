"""fit retention, eval retention: the weights by which memories are judged when they are stored, made and measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.table import Table

from memoria.cli.app import JsonOption, NamespaceOption, echo_json, opened, out, parts, progress_bar
from memoria.cli.detector import fit_app
from memoria.cli.quality import DEFAULT_CACHE, CacheOption, EmbedderOption, LocomoOption, MemoraOption, eval_app
from memoria.embedders import as_embedder
from memoria.evaluation.quality import retained, retained_loop, retained_sets
from memoria.evaluation.quality.keeping import Cached
from memoria.retention.salience import FEATURES, Weights
from memoria.retention.salience_fit import fitted
from memoria.retention.salience_log import refit

if TYPE_CHECKING:
    from memoria.evaluation.lab.intervals import Estimate

RealmemOption = Annotated[Path | None, typer.Option("--realmem", help="RealMem's facts and messages, a .jsonl.gz.")]


@fit_app.command("retention")
def fit_retention(
    locomo: LocomoOption = None,
    memora: MemoraOption = None,
    realmem: RealmemOption = None,
    to: Annotated[Path, typer.Option("--out", help="File to write the weights to.")] = Path("salience.json"),
    store: Annotated[str | None, typer.Option("--store", help="Fits to the recalls of this store instead.")] = None,
    namespace: NamespaceOption = "",
    adopt: Annotated[bool, typer.Option("--adopt", help="The store takes them if they are better.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of split and bootstrap.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Fits the weights of salience: to sets with questions, or to what a store was asked for."""
    if store is not None:
        _of_a_store(store, namespace, adopt=adopt, seed=seed, as_json=as_json)
        return
    found = retained_sets.sets(locomo, memora, realmem)
    if not found:
        raise typer.BadParameter("give --store, or at least one of --locomo, --memora and --realmem")
    weights = fitted({name: [case.sample() for case in cases] for name, cases in found.items()})
    to.write_text(json.dumps(weights.to_dict(), indent=1) + "\n")
    named = {name: value for name, value in zip(FEATURES, weights.weights, strict=True) if value}
    report = {"file": str(to), "sources": list(weights.sources), "weights": named, "assistant": weights.assistant}
    if as_json:
        echo_json(report)
    else:
        out.print(report)


def _of_a_store(store: str, namespace: str, *, adopt: bool, seed: int, as_json: bool) -> None:
    with opened(store, namespace, "rw" if adopt else "r") as memory:
        report = refit(memory.store, parts(namespace), np.random.default_rng(seed), take=adopt)
    if as_json:
        echo_json(report)
    else:
        typer.echo(report.summary())


@eval_app.command("retention")
def eval_retention(
    locomo: LocomoOption = None,
    memora: MemoraOption = None,
    realmem: RealmemOption = None,
    share: Annotated[list[float] | None, typer.Option("--share", help="Part of memory; repeatable.")] = None,
    recency: Annotated[
        list[float] | None, typer.Option("--recency", help="Weight of recency beside salience; repeatable.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="What room is of: count or bytes.")] = "count",
    weights: Annotated[
        Path | None, typer.Option("--weights", help="JSON of weights; default those fitted to the other sets.")
    ] = None,
    found: Annotated[bool, typer.Option("--found", help="Also what ten hits and 1,000 tokens bring back.")] = False,
    ended: Annotated[
        bool, typer.Option("--ended", help="Also with what has ended going first, as reconcile reads Memora.")
    ] = False,
    models: Annotated[bool, typer.Option("--models/--no-models", help="Every model of decay beside it.")] = True,
    embedder: EmbedderOption = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Measures how much of what is asked for is kept, and of what is stale, when part of the memories goes."""
    if by not in ("count", "bytes"):
        raise typer.BadParameter("room is of count or bytes")
    sets = retained_sets.sets(locomo, memora, realmem)
    if not sets:
        raise typer.BadParameter("give at least one of --locomo, --memora and --realmem")
    given = None if weights is None else Weights.of(json.loads(weights.read_text()))
    asking = retained.Asking(
        shares=tuple(share or retained.SHARES),
        bytes=by == "bytes",
        recencies=tuple(retained.RECENCIES if recency is None else recency),
        weights=given,
        models=models,
    )
    kept = Cached(as_embedder(embedder), cache)
    with progress_bar() as progress:
        ends = retained_loop.all_ended(sets, kept, progress) if ended else {}
        report: dict[str, Any] = {"kept": retained.evaluate(sets, asking, ends, progress)}
        if found:
            report["found"] = retained_loop.found(sets, asking, kept, progress)
    if as_json:
        echo_json(report)
        return
    for name, one in report["kept"].items():
        out.print(_kept(name, one, asking.shares))
    for name, shares in report.get("found", {}).items():
        out.print(_found(name, shares))


def _kept(name: str, report: dict[str, Any], shares: Sequence[float]) -> Table:
    title = f"{name}: {report['memories']} memories of {report['cases']}; weights of {', '.join(report['fitted to'])}"
    table = Table("way", *(f"{share:.0%}" for share in shares), "stale", "over fifo", title=title)
    for way, row in report["ways"].items():
        stale = " ".join("-" if np.isnan(one.mean) else f"{one.mean:.2f}" for one in row["stale"])
        table.add_row(way, *map(_cell, row["kept"]), stale, "  ".join(map(_gap, row["over fifo"])))
    return table


def _found(name: str, report: dict[str, Any]) -> Table:
    table = Table("kept", "way", "in ten hits", "in 1,000 tokens", title=f"{name}: evidence that recall brings back")
    for share, ways in report.items():
        for way, row in ways.items():
            table.add_row(f"{float(share):.0%}", way, _cell(row["hits"]), _cell(row["tokens"]))
    return table


def _cell(one: Estimate) -> str:
    return f"{100 * one.mean:.1f} ({100 * one.low:.1f}, {100 * one.high:.1f})"


def _gap(one: Estimate) -> str:
    return f"{100 * one.mean:+.1f} ({100 * one.low:+.1f}, {100 * one.high:+.1f})"
