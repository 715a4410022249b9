"""docs/cli.md: every command with its options, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from memoria.cli import app


def render() -> str:
    """The page: one section per command."""
    return "# Commands\n\nMade by `make docs`.\n\n" + "".join(_sections(get_command(app), "memoria"))


def _sections(command: Any, name: str) -> Iterator[str]:
    """The section of a command, or those of the commands in a group. Typer's groups are not click's own class."""
    if hasattr(command, "commands"):
        for child in sorted(command.commands):
            yield from _sections(command.commands[child], f"{name} {child}")
        if not command.invoke_without_command:
            return
    yield f"## {name}\n\n{command.help}\n\n\n"
    for parameter in command.params:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        text = getattr(parameter, "help", None) or ""
        yield f"- `{names}` {text}".rstrip() + "\n"
