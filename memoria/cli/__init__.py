"""The command line. Results go to stdout, progress and notes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.markup import escape
from typer.models import CommandInfo, TyperInfo

from memoria.cli.app import app, chosen
from memoria.cli.terminal import in_options, visible
from memoria.cli.usage import hint, named_as_options
from memoria.errors import MemoriaError
from memoria.warm.client import command

_FIRST = ("remember", "recall", "forget", "list", "get", "amend", "learn", "init", "chat")
# The modules with the commands of each panel of the help.
_PANELS = {
    "Every day": ("verbs", "learn", "chat"),
    "What changes, fades and stays": ("change", "doubts", "standing", "retention", "ttl", "policies"),
    "Proof": ("proof",),
    "What a person may ask for": ("subject",),
    "The store": ("maintain", "backup", "bring", "config"),
    "For programs": ("mcp", "serve", "tokens", "ui", "work", "warm"),
    "Memory in weights": ("distill",),
    "Measured": (
        *("demo", "bench", "peers", "month", "quality", "prospective", "detector"),
        *("salience", "residue", "shortened", "suite", "lab"),
    ),
}
_GROUPS = {
    "policies": "What changes, fades and stays",
    "ledger": "Proof",
    "receipts": "Proof",
    "ttl": "What changes, fades and stays",
    "standing": "What changes, fades and stays",
    "serve": "For programs",
    "config": "The store",
    "forgets": "The store",
    "warm": "For programs",
    "distill": "Memory in weights",
    "bench": "Measured",
    "fit": "Measured",
    "eval": "Measured",
}
# Where a command of every day is, so that nothing else is imported for it. All others import everything.
_MODULES = {
    "remember": "verbs",
    "recall": "verbs",
    "forget": "verbs",
    "list": "verbs",
    "get": "verbs",
    "amend": "verbs",
    "init": "verbs",
    "chat": "chat",
    "learn": "learn",
    "doubts": "doubts",
    "settle": "doubts",
    "config": "config",
    "warm": "warm",
    "mcp": "mcp",
    "serve": "serve",
    "ui": "ui",
    "subject": "subject",
    "scan": "maintain",
    "stats": "maintain",
    "doctor": "maintain",
    "rebuild": "maintain",
    "reembed": "maintain",
    "export": "maintain",
    "copy": "maintain",
    "backup": "backup",
    "rekey": "maintain",
    "worker": "work",
    "purge": "work",
}


def _load() -> None:
    """Imports every command, and puts each into its panel of the help, the verbs of every day first."""
    panels = {f"{__name__}.{module}": panel for panel, modules in _PANELS.items() for module in modules}
    for module in panels:
        import_module(module)
    for one in app.registered_commands:
        one.rich_help_panel = panels[str(getattr(one.callback, "__module__", ""))]
    for group in app.registered_groups:
        group.rich_help_panel = _GROUPS[str(group.name)]
    order = list(_PANELS)
    app.registered_commands.sort(key=lambda one: (order.index(str(one.rich_help_panel)), _place(one)))


def _place(command: CommandInfo) -> int:
    name = _name(command)
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _name(command: CommandInfo | TyperInfo) -> str:
    return str(command.name or getattr(command.callback, "__name__", "")).replace("_", "-")


app.loader = _load


def _options(name: str | None = None) -> set[str]:
    """Every option of a command and of those below it; of all without a name."""
    from typer.main import get_command

    def of(command: Any) -> Iterator[str]:
        for parameter in command.params:
            yield from parameter.opts
        for inner in getattr(command, "commands", {}).values():
            yield from of(inner)

    root: Any = get_command(app)
    return set(of(root if name is None else root.commands[name]))


def main(*, warm: bool = False) -> None:
    """Runs the command; an error of ours becomes one line and exit status 2. warm: whether it is in a warm process."""
    name = command(sys.argv[1:])
    try:
        if name in _MODULES:
            with app.only(f"{__name__}.{_MODULES[name]}", lambda one: _name(one) == name):
                app()
        else:
            app()
    except MemoriaError as error:
        options = _options()
        said = named_as_options(in_options(visible(error), options), options if name is None else _options(name))
        told = f"[red]{type(error).__name__}[/]: {escape(said)}"
        if more := hint(error, said):
            told += f" [dim]({escape(more)})[/]"
        Console(stderr=True).print(told, highlight=False, soft_wrap=True)
        sys.exit(2)
    finally:
        if chosen("warm") and not warm:
            import_module("memoria.cli.warm").leave_behind(name)


__all__ = ["app", "main"]
