"""Holds the writer of a store still for a moment, whichever process it is in, so that its files can be copied.

What can change on the disk meanwhile is one slot at a time: a slot is zeroed, or one is written that no row knows yet.
So what is copied is what a kill at this moment would leave, and recovery makes a whole store of that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from memoria.errors import StoreLocked
from memoria.stores.disk import opened, read_at, translated
from memoria.stores.local.database import Database

_ATTEMPTS = 50
_PAUSE = 0.02
# Descriptors of databases that are never closed: to close one would drop the locks that SQLite has in this process.
_kept: dict[tuple[int, int], int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A database that stays as it is while others write: its pages are those in the file.

    database: a transaction that has it so. files: (number of a slot file, slots before this one are in rows). fd: of
    the file of the database.
    """

    database: Database
    files: tuple[tuple[int, int], ...]
    fd: int

    def pages(self) -> int:
        """Bytes of the database."""
        return os.fstat(self.fd).st_size

    def read(self, size: int, offset: int) -> bytes:
        """At most `size` bytes of the database."""
        return read_at(self.fd, size, offset)


class Still:
    """A store whose writer waits, until `release`."""

    def __init__(self, pinned: Pinned, writer: Database) -> None:
        self.pinned = pinned
        self._writer = writer

    def release(self) -> None:
        """Lets the writer go on; the database stays pinned."""
        self._writer.rollback()


@contextmanager
def still(folder: Path, key: bytes | None = None) -> Iterator[Still]:
    """Holds the writer of the store in a folder still; raises StoreLocked when it never pauses.

    key: of the database of a sealed store.
    """
    path = folder / "memoria.db"
    with (
        closing(Database(path, writable=True, secure_delete=False, key=key)) as writer,
        closing(Database(path, writable=True, secure_delete=False, key=key)) as reader,
    ):
        _stop(writer, path)
        try:
            reader.rows("BEGIN")
            found = reader.rows("SELECT file, next_slot FROM namespace WHERE erasing = 0 ORDER BY file")
            yield Still(Pinned(database=reader, files=tuple(found), fd=_descriptor(path)), writer)
        finally:
            writer.rollback()
            reader.rollback()


def _stop(writer: Database, path: Path) -> None:
    """Takes the lock of who writes, with nothing left in the log: what is committed is all in the file then.

    A reader that begins now reads the file alone, and as long as it reads, nothing is written to that.
    """
    log = path.with_name(f"{path.name}-wal")
    for _ in range(_ATTEMPTS):
        writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.rows("BEGIN IMMEDIATE")
        if not log.exists() or log.stat().st_size == 0:
            return
        writer.rollback()
        time.sleep(_PAUSE)
    raise StoreLocked(f"{path} is written and read without a pause: its log never came to an end; try again")


def _descriptor(path: Path) -> int:
    with translated(path):
        found = path.stat()
        key = (found.st_dev, found.st_ino)
        if key not in _kept:
            _kept[key] = opened(path, os.O_RDONLY)
        return _kept[key]
