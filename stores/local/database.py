"""memoria.db: schema, migrations and the one `atomic()` through which every row is written."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sized
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from memoria.errors import FormatTooNew, FormatTooOld
from memoria.extras import extra
from memoria.process import never_destroyed
from memoria.stores.disk import opened, translated

FORMAT = 7
_CACHE_KIB = 64 << 10
_MAPPED = 4 << 30

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

# Standing and due times have tables of their own, kept by triggers: fading then touches few pages, however many
# memories there are, and every statement that deletes a row also deletes what depends on it.
_FORMAT_2 = """
ALTER TABLE memory ADD COLUMN encoded_at INTEGER;
ALTER TABLE memory ADD COLUMN strength REAL NOT NULL DEFAULT 0;
ALTER TABLE memory ADD COLUMN interference REAL NOT NULL DEFAULT 0;
ALTER TABLE memory ADD COLUMN recent BLOB NOT NULL DEFAULT x'';
ALTER TABLE memory ADD COLUMN older REAL NOT NULL DEFAULT 0;
ALTER TABLE memory ADD COLUMN fades_at INTEGER;
CREATE TABLE due (
    namespace INTEGER NOT NULL, fades_at INTEGER NOT NULL, row INTEGER NOT NULL,
    id BLOB NOT NULL, slot INTEGER NOT NULL,
    PRIMARY KEY (namespace, fades_at, row)
) WITHOUT ROWID;
CREATE TABLE standing (row INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, bits INTEGER NOT NULL, fades_at INTEGER);
CREATE INDEX standing_by_namespace ON standing (namespace);
CREATE TABLE recalled (event INTEGER PRIMARY KEY, row INTEGER NOT NULL, at INTEGER NOT NULL, found INTEGER NOT NULL);
CREATE INDEX recalled_by_row ON recalled (row);
CREATE TABLE ledger (
    entry INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, ids BLOB NOT NULL,
    salt BLOB NOT NULL, sealed BLOB NOT NULL
);
CREATE TRIGGER memory_new AFTER INSERT ON memory WHEN NEW.fades_at IS NOT NULL BEGIN
    INSERT INTO due VALUES (NEW.namespace, NEW.fades_at, NEW.row, NEW.id, NEW.slot);
END;
CREATE TRIGGER memory_retraced AFTER UPDATE OF fades_at ON memory WHEN OLD.fades_at IS NOT NEW.fades_at BEGIN
    DELETE FROM due WHERE namespace = OLD.namespace AND fades_at = OLD.fades_at AND row = OLD.row;
    INSERT INTO due SELECT NEW.namespace, NEW.fades_at, NEW.row, NEW.id, NEW.slot
        WHERE NEW.fades_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM standing WHERE row = NEW.row);
END;
CREATE TRIGGER memory_gone AFTER DELETE ON memory BEGIN
    DELETE FROM due WHERE namespace = OLD.namespace AND fades_at = OLD.fades_at AND row = OLD.row;
    DELETE FROM standing WHERE row = OLD.row;
    DELETE FROM recalled WHERE row = OLD.row;
END;
CREATE TRIGGER memory_moved AFTER UPDATE OF slot ON memory WHEN OLD.slot IS NOT NEW.slot BEGIN
    UPDATE due SET slot = NEW.slot WHERE namespace = NEW.namespace AND fades_at = NEW.fades_at AND row = NEW.row;
END;
CREATE TRIGGER standing_new AFTER INSERT ON standing BEGIN
    DELETE FROM due WHERE namespace = NEW.namespace AND fades_at = NEW.fades_at AND row = NEW.row;
END;
CREATE TRIGGER standing_gone AFTER DELETE ON standing BEGIN
    INSERT INTO due SELECT namespace, fades_at, row, id, slot FROM memory WHERE row = OLD.row AND fades_at IS NOT NULL;
END;
"""

# A link of derivation stays when its parent's row is deleted, because a gist depends on what it has absorbed; it is
# deleted with its child. A link that says what supersedes what is deleted with either. Each purge adds one blob of
# fingerprints, so that it writes one page for them, however many memories were forgotten.
_FORMAT_3 = """
ALTER TABLE memory ADD COLUMN last_at INTEGER;
ALTER TABLE intent ADD COLUMN guard INTEGER NOT NULL DEFAULT 0;
CREATE TABLE link (
    parent BLOB NOT NULL, child BLOB NOT NULL, relation INTEGER NOT NULL, was INTEGER,
    PRIMARY KEY (parent, child, relation)
) WITHOUT ROWID;
CREATE INDEX link_by_child ON link (child);
CREATE TABLE forgotten (
    event INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, near INTEGER NOT NULL, prints BLOB NOT NULL
);
CREATE INDEX forgotten_by_namespace ON forgotten (namespace);
CREATE TRIGGER memory_unlinked AFTER DELETE ON memory BEGIN
    DELETE FROM link WHERE child = OLD.id OR (parent = OLD.id AND relation = 1);
END;
"""

# `single` is 1 for the label of a key: no two live memories of a namespace have it. Rows of older formats have NULL
# there; a write looks at them as well (keys.py).
_UNIQUE_KEYS = """
ALTER TABLE label ADD COLUMN single INTEGER;
CREATE UNIQUE INDEX label_single ON label (hash) WHERE single = 1;
"""

# A row names its own labels, joined, so that no index is needed to delete them. Rows that exist get theirs, and those
# that they lack, from `_link_all`. The number changes in the commit that asks for it, so that an older memoria, which
# writes no such labels, refuses the store from then on.
_FORMAT_4 = """
ALTER TABLE memory ADD COLUMN labels BLOB;
DELETE FROM meta WHERE name = 'linked';
PRAGMA user_version = 4;
"""

# Further passages of long texts, sealed: few memories have any, and an index in RAM is built from these rows alone.
_FORMAT_5 = """
CREATE TABLE passage (row INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX passage_by_namespace ON passage (namespace);
CREATE TRIGGER memory_cut AFTER DELETE ON memory BEGIN
    DELETE FROM passage WHERE row = OLD.row;
END;
PRAGMA user_version = 5;
"""

# A doubt is a link with a weight and the name of its judge, and goes with either end. Parts of gists have vectors in
# `passage`, at a byte a number: an older memoria would take them for damage.
_FORMAT_6 = """
ALTER TABLE link ADD COLUMN weight REAL;
ALTER TABLE link ADD COLUMN judge TEXT;
DROP TRIGGER memory_unlinked;
CREATE TRIGGER memory_unlinked AFTER DELETE ON memory BEGIN
    DELETE FROM link WHERE child = OLD.id OR (parent = OLD.id AND relation > 0);
END;
PRAGMA user_version = 6;
"""

# The chain of the ledger: lines that name what was done, each with the hash of the one before, and signatures. Older
# decisions are chained when the store is opened.
_SEVEN_CHAIN = """
CREATE TABLE chain (n INTEGER PRIMARY KEY, line BLOB NOT NULL, statement BLOB);
"""

# When a memory is to be erased is a line of its own: whoever has none pays nothing, and what is due is a range. In
# `period` are retention periods, their names sealed.
_SEVEN_TTL = """
CREATE TABLE lapse (row INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX lapse_by_time ON lapse (at);
CREATE TRIGGER memory_lapsed AFTER DELETE ON memory BEGIN
    DELETE FROM lapse WHERE row = OLD.row;
END;
CREATE TABLE period (hash BLOB PRIMARY KEY, salt BLOB NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID;
"""

# Until when a line of fingerprints refuses anything; NULL is for ever.
_SEVEN_GUARD = """
ALTER TABLE forgotten ADD COLUMN until INTEGER;
CREATE INDEX forgotten_until ON forgotten (until) WHERE until IS NOT NULL;
"""

# What was forgotten, by number; numbers are never given twice. A branch has the lines that one store wrote.
_SEVEN_FORGETS = """
CREATE TABLE gone (
    event INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind INTEGER NOT NULL, ids BLOB NOT NULL
);
INSERT INTO meta VALUES ('forgets.branch', lower(hex(randomblob(8))));
"""

_SEVEN = (
    _SEVEN_CHAIN,
    _SEVEN_TTL,
    _SEVEN_GUARD,
    _SEVEN_FORGETS,
)

# Connections that this process has from its parent.
_inherited: list[sqlite3.Connection] = []


class Database:
    """A connection to memoria.db, with every PRAGMA set."""

    def __init__(self, path: Path, *, writable: bool, secure_delete: bool, key: bytes | None = None) -> None:
        """key: of a sealed database, which SQLCipher opens."""
        self.path = path
        while _inherited:
            # As long as they are open, SQLite takes their locks, which are the parent's, for locks of this process.
            _inherited.pop().close()
        if writable:
            _made(path)
        with translated(path):
            place = f"{uri(path)}?{'mode=rwc' if writable else _for_reading(path)}"
            self._connection = connected(place, key)
            self.sealed = key is not None
            self._connection.execute("PRAGMA busy_timeout = 5000")
            safe = secure_delete or self.sealed
            self._connection.execute(f"PRAGMA secure_delete = {'ON' if safe else 'OFF'}")
            self._connection.execute("PRAGMA synchronous = FULL")
            # On macOS, a sync that reaches the device.
            self._connection.execute("PRAGMA fullfsync = ON")
            self._connection.execute("PRAGMA temp_store = MEMORY")
            # A purge, and a row that is due, touch a page of each index; the next row must not read it again.
            self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            # Rows that are due are scattered: unmapped, each costs system calls, and more of them in a larger file.
            self._connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
            if writable:
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA user_version").fetchall()

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Runs a query and returns every row."""
        with translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries that need it for longer."""
        with translated(self.path):
            yield self._connection

    @contextmanager
    def atomic(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is durable at the end of the block, or none."""
        with translated(self.path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                # SQLite rolls back by itself on a full disk, so the transaction may be gone already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def scrubbing(self) -> Iterator[sqlite3.Connection]:
        """As `atomic`, and what is deleted is overwritten in memoria.db; `scrub` then takes it out of the log."""
        with translated(self.path):
            ((before,),) = self._connection.execute("PRAGMA secure_delete").fetchall()
            self._connection.execute("PRAGMA secure_delete = ON")
            try:
                with self.atomic() as db:
                    yield db
            finally:
                self._connection.execute(f"PRAGMA secure_delete = {int(before)}")

    def scrub(self) -> bool:
        """Copies the log into memoria.db and empties it; False while a reader still needs it."""
        with translated(self.path):
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return not busy

    def rollback(self) -> None:
        """Ends a transaction that an interrupt has left open."""
        if self._connection.in_transaction:
            with translated(self.path):
                self._connection.execute("ROLLBACK")

    def compact(self) -> None:
        """Returns the pages of deleted rows, and the log, to the file system: neither shrinks by itself."""
        with translated(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()

    def leave(self, *, quiet: bool) -> None:
        """In a child by fork: SQLite forbids to use or even close what was opened before, so it is never destroyed.

        quiet: no verb was under way, so that it can be closed should this process open a database itself.
        """
        never_destroyed(self._connection)
        if quiet:
            _inherited.append(self._connection)

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

    def check_current(self) -> None:
        """For a reader, which cannot migrate: raises FormatTooNew, FormatTooOld."""
        self.check_format()
        if self.format() < FORMAT:
            raise FormatTooOld(f"{self.path} has format {self.format()}, not {FORMAT}: open it once with mode='rw'")
        if self.meta("linked") is None:
            # A writer is at it, or was killed meanwhile: until it is done, filters would miss rows.
            raise FormatTooOld(f"{self.path} is brought up to format {FORMAT} in part: open it once with mode='rw'")

    def meta(self, name: str) -> str | None:
        found = self.rows("SELECT value FROM meta WHERE name = ?", name)
        return found[0][0] if found else None


def _made(path: Path) -> None:
    """Makes the file, if there is none, so that its owner alone may read it: SQLite would ask the umask."""
    # One that is there is not opened: closing it would drop the locks that SQLite holds on it in this process. Where
    # it cannot be made, SQLite says why.
    with suppress(OSError):
        os.close(opened(path, os.O_CREAT | os.O_EXCL | os.O_RDWR))


def connected(place: str, key: bytes | None, *, cipher: bool = False) -> sqlite3.Connection:
    """A connection to a database by its URI: by the interpreter's SQLite, or by SQLCipher with a key or if `cipher`."""
    if key is None and not cipher:
        return sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
    with extra("sealed"):
        from sqlcipher3 import dbapi2
    found: sqlite3.Connection = dbapi2.connect(place, uri=True, isolation_level=None, check_same_thread=False)
    # It would write to stderr what is raised as an error too.
    found.execute("PRAGMA cipher_log_level = NONE")
    if key is not None:
        found.execute(f"PRAGMA key = {raw_key(key)}")
    return found


def raw_key(key: bytes) -> str:
    """A key as SQLCipher takes one that needs no stretching."""
    return f"\"x'{key.hex()}'\""


def marks(values: Sized) -> str:
    """A question mark for each value."""
    return ",".join("?" * len(values))


def uri(path: Path) -> str:
    """The path as a URI of SQLite. Unquoted, "#" and "?" would end the path, and "%41" would be an "A"."""
    absolute = path.absolute()
    # A drive letter needs a slash before it. A share, "//server/share", has two already.
    return f"file://{'' if absolute.as_posix().startswith('/') else '/'}{quote(os.fsencode(absolute.as_posix()))}"


def _for_reading(path: Path) -> str:
    """Read only. SQLite creates a file beside a WAL database even to read it.

    Where it cannot, no other process can change the database either, so it is opened as one that never changes.
    """
    fixed = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return "mode=ro&immutable=1" if fixed else "mode=ro"


def steps() -> Any:
    """The migrations, in order. A released step never changes; a new format appends one."""
    from sqlite_utils import Migrations

    migrations = Migrations("memoria")

    @migrations(name="format_1")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_1(db: Any) -> None:
        _run(db, _SCHEMA)

    @migrations(name="format_2")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_2(db: Any) -> None:
        _run(db, _FORMAT_2)

    @migrations(name="format_3")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_3(db: Any) -> None:
        _run(db, _FORMAT_3)

    @migrations(name="unique_keys")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def unique_keys(db: Any) -> None:
        _run(db, _UNIQUE_KEYS)

    @migrations(name="format_4")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_4(db: Any) -> None:
        _run(db, _FORMAT_4)

    @migrations(name="format_5")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_5(db: Any) -> None:
        _run(db, _FORMAT_5)

    @migrations(name="format_6")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_6(db: Any) -> None:
        _run(db, _FORMAT_6)

    @migrations(name="format_7")  # type: ignore[untyped-decorator]  # sqlite-utils is skipped by the type checker
    def format_7(db: Any) -> None:
        for script in _SEVEN:
            _run(db, script)
        _run(db, "PRAGMA user_version = 7;\n")

    return migrations


def _run(db: Any, script: str) -> None:
    """Statement by statement: `executescript` would commit in between."""
    for statement in re.split(r";\n(?!    )(?!END)", script):
        if statement.strip():
            db.execute(statement)
