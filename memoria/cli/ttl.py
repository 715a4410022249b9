"""ttl set, list, lift, run: how long memories are kept, and erasing what is due."""

from __future__ import annotations

from typing import Annotated

import typer

from memoria.cli.app import DEFAULT_STORE, JsonOption, NamespaceOption, StoreOption, app, echo_json, err, opened, out
from memoria.cli.lengths import length, said
from memoria.cli.terminal import Grid
from memoria.types import RetentionPeriod

ttl_app = typer.Typer(
    help="How long memories are kept: retention periods, and erasing what is due.", no_args_is_help=True
)
app.add_typer(ttl_app, name="ttl")
SubjectsOption = Annotated[str | None, typer.Option("--subject", help="Only memories about this subject.")]


@ttl_app.command("set")
def set_(
    ttl: Annotated[str, typer.Argument(help="How long at most, from when a memory was observed: 90d, 36h, 2w.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    subject: SubjectsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keeps a retention period over a namespace or a subject: for what is there, and for what comes.

    What is due is seen by nobody from then on, and erased by sleep, by workers and by `memoria ttl run`.
    """
    with opened(store, namespace, "rw") as memory:
        period = memory.set_ttl(length(ttl), subject=subject)
        due = memory.erase_due(dry_run=True)
    if as_json:
        echo_json({"period": _plain(period), "due": due.ids, "held": due.held})
        return
    err.print(f"{len(due.ids)} memories are due now, and {len(due.held)} more are held.")


@ttl_app.command("list")
def list_(store: StoreOption = DEFAULT_STORE, namespace: NamespaceOption = "", as_json: JsonOption = False) -> None:
    """Shows the retention periods of a store, or those that are about a namespace."""
    with opened(store, namespace, "r") as memory:
        periods = memory.ttls()
    if as_json:
        echo_json([_plain(one) for one in periods])
        return
    grid = Grid("namespace", "subject", "kept")
    for one in periods:
        grid.add("/".join(one.namespace), one.subject or "", said(one.ttl))
    if periods:
        grid.show(out)
    err.print(f"{len(periods)} retention {'period' if len(periods) == 1 else 'periods'}.")


@ttl_app.command()
def lift(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    subject: SubjectsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lifts the retention period of a namespace or a subject; what it has not erased yet is seen again."""
    with opened(store, namespace, "rw") as memory:
        lifted = memory.lift_ttl(subject=subject)
    if as_json:
        echo_json({"lifted": lifted})
    else:
        err.print("Lifted." if lifted else "There is no such retention period.")
    if not lifted:
        raise typer.Exit(1)


@ttl_app.command()
def run(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due; erase nothing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Scan every byte of the store after each batch.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erases what is due by its own expiry or a retention period, and what was made from it; held memories stay.

    Exit status 1 if --verify finds any of it afterwards.
    """
    with opened(store, namespace, "r" if dry_run else "rw") as memory:
        done = memory.erase_due(dry_run=dry_run, verify=verify)
    if as_json:
        echo_json(done)
    else:
        for id in (*done.ids, *done.derived):
            typer.echo(id)
        what = "would be erased" if dry_run else "erased"
        err.print(f"{len(done.ids)} {what}, {len(done.derived)} made from them; {len(done.held)} are due and held.")
        if done.held:
            err.print(f"Held: {' '.join(done.held)}")
    if any(one.verification is not None and one.verification.found for one in done.receipts):
        raise typer.Exit(1)


def _plain(period: RetentionPeriod) -> dict[str, object]:
    return {"namespace": period.namespace, "subject": period.subject, "ttl_seconds": period.ttl.total_seconds()}
