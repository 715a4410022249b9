"""import: what memoria exported, or the exports and files of other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.text import Text

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    ZoneOption,
    app,
    echo_json,
    err,
    opened,
    out,
)
from memoria.cli.terminal import hanging, show_fields, visible
from memoria.errors import InvalidMemory, InvalidQuery
from memoria.transfer.jsonl import import_lines
from memoria.validate import check_choice

if TYPE_CHECKING:
    from memoria.transfer.foreign import Brought, Kind, Survey

FileArgument = Annotated[
    Path | None,
    typer.Argument(help="File; with --from also a ZIP archive or a folder. '-' and none is stdin."),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="SOURCE",
        help="chatgpt, claude, mem0, langgraph, letta, mem, csv, markdown or jsonl; without it, what memoria exported.",
    ),
]
ReadmitOption = Annotated[bool, typer.Option("--readmit", help="Also store what was forgotten here.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Count what would be stored; store nothing.")]
ShowOption = Annotated[int, typer.Option("--show", min=0, help="With --dry-run: print so many of the texts.")]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        metavar="OURS=THEIRS,...",
        help="Of csv and jsonl: what text, time, speaker, session, id, subject, kind, tags are called there.",
    ),
]
NamesOption = Annotated[
    list[str] | None, typer.Option("--speaker", metavar="OLD=NEW", help="Another name for a speaker; repeatable.")
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Also other branches, messages of the system and of tools, and thinking.")
]
SkipOption = Annotated[bool, typer.Option("--skip-bad", help="Leave out what is malformed, and say where it is.")]


@app.command("import")
def import_(
    file: FileArgument = None,
    store: StoreOption = DEFAULT_STORE,
    source: FromOption = None,
    namespace: NamespaceOption = "",
    dry_run: DryOption = False,
    show: ShowOption = 0,
    columns: ColumnsOption = None,
    speaker: NamesOption = None,
    zone: ZoneOption = None,
    everything: AllOption = False,
    skip_bad: SkipOption = False,
    readmit: ReadmitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stores memories from an export, except those stored already and those forgotten here.

    With --from, the exports of other programs, and files; docs/import.md says how to get them. An import that was
    killed goes on when it is run again. Times without a zone are in --zone.
    """
    foreign = {
        "everything": everything,
        "columns": dict(_pairs("columns", (columns or "").split(","))),
        "speakers": dict(_pairs("speaker", speaker or ())),
        "zone": zone,
    }
    if source is None:
        if any(foreign.values()) or namespace or dry_run or show or skip_bad:
            raise InvalidQuery("these options are for the exports of other programs: name one with --from")
        _import_ours(file, store, as_json, readmit=readmit)
    elif dry_run:
        _survey(_kind(source), _given(file), foreign, show, as_json)
    elif show:
        raise InvalidQuery("--show goes with --dry-run")
    else:
        from memoria.transfer.foreign import bring

        kind, given = _kind(source), _given(file)
        how: Any = {**foreign, "skip_bad": skip_bad, "readmit": readmit}
        with opened(store, namespace, "rw", zone=zone, make=True) as memory:
            done = bring(memory, kind, given, **how)
        _show_brought(done, as_json)


def _import_ours(file: Path | None, store: Path, as_json: bool, *, readmit: bool) -> None:
    given = _given(file, typed=True)
    if isinstance(given, Path) and given.is_dir():
        raise InvalidQuery(f"{given} is a folder: what kind of files it has is said with --from")
    try:
        text = (given if isinstance(given, bytes) else given.read_bytes()).decode()
    except UnicodeDecodeError:
        raise InvalidMemory("this is not UTF-8") from None
    with opened(store, "", "rw", make=True) as memory:
        try:
            done = import_lines(
                memory.store, memory.embedder, text.split("\n"), memory.progress, readmit=readmit, at=memory.now()
            )
        except InvalidMemory as error:
            raise InvalidMemory(*error.violations, "the export of another program is named with --from") from None
    if as_json:
        echo_json(done)
        return
    err.print(f"Imported {done.stored} memories.")
    if done.refused:
        numbers = ", ".join(map(str, done.refused))
        err.print(f"Left out, because forgotten here or made from what is not here: lines {numbers}.")


def _kind(source: str) -> Kind:
    from memoria.transfer.foreign.reading import KINDS

    check_choice("--from", source, KINDS)
    return cast("Kind", source)


def _given(file: Path | None, *, typed: bool = False) -> Path | bytes:
    """The file, or what stdin holds. typed: somebody may type it.

    Raises InvalidQuery when there is no such file, or nothing on stdin but a person.
    """
    if file is not None and str(file) != "-":
        if not file.exists():
            raise InvalidQuery(f"{file} is not there")
        return file
    if sys.stdin.isatty() and not typed:
        raise InvalidQuery("nothing to import: name a file, a ZIP archive or a folder, or pipe it in")
    return sys.stdin.buffer.read()


def _pairs(option: str, given: Iterator[str] | list[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for pair in given:
        name, sign, value = pair.partition("=")
        if pair.strip() and not (sign and name.strip()):
            raise InvalidQuery(f"--{option} takes NAME=VALUE, not one word")
        if pair.strip():
            yield name.strip(), value.strip()


def _survey(source: Kind, file: Path | bytes, foreign: Mapping[str, Any], show: int, as_json: bool) -> None:
    from memoria.transfer.foreign import read, survey

    found = survey(source, file, **foreign)
    items = islice(read(source, file, skip_bad=True, **foreign), show)
    texts = [one.draft.text for one in items]
    if as_json:
        echo_json({"dry_run": True, "survey": found, **({"texts": texts} if show else {})})
        return
    show_fields(_fields(found), out)
    for text in texts:
        out.print(Text(hanging(text)))
    _say_bad(found)


def _show_brought(done: Brought, as_json: bool) -> None:
    if as_json:
        echo_json(done)
        return
    fields = {
        **_fields(done.survey),
        "stored now": f"{done.stored:,}",
        "stored already": f"{done.present:,}",
        "stored already, with another text: left as it is": f"{done.differs:,}",
        "forgotten here, not stored again": f"{done.refused:,}",
    }
    always = {"memories in it", "stored now"}
    show_fields({name: value for name, value in fields.items() if value != "0" or name in always}, out)
    _say_bad(done.survey)


def _fields(found: Survey) -> dict[str, str | None]:
    """The counts of a survey, without content, by what they are called on a terminal."""
    return {
        "memories in it": f"{found.found:,}",
        **{f"of them {kind}": f"{count:,}" for kind, count in found.kinds.items()},
        "conversations": f"{found.sessions:,}" if found.sessions else None,
        "first": None if found.first is None else found.first.isoformat(" ", "seconds"),
        "last": None if found.last is None else found.last.isoformat(" ", "seconds"),
        "without a time: dated now": f"{found.undated:,}" if found.undated else None,
        **{f"left out: {why}": f"{count:,}" for why, count in found.skipped.items()},
    }


def _say_bad(found: Survey) -> None:
    for one in found.bad:
        err.print(Text(visible(one)))
    if found.malformed > len(found.bad):
        err.print(f"and {found.malformed - len(found.bad):,} more")
