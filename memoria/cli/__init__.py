"""The command line. Results go to stdout, progress and notes to stderr."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.markup import escape

from memoria.cli import (  # noqa: F401 - each module adds its commands to the application
    bench,
    change,
    chat,
    demo,
    detector,
    distill,
    lab,
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
from memoria.cli.app import app, printable
from memoria.errors import MemoriaError


def main() -> None:
    """Runs the command; an error of ours becomes one line and exit status 2."""
    try:
        app()
    except MemoriaError as error:
        Console(stderr=True).print(f"[red]{type(error).__name__}[/]: {escape(printable(error))}", highlight=False)
        sys.exit(2)


__all__ = ["app", "main"]
