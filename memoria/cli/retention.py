"""fade, prune, evict, shorten, archive, restore, pin, unpin, hold, release, allocate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

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
    show_memories,
)
from memoria.cli.prefixes import whole
from memoria.cli.terminal import Grid
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.forget.shorten import Shortening
from memoria.retention.counting import BudgetUnit
from memoria.retention.fade import LIMIT
from memoria.retention.prune import Pruning
from memoria.types import Budget

IdsArgument = Annotated[list[str], typer.Argument(help="Ids of memories, or their first digits.")]
ReasonOption = Annotated[str, typer.Option(help="The reason; kept in the ledger, encrypted.")]
CountOption = Annotated[int | None, typer.Option(help="Memories that each namespace may keep.")]
BytesOption = Annotated[int | None, typer.Option(help="Bytes that each namespace may keep.")]
TokensOption = Annotated[
    int | None, typer.Option(help="Tokens that the texts of each namespace may cost in a prompt, all together.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be archived; change nothing.")]


@app.command()
def fade(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    dry_run: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Archives memories that have faded; restore brings them back."""
    with opened(store, namespace, "rw") as memory:
        ids = memory.fade(dry_run=dry_run)
    _show_ids(ids, "would fade" if dry_run else "faded", as_json)
    if len(ids) == LIMIT:
        err.print(f"One pass takes {LIMIT:,} at most; more may be due.")


@app.command()
def prune(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    below: Annotated[float | None, typer.Option(help="Forget archived memories with less retrievability.")] = None,
    count: CountOption = None,
    bytes: BytesOption = None,
    tokens: TokensOption = None,
    cap: Annotated[int, typer.Option(help="Most that one pass forgets.")] = 1000,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Forgets for ever what the policy can do without, under --below or beyond --count, --bytes or --tokens; asks."""
    given = Budget(count=count, bytes=bytes, tokens=tokens)
    budget = None if given == Budget() else given
    with opened(store, namespace, "rw") as memory:
        report = memory.prune(below=below, budget=budget, cap=cap, dry_run=True)
        if not dry_run and report.ids and (yes or (not as_json and agreed(memory, report))):
            report = memory.prune(below=below, budget=budget, cap=cap)
    if as_json:
        echo_json(report)
        return
    _show_ids(report.ids, "would be forgotten" if report.dry_run else "forgotten", False)
    if report.capped:
        err.print("The cap was reached; more waits.")


@app.command()
def evict(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    count: CountOption = None,
    bytes: BytesOption = None,
    tokens: TokensOption = None,
    dry_run: DryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Archives the least needed memories beyond --count, --bytes or --tokens; restore brings them back."""
    budget = Budget(count=count, bytes=bytes, tokens=tokens)
    with opened(store, namespace, "rw") as memory:
        ids = memory.evict(budget, dry_run=dry_run)
    _show_ids(ids, "would be archived" if dry_run else "archived", as_json)


@app.command()
def shorten(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    bytes: BytesOption = None,
    tokens: TokensOption = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones count and are shortened too.")] = False,
    cap: Annotated[int, typer.Option(help="Most that one pass shortens.")] = 1000,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be shortened; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Cuts the least needed memories to what they tell, for ever, to keep --bytes or --tokens; asks first."""
    budget = Budget(bytes=bytes, tokens=tokens)
    with opened(store, namespace, "rw") as memory:
        report = memory.shorten(budget, archived=archived, cap=cap, dry_run=True)
        if not dry_run and report.ids:
            if not yes and (as_json or not _may_shorten(report)):
                return
            report = memory.shorten(budget, archived=archived, cap=cap)
    if as_json:
        echo_json(report)
        return
    _show_sizes(report)


def _may_shorten(report: Shortening) -> bool:
    _show_sizes(report)
    if not sys.stdin.isatty():
        err.print("Not on a terminal: give --yes to shorten these.")
        return False
    return typer.confirm("Erase what is left out, for ever?", default=False)


def _show_sizes(report: Shortening) -> None:
    grid = Grid("id", "bytes", "shortened to")
    for id, before, after in zip(report.ids, report.before, report.after, strict=True):
        grid.add(id, before, after)
    if report.ids:
        grid.show(out)
    done = "would be shortened" if report.dry_run else "shortened"
    err.print(f"{len(report.ids)} {done}, {sum(report.before):,} bytes of text to {sum(report.after):,}.")
    if report.beyond:
        err.print(f"{len(report.beyond)} are beyond the budget even so: evict archives them, prune forgets them.")
    if report.capped:
        err.print("The cap was reached; more waits.")


def agreed(memory: Memoria, report: Pruning) -> bool:
    """Shows what a prune would take for ever, parts and what was made from it included, and asks; never without a
    terminal."""
    going = [memory.get(id) for id in (*report.ids, *report.derived)]
    show_memories(going, title=f"{len(going)} would be forgotten for ever")
    if not sys.stdin.isatty():
        err.print("Not on a terminal: give --yes to forget these.")
        return False
    return typer.confirm("Forget them for ever?", default=False)


@app.command()
def archive(ids: IdsArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Takes memories out of recall, reversibly."""
    done(store, ids, Memoria.archive, as_json=as_json)


@app.command()
def restore(
    what: Annotated[list[str], typer.Argument(help="Ids of memories; or a backup, and the place of a new store.")],
    store: StoreOption = DEFAULT_STORE,
    apply_forgets: Annotated[
        str | None,
        typer.Option(help="Of a backup: a store, or its exported forget log; what it has forgotten since goes."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Brings archived memories back: restore ID... Or makes a store out of its backup: restore BACKUP PLACE.

    A backup is restored into a place that is not there. That store cannot be opened before it is whole; a restore that
    was killed is run again.
    """
    if apply_forgets is not None or (len(what) == 2 and Path(what[0]).is_dir()):
        from memoria.cli.backup import restored

        if len(what) != 2:
            raise InvalidQuery("--apply-forgets goes with a backup and the place of a new store")
        restored(what[0], what[1], apply_forgets, as_json=as_json)
        return
    done(store, what, Memoria.restore, as_json=as_json)


@app.command()
def pin(ids: IdsArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Pins memories: they never fade."""
    done(store, ids, Memoria.pin, as_json=as_json)


@app.command()
def unpin(ids: IdsArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Lets pinned memories fade again."""
    done(store, ids, Memoria.unpin, as_json=as_json)


@app.command()
def hold(
    ids: IdsArgument, reason: ReasonOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """Holds memories: nothing fades, changes or forgets them."""
    done(store, ids, partial(Memoria.hold, reason=reason), as_json=as_json)


@app.command()
def release(
    ids: IdsArgument, reason: ReasonOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """Ends holds."""
    done(store, ids, partial(Memoria.release, reason=reason), as_json=as_json)


def done(store: Path, ids: Sequence[str], act: Callable[..., None], *, as_json: bool) -> None:
    """Does something to memories, by their ids; with --json, prints the whole ids."""
    with opened(store, "", "rw") as memory:
        meant = whole(memory, *ids)
        act(memory, *meant)
    if as_json:
        echo_json(meant)


def _show_ids(ids: tuple[str, ...], what: str, as_json: bool) -> None:
    if as_json:
        echo_json(ids)
        return
    for id in ids:
        typer.echo(id)
    err.print(f"{len(ids)} {what}")


@app.command()
def allocate(
    total: Annotated[int, typer.Option(help="What all namespaces may keep out of the archive.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    by: Annotated[str, typer.Option(help="What is divided: count (memories), bytes or tokens.")] = "count",
    apply: Annotated[bool, typer.Option("--apply", help="Archive what is over the budgets.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Divides a budget among namespaces by what one more memory would gain in each, and says why."""
    with opened(store, namespace, "rw") as memory:
        found = memory.allocate(total, by=cast("BudgetUnit", by), apply=apply)
    if as_json:
        echo_json(found)
        return
    names = ("places",) if by == "count" else (by, "memories")
    grid = Grid("namespace", *names, "hits", "of uses", "one more adds")
    for one in sorted(found.shares, key=lambda one: -one.places):
        sizes = (one.places, one.memories)[: len(names)]
        grid.add(one.name, *sizes, f"{one.hits:.1f}", f"{one.uses:.1f}", f"{one.next_place:.4f}")
    grid.show(out)
