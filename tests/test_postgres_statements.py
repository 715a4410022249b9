"""No statement uses what Citus refuses, or what a pooler in transaction mode breaks: all are read, from the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from memoria.engine.memory import Memoria
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER
from memoria.types import Where
from memoria.worker import work
from tests.statements import Sent, bodies, kept_to, policies, statements


def name_of(url: str) -> str:
    return url.split("/")[3].split("?")[0]


@pytest.fixture
def sent(database: str, server: Server) -> Iterator[Sent]:
    """What the test sends, looked at when it is over; what the conformance suite sends is, in tests/test_stores.py."""
    with kept_to(server, database) as sent:
        yield sent


def test_statements_of_verbs_workers_and_upkeep(database: str, server: Server, sent: Sent) -> None:
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card, data=server.data), EMBEDDER) as memory:
        store = memory.store
        assert isinstance(store, PostgresStore)
        home = memory.namespace("app", "ada")
        made = home.remember_many([f"Ada likes tea number {n} of them" for n in range(12)])
        other = memory.namespace("app", "bob").remember("Bob likes coffee", key="k", tags=["drinks"])
        home.supersede(made[0].id, "Ada likes water")
        home.amend(made[1].id, text="Ada likes juice")
        home.pin(made[2].id)
        home.archive(made[3].id)
        home.recall("tea")
        home.reinforce(made[4].id)
        home.forget(made[5].id)
        store.approximate(("app", "ada"))
        home.recall("tea", k=3)
        store.exact(("app", "ada"))
        memory.set_ttl(timedelta(days=36500), subject="nobody")
        store.ask("sleep", ())
        store.ask("fade", ())
        memory.forget(namespace=("app", "bob"))
        assert other.id not in store.select(Where())
        assert {one.kind for one in work(memory)} >= {"sweep", "purge", "sleep"}
        store.bury()
        memory.rebuild()
        assert memory.doctor() == []
        store.reembed(type(EMBEDDER)(64))
        store.stats()


def test_no_policy_has_a_sub_select(database: str, server: Server, template: str) -> None:
    found = policies(server, name_of(database))
    assert len(found) == 11 * 3
    assert [table for table, said in found.items() if "SELECT" in said.upper().split()] == []


def test_functions_of_the_schema_keep_to_it_too(database: str, server: Server) -> None:
    wrong = [
        (name, word)
        for name, body in bodies(server, name_of(database)).items()
        for word in ("tableoid", "set_config", "pg_advisory_lock(", "pg_advisory_unlock")
        if word in body.lower()
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DELETE FROM a RETURNING tableoid", "names tableoid"),
        ("DELETE FROM a RETURNING b::regclass::text", "calls what is not immutable in RETURNING"),
        ("DELETE FROM a RETURNING id, now()", "calls what is not immutable in RETURNING"),
        ("WITH x AS (DELETE FROM a RETURNING random()) SELECT 1", "calls what is not immutable in RETURNING"),
        ("UPDATE a SET b = 1 RETURNING EXISTS (SELECT 1 FROM c)", "reads a sub-select in RETURNING"),
        ("SELECT set_config('a.b', '', true)", "sets by set_config"),
        ("SELECT pg_advisory_lock(1)", "takes a session advisory lock"),
        ("SELECT pg_advisory_unlock_all()", "takes a session advisory lock"),
        ("BEGIN; DELETE FROM a; COMMIT", "is several statements"),
        ("PREPARE a AS SELECT 1", "prepares by name"),
        ("SET search_path = a", "is for a session"),
    ],
)
def test_the_guard_knows_each_fault(text: str, why: str) -> None:
    start = "2026-01-01 00:00:00.000 UTC [1] LOG:  "
    log = f"{start}statement: SELECT 1\n{start}execute <unnamed>: {text}"
    sent = Sent(dict.fromkeys(statements(log), 1))
    assert len(sent.counts) == 2
    assert [one.split(":")[0] for one in sent.refused({"lower"}, pooled=True)] == [why]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM a RETURNING lower(b)",
        "SELECT pg_advisory_xact_lock(1)",
        "SET LOCAL memoria.tenant = '00'",
        "INSERT INTO a VALUES ('BEGIN; set_config(', $1) RETURNING b",
        "SELECT now() FROM a",
    ],
)
def test_the_guard_lets_others_pass(text: str) -> None:
    assert Sent({("<unnamed>", text): 1}).refused({"lower"}, pooled=True) == []


def test_a_name_of_a_prepared_statement_is_seen(tmp_path: Path) -> None:
    (key,) = statements("2026-01-01 00:00:00.000 UTC [1] LOG:  execute _pg3_0: SELECT\n\t1")
    assert key == ("_pg3_0", "SELECT\n1")
    assert Sent({key: 1}).refused(set()) == ["is prepared by name: SELECT\n1"]
