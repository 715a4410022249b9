"""A large namespace with an index of its own: finds nearly what exact search finds, and never what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from memoria.errors import InvalidQuery
from memoria.forget.residue import scan
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER, record
from memoria.types import Where

N, K = 1200, 10


@pytest.fixture
def store(database: str, server: Server) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database, embedder=EMBEDDER.card, data=server.data, threads=1)) as store:
        yield store


def test_an_index_finds_nearly_all_and_nothing_forgotten(store: PostgresStore) -> None:
    home = Where(namespace=("giant",), archived=False)
    records = [record(f"word{n} word{n * 7 % N} word{n * 31 % N}", namespace=("giant",)) for n in range(N)]
    store.write([*records, record("a neighbour", namespace=("small",))])
    asked = [one.vector for one in records[::60]]

    def found() -> list[list[str]]:
        return [[memory.id for memory, _ in store.search(vector, home, K)] for vector in asked]

    exact = found()
    store.approximate(("giant",))
    near = found()
    assert scans(store) == len(asked)
    assert np.mean([len(set(mine) & set(theirs)) for mine, theirs in zip(exact, near, strict=True)]) > 0.9 * K
    gone = [ids[0] for ids in exact]
    store.mark([ids[1] for ids in exact if ids[1] not in gone], archived=True)
    secrets = store.secrets(gone)
    store.erase(gone)
    for ids in found():
        assert len(ids) == K
        assert not set(ids) & {*gone, *store.select(Where(archived=True))}
    store.purge()
    assert scan(store.files(), secrets).found == ()
    assert found()
    # The index that the purge built has been used, and counts anew.
    assert scans(store) == len(asked)
    store.exact(("giant",))
    assert indexes(store) == []
    assert [memory.id for memory, _ in store.search(asked[0], Where(namespace=("small",)), K)] == store.select(
        Where(namespace=("small",))
    )


def test_it_goes_with_its_namespace_and_with_its_vectors(store: PostgresStore) -> None:
    store.write([record(f"word{n}", namespace=("giant",)) for n in range(20)])
    store.approximate(("giant",))
    store.reembed(type(EMBEDDER)(96))
    assert len(store.search(np.ones(96, np.float32) / np.sqrt(np.float32(96)), Where(), K)) == K
    store.approximate(("giant",))
    store.erase_namespaces(("giant",))
    store.purge()
    assert indexes(store) == []
    with pytest.raises(InvalidQuery, match="'giant' holds no memories"):
        store.approximate(("giant",))


def indexes(store: PostgresStore) -> list[tuple[str, int]]:
    """Names of indexes of giants, and how often each was used."""
    with store._cluster.transaction() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    with store._cluster.transaction() as connection:
        sql = "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE indexrelname LIKE 'giant%'"
        return connection.execute(sql).fetchall()


def scans(store: PostgresStore) -> int:
    ((_, count),) = indexes(store)
    return count
