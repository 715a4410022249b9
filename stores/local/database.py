"""memoria.db: schema, migrations and the one `atomic()` through which every row is written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memoria.errors import FormatTooNew
from memoria.stores.local.disk import translated

FORMAT = 1
_CACHE_KIB = 64 << 10

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE namespace (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    file INTEGER NOT NULL UNIQUE,
    next_slot INTEGER NOT NULL DEFAULT 0,
    erasing INTEGER NOT NULL DEFAULT 0,
    sealed BLOB NOT NULL
);
CREATE TABLE prefix (hash BLOB NOT NULL, namespace INTEGER NOT NULL, PRIMARY KEY (hash, namespace)) WITHOUT ROWID;
CREATE TABLE memory (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    namespace INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER,
    salience REAL NOT NULL,
    stability REAL NOT NULL,
    difficulty REAL NOT NULL,
    last_retrieved INTEGER NOT NULL,
    retrievals INTEGER NOT NULL,
    lapses INTEGER NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX memory_by_time ON memory (namespace, created_at);
CREATE TABLE label (hash BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (hash, row)) WITHOUT ROWID;
CREATE INDEX label_by_row ON label (row);
CREATE TABLE intent (id INTEGER PRIMARY KEY, targets BLOB NOT NULL);
"""


class Database:
    """A connection to memoria.db, with every PRAGMA set."""

    def __init__(self, path: Path, *, writable: bool, secure_delete: bool) -> None:
        self.path = path
        with translated(path):
            self._connection = sqlite3.connect(
                f"file:{path}?{'mode=rwc' if writable else _for_reading(path)}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute("PRAGMA busy_timeout = 5000")
            self._connection.execute(f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA temp_store = MEMORY")
            # A purge touches a page of each index for every row; they must not be read again for the next row.
            self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if writable:
                self._connection.execute("PRAGMA journal_mode = WAL")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Runs a query and returns every row."""
        with translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def atomic(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is durable at the end of the block, or none."""
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                # SQLite rolls back by itself on a full disk, so the transaction may be gone already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def migrate(self) -> None:
        """Brings an older format up to date; raises FormatTooNew for a later one."""
        from sqlite_utils import Database as SqliteUtils

        self.check_format()
        if self.format() < FORMAT:
            with translated(self.path):
                steps().apply(SqliteUtils(self._connection))
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def format(self) -> int:
        return int(self.rows("PRAGMA user_version")[0][0])

    def check_format(self) -> None:
        if self.format() > FORMAT:
            raise FormatTooNew(f"{self.path} has format {self.format()}; this memoria reads up to {FORMAT}")

    def meta(self, name: str) -> str | None:
        found = self.rows("SELECT value FROM meta WHERE name = ?", name)
        return found[0][0] if found else None


def _for_reading(path: Path) -> str:
    """SQLite makes a file beside a WAL database even to read it; where nobody can, nobody can change it either."""
    fixed = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return "mode=ro&immutable=1" if fixed else "mode=ro"


def steps() -> Any:
    """The migrations, in order. A released step never changes; a new format appends one."""
    from sqlite_utils import Migrations

    migrations = Migrations("memoria")

    @migrations(name="format_1")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_1(db: Any) -> None:
        for statement in _SCHEMA.split(";\n"):
            if statement.strip():
                db.execute(statement)

    return migrations
