"""Text of others on a terminal: control characters are shown and not obeyed, brackets are no markup, ids are whole."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Unseen: controls, formats, halves of surrogate pairs, separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Formats that scripts and emoji need, and that turn nothing round: joiners, marks of direction, signs that are drawn.
_NEEDED = frozenset(
    "\u00ad\u200c\u200d\u200e\u200f\u061c\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_ARGUMENT = re.compile(r"\b([a-z][a-z_]*)=(?:True\b|\(\)|(?=[\s,:;]|$))")
ID = "id"
_IDS = {ID, "ids", "by"}


def visible(value: object, *, lines: bool = True) -> str:
    r"""A text in which every character is seen: ESC as \x1b, a right-to-left override as \u202e.

    lines: whether line breaks stay; otherwise they are \n as well.
    """
    return "".join(one if _seen(one, lines=lines) else _escaped(one) for one in str(value))


def _seen(character: str, *, lines: bool) -> bool:
    if character == "\n":
        return lines
    return character in _NEEDED or unicodedata.category(character) not in _UNSEEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def in_json(text: str) -> str:
    r"""JSON in which every character is seen, and which means the same: an override of direction as \u202e."""
    return "".join(one if _seen(one, lines=True) else json.dumps(one)[1:-1] for one in text)


def hanging(value: object, indent: str = "  ") -> str:
    """A text whose further lines are indented, so that none of them looks like the next result."""
    return visible(value).replace("\n", f"\n{indent}")


class Grid:
    """A table of texts of others: drawn on a terminal, tab-separated with one line a row elsewhere.

    Args:
        columns: their names; one named "id" is never cut or broken.
        title: shown above, on a terminal only.
    """

    def __init__(self, *columns: str, title: str | None = None) -> None:
        self._columns = columns
        self._title = title
        self._rows: list[tuple[str, ...]] = []

    def add(self, *cells: object) -> None:
        """Adds a row; None is an empty cell."""
        self._rows.append(tuple("" if cell is None else str(cell) for cell in cells))

    def show(self, on: Console) -> None:
        """Prints the table. Columns without any text are left out on a terminal, and kept elsewhere."""
        if on.is_terminal:
            on.print(self._drawn())
            return
        for row in (self._columns, *self._rows):
            print("\t".join(visible(cell, lines=False) for cell in row), file=on.file)

    def _drawn(self) -> Table:
        table = Table(title=None if self._title is None else Text(visible(self._title)))
        used = [at for at, name in enumerate(self._columns) if name == ID or any(row[at] for row in self._rows)]
        for at in used:
            whole = self._columns[at] == ID
            words = [len(word) for row in self._rows for word in row[at].split()] if self._columns[at] in _IDS else []
            widest = max(words, default=None)
            table.add_column(self._columns[at], no_wrap=whole, min_width=widest, overflow="fold")
        for row in self._rows:
            table.add_row(*(Text(visible(row[at])) for at in used))
        return table


def show_fields(values: Mapping[str, object], on: Console) -> None:
    """Names and values, one a line; what is None or empty is left out."""
    grid = Grid("name", "value")
    for name, value in values.items():
        if value is not None and value not in ("", (), {}):
            grid.add(name, value)
    grid.show(on)


def in_options(message: str, options: Collection[str]) -> str:
    """A message of the library as the command line says it: `readmit=True` is --readmit, if there is that option."""

    def said(found: re.Match[str]) -> str:
        option = f"--{found.group(1).replace('_', '-')}"
        return option if option in options else found.group()

    return _ARGUMENT.sub(said, message)
