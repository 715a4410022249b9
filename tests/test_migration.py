"""A store that format 1 wrote opens, keeps everything, and fades."""

from __future__ import annotations

from pathlib import Path

import pytest

import memoria
from memoria.stores.local import database
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(64)
ADDED = ("encoded_at", "strength", "interference", "recent", "older", "fades_at")


def as_format_1(path: Path) -> None:
    """Takes back what format 2 added: the slot files are the same in both."""
    connection = database.Database(path / "memoria.db", writable=True, secure_delete=False)
    with connection.atomic() as db:
        for name in ("memory_new", "memory_moved", "memory_retraced", "memory_gone", "standing_new", "standing_gone"):
            db.execute(f"DROP TRIGGER {name}")
        for table in ("due", "standing", "recalled", "ledger"):
            db.execute(f"DROP TABLE {table}")
        for column in ADDED:
            db.execute(f"ALTER TABLE memory DROP COLUMN {column}")
        db.execute("DELETE FROM _sqlite_migrations WHERE name = 'format_2'")
        db.execute("DELETE FROM meta WHERE name LIKE 'note.%'")
        db.execute("PRAGMA user_version = 1")
        made = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall())
    connection.close()
    expected = [statement.strip() for statement in database._SCHEMA.split(";\n") if statement.strip()]
    known = [sql for name, sql in made.items() if "_sqlite_migrations" not in name]
    assert sorted(" ".join(sql.split()) for sql in known) == sorted(" ".join(sql.split()) for sql in expected)


def test_format_1_becomes_format_2(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        made = memory.remember_many([f"fact {n}" for n in range(30)])
        memory.forget(made[0].id)
    as_format_1(path)
    with pytest.raises(memoria.FormatTooOld, match="mode='rw'"):
        memoria.open(path, mode="r", embedder=EMBEDDER)
    with memoria.open(path, embedder=EMBEDDER) as memory:
        assert memory.list() == made[1:]
        assert memory.stats().format == 2
        assert memory.trace(made[1].id).start == made[1].created_at
        assert memory.doctor() == []
        memory.pin(made[1].id)
        assert memory.forget(made[2].id).forgotten == (made[2].id,)
    with memoria.open(path, mode="r", embedder=EMBEDDER) as memory:
        assert memory.trace(made[1].id).pinned
