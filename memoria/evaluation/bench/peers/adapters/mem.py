"""mem0 without a model: texts are stored as they are, in Qdrant's local mode and a history in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.looking import Known
from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_USER = "bench"


class Mem0(Base):
    """`infer=False`, so the model that it is made with is never asked; its embedder looks vectors up."""

    def open(self, folder: Path) -> None:
        from mem0 import Memory

        self._known = Known()
        place = {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": DIMENSION}
        nobody = {"provider": "openai", "config": {"api_key": "none"}}
        self._memory: Any = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": place},
                "llm": nobody,
                "embedder": nobody,
                "history_db_path": str(folder / "history.db"),
            }
        )
        self._memory.embedding_model = self._known

    def insert(self, rows: Sequence[Row]) -> list[str]:
        with self._known.of(rows):
            made = [self._memory.add(row.text, user_id=_USER, infer=False) for row in rows]
        return [str(one["results"][0]["id"]) for one in made]

    def search(self, vector: Vectors, text: str) -> list[str]:
        with self._known.asked(text, vector):
            found = self._memory.search(text, filters={"user_id": _USER}, top_k=K)
        return [str(one["id"]) for one in found["results"]]

    def delete(self, id: str) -> None:
        self._memory.delete(id)

    def close(self) -> None:
        self._memory.vector_store.client.close()
        self._memory.close()

    def settings(self) -> str:
        return "Python's SQLite twice, as it ships; no telemetry"
