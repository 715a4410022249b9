"""What is in the directory of a backup, and its manifest: the one file that says what the last complete backup is.

backup.json    the manifest, replaced as a whole: what is there, and what is still to be done of it
database       pages of memoria.db
slots/         slot files, slots at the places where the store has them
files/         all other files of the store, under random names
sums/          of each block of the database and of the slot files, 8 bytes of its BLAKE2b
*.changes      blocks that the backup under way will change, until they are changed
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memoria.errors import FormatTooNew, StoreCorrupt
from memoria.stores.disk import Disk, opened, translated

MANIFEST = "backup.json"
FORMAT = 1
SUM_BYTES = 8
STEP = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A file that is kept in blocks.

    head: bytes before the first block. size: bytes of a block. count: how many. length: bytes of the file in the store.
    top: the head, in hexadecimal. sums: name of the file of sums. total: digest of that.
    """

    head: int
    size: int
    count: int
    length: int
    top: str
    sums: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file that is kept as it is. name: under which. total: digest of its bytes."""

    name: str
    bytes: int
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The last complete backup.

    number: of this backup, from 1. kind: "files" of a directory, or "records": of a working copy of another store.
    at: when it was made, ISO 8601. settled: whether nothing of it is still to be done. position: up to which line it
    has the forget log (stores/forgets.py). log_key: by which forget logs of this store are known, in hexadecimal.
    blocks, blobs: by path in the store; memoria.db is among the blocks. root: in kind "records", the key of namespace
    names there, in hexadecimal.
    """

    number: int
    kind: str
    at: str
    settled: bool
    position: dict[str, Any] | None = None
    log: str = ""
    log_key: str = ""
    blocks: dict[str, Blocks] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    root: str = ""


def known_by(key: bytes) -> str:
    """By what a store is known, without its key."""
    return digest(b"forgets of" + key)


def read(folder: Path) -> Manifest | None:
    """The manifest of a backup; None where none was ever complete. Raises StoreCorrupt when it is damaged."""
    path = folder / MANIFEST
    with translated(path):
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        found = json.loads(raw)
        if found.pop("check") != _check(found):
            raise ValueError
        if found["format"] > FORMAT:
            raise FormatTooNew(f"{path} has format {found['format']}; this memoria reads up to {FORMAT}")
        del found["format"]
        blocks = {name: Blocks(**one) for name, one in found.pop("blocks").items()}
        blobs = {name: Blob(**one) for name, one in found.pop("blobs").items()}
        return Manifest(**found, blocks=blocks, blobs=blobs)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreCorrupt(f"{path} is not the manifest of a backup, or is damaged") from None


def write(folder: Path, manifest: Manifest, disk: Disk) -> None:
    """Durable, and whole or not at all."""
    found: dict[str, Any] = {"format": FORMAT, **asdict(manifest)}
    put(folder / MANIFEST, json.dumps(found | {"check": _check(found)}).encode(), disk)


def _check(found: dict[str, Any]) -> str:
    return digest(json.dumps(found, sort_keys=True).encode())


def put(path: Path, data: bytes, disk: Disk) -> None:
    """Writes a file in the place of what is there: durable, and whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    with translated(path):
        fd = opened(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            for at in range(0, len(data), STEP):
                disk.write(fd, data[at : at + STEP], at)
            disk.sync(fd)
        finally:
            os.close(fd)
        fresh.replace(path)
        disk.reached("renamed")
        disk.sync_folder(path.parent)


def wipe(path: Path, disk: Disk) -> None:
    """Overwrites a file with zeros, and removes it, if it is there."""
    with translated(path):
        if not path.exists():
            return
        fd = opened(path, os.O_RDWR)
        try:
            size = os.fstat(fd).st_size
            for at in range(0, size, STEP):
                disk.write(fd, bytes(min(STEP, size - at)), at)
            disk.sync(fd)
        finally:
            os.close(fd)
        disk.reached("wiped")
        path.unlink()
        disk.sync_folder(path.parent)


def digest(data: bytes) -> str:
    """By which bytes are known again."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def block_sum(data: bytes) -> bytes:
    """By which a block is known again."""
    return hashlib.blake2b(data, digest_size=SUM_BYTES).digest()
