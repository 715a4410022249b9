"""Aims these tests at memoria: `LanceDBStorage` is a MemoriaStorage, with one store for each path.

The dimension of theirs is that of the first vector that it sees; a store of ours has one from the beginning. So the
store is opened when a vector is there, with an embedder of that dimension.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crewai.memory.storage.lancedb_storage as theirs
import pytest
from crewai.memory.storage.backend import EmbeddingDimensionMismatchError

import memoria
from memoria.integrations.crewai import MemoriaStorage
from memoria.testing import HashEmbedder

_opened: dict[Path, memoria.Memoria] = {}


class Storage(MemoriaStorage):
    def __init__(
        self, path: str | Path | None = None, vector_dim: int | None = None, compact_every: int = 100, **_: Any
    ) -> None:
        assert path is not None
        self.path = Path(f"{path}.memoria")
        if vector_dim is not None:
            self.open(vector_dim)

    def open(self, dimension: int) -> None:
        if self.path not in _opened:
            _opened[self.path] = memoria.open(self.path, embedder=HashEmbedder(dimension))

    @property
    def memory(self) -> Any:
        if self.path not in _opened:
            self.open(4)
        return _opened[self.path]

    @memory.setter
    def memory(self, _: Any) -> None: ...

    def save(self, records: list[Any]) -> None:
        lengths = [len(record.embedding) for record in records if record.embedding]
        if lengths and self.path not in _opened:
            self.open(lengths[0])
        super().save(records)

    def search(self, query_embedding: list[float], *rest: Any, **named: Any) -> list[Any]:
        if self.path not in _opened:
            return []
        return super().search(query_embedding, *rest, **named)

    def reset(self, scope_prefix: str | None = None) -> None:
        super().reset(scope_prefix)
        if scope_prefix is None:  # theirs drops the table, and its dimension with it
            _opened.pop(self.path).close()
            __import__("shutil").rmtree(self.path)


theirs.LanceDBStorage = Storage  # before the tests import it
assert issubclass(EmbeddingDimensionMismatchError, ValueError)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    while _opened:
        _opened.popitem()[1].close()
