"""Qdrant's client without a server: points in SQLite, vectors in RAM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import DIMENSION, Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_NAME = "memory"


class Qdrant(Base):
    """QdrantClient(path=...)."""

    def open(self, folder: Path) -> None:
        from qdrant_client import QdrantClient
        from qdrant_client.models import Distance, VectorParams

        self._client: Any = QdrantClient(path=str(folder))
        if not self._client.collection_exists(_NAME):
            self._client.create_collection(_NAME, VectorParams(size=DIMENSION, distance=Distance.COSINE))

    def insert(self, rows: Sequence[Row]) -> list[str]:
        from qdrant_client.models import PointStruct

        points = [PointStruct(id=row.key, vector=row.vector.tolist(), payload={"text": row.text}) for row in rows]
        self._client.upsert(_NAME, points, wait=True)
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        found = self._client.query_points(_NAME, query=vector.tolist(), limit=K, with_payload=True)
        return [str(one.id) for one in found.points]

    def delete(self, id: str) -> None:
        self._client.delete(_NAME, points_selector=[id], wait=True)

    def close(self) -> None:
        self._client.close()

    def settings(self) -> str:
        return "Python's SQLite, points as pickles, as it ships"
