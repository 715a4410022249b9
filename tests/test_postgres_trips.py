"""Round trips: remember and forget take two, a search by vector one; and they do what the longer ways do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

import memoria
from memoria.errors import Held, MemoryNotFound, Refused
from memoria.evaluation.bench.relay import relayed
from memoria.stores.postgres import PostgresStore, direct
from memoria.stores.postgres.pipeline import array
from memoria.testing import HashEmbedder
from memoria.types import Where
from tests.test_postgres_locks import store_of

EMBEDDER = HashEmbedder(16)
TEXT = "the spy met the ambassador on the old bridge at midnight, number"


@pytest.fixture
def memory(database: str) -> Iterator[memoria.Memoria]:
    with memoria.open(database, embedder=EMBEDDER) as opened:
        yield opened


def test_how_often_a_verb_waits_for_the_server(database: str) -> None:
    with relayed(database) as (through, relay), memoria.open(through, embedder=EMBEDDER) as memory:
        home = memory.namespace("app", "ada")
        ids = [home.remember(f"{TEXT} {n}").id for n in range(8)]
        home.forget(ids.pop())
        vector = np.ones(16, np.float32)
        home.recall(vector)

        def trips(act: Callable[[], object]) -> int:
            before = relay.trips
            act()
            return relay.trips - before

        assert [trips(lambda n=n: home.remember(f"{TEXT} {n + 20}")) for n in range(3)] == [2, 2, 2]  # type: ignore[misc]
        assert [trips(lambda: home.forget(ids.pop())) for _ in range(3)] == [2, 2, 2]
        assert trips(lambda: home.forget(*ids[:2])) == 2
        assert trips(lambda: home.remember_many([f"{TEXT} {n + 30}" for n in range(10)])) == 2
        assert trips(lambda: home.recall(vector)) == 1


def test_what_is_forgotten_directly_is_guarded_logged_and_entered(memory: memoria.Memoria, database: str) -> None:
    store, home = store_of(memory), memory.namespace("a")
    kept, gone, held = home.remember(f"{TEXT} 1"), home.remember(f"{TEXT} 2", subject="spy"), home.remember("a deed")
    home.hold(held.id, reason="law")
    after = store.forgets_position().event
    receipt = home.forget(gone.id)
    with pytest.raises(Held):
        home.forget(held.id)
    with pytest.raises(MemoryNotFound):
        home.forget(gone.id)
    with pytest.raises(Refused):
        home.remember(f"{TEXT} 2", subject="spy")
    assert [(line.kind, line.ids) for line in store.forgets(after)] == [("forgotten", (bytes.fromhex(gone.id),))]
    assert memory.verify_receipt(receipt.signed()).action == "erase"
    assert [line.action for line in memory.ledger_lines()].count("erase") == 1
    assert memory.verify_ledger().problems == ()
    assert [kind for kind, _, _ in store.jobs()] == ["purge"]
    assert [one.id for one in home.list()] == [kept.id, held.id]
    assert memory.doctor() == []
    # An intent that is carried out goes with the next forget, and another process sees nothing unfinished meanwhile.
    with memoria.open(database, embedder=EMBEDDER) as other:
        assert other.doctor() == []
    home.forget(kept.id)
    with store._cluster.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM intent").fetchall() == [(1,)]
    store._delete_done()
    with store._cluster.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM intent").fetchall() == [(0,)]


def test_lines_that_wait_are_chained_by_whoever_reads_them(database: str) -> None:
    with memoria.open(database, embedder=EMBEDDER) as memory:
        ids = [memory.namespace(str(n)).remember(f"{TEXT} {n}").id for n in range(3)]
        for n, id in enumerate(ids):
            memory.namespace(str(n)).forget(id)
    with memoria.open(database, embedder=EMBEDDER) as other:
        lines = other.ledger_lines()
        assert [(line.number, line.action) for line in lines] == [(1, "erase"), (2, "erase"), (3, "erase")]
        assert other.ledger_lines() == lines
        assert other.verify_ledger().problems == ()


def test_thousands_at_once_are_as_one_at_a_time(memory: memoria.Memoria) -> None:
    home = memory.namespace("bulk")
    home.remember("the first one")
    drafts = [
        memoria.Draft(text=f"{TEXT} {n}", subject=f"s{n % 7}", tags=[f"t{n % 3}"], metadata={"n": n})
        for n in range(2500)
    ]
    made = home.remember_many(drafts)
    assert [memory.get(one.id) for one in (made[0], made[999], made[1000], made[-1])] == [
        made[0], made[999], made[1000], made[-1],
    ]  # fmt: skip
    assert len(home.list(subject="s3", tags=["t1"])) == sum(n % 7 == 3 and n % 3 == 1 for n in range(2500))
    assert [hit.memory.id for hit in home.recall(f"{TEXT} 1234", k=1)] == [made[1234].id]
    home.forget(made[1234].id)
    assert len(home) == 2500
    assert memory.doctor() == []


def test_a_search_in_one_trip_finds_what_the_longer_way_finds(memory: memoria.Memoria, database: str) -> None:
    store, home = store_of(memory), memory.namespace("a")
    ids = [one.id for one in home.remember_many([f"{TEXT} {n}" for n in range(120)])]
    home.archive(*ids[:5])
    home.forget(*ids[5:9])
    rng = np.random.default_rng(0)

    def compare(where: Where, *, at_once: bool) -> None:
        for vector in rng.standard_normal((4, 16)).astype(np.float32):
            unit = vector / np.linalg.norm(vector)
            with store._reading(), store._cluster.transaction() as connection:
                direct = store._nearest_at_once(connection, unit, where, 7)
            assert (direct is not None) == at_once
            assert store.search(unit, where, 7) == store._search(unit, where, 7)
            assert direct in (None, store._search(unit, where, 7))

    now = memory.now()
    for where in (Where(namespace=("a",)), Where(namespace=("a",), archived=False, kept_at=now)):
        compare(where, at_once=True)
    compare(Where(namespace=("a",), archived=True), at_once=False)
    compare(Where(namespace=("a",), subject="s"), at_once=False)
    # Made by another process, below the same name.
    with memoria.open(database, embedder=EMBEDDER) as other:
        below = other.namespace("a", "b").remember(f"{TEXT} 500")
        compare(Where(namespace=("a",)), at_once=False)
        other.namespace("a", "b").forget(namespace=())
        assert below.id not in {one.id for one in memory.list()}
        compare(Where(namespace=("a",)), at_once=True)
        # What is due is passed over, and what is replaced is found where it is now.
        other.namespace("a").remember(f"{TEXT} 501", expires_at=now + timedelta(days=1))
        compare(Where(namespace=("a",), kept_at=now), at_once=True)
        compare(Where(namespace=("a",), kept_at=now + timedelta(days=2)), at_once=False)


def test_a_namespace_that_another_process_erased_is_made_again(memory: memoria.Memoria, database: str) -> None:
    home = memory.namespace("a")
    gone = home.remember(f"{TEXT} 1")
    with memoria.open(database, embedder=EMBEDDER) as other:
        other.forget(namespace=("a",))
    with pytest.raises(MemoryNotFound):
        home.forget(gone.id)
    assert home.recall(np.ones(16, np.float32)) == []
    made = home.remember(f"{TEXT} 2")
    assert [one.id for one in home.list()] == [made.id]
    assert isinstance(memory.store, PostgresStore)
    assert memory.doctor() == []


def test_after_a_bulk_load_one_memory_is_looked_for_by_its_slot(memory: memoria.Memoria) -> None:
    store, home = store_of(memory), memory.namespace("bulk")
    made = home.remember_many([f"{TEXT} {n}" for n in range(300)])
    assert [one.id for one in home.list()] == [one.id for one in made]
    tenant = store._homes[("bulk",)]
    with store._cluster.transaction(tenant=[tenant]) as connection:
        sql = "EXPLAIN SELECT id FROM memory WHERE tenant = %s AND slot = ANY(%s)"
        plan = "\n".join(line for (line,) in connection.execute(sql, (tenant, [7])).fetchall())
    assert "slot = ANY" in plan.split("Index Cond")[1].split("Filter")[0]


def test_the_first_memories_of_a_namespace_go_in_one_call(
    memory: memoria.Memoria, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[int]()
    sent = direct.send_rows

    def counting(*given: Any) -> None:
        calls.append(len(given[4]))
        sent(*given)

    monkeypatch.setattr(direct, "send_rows", counting)
    memory.namespace("new").remember_many([f"{TEXT} {n}" for n in range(40)])
    assert calls == [40]
    with memoria.open(database, embedder=EMBEDDER) as other:
        other.namespace("new").remember_many([f"{TEXT} {n}" for n in range(40, 60)])
        assert calls == [40, 20]
        assert len(other.namespace("new").list()) == 60


def test_many_namespaces_are_known_and_the_last_are_indexed(database: str) -> None:
    store = PostgresStore(database, embedder=EMBEDDER.card, loaded=2)
    with memoria.Memoria(store, EMBEDDER) as memory:
        made = [memory.namespace(str(n)).remember(f"{TEXT} {n}") for n in range(4)]
        for n in (0, 1, 2, 3, 0):
            assert [hit.memory for hit in memory.namespace(str(n)).recall(f"{TEXT} {n}")] == [made[n]]
        indexed = {space.name for space in store._spaces.values() if space.words is not None}
        assert indexed == {("3",), ("0",)}
        assert store._homes.keys() == {(str(n),) for n in range(4)}


def test_what_goes_in_one_trip_is_answered_in_order_or_not_done(memory: memoria.Memoria) -> None:
    cluster, seen = store_of(memory)._cluster, list[Any]()
    odd = ['a"b', "c\\d", "", "e,f", "{g}", "\u00fc"]
    with cluster.transaction() as connection:
        connection.send("SELECT %s::text[], 7 %% 4", (array(odd),), lambda answer: seen.extend(answer.fetchall()))
        connection.send_many("INSERT INTO meta VALUES (%s, %s)", [("one", "1"), ("two", "2")])
        found = connection.execute("SELECT %s::bytea[], %b::bigint, '100%%'", (array([b"\0\xff", b""]), 5), binary=True)
        assert (found.fetchone(), found.fetchone()) == (([b"\0\xff", b""], 5, "100%"), None)
        assert seen == [(odd, 3)]
        assert connection.execute("UPDATE meta SET value = '3' WHERE name = ANY(%s)", (["one", "two"],)).rowcount == 2
        assert connection.execute("SELECT '100%'").fetchall() == [("100%",)]
        assert connection.trips == 3
    with cluster.transaction() as connection:
        connection.send("UPDATE meta SET value = '4' WHERE name = 'one'")
        connection.send("SELECT 1 / 0")
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("UPDATE meta SET value = '5' WHERE name = 'one'")
        connection.undo()
    with cluster.transaction() as connection:
        assert connection.execute("SELECT value FROM meta WHERE name = 'one'").fetchall() == [("3",)]
