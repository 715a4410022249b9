"""Aims these tests at memoria: `SqliteStore` and `AsyncSqliteStore` are MemoriaStores, in RAM or in a directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import langgraph.store.sqlite
import langgraph.store.sqlite.aio
import pytest

from memoria.integrations.langgraph import MemoriaStore
from memoria.testing import HashEmbedder


@contextmanager
def opened(path: str, **config: Any) -> Iterator[MemoriaStore]:
    # The tests make an empty file at the path; a store of ours is a directory.
    place = path if path == ":memory:" else f"{path}.memoria"
    index = config.get("index")
    options: dict[str, Any] = {} if index else {"embedder": HashEmbedder()}
    with MemoriaStore.from_conn_string(place, **config, **options) as store:
        yield store


class SqliteStore(MemoriaStore):
    from_conn_string = staticmethod(opened)  # type: ignore[assignment]  # another path


class AsyncSqliteStore(MemoriaStore):
    @staticmethod
    @asynccontextmanager
    async def from_conn_string(path: str, **config: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # theirs is async
        with opened(path, **config) as store:
            store.__class__ = AsyncSqliteStore
            yield store

    async def setup(self) -> None:  # type: ignore[override]  # so is this
        pass

    async def sweep_ttl(self) -> int:  # type: ignore[override]
        return super().sweep_ttl()

    async def start_ttl_sweeper(self, minutes: float | None = None) -> None:  # type: ignore[override]
        super().start_ttl_sweeper(minutes)

    async def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:  # type: ignore[override]
        return super().stop_ttl_sweeper(timeout)


langgraph.store.sqlite.SqliteStore = SqliteStore  # type: ignore[assignment,misc]  # before the tests import them
langgraph.store.sqlite.AsyncSqliteStore = AsyncSqliteStore  # type: ignore[assignment,misc]
langgraph.store.sqlite.aio.AsyncSqliteStore = AsyncSqliteStore  # type: ignore[assignment,misc]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"
