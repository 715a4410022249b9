"""init, remember, recall, get, list, amend, forget."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from memoria.cli.app import (
    DEFAULT_STORE,
    JsonOption,
    KindsOption,
    NamespaceOption,
    SinceOption,
    StoreOption,
    SubjectOption,
    TagsOption,
    UntilOption,
    app,
    echo_json,
    err,
    filters,
    opened,
    out,
    parts,
    show_memories,
)
from memoria.engine.opening import open as open_memoria
from memoria.errors import StoreExists
from memoria.forget.erase import Guard
from memoria.stores.registry import is_url
from memoria.types import Memory, Preview

IdArgument = Annotated[str, typer.Argument(help="Id of the memory.")]


@app.command()
def init(
    store: StoreOption = DEFAULT_STORE,
    embedder: Annotated[str | None, typer.Option(help="SentenceTransformer name; default all-MiniLM-L6-v2.")] = None,
) -> None:
    """Makes an empty store."""
    if not is_url(store) and (store / "memoria.db").exists():
        raise StoreExists(f"{store} is a memoria store already")
    with open_memoria(store, embedder=embedder):
        err.print(f"Made {store}.")


@app.command()
def remember(
    text: Annotated[str, typer.Argument(help="What to remember; '-' reads one memory a line from stdin.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    subject: SubjectOption = None,
    tag: TagsOption = None,
    kind: str = "episodic",
    salience: Annotated[float, typer.Option(help="Importance in [0, 1].")] = 0.5,
    key: Annotated[str | None, typer.Option(help="Your own key: the same key is stored once.")] = None,
    created_at: Annotated[datetime | None, typer.Option(help="When (UTC); default now.")] = None,
    readmit: Annotated[bool, typer.Option("--readmit", help="Even if this text was forgotten here.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stores a memory, durably."""
    from memoria.remember import Draft

    texts = [line.rstrip("\n") for line in sys.stdin if line.strip()] if text == "-" else [text]
    fields: dict[str, Any] = {
        "subject": subject,
        "tags": tag or (),
        "kind": kind,
        "salience": salience,
        "key": key,
    }
    if created_at is not None:
        fields["created_at"] = created_at.replace(tzinfo=UTC)
    with opened(store, namespace, "rw") as memory:
        stored = memory.remember_many((Draft(text=one, **fields) for one in texts), readmit=readmit)
    if as_json:
        echo_json(stored)
    else:
        for one in stored:
            typer.echo(one.id)


@app.command()
def recall(
    query: str,
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 5,
    namespace: NamespaceOption = "",
    subject: SubjectOption = None,
    tag: TagsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_of: Annotated[
        datetime | None, typer.Option(help="Only what was remembered by then and held then (UTC).")
    ] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Only what fits so many tokens of a prompt.")] = None,
    vector_only: Annotated[bool, typer.Option("--vector-only", help="By meaning alone.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(help="archived, expired or upcoming memories as well; repeatable.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the terms of each score, and of the k runners-up.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Finds memories by meaning, words, speakers and times."""
    asked: dict[str, Any] = filters(subject, tag, kind, since, until)
    asked |= {
        "as_of": None if as_of is None else as_of.replace(tzinfo=UTC),
        "vector_only": vector_only,
        "include": tuple(include or ()),
    }
    with opened(store, namespace, "r") as memory:
        hits = memory.recall(query, k=2 * k if explain else k, budget_tokens=budget_tokens, **asked)
    if as_json:
        echo_json(hits)
        return
    for place, hit in enumerate(hits):
        if place == k:
            out.print("[dim]runners-up[/]")
        score = hit.explain() if explain else f"{hit.score:.3f}"
        out.print(f"[bold]{score}[/]", escape(hit.memory.text), f"[dim]{hit.memory.id}[/]")


@app.command()
def get(id: IdArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Shows one memory and its trace."""
    with opened(store, "", "r") as memory:
        one, trace = memory.get(id), memory.trace(id)
    if as_json:
        echo_json({"memory": one, "trace": trace})
    else:
        show_memories([one])


@app.command("list")
def list_(
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    subject: SubjectOption = None,
    tag: TagsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Lists memories, oldest first."""
    with opened(store, namespace, "r") as memory:
        found = memory.list(limit=limit, newest=True, **filters(subject, tag, kind, since, until))
    if as_json:
        echo_json(found)
    else:
        show_memories(found)


@app.command()
def amend(
    id: IdArgument,
    store: StoreOption = DEFAULT_STORE,
    text: Annotated[str | None, typer.Option(help="New text.")] = None,
    subject: SubjectOption = None,
    tag: TagsOption = None,
    salience: Annotated[float | None, typer.Option(help="Importance in [0, 1].")] = None,
    readmit: Annotated[bool, typer.Option("--readmit", help="Take back a text that was forgotten here.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replaces parts of a memory; of what they were nothing stays."""
    changes: dict[str, Any] = {"text": text, "subject": subject, "tags": tag, "salience": salience}
    with opened(store, "", "rw") as memory:
        given = {name: value for name, value in changes.items() if value is not None}
        one = memory.amend(id, readmit=readmit, **given)
    if as_json:
        echo_json(one)
    else:
        show_memories([one])


def show_rewritten(going: Sequence[Memory]) -> None:
    """Names on stderr the gists that stay, without what would go."""
    if isinstance(going, Preview) and going.rewritten:
        count = f"{len(going.rewritten)} gist{'s' if len(going.rewritten) > 1 else ''}"
        err.print(f"{count} would be made again without these: {' '.join(going.rewritten)}")


@app.command()
def forget(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of memories.")] = None,
    store: StoreOption = DEFAULT_STORE,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Everything under this namespace.")] = None,
    subject: SubjectOption = None,
    tag: TagsOption = None,
    kind: KindsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    mentions: Annotated[str | None, typer.Option(help="What names this, as whole words, however written.")] = None,
    guard: Annotated[Guard, typer.Option(help="Refuse the text when it comes back.")] = "exact",
    override: Annotated[str | None, typer.Option(help="Why it goes although it is held; kept in the ledger.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; forget nothing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Scan every byte of the store afterwards.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forgets exactly and for ever: text, vectors and keys, and all that was made from them.

    With --verify, the exit status is 1 when anything of it is found again.
    """
    asked: dict[str, Any] = filters(subject, tag, kind, since, until) | {"mentions": mentions}
    if namespace is not None:
        asked["namespace"] = parts(namespace)
    with opened(store, "", "r" if dry_run else "rw") as memory:
        if dry_run or not yes:
            going = memory.forget(*(ids or ()), dry_run=True, **asked)
            if dry_run and as_json:
                echo_json(going)
                return
            show_memories(going, title=f"{len(going)} would be forgotten")
            show_rewritten(going)
            if dry_run:
                return
            if not sys.stdin.isatty():
                err.print("Not on a terminal: give --yes to forget these.")
                raise typer.Exit(2)
            typer.confirm("Forget them for ever?", abort=True)
        receipt = memory.forget(*(ids or ()), verify=verify, guard=guard, override=override, **asked)
    if as_json:
        echo_json(receipt)
    else:
        typer.echo(receipt.summary())
    if receipt.verification is not None and receipt.verification.found:
        raise typer.Exit(1)
