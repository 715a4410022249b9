"""Writes docs/cli.md from the commands; `--check` fails when it has drifted."""

from __future__ import annotations

import sys
from pathlib import Path

from typer.main import get_command

from memoria.cli import app

TARGET = Path(__file__).with_name("cli.md")


def render() -> str:
    """The reference: one section per command."""
    import click

    sections = ["# Commands\n\nMade by `make docs`.\n"]

    def walk(command: click.Command, name: str) -> None:
        if hasattr(command, "commands"):
            for child in sorted(command.commands):
                walk(command.commands[child], f"{name} {child}")
            if not command.invoke_without_command:
                return
        sections.append(f"## {name}\n\n{command.help}\n\n")
        for parameter in command.params:
            names = ", ".join(parameter.opts)
            text = getattr(parameter, "help", None) or ""
            sections.append(f"- `{names}` {text}".rstrip() + "\n")

    walk(get_command(app), "memoria")
    return "".join(f"{section}\n" if section.startswith("#") else section for section in sections)


if __name__ == "__main__":
    TARGET.write_text(render())
    sys.exit(0)
