"""What of some memories is still in files: texts, vectors, ids and keys, in every form in which stores write them.

A text counts as found when any 16 bytes of it are that no other text has; a vector when any few numbers in a row are,
4 as float32. So what is overwritten in part counts. Whether a format can be seen at all is told by memories that were
kept: the same search has to find them.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from memoria.arrays import Vectors

PIECE = 16
"""Bytes of a piece that is looked for; ids and keys may be shorter, down to 8, or longer."""
_STEP, _FLOATS = 4, 16
_AT_ONCE = 1 << 24
_LONGEST = 64
_BITS = 22
_MIX = np.uint64(0x9E3779B97F4A7C15)
Needles = dict[bytes, set[tuple[str, int]]]
"""What a piece belongs to: a kind of thing, and the number of a row."""


def needles(rows: Mapping[int, tuple[str, Vectors]], ids: Mapping[int, str], keys: Mapping[int, bytes]) -> Needles:
    """Pieces of the texts, vectors, ids and keys of rows, by their numbers."""
    made: Needles = {}
    for row, (text, vector) in rows.items():
        for kind, pieces in (
            ("text", (piece for form in text_forms(text) for piece in _cut(form))),
            ("vector", vector_pieces(vector)),
            ("id", id_forms(ids[row])),
            ("key", [keys[row]] if row in keys else []),
        ):
            for piece in pieces:
                made.setdefault(piece, set()).add((kind, row))
    return made


def without_common(sought: Needles, texts: Iterable[str], own: Mapping[str, int]) -> Needles:
    """Needles, except pieces of text that another text has too. own: rows by their texts."""
    shared: set[bytes] = set()
    for text in texts:
        row = own.get(text)
        for form in text_forms(text):
            for at in range(len(form) - PIECE + 1):
                found = sought.get(form[at : at + PIECE])
                if found and found != {("text", row)}:
                    shared.add(form[at : at + PIECE])
    return {piece: of for piece, of in sought.items() if piece not in shared}


def text_forms(text: str) -> list[bytes]:
    """A text as bytes: UTF-8, UTF-16, and JSON with escapes, where that is another."""
    return list(dict.fromkeys((text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode())))


def vector_pieces(vector: Vectors) -> Iterator[bytes]:
    """Some numbers in a row, from many places of a vector, as stores write numbers."""
    forms: list[tuple[str, int]] = [("<f4", 4), ("<f2", 8), ("<f8", 2), (">f4", 4)]
    for at in range(0, len(vector) - 8, _FLOATS):
        for form, count in forms:
            yield vector[at : at + count].astype(form).tobytes()
        few = [float(one) for one in vector[at : at + 2]]
        yield b"".join(b"G" + struct.pack(">d", one) for one in few)  # as pickle writes a list
        yield f"{few[0]!r}, {few[1]!r}".encode()
        yield f"{few[0]!r},{few[1]!r}".encode()
    for form in ("<f4", "<f2"):
        coded = base64.b64encode(vector.astype(form).tobytes())
        yield from (coded[at : at + PIECE] for at in range(0, len(coded) - PIECE, 2 * PIECE))


def id_forms(id: str) -> list[bytes]:
    """An id as text, and as bytes where it is hexadecimal digits of 16 bytes, hyphens or not."""
    digits = id.replace("-", "")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    return [id.encode(), *([raw, digits.encode()] if len(raw) == PIECE else [])]


def seen(streams: Iterable[bytes], sought: Needles) -> set[tuple[str, int]]:
    """The (kind, row) pairs of which a piece is in a stream; all pieces have 8 bytes to 64."""
    found: set[tuple[str, int]] = set()
    starts: dict[bytes, list[bytes]] = {}
    for piece in sought:
        starts.setdefault(piece[:8], []).append(piece)
    table = np.zeros(1 << _BITS, np.bool_)
    table[_hashed(np.frombuffer(b"".join(starts), "<u8"))] = True
    for data in streams:
        for shift in range(min(8, len(data) - 7)):
            words = np.frombuffer(data, "<u8", count=(len(data) - shift) // 8, offset=shift)
            for at in (np.flatnonzero(table[_hashed(words)]) * 8 + shift).tolist():
                for piece in starts.get(data[at : at + 8], ()):
                    if data.startswith(piece, at):
                        found |= sought[piece]
    return found


def _hashed(words: Any) -> Any:
    return (words * _MIX) >> np.uint64(64 - _BITS)


def contents(folder: Path) -> Iterator[bytes]:
    """Every file below a folder, and their names, in parts that overlap."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)).encode().ljust(8, b"\0")
        if path.is_file():
            with path.open("rb") as file:
                end = b""
                while part := file.read(_AT_ONCE):
                    yield end + part
                    end = (end + part)[-_LONGEST:]


def size(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk, holes not counted."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def counted(found: set[tuple[str, int]], rows: Sequence[int]) -> dict[str, int]:
    """Of how many of these rows there is something of each kind."""
    among = set(rows)
    return {kind: len({row for what, row in found if what == kind and row in among}) for kind in KINDS}


KINDS = ("text", "vector", "id", "key")


def _cut(form: bytes) -> Iterator[bytes]:
    yield from (form[at : at + PIECE] for at in range(0, len(form) - PIECE + 1, _STEP))
