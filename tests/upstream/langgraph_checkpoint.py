"""Aims these tests at memoria: `InMemoryStore` is a MemoriaStore in RAM."""

from __future__ import annotations

from collections.abc import Iterator

import langgraph.store.memory
import pytest
from langgraph.store.base import IndexConfig

import memoria
from memoria.integrations.langgraph import MemoriaStore
from memoria.testing import HashEmbedder

_opened: list[memoria.Memoria] = []


class InMemoryStore(MemoriaStore):
    def __init__(self, *, index: IndexConfig | None = None) -> None:
        memory = memoria.open(":memory:", embedder=HashEmbedder(index["dims"] if index else 64))
        _opened.append(memory)
        super().__init__(memory, index=index)


langgraph.store.memory.InMemoryStore = InMemoryStore  # type: ignore[assignment,misc]  # before the tests import it


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"
