"""init, remember, recall, get, list, amend, forget."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer
from rich.markup import escape
from rich.text import Text

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    NamespaceOption,
    StoreOption,
    SubjectOption,
    TagsOption,
    ZoneOption,
    app,
    as_line,
    chosen,
    echo_json,
    err,
    opened,
    out,
    parts,
    show_memories,
    unlocking,
)
from memoria.cli.filters import (
    FilterOptions,
    MetadataOption,
    SessionOption,
    SpeakerOption,
    asked,
    nested,
    note,
    say_left,
    values,
)
from memoria.cli.lengths import ExpiresOption, TtlOption, when_erased
from memoria.cli.prefixes import whole
from memoria.cli.terminal import hanging, show_fields, visible
from memoria.engine.arguments import written_out
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.errors import Forbidden, InvalidQuery, Refused, StoreExists
from memoria.forget.erase import Guard
from memoria.remember import Draft
from memoria.standing.orders import OnMatch
from memoria.stores.registry import is_url, without_password
from memoria.types import Hit, Memory, Preview, Provenance, Receipt, Trace

VisibleOption = Annotated[
    list[str] | None, typer.Option(help="Person or role that may see it; repeatable. Default whoever reads.")
]
IdArgument = Annotated[str, typer.Argument(help="Id of the memory, or its first digits.")]

GuardDaysOption = Annotated[
    float | None, typer.Option(help="Refuse it for so many days only; inf is for ever, which is the default.")
]


@app.command()
def init(
    store: StoreOption = DEFAULT_STORE,
    embedder: Annotated[
        str | None, typer.Option(help="mpnet, multilingual-e5-small, or a SentenceTransformer's name.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Code of the texts' language; default told by each text.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Makes an empty store."""
    if not is_url(store) and (store / "memoria.db").exists():
        raise StoreExists(f"{store} is a memoria store already")
    with open_memoria(store, embedder=embedder, language=language, unlock=unlocking()) as memory:
        card = memory.store.embedder
    if as_json:
        echo_json({"store": without_password(str(store)), "embedder": card, "language": language})
    err.print(Text(visible(f"Made {without_password(str(store))}.")))


@app.command()
def remember(
    text: Annotated[str, typer.Argument(help="What to remember; '-' reads one memory a line from stdin.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    subject: SubjectOption = None,
    session: SessionOption = None,
    speaker: SpeakerOption = None,
    tag: TagsOption = None,
    kind: str = "episodic",
    salience: Annotated[
        float | None, typer.Option(help="Importance in [0, 1]; by default judged from the text.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Your own key; a key is stored only once.")] = None,
    metadata: MetadataOption = None,
    visible_to: VisibleOption = None,
    created_at: Annotated[datetime | None, typer.Option(help="When (UTC); default now.")] = None,
    zone: ZoneOption = None,
    expires_at: ExpiresOption = None,
    ttl: TtlOption = None,
    readmit: Annotated[bool, typer.Option("--readmit", help="Store it even if this text was forgotten here.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stores a memory durably."""
    texts = [line.rstrip("\n") for line in sys.stdin if line.strip()] if text == "-" else [text]
    given: dict[str, Any] = {
        "subject": subject,
        "tags": tag or (),
        "kind": kind,
        "salience": salience,
        "key": key,
        "provenance": Provenance(session=session, speaker=speaker),
        "metadata": nested(values(metadata)),
        **when_erased(expires_at, ttl),
        "visible_to": visible_to,
    }
    if created_at is not None:
        given["created_at"] = created_at.replace(tzinfo=UTC)
    if not texts:
        note("Nothing is remembered: there is no line on stdin.")
        return
    with opened(store, namespace, "rw", zone=zone, make=True) as memory:
        stored = _stored(memory, [Draft(text=one, **given) for one in texts], readmit=readmit)
    if as_json:
        echo_json(stored)
    else:
        for one in stored:
            typer.echo(one.id)


def _stored(memory: Memoria, drafts: Sequence[Draft], *, readmit: bool) -> list[Memory]:
    """The memories of drafts; a refusal says which of the lines it is about."""
    try:
        return memory.remember_many(drafts, readmit=readmit)
    except Refused as error:
        lines = ", ".join(str(at + 1) for at in error.positions)
        which = "the text" if len(drafts) == 1 else f"of the lines that are not blank, number {lines}"
        error.args = (f"{which} was forgotten here before, and is not stored again: give --readmit to take it back",)
        if isinstance(error, Forbidden):
            error.args = (f"{which} holds what a standing order keeps out: see memoria standing list",)
        raise


@app.command()
@written_out
def recall(
    query: str,
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="Number of memories.")] = 5,
    namespace: NamespaceOption = "",
    as_of: Annotated[datetime | None, typer.Option(help="Only memories recorded and valid at that time (UTC).")] = None,
    zone: ZoneOption = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Only as many as fit into so many tokens.")] = None,
    at_least: Annotated[
        float | None, typer.Option(min=0, max=1, help="Only hits that are wanted with this probability.")
    ] = None,
    vector_only: Annotated[bool, typer.Option("--vector-only", help="Search by meaning only.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(help="archived, expired or upcoming memories as well; repeatable.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the terms of each score, also for the next k memories.")
    ] = False,
    as_json: JsonOption = False,
    **filters: Unpack[FilterOptions],
) -> None:
    """Finds memories by meaning, words, speakers and times."""
    more: dict[str, Any] = {
        "as_of": None if as_of is None else as_of.replace(tzinfo=UTC),
        "at_least": at_least,
        "vector_only": vector_only,
        "include": tuple(include or ()),
    }
    with opened(store, namespace, "r", zone=zone) as memory:
        hits = memory.recall(query, k=2 * k if explain else k, budget_tokens=budget_tokens, **more, **asked(**filters))
        there = bool(hits) or bool(memory.list(limit=1))
    if as_json:
        echo_json(hits)
        return
    if not hits:
        note("Nothing is found." if there else f"No memory is in {_where(store, namespace)}.")
    if explain and hits.known is not None:
        out.print(f"[dim]anything known: {hits.known:.3f}[/]")
    _show_hits(hits[:k], explain=explain)
    if hits[k:]:
        out.print("[dim]runners-up[/]")
        _show_hits(hits[k:], explain=explain)


def _where(store: object, namespace: str) -> str:
    """A namespace, or else a whole store, as a note names it."""
    return visible(f"the namespace {namespace}" if namespace else f"the store {without_password(str(store))}")


def _show_hits(hits: Sequence[Hit], *, explain: bool) -> None:
    """One hit after the other on a terminal; elsewhere one line each: score, text, id."""
    for hit in hits:
        score = _explained(hit) if explain else f"{hit.score:.3f}"
        if out.is_terminal:
            out.print(f"[bold]{score}[/]", escape(hanging(hit.shown)), f"[dim]{hit.memory.id}[/]")
        else:
            typer.echo("\t".join(visible(one, lines=False) for one in (score, hit.shown, hit.memory.id)))


def _explained(hit: Hit) -> str:
    return hit.explain() if hit.probability is None else f"p {hit.probability:.3f}; {hit.explain()}"


@app.command()
def get(id: IdArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Shows one memory and its trace."""
    with opened(store, "", "r") as memory:
        (whole_id,) = whole(memory, id)
        one, trace = memory.get(whole_id), memory.trace(whole_id)
    if as_json:
        echo_json({"memory": one, "trace": trace})
    else:
        show_fields(_told(one) | _told(trace), out)


def _told(values: Memory | Trace | Provenance) -> dict[str, Any]:
    """Fields that say something, as a person reads them: parts of a gist by their ids, provenance by its own fields."""
    found: dict[str, Any] = {}
    for one in fields(values):
        value = getattr(values, one.name)
        if isinstance(value, Provenance):
            found |= _told(value)
        elif one.name == "parts":
            found["parts"] = " ".join(part.id for part in value)
        elif one.name == "namespace":
            found["namespace"] = "/".join(value)
        elif one.name == "metadata":
            found["metadata"] = as_line(value) if value else None
        elif value is not False:
            found[one.name.replace("_", " ")] = _plain_field(value)
    return found


def _plain_field(value: object) -> object:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


@app.command("list")
@written_out
def list_(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    after: Annotated[str | None, typer.Option(help="Only newer than the memory with this id: the next page.")] = None,
    newest: Annotated[
        bool | None,
        typer.Option(
            "--newest/--oldest", help="Which end of a long list to show; default newest, with --after oldest."
        ),
    ] = None,
    as_json: JsonOption = False,
    **filters: Unpack[FilterOptions],
) -> None:
    """Lists memories, oldest first; says on stderr how many are not shown. With --json: memories, left, after."""
    last = after is None if newest is None else newest
    with opened(store, namespace, "r") as memory:
        after = None if after is None else whole(memory, after)[0]
        page = memory.list(limit=limit, after=after, newest=last, **asked(**filters))
    if as_json:
        echo_json({"memories": page, "left": page.left, "after": page.after})
        return
    show_memories(page)
    say_left(page, newest=last)


@app.command()
def amend(
    id: IdArgument,
    store: StoreOption = DEFAULT_STORE,
    text: Annotated[str | None, typer.Option(help="New text.")] = None,
    subject: SubjectOption = None,
    tag: TagsOption = None,
    salience: Annotated[float | None, typer.Option(help="Importance in [0, 1].")] = None,
    expires_at: ExpiresOption = None,
    ttl: TtlOption = None,
    visible_to: VisibleOption = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Whoever reads the namespace may see it.")] = False,
    readmit: Annotated[bool, typer.Option("--readmit", help="Take back a text that was forgotten here.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Changes fields of a memory; the old values are erased."""
    time = when_erased(expires_at, ttl)
    changes: dict[str, Any] = {"text": text, "subject": subject, "tags": tag or None, "salience": salience}
    changes["visible_to"] = visible_to or None
    given = {name: value for name, value in changes.items() if value is not None} | time
    if everybody:
        if visible_to:
            raise InvalidQuery("give --visible-to or --everybody, not both")
        given["visible_to"] = None
    if not given:
        raise InvalidQuery(
            "nothing to change: give --text, --subject, --tag, --salience, --expires-at, --ttl, --visible-to or "
            "--everybody"
        )
    with opened(store, "", "rw") as memory:
        one = memory.amend(*whole(memory, id), readmit=readmit, **given)
    if as_json:
        echo_json(one)
    else:
        show_memories([one])


def show_rewritten(going: Sequence[Memory]) -> None:
    """Names on stderr the gists that stay, without what would go."""
    if isinstance(going, Preview) and going.rewritten:
        count = f"{len(going.rewritten)} gist{'s' if len(going.rewritten) > 1 else ''}"
        err.print(f"{count} would be made again without these: {' '.join(going.rewritten)}")


def show_near(going: Sequence[Memory]) -> None:
    """Shows on stderr what may mention the name that was asked for, or another one, and stays."""
    if isinstance(going, Preview) and going.near:
        show_memories(going.near, title=f"{len(going.near)} near: they may be of another name, and would stay", on=err)


def _say(receipt: Receipt, *, as_json: bool) -> None:
    """Prints a receipt; ends with status 1 if anything was found."""
    if as_json:
        echo_json(receipt)
    else:
        typer.echo(receipt.summary())
    if receipt.verification is not None and receipt.verification.found:
        raise typer.Exit(1)


def _keep(to: Path, receipt: Receipt, tsa: str | None) -> None:
    from memoria.cli.proof import keep

    keep(to, receipt.signed(), tsa)


def show_going(going: Sequence[Memory]) -> None:
    """Shows what would be forgotten, and on stderr what would change or is near."""
    show_memories(going, title=f"{len(going)} would be forgotten")
    show_rewritten(going)
    show_near(going)


def ask_to_forget() -> None:
    """Asks; ends the command unless the user agrees."""
    if not sys.stdin.isatty():
        err.print("Not on a terminal: give --yes to forget these.")
        raise typer.Exit(2)
    typer.confirm("Forget them for ever?", abort=True)


@app.command()
@written_out
def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of memories, or their first digits.")] = None,
    store: StoreOption = DEFAULT_STORE,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Everything under this namespace.")] = None,
    mentions: Annotated[str | None, typer.Option(help="Memories with this name: whole words, however written.")] = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="Keep what --mentions says out from now on, however it is written.")
    ] = False,
    on_match: Annotated[
        OnMatch, typer.Option(help="With --standing: refuse what holds it, or redact: store it without.")
    ] = "refuse",
    guard: Annotated[Guard, typer.Option(help="Refuse the text when it comes back: exact, near or none.")] = "exact",
    guard_days: GuardDaysOption = None,
    override: Annotated[str | None, typer.Option(help="Why held memories go too; kept in the ledger.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be forgotten; forget nothing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Scan every byte of the store afterwards.")] = False,
    receipt_file: Annotated[Path | None, typer.Option("--receipt", help="File to write the signed receipt to.")] = None,
    tsa: Annotated[
        str | None, typer.Option("--tsa", help="URL of a time stamp authority (RFC 3161) to ask for the receipt.")
    ] = None,
    as_json: JsonOption = False,
    **filters: Unpack[FilterOptions],
) -> None:
    """Forgets memories for ever: text, vectors and keys, and all that was made from them.

    Exit status 1 if --verify finds any of it afterwards.
    """
    meant = asked(**filters)
    if namespace is None and not ids and (mentions or any(meant.values())):
        namespace = chosen("namespace")  # narrows what is meant, and is never all that is said
    if namespace is not None:
        meant["namespace"] = parts(namespace)
    with opened(store, "", "r" if dry_run else "rw") as memory:
        named = whole(memory, *(ids or ()))
        if dry_run or not yes:
            going = memory.forget(*named, dry_run=True, mentions=mentions, standing=standing, **meant)
            if dry_run and as_json:
                echo_json(going)
                return
            show_going(going)
            if dry_run:
                return
            ask_to_forget()
        how: dict[str, Any] = {"verify": verify, "guard": guard, "guard_days": guard_days, "override": override}
        receipt = memory.forget(*named, mentions=mentions, standing=standing, on_match=on_match, **how, **meant)
        if receipt_file is not None:
            _keep(receipt_file, receipt, tsa)
    _say(receipt, as_json=as_json)
