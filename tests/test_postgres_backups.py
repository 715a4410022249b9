"""The server's own dumps: as whom, what is in them, and a restore after which what was forgotten stays forgotten."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.errors import Refused, StoreError
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server
from tests.crash_worker import EMBEDDER

_NUMBERS = itertools.count()
KEPT, GONE = "Ada takes her tea without any sugar at all", "The code of the garden gate is 7741 backwards"


def opened(place: str) -> Memoria:
    return Memoria(PostgresStore(place, embedder=EMBEDDER.card), EMBEDDER)


def parts(place: str) -> tuple[str, str]:
    """The name of the database, and what follows the URL."""
    return place.split("/")[3].split("?")[0], place.split("&")[1]


def rows(dump: str, table: str) -> int:
    """How many rows of a table and its partitions a dump in plain SQL has."""
    count, inside = 0, False
    for line in dump.splitlines():
        if line.startswith("COPY "):
            inside = line.split()[1].removeprefix("memoria.").split("_")[0] == table
        elif line == "\\.":
            inside = False
        elif inside:
            count += 1
    return count


@pytest.fixture
def backer(server: Server) -> Iterator[str]:
    """A role that may read all, and nothing else, as docs/scale.md says."""
    name = f"backer_{next(_NUMBERS)}"
    server.sql(f"CREATE ROLE {name} LOGIN BYPASSRLS")
    server.sql(f"GRANT pg_read_all_data TO {name}")
    yield name
    server.sql(f"DROP ROLE {name}")


def test_a_dump_by_the_role_of_the_application_is_refused_or_empty(database: str, server: Server) -> None:
    name, _ = parts(database)
    with opened(database) as memory:
        memory.remember(KEPT)
    with pytest.raises(StoreError, match="row-level security"):
        server.tool("pg_dump", "-d", server.url("memoria", name))
    # Asked for by name, the empty dump ends well: it is no backup.
    dump = server.tool("pg_dump", "--enable-row-security", "-d", server.url("memoria", name))
    assert rows(dump, "memory") == rows(dump, "tenant") == rows(dump, "place") == 0
    assert rows(dump, "meta") > 0


def test_the_drill(database: str, server: Server, backer: str, tmp_path: Path) -> None:
    """A dump in the night, a forget in the morning, the server is lost at noon; the keys are not."""
    name, keys = parts(database)
    with opened(database) as memory:
        kept, gone = memory.remember(KEPT), memory.remember(GONE)
        dump = server.tool("pg_dump", "-d", server.url(backer, name))
        assert rows(dump, "memory") == 2
        assert KEPT not in dump
        memory.forget(gone.id)
    place = f"{restored(server, dump)}&{keys}"
    with opened(place) as memory:
        assert [one.text for one in memory.list()] == [KEPT]
        assert memory.get(kept.id).text == KEPT
        assert [problem for problem in memory.doctor() if "has no key" in problem] != []
        memory.rebuild()
        assert memory.doctor() == []
        assert [one.text for one in memory.list()] == [KEPT]
        with pytest.raises(Refused):
            memory.remember(GONE)
        memory.remember("and it goes on from there")
    server.sql(f"DROP DATABASE {parts(place)[0]} WITH (FORCE)")


def test_keys_of_the_night_bring_back_what_was_forgotten_unless_they_are_told(
    database: str, server: Server, backer: str, tmp_path: Path
) -> None:
    """An old copy of the keys remembers; `memoria backup`, with the forget log, does not."""
    name, keys = parts(database)
    folder = Path(keys.removeprefix("keys="))
    with opened(database) as memory:
        memory.remember(KEPT)
        gone = memory.remember(GONE)
        dump = server.tool("pg_dump", "-d", server.url(backer, name))
        subprocess.run(["cp", "-r", folder, tmp_path / "old"], check=True)
        memoria.backup(memory, tmp_path / "night")
        memory.forget(gone.id)
        memoria.export_forgets(memory, tmp_path / "forgets")
    old = f"{restored(server, dump)}&keys={tmp_path / 'old'}"
    with opened(old) as memory:
        assert {one.text for one in memory.list()} == {KEPT, GONE}
    empty = f"{server.database(f'restored_{next(_NUMBERS)}')}&keys={tmp_path / 'new'}"
    memoria.restore(tmp_path / "night", empty, apply_forgets=tmp_path / "forgets", embedder=EMBEDDER)
    with opened(empty) as memory:
        assert [one.text for one in memory.list()] == [KEPT]
        assert memory.doctor() == []
        with pytest.raises(Refused):
            memory.remember(GONE)
    for place in (old, empty):
        server.sql(f"DROP DATABASE {parts(place)[0]} WITH (FORCE)")


def restored(server: Server, dump: str) -> str:
    """The URL of a new database, made from a dump by the owner of the server."""
    name = f"restored_{next(_NUMBERS)}"
    server.sql(f"CREATE DATABASE {name} OWNER memoria")
    path = server.folder / f"{name}.sql"
    path.write_text(dump)
    path.chmod(0o644)
    server.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.url("postgres", name), "-f", path)
    path.unlink()
    return server.url("memoria", name)
