"""All stores through the same door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memoria.protocols import Store
from memoria.stores import InMemoryStore, LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER, StoreConformance
from tests.bouncer import Bouncer
from tests.statements import kept_to


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
    """Every statement that is sent is read as well: none is what Citus refuses (test_postgres_statements.py)."""

    @pytest.fixture
    def store(self, database: str, server: Server) -> Iterator[Store]:
        with kept_to(server, database):
            store = PostgresStore(database, embedder=EMBEDDER.card)
            yield store
            store.close()


class TestPostgresBehindPgBouncer(StoreConformance):
    """In transaction mode: what a session had would be had by the next client, of another store too."""

    @pytest.fixture
    def store(self, database: str, server: Server, bouncer: Bouncer) -> Iterator[Store]:
        store = PostgresStore(bouncer.url(database), embedder=EMBEDDER.card)
        yield store
        store.close()
        assert bouncer.locks(server) == 0
