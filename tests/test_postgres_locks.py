"""Waiting: one transaction that hangs stops those who write to its namespace, for so long, and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import memoria
from memoria.errors import InvalidQuery, StoreError, StoreLocked
from memoria.stores.postgres import PostgresStore
from memoria.stores.postgres.session import lock_number
from memoria.testing import HashEmbedder
from tests.waiting import PATIENCE, until

EMBEDDER = HashEmbedder(16)
SOURCE = Path(__file__).parents[1] / "stores" / "postgres"


@pytest.fixture
def memory(database: str) -> Iterator[memoria.Memoria]:
    # On a busy machine what goes on meanwhile takes its time.
    with memoria.open(f"{database}&lock_timeout=600&statement_timeout=0", embedder=EMBEDDER) as opened:
        yield opened


def store_of(memory: memoria.Memoria) -> PostgresStore:
    store = memory.store
    assert isinstance(store, PostgresStore)
    return store


@contextmanager
def hanging(memory: memoria.Memoria, database: str, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Another session, in whose transaction a namespace is being written, and which does not go on."""
    tenant = store_of(memory)._existing((name,))
    assert tenant is not None
    with psycopg.connect(database.split("&keys")[0]) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(tenant),))
        yield other


def waiters(other: psycopg.Connection[Any]) -> int:
    ((count,),) = other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall()
    return int(count)


def test_one_writer_that_waits_stops_no_reader_and_no_writer_of_another_namespace(
    memory: memoria.Memoria, database: str
) -> None:
    a, b = memory.namespace("a"), memory.namespace("b")
    kept = [a.remember(f"a cup of tea, number {n}") for n in range(4)]
    b.remember("a cup of coffee")
    with ThreadPoolExecutor(1) as pool, hanging(memory, database, "a") as other:
        forgotten = pool.submit(a.forget, kept[0].id)
        until(lambda: waiters(other) == 1)
        # So often that uses are written down, which waits for nobody either.
        for _ in range(100):
            assert len(a.recall("tea", k=3)) == 3
            assert a.get(kept[1].id) == kept[1]
        assert [one.id for one in a.list()] == [one.id for one in kept]
        b.forget(b.remember("another cup of coffee").id)
        assert len(b) == 1
        assert not forgotten.done()
        other.rollback()
        assert forgotten.result(PATIENCE).forgotten == (kept[0].id,)
    assert len(a) == 3
    assert memory.trace(kept[1].id).retrievals > 50


def test_many_writers_that_wait_leave_connections_to_those_who_read(memory: memoria.Memoria, database: str) -> None:
    kept = [memory.namespace("a").remember(f"a cup of tea, number {n}") for n in range(12)]
    with ThreadPoolExecutor(12) as pool, hanging(memory, database, "a") as other:
        done = [pool.submit(memory.forget, one.id) for one in kept]
        until(lambda: waiters(other) > 1)
        assert len(memory.list()) == 12
        other.rollback()
        assert sorted(one.result(PATIENCE).forgotten for one in done) == sorted((one.id,) for one in kept)
    assert len(memory) == 0


@pytest.mark.parametrize("rule", ["lock_timeout", "statement_timeout"])
def test_who_waits_too_long_gets_an_error_that_names_the_rule_and_nothing_is_done(
    rule: str, memory: memoria.Memoria, database: str
) -> None:
    kept = memory.namespace("a").remember("a cup of tea")
    with memoria.open(f"{database}&{rule}=0.2", embedder=EMBEDDER) as hasty, hanging(memory, database, "a"):
        home = hasty.namespace("a")
        acts = (
            lambda: home.remember("another cup"),
            lambda: home.forget(kept.id),
            lambda: home.amend(kept.id, text="a mug of tea"),
            lambda: home.pin(kept.id),
            lambda: home.forget(namespace=()),
        )
        for act in acts:
            with pytest.raises(StoreLocked if rule == "lock_timeout" else StoreError, match=rf"{rule}, 0\.2 s") as said:
                act()
            assert "tea" not in str(said.value)
        assert home.list() == [kept]
    assert memory.doctor() == []
    assert [one.text for one in memory.list()] == ["a cup of tea"]


def test_a_limit_in_the_url_is_a_number_of_seconds(database: str) -> None:
    for wrong in ("soon", "-1", "nan", "inf"):
        with pytest.raises(InvalidQuery, match="lock_timeout in the URL is not a number of seconds"):
            memoria.open(f"{database}&lock_timeout={wrong}", embedder=EMBEDDER)


def test_what_is_done_together_is_undone_together(memory: memoria.Memoria) -> None:
    """Rows, keys and what is in RAM, when the block raises; another handle never sees a part of it."""
    home, store = memory.namespace("a"), store_of(memory)
    kept = home.remember("a brass xylophone")
    home.recall("xylophone")

    def undone() -> None:
        with store.alone():
            home.remember("a silver xylophone")
            home.forget(kept.id)
            memory.namespace("b").remember("a namespace that never was")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert [one.text for one in memory.list()] == ["a brass xylophone"]
    assert memory.namespaces() == [("a",)]
    assert [hit.memory.text for hit in home.recall("xylophone")] == ["a brass xylophone"]
    assert memory.doctor() == []
    assert len(list(store._keys.files())) == 2
    with store.alone():
        home.forget(kept.id)
        home.remember("a wooden flute")
    assert [one.text for one in memory.list()] == ["a wooden flute"]
    assert home.recall("xylophone")[0].memory.text == "a wooden flute"
    assert memory.doctor() == []


def test_no_lock_is_left_behind(memory: memoria.Memoria, database: str) -> None:
    home = memory.namespace("a")
    one, two = home.remember("a cup of tea"), home.remember("a cup of coffee")
    home.amend(one.id, text="a mug of tea")
    home.consolidate(one.id, two.id)
    home.sleep()
    home.forget(one.id)
    memory.forget(namespace=("a",))
    with psycopg.connect(database.split("&keys")[0]) as other:
        assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchall() == [(0,)]


def test_a_setting_that_was_read_is_not_written_over_what_another_wrote(memory: memoria.Memoria, database: str) -> None:
    with memoria.open(database, embedder=EMBEDDER) as other:

        def count() -> None:
            with memory.store.alone():
                assert memory.store.note("counted") is None
                other.store.write_note("counted", "1")
                memory.store.write_note("counted", "2")

        with pytest.raises(StoreLocked, match="a setting has changed since it was read"):
            count()
        with memory.store.alone():
            assert memory.store.note("counted") == "1"
            other.store.write_note("counted", "2")
            # What it is to be, it is already.
            memory.store.write_note("counted", "2")
    assert memory.store.note("counted") == "2"


# What a pooler in transaction mode and Citus do not take: locks and settings of a session, scope by a function, several
# statements as one.
_NOT = (r"pg_advisory_(?!xact)", r"set_config\(", r"COMMIT['\"]?;", r"; *(SELECT|DELETE|UPDATE|INSERT|COMMIT)")


def test_no_statement_takes_a_lock_or_a_setting_for_a_session() -> None:
    verbs = [path for path in sorted(SOURCE.glob("*.py")) if path.name != "schema.py"]
    assert len(verbs) > 20
    for path in verbs:
        for wrong in _NOT:
            assert re.findall(wrong, path.read_text()) == [], path.name
