"""fit detector, eval detector: the learnt judge of changes, made and measured."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memoria.cli.app import JsonOption, app, echo_json, out, progress_bar
from memoria.cli.quality import DEFAULT_CACHE, CacheOption, LocomoOption, MemoraOption, eval_app
from memoria.embedders import MINILM, as_embedder, minilm_folder
from memoria.evaluation.quality import datasets, endings, sessions
from memoria.evaluation.quality.keeping import Cached
from memoria.learnt.detector import WEIGHTS, Learnt
from memoria.learnt.fit import fit
from memoria.learnt.grammar import FOLDS, Pair
from memoria.learnt.train import STEPS
from memoria.protocols import Progress

fit_app = typer.Typer(help="Fits what memoria learns from data.", no_args_is_help=True)
app.add_typer(fit_app, name="fit")
SeedOption = Annotated[int, typer.Option(help="Of the grammar, the order and the weights.")]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", help="Weights to measure; default the installed ones.")
]

_FALSE = (0.01, 0.02, 0.05, 0.1)


@fit_app.command("detector")
def fit_detector(
    to: Annotated[Path, typer.Option("--out", help="File to write the weights to.")] = Path("judge.npz"),
    memora: MemoraOption = None,
    steps: Annotated[int, typer.Option(min=2, help="Steps of training.")] = STEPS,
    seed: SeedOption = 1,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs of each persona's talk, about so many.")] = sessions.PAIRS,
    fold: Annotated[int, typer.Option(min=0, max=FOLDS - 1, help="The fifth of the grammar to calibrate on.")] = 0,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Trains the judge of changes on the grammar and on five of Memora's personas, and calibrates it."""
    with progress_bar() as progress:
        natural = _natural(memora, cache, seed, progress, pairs)
        adapted = fit(natural, minilm_folder(), steps, seed, fold, progress)
    adapted.write(to)
    report = {
        "file": str(to),
        "bytes": to.stat().st_size,
        "sha256": hashlib.sha256(to.read_bytes()).hexdigest(),
        "steps": steps,
        "seed": seed,
        "fold": fold,
        "natural pairs": sum(map(len, natural.values())),
        "slope": adapted.slope,
        "offset": adapted.offset,
    }
    if as_json:
        echo_json(report)
    else:
        out.print(report)


@eval_app.command("detector")
def eval_detector(
    locomo: LocomoOption = None,
    memora: MemoraOption = None,
    weights: WeightsOption = None,
    every: Annotated[int, typer.Option(min=1, help="Judge only every n-th turn of LoCoMo.")] = 1,
    folds: Annotated[
        bool, typer.Option("--folds", help="Also train on four fifths of the grammar, five times.")
    ] = False,
    steps: Annotated[int, typer.Option(min=2, help="Steps of the training of a fold.")] = 200,
    seed: SeedOption = 1,
    plot: Annotated[Path | None, typer.Option("--plot", help="SVG file to draw found against false into.")] = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Measures what the judge of changes finds and what it would wrongly end: folds, chat, talks, languages."""
    if plot is not None and not folds:
        raise typer.BadParameter("--plot draws the folds: give --folds as well")
    path = weights or WEIGHTS
    judge, embedder = Learnt(path), Cached(as_embedder(None), cache)
    report: dict[str, Any] = {"judge": judge.name, "latency": endings.latency(judge)}
    report["talks"] = {
        "learnt": endings.judged(endings.talks("talks"), judge),
        "rules": endings.by_rules(endings.talks("talks")),
        "still": endings.judged(endings.talks("still"), judge),
    }
    report["average precision of fold 0"] = endings.held_out(judge, seed, 0)
    report["held out"] = endings.held_kinds(judge, seed, 0)
    report["languages"] = endings.in_languages(judge)
    with progress_bar() as progress:
        if locomo is not None:
            report["chat"] = endings.chat(datasets.load(locomo), embedder, judge, progress, every)
        if folds:
            natural = _natural(memora, cache, seed, progress)
            report["folds"] = endings.folds(natural, embedder, cache, steps, seed, progress)
    if plot is not None:
        plot.write_text(endings.svg(report["folds"]))
    echo_json(report) if as_json else _show(report)


def _natural(
    memora: Path | None, cache: Path, seed: int, progress: Progress, count: int = sessions.PAIRS
) -> dict[str, list[Pair]]:
    if memora is None:
        return {}
    embedder = Cached(as_embedder(MINILM), cache)
    return sessions.pairs(memora, sessions.learnable(memora), embedder, seed, progress, count)


def _show(report: dict[str, Any]) -> None:
    out.print(report["judge"], report["latency"])
    shown = ("stale", "first", "found", "found ahead", "found ended", "true", "lowered", "lowered ahead", "ended")
    table = Table("talks", *shown, title="changes found, and true facts lowered (p >= .5) and ended (p >= .9, margin)")
    rows = dict(report["talks"])
    for code, both in report["languages"].items():
        rows |= {f"{code}, {name}": counts for name, counts in both.items()}
    for name, counts in rows.items():
        table.add_row(name, *(str(counts.get(one, "")) for one in shown))
    out.print(table)
    out.print({"average precision of fold 0": report["average precision of fold 0"]})
    out.print({"held-out kinds": report["held out"]})
    if "chat" in report:
        out.print({name: report["chat"][name] for name in ("turns", "questions")})
    if "folds" in report:
        precision = report["folds"]["average precision"]
        title = "average precision of each fold; found where so much of what stays true is hit as well"
        table = Table("contender", *map(str, range(FOLDS)), "mean", *(f"{one:.0%}" for one in _FALSE), title=title)
        for name, values in precision.items():
            found = [endings.found_at(report["folds"]["curves"][name], one) for one in _FALSE]
            mean = sum(values) / len(values)
            table.add_row(name, *(f"{one:.3f}" for one in [*values, mean]), *(f"{one:.2f}" for one in found))
        out.print(table)
