"""Nothing of what was forgotten in PostgreSQL: texts and keys at once, vectors and the log once it is purged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memoria.engine.memory import Memoria
from memoria.errors import Refused, StoreCorrupt, StoreError, StoreLocked
from memoria.forget.residue import scan, text_secrets
from memoria.remember import Draft
from memoria.stores.guardkey import Outside, as_guard_key
from memoria.stores.postgres import PostgresStore, rewriting
from memoria.testing import BoundedEmbedder, HashEmbedder
from memoria.testing.postgres import Server
from memoria.types import Provenance, Secret, Where

EMBEDDER = HashEmbedder(384)
NAMED = ("subject", "session", "speaker", "seat", "path")


def labels(store: PostgresStore, secrets: list[Secret]) -> list[str]:
    """Kinds of what a scan of keys and of the whole data directory finds, the log included."""
    return sorted(secrets[needle].label for needle in {find.needle for find in scan(store.files(), secrets).found})


def test_nothing_of_two_hundred_forgotten_memories_stands_in_the_data_directory(database: str, server: Server) -> None:
    store = PostgresStore(database, embedder=EMBEDDER.card, data=server.data)
    with Memoria(store, EMBEDDER) as memory:
        vectors = np.random.default_rng(0).standard_normal((400, 384))
        said = [
            Draft(
                text=f"secret number {n} of person {n * 7919}",
                vector=vector,
                subject=f"subject of {n * 7919}",
                provenance=Provenance(session=f"session of {n * 7919}", speaker=f"speaker of {n * 7919}"),
                metadata={"flight": {"seat": f"seat of {n * 7919}", f"path of {n * 7919}": n}},
            )
            for n, vector in enumerate(vectors)
        ]
        ids = [one.id for one in memory.namespace("app", "a name of its own").remember_many(said)]
        gone, kept = ids[::2], ids[1::2]
        secrets, live = store.secrets(gone), store.secrets(kept)
        names = [
            secret
            for text in ("a name of its own", *(f"{what} of {n * 7919}" for n in range(400) for what in NAMED))
            for secret in text_secrets(text)
        ]
        one = Where(session="session of 0", speaker="speaker of 0", metadata={"flight.path of 0": 0})
        assert store.select(one) == gone[:1]
        memory.forget(*gone[:180])
        for id in gone[180:]:
            memory.forget(id)
        # At once: what is left is what the server compares by, and no text without its key.
        assert set(labels(store, secrets)) == {"vector fp16"}
        assert memory.recall("secret number 0 of person 0", k=400)[0].memory.id in kept
        store.purge()
        assert len(secrets) == 1000
        assert labels(store, [*secrets, *names]) == []
        # Live vectors and keys prove that the scanner knows them; a live text stands nowhere either.
        found = labels(store, live)
        assert (found.count("key"), found.count("vector fp16"), found.count("text")) == (200, 200, 0)
        assert memory.doctor() == []
        receipt = memory.forget(namespace=("app",))
        assert receipt.namespaces == 1
        assert not set(labels(store, live)) - {"vector fp16"}
        store.purge()
        assert labels(store, live) == []


def test_nothing_of_forgotten_passages_stands_in_the_data_directory(database: str, server: Server) -> None:
    embedder = BoundedEmbedder(384)
    store = PostgresStore(database, embedder=embedder.card, data=server.data)
    with Memoria(store, embedder) as memory:
        said = [" ".join(f"Line {at} of {n} says {n * 7919 + at}." for at in range(9)) for n in range(20)]
        ids = [one.id for one in memory.remember_many(said)]
        gone, kept = ids[::2], ids[1::2]
        secrets, live = store.secrets(gone), store.secrets(kept)
        assert len([one for one in secrets if one.label == "vector fp16"]) >= 3 * len(gone)
        memory.forget(*gone)
        assert set(labels(store, secrets)) == {"vector fp16"}
        store.purge()
        assert labels(store, secrets) == []
        # Live ones prove that the scanner knows vectors of passages.
        vectors = [one for one in live if one.label == "vector fp16"]
        assert len(labels(store, live)) == len(kept) + len(vectors)


def test_content_is_unreadable_at_once_and_a_row_that_comes_back_stays_dead(database: str, server: Server) -> None:
    """A backup that is older than the forget brings the row back; nothing shows it, and rebuild buries it."""
    name = _name(database)
    store = PostgresStore(database, embedder=EMBEDDER.card)
    with Memoria(store, EMBEDDER) as memory:
        one, other = memory.remember_many(["they met on the bridge", "they never met"])
        server.sql(f"SET search_path = memoria; {_tables('CREATE TABLE kept_{0} AS TABLE {0}')}", database=name)
        memory.forget(one.id)
        server.sql(
            f"SET search_path = memoria; {_tables('INSERT INTO {0} SELECT * FROM kept_{0} WHERE slot = 0')}",
            database=name,
        )
        assert [found.id for found in memory.list()] == [other.id]
        assert [hit.memory.id for hit in memory.recall("the bridge")] == [other.id]
        assert (len(memory), len(store.holdings(())[0])) == (1, 1)
        assert store.due((), one.created_at.replace(year=2100), 9) == store.due(
            (), one.created_at.replace(year=2100), 1
        )
        assert memory.doctor() == [problem for problem in memory.doctor() if "has no key" in problem] != []
        memory.rebuild()
        assert memory.doctor() == []
        assert server.sql("SELECT count(*) FROM memoria.memory", database=name).strip() == "1"


@pytest.mark.parametrize("outside", [False, True])
def test_what_was_forgotten_since_a_backup_is_refused_once_that_is_rebuilt(
    database: str, server: Server, outside: bool
) -> None:
    """The backup has neither the fingerprint nor the line of the log: the row that comes back has what is needed."""
    name, key = _name(database), Outside(key=as_guard_key(bytes(range(32)))) if outside else None
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card, outside=key), EMBEDDER) as memory:
        home = memory.namespace("a")
        gone, kept, brief = home.remember_many(
            ["the spy met the ambassador on the old bridge at midnight", "they never met at all", "no"]
        )
        amended = home.remember("they danced on the old bridge")
    server.database("restored_" + name, template=name)
    keys = database.split("&keys=")[1]
    with Memoria(PostgresStore(database, embedder=EMBEDDER.card, outside=key), EMBEDDER) as memory:
        memory.namespace("a").forget(gone.id, brief.id)
        memory.amend(amended.id, salience=0.9)
    back = f"{server.url('memoria', 'restored_' + name)}&keys={keys}"
    with Memoria(PostgresStore(back, embedder=EMBEDDER.card, outside=key), EMBEDDER) as memory:
        home = memory.namespace("a")
        memory.rebuild()
        assert [one.id for one in home.list()] == [kept.id]
        with pytest.raises(Refused):
            home.remember("The spy met the ambassador on the old bridge at midnight")
        assert home.remember("no").text == "no"
        assert home.remember("the spy met the ambassador on the old bridge at midnight", readmit=True).text.startswith(
            "the spy"
        )
    server.sql(f"DROP DATABASE restored_{name} WITH (FORCE)")


def _tables(statement: str) -> str:
    return "; ".join(statement.format(table) for table in ("place", "memory", "trace"))


def test_purge_says_so_when_a_transaction_holds_what_it_has_to_swap(
    database: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    plain = database.split("&keys")[0]
    store = PostgresStore(database, embedder=EMBEDDER.card, data=server.data)
    with Memoria(store, EMBEDDER) as memory, psycopg.connect(plain) as reader:
        one = memory.remember("they met on the bridge by night")
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM memoria.memory")
        secrets = store.secrets([one.id])
        memory.forget(one.id)
        monkeypatch.setattr(rewriting, "_TRIES", 2)
        with pytest.raises(StoreLocked, match="a transaction that is open holds it"):
            store.purge()
        # Nothing of the attempt is left, and others went on.
        assert (
            server.sql("SELECT count(*) FROM pg_class WHERE relname ~ 'fresh|changed'", database=_name(database))
            == "0\n"
        )
        memory.remember("they parted at the gate")
        assert labels(store, secrets) != []
        reader.rollback()
        store.purge()
        assert labels(store, secrets) == []
        assert [found.text for found in memory.list()] == ["they parted at the gate"]


def test_purge_refuses_a_server_that_recycles_its_log(database: str, server: Server) -> None:
    server.sql(f"ALTER DATABASE {_name(database)} SET wal_recycle = on")
    store = PostgresStore(database, embedder=EMBEDDER.card)
    with Memoria(store, EMBEDDER), pytest.raises(StoreError, match="ALTER SYSTEM SET wal_recycle = off"):
        store.purge()


def test_keys_of_another_store_are_refused(database: str, tmp_path: Path) -> None:
    PostgresStore(database, embedder=EMBEDDER.card).close()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "root.key").write_bytes(bytes(32))
    for folder in ("other", "nothing"):
        with pytest.raises(StoreCorrupt, match="keys"):
            PostgresStore(f"{database.split('&keys')[0]}&keys={tmp_path / folder}", embedder=EMBEDDER.card)
    assert not (tmp_path / "nothing").exists()


def _name(database: str) -> str:
    """Of the database in a URL."""
    return database.split("/")[3].split("?")[0]
