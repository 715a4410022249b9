"""LangGraph's SqliteStore with an index, which is given the vectors by an embedding function that looks them up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.looking import Known
from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_PLACE = ("bench", "user")
_AT_ONCE = 100


class Graph(Base):
    """Its store unchanged, on the SQLite of pysqlite3: Python's own often loads no extensions."""

    def open(self, folder: Path) -> None:
        import pysqlite3
        from langgraph.store.sqlite import SqliteStore

        self._known = Known()
        self._db: Any = pysqlite3.connect(str(folder / "store.db"), check_same_thread=False, isolation_level=None)
        index: Any = {"dims": DIMENSION, "embed": self._known.many, "text_fields": ["text"], "fields": ["text"]}
        self._store = SqliteStore(self._db, index=index)
        self._store.setup()

    def insert(self, rows: Sequence[Row]) -> list[str]:
        from langgraph.store.base import PutOp

        with self._known.of(rows):
            for at in range(0, len(rows), _AT_ONCE):
                some = rows[at : at + _AT_ONCE]
                self._store.batch([PutOp(_PLACE, row.key, {"text": row.text}) for row in some])
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        with self._known.asked(text, vector):
            return [item.key for item in self._store.search(_PLACE, query=text, limit=K)]

    def delete(self, id: str) -> None:
        self._store.delete(_PLACE, id)

    def compact(self) -> str:
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return "VACUUM of its file; the store offers nothing"

    def close(self) -> None:
        self._db.close()

    def settings(self) -> str:
        import pysqlite3

        (mode,) = self._db.execute("PRAGMA journal_mode").fetchone()
        (secure,) = self._db.execute("PRAGMA secure_delete").fetchone()
        return f"SQLite {pysqlite3.sqlite_version}, journal {mode}, synchronous FULL, secure_delete {secure}"
