"""scan, stats, doctor, rebuild, reembed, export, copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    app,
    echo_json,
    err,
    opened_store,
    out,
    parts,
    progress_bar,
    reader,
    unlocking,
    waiting,
)
from memoria.cli.terminal import in_json, show_fields, visible
from memoria.cli.unlock import wrapper
from memoria.embedders import as_embedder
from memoria.engine.opening import open_store
from memoria.errors import DatabaseOlder, InvalidQuery, NotPermitted, StoreNotFound
from memoria.forget.residue import scan as scan_files
from memoria.forget.residue import text_secrets
from memoria.protocols import Store
from memoria.stores.local import LocalStore
from memoria.stores.registry import is_url
from memoria.transfer.copying import copy as copy_store
from memoria.transfer.jsonl import export as export_lines
from memoria.transfer.rekeying import rekey as rekey_store
from memoria.types import EmbedderCard, Namespace, Where
from memoria.validate import check_choice


@app.command()
def scan(
    store: StoreOption = DEFAULT_STORE,
    needle: Annotated[list[str] | None, typer.Option(help="Text to look for; repeatable.")] = None,
    needle_file: Annotated[Path | None, typer.Option(help="File with one text a line.", exists=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Looks for texts in every byte of every file of a store; exit status 1 if one is found."""
    if reader() is not None:
        raise NotPermitted("a scan is for the owner of the store, not for a reader")
    texts = [*(needle or ()), *(needle_file.read_text().splitlines() if needle_file else ())]
    texts = [text for text in texts if text]
    if not texts:
        raise InvalidQuery("nothing to look for: give --needle or --needle-file")
    if is_url(store):
        raise InvalidQuery("a server's files are scanned where they are: give its data directory as the store")
    if not store.is_dir():
        raise StoreNotFound(f"{store} is not a directory")
    files = [path for path in sorted(store.rglob("*")) if path.is_file()]
    residue = scan_files(files, [secret for text in texts for secret in text_secrets(text)])
    if as_json:
        echo_json({"verification": residue.verification(), "found": residue.found})
    else:
        for find in residue.found:
            out.print(Text(visible(f"{find.path}:{find.offset}: {find.label}")))
        err.print(f"{residue.files} files, {residue.bytes_scanned:,} bytes, {len(residue.found)} found")
    raise typer.Exit(1 if residue.found else 0)


@app.command()
def stats(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Shows counts and sizes."""
    with opened_store(store, "r") as there:
        found = there.stats()
    if as_json:
        echo_json(found)
        return
    show_fields({name: str(getattr(found, name)) for name in found.__dataclass_fields__}, out)


@app.command()
def doctor(
    store: StoreOption = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Say what a repair would give up.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Reads the whole store and reports what is wrong; exit status 1 if anything is.

    A repair gives up what is damaged, for good, so that all else is sound again. Look for an older copy of the damaged
    file first: where the right one is put back, nothing is lost.
    """
    if repair:
        problems = _repaired(store, yes=yes)
    else:
        with opened_store(store, "r") as there:
            problems = there.check()
    if as_json:
        echo_json(problems)
    else:
        out.print(Text(visible("\n".join(problems) or "Sound.")))
    raise typer.Exit(1 if problems else 0)


def _repaired(store: str | Path, *, yes: bool) -> list[str]:
    """What a repair does, or would do; a memoria.db that is too old to be opened is accepted first."""
    if reader() is not None:
        raise NotPermitted("a repair is for the owner of the store, not for a reader")
    unused = EmbedderCard(name="", dimension=1)
    if is_url(store):
        with closing(open_store(store, unused, "rw", timeout=waiting(), unlock=unlocking())) as server:
            return server.repair(dry_run=not yes)
    if not (Path(store) / "memoria.db").exists():
        raise StoreNotFound(f"{store} holds no memoria store")
    try:
        local = LocalStore(store, embedder=unused, timeout=waiting(), unlock=unlocking())
    except DatabaseOlder as error:
        said = f"{error}: it is accepted, and what only the slot files have is listed then"
        if not yes:
            return [said]
        with closing(
            LocalStore(store, embedder=unused, timeout=waiting(), accept_older=True, unlock=unlocking())
        ) as older:
            return [said, *older.repair(dry_run=True)]
    with closing(local):
        return local.repair(dry_run=not yes)


@app.command()
def rebuild(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Rebuilds indexes and frees the disk space of what was forgotten."""
    with opened_store(store, "rw") as there:
        there.rebuild()
        found = there.stats()
    if as_json:
        echo_json(found)


@app.command()
def reembed(
    embedder: Annotated[
        str, typer.Argument(help="mpnet, multilingual-e5-small, all-MiniLM-L6-v2, or a SentenceTransformer's name.")
    ],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Replaces every vector by that of another embedder; all or nothing."""
    with opened_store(store, "rw") as there:
        there.reembed(as_embedder(embedder))
        card = there.embedder
    if as_json:
        echo_json(card)


@app.command()
def export(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    include: Annotated[
        list[str] | None, typer.Option(help="restricted: memories that are only stored, which are left out otherwise.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="jsonl, or mem: a bundle of Portable Memory 1.1.")] = "jsonl",
    to: Annotated[
        Path | None, typer.Option("--to", help="With --format mem: the folder of the bundle, a new one.")
    ] = None,
    receipt: Annotated[
        list[Path] | None,
        typer.Option(help="With --format mem: a receipt as forget --json printed it, for tombstones; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes memories as JSON lines to stdout, or as a bundle for other programs; what is to be erased is left out."""
    check_choice("--format", form, ("jsonl", "mem"))
    for one in include or ():
        check_choice("--include", one, ("restricted",))
    if form == "mem":
        if include:
            raise InvalidQuery("a .mem bundle has no word for restricted: what is restricted is never in it")
        _bundle(store, parts(namespace), to, receipt or (), as_json)
        return
    if to is not None or receipt:
        raise InvalidQuery("--to and --receipt go with --format mem")
    with opened_store(store, "r") as there:
        prefix = parts(namespace)
        where = Where(namespace=prefix, restricted=None if include else False, kept_at=datetime.now(UTC))
        for line in export_lines(there, where):
            typer.echo(in_json(line))
        left = 0 if include else len(there.select(Where(namespace=prefix, restricted=True)))
    if left:
        err.print(f"{left:,} restricted left out: --include restricted writes them too.")


def _bundle(store: Path, namespace: Namespace, to: Path | None, receipts: Sequence[Path], as_json: bool) -> None:
    from memoria.transfer.mem import receipts_of, write_bundle

    if to is None:
        raise InvalidQuery("--to is missing: the folder of the bundle")
    known = [one for path in receipts for one in receipts_of(path.read_text(encoding="utf-8"))]
    with opened_store(store, "r") as there, progress_bar() as progress:
        where = Where(namespace=namespace)
        done = write_bundle(there, to, where, datetime.now(UTC), receipts=known, progress=progress)
    if as_json:
        echo_json(done)
        return
    show_fields({name: f"{getattr(done, name)}" for name in done.__dataclass_fields__}, out)


@contextmanager
def _source(place: str, *, dry_run: bool) -> Iterator[str | Store]:
    """The source of a copy: its place, or what a reader sees of it, if one was named."""
    if reader() is None:
        yield place
        return
    with opened_store(place, "r" if dry_run else "rw") as seen:
        yield seen


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Directory or URL of a store.")],
    target: Annotated[str, typer.Argument(help="Directory or URL: a new one, or that of a copy that was killed.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be copied; copy nothing.")] = False,
    unlock_target: Annotated[
        str | None, typer.Option(metavar="HOW", help="What opens the target, as for --unlock; a new one is sealed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copies a whole store, including which forgotten texts it refuses, and compares the copy with it.

    With --reader, what this reader sees alone, without what the store refuses.

    A copy that was killed continues when run again; it first erases from the target what the source has forgotten
    meanwhile.
    """
    with progress_bar() as progress, _source(source, dry_run=dry_run) as read:
        done = copy_store(
            read,
            target,
            dry_run=dry_run,
            timeout=waiting(),
            progress=progress,
            unlock=unlocking(),
            unlock_target=wrapper(unlock_target, "--unlock-target"),
        )
    if as_json:
        echo_json(done)
        return
    fields = {name: getattr(done, name) for name in done.__dataclass_fields__} | {"shards": len(done.shards)}
    show_fields({name: str(value) for name, value in fields.items()}, out)
    if done.shards:
        err.print("Adapters stay with the source: distill again in the target.")


@app.command()
def rekey(
    new: Annotated[str, typer.Option(metavar="HOW", help="What opens the store from now on, as for --unlock.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Changes what opens a sealed store, at once for any size; or seals a store that is in clear.

    Nobody may have it open. What is cut short is done again. A store that was in clear is overwritten; a solid-state
    disk may keep copies of it.
    """
    with progress_bar() as progress:
        done = rekey_store(store, new=wrapper(new, "--new"), unlock=unlocking(), timeout=waiting(), progress=progress)
    if as_json:
        echo_json(done)
        return
    err.print(f"Sealed, {done.files} files." if done.sealed else "Only the new key opens it from now on.")
