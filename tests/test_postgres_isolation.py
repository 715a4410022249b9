"""Isolation: one namespace never reads, counts or times its way into another, and what is not named fails closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, MemoryNotFound, StoreError, StoreReadOnly
from memoria.stores.postgres import PostgresStore
from memoria.stores.postgres.connect import check_server
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER as SMALL
from memoria.testing.stores import record
from memoria.text.fingerprints import Statement
from memoria.types import Where

EMBEDDER = HashEmbedder(384)
TABLES = ("tenant", "prefix", "place", "link", "memory", "trace", "label", "recalled", "forgotten")
HOSTILE = (
    "'; DROP TABLE memory; --",
    '" OR 1=1 --',
    "%s", "%(a)s", "{}", "\\", "a\nb",
    "memoria.tenant", "%", "_", "$1", "ada' UNION SELECT * FROM place --",
)  # fmt: skip


@pytest.fixture
def memory(database: str) -> Iterator[Memoria]:
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card), EMBEDDER) as memory:
        yield memory


@pytest.fixture
def raw(database: str, memory: Memoria) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the application's role, past the store, to a database with two users in it."""
    for name in ("ada", "bob"):
        view = memory.namespace("app", name)
        kept = view.remember(f"{name} likes tea", subject=name, tags=["drinks"])
        view.remember(f"{name} is up early")
        view.supersede(kept.id, f"{name} likes coffee")
        view.forget(view.remember("all of it was a mistake").id)
        view.reinforce(kept.id)
    memory.trace(kept.id)
    with psycopg.connect(database.split("&keys")[0], autocommit=True) as connection:
        connection.execute("SET search_path = memoria, public")
        yield connection


def counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows that can be seen of every table and partition."""
    relations = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'memoria'::regnamespace AND relkind IN ('r', 'p')"
    ).fetchall()
    return {
        name: connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchall()[0][0]
        for (name,) in relations
        if name.startswith(TABLES)
    }


def test_without_a_setting_nothing_is_there(raw: psycopg.Connection[Any]) -> None:
    assert len(counts(raw)) == 3 * len(TABLES)
    assert set(counts(raw).values()) == {0}
    for setting in ("memoria.tenant", "memoria.id", "memoria.alias"):
        raw.execute("SELECT set_config(%s, %s, false)", (setting, "00" * 16))
    assert set(counts(raw).values()) == {0}
    for table in TABLES:
        assert raw.execute(f"DELETE FROM {table}".encode()).rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("INSERT INTO recalled (tenant, slot, at, found) VALUES ('\\x01', 0, 0, true)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("INSERT INTO place VALUES ('\\x01', '\\x01', 0)")
    raw.execute("SELECT set_config('memoria.tenant', 'no hex; true', false)")
    with pytest.raises(psycopg.Error):
        raw.execute("SELECT count(*) FROM memory")


def test_with_the_setting_of_one_user_the_other_is_not_there(raw: psycopg.Connection[Any], memory: Memoria) -> None:
    store = memory.store
    assert isinstance(store, PostgresStore)
    ada = store._existing(("app", "ada"))
    assert ada is not None
    raw.execute("SELECT set_config('memoria.tenant', %s, false)", (ada.hex(),))
    seen = counts(raw)
    assert {name: seen[name] for name in ("tenant", "memory", "trace", "recalled")} == {
        "tenant": 1, "memory": 3, "trace": 3, "recalled": 1,
    }  # fmt: skip
    assert seen["forgotten"] == 1
    assert raw.execute("SELECT DISTINCT tenant FROM memory").fetchall() == [(ada,)]
    assert raw.execute("UPDATE memory SET valid_to = 0 WHERE tenant <> %s", (ada,)).rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute("UPDATE trace SET tenant = '\\x01'")
    assert [seen[name] for name in ("place", "prefix", "link")] == [0, 0, 0]


def test_a_statement_that_forgets_its_namespace_sees_nothing(raw: psycopg.Connection[Any], memory: Memoria) -> None:
    store = memory.store
    assert isinstance(store, PostgresStore)
    with store._cluster.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM memory").fetchall() == [(0,)]
    # What one transaction was for is not left to the next.
    assert store.count(()) == 6
    with store._cluster.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM memory").fetchall() == [(0,)]


def test_a_view_of_one_namespace_cannot_reach_another(memory: Memoria) -> None:
    ada, bob = memory.namespace("app", "ada"), memory.namespace("app", "bob")
    kept = bob.remember("bob keeps a secret", subject="bob", key="k")
    assert (len(ada), ada.list(), ada.recall("bob keeps a secret"), ada.namespaces()) == (0, [], [], [])
    for act in (ada.get, ada.trace, ada.forget, ada.pin, ada.archive, ada.reinforce):
        with pytest.raises(MemoryNotFound):
            act(kept.id)
    with pytest.raises(MemoryNotFound):
        ada.amend(kept.id, text="mine")
    assert ada.forget(subject="bob").forgotten == ()
    # Neither a key nor a guard is shared: what is taken or forgotten there is free here.
    assert ada.remember("another text", key="k").id != kept.id
    bob.forget(kept.id)
    assert ada.store.refused(("app", "ada"), [Statement("bob keeps a secret")]) == [False]
    assert ada.forget(namespace=()).namespaces == 1
    assert bob.store.refused(("app", "bob"), [Statement("bob keeps a secret")]) == [True]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_never_sql(memory: Memoria, name: str) -> None:
    kept = memory.namespace("app", "ada").remember("what ada said", subject="ada")
    try:
        view = memory.namespace("app", name)
    except InvalidQuery:
        return
    one = view.remember(name, subject=name, tags=[name], key=name, metadata={name: name})
    assert [found.id for found in view.list(subject=name, tags=[name], key=name)] == [one.id]
    assert [hit.memory for hit in view.recall(name)] == [one]
    assert (one.text, view.namespaces()) == (name, [("app", name)])
    assert view.forget(subject=name).forgotten == (one.id,)
    memory.store.write_note(name, name)
    assert memory.store.note(name) == name
    assert memory.namespace("app", "ada").get(kept.id) == kept


def test_a_search_reads_no_row_of_a_neighbour(database: str) -> None:
    """The plan of each statement goes by an index to the tenant's own rows: it cannot last longer for others'."""
    with closing(PostgresStore(database, embedder=SMALL.card)) as store:
        store.write([record(f"many {n}", namespace=("many",)) for n in range(500)])
        store.write([record(f"few {n}", namespace=("few",)) for n in range(3)])
        few = store._existing(("few",))
        assert few is not None
        with store._cluster.transaction(tenant=[few]) as connection:
            for table in ("memory", "trace", "label"):
                sql = f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM {table} WHERE tenant = %s"
                ((plan,),) = connection.execute(sql.encode(), (few,)).fetchall()
                nodes = list(_nodes(plan[0]["Plan"]))
                assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"]]
                assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) == 0
        assert len(store.search(record("few 1").vector, Where(namespace=("few",)), 10)) == 3


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def test_servers_and_roles_that_cannot_keep_the_promises_are_refused(server: Server, database: str) -> None:
    name = database.split("/")[3].split("?")[0]
    with pytest.raises(StoreError, match="'postgres' goes round row-level security"):
        PostgresStore(database.replace("memoria@", "postgres@"), embedder=SMALL.card)
    server.sql("CREATE ROLE roundabout LOGIN BYPASSRLS")
    with pytest.raises(StoreError, match="goes round"):
        PostgresStore(database.replace("memoria@", "roundabout@"), embedder=SMALL.card)
    server.sql("UPDATE pg_extension SET extversion = '0.8.3' WHERE extname = 'vector'", database=name)
    with pytest.raises(StoreError, match=r"pgvector 0\.8\.3 is older than 0\.8\.4"):
        PostgresStore(database, embedder=SMALL.card)
    server.sql(f"CREATE DATABASE bare_{name}")
    with (
        psycopg.connect(server.url("memoria", f"bare_{name}")) as connection,
        pytest.raises(StoreError, match="CREATE EXTENSION"),
    ):
        check_server(connection)


def test_a_reader_changes_nothing(database: str) -> None:
    PostgresStore(database, embedder=SMALL.card).close()
    with closing(PostgresStore(database, embedder=SMALL.card, mode="r")) as store:
        assert store.count(()) == 0
        with pytest.raises(StoreReadOnly):
            store.write([record("nothing")])
