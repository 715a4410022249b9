"""sqlite-vec: a table of texts beside a vec0 table of vectors, as its pages lay it out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_NEAREST = f"""SELECT memory.key, memory.text FROM
    (SELECT rowid, distance FROM vectors WHERE embedding MATCH ? AND k = {K}) AS near
    JOIN memory ON memory.id = near.rowid ORDER BY near.distance"""


class SqliteVec(Base):
    """With the SQLite of pysqlite3: Python's own often loads no extensions."""

    def open(self, folder: Path) -> None:
        import pysqlite3
        import sqlite_vec

        self._db: Any = pysqlite3.connect(str(folder / "vec.db"))
        self._db.enable_load_extension(True)
        sqlite_vec.load(self._db)
        self._db.enable_load_extension(False)
        self._db.execute("CREATE TABLE IF NOT EXISTS memory (id INTEGER PRIMARY KEY, key TEXT UNIQUE, text TEXT)")
        self._db.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS vectors "
            f"USING vec0(embedding float[{DIMENSION}] distance_metric=cosine)"
        )

    def insert(self, rows: Sequence[Row]) -> list[str]:
        with self._db:
            for row in rows:
                done = self._db.execute("INSERT INTO memory (key, text) VALUES (?, ?)", (row.key, row.text))
                vector = row.vector.tobytes()
                self._db.execute("INSERT INTO vectors (rowid, embedding) VALUES (?, ?)", (done.lastrowid, vector))
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        return [key for key, _ in self._db.execute(_NEAREST, (vector.tobytes(),))]

    def delete(self, id: str) -> None:
        with self._db:
            ((number,),) = self._db.execute("SELECT id FROM memory WHERE key = ?", (id,)).fetchall()
            self._db.execute("DELETE FROM vectors WHERE rowid = ?", (number,))
            self._db.execute("DELETE FROM memory WHERE id = ?", (number,))

    def compact(self) -> str:
        self._db.execute("VACUUM")
        return "VACUUM"

    def close(self) -> None:
        self._db.close()

    def settings(self) -> str:
        import pysqlite3

        (secure,) = self._db.execute("PRAGMA secure_delete").fetchone()
        return f"SQLite {pysqlite3.sqlite_version}, rollback journal, synchronous FULL, secure_delete {secure}"
