"""inspeximus: one file of rows; vectors are kept (persist_vectors), recall by vectors alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.looking import Known
from memoria.evaluation.bench.peers.peer import Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class InspeximusStore(Base):
    """Without receipts and keys, which are options."""

    def open(self, folder: Path) -> None:
        from inspeximus import Inspeximus

        self._known = Known()
        self._store: Any = Inspeximus(
            str(folder / "memory.json"), embed=self._known.one, persist_vectors=True, embed_id="given"
        )

    def insert(self, rows: Sequence[Row]) -> list[str]:
        with self._known.of(rows):
            return [str(self._store.remember(row.text)) for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        with self._known.asked(text, vector):
            return [str(one["id"]) for one in self._store.recall(text, k=K, mode="semantic")]

    def delete(self, id: str) -> None:
        self._store.forget(ids=id)

    def compact(self) -> str:
        done = self._store.vacuum()
        return "vacuum()" if done["vacuumed"] else f"vacuum(), which did nothing: {done.get('reason')}"

    def close(self) -> None:
        self._store.flush()

    def settings(self) -> str:
        return "Python's SQLite, as it ships; secure_delete on by its own choice"
