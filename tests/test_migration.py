"""A store that an older format wrote opens, keeps everything, fades, and is found by every filter.

`data/format1.tar.gz` was made by the code of commit e7f50df, the last that wrote format 1: five memories
`fact N of old` under ("app", "ada"), of which the first was forgotten. `data/format3.tar.gz` and
`data/postgres1.tar.gz` were made by that of commit d0110a1, the last that wrote format 3 of the local store and
format 1 in PostgreSQL (a dump, and the keys): under ("app", "ada") and ("app", "bob") six memories `fact N of NAME`
each, with session, speaker and metadata, of which the first was forgotten and two are in a gist.
`data/format4.tar.gz` was made by that of commit c010f1a, the last that wrote format 4: under ("app", "ada") a forgotten
memory, a brief one, and a page that ends with a vault code. `data/format5.tar.gz` was made by that of commit 4873824,
the last that wrote format 5: under ("app", "ada") the code of a gate, what superseded it, and the colour of the gate.
`data/format6.tar.gz` was made by that of commit ec59da4, the last that wrote format 6: under ("app", "ada") a
forgotten memory, guarded near, and two others; `test_ttl.py` opens it.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import memoria
from memoria.protocols import Change, Store
from memoria.stores.local.database import FORMAT
from memoria.stores.postgres import schema
from memoria.testing import BoundedEmbedder, HashEmbedder
from memoria.testing.postgres import Server
from memoria.types import Link, Where

EMBEDDER = HashEmbedder(16)
DATA = Path(__file__).with_name("data")
FILTERS = (
    Where(session="talk 0"),
    Where(speaker="speaker 1"),
    Where(session="talk 1", speaker="speaker 0"),
    Where(metadata={"flight.seat": "2A"}),
    Where(metadata={"flight.row": 3}),
    Where(metadata={"paid": False}),
    Where(metadata={"paid": True, "flight.row": 4}),
    Where(metadata={"paid": False, "flight.row": 4}),
    Where(namespace=("app", "bob"), session="talk 1", tags=("old",), metadata={"paid": True}),
    Where(metadata={"paid": None}),
)


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(DATA / f"{name}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return folder / name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return unpacked("format1", tmp_path)


@pytest.fixture(params=["local", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store is whose rows have no labels of session, speaker and metadata."""
    if request.param == "local":
        yield str(unpacked("format3", tmp_path))
        return
    server: Server = request.getfixturevalue("server")
    folder = unpacked("postgres1", tmp_path)
    url = server.database("old")
    with psycopg.connect(url) as connection:
        connection.execute((folder / "dump.sql").read_text().encode())
    yield f"{url}&keys={folder / 'keys'}"
    server.sql("DROP DATABASE old WITH (FORCE)")


def agrees(store: Store) -> None:
    """Every filter finds what the definition of a filter says, and these memories are met by most."""
    records = [one for one in store.read(store.select(Where())) if one is not None]
    assert len(records) == 8
    expected = [sorted(one.memory.id for one in records if where.matches(one.memory)) for where in FILTERS]
    assert [len(ids) for ids in expected] == [4, 6, 2, 2, 2, 6, 2, 0, 1, 0]
    assert [store.select(where) for where in FILTERS] == expected


def labels(place: str) -> list[Any]:
    """Every label that the store in a directory or in a database has."""
    if place.startswith("postgresql:"):
        with psycopg.connect(place.split("&keys")[0]) as connection:
            tenants = ",".join(path.stem for path in Path(place.split("keys=")[1]).glob("*/*.keys"))
            connection.execute("SELECT set_config('memoria.tenant', %s, false)", (tenants,))
            return connection.execute("SELECT tenant, hash, slot FROM memoria.label").fetchall()
    with sqlite3.connect(f"file:{place}/memoria.db?mode=ro", uri=True) as database:
        return database.execute("SELECT hash, row FROM label").fetchall()


def test_reading_alone_does_not_bring_it_up(path: Path) -> None:
    before = (path / "memoria.db").read_bytes()
    with pytest.raises(memoria.FormatTooOld, match="mode='rw'"):
        memoria.open(path, mode="r", embedder=EMBEDDER)
    assert (path / "memoria.db").read_bytes() == before


def test_format_1_is_brought_up(path: Path) -> None:
    with memoria.open(path, embedder=EMBEDDER) as memory:
        made = memory.list()
        assert [one.text for one in made] == [f"fact {n} of old" for n in range(1, 5)]
        assert [one.subject for one in made] == ["ada", None, "ada", None]
        assert made[0].created_at == datetime(2026, 1, 2, tzinfo=UTC)
        assert memory.stats().format == FORMAT
        assert memory.trace(made[0].id).start == made[0].created_at
        assert memory.doctor() == []
        assert memory.recall("fact 3 of old", k=1)[0].memory == made[2]
        assert memory.namespace("app", "ada").remember("fact 2 of old", key="k2") == made[1]
        memory.pin(made[0].id)
        assert memory.forget(subject="ada", tags=["old"], until=made[2].created_at).forgotten == (made[0].id,)
    with memoria.open(path, mode="r", embedder=EMBEDDER) as memory:
        assert memory.list() == made[1:]
        assert memory.doctor() == []


def test_it_fades_after_it_was_brought_up(path: Path) -> None:
    with memoria.open(path, embedder=EMBEDDER) as memory:
        kept = memory.list()[0]
        memory.pin(kept.id)
        memory.fade(datetime(2100, 1, 1, tzinfo=UTC))
        assert [hit.memory for hit in memory.recall("fact of old", k=9)] == [kept]


def test_old_rows_are_found_by_filters_that_they_had_no_labels_for(old: str) -> None:
    with pytest.raises(memoria.FormatTooOld, match="mode='rw'"):
        memoria.open(old, mode="r", embedder=EMBEDDER)
    before = labels(old)
    with memoria.open(old, embedder=EMBEDDER) as memory:
        agrees(memory.store)
        assert memory.stats().format == (schema.FORMAT if "keys=" in old else FORMAT)
        assert memory.doctor() == []
    assert set(before) < set(labels(old))
    with memoria.open(old, mode="r", embedder=EMBEDDER) as memory:
        agrees(memory.store)
    with memoria.open(old, embedder=EMBEDDER) as memory:
        memory.forget(*memory.store.select(Where()))
        memory.rebuild()
    assert labels(old) == []


def test_every_row_that_is_brought_up_names_its_labels(tmp_path: Path) -> None:
    path = unpacked("format3", tmp_path)
    with memoria.open(path, embedder=EMBEDDER):
        pass
    with sqlite3.connect(path / "memoria.db") as database:
        named = {
            (joined[at : at + 16], row)
            for row, joined in database.execute("SELECT row, labels FROM memory")
            for at in range(0, len(joined), 16)
        }
        assert named == set(labels(str(path)))
        assert database.execute("SELECT * FROM sqlite_master WHERE name = 'label_by_row'").fetchall() == []


def test_bringing_up_goes_on_where_it_was_killed(old: str) -> None:
    before = len(labels(old))
    command = [sys.executable, "-m", "tests.upgrade_worker", old]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], check=False)
    assert done.returncode == -signal.SIGKILL
    half = len(labels(old))
    # No reader takes what is half done for all there is.
    with pytest.raises(memoria.FormatTooOld, match="in part"):
        memoria.open(old, mode="r", embedder=EMBEDDER)
    with memoria.open(old, embedder=EMBEDDER) as memory:
        agrees(memory.store)
        assert memory.doctor() == []
    assert before < half < len(labels(old))
    with memoria.open(old, mode="r", embedder=EMBEDDER) as memory:
        agrees(memory.store)


@pytest.mark.parametrize("old", ["postgres"], indirect=True)
def test_a_process_of_an_older_memoria_writes_no_more_rows(old: str) -> None:
    """Its rows would have no labels, and a forget that asks for them would miss what it said."""
    memoria.open(old, embedder=EMBEDDER).close()
    with psycopg.connect(old.split("&keys")[0]) as connection:
        tenants = [path.stem for path in Path(old.split("keys=")[1]).glob("*/*.keys")]
        connection.execute("SELECT set_config('memoria.tenant', %s, false)", (",".join(tenants),))
        with pytest.raises(psycopg.errors.CheckViolation, match="every_slot_is_labelled"):
            connection.execute("UPDATE memoria.tenant SET version = version + 1, next_slot = next_slot + 1")


def test_long_texts_of_a_store_without_passages_get_them_from_a_reembed(tmp_path: Path) -> None:
    path = unpacked("format4", tmp_path)
    with pytest.raises(memoria.FormatTooOld, match="mode='rw'"):
        memoria.open(path, mode="r", embedder=EMBEDDER)
    with memoria.open(path, embedder=EMBEDDER) as memory:
        brief, page = memory.list()
        assert memory.stats().format == FORMAT
        assert memory.doctor() == []
        assert [record.passages for record in memory.store.read([brief.id, page.id]) if record is not None] == [
            None,
            None,
        ]
        memory.reembed(BoundedEmbedder(16))
        (found,) = memory.recall("the vault code is kept by Marguerite", k=1, vector_only=True)
        assert (found.memory, found.score > 0.9) == (page, True)
        assert found.passage is not None
        assert "Marguerite" in found.passage
        memory.forget(page.id)
        assert memory.doctor() == []
    with sqlite3.connect(path / "memoria.db") as database:
        assert database.execute("SELECT count(*) FROM passage").fetchone() == (0,)
        # As a later memoria would leave it: this one refuses.
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(memoria.FormatTooNew):
        memoria.open(path, embedder=BoundedEmbedder(16))


def test_a_database_of_format_2_gets_a_table_of_passages(server: Server, tmp_path: Path) -> None:
    url = f"{server.database('two')}&keys={tmp_path / 'keys'}"
    with memoria.open(url, embedder=BoundedEmbedder(16)) as memory:
        memory.remember("a fact of old")
    with psycopg.connect(url.split("&keys")[0]) as connection:
        connection.execute("DROP TABLE memoria.passage, memoria.lapse, memoria.period, memoria.chain, memoria.said")
        functions = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'memoria'::regnamespace"
        for (one,) in connection.execute(functions).fetchall():
            connection.execute(f"DROP FUNCTION {one}".encode())
        connection.execute("ALTER TABLE memoria.forgotten DROP COLUMN until")
        connection.execute("ALTER TABLE memoria.link DROP COLUMN weight, DROP COLUMN judge")
        connection.execute("DROP TABLE memoria.gone")
        connection.execute("DELETE FROM memoria.meta WHERE name LIKE 'forgets.%%'")
        connection.execute("UPDATE memoria.meta SET value = '2' WHERE name = 'format'")
    with pytest.raises(memoria.FormatTooOld):
        memoria.open(url, mode="r", embedder=BoundedEmbedder(16))
    with memoria.open(url, embedder=BoundedEmbedder(16)) as memory:
        page = memory.remember("the weather was mild and so on. " * 9 + "The vault code is kept by Marguerite.")
        assert memory.recall("the vault code kept", k=1, vector_only=True)[0].memory == page
        assert memory.stats().format == schema.FORMAT
    server.sql("DROP DATABASE two WITH (FORCE)")


def test_links_of_format_5_stay_and_doubts_come_beside_them(tmp_path: Path) -> None:
    path = unpacked("format5", tmp_path)
    with memoria.open(path, embedder=EMBEDDER) as memory:
        old, new, green = memory.list()
        (link,) = memory.store.links([old.id])
        assert (link.parent, link.child, link.relation, link.weight) == (old.id, new.id, "supersedes", None)
        doubt = Link(parent=new.id, child=green.id, relation="doubts", weight=1.5, judge="tests")
        memory.store.revise(Change(links=(doubt,)))
        assert memory.store.links([green.id]) == [doubt]
        memory.forget(new.id)
        assert memory.store.links([green.id, old.id]) == []
        assert memory.stats().format == FORMAT
        assert memory.doctor() == []
