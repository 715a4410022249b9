"""subject: what a person may ask for. What is about them, a copy of it, that it is erased, that it is only stored."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypedDict, Unpack, cast

import typer

from memoria.canonical import canonical
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
from memoria.cli.terminal import Grid, show_fields
from memoria.cli.verbs import show_rewritten
from memoria.engine.arguments import written_out
from memoria.engine.memory import Memoria
from memoria.engine.people import PersonOptions
from memoria.errors import InvalidQuery
from memoria.forget.erase import Guard
from memoria.subject.dossier import Dossier, schema
from memoria.subject.find import Finding
from memoria.text.person import By

Names = tuple[str, ...]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="The name of the person, and other names of the same person.")
]
_PAGES: Mapping[str, Callable[[Dossier], str]] = {
    ".html": Dossier.html,
    ".md": Dossier.markdown,
    ".json": Dossier.json,
}


class Seeking(TypedDict, total=False):
    """How memories about the person are looked for."""

    by: Annotated[
        list[str] | None, typer.Option("--by", help="Only by this way: subject, speaker or mention; repeatable.")
    ]
    include: Annotated[
        list[str] | None, typer.Option("--include", help="Id of a near miss that counts too; repeatable.")
    ]
    near: Annotated[bool | None, typer.Option("--near", help="All near misses count too.")]


class Doing(TypedDict, total=False):
    """What is done; without any, it is only reported."""

    export: Annotated[
        Path | None,
        typer.Option(
            "--export", help="Write a copy for the person: a file .html, .md or .json, or a folder for all three."
        ),
    ]
    erase: Annotated[bool | None, typer.Option("--erase", help="Forget all of it for ever; asks first.")]
    restrict: Annotated[
        bool | None, typer.Option("--restrict", help="Only store it, now and later, until --lift. Needs --reason.")
    ]
    lift: Annotated[bool | None, typer.Option("--lift", help="Take a restriction back. Needs --reason.")]
    status: Annotated[bool | None, typer.Option("--status", help="Show the restrictions that stand.")]
    schema: Annotated[bool | None, typer.Option("--schema", help="Print the JSON Schema of a copy.")]


class How(TypedDict, total=False):
    """How it is done."""

    reason: Annotated[str | None, typer.Option(help="With --restrict, --lift: why; kept in the ledger, encrypted.")]
    redact_others: Annotated[
        bool | None, typer.Option("--redact-others", help="With --export: leave out texts that name other people.")
    ]
    overwrite: Annotated[bool | None, typer.Option("--overwrite", help="With --export: over files that are there.")]
    guard: Annotated[str | None, typer.Option(help="With --erase: exact, near or none, as of forget.")]
    override: Annotated[str | None, typer.Option(help="With --erase: why held memories go too; kept in the ledger.")]
    verify: Annotated[bool | None, typer.Option("--verify", help="With --erase: scan every byte afterwards.")]
    dry_run: Annotated[bool | None, typer.Option("--dry-run", help="With --erase: only show what would go.")]
    yes: Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask.")]


class SubjectOptions(Seeking, Doing, How, total=False):
    """Every option of the command except those that all have."""


@app.command()
@written_out
def subject(
    names: NamesArgument = None,
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    as_json: JsonOption = False,
    **options: Unpack[SubjectOptions],
) -> None:
    """Finds what is stored about a person, and does what they may ask for: see docs/subject.md.

    Without an option that says what to do it only reports: what was found by which way, and apart from it the near
    misses, with which nothing is done unless they are named. Exit status 1 if --verify finds any of it afterwards.
    """
    doing = [name for name in Doing.__annotations__ if options.get(name)]
    if len(doing) > 1:
        raise InvalidQuery(f"one at a time: --{', --'.join(doing)}")
    if not names and doing not in (["status"], ["schema"]):
        raise InvalidQuery("no name is given")
    if doing == ["schema"]:
        echo_json(schema())
        return
    act = _ACTS[doing[0] if doing else "report"]
    write = doing in (["restrict"], ["lift"]) or (doing == ["erase"] and not options.get("dry_run"))
    with opened(store, namespace, "rw" if write else "r") as memory:
        where: PersonOptions = {"near": bool(options.get("near"))}
        where["include"] = whole(memory, *(options.get("include") or ()))
        if options.get("by"):
            where["by"] = cast("list[By]", options.get("by"))  # checked by the verb
        act(memory, tuple(names or ()), where, options, as_json)


def _report(memory: Memoria, names: Names, where: PersonOptions, _: SubjectOptions, as_json: bool) -> None:
    found = memory.about(*names, **where)
    if as_json:
        echo_json({"counts": found.counts(), **asdict(found)})
        return
    ways = {f"by {way}": count for way, count in found.counts().items() if way in ("subject", "speaker", "mention")}
    rest = {name: found.counts()[name] for name in ("included", "derived", "restricted", "held", "near")}
    counts = {"found": len(found.found), **ways, **rest}
    show_fields({name: f"{count:,}" for name, count in counts.items() if count or name == "found"}, out)
    _show(found.found, None)
    if found.near:
        _show(found.near, f"{len(found.near)} near: they may be about somebody else, and count with --include ID")


def _show(found: Sequence[Finding], title: str | None) -> None:
    if title is not None:
        err.print(title, highlight=False, soft_wrap=True)
    grid = Grid("id", "namespace", "observed", "by", "text")
    for one in found:
        text = "(restricted)" if one.text is None else one.text
        grid.add(one.id, "/".join(one.namespace), f"{one.at:%Y-%m-%d %H:%M}", ", ".join(one.ways), text)
    grid.show(out)


def _export(memory: Memoria, names: Names, where: PersonOptions, options: SubjectOptions, as_json: bool) -> None:
    target = options.get("export") or Path()
    folder = target.suffix not in _PAGES
    paths = [target / f"subject{suffix}" for suffix in _PAGES] if folder else [target]
    there = [path for path in paths if path.exists()]
    if there and not options.get("overwrite"):
        raise InvalidQuery(f"{there[0]} is there already: name another place, or give --overwrite")
    if folder and target.exists() and not target.is_dir():
        raise InvalidQuery(f"{target} is neither a folder nor a file .html, .md or .json")
    made = memory.dossier(*names, **where)
    if options.get("redact_others"):
        made = made.without_others()
    for path in paths:
        _write(path, _PAGES[path.suffix](made))
    said = {"entries": len(made.entries), "near": len(made.near), "files": [str(path) for path in paths]}
    others = sum(bool(one.others) for one in made.entries)
    if as_json:
        echo_json({**said, "naming others": others})
        return
    err.print(f"{len(made.entries):,} memories: {', '.join(map(str, paths))}", highlight=False, soft_wrap=True)
    if others and not options.get("redact_others"):
        err.print(f"{others:,} of them name other people: look at these before you hand them out.")
    if made.near:
        err.print(f"{len(made.near):,} near misses are not in it.")


def _write(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    half.replace(path)


def _erase(memory: Memoria, names: Names, where: PersonOptions, options: SubjectOptions, as_json: bool) -> None:
    if options.get("dry_run") or not options.get("yes"):
        going = memory.forget_about(*names, dry_run=True, **where)
        if options.get("dry_run") and as_json:
            echo_json({"forget": [one.id for one in going], "rewritten": going.rewritten})
            return
        show_memories(going, title=f"{len(going)} would be forgotten")
        show_rewritten(going)
        if options.get("dry_run"):
            return
        if not sys.stdin.isatty():
            err.print("Not on a terminal: give --yes to forget these.")
            raise typer.Exit(2)
        typer.confirm("Forget them for ever?", abort=True)
    how: dict[str, Any] = {"verify": bool(options.get("verify")), "override": options.get("override")}
    receipt = memory.forget_about(*names, guard=cast("Guard", options.get("guard") or "exact"), **how, **where)
    if as_json:
        echo_json(receipt)
    else:
        typer.echo(receipt.summary())
    if receipt.verification is not None and receipt.verification.found:
        raise typer.Exit(1)


def _restrict(memory: Memoria, names: Names, where: PersonOptions, options: SubjectOptions, as_json: bool) -> None:
    ids = memory.restrict(*names, reason=_reason(options), **where)
    if as_json:
        echo_json({"restricted": ids})
    else:
        err.print(f"{len(ids):,} restricted now; what is remembered about this person later is too, until --lift.")


def _lift(memory: Memoria, names: Names, _: PersonOptions, options: SubjectOptions, as_json: bool) -> None:
    ids = memory.lift(*names, reason=_reason(options))
    if as_json:
        echo_json({"lifted": ids})
    else:
        err.print(f"{len(ids):,} in use again.")


def _reason(options: SubjectOptions) -> str:
    reason = options.get("reason")
    if reason is None:
        raise InvalidQuery("--reason is missing: why it is restricted or lifted; it is kept in the ledger, encrypted")
    return reason


def _status(memory: Memoria, names: Names, _: PersonOptions, __: SubjectOptions, as_json: bool) -> None:
    asked = {canonical(name) for name in names}
    found = [one for one in memory.restrictions() if not asked or asked & {canonical(name) for name in one.names}]
    if as_json:
        echo_json(found)
        return
    if not found:
        err.print("No restriction stands.")
    grid = Grid("names", "namespace", "by", "since", "reason")
    for one in found:
        since = f"{one.at:%Y-%m-%d %H:%M}"
        grid.add(", ".join(one.names), "/".join(one.namespace), ", ".join(one.by), since, one.reason)
    grid.show(out)


_ACTS: Mapping[str, Callable[[Memoria, Names, PersonOptions, SubjectOptions, bool], None]] = {
    "report": _report,
    "export": _export,
    "erase": _erase,
    "restrict": _restrict,
    "lift": _lift,
    "status": _status,
}
