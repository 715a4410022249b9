"""CSV: a table whose first row names its columns, divided by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from memoria.errors import InvalidMemory
from memoria.transfer.foreign.fields import chosen, item
from memoria.transfer.foreign.items import Found, Options, guarded
from memoria.transfer.foreign.parts import Part

WANTED = re.compile(r".+\.[ct]sv")
_DIVIDERS = ",;\t"


def read(part: Part, options: Options) -> Found:
    """The rows, in the order of the file."""
    with part.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as text:
        lines = _rows(text)
        header = next(lines, (1, []))[1]
        names = chosen(header, options.columns)
        _check_header(header, names, options)
        for line, cells in lines:
            place = f"line {line}"
            if cells:
                yield from guarded(place, _row(header, cells, names, place, options))


def _rows(text: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of each row; raises InvalidMemory where the table is broken."""
    first = _line(text)
    divider = max(_DIVIDERS, key=first.count)
    table = csv.reader(_again(first, text), delimiter=divider, strict=True)
    line = 1
    try:
        for cells in table:
            yield line, cells
            line = table.line_num + 1
    except csv.Error as error:
        raise InvalidMemory(f"line {line}: {error}") from None
    except UnicodeDecodeError:
        raise InvalidMemory(f"line {line}: this is not UTF-8: save the table as UTF-8") from None


def _line(text: io.TextIOWrapper) -> str:
    try:
        return text.readline()
    except UnicodeDecodeError:
        raise InvalidMemory("line 1: this is not UTF-8: save the table as UTF-8") from None


def _again(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from text


def _check_header(header: list[str], names: dict[str, str], options: Options) -> None:
    asked = [ours for ours, theirs in options.columns.items() if theirs and ours not in names]
    if "text" in names and not asked:
        return
    missing = "text" if "text" not in names else asked[0]
    raise InvalidMemory(
        f"line 1: none of its {len(header)} columns is that of {missing}: name it, as in --columns {missing}=COLUMN"
    )


def _row(header: list[str], cells: list[str], names: dict[str, str], place: str, options: Options) -> Found:
    if len(cells) != len(header):
        raise InvalidMemory(f"{len(cells)} fields, and the first line has {len(header)}")
    yield from item("csv", dict(zip(header, cells, strict=True)), names, place, options)
