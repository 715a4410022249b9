"""The command line. Results go to stdout, progress and notes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from typer.models import CommandInfo

from memoria.cli import (
    bench,
    bring,
    change,
    chat,
    demo,
    detector,
    distill,
    doubts,
    lab,
    learn,
    maintain,
    mcp,
    policies,
    quality,
    retention,
    serve,
    suite,
    verbs,
    work,
)
from memoria.cli.app import app
from memoria.cli.terminal import in_options, visible
from memoria.errors import MemoriaError

_FIRST = ("remember", "recall", "forget", "list", "get", "amend", "learn", "init", "chat")
_PANELS = {
    "Every day": (verbs, learn, chat),
    "What changes, fades and stays": (change, doubts, retention, policies),
    "The store": (maintain, bring),
    "For programs": (mcp, serve, work),
    "Memory in weights": (distill,),
    "Measured": (demo, bench, quality, detector, suite, lab),
}
_GROUPS = {
    "policies": "What changes, fades and stays",
    "serve": "For programs",
    "distill": "Memory in weights",
    "bench": "Measured",
    "fit": "Measured",
    "eval": "Measured",
}


def _arrange() -> None:
    """Puts each command into its panel of the help, the verbs of every day first."""
    panels = {module.__name__: panel for panel, modules in _PANELS.items() for module in modules}
    for command in app.registered_commands:
        command.rich_help_panel = panels[str(getattr(command.callback, "__module__", ""))]
    for group in app.registered_groups:
        group.rich_help_panel = _GROUPS[str(group.name)]
    order = list(_PANELS)
    app.registered_commands.sort(key=lambda one: (order.index(str(one.rich_help_panel)), _place(one)))


def _place(command: CommandInfo) -> int:
    name = command.name or getattr(command.callback, "__name__", "")
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


_arrange()


def _options() -> set[str]:
    """Every option of every command."""
    from typer.main import get_command

    def of(command: Any) -> Iterator[str]:
        for parameter in command.params:
            yield from parameter.opts
        for inner in getattr(command, "commands", {}).values():
            yield from of(inner)

    return set(of(get_command(app)))


def main() -> None:
    """Runs the command; an error of ours becomes one line and exit status 2."""
    try:
        app()
    except MemoriaError as error:
        said = in_options(visible(error), _options())
        Console(stderr=True).print(f"[red]{type(error).__name__}[/]: {escape(said)}", highlight=False, soft_wrap=True)
        sys.exit(2)


__all__ = ["app", "main"]
