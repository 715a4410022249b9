"""JSON of any size: one object after another, and where it is malformed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import ijson

from memoria.errors import InvalidMemory
from memoria.transfer.foreign.parts import Part

_CHUNK = 1 << 16
BOM = b"\xef\xbb\xbf"


def rows(part: Part, wraps: Sequence[str] = ()) -> Iterator[tuple[int, Any]]:
    """The elements of a list, or the values of JSON lines, with their numbers from 1; one at a time in memory.

    wraps: fields of an object whose list stands for the object.

    Raises InvalidMemory after the last whole one when the rest is no JSON.
    """
    number = 0
    for value in _values(part):
        for row in _unwrapped(value, wraps):
            number += 1
            yield number, row


def _unwrapped(value: Any, wraps: Sequence[str]) -> Sequence[Any]:
    lists = [value[name] for name in wraps if isinstance(value.get(name), list)] if isinstance(value, dict) else []
    return lists[0] if lists else [value]


def _values(part: Part) -> Iterator[Any]:
    found = ijson.sendable_list()
    whole = 0
    with part.open() as stream:
        prefix = "item" if begin(stream) == b"[" else ""
        parser = ijson.items_coro(found, prefix, use_float=True, multiple_values=True)
        try:
            for chunk in _chunks(stream):
                parser.send(chunk)
                yield from found
                found.clear()
                whole += 1
            parser.close()
        except ijson.JSONError:
            # What ijson says holds a piece of the content.
            yield from found
            raise InvalidMemory(_place(part, whole)) from None


def begin(stream: io.BufferedReader) -> bytes:
    """The first byte that is no space and no mark of UTF-8; the stream is at it afterwards."""
    if stream.peek(len(BOM))[: len(BOM)] == BOM:
        stream.read(len(BOM))
    while (byte := stream.peek(1)[:1]).isspace():
        stream.read(1)
    return byte


def _chunks(stream: io.BufferedReader) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _place(part: Part, whole: int) -> str:
    """Where a file stops being JSON: it is read again, and byte by byte after as many whole chunks as could be read."""
    parser = ijson.basic_parse_coro(_Nobody(), multiple_values=True)
    line, column = 1, 0
    with part.open() as stream:
        start = begin(stream)
        for number, chunk in enumerate(_chunks(stream)):
            for piece in [chunk] if number < whole else [bytes([byte]) for byte in chunk]:
                try:
                    parser.send(piece)
                except ijson.JSONError:
                    return f"line {line}, byte {column + 1} of it: this is not JSON, or a number of more than 64 bits"
                newlines = piece.count(b"\n")
                line += newlines
                column = len(piece) - 1 - piece.rfind(b"\n") + (0 if newlines else column)
    return f"line {line}: the file ends in the middle of its JSON" if start else "the file is empty"


class _Nobody:
    """Takes what a parser sends, and keeps nothing."""

    def send(self, event: object) -> None:
        """Takes one event."""
