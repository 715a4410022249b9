"""The root command, its shared options, and how results are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text
from typer.models import CommandFunctionType, CommandInfo, TyperInfo

from memoria.access.sight import Named, Reader, Roles
from memoria.access.store import SeenStore
from memoria.cli import unlock
from memoria.cli.layers import anything
from memoria.cli.terminal import Grid, in_json
from memoria.cli.usage import Command
from memoria.embedders import as_embedder
from memoria.engine.memory import Memoria
from memoria.engine.opening import guarding, open_store
from memoria.engine.opening import open as open_memoria
from memoria.errors import StoreNotFound
from memoria.protocols import KeyWrapper, Store
from memoria.stores.registry import is_url
from memoria.stores.wrapping import UnlockLike
from memoria.types import Endings, Memory
from memoria.validate import check_reader
from memoria.version import __version__

_waiting: ContextVar[float] = ContextVar("waiting", default=10.0)
_reading: ContextVar[tuple[str, tuple[str, ...]] | None] = ContextVar("reading", default=None)
_chosen: ContextVar[Mapping[str, Any]] = ContextVar("chosen", default={})  # noqa: B039 - it is read alone


class App(typer.Typer):
    """A root command whose modules are imported when it is built, which reads `registered_callback` first.

    Attributes:
        loader: imports all of them.
    """

    loader: Callable[[], None] | None = None

    @property
    def registered_callback(self) -> TyperInfo | None:
        """What runs before every command."""
        if (load := self.loader) is not None:
            self.loader = None
            load()
        return self._callback

    @registered_callback.setter
    def registered_callback(self, callback: TyperInfo | None) -> None:
        self._callback = callback

    def command(self, name: str | None = None, **how: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Registers a command, which says mistakes in plain words."""
        return super().command(name, **({"cls": Command} | how))

    @contextmanager
    def only(self, module: str, wanted: Callable[[CommandInfo | TyperInfo], bool]) -> Iterator[None]:
        """Nothing but the wanted command of one module is there meanwhile, so that no other is imported or read."""
        import_module(module)
        load, commands, groups = self.loader, self.registered_commands, self.registered_groups
        self.loader = None
        self.registered_commands = [one for one in commands if wanted(one)]
        self.registered_groups = [one for one in groups if wanted(one)]
        try:
            yield
        finally:
            self.registered_commands, self.registered_groups, self.loader = commands, groups, load


app = App(no_args_is_help=True, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, envvar="MEMORIA_TIMEOUT", help="Seconds to wait for another writer of the store.")
    ] = 10.0,
    reader: Annotated[
        str | None,
        typer.Option(envvar="MEMORIA_READER", help="Do it as this reader, who sees what is visible to them."),
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="Role of the reader; repeatable.")] = None,
) -> None:
    """A memory for agents, with exact forgetting."""
    if role and reader is None:
        raise typer.BadParameter("a role is that of a reader: give --reader")
    _reading.set(None if reader is None else (check_reader(reader), tuple(map(check_reader, role or ()))))
    _chosen.set({})
    _waiting.set(timeout)
    # A command that mends settings must run when they are wrong.
    if anything() and context.invoked_subcommand != "config":
        _choose(context)


def _choose(context: typer.Context) -> None:
    """Takes the settings: they are the defaults of options, and of what no option says."""
    from memoria.cli.defaults import of_options
    from memoria.cli.settings import resolved

    values = {key: value for key, (value, place) in resolved().items() if place != "default"}
    _chosen.set(values)
    context.default_map = of_options(values, context.command)
    if "timeout" in values and getattr(context.get_parameter_source("timeout"), "name", "") != "COMMANDLINE":
        _waiting.set(values["timeout"])
    draw(values.get("color", "auto"))


def draw(color: str) -> None:
    """Makes the consoles anew, for the streams and the environment as they are now."""
    how: dict[str, Any] = {"always": {"force_terminal": True}, "never": {"no_color": True, "color_system": None}}
    out.__init__(**how.get(color, {}))  # type: ignore[misc]  # modules have these two by name
    err.__init__(stderr=True, **how.get(color, {}))  # type: ignore[misc]


def chosen(key: str, default: Any = None) -> Any:
    """The value of a setting that somebody has set; None, or another default, where nobody has."""
    return _chosen.get().get(key, default)


def reader() -> tuple[str, tuple[str, ...]] | None:
    """Who reads, and with which roles: --reader and --role; None is the owner."""
    return _reading.get()


def waiting() -> float:
    """Seconds to wait for another writer of the store: --timeout."""
    return _waiting.get()


def place(text: str | Path) -> Path | str:
    """The place of a store: a URL as text, or a directory as a path; raises BadParameter for an empty one."""
    if not str(text):
        raise typer.BadParameter("it is empty: give a directory or a URL")
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
JsonOption = Annotated[bool, typer.Option("--json/--no-json", help="Print JSON.")]
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
    store: Path | str, namespace: str, mode: Literal["r", "rw"], *, zone: str | None = None, make: bool = False
) -> Iterator[Memoria]:
    """Opens a namespace of a store, with progress bars on stderr; waits up to --timeout for another writer.

    make: whether a store is made where none is: only what stores something makes one.
    """
    if not make:
        check_there(store)
    with (
        progress_bar() as progress,
        open_memoria(store, mode=mode, timeout=waiting(), progress=progress, zone=zone, **behaviour(store)) as memory,
    ):
        yield memory.namespace(*parts(namespace))


def check_there(store: Path | str) -> None:
    """Raises StoreNotFound where no store is, before one would be made there."""
    if not is_url(store) and not (Path(store) / "memoria.db").exists():
        raise StoreNotFound(f"{Path(store).absolute()} holds no memoria store")


class Behaving(TypedDict, total=False):
    """What settings say of a memory, and no option does."""

    policy: str
    endings: Endings
    judge: Literal["learnt"] | None
    embedder: str
    language: str
    guard_days: float
    guard_key: str
    reader: str
    roles: Roles
    unlock: UnlockLike


def unlocking() -> KeyWrapper | None:
    """What opens a sealed store: by --unlock, or by the setting."""
    return unlock.wrapper(unlock.given() or chosen("unlock"))


def behaviour(store: Path | str) -> Behaving:
    """How a store is opened by the settings; embedder and language are for those that are not there yet."""
    found: Behaving = {"unlock": unlocking()}
    if (policy := chosen("policy")) is not None:
        found["policy"] = policy
    if (endings := chosen("endings")) is not None:
        found["endings"] = endings
    if (judge := chosen("judge")) is not None:
        found["judge"] = None if judge == "none" else "learnt"
    if (days := chosen("guard_days")) is not None:
        found["guard_days"] = days
    if (key := chosen("guard_key")) is not None:
        found["guard_key"] = key
    if (asking := reader()) is not None:
        found["reader"], found["roles"] = asking[0], Named(asking[1])
    if not is_url(store) and not (Path(store) / "memoria.db").exists():
        found |= made_with()
    return found


def made_with() -> Behaving:
    """Embedder and language of a new store, where settings say them."""
    found: Behaving = {}
    if (embedder := chosen("embedder")) is not None:
        found["embedder"] = embedder
    if (language := chosen("language")) is not None:
        found["language"] = language
    return found


@contextmanager
def opened_store(store: Path | str, mode: Literal["r", "rw"]) -> Iterator[Store]:
    """The store alone, as a reader sees it if one was named, for what needs no embedder: that of a program may be a
    callable, which nobody else has."""
    check_there(store)
    with progress_bar() as progress:
        outside, card = guarding(chosen("guard_key")), as_embedder(None).card
        found = open_store(store, card, mode, waiting(), progress, outside=outside, unlock=unlocking())
        asking = reader()
        try:
            yield found if asking is None else SeenStore(found, Reader(asking[0], Named(asking[1])))
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
    return in_json(_dumped(value, indent=2))


def as_line(value: Any) -> str:
    """Like `as_json`, on one line, for streams of values."""
    return in_json(_dumped(value))


def _dumped(value: Any, indent: int | None = None) -> str:
    """JSON, in which a number that was not measured is null."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        known = json.loads(json.dumps(value, default=_plain), parse_constant=lambda _: None)
        return json.dumps(known, ensure_ascii=False, indent=indent)


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
