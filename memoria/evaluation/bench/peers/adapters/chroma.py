"""Chroma in the process, on disk: PersistentClient."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import Base, K, Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_AT_ONCE = 5000
_VACUUM = "chroma vacuum"


class Chroma(Base):
    """Vectors are given, so it embeds nothing; its index is HNSW with the settings that it ships."""

    def open(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        self._folder = folder
        self._client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._made: Any = self._client.get_or_create_collection(
            "memory", embedding_function=None, configuration={"hnsw": {"space": "ip"}}
        )

    def insert(self, rows: Sequence[Row]) -> list[str]:
        for at in range(0, len(rows), _AT_ONCE):
            some = rows[at : at + _AT_ONCE]
            self._made.add(
                ids=[row.key for row in some],
                documents=[row.text for row in some],
                embeddings=[row.vector for row in some],
            )
        return [row.key for row in rows]

    def search(self, vector: Vectors, text: str) -> list[str]:
        found = self._made.query(query_embeddings=[vector], n_results=K)
        return [str(id) for id in found["ids"][0]]

    def delete(self, id: str) -> None:
        self._made.delete(ids=[id])

    def compact(self) -> str:
        """Its command works on a folder that no process has open."""
        self.close()
        program = Path(sys.executable).parent / "chroma"
        command = [str(program), "vacuum", "--force", "--path", str(self._folder)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        self.open(self._folder)
        return _VACUUM

    def close(self) -> None:
        self._client.close()

    def settings(self) -> str:
        return "its own SQLite, a write-ahead queue and HNSW files, as it ships"
