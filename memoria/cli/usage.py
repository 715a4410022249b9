"""Mistakes in how a command is called, and what to do about errors, in the words of the command line."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from memoria import errors
from memoria.cli import unlock

# What typer raises for a wrong call has no public name of its own.
_Wrong: Any = typer.BadParameter.__bases__[0]
_QUOTES = "it takes fewer arguments than it was given: put a text of several words in quotes"
_FIRST = "--timeout stands before the command, as in: memoria --timeout 20 recall"
_VALUE = re.compile(r"(?:^|(?<=; ))([a-z][a-z_]*)(?= )")
# By which a command says that it opens a store.
_PLACES = {"store", "url", "source"}
# What to do, by kind of error; an error that says so itself has none.
_HINTS: dict[type[errors.MemoriaError], str] = {
    errors.StoreExists: "--store names another place",
    errors.StoreNotFound: "memoria init makes a store; --store names another place",
    errors.MemoryNotFound: "memoria list shows ids, and memoria recall finds memories by what they say",
    errors.StoreLocked: "wait longer with memoria --timeout SECONDS, or end the other program",
    errors.FormatTooNew: "install a newer version: pip install --upgrade memoria-runtime",
    errors.Held: "memoria ledger says why; memoria release lifts a hold",
    errors.StoreSealed: "--unlock, or MEMORIA_UNLOCK, says what opens it",
    errors.StoreNotSealed: "leave --unlock out, or seal the store with memoria rekey",
    errors.StoreFull: "free some space and do it again",
}


@cache
def _unlock_option() -> Any:
    """--unlock, as typer makes an option."""
    only = typer.Typer(add_completion=False)

    @only.command()
    def command(
        given: Annotated[
            str | None,
            typer.Option("--unlock", envvar="MEMORIA_UNLOCK", metavar="HOW", help=unlock.HELP, callback=_take),
        ] = None,
    ) -> None:
        """The command that the option is taken from."""

    made: Any = get_command(only)
    (option,) = [one for one in made.params if one.name == "given"]
    option.name, option.expose_value = "unlock", False
    return option


def _take(value: str | None) -> str | None:
    unlock.wrapper(value)
    unlock.give(value)
    return value


class Command(TyperCommand):
    """A command that says what newcomers get wrong: a text without quotes, an option of the root after the command."""

    def __init__(self, *given: Any, **how: Any) -> None:
        super().__init__(*given, **how)
        # Whatever opens a store can open a sealed one.
        if any(one.name in _PLACES for one in self.params) and not any("--unlock" in one.opts for one in self.params):
            self.params.append(_unlock_option())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, read; raises a usage error in plain words, without what was typed as a text."""
        try:
            return super().parse_args(ctx, args)
        except _Wrong as error:
            if str(error.message).startswith("Got unexpected extra argument"):
                error.message = _QUOTES
            elif getattr(error, "option_name", "") == "--timeout":
                error.message, error.possibilities = _FIRST, None
            raise


def hint(error: errors.MemoriaError, said: str) -> str:
    """What to do about an error; "" where what is said names an option already."""
    told = "--" in said or "`memoria" in said
    return "" if told else next((words for kind, words in _HINTS.items() if isinstance(error, kind)), "")


def named_as_options(message: str, options: Collection[str]) -> str:
    """A message that begins with the name of an argument, with that of the option: `k 0 is ...` is `-k 0 is ...`."""

    def said(found: re.Match[str]) -> str:
        name = found.group(1).replace("_", "-")
        return next((one for one in (f"--{name}", f"-{name}") if one in options), found.group())

    return _VALUE.sub(said, message.replace("open with mode='r'", "only read, as recall and list do"))
