"""sleep, consolidate, supersede, expire, history, lineage, and what sleep saves and costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from memoria.change.consolidate import MOST
from memoria.change.sleep import NIGHT_SECONDS, Dream, Night
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
    show_memories,
)
from memoria.cli.prefixes import whole
from memoria.cli.quality import DEFAULT_CACHE, CacheOption, DataOption, OnlyOption, chosen, eval_app
from memoria.cli.retention import DryOption, IdsArgument, agreed, done
from memoria.cli.terminal import Grid, visible
from memoria.cli.verbs import IdArgument
from memoria.embedders import MiniLM
from memoria.engine.memory import Memoria
from memoria.evaluation.quality import consolidation
from memoria.evaluation.quality.keeping import Cached
from memoria.retention.prune import CAP

AtOption = Annotated[datetime | None, typer.Option(help="When it changes in the world (UTC); default now.")]
DistilOption = Annotated[
    bool | None,
    typer.Option("--distil/--no-distil", help="Write durable memories into weights; as the last night, if not told."),
]
NightOption = Annotated[float, typer.Option(min=0.1, help="Seconds for weights, of a night that distils.")]
NightModelOption = Annotated[
    Path | None, typer.Option("--model", help="Folder of a causal model for --distil; default the last one.")
]


@app.command()
def sleep(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    like: Annotated[
        float | None, typer.Option(help="Cosine from which memories are gathered; by default that of the embedder.")
    ] = None,
    most: Annotated[int, typer.Option(help="Parts that a gist may have.")] = MOST,
    cap: Annotated[int, typer.Option(help="Most that one pass replays in each namespace, and prunes.")] = CAP,
    fade: Annotated[bool, typer.Option("--fade", help="Also archive what is due by the policy.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Archive what is due, forget what has faded far; asks.")
    ] = False,
    relearn: Annotated[
        bool, typer.Option("--relearn/--no-relearn", help="Train shards of weights that are missing.")
    ] = True,
    distil: DistilOption = None,
    seconds: NightOption = NIGHT_SECONDS,
    model: NightModelOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Forget without asking.")] = False,
    dry_run: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Consolidates: what is alike becomes a gist, whose parts are found as before."""
    with opened(store, namespace, "rw") as memory:
        planned, fade = prune and dry_run, fade or prune
        night = memory.sleep(
            like=like,
            most=most,
            cap=cap,
            fade=fade,
            prune=planned,
            relearn=relearn,
            distil=distil,
            seconds=seconds,
            model=model,
            dry_run=dry_run,
        )
        if prune and not dry_run:
            night = _pruned(memory, night, cap, yes=yes, ask=not as_json)
        rows = [] if as_json else gathered(memory, night)
    if as_json:
        echo_json(night)
        return
    show_night(night, rows)


def _pruned(memory: Memoria, night: Night, cap: int, *, yes: bool, ask: bool) -> Night:
    """The night with what was forgotten, after it was shown and agreed to."""
    below = memory.fade_below / 2
    report = memory.prune(below=below, cap=cap, dry_run=True)
    if not report.ids or not (yes or (ask and agreed(memory, report))):
        return night
    done = memory.prune(below=below, cap=cap)
    return replace(night, pruned=done.ids, capped=night.capped or done.capped)


def gathered(memory: Memoria, night: Night) -> list[tuple[str, list[str]]]:
    """The id of each gist, and the texts that joined it."""
    return [(id, [memory.get(one).text for one in members]) for id, members in night.gists]


def show_night(night: Night, rows: list[tuple[str, list[str]]]) -> None:
    """A table of gists, and a line of counts on stderr."""
    grid = Grid("id", "joined by", title="Gists" + (" that would be made" if night.dry_run else ""))
    for id, texts in rows:
        grid.add(id or "(new)", "\n".join(texts))
    if rows:
        grid.show(out)
    would = "would be " if night.dry_run else ""
    err.print(
        f"{night.replayed} memories replayed, {night.absorbed} {would}gathered into {len(night.gists)} gists, "
        f"{len(night.faded)} {would}archived, {len(night.pruned)} {would}forgotten."
    )
    if night.erased or night.held:
        err.print(f"{len(night.erased)} {would}erased because their time has passed; {len(night.held)} more are held.")
    if night.unaccepted:
        err.print(f"{len(night.unaccepted)} changes and gists wait for a yes: review is on (`memoria ui`, Night).")
    if night.skipped:
        err.print(
            f"{len(night.skipped)} changes could not be settled: what they are about is gone, held or superseded."
        )
    if night.dream is not None:
        err.print(_dreamt(night.dream))
    if night.relearnt:
        err.print(f"{len(night.relearnt)} {would}learnt into weights again.")
    if night.waiting:
        err.print(f"{len(night.waiting)} wait to be learnt into weights again: memoria distill --repair.")
    if night.capped:
        err.print("The cap was reached; more waits for the next pass.")


def _dreamt(dream: Dream) -> str:
    """What a night did for weights, in a line or two."""
    pace = f"{dream.pace:.1f} s a shard" + ("" if dream.measured else ", assumed")
    if dream.dry_run:
        first = f"{len(dream.learnt)} would be learnt into weights in about {dream.seconds:.0f} s ({pace})"
    else:
        first = f"{len(dream.learnt)} learnt into weights in {dream.seconds:.1f} s ({pace})"
    left = ", ".join(f"{count} {reason}" for reason, count in dream.left_out.items())
    return (
        f"{first}; {len(dream.waiting)} wait, {len(dream.left)} left them. "
        f"{dream.memories} in weights, {dream.bytes:,} bytes; their notes would take about {dream.saved:.0f} tokens of "
        f"prompts a day, by the recalls of {dream.days:.0f} days." + (f" Not durable: {left}." if left else "")
    )


@app.command()
def consolidate(ids: IdsArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Makes one gist of two or more memories; each can be taken out of it again."""
    with opened(store, "", "rw") as memory:
        gist = memory.consolidate(*whole(memory, *ids))
    if as_json:
        echo_json(gist)
    else:
        show_memories([gist])


@app.command()
def supersede(
    old: IdArgument,
    text: Annotated[str, typer.Argument(help="What holds from then on.")],
    store: StoreOption = DEFAULT_STORE,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """A new fact takes the place of an old one; both stay, each for its time."""
    with opened(store, "", "rw") as memory:
        (known,) = whole(memory, old)
        home = memory.namespace(*memory.get(known).namespace)
        new = home.supersede(known, text, at=_utc(at))
    if as_json:
        echo_json(new)
    else:
        show_memories([new])


@app.command()
def expire(
    ids: IdsArgument, store: StoreOption = DEFAULT_STORE, at: AtOption = None, as_json: JsonOption = False
) -> None:
    """Ends memories: they no longer hold, and are found only by --as-of."""
    done(store, ids, partial(Memoria.expire, at=_utc(at)), as_json=as_json)


@app.command()
def history(id: IdArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """What a fact superseded and what superseded it, each with the time in which it held."""
    with opened(store, "", "r") as memory:
        found = memory.history(*whole(memory, id))
    if as_json:
        echo_json(found)
        return
    grid = Grid("from", "to", "id", "text")
    for one in found:
        begun, ended = one.valid_from or one.created_at, one.valid_to
        grid.add(f"{begun:%Y-%m-%d %H:%M}", ended and f"{ended:%Y-%m-%d %H:%M}", one.id, one.text)
    grid.show(out)


@app.command()
def lineage(
    id: IdArgument,
    store: StoreOption = DEFAULT_STORE,
    svg: Annotated[Path | None, typer.Option(help="Draw it into this file as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What a memory was made from, and what was made from it."""
    with opened(store, "", "r") as memory:
        found = memory.lineage(*whole(memory, id))
    if svg is not None:
        svg.write_text(found.svg())
        err.print(Text(visible(f"Drawn into {svg}.")))
    if as_json:
        echo_json(found)
    else:
        typer.echo(visible(found.text()))


@eval_app.command("consolidation")
def consolidation_(
    data: DataOption,
    only: OnlyOption = None,
    like: Annotated[
        list[float] | None, typer.Option(help="Cosines to gather from, beside the default; repeatable.")
    ] = None,
    most: Annotated[int | None, typer.Option(help="Parts that a gist may have; that of sleep by default.")] = None,
    name: Annotated[
        list[str] | None, typer.Option("--regime", help="Only these rows and the first; repeatable.")
    ] = None,
    cache: CacheOption = DEFAULT_CACHE,
    as_json: JsonOption = False,
) -> None:
    """What sleep saves in bytes and costs in evidence recall, once and nightly, against never sleeping."""
    embedder = Cached(MiniLM(), cache)
    found = consolidation.regimes(like or (), most)
    asked = [one for one in found if one is found[0] or not name or one.name in name]
    with progress_bar() as progress:
        rows = consolidation.evaluate(chosen(data, only, whole=True), embedder, progress, asked)
    if as_json:
        echo_json(rows)
        return
    names = ("recall@10", "recall@50", *(f"within {tokens}" for tokens in consolidation.TOKENS))
    table = Table("regime", "memories", "bytes", "on disk", *names, "tokens@10", "archived", "erased")
    for row in rows:
        table.add_row(*_cells(row, names))
    out.print(table)


def _cells(row: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    means = row["quality"]["all"]
    return [
        row["regime"],
        f"{row['memories']:,}",
        f"{row['bytes_left']:.3f}",
        f"{row['on_disk_left']:.3f}",
        *(f"{means[name]['mean']:.3f}" for name in names),
        f"{row['tokens@10']:.0f}",
        str(row["archived"]),
        str(row["erased"]),
    ]


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
