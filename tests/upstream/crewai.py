"""Aims these tests at memoria: `LanceDBStorage` is a MemoriaStorage, with one store for each path.

The dimension of theirs is that of the first vector that it sees; a store of ours has one from the beginning. So the
store is opened when a vector is there, with an embedder of that dimension.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}  # before it is imported

import crewai.memory.storage.lancedb_storage as theirs
import pytest
from crewai.memory.types import MemoryRecord

import memoria
from memoria.integrations.crewai import MemoriaStorage
from memoria.testing import HashEmbedder

_opened: dict[Path, memoria.Memoria] = {}


class Storage(MemoriaStorage):
    def __init__(
        self, path: str | Path | None = None, vector_dim: int | None = None, compact_every: int = 100, **_: Any
    ) -> None:
        self.path = Path(f"{path or tempfile.mkdtemp()}.memoria")
        if vector_dim is not None:
            self.open(vector_dim)

    def open(self, dimension: int) -> None:
        if self.path not in _opened:
            _opened[self.path] = memoria.open(self.path, embedder=HashEmbedder(dimension))

    @property
    def memory(self) -> memoria.Memoria:  # type: ignore[override]  # theirs knows its dimension later
        if self.path not in _opened:
            _opened[Path(tempfile.mkdtemp())] = empty = memoria.open(":memory:", embedder=HashEmbedder())
            return empty
        return _opened[self.path]

    def save(self, records: list[MemoryRecord]) -> None:
        lengths = [len(record.embedding) for record in records if record.embedding]
        self.open(lengths[0] if lengths else 4)
        super().save(records)

    def search(self, *given: Any, **named: Any) -> list[tuple[MemoryRecord, float]]:
        return super().search(*given, **named) if self.path in _opened else []

    def reset(self, scope_prefix: str | None = None) -> None:
        super().reset(scope_prefix)
        if scope_prefix is None and self.path in _opened:  # theirs drops the table, and its dimension with it
            _opened.pop(self.path).close()
            shutil.rmtree(self.path)


theirs.LanceDBStorage = Storage  # before the tests import it


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    while _opened:
        _opened.popitem()[1].close()
