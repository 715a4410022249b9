"""The root command, its shared options, and how results are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from memoria.cli.terminal import Grid, in_json
from memoria.embedders import as_embedder
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.engine.opening import open_store
from memoria.protocols import Store
from memoria.stores.registry import is_url
from memoria.types import Memory
from memoria.version import __version__

_waiting: ContextVar[float] = ContextVar("waiting", default=10.0)
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, envvar="MEMORIA_TIMEOUT", help="Seconds to wait for another writer of the store.")
    ] = 10.0,
) -> None:
    """A memory for agents, with exact forgetting."""
    _waiting.set(timeout)


def waiting() -> float:
    """Seconds to wait for another writer of the store: --timeout."""
    return _waiting.get()


def place(text: str | Path) -> Path | str:
    """The place of a store: a URL as text, or a directory as a path."""
    return str(text) if is_url(text) else Path(text)


StoreOption = Annotated[
    Path,
    typer.Option(
        "--store",
        "-s",
        envvar="MEMORIA_STORE",
        parser=place,
        metavar="PLACE",
        help="Directory of the store, or postgresql://... with keys=DIRECTORY in its query.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace, parts joined by '/'.")]
SubjectOption = Annotated[str | None, typer.Option(help="Exact subject.")]
TagsOption = Annotated[list[str] | None, typer.Option("--tag", help="Tag; repeat for several, a memory must have all.")]
KindsOption = Annotated[list[str] | None, typer.Option("--kind", help="episodic, semantic or procedural; repeatable.")]
SinceOption = Annotated[datetime | None, typer.Option(help="Created at or after (UTC).")]
UntilOption = Annotated[datetime | None, typer.Option(help="Created before (UTC).")]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="Where days begin and end, such as Asia/Tokyo; default UTC.")
]
DEFAULT_STORE = Path("agent.memoria")


@contextmanager
def opened(
    store: Path | str, namespace: str, mode: Literal["r", "rw"], *, zone: str | None = None
) -> Iterator[Memoria]:
    """Opens a namespace of a store, with progress bars on stderr; waits up to --timeout for another writer."""
    with (
        progress_bar() as progress,
        open_memoria(store, mode=mode, timeout=waiting(), progress=progress, zone=zone) as memory,
    ):
        yield memory.namespace(*parts(namespace))


@contextmanager
def opened_store(store: Path | str, mode: Literal["r", "rw"]) -> Iterator[Store]:
    """The store alone, for what needs no embedder: that of a program may be a callable, which nobody else has."""
    with progress_bar() as progress:
        found = open_store(store, as_embedder(None).card, mode, waiting(), progress)
        try:
            yield found
        finally:
            found.close()


def parts(namespace: str) -> tuple[str, ...]:
    return tuple(part for part in namespace.split("/") if part)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Shows one progress bar for each kind of long work; yields the callback that moves them."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def update(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield update


def as_json(value: Any) -> str:
    """JSON of frozen values, times in ISO 8601."""
    return in_json(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def as_line(value: Any) -> str:
    """Like `as_json`, on one line, for streams of values."""
    return in_json(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def show_memories(memories: Iterable[Memory], title: str | None = None, on: Console | None = None) -> None:
    """Prints memories as a table, on stdout or on another console."""
    grid = Grid("id", "namespace", "created", "subject", "text", title=title)
    for one in memories:
        grid.add(one.id, "/".join(one.namespace), f"{one.created_at:%Y-%m-%d %H:%M}", one.subject, one.text)
    shown_on = out if on is None else on
    if title is not None and not shown_on.is_terminal:
        err.print(Text(f"{title}:"))
    grid.show(shown_on)


def echo_json(value: Any) -> None:
    typer.echo(as_json(value))
