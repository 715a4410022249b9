"""The schema spread by Citus: run where `MEMORIA_CITUS_URL` names a database; elsewhere what can be said without it.

The URL is that of the role of the application, on a coordinator whose database has the extensions citus and vector;
`MEMORIA_CITUS_DATA` has the data directories of all nodes, with colons between, where they can be read from here. The
schema of that database is dropped before each test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from memoria.engine.memory import Memoria
from memoria.errors import MemoryNotFound
from memoria.forget.residue import scan
from memoria.protocols import Store
from memoria.stores.postgres import PostgresStore, citus
from memoria.stores.postgres.policies import ROUTES
from memoria.testing.postgres import Server
from memoria.testing.stores import EMBEDDER, StoreConformance
from tests.crash_worker import opened
from tests.waiting import PATIENCE

URL = os.environ.get("MEMORIA_CITUS_URL", "")
needs_citus = pytest.mark.skipif(not URL, reason="NOT RUN: no Citus here (MEMORIA_CITUS_URL)")


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A store that is not there yet."""
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS memoria CASCADE")
    return f"{URL}{'&' if '?' in URL else '?'}keys={tmp_path / 'keys'}"


@needs_citus
class TestCitus(StoreConformance):
    @pytest.fixture
    def store(self, place: str) -> Iterator[Store]:
        store = PostgresStore(place, embedder=EMBEDDER.card)
        yield store
        store.close()


@needs_citus
def test_every_table_of_memories_is_spread(place: str) -> None:
    PostgresStore(place, embedder=EMBEDDER.card).close()
    with psycopg.connect(URL) as connection:
        found = connection.execute("SELECT table_name::text, distribution_column FROM citus_tables").fetchall()
    assert {name.removeprefix("memoria."): column for name, column in found}.items() >= ROUTES.items()


@needs_citus
def test_no_namespace_reads_another(place: str) -> None:
    with opened(place) as memory:
        ada, bob = memory.namespace("app", "ada"), memory.namespace("app", "bob")
        kept = bob.remember("bob keeps a secret")
        assert (len(ada), ada.list(), ada.recall("bob keeps a secret")) == (0, [], [])
        with pytest.raises(MemoryNotFound):
            ada.forget(kept.id)
    with psycopg.connect(URL) as connection:
        for table in ROUTES:
            assert connection.execute(f"SELECT count(*) FROM memoria.{table}".encode()).fetchall() == [(0,)]


@needs_citus
def test_a_purge_takes_vectors_out_of_every_node(place: str) -> None:
    folders = [Path(one) for one in os.environ.get("MEMORIA_CITUS_DATA", "").split(":") if one]
    if not folders:
        pytest.skip("NOT RUN: the files of the nodes are not here (MEMORIA_CITUS_DATA)")

    def left() -> set[str]:
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {secrets[find.needle].label for find in scan(files, secrets).found}

    with Memoria(PostgresStore(place, embedder=EMBEDDER.card), EMBEDDER) as memory:
        store = memory.store
        assert isinstance(store, PostgresStore)
        made = [memory.namespace("n", str(n)).remember(f"they met {n} times on the bridge") for n in range(40)]
        secrets = store.secrets([one.id for one in made])
        for one in made:
            memory.forget(one.id)
        assert left() == {"vector fp16"}
        store.purge()
        assert left() == set()


@needs_citus
@pytest.mark.parametrize("point", ["keys synced", "rows committed", "keys zeroed"])
def test_a_kill_loses_nothing(place: str, tmp_path: Path, point: str) -> None:
    command = [sys.executable, "-m", "tests.crash_worker", place, str(tmp_path), "5", point, "4"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    with opened(place) as memory:
        memory.remember("and others go on")
        assert memory.doctor() == []


# -- without it --


def test_all_that_is_unique_can_be_told_on_one_node(database: str, server: Server) -> None:
    """Citus refuses an index that is to be unique and lacks the column by which a table is spread."""
    name = database.split("/")[3].split("?")[0]
    sql = (
        "SELECT c.relname || ' ' || string_agg(a.attname, ',') FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indisunique "
        "AND c.relnamespace = 'memoria'::regnamespace AND c.relkind = 'p' GROUP BY i.indexrelid, c.relname"
    )
    found = [line.split() for line in server.sql(sql, database=name).strip().splitlines()]
    assert {table for table, _ in found} == set(ROUTES)
    assert [(table, columns) for table, columns in found if ROUTES[table] not in columns.split(",")] == []


def test_tables_are_spread_beside_those_that_are_asked_with_them() -> None:
    said = [one for one in citus.distributing() if one.startswith("SELECT")]
    assert len(said) == len(ROUTES)
    for table, column in ROUTES.items():
        (mine,) = [one for one in said if f"('memoria.{table}', '{column}'" in one]
        first = {"tenant": "tenant", "id": "place", "alias": "prefix"}[column]
        assert ("shard_count" in mine) == (table == first)
        assert (f"colocate_with => 'memoria.{first}'" in mine) == (table != first)
        assert said.index(mine) >= next(at for at, one in enumerate(said) if f"('memoria.{first}'" in one)
