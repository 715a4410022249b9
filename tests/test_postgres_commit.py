"""A forget destroys keys while the server commits that they must go: what is left when one of the two fails."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.errors import MemoryNotFound, Refused, StoreError
from memoria.stores.disk import Disk
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import running
from tests.crash_worker import EMBEDDER
from tests.test_postgres_locks import store_of

TEXT = "the spy met the ambassador on the old bridge at midnight"
OTHER = "the ambassador has a boat on the lake"


class Seam(Disk):
    """The real disk, until `zeroed` is to be called when keys are, or the next `failures` writes fail."""

    zeroed: Callable[[], object] | None = None
    failures = 0

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EIO, "the disk is broken")
        super().write(fd, data, offset)

    def reached(self, point: str) -> None:
        if point == "zero synced" and self.zeroed is not None:
            self.zeroed()


@pytest.fixture
def disk() -> Seam:
    return Seam()


def opened(url: str, disk: Disk | None = None) -> Memoria:
    return Memoria(PostgresStore(url, embedder=EMBEDDER.card, disk=disk), EMBEDDER)


@pytest.fixture
def memory(database: str, disk: Seam) -> Iterator[Memoria]:
    with opened(database, disk) as made:
        yield made


def at_commit(memory: Memoria, act: str, *, deferred: bool = True) -> None:
    """Lets the server do this at each commit that enters something as forgotten; or at once."""
    when = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    with store_of(memory)._cluster.connection() as raw:
        raw.execute(
            "CREATE FUNCTION memoria.stopped() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {act}; RETURN NULL; END $$".encode()
        )
        raw.execute(
            f"CREATE CONSTRAINT TRIGGER stopped AFTER INSERT ON memoria.gone {when} "
            "FOR EACH ROW EXECUTE FUNCTION memoria.stopped()".encode()
        )


def as_before(memory: Memoria) -> None:
    with store_of(memory)._cluster.connection() as raw:
        raw.execute(b"DROP TRIGGER stopped ON memoria.gone")


def rows(memory: Memoria) -> int:
    """How many rows there are, live or not."""
    store = store_of(memory)
    with store._cluster.transaction() as connection:
        store._tenants(connection, ())
        ((number,),) = connection.execute("SELECT count(*) FROM memory").fetchall()
        return int(number)


def is_buried(memory: Memoria, kept: memoria.Memory, gone: memoria.Memory) -> None:
    """After the next write, nothing is left of what was forgotten but that it is refused."""
    with pytest.raises(MemoryNotFound):
        memory.get(gone.id)
    later = memory.remember("written after it")
    assert rows(memory) == 2
    with pytest.raises(Refused):
        memory.remember(TEXT)
    assert {one.id for one in memory.list()} == {kept.id, later.id}
    assert memory.get(kept.id).text == OTHER
    assert memory.doctor() == []


def test_keys_go_while_the_server_commits(memory: Memoria, database: str, disk: Seam) -> None:
    kept, gone = memory.remember(OTHER), memory.remember(TEXT)
    at_commit(memory, "PERFORM pg_sleep(0.5)")
    seen = list[int]()
    with opened(database) as other:
        disk.zeroed = lambda: seen.append(rows(other))
        memory.forget(gone.id)
        assert (seen, rows(other)) == ([2], 1)
    assert memory.doctor() == []
    assert memory.get(kept.id).text == OTHER


def test_nothing_is_destroyed_where_the_server_refuses(memory: Memoria) -> None:
    kept, gone = memory.remember(OTHER), memory.remember(TEXT)
    at_commit(memory, "RAISE EXCEPTION 'no'", deferred=False)
    with pytest.raises(StoreError):
        memory.forget(gone.id)
    assert {memory.get(one.id).text for one in (kept, gone)} == {TEXT, OTHER}
    as_before(memory)
    memory.forget(gone.id)
    is_buried(memory, kept, gone)


@pytest.mark.parametrize("many", [False, True])
def test_what_is_not_committed_after_all_is_buried(memory: Memoria, many: bool) -> None:
    kept, gone = memory.remember(OTHER), memory.remember(TEXT)
    others = [memory.remember(f"{TEXT}, {n}").id for n in range(2 * many)]
    at_commit(memory, "RAISE EXCEPTION 'no'")
    with pytest.raises(StoreError):
        memory.forget(gone.id, *others)
    assert rows(memory) == 2 + len(others)
    as_before(memory)
    is_buried(memory, kept, gone)


def test_a_server_that_dies_in_the_commit(tmp_path: Path, disk: Seam) -> None:
    keys = f"&keys={tmp_path / 'keys'}"
    with running(fsync=False) as server, opened(server.database("dies") + keys, disk) as memory:
        kept, gone = memory.remember(OTHER), memory.remember(TEXT)
        at_commit(memory, "PERFORM pg_sleep(30)")
        disk.zeroed = server.kill
        with pytest.raises(StoreError):
            memory.forget(gone.id)
        disk.zeroed = None
        server.start()
        as_before(memory)
        is_buried(memory, kept, gone)


@pytest.mark.parametrize("failures", [1, 2])
def test_keys_that_cannot_be_destroyed_at_once(memory: Memoria, disk: Seam, failures: int) -> None:
    """Tried again when it is written down that they must go; and should that fail too, by whoever reads next."""
    kept, gone = memory.remember(OTHER), memory.remember(TEXT)
    disk.failures = failures
    if failures == 1:
        memory.forget(gone.id)
    else:
        with pytest.raises(StoreError):
            memory.forget(gone.id)
        assert {one.id for one in memory.list()} == {kept.id}
    assert disk.failures == 0
    assert store_of(memory)._keys.get(store_of(memory)._tenant_for(()), [1]) == [None]
    is_buried(memory, kept, gone)
