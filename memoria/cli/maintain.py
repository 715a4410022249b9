"""scan, stats, doctor, rebuild, reembed, export, import, copy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    app,
    echo_json,
    err,
    opened,
    opened_store,
    out,
    parts,
    printable,
    progress_bar,
)
from memoria.errors import InvalidQuery, StoreNotFound
from memoria.forget.residue import scan as scan_files
from memoria.forget.residue import text_secrets
from memoria.stores.registry import is_url
from memoria.transfer.copying import copy as copy_store
from memoria.transfer.jsonl import export as export_lines
from memoria.transfer.jsonl import import_lines
from memoria.types import Where


@app.command()
def scan(
    store: StoreOption = DEFAULT_STORE,
    needle: Annotated[list[str] | None, typer.Option(help="Text to look for; repeatable.")] = None,
    needle_file: Annotated[Path | None, typer.Option(help="File with one text a line.", exists=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Looks for texts in every byte of every file of a store; exit status 1 when one is found."""
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
            out.print(printable(f"{find.path}:{find.offset}: {find.label}"), markup=False)
        err.print(f"{residue.files} files, {residue.bytes_scanned:,} bytes, {len(residue.found)} found")
    raise typer.Exit(1 if residue.found else 0)


@app.command()
def stats(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Counts and sizes."""
    with opened_store(store, "r") as there:
        found = there.stats()
    if as_json:
        echo_json(found)
        return
    table = Table(show_header=False)
    for name in found.__dataclass_fields__:
        table.add_row(name, str(getattr(found, name)))
    out.print(table)


@app.command()
def doctor(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Reads everything and reports what is wrong; exit status 1 when something is."""
    with opened_store(store, "r") as there:
        problems = there.check()
    if as_json:
        echo_json(problems)
    else:
        out.print(printable("\n".join(problems) or "Sound."), markup=False)
    raise typer.Exit(1 if problems else 0)


@app.command()
def rebuild(store: StoreOption = DEFAULT_STORE) -> None:
    """Makes indexes again and gives back the space of what was forgotten."""
    with opened_store(store, "rw") as there:
        there.rebuild()


@app.command()
def reembed(
    embedder: Annotated[str, typer.Argument(help="SentenceTransformer name, or all-MiniLM-L6-v2.")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Replaces every vector by another embedder's; all or nothing."""
    with opened(store, "", "rw") as memory:
        memory.reembed(embedder)


@app.command()
def export(store: StoreOption = DEFAULT_STORE, namespace: NamespaceOption = "") -> None:
    """Writes memories as JSON lines to stdout, lossless."""
    with opened_store(store, "r") as there:
        for line in export_lines(there, Where(namespace=parts(namespace))):
            typer.echo(line)


@app.command("import")
def import_(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; stdin when absent.", exists=True)] = None,
    store: StoreOption = DEFAULT_STORE,
    readmit: Annotated[bool, typer.Option("--readmit", help="Take back what was forgotten here.")] = False,
) -> None:
    """Stores memories from an export; what is there already is left as it is, what was forgotten stays out."""
    lines = (sys.stdin if file is None else file.open(encoding="utf-8")).read().split("\n")
    with opened(store, "", "rw") as memory:
        done = import_lines(memory.store, memory.embedder, lines, memory.progress, readmit=readmit)
    err.print(f"Imported {done.stored} memories.")
    if done.refused:
        numbers = ", ".join(map(str, done.refused))
        err.print(f"Left out, because forgotten here or made from what is not here: lines {numbers}.")


@app.command()
def copy(
    source: Annotated[str, typer.Argument(help="Directory or URL of a store.")],
    target: Annotated[str, typer.Argument(help="Directory or URL: not there yet, or what a killed copy left.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied; make nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copies all of a store into another, also what was forgotten and is refused, and compares the two.

    A copy that was killed goes on when it is run again; what the source has forgotten meanwhile leaves the target
    first.
    """
    with progress_bar() as progress:
        done = copy_store(source, target, dry_run=dry_run, timeout=10.0, progress=progress)
    if as_json:
        echo_json(done)
        return
    table = Table(show_header=False)
    for name in done.__dataclass_fields__:
        value = getattr(done, name)
        table.add_row(name, str(len(value) if name == "shards" else value))
    out.print(table)
    if done.shards:
        err.print("Adapters stay with the source: distill again in the target.")
