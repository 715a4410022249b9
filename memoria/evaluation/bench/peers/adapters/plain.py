"""Rows and vectors in SQLite, and a flat FAISS index in RAM, filled when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class Plain(Base):
    """As one would write it: each write is a transaction."""

    def open(self, folder: Path) -> None:
        import faiss
        import numpy as np

        self._db = sqlite3.connect(folder / "plain.db")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS memory (id INTEGER PRIMARY KEY, key TEXT UNIQUE, text TEXT, vector BLOB)"
        )
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(DIMENSION))
        self._numbers: dict[str, int] = {}
        stored = self._db.execute("SELECT id, key, vector FROM memory").fetchall()
        if stored:
            vectors = np.frombuffer(b"".join(row[2] for row in stored), np.float32).reshape(-1, DIMENSION)
            self._index.add_with_ids(vectors, np.array([row[0] for row in stored]))
        self._numbers = {key: number for number, key, _ in stored}
        self._names = {number: key for key, number in self._numbers.items()}

    def insert(self, rows: Sequence[Row]) -> list[str]:
        import numpy as np

        first = max(self._names, default=0) + 1
        numbers = range(first, first + len(rows))
        with self._db:
            self._db.executemany(
                "INSERT INTO memory VALUES (?, ?, ?, ?)",
                [(number, row.key, row.text, row.vector.tobytes()) for number, row in zip(numbers, rows, strict=True)],
            )
        self._index.add_with_ids(np.stack([row.vector for row in rows]), np.array(numbers))
        self._names |= {number: row.key for number, row in zip(numbers, rows, strict=True)}
        self._numbers |= {row.key: number for number, row in zip(numbers, rows, strict=True)}
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        _, found = self._index.search(vector[None], K)
        ids = [int(one) for one in found[0] if one >= 0]
        rows = self._db.execute(f"SELECT key, text FROM memory WHERE id IN ({','.join('?' * len(ids))})", ids)
        return [key for key, _ in rows]

    def delete(self, id: str) -> None:
        import numpy as np

        number = self._numbers.pop(id)
        del self._names[number]
        with self._db:
            self._db.execute("DELETE FROM memory WHERE id = ?", (number,))
        self._index.remove_ids(np.array([number]))

    def compact(self) -> str:
        self._db.execute("VACUUM")
        return "VACUUM"

    def close(self) -> None:
        self._db.close()

    def settings(self) -> str:
        (secure,) = self._db.execute("PRAGMA secure_delete").fetchone()
        return f"SQLite {sqlite3.sqlite_version}, rollback journal, synchronous FULL, secure_delete {secure}"
