"""Purging while others work: partitions are rewritten under them, giants get an index, the log turns once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from memoria.engine.memory import Memoria
from memoria.errors import StoreError, StoreLocked
from memoria.stores.postgres import PostgresStore
from memoria.stores.postgres.rewriting import Rewriting
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER, record
from memoria.types import Where
from memoria.worker import work
from tests.waiting import PATIENCE, until

PARTITIONS = ("memory_0000", "memory_0001")
LEFT = "SELECT count(*) FROM pg_class WHERE relname ~ '_(fresh|changed)'"


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(database, embedder=EMBEDDER.card)) as store:
        yield store


def plain(database: str) -> str:
    return database.split("&keys")[0]


def name_of(database: str) -> str:
    return database.split("/")[3].split("?")[0]


def test_others_lose_nothing_while_partitions_are_rewritten(
    database: str, server: Server, store: PostgresStore
) -> None:
    homes = [("n", str(n)) for n in range(6)]
    store.write([record(f"first {n}", namespace=home) for home in homes for n in range(40)])
    ended = threading.Event()
    kept: set[str] = set(store.select(Where()))
    gone: set[str] = set()

    def others(number: int) -> tuple[set[str], set[str]]:
        mine: set[str] = set()
        erased: set[str] = set()
        with closing(PostgresStore(database, embedder=EMBEDDER.card)) as own:
            at = 0
            while not ended.is_set():
                at += 1
                made = [record(f"{number} writes {at} {n}", namespace=homes[at % 6]) for n in range(3)]
                own.write(made)
                own.erase([made[0].memory.id])
                own.mark([made[1].memory.id], pinned=True)
                mine |= {one.memory.id for one in made[1:]}
                erased.add(made[0].memory.id)
                found = own.search(made[2].vector, Where(namespace=homes[at % 6]), 200)
                assert made[2].memory.id in {memory.id for memory, _ in found}
        return mine, erased

    with ThreadPoolExecutor(2) as pool:
        at_work = [pool.submit(others, number) for number in range(2)]
        try:
            for _ in range(2):
                for partition in PARTITIONS:
                    assert store.rewrite(partition) < PATIENCE
        finally:
            ended.set()
        for one in at_work:
            mine, erased = one.result(PATIENCE)
            kept |= mine
            gone |= erased
    assert set(store.select(Where())) == kept
    assert not kept & gone
    assert store.check() == []
    assert server.sql(LEFT, database=name_of(database)).strip() == "0"


def test_what_a_killed_rewrite_left_is_in_nobodys_way(database: str, server: Server, store: PostgresStore) -> None:
    store.write([record(f"before {n}", namespace=("n", str(n))) for n in range(20)])
    with psycopg.connect(plain(database), autocommit=True) as connection:
        cut = Rewriting(connection, "memory_0000", memory="64MB")
        cut._copy(cut._begin())
    assert server.sql(LEFT, database=name_of(database)).strip() != "0"
    store.write([record(f"after {n}", namespace=("n", str(n))) for n in range(20)])
    store.erase(store.select(Where())[:5])
    there = store.select(Where())
    store.rewrite("memory_0000")
    assert store.select(Where()) == there
    assert len(there) == 35
    assert server.sql(LEFT, database=name_of(database)).strip() == "0"


def test_a_partition_is_rewritten_by_one_at_a_time(store: PostgresStore) -> None:
    with store._sole("memory_0001"), pytest.raises(StoreLocked, match="being rewritten by another"):
        store.rewrite("memory_0001")
    with pytest.raises(StoreError, match="is not a partition of memories"):
        store.rewrite("place_0000; DROP TABLE place")


def test_what_keeps_order_and_isolation_is_on_the_new_partition_too(
    database: str, server: Server, store: PostgresStore
) -> None:
    store.write([record(f"text {n}", namespace=("n", str(n))) for n in range(20)])

    def drawn() -> list[str]:
        asked = (
            "SELECT relrowsecurity, relforcerowsecurity, relispartition, pg_get_expr(relpartbound, oid) FROM pg_class "
            "WHERE relname = 'memory_0000'",
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'memory_0000' ORDER BY 1",
            "SELECT policyname, qual, with_check FROM pg_policies WHERE tablename = 'memory_0000'",
            "SELECT attname, attstattarget, attstorage, attnotnull FROM pg_attribute "
            "WHERE attrelid = 'memoria.memory_0000'::regclass AND attnum > 0 ORDER BY attnum",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'memoria.memory_0000'::regclass ORDER BY 1",
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'memoria.memory_0000'::regclass",
            "SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid IN "
            "(SELECT indexrelid FROM pg_index WHERE indrelid = 'memoria.memory_0000'::regclass) ORDER BY 1",
        )
        return [server.sql(sql, database=name_of(database)) for sql in asked]

    before = drawn()
    store.rewrite("memory_0000")
    assert drawn() == before


def test_writes_to_its_partition_go_on_while_a_giant_gets_its_index(database: str, store: PostgresStore) -> None:
    home = ("giant",)
    store.write([record(f"word {n}", namespace=home) for n in range(50)])
    with psycopg.connect(plain(database)) as old, ThreadPoolExecutor(1) as pool:
        # An index that is built beside others waits for whoever has looked already.
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM memoria.meta")
        built = pool.submit(store.approximate, home)
        progress = (
            "SELECT count(*) FROM pg_index JOIN pg_class ON oid = indexrelid "
            "WHERE relname LIKE 'giant%' AND NOT indisvalid"
        )
        with psycopg.connect(plain(database), autocommit=True) as looking:
            until(lambda: looking.execute(progress).fetchone() == (1,))
        made = [record(f"meanwhile {n}", namespace=home) for n in range(5)]
        store.write(made)
        store.erase([made[0].memory.id])
        assert not built.done()
        old.rollback()
        built.result(PATIENCE)
    found = {memory.id for memory, _ in store.search(made[1].vector, Where(namespace=home), 60)}
    assert {one.memory.id for one in made[1:]} < found
    assert made[0].memory.id not in found


def test_a_round_of_a_worker_turns_the_log_over_once(database: str) -> None:
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card), EMBEDDER) as memory:
        for number in range(12):
            home = memory.namespace("n", str(number))
            home.forget(home.remember(f"text {number}").id)
        done = [one.kind for one in work(memory)]
        assert sorted(done) == ["log", "purge", "purge"]
        assert done[-1] == "log"
        assert list(work(memory)) == []
