"""All stores through the same door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memoria.protocols import Store
from memoria.stores import InMemoryStore, LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.testing.stores import EMBEDDER, StoreConformance


class TestInMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return InMemoryStore(EMBEDDER.card)


class TestLocal(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = LocalStore(tmp_path / "a.memoria", embedder=EMBEDDER.card)
        yield store
        store.close()


class TestLocalWithOneNamespaceInRam(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = LocalStore(tmp_path / "a.memoria", embedder=EMBEDDER.card, loaded=1, secure_delete=True)
        yield store
        store.close()


class TestPostgres(StoreConformance):
    @pytest.fixture
    def store(self, database: str) -> Iterator[Store]:
        store = PostgresStore(database, embedder=EMBEDDER.card)
        yield store
        store.close()
