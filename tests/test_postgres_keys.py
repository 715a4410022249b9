"""Providers of keys through one door; keys in a second database, and its replica."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest

from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, StoreCorrupt, StoreError
from memoria.forget.residue import scan
from memoria.stores import unlocking
from memoria.stores.disk import Disk
from memoria.stores.postgres import DatabaseKeys, DirectoryKeys, KeyProvider, PostgresStore
from memoria.stores.postgres.sealed_keys import SealedDirectoryKeys, keys_in
from memoria.stores.wrapping import as_wrapper
from memoria.testing.keys import TENANT, KeyProviderConformance
from memoria.testing.postgres import Server, running
from memoria.types import Secret
from tests.crash_worker import EMBEDDER
from tests.waiting import until

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def vault() -> Iterator[Server]:
    """A server of its own that waits for its disk, as one of keys has to."""
    with running() as made:
        yield made


@pytest.fixture
def place(vault: Server) -> Iterator[str]:
    """The URL of an empty database of keys."""
    name = f"keys_{next(_NUMBERS)}"
    yield vault.database(name, user="keeper")
    vault.sql(f"DROP DATABASE {name} WITH (FORCE)")


class TestDirectory(KeyProviderConformance):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], KeyProvider]:
        return lambda: DirectoryKeys(tmp_path / "keys")


class TestSealedDirectory(KeyProviderConformance):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], KeyProvider]:
        wrapper = as_wrapper("ab" * 32)
        return lambda: keys_in(tmp_path / "keys", wrapper, Disk(), make=True)


class TestDatabase(KeyProviderConformance):
    @pytest.fixture
    def opened(self, place: str) -> Iterator[Callable[[], KeyProvider]]:
        made: list[DatabaseKeys] = []

        def opened() -> KeyProvider:
            made.append(DatabaseKeys(place))
            return made[-1]

        yield opened
        for one in made:
            one.close()


def test_a_file_that_grows_under_two_keeps_what_both_put(tmp_path: Path) -> None:
    """One has measured the file; before its zeros are written, another may put: it has to wait, or is written over."""
    other = DirectoryKeys(tmp_path / "keys")
    theirs, ours = [b"\x01" * 32], [b"\x02" * 32]
    putting = Thread(target=lambda: other.put(TENANT, 20, theirs))

    class Slow(Disk):
        def write(self, fd: int, data: bytes, offset: int) -> None:
            if not any(data) and not putting.ident:
                putting.start()
                putting.join(0.5)
            super().write(fd, data, offset)

    other.root(make=True)
    other.create(TENANT)
    DirectoryKeys(tmp_path / "keys", disk=Slow()).put(TENANT, 16, ours)
    putting.join()
    assert other.get(TENANT, [16, 20]) == ours + theirs


def test_the_sealed_one_is_sealed(tmp_path: Path) -> None:
    keys = keys_in(tmp_path / "keys", as_wrapper("ab" * 32), Disk(), make=True)
    assert isinstance(keys, SealedDirectoryKeys)
    assert unlocking.is_sealed(tmp_path / "keys")


def test_a_store_with_keys_in_a_database(database: str, place: str, vault: Server) -> None:
    """Chosen by URL; what is destroyed leaves bytes in the files of that server until a purge, and none after it."""
    url = f"{database.split('&keys')[0]}&keys={quote(place, safe='')}"
    with Memoria(PostgresStore(url, embedder=EMBEDDER.card), EMBEDDER) as memory:
        store = memory.store
        assert isinstance(store, PostgresStore)
        kept, gone = memory.remember("they met on the bridge"), memory.remember("they never met")
        erased = memory.namespace("b").remember("gone with its namespace")
        secrets = [one for one in store.secrets([gone.id, erased.id]) if one.label == "key"]
        mine = [one for one in store.secrets([kept.id]) if one.label == "key"]
        memory.forget(gone.id)
        memory.forget(namespace=("b",))
        assert [one.text for one in memory.list()] == [kept.text]
        assert found(vault, secrets) == {0, 1}
        store.purge()
        assert found(vault, secrets) == set()
        assert found(vault, mine) == {0}
        assert memory.doctor() == []
    with Memoria(PostgresStore(url, embedder=EMBEDDER.card), EMBEDDER) as memory:
        assert memory.get(kept.id).text == kept.text


def found(server: Server, secrets: list[Secret]) -> set[int]:
    """Which are in the files of a server, its log included."""
    files = [path for path in server.data.rglob("*") if path.is_file()]
    return {find.needle for find in scan(files, secrets).found}


def test_keys_of_another_store_are_refused(database: str, place: str, vault: Server) -> None:
    plain = database.split("&keys")[0]
    PostgresStore(f"{plain}&keys={quote(place, safe='')}", embedder=EMBEDDER.card).close()
    other = vault.database(f"keys_{next(_NUMBERS)}", user="keeper")
    with pytest.raises(StoreCorrupt, match="database of keys"):
        PostgresStore(f"{plain}&keys={quote(other, safe='')}", embedder=EMBEDDER.card)
    with pytest.raises(InvalidQuery, match="unlock"):
        PostgresStore(f"{plain}&keys={quote(place, safe='')}", embedder=EMBEDDER.card, unlock="ab" * 32)


def test_a_server_that_does_not_wait_for_its_disk_is_refused(server: Server) -> None:
    with pytest.raises(StoreError, match="fsync = off"):
        DatabaseKeys(server.url("postgres", "postgres"))


def test_what_is_destroyed_is_gone_from_the_replica_when_destroy_returns(place: str, vault: Server) -> None:
    """The primary of the keys is killed right after it: its standby does not know the key, and knows the others."""
    name = place.split("/")[3].split("?")[0]
    folder = Path(tempfile.mkdtemp(prefix="memoria-pg-"))
    keys = DatabaseKeys(place)
    keys.root(make=True)
    keys.create(TENANT)
    standby = vault.standby(folder)
    standby.start()
    try:
        vault.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        vault.sql("SELECT pg_reload_conf()")
        until(lambda: vault.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").strip() == "1")
        made = [bytes([n + 1]) * 32 for n in range(20)]
        for number in range(20):
            keys.put(TENANT, number, made[number : number + 1])
            if number % 2:
                keys.destroy(TENANT, [number])
        vault.kill()
        standby.promote()
        # As a standby it would wait for one of its own.
        standby.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        standby.sql("SELECT pg_reload_conf()")
        after = DatabaseKeys(standby.url("keeper", name))
        assert after.get(TENANT, range(20)) == [None if n % 2 else key for n, key in enumerate(made)]
        after.close()
    finally:
        keys.close()
        standby.abandon()
        shutil.rmtree(folder, ignore_errors=True)
        vault.start()
        vault.sql("ALTER SYSTEM RESET synchronous_standby_names")
        vault.sql("SELECT pg_reload_conf()")
