"""Residues that are planted into a local store: each form in which something of a forgotten memory could be left.

A plant is what a bug, a crash or an old copy could leave: a whole slot or a part of one, a key, a vector, an id, a row,
a label, a text in the clear, in every file. Each puts its bytes there and takes them away again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoria.stores.local import LocalStore
from memoria.types import Record

_HEADER = 4096
_TELLING = 8
_MARK = b"\0\0planted\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A memory that is about to be forgotten: what of it could be left."""

    id: bytes
    text: str
    key: bytes
    fp16: bytes
    fp32: bytes
    row: tuple[Any, ...]
    labels: tuple[bytes, ...]
    slot: bytes
    file: Path
    place: int
    common: bool

    @classmethod
    def of(cls, store: LocalStore, record: Record) -> Victim:
        """What of a memory could be left; it is still there."""
        id = bytes.fromhex(record.memory.id)
        (known,) = store.bound([record.memory.id])
        with sqlite3.connect(store.path / "memoria.db") as database:
            row = database.execute("SELECT * FROM memory WHERE id = ?", (id,)).fetchone()
        place = _HEADER + known.slot * known.size
        slot = known.file.read_bytes()[place : place + known.size]
        return cls(
            id=id,
            text=record.memory.text,
            key=slot[:32],
            fp16=record.vector.astype("<f2").tobytes(),
            fp32=record.vector.astype("<f4").tobytes(),
            row=row,
            labels=known.labels,
            slot=slot,
            file=known.file,
            place=place,
            common=record.memory.text.encode() in store.common(),
        )

    @property
    def is_long(self) -> bool:
        """Whether the text itself is looked for in every file: not if it is short, or a word of the schema."""
        return len(self.text.encode()) >= _TELLING and not self.common

    @property
    def is_dense(self) -> bool:
        """Whether its vector is no row of zeros with a number or two in it."""
        return len(set(self.fp16)) >= 4


Plant = Callable[[LocalStore, Victim], Iterator[None]]


@contextmanager
def planted(plant: Plant, store: LocalStore, victim: Victim) -> Iterator[None]:
    """Plants, and takes away again."""
    yield from plant(store, victim)


def plants(victim: Victim) -> Mapping[str, Plant]:
    """Every plant that can be found of this memory, by name."""
    found: dict[str, Plant] = {f"{name} in {place}": _put(place, data) for place, name, data in _raw(victim)}
    found |= {name: _in_slot(part) for name, part in _SLOT.items() if name != "vector in its slot" or victim.is_dense}
    found |= {name: _in_rows(make) for name, make in _ROWS.items() if victim.labels or "label" not in name}
    return found


def _raw(victim: Victim) -> Iterator[tuple[str, str, bytes]]:
    """(place, name, bytes) of what is written into files as it is."""
    named = {"id": victim.id, "id in words": victim.id.hex().encode()}
    digest = hashlib.sha256(victim.text.encode()).hexdigest().encode()
    everywhere = {"key": victim.key, **_texts(victim)}
    if victim.is_dense:
        everywhere |= {"vector fp16": victim.fp16, "vector fp32": victim.fp32}
    for place in _FILES:
        yield from ((place, name, data) for name, data in everywhere.items())
        if not place.startswith("memoria.db"):
            yield from ((place, name, data) for name, data in {**named, "hash of the text": digest}.items())
    if len(victim.text.encode()) < _TELLING:
        yield "stray.txt", "short text as a line", f"\n{victim.text}\n".encode()
        yield "stray.json", "short text in JSON", json.dumps({"text": victim.text}, ensure_ascii=False).encode()


def _texts(victim: Victim) -> dict[str, bytes]:
    if not victim.is_long:
        return {}
    forms = {
        "text": victim.text.encode(),
        "text utf-16": victim.text.encode("utf-16-le"),
        "text in JSON": json.dumps(victim.text).encode(),
        "text in JSON, unescaped": json.dumps(victim.text, ensure_ascii=False).encode(),
    }
    # Three signs of a script are 9 bytes of UTF-8 and 6 of UTF-16, which are not looked for.
    return {name: data for name, data in forms.items() if len(data) >= _TELLING}


# Into these, bytes are appended: a page of the log that was not overwritten, room that was allocated ahead.
_FILES = (
    "memoria.db-wal",
    "slots/another.slots",
    "reserve",
    "lock",
    "epoch",
    "adapters/0.safetensors",
    "adapters/chosen.json",
    "stray.tmp",
)


def _put(place: str, data: bytes) -> Plant:
    def plant(store: LocalStore, victim: Victim) -> Iterator[None]:
        path = store.path / place
        if place.startswith("slots/"):
            path = next((one for one in sorted(path.parent.glob("*.slots")) if one != victim.file), victim.file)
        before = path.stat().st_size if path.exists() else None
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(_MARK + data + _MARK)
        try:
            yield
        finally:
            _back(path, before)

    return plant


def _back(path: Path, size: int | None) -> None:
    if size is None:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    else:
        with path.open("r+b") as file:
            file.truncate(size)


# Parts of its own slot that were not zeroed: (from, to).
_SLOT = {
    "its whole slot": (0, None),
    "key in its slot": (0, 32),
    "half a key in its slot": (0, 16),
    "id in its slot": (32, 48),
    "vector in its slot": (64, None),
}


def _in_slot(part: tuple[int, int | None]) -> Plant:
    def plant(store: LocalStore, victim: Victim) -> Iterator[None]:
        start, end = part
        with victim.file.open("r+b") as file:
            file.seek(victim.place)
            before = file.read(len(victim.slot))
            file.seek(victim.place + start)
            file.write(victim.slot[start:end])
            file.flush()
            try:
                yield
            finally:
                file.seek(victim.place)
                file.write(before)

    return plant


_Statement = tuple[str, tuple[Any, ...]]


def _in_rows(make: Callable[[Victim], _Statement]) -> Plant:
    def plant(store: LocalStore, victim: Victim) -> Iterator[None]:
        sql, values = make(victim)
        table = sql.split()[2]
        with sqlite3.connect(store.path / "memoria.db", isolation_level=None) as database:
            last = database.execute(sql, values).lastrowid
            try:
                yield
            finally:
                column, value = undo(table, values, victim, last)
                database.execute(f"DELETE FROM {table} WHERE {column} = ?", (value,))

    return plant


def undo(table: str, values: tuple[Any, ...], victim: Victim, last: int | None) -> tuple[str, Any]:
    """By which column and value a planted row is found again."""
    if table == "label":
        return "row", values[1]
    if table == "due":
        return "row", victim.row[0]
    return ("child", victim.id) if table == "link" else ("rowid", last)


def _row(victim: Victim) -> _Statement:
    return f"INSERT INTO memory VALUES ({','.join('?' * len(victim.row))})", victim.row


_ROWS: dict[str, Callable[[Victim], _Statement]] = {
    "its row": _row,
    "label of its row": lambda one: ("INSERT INTO label VALUES (?, ?, NULL)", (one.labels[0], one.row[0])),
    "label elsewhere": lambda one: ("INSERT INTO label VALUES (?, ?, NULL)", (one.labels[-1], 1 << 40)),
    "passages of its row": lambda one: ("INSERT INTO passage VALUES (?, 1, x'00')", (one.row[0],)),
    "standing of its row": lambda one: ("INSERT INTO standing VALUES (?, 1, 1, NULL)", (one.row[0],)),
    "due time of its row": lambda one: ("INSERT INTO due VALUES (1, 5, ?, ?, 0)", (one.row[0], one.id)),
    "log of its recalls": lambda one: ("INSERT INTO recalled VALUES (NULL, ?, 5, 1)", (one.row[0],)),
    "link to it": lambda one: ("INSERT INTO link VALUES (?, ?, 1, NULL, NULL, NULL)", (b"\1" * 16, one.id)),
}
