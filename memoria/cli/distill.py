"""distill: trains memories into weights, and measures what the weights know afterwards."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    app,
    echo_json,
    err,
    opened,
    out,
    progress_bar,
)
from memoria.cli.bench import FolderOption, SeedOption, bench_app, show, workplace
from memoria.cli.terminal import visible
from memoria.embedders import MiniLM
from memoria.errors import InvalidQuery

if TYPE_CHECKING:
    from memoria.distill.dataset import ExampleWriter
    from memoria.distill.judge import Judge
    from memoria.distill.learn import Learnt
    from memoria.evaluation.quality.facts import Fact


@app.command("ask")
def ask_both(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    limit: Annotated[int, typer.Option("-k", min=1, help="Memories recalled for it, at most.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Answers from weights and store together, never with what is in neither; says on stderr whose answer it is."""
    with opened(store, namespace, "r") as memory:
        told = memory.ask(question, k=limit)
    if as_json:
        echo_json(told)
        return
    about = f", from {', '.join(told.memories)}" if told.memories else ""
    err.print(f"From {told.source}{about}; {told.tokens} tokens of prompt, {told.saved} saved.")
    typer.echo(visible(told.text))


distill_app = typer.Typer(help="Memories in the weights of a model.", invoke_without_command=True)
app.add_typer(distill_app, name="distill")

# Most tokens of an answer that is a whole sentence.
_FREE = 64
# Memories of a whole run, an equal number of each persona.
_WHOLE = 40
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Folder or GGUF file of a causal model; default the small one.")
]


KindsOption = Annotated[
    str, typer.Option("--shards", help="lora, prefix, or both with a comma: compares what they learn; forgets nothing.")
]
StudyOption = Annotated[bool, typer.Option("--study", help="Of --shards: with questions that the model asks too.")]


@distill_app.callback()
def distill(
    context: typer.Context,
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    model: ModelOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Relearn what else wiped shards had learnt.")] = False,
    size: Annotated[int, typer.Option(min=1, help="Memories in a shard, at most.")] = 4,
    shard: Annotated[str, typer.Option(help="What a shard is: lora or prefix.")] = "lora",
    target: Annotated[
        str, typer.Option(help="What training aims at: text, or context, the memory in a prompt.")
    ] = "text",
    last: Annotated[int, typer.Option(min=1, help="Layers that may be adapted, counted from the end.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights.")] = 0,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1 or mps; default cpu, and with --repair that of before.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="In what the model's weights are held: float32 or bfloat16.")] = "float32",
    as_json: JsonOption = False,
) -> None:
    """Trains durable memories into adapters of a model, from which each can be removed again."""
    if context.invoked_subcommand is not None:
        return
    from memoria.distill.base import check_dtype
    from memoria.distill.recipe import Recipe

    with opened(store, namespace, "rw") as memory:
        recipe = Recipe.read({**asdict(Recipe(size=size, last=last, seed=seed)), "shard": shard, "target": target})
        if repair:
            done = memory.relearn(device=device)
        else:
            done = memory.distill(model, recipe=recipe, device=device or "cpu", dtype=check_dtype(dtype))
    _show_learnt(done, as_json)


def _show_learnt(done: Learnt, as_json: bool) -> None:
    if as_json:
        echo_json(done)
        return
    err.print(
        f"{done.memories} memories in {len(done.shards)} shards; {len(done.trained)} trained, {len(done.wiped)} wiped, "
        f"in {done.seconds:.1f} s."
    )


@distill_app.command()
def ask(
    prompt: Annotated[str, typer.Argument(help="What to ask.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Prints the answer of the distilled model, from weights alone; names the active shards on stderr."""
    with opened(store, namespace, "r") as memory:
        model = memory.distilled()
        answer, route = model.generate(prompt), model.route(prompt)
    if as_json:
        echo_json({"answer": answer, "route": route})
        return
    err.print(f"Shards: {', '.join(route.shards) or 'none, the base answers'} (nearest {route.nearest:.2f}).")
    typer.echo(visible(answer))


@distill_app.command()
def audit(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    retrain: Annotated[int | None, typer.Option(min=0, help="Shards to train again; default all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measures what the weights know, and trains shards again to check that they are equal to the bit."""
    with opened(store, namespace, "r") as memory:
        report = memory.audit_weights(retrain=retrain)
    if as_json:
        echo_json(report)
    else:
        show(_plain(report))
    if report.unequal:
        raise typer.Exit(1)


def _plain(report: Any) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__dataclass_fields__}


@distill_app.command()
def export(
    to: Annotated[Path, typer.Argument(help="New folder.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    merged: Annotated[bool, typer.Option("--merged", help="One model, without a router.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copies shards as peft adapters, or merged into a model; forget wipes them where they were written."""
    with opened(store, namespace, "rw") as memory:
        done = memory.distilled().export(to, "merged" if merged else "peft")
    if as_json:
        echo_json(done)
    else:
        out.print(Text(visible("\n".join(one.path for one in done))))


@bench_app.command("distill")
def bench_distill(
    count: Annotated[int, typer.Option("--n", min=4, help="Facts to learn.")] = 40,
    forget: Annotated[int, typer.Option(min=1, help="Of these, facts to forget.")] = 20,
    memora: Annotated[Path | None, typer.Option(help="Folder of Memora's weekly files; default made-up facts.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Without labels: make examples by rules from the text.")] = False,
    size: Annotated[int, typer.Option(min=1, help="Memories in a shard, at most.")] = 4,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training, at most.")] = 24,
    rank: Annotated[int, typer.Option(min=1, help="Rank of an adapter.")] = 8,
    half: Annotated[int | None, typer.Option(min=0, max=1, help="Of Memora, every second persona alone.")] = None,
    bf16: Annotated[bool, typer.Option("--bf16", help="Frozen weights in bfloat16 while training.")] = False,
    kinds: KindsOption = "",
    targets: Annotated[str, typer.Option(help="Of --shards: text, context, or both with a comma.")] = "text",
    study: StudyOption = False,
    model: ModelOption = None,
    device: Annotated[str, typer.Option(help="Of --shards: cpu, cuda, cuda:1 or mps.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="Of --shards: float32 or bfloat16, of the model's weights.")] = "float32",
    seeds: Annotated[
        str, typer.Option("--seeds", "--seed", help="Seeds of facts and training, such as 0,1,2; several make a table.")
    ] = "0",
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learns facts, asks for them in other words, forgets and relearns; compares with a store that never saw them."""
    from memoria.distill.base import check_dtype
    from memoria.distill.recipe import Recipe
    from memoria.evaluation.bench import kinds as comparing
    from memoria.evaluation.bench import weights

    reports: dict[int, dict[str, Any]] = {}
    # What has labels is learnt as facts are: their values answer.
    most, own = (_FREE, Recipe().own_rank) if free else (weights.SHORT, 0)
    for seed in _seeds(seeds):
        # Of few to compare, four of a persona, as in the whole, so that shards are full.
        learnt, never = _drawn(memora, max(count, _WHOLE) if kinds and memora else count, seed, half, free)
        recipe = Recipe(size=size, own_rank=own, steps=steps, rank=rank, alpha=2 * rank, bf16=bf16, seed=seed)
        with workplace(folder) as place, progress_bar() as progress:
            if kinds:
                recipes = comparing.recipes_of(kinds.split(","), targets.split(","), recipe)
                placed, writer = comparing.Placed(model=model, device=device, dtype=check_dtype(dtype)), _writer(study)
                reports[seed] = comparing.bench_kinds(
                    place, learnt[:count], MiniLM(), progress, recipes, most=most, written=writer, placed=placed
                )
                continue
            reports[seed] = weights.bench_distill(
                place, learnt, never[:count], MiniLM(), progress, recipe, forget=forget, most=most
            )
    if kinds and not as_json:
        _show_seeds(comparing.table(reports))
    else:
        _show_reports(reports, as_json)


def _show_reports(reports: dict[int, dict[str, Any]], as_json: bool) -> None:
    """Prints the report of one seed, or a table over several."""
    from memoria.evaluation.bench import weights

    if len(reports) == 1:
        show(next(iter(reports.values())), as_json)
    elif as_json:
        echo_json({"seeds": reports, "over": weights.over_seeds(reports)})
    else:
        _show_seeds(weights.over_seeds(reports))


def _drawn(memora: Path | None, count: int, seed: int, half: int | None, free: bool) -> tuple[list[Fact], list[Fact]]:
    """Facts to learn and others never to be. free: the first without labels."""
    from memoria.evaluation.quality import facts

    learnt, never = facts.synthetic(count, seed) if memora is None else facts.memora(memora, count, seed, half)
    return facts.as_said(learnt) if free else learnt, never


def _writer(study: bool) -> ExampleWriter:
    """What makes the examples of facts; study: with those of the small model."""
    from memoria.distill import base
    from memoria.distill.study import SelfStudy
    from memoria.evaluation.quality import facts

    return SelfStudy(base.load(), facts.write) if study else facts.write


def _judge(embedder: MiniLM | None) -> Judge:
    from memoria.distill import base
    from memoria.distill.judge import Judge

    return Judge(base.load(), embedder)


def _seeds(given: str) -> list[int]:
    try:
        return [int(one) for one in given.split(",")]
    except ValueError:
        raise InvalidQuery(f"seeds {given!r} are not whole numbers with commas between") from None


def _show_seeds(figures: dict[str, dict[str, float]]) -> None:
    columns = next(iter(figures.values()))
    table = Table("", *columns)
    for name, values in figures.items():
        table.add_row(name, *(f"{value:.3f}" for value in values.values()))
    out.print(table)


@bench_app.command("heard")
def bench_heard(
    memora: Annotated[Path, typer.Option(help="Folder of Memora's weekly files.")],
    count: Annotated[int, typer.Option("--n", min=4, help="Preferences to learn in each draw.")] = 40,
    half: Annotated[int | None, typer.Option(min=0, max=1, help="Every second persona alone; default all.")] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Draws, such as 0,1,2; several make a table.")] = "0",
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Folder that keeps what was learnt; with it a run that was cut goes on."),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks for what people said, learnt as they said it, and for what they never said."""
    from memoria.distill.recipe import Recipe
    from memoria.evaluation.bench import heard

    with workplace(folder) if keep is None else nullcontext(keep) as place, progress_bar() as progress:
        draws = _seeds(seeds)
        reports = heard.bench_heard(place, memora, count, draws, half, MiniLM(), progress, Recipe())
    _show_reports(reports, as_json)


@bench_app.command("shards")
def bench_shards(
    count: Annotated[int, typer.Option("--n", min=4, help="Facts to learn, all in one namespace.")] = 16,
    sizes: Annotated[list[int] | None, typer.Option("--size", help="Memories in a shard; repeatable.")] = None,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compares small shards with an adapter for each memory, larger shards, fewer layers, and bfloat16."""
    from memoria.distill.recipe import Recipe
    from memoria.evaluation.bench import weights
    from memoria.evaluation.quality import facts

    recipes = {f"size {size}": Recipe(size=size, seed=seed) for size in sizes or (1, 2, 4, 8, count)}
    recipes |= {"bf16": Recipe(bf16=True, seed=seed), "last 8 layers": Recipe(last=8, seed=seed)}
    with workplace(folder) as place, progress_bar() as progress:
        learnt, _ = facts.synthetic(count, seed)
        report = weights.bench_shards(place, learnt, MiniLM(), progress, recipes)
    show(report, as_json)


@bench_app.command("growth")
def bench_growth(
    count: Annotated[int, typer.Option("--n", min=16, help="Facts to learn in all.")] = 400,
    block: Annotated[int, typer.Option(min=4, help="Facts learnt at a time.")] = 40,
    seed: SeedOption = 0,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measures seconds of training for each memory as the store grows step by step."""
    from memoria.distill.recipe import Recipe
    from memoria.evaluation.bench import weights
    from memoria.evaluation.quality import facts

    with workplace(folder) as place, progress_bar() as progress:
        learnt, _ = facts.synthetic(count, seed)
        report = weights.bench_growth(place, learnt, MiniLM(), progress, Recipe(seed=seed), block=block)
    show(report, as_json)


@bench_app.command("routing")
def bench_routing(
    memora: Annotated[Path, typer.Option(help="Folder of Memora's weekly files.")],
    count: Annotated[int, typer.Option("--n", min=4, help="Memories.")] = 40,
    half: Annotated[int | None, typer.Option(min=0, max=1, help="Every second persona alone; default all.")] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Which memories, such as 0,1,2; several make a table.")] = "0",
    fit: Annotated[bool, typer.Option("--fit", help="Fit the constants of the router on a half instead.")] = False,
    judged: Annotated[
        bool, typer.Option("--judge", help="With the judge of kinds: notes and the small model.")
    ] = False,
    by_base: Annotated[bool, typer.Option("--by-base", help="Of --judge: by the small model alone.")] = False,
    at: Annotated[float, typer.Option(help="Of --judge: log-odds from which a memory may answer.")] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Measures how questions find the memory that answers, among what people said; trains nothing."""
    from memoria.evaluation.bench import weights
    from memoria.evaluation.quality import routing

    embedder = MiniLM()
    judge = _judge(None if by_base else embedder) if judged or by_base else None
    if fit:
        found = routing.fit(memora, half or 0, embedder)
        show(found if judge is None else routing.fit_judge(memora, half or 0, embedder, judge), as_json)
        return
    reports = {seed: routing.routed(memora, count, seed, half, embedder, judge, at) for seed in _seeds(seeds)}
    if as_json:
        echo_json({"seeds": reports, "over": weights.over_seeds(reports)})
    else:
        _show_seeds(weights.over_seeds(reports))
