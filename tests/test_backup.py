"""Backups: what was forgotten is forgotten in them too, a kill at any step loses nothing, and restores are whole."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.engine.memory import Memoria
from memoria.errors import (
    BackupUnfinished,
    ForgetsForged,
    ForgetsMissing,
    InvalidQuery,
    Refused,
    RestoreUnfinished,
    StoreCorrupt,
    StoreError,
    StoreExists,
    StoreNotFound,
)
from memoria.forget.residue import scan
from memoria.stores import InMemoryStore
from memoria.stores.disk import Disk
from memoria.stores.forgets import KeepsForgets
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server
from memoria.transfer.backup.verbs import backed, restored
from memoria.types import Memory, Secret
from tests.test_disk import _unshared, needs_mount
from tests.test_settled_crash import Counting, forked

EMBEDDER = HashEmbedder(16)


def opened(place: str | Path) -> Memoria:
    return memoria.open(place, embedder=EMBEDDER, reinforce="never")


def leaves(memory: Memoria) -> dict[str, tuple[Any, ...]]:
    """What each memory says, by id; parts of gists are memories."""
    found: dict[str, Memory] = {part.id: part for one in memory.list() for part in one.parts or (one,)}
    return {id: (one.namespace, one.text, one.subject, one.tags) for id, one in found.items()}


def content(place: str | Path) -> dict[str, tuple[Any, ...]]:
    with opened(place) as memory:
        assert memory.doctor() == []
        return leaves(memory)


def secrets(memory: Memoria, ids: list[str]) -> list[Secret]:
    """Keys, vectors and texts of memories, as far as they are rows of their own."""
    rows = {one.id for one in memory.list()}
    return [one for one in memory.store.secrets([id for id in ids if id in rows]) if len(one.data) >= 8]


def nowhere(folder: Path, needles: list[Secret]) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert scan(files, needles).found == ()


def fill(memory: Memoria) -> list[str]:
    home = memory.namespace("home")
    ids = [home.remember(f"the number of box {n} is {n * n + 17}", subject=f"box {n}").id for n in range(8)]
    home.consolidate(ids[5], ids[6], ids[7])
    memory.namespace("work").remember("the gate of the works opens at noon")
    return ids


def change(memory: Memoria, ids: list[str]) -> list[Secret]:
    """Forgets in every way, and adds; returns what must be nowhere then."""
    home = memory.namespace("home")
    gone = secrets(memory, [ids[0], ids[1], ids[2], *(one.id for one in memory.namespace("work").list())])
    home.forget(ids[0])
    home.forget(subject="box 1", guard="none")
    home.amend(ids[2], text="the lid of the box is green all over")
    home.forget(ids[6])
    memory.namespace("work").forget(namespace=())
    home.remember_many([f"a later word about shelf {n} and its books" for n in range(4)])
    home.consolidate(ids[3], ids[4])
    return gone


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "a.memoria"


# -- the drill --


@pytest.mark.parametrize("kind", ["directory", "server"])
def test_the_disk_is_lost_and_nothing_forgotten_returns_and_nothing_else_is_lost(
    kind: str, tmp_path: Path, server: Server, database: str
) -> None:
    place = database if kind == "server" else str(tmp_path / "a.memoria")
    log, copy = tmp_path / "log", tmp_path / "copy"
    with opened(place) as memory:
        ids = fill(memory)
        memoria.backup(memory, copy)
        before = leaves(memory)
        change(memory, ids)
        after = leaves(memory)
        assert memoria.export_forgets(memory, log) > 0
    new = str(tmp_path / "new")
    if kind == "server":
        new = f"{server.database('drill')}&keys={tmp_path / 'new'}"
    done = memoria.restore(copy, new, apply_forgets=log, embedder=EMBEDDER)
    assert done.forgotten is not None
    with opened(new) as memory:
        assert memory.doctor() == []
        assert leaves(memory) == {id: one for id, one in before.items() if after.get(id) == one}
        assert {ids[3], ids[4], ids[5], ids[7]} == set(leaves(memory))
        # What is forgotten is refused, with guard="none" it is not.
        home = memory.namespace("home")
        with pytest.raises(Refused):
            home.remember("The number of box 0 is 17", subject="box 0")
        home.remember("the number of box 1 is 18", subject="box 1")
        assert all(hit.memory.id not in ids[:3] for hit in memory.recall("the number of box 0", k=20))
    again = memoria.backup(new, copy)
    assert again.number == 2


# -- killed at every step --


def killed(work: Callable[[Disk], object], folder: Path, point: int) -> bool:
    """Whether a process that does this died at a point; at none it came to its end."""
    folder.mkdir(exist_ok=True)
    status = forked(lambda: work(Counting(folder, point)))
    assert status in (-signal.SIGKILL, 0), status
    return status != 0


def points(work: Callable[[Disk], object], folder: Path) -> int:
    """How many writes, syncs and named points work has."""
    disk = Counting(folder, 0)
    work(disk)
    return disk.at


def test_a_first_backup_that_is_killed_says_so_and_goes_on(store: Path, tmp_path: Path) -> None:
    with opened(store) as memory:
        fill(memory)
        wanted = leaves(memory)
    count = points(lambda disk: backed(store, tmp_path / "whole", disk), tmp_path)
    copy = tmp_path / "copy"
    for point in range(1, count + 1):
        # What the one before has copied is not copied again, so some come to their end.
        killed(lambda disk: backed(store, copy, disk), tmp_path / "journal", point)
        try:
            memoria.restore(copy, tmp_path / "new")
        except BackupUnfinished:
            assert not (tmp_path / "new").exists()
        else:
            assert content(tmp_path / "new") == wanted
            shutil.rmtree(tmp_path / "new")
        if point % 9 == 0:
            shutil.rmtree(copy)
    memoria.backup(store, copy)
    assert memoria.verify_backup(copy).settled


def test_a_backup_that_is_killed_is_the_last_or_the_next_and_goes_on(store: Path, tmp_path: Path) -> None:
    with opened(store) as memory:
        ids = fill(memory)
        before = leaves(memory)
        memoria.backup(memory, tmp_path / "first")
        gone = change(memory, ids)
        after = leaves(memory)
    shutil.copytree(tmp_path / "first", tmp_path / "whole")
    count = points(lambda disk: backed(store, tmp_path / "whole", disk), tmp_path)
    # Of what an interrupted backup has forgotten already nothing is wanted back.
    kept = {id: one for id, one in before.items() if id not in (ids[0], ids[1])}
    seen = set()
    for point in range(1, count + 1):
        copy, new = tmp_path / "copy", tmp_path / "new"
        shutil.copytree(tmp_path / "first", copy)
        assert killed(lambda disk, copy=copy: backed(store, copy, disk), tmp_path / "journal", point)  # type: ignore[misc]
        memoria.verify_backup(copy)
        number = memoria.restore(copy, new).number
        found = content(new)
        assert kept.items() <= found.items() <= before.items() if number == 1 else found == after, point
        seen.add((number, found == before))
        shutil.rmtree(new)
        if point % 3 == 0:
            assert memoria.backup(store, copy).number == number + (number == 1 or point < count)
            assert memoria.restore(copy, new).number >= 2
            assert content(new) == after
            nowhere(copy, gone)
            shutil.rmtree(new)
        shutil.rmtree(copy)
    assert {number for number, _ in seen} == {1, 2}


def test_a_restore_that_is_killed_opens_nothing_and_is_repeated(store: Path, tmp_path: Path) -> None:
    copy, log = tmp_path / "copy", tmp_path / "log"
    with opened(store) as memory:
        ids = fill(memory)
        memoria.backup(memory, copy)
        before = leaves(memory)
        gone = change(memory, ids)
        after = leaves(memory)
        memoria.export_forgets(memory, log)
    wanted = {id: one for id, one in before.items() if after.get(id) == one}
    new = tmp_path / "new"

    def work(disk: Disk) -> object:
        return restored(copy, new, disk, apply_forgets=log, embedder=EMBEDDER)

    count = points(work, tmp_path)
    shutil.rmtree(new)
    for point in range(1, count + 1):
        assert killed(work, tmp_path / "journal", point)
        if (new / "restoring").exists():
            for mode in ("r", "rw"):
                with pytest.raises(RestoreUnfinished):
                    memoria.open(new, mode=mode, embedder=EMBEDDER)  # type: ignore[arg-type]
            with pytest.raises(InvalidQuery, match="another restore"):
                memoria.restore(copy, new)
            if point % 5:
                continue
            work(Disk())
        if (new / "memoria.db").exists():
            assert content(new) == wanted
            nowhere(new, gone)
        shutil.rmtree(new)


def test_a_restore_into_a_server_that_is_killed_is_repeated(database: str, server: Server, tmp_path: Path) -> None:
    copy, log = tmp_path / "copy", tmp_path / "log"
    with opened(database) as memory:
        ids = fill(memory)
        memoria.backup(memory, copy)
        change(memory, ids)
        after = leaves(memory)
        memoria.export_forgets(memory, log)
    new = f"{server.database('killed')}&keys={tmp_path / 'new'}"

    def work(disk: Disk) -> object:
        return restored(copy, new, disk, apply_forgets=log, embedder=EMBEDDER)

    for point in (1, 9, 40, 80, 110):
        if killed(work, tmp_path / "journal", point) and (tmp_path / "new" / "restoring").exists():
            with pytest.raises(RestoreUnfinished):
                opened(new)
    if not (tmp_path / "new" / "root.key").exists() or (tmp_path / "new" / "restoring").exists():
        work(Disk())
    assert set(content(new)) == {ids[3], ids[4], ids[5], ids[7]} <= set(after)
    assert not (tmp_path / "new" / "copied").exists()
