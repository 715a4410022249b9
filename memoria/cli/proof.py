"""ledger and receipts: what was done, signed, verified and exported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from memoria.cli.app import DEFAULT_STORE, JsonOption, StoreOption, app, echo_json, err, opened_store, out
from memoria.cli.terminal import Grid
from memoria.embedders import as_embedder
from memoria.engine.memory import Memoria
from memoria.errors import InvalidInput
from memoria.proof.certificate import certificate
from memoria.proof.checking import LedgerCheck, check_ledger, check_receipt
from memoria.proof.keys import from_pem
from memoria.proof.lines import Line, imported
from memoria.proof.stamping import STAMP, check_stamp, stamped

ledger_app = typer.Typer(help="Every decision and erasure of a store, chained and signed.", invoke_without_command=True)
receipts_app = typer.Typer(help="Signed receipts of what was erased.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.add_typer(receipts_app, name="receipts")

OutOption = Annotated[Path, typer.Option("--out", "-o", help="File to write to.")]
HeadOption = Annotated[str | None, typer.Option("--head", help="Head that was kept: number:hash.")]
ReceiptOption = Annotated[
    list[Path] | None, typer.Option("--receipt", help="Signed receipt that must be a line of it; repeatable.")
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", help="Public key in PEM, known from elsewhere, that must have signed.")
]
FileOption = Annotated[Path | None, typer.Option("--file", help="Exported ledger, verified without a store.")]
NumberArgument = Annotated[int, typer.Argument(help="Number of the line.")]
TsaOption = Annotated[str | None, typer.Option("--tsa", help="URL of a time stamp authority (RFC 3161) to ask.")]
RootsOption = Annotated[
    Path | None, typer.Option("--tsa-roots", help="Certificates in PEM that vouch for the time stamp authority.")
]


@ledger_app.callback()
def ledger(context: typer.Context, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Shows every decision with its reason; further commands show, verify and export every line."""
    if context.invoked_subcommand is not None:
        return
    with opened_store(store, "r") as found:
        entries = found.ledger()
    if as_json:
        echo_json([_entry(one) for one in entries])
        return
    grid = Grid("at", "action", "ids", "reason")
    for one in entries:
        grid.add(f"{one.at:%Y-%m-%d %H:%M:%S}", one.action, " ".join(one.ids), one.reason)
    grid.show(out)


@ledger_app.command("list")
def list_lines(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Lists every line: what was erased and pruned, held and released, and all else that was decided."""
    _show(_memory(store, Memoria.ledger_lines), as_json)


@ledger_app.command("head")
def head(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Prints number and hash of the last line: kept elsewhere, it finds a ledger that is cut short later."""
    found: LedgerCheck = _memory(store, Memoria.verify_ledger)
    if as_json:
        echo_json({"head": found.head})
    else:
        typer.echo(found.head)


@ledger_app.command("verify")
def verify_ledger(
    store: StoreOption = DEFAULT_STORE,
    head: HeadOption = None,
    receipts: ReceiptOption = None,
    key: KeyOption = None,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verifies every line and signature. Exit status 1, and a reason for each problem, if any was changed."""
    signed = [path.read_bytes() for path in receipts or ()]
    trusted = None if key is None else from_pem(_text(key))
    if file is not None:
        keys, entered = imported(file.read_bytes())
        if trusted is None:
            err.print("No --key is given: whether the keys in the file are those of the store, nobody has said.")
        found = check_ledger(entered, keys, trusted=trusted, head=head, receipts=signed)
    else:
        found = _memory(store, lambda memory: _held_against(memory, head, signed, trusted))
    _report(found, as_json)


@ledger_app.command("export")
def export_ledger(to: OutOption, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Writes the ledger to one file, for whoever has the public key and no store."""
    data: bytes = _memory(store, Memoria.export_ledger)
    _write(to, data)
    if as_json:
        echo_json({"file": str(to), "bytes": len(data)})


@receipts_app.command("list")
def list_receipts(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Lists the receipts: lines of the ledger about what was erased, and verified."""
    _show(_memory(store, Memoria.receipts), as_json)


@receipts_app.command("show")
def show_receipt(number: NumberArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Shows one receipt as a certificate, with the fields of NIST SP 800-88."""
    data: bytes = _memory(store, lambda memory: memory.receipt(number))
    made = certificate(data)
    if as_json:
        echo_json(made.fields)
    else:
        typer.echo(made.markdown())


@receipts_app.command("export")
def export_receipt(
    number: NumberArgument,
    to: OutOption,
    store: StoreOption = DEFAULT_STORE,
    tsa: TsaOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes one receipt as a signed statement; with --tsa, the time by an authority into a file beside it."""
    data: bytes = _memory(store, lambda memory: memory.receipt(number))
    written = keep(to, data, tsa)
    if as_json:
        echo_json({"file": str(to), "bytes": len(data), "stamp": None if written is None else str(written)})


@receipts_app.command("verify")
def verify_receipt(
    file: Annotated[Path, typer.Argument(help="The signed receipt.")],
    store: StoreOption = DEFAULT_STORE,
    key: KeyOption = None,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verifies a receipt: with --key by the public key alone, without by the ledger of the store. Exit status 1 if not.

    With --tsa-roots, the time stamp beside it is verified as well.
    """
    data = file.read_bytes()
    stamp = file.with_name(file.name + STAMP)
    try:
        line = _line_of(data, store, key)
        time = None if roots is None else check_stamp(data, stamp.read_bytes(), roots.read_bytes())
    except InvalidInput as error:
        if as_json:
            echo_json({"genuine": False, "problems": [str(error)]})
        else:
            err.print(f"not genuine: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from None
    if as_json:
        echo_json({"genuine": True, "problems": [], "line": as_facts(line), "stamped": time})
    else:
        typer.echo(f"genuine: line {line.number}, {line.action} of {line.count}, {line.at:%Y-%m-%d %H:%M:%S} UTC")
        if time is not None:
            typer.echo(f"stamped by the authority at {time:%Y-%m-%d %H:%M:%S} UTC")


@receipts_app.command("key")
def key(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Prints the public key that signs the ledger, in PEM, and its id."""
    found = _memory(store, Memoria.signing_key)
    if as_json:
        echo_json({"id": found.id, "pem": found.pem, "cose_key": found.cose.hex()})
    else:
        typer.echo(found.pem, nl=False)
        err.print(f"id {found.id}")


@receipts_app.command("rotate")
def rotate(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Lets a new key sign from now on; the old one signs the line that says so."""
    found = _memory(store, Memoria.rotate_key, writing=True)
    if as_json:
        echo_json({"id": found.id, "pem": found.pem, "cose_key": found.cose.hex()})
    else:
        typer.echo(found.pem, nl=False)
        err.print(f"id {found.id}")


def keep(to: Path, data: bytes, tsa: str | None) -> Path | None:
    """Writes a signed receipt, and beside it the answer of a time stamp authority; returns the file of that."""
    _write(to, data)
    if tsa is None:
        return None
    beside = to.with_name(to.name + STAMP)
    _write(beside, stamped(data, tsa))
    return beside


def as_facts(line: Line) -> dict[str, Any]:
    """A line as JSON takes it: bytes in hexadecimal."""
    plain: dict[str, Any] = _plain(asdict(line))
    return plain


def _memory(store: Path, ask: Any, *, writing: bool = False) -> Any:
    """Asks a memory on a store; no embedder is loaded for it."""
    with opened_store(store, "rw" if writing else "r") as found:
        return ask(Memoria(found, as_embedder(None)))


def _held_against(memory: Memoria, head: str | None, receipts: Sequence[bytes], trusted: bytes | None) -> LedgerCheck:
    found = memory.verify_ledger(head=head, receipts=receipts)
    if trusted is None:
        return found
    keys, entered = imported(memory.export_ledger())
    again = check_ledger(entered, keys, trusted=trusted)
    return again if again.problems and not found.problems else found


def _line_of(data: bytes, store: Path, key: Path | None) -> Line:
    if key is not None:
        return check_receipt(data, [from_pem(_text(key))])
    line: Line = _memory(store, lambda memory: memory.verify_receipt(data))
    return line


def _report(found: LedgerCheck, as_json: bool) -> None:
    if as_json:
        echo_json(found)
    else:
        # On stdout, for it is what was asked.
        for problem in found.problems:
            typer.echo(problem)
        err.print(f"{found.lines} lines, {found.signed} signed, {len(found.problems)} problems; head {found.head}")
    if found.problems:
        raise typer.Exit(1)


def _show(lines: Sequence[Line], as_json: bool) -> None:
    if as_json:
        echo_json([as_facts(line) for line in lines])
        return
    grid = Grid("line", "at", "action", "memories", "what")
    for one in lines:
        grid.add(one.number, f"{one.at:%Y-%m-%d %H:%M:%S}", one.action, one.count, _brief(one))
    grid.show(out)


def _brief(line: Line) -> str:
    found = line.facts.get("verification")
    if isinstance(found, dict):
        return f"{found.get('found')} found in {found.get('files')} files"
    asked = line.facts.get("asked")
    return f"by {', '.join(asked)}" if isinstance(asked, dict) else ""


def _entry(entry: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"at": entry.at, "action": entry.action, "ids": entry.ids, "reason": entry.reason}
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)
