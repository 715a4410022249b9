"""backup, forgets: copies that forget what the store forgets, and the log that tells older ones. restore is with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    StoreOption,
    app,
    check_there,
    echo_json,
    err,
    opened_store,
    out,
    progress_bar,
    unlocking,
    waiting,
)
from memoria.cli.terminal import show_fields
from memoria.errors import InvalidQuery
from memoria.stores.forgets import KEEP_DAYS, KEEP_NOTE, keep_days
from memoria.transfer.backup import verbs

forgets_app = typer.Typer(help="What was forgotten, told to older copies.", no_args_is_help=True)
app.add_typer(forgets_app, name="forgets")

LogOption = Annotated[
    Path | None, typer.Option("--forget-log", help="Also export the forget log to this file.", dir_okay=False)
]


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="Directory of the backup, which this store has for itself.")],
    store: StoreOption = DEFAULT_STORE,
    verify: Annotated[bool, typer.Option("--verify", help="Read the whole backup and compare; copy nothing.")] = False,
    forget_log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copies what has changed since the last backup into the same place; what was forgotten is zeroed there too.

    The store may be open meanwhile, here and in other processes. A backup that was killed goes on when run again.
    """
    if verify and forget_log is not None:
        raise InvalidQuery("--verify reads a backup, and no store: leave --forget-log out")
    with progress_bar() as progress:
        if verify:
            _tell(verbs.verify_backup(target, progress=progress), as_json)
            return
        check_there(store)
        done = verbs.backup(store, target, timeout=waiting(), progress=progress, unlock=unlocking())
    if forget_log is not None:
        verbs.export_forgets(store, forget_log, timeout=waiting(), unlock=unlocking())
    _tell(done, as_json)


def restored(source: str, target: str, apply_forgets: str | None, *, as_json: bool) -> None:
    """What `memoria restore SRC DST` does."""
    with progress_bar() as progress:
        done = verbs.restore(
            source, target, apply_forgets=apply_forgets, timeout=waiting(), progress=progress, unlock=unlocking()
        )
    _tell(done, as_json)
    if apply_forgets is None:
        err.print("Without --apply-forgets, what was forgotten after this backup is back.")


@forgets_app.command()
def export(
    file: Annotated[Path, typer.Argument(help="File to write; it is replaced as a whole.", dir_okay=False)],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Writes what was forgotten to a file, for `restore --apply-forgets`: ids and keyed fingerprints, no content."""
    check_there(store)
    lines = verbs.export_forgets(store, file, timeout=waiting(), unlock=unlocking())
    _tell({"lines": lines, "bytes": file.stat().st_size}, as_json)


@forgets_app.command()
def keep(
    days: Annotated[float | None, typer.Argument(min=0, help=f"Days; {KEEP_DAYS} unless set.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Shows or sets for how many days the log is kept; an older backup cannot be told by it what was forgotten."""
    with opened_store(store, "r" if days is None else "rw") as there:
        if days is not None:
            there.write_note(KEEP_NOTE, str(days))
        kept = keep_days(there.note(KEEP_NOTE))
    _tell({KEEP_NOTE: kept}, as_json)


def _tell(done: Any, as_json: bool) -> None:
    found = done if isinstance(done, dict) else asdict(done)
    if as_json:
        echo_json(found)
    else:
        show_fields({name: str(value) for name, value in found.items()}, out)
