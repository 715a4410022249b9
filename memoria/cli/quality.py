"""eval: measures recall on the user's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from memoria.cli.app import JsonOption, app, echo_json, out, progress_bar
from memoria.embedders import E5, MINILM, as_embedder
from memoria.engine.change import DETECTORS, DetectorName
from memoria.evaluation.quality import (
    calibrate,
    changes,
    compare,
    datasets,
    injection,
    languages,
    learning,
    mentions,
    retrieval,
    staleness,
    standing,
)
from memoria.evaluation.quality.filling import embedded, sentences
from memoria.evaluation.quality.keeping import Cached
from memoria.models import as_model
from memoria.recall.need import Need
from memoria.types import ENDINGS, Endings

eval_app = typer.Typer(help="Measures quality on your data.", no_args_is_help=True)
app.add_typer(eval_app, name="eval")

DataOption = Annotated[Path, typer.Option("--data", help="A LoCoMo JSON file, or a folder with Memora's weekly files.")]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder for embeddings.")]
EmbedderOption = Annotated[
    str | None, typer.Option("--embedder", help="mpnet, multilingual-e5-small, or a SentenceTransformer's name.")
]
LocomoOption = Annotated[Path | None, typer.Option("--locomo", help="A LoCoMo JSON file.")]
MemoraOption = Annotated[Path | None, typer.Option("--memora", help="A folder with Memora's weekly files.")]
StatementsOption = Annotated[
    Path | None, typer.Option("--statements", help="A folder with RealMem's and MADial's halves.")
]
DetectorOption = Annotated[str, typer.Option(help="What reads changes: learnt, or rules.")]
EndingsOption = Annotated[str, typer.Option(help="What may end a memory: never, commands or sure.")]
NeedOption = Annotated[Path | None, typer.Option("--need", help="JSON with other weights, as fit prints them.")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", help="Name of a conversation; repeatable.")]
DEFAULT_CACHE = Path(".memoria-cache")
Part = TypeVar("Part", datasets.Conversation, staleness.Week)
_FORGETTING = (
    "recall@10",
    "recall@50",
    "stale older@10",
    "stale older@50",
    "stale words@50",
    "stale stems@50",
    "stale session@50",
    "mpa",
    "faa",
    "fama",
)
_INGREDIENTS = ("vectors", "bm25", "fusion", "rrf")
_SPOKEN = ("recall@3", "vectors@3")
_SHOWN = ("recall@5", "recall@10", "recall@20", "recall@50", "hit@20", "full@10", "mrr", "stale@50")


@eval_app.command("retrieval")
def retrieval_(
    data: DataOption,
    only: OnlyOption = None,
    need: NeedOption = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Also measure without each component.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="SVG file to draw recall at k into.")] = None,
    embedder: EmbedderOption = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Compares recall with BM25, vectors, their fusion and reciprocal rank fusion, per category."""
    kept = _cached(embedder, cache)
    weights = Need.of(kept.card.name) if need is None else _weights(need, kept.card.name)
    with progress_bar() as progress:
        report = retrieval.evaluate(chosen(data, only), kept, progress, ablate=ablate, need=weights)
    if plot is not None:
        plot.write_text(retrieval.svg(report))
    if as_json:
        echo_json(report)
        return
    for system, categories in report["systems"].items():
        out.print(_table(system, categories))


@eval_app.command("compare")
def compare_(
    locomo: LocomoOption = None,
    memora: MemoraOption = None,
    statements: StatementsOption = None,
    need: NeedOption = None,
    before: Annotated[Path | None, typer.Option("--before", help="JSON with weights to compare with as well.")] = None,
    left_out: Annotated[
        bool, typer.Option("--left-out", help="For each set, weights fitted to the sets that share no conversation.")
    ] = False,
    embedder: EmbedderOption = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Compares need with each of its ingredients on every set, question by question."""
    found = compare.sets(locomo, memora, statements)
    chosen_embedder = _cached(embedder, cache)
    with progress_bar() as progress:
        needs = {name: _weights(need, chosen_embedder.card.name) for name in found} if need is not None else None
        if left_out:
            needs = compare.left_out(found, chosen_embedder, progress)
        older = None if before is None else _weights(before, chosen_embedder.card.name)
        report = compare.compare(found, chosen_embedder, progress, needs, older)
    if as_json:
        echo_json(report)
    else:
        out.print(_compared(report))


def _weights(path: Path, embedder: str) -> Need:
    return Need.of(embedder).with_(**json.loads(path.read_text()))


def _compared(report: dict[str, Any]) -> Table:
    others = [
        name for name in (*_INGREDIENTS, compare.BEFORE) if all(name in row["systems"] for row in report.values())
    ]
    table = Table("set", "n", "need", *others, title="R@10, MRR; under each of the others: need less it, 95 %")
    for name, row in report.items():
        cells = [_pair(row["systems"][system]) for system in (compare.NEED, *others)]
        less = ["", *(_less(row["need less"][system]) for system in others)]
        table.add_row(name, str(row["questions"]), *map("\n".join, zip(cells, less, strict=True)))
    return table


def _pair(means: dict[str, float]) -> str:
    return f"{means['recall@10']:.3f} {means['mrr']:.3f}"


def _less(measures: dict[str, dict[str, float]]) -> str:
    parts = (measures[name] for name in ("recall@10", "mrr"))
    return "\n".join(f"{one['mean']:+.3f} ({one['low']:+.3f}, {one['high']:+.3f})" for one in parts)


@eval_app.command("calibrate")
def calibrate_(
    locomo: Annotated[Path, typer.Option("--locomo", help="A LoCoMo JSON file.")],
    statements: Annotated[Path, typer.Option("--statements", help="A folder with RealMem's and MADial's halves.")],
    memora: Annotated[Path, typer.Option("--memora", help="A folder with Memora's weekly files, to fill stores with.")],
    sizes: Annotated[
        list[int] | None, typer.Option("--size", help="Memories of a store; repeatable; default 160, 10000, 100000.")
    ] = None,
    embedder: EmbedderOption = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Fits the constants of `hit.probability` and `hits.known`, and judges them on each set when it is left out."""
    found = calibrate.whole(compare.sets(locomo, None, statements))
    general = (statements / "nothing_known.txt").read_text().splitlines()
    kept = _cached(embedder, cache)
    texts = sentences(draft.text for one in datasets.memora(memora, whole=True) for draft in one.drafts)
    with progress_bar() as progress:
        filling = texts, embedded(texts, kept, progress)
        report = calibrate.calibrate(found, kept, general, filling, progress, sizes or calibrate.SIZES)
    if as_json:
        echo_json(report)
    else:
        out.print(_calibrated(report["left out"]))
        out.print({name: [round(one, 3) for one in report[name]] for name in ("hit", "known")})


def _calibrated(report: dict[str, Any]) -> Table:
    table = Table("set left out", "memories", "hits: ECE", "AUROC", "kept", "left", "known: ECE", "AUROC", "Brier")
    for name, by_size in report.items():
        for size, row in by_size.items():
            hits, known = row["hits"], row["known"]
            shown = (
                *(hits[one] for one in ("ece", "auroc", "kept", "left")),
                known["ece"],
                known["auroc"],
                known["brier"],
            )
            table.add_row(name, size, *(f"{one:.3f}" for one in shown))
    return table


@eval_app.command()
def fit(
    data: DataOption, only: OnlyOption = None, embedder: EmbedderOption = None, cache: CacheOption = DEFAULT_CACHE
) -> None:
    """Fits the weights of `Need` to the data and prints them as JSON."""
    cached = _cached(embedder, cache)
    cases = [case for one in chosen(data, only) for case in retrieval.design(one, cached)]
    echo_json(retrieval.fit(cases))


@eval_app.command()
def forgetting(
    data: DataOption,
    only: OnlyOption = None,
    personas: Annotated[
        str, typer.Option(help="Of Memora: used (five that rules were written on), kept (the other five), or all.")
    ] = "all",
    detector: DetectorOption = "learnt",
    endings: EndingsOption = "commands",
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Measures what is recalled although it was updated or deleted, before and after reconciling, per task."""
    if personas not in ("used", "kept", "all"):
        raise typer.BadParameter("personas are used, kept or all")
    embedder = _cached(None, cache)
    way = staleness.Way(detector=_detector(detector), endings=_endings(endings))
    with progress_bar() as progress:
        if data.is_dir():
            weeks = [one for one in staleness.weeks(data) if personas in ("all", staleness.half(one.name))]
            report = staleness.evaluate_weeks(_only(weeks, only), embedder, progress, way)
        else:
            report = staleness.evaluate_turns(chosen(data, only), embedder, progress, way)
    if as_json:
        echo_json(report)
        return
    for system, tasks in report["systems"].items():
        out.print(_stale_table(system, tasks))
    out.print(", ".join(f"{count} {name}" for name, count in report["proposals"].items()))


@eval_app.command("injection")
def injection_(
    embedder: EmbedderOption = None, cache: CacheOption = DEFAULT_CACHE, as_json: JsonOption = False
) -> None:
    """Lets texts of others tell an obedient model what to do, and counts what it did to the memory."""
    with progress_bar() as progress:
        report = injection.evaluate(_cached(embedder, cache), progress)
    if as_json:
        echo_json(report)
        return
    table = Table(
        "kind", *injection.COUNTS, title="Cases in which it happened; own words: the user says it, for control"
    )
    for name, row in {**report["kinds"], **{name: report[name] for name in ("all", "own words")}}.items():
        table.add_row(name, *(str(row[one]) for one in injection.COUNTS))
    out.print(table)


@eval_app.command("changes")
def changes_(
    detector: DetectorOption = "learnt",
    endings: EndingsOption = "commands",
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """Counts, in 200 short talks, true facts ended and lowered, and stale facts that rank above what replaced them."""
    found, may = None if detector == "none" else _detector(detector), _endings(endings)
    with progress_bar() as progress:
        report = changes.evaluate(_cached(None, cache), progress, detector=found, endings=may)
    if as_json:
        echo_json(report)
        return
    table = Table("talks", *report["all"], title=f"detector {detector}, endings {endings}")
    for kind, counts in report.items():
        table.add_row(kind, *map(str, counts.values()))
    out.print(table)


def _detector(name: str) -> DetectorName:
    found = next((one for one in DETECTORS if one == name), None)
    if found is None:
        raise typer.BadParameter(f"detectors are {', '.join(DETECTORS)}")
    return found


def _endings(name: str) -> Endings:
    found = next((one for one in ENDINGS if one == name), None)
    if found is None:
        raise typer.BadParameter(f"endings are {', '.join(ENDINGS)}")
    return found


@eval_app.command("learn")
def learn_(
    model: Annotated[
        str, typer.Option(help="As of `memoria learn`; rules is the rules over English, without a model.")
    ] = "smollm2",
    as_json: JsonOption = False,
) -> None:
    """Counts, in twenty messages, the facts that a model lists, and those that are kept because they were said."""
    asked = None if model == "rules" else as_model(model)
    with progress_bar() as progress:
        report = learning.evaluate(asked, progress)
    if as_json:
        echo_json(report)
        return
    table = Table("", *report["kept"], title=f"model {model}")
    for kind, counts in report.items():
        table.add_row(kind, *map(str, counts.values()))
    out.print(table)


@eval_app.command("languages")
def languages_(
    embedder: Annotated[list[str] | None, typer.Option("--embedder", help="A model's name; repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option("--language", help="Code of a language; repeatable.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measures recall in twelve languages, and how many unrelated facts a night gathers, with each encoder."""
    unknown = sorted(set(language or ()) - set(languages.LANGUAGES))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: the languages are {', '.join(languages.LANGUAGES)}")
    chosen_ = [as_embedder(name) for name in embedder or (MINILM, E5)]
    with progress_bar() as progress:
        report = languages.evaluate(chosen_, progress, language or languages.LANGUAGES)
    if as_json:
        echo_json(report)
        return
    for name, rows in report.items():
        table = Table("language", "recall@3", "vectors@3", "merged", title=f"{name} (95 % intervals)")
        for code, row in rows.items():
            table.add_row(code, *(_cell(row[at]) for at in _SPOKEN), f"{row['merged']} of {row['unrelated']}")
        out.print(table)


@eval_app.command("mentions")
def show_mentions(as_json: JsonOption = False) -> None:
    """Counts the texts in which `forget --mentions` finds a name, and those of other names, in 16 languages."""
    counted = mentions.measure()
    if as_json:
        echo_json(counted)
        return
    table = Table("", "mention it", "found", "near", "mention another", "found")
    for one in counted:
        table.add_row(one.kind, *map(str, (one.theirs, one.met, one.near, one.others, one.wrong)))
    out.print(table)


def _stale_table(system: str, tasks: dict[str, Any]) -> Table:
    shown = [name for name in (*_FORGETTING, *_SHOWN) if name in tasks["all"]]
    table = Table("task", *dict.fromkeys(shown), title=f"{system} (95 % intervals)")
    for task, measured in tasks.items():
        table.add_row(task, *(_cell(measured.get(name)) for name in dict.fromkeys(shown)))
    return table


def _cached(name: str | None, folder: Path) -> Cached:
    return Cached(as_embedder(name), folder)


def chosen(data: Path, only: list[str] | None, *, whole: bool = False) -> list[datasets.Conversation]:
    return _only(datasets.load(data, whole=whole), only)


def _only(parts: list[Part], only: list[str] | None) -> list[Part]:
    names = [one.name for one in parts]
    unknown = sorted(set(only or ()) - set(names))
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: the data holds {', '.join(names)}")
    return [one for one in parts if only is None or one.name in only]


def _table(system: str, categories: dict[str, Any]) -> Table:
    shown = [name for name in _SHOWN if name in categories["all"]]
    table = Table("category", "n", *shown, title=f"{system} (95 % intervals)")
    for category, means in categories.items():
        cells = (_cell(means.get(name)) for name in shown)
        table.add_row(category, str(int(means["mrr"]["n"])), *cells)
    return table


def _cell(measure: dict[str, float] | None) -> str:
    return "" if measure is None else f"{measure['mean']:.3f} [{measure['low']:.2f}, {measure['high']:.2f}]"


@eval_app.command("standing")
def standing_orders(
    count: Annotated[int, typer.Option("--talks", min=2, help="Talks, half of them with wordings held back.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the talks.")] = 7,
    orders: Annotated[int, typer.Option(min=1, help="Orders for the cost of a remember.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Whether a value that was erased by a standing order comes back, and what else is refused."""
    with progress_bar() as progress:
        found = standing.measure(count, seed=seed, progress=progress)
    taken = standing.cost(orders)
    if as_json:
        echo_json({"halves": found, "cost": taken, "ratio": taken.ratio})
        return
    table = Table("half", "talks", "said again", "refused", "without", "recall", "list", "files", "others", "wrong")
    for half, one in found.items():
        counts = (one.talks, one.said, one.refused, one.redacted, one.in_recall, one.in_list, one.in_files)
        table.add_row(half, *map(str, counts), str(one.others), f"{one.wrong} ({one.wrong / one.others:.2%})")
    out.print(table)
    for half, one in found.items():
        for what, times in (*one.missed.items(), *one.mistaken.items()):
            out.print(f"{half}: {what}: {times}")
    out.print(f"remember: {taken.none:.2f} ms, {taken.some:.2f} ms with {taken.orders} orders: {taken.ratio:.2f} times")
