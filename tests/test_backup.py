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
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memoria
from memoria.change.consolidate import plain
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
from memoria.forget.erase import Guard
from memoria.forget.residue import scan
from memoria.stores import InMemoryStore
from memoria.stores.disk import Disk
from memoria.stores.forgets import KeepsForgets
from memoria.stores.local.still import still
from memoria.testing import HashEmbedder
from memoria.testing.postgres import Server
from memoria.text.fingerprints import Statement
from memoria.transfer.backup.verbs import backed, restored
from memoria.types import Memory, Secret
from tests.test_disk import _unshared, needs_mount
from tests.test_migration import unpacked
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


def backed_up_and_changed(
    place: str | Path, copy: Path
) -> tuple[list[str], dict[str, Any], list[Secret], dict[str, Any]]:
    """Ids, what there was when it was backed up, what must be nowhere since, and what there is now."""
    with opened(place) as memory:
        ids = fill(memory)
        before = leaves(memory)
        memoria.backup(memory, copy)
        gone = change(memory, ids)
        return ids, before, gone, leaves(memory)


def test_a_backup_that_is_killed_is_the_last_or_the_next_and_goes_on(store: Path, tmp_path: Path) -> None:
    ids, before, gone, after = backed_up_and_changed(store, tmp_path / "first")
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
            assert memoria.backup(store, copy).number == number + 1
            assert memoria.restore(copy, new).number >= 2
            assert content(new) == after
            nowhere(copy, gone)
            shutil.rmtree(new)
        shutil.rmtree(copy)
    assert {number for number, _ in seen} == {1, 2}


def test_a_backup_of_a_server_that_is_killed_is_the_last_or_the_next_and_goes_on(database: str, tmp_path: Path) -> None:
    """At some thirty points: each writes a working copy, and that is backed up as any directory is."""
    ids, before, gone, after = backed_up_and_changed(database, tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "whole")
    count = points(lambda disk: backed(database, tmp_path / "whole", disk), tmp_path)
    kept = {id: one for id, one in before.items() if id not in (ids[0], ids[1])}
    numbers = set()
    for point in sorted({*range(1, count + 1, max(1, count // 30)), count}):
        copy, new = tmp_path / "copy", tmp_path / "new"
        shutil.copytree(tmp_path / "first", copy)
        assert killed(lambda disk, copy=copy: backed(database, copy, disk), tmp_path / "journal", point)  # type: ignore[misc]
        memoria.verify_backup(copy)
        number = memoria.restore(copy, new).number
        found = content(new)
        assert kept.items() <= found.items() <= before.items() if number == 1 else found == after, point
        numbers.add(number)
        shutil.rmtree(new)
        assert memoria.backup(database, copy).number == number + 1
        memoria.restore(copy, new)
        assert content(new) == after
        nowhere(copy, gone)
        shutil.rmtree(new)
        shutil.rmtree(copy)
    assert numbers == {1, 2}


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
        # What the one before has made is not made again, so the last ones come to their end.
        assert killed(work, tmp_path / "journal", point) or point > count - 9
        if (new / "restoring").exists():
            for mode in ("r", "rw"):
                with pytest.raises(RestoreUnfinished):
                    memoria.open(new, mode=mode, embedder=EMBEDDER)
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


# -- random histories --


class History:
    """A store to which random things happen, and what of it was forgotten; now and then it is backed up."""

    def __init__(self, memory: Memoria, folder: Path, seed: int) -> None:
        self.memory, self.folder, self.rng = memory, folder, random.Random(seed)
        self.copies: list[tuple[Path, dict[str, tuple[Any, ...]]]] = []
        self.texts = 0
        self.gone: list[Secret] = []

    def step(self) -> None:
        home = self.memory.namespace(self.rng.choice(["a", "b"]), *self.rng.choice([(), ("c",)]))
        ids = sorted(leaves(self.memory))
        verbs: list[Callable[[Memoria, list[str]], None]] = [self.remember, self.remember, self.forget]
        verbs += [self.forget, self.amend, self.gather, self.succeed, self.keep, self.clear, self.copy]
        self.rng.choice(verbs if len(ids) > 4 else [self.remember])(home, ids)

    def remember(self, home: Memoria, _ids: list[str]) -> None:
        for _ in range(self.rng.randint(1, 4)):
            self.texts += 1
            subject = self.rng.choice([None, "ada", "bob"])
            home.remember(f"statement {self.texts} tells of room {self.texts * 7} and Wren", subject=subject)

    def forget(self, home: Memoria, ids: list[str]) -> None:
        asked = self.rng.sample(ids, self.rng.choice([1, 1, 3]))
        guards: list[Guard] = ["exact", "near", "none"]
        guard = self.rng.choice(guards)
        how: list[dict[str, Any]] = [{"subject": "ada"}, {"mentions": f"statement {self.rng.randint(1, self.texts)}"}]
        more = self.rng.choice([None, None, *how])
        found = self.memory.forget(*asked, dry_run=True) if more is None else home.forget(**more, dry_run=True)
        self.gone += secrets(self.memory, [one.id for one in found])
        if more is None:
            self.memory.forget(*asked, guard=guard, override="a test")
        elif found:
            home.forget(**more, guard=guard, override="a test")

    def amend(self, _home: Memoria, ids: list[str]) -> None:
        id = self.rng.choice([id for id in ids if not self.memory.trace(id).held] or [""])
        if id and self.rng.random() < 0.3:
            self.memory.amend(id, tags=(f"tag {self.texts}",))
        elif id:
            self.texts += 1
            self.gone += secrets(self.memory, [id])
            self.memory.amend(id, text=f"amended statement {self.texts} has other words")

    def gather(self, home: Memoria, _ids: list[str]) -> None:
        ids = [one.id for one in home.list() if one.namespace == home.prefix]
        free = [one.memory.id for one in plain(home.store, ids)]
        if len(free) > 2:
            home.consolidate(*self.rng.sample(free, 2))

    def succeed(self, home: Memoria, _ids: list[str]) -> None:
        free = [one.id for one in home.list() if one.valid_to is None and not one.parts]
        free = [id for id in free if not self.memory.trace(id).held]
        if free:
            self.texts += 1
            self.memory.supersede(self.rng.choice(free), f"successor {self.texts} says it anew")

    def keep(self, _home: Memoria, _ids: list[str]) -> None:
        id = self.rng.choice([one.id for one in self.memory.list()])
        if self.rng.random() < 0.5:
            self.memory.hold(id, reason="a test")
            self.memory.release(id, reason="a test")
        else:
            self.memory.archive(id)
            self.memory.restore(id)

    def clear(self, home: Memoria, _ids: list[str]) -> None:
        if self.rng.random() < 0.4:
            self.gone += secrets(self.memory, [one.id for one in home.list()])
            home.forget(namespace=(), override="a test")

    def copy(self, _home: Memoria, _ids: list[str]) -> None:
        """The state of the one backup is kept, as somebody might who has a copy of it from each night."""
        kept = self.folder / f"night {len(self.copies)}"
        memoria.backup(self.memory, self.folder / "copy")
        nowhere(self.folder / "copy", self.absent())
        shutil.copytree(self.folder / "copy", kept)
        self.copies.append((kept, leaves(self.memory)))

    def absent(self) -> list[Secret]:
        """What is nowhere in the store: not the vector of a gist that lost a part, which is still that of another."""
        found = {find.needle for find in scan(self.memory.store.files(), self.gone).found}
        return [one for n, one in enumerate(self.gone) if n not in found]


def lived(memory: Memoria, folder: Path, seed: int, steps: int) -> History:
    folder.mkdir(parents=True)
    history = History(memory, folder, seed)
    for step in range(steps):
        history.step()
        if step == steps // 3:
            history.copy(memory, [])
    return history


def told_again(history: History, new: str, told: object) -> None:
    """An older copy that was told what was forgotten is the living store, as far as the copy had it."""
    memory, rng = history.memory, history.rng
    kept, had = rng.choice(history.copies)
    now = leaves(memory)
    memoria.restore(kept, new, apply_forgets=told, embedder=EMBEDDER)  # type: ignore[arg-type]
    with opened(new) as copy:
        assert leaves(copy) == {id: one for id, one in had.items() if now.get(id) == one}
        assert copy.doctor() == []
        lost = sorted(set(had) - set(leaves(copy)))
        for id in lost:
            with pytest.raises(memoria.MemoryNotFound):
                copy.get(id)
        for namespace, text, subject, _ in (had[id] for id in lost[:5]):
            assert all(hit.memory.text != text or hit.memory.id in now for hit in copy.recall(text, k=5))
            said = [Statement(text, subject)]
            assert copy.store.refused(namespace, said) == memory.store.refused(namespace, said)
        absent = history.absent()
        assert len(absent) > len(history.gone) / 2 or not lost
        nowhere(copy.store.path, absent)  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(100))
def test_random_histories_are_told_to_older_copies(seed: int, tmp_path: Path) -> None:
    with opened(tmp_path / "a.memoria") as memory:
        history = lived(memory, tmp_path / "copies", seed, steps=24)
        log = tmp_path / "log"
        memoria.export_forgets(memory, log)
        told_again(history, str(tmp_path / "new"), log if seed % 2 else memory)


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_of_a_server_are_told_to_older_copies(
    seed: int, tmp_path: Path, database: str, server: Server
) -> None:
    with opened(database) as memory:
        history = lived(memory, tmp_path / "copies", seed, steps=14)
        log = tmp_path / "log"
        memoria.export_forgets(memory, log)
        new = f"{server.database(f'history_{seed}')}&keys={tmp_path / 'new'}"
        told_again(history, new, log if seed % 2 else memory)


# -- while others write, and where there is no room --


def test_while_others_write_a_backup_is_a_moment_of_the_store(store: Path, tmp_path: Path) -> None:
    """Every write is of two that belong together, and amends keep the number of memories."""
    copy, over = tmp_path / "copy", threading.Event()
    with opened(store) as memory:
        ids = [one.id for one in memory.remember_many([f"first half {n}" for n in range(40)])]

        def write() -> None:
            for n in range(10_000):
                if over.is_set():
                    return
                memory.amend(ids[n % 40], text=f"half number {n} said again")
                memory.remember_many([f"left shoe {n}", f"right shoe {n}"])

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for _ in range(4):
                # As another process does it: by its path.
                memoria.backup(store, copy)
                memoria.verify_backup(copy)
                memoria.restore(copy, tmp_path / "new")
                found = [one[1] for one in content(tmp_path / "new").values()]
                assert sum("half" in text for text in found) == 40
                left = {text.split()[-1] for text in found if text.startswith("left")}
                assert left == {text.split()[-1] for text in found if text.startswith("right")}
                shutil.rmtree(tmp_path / "new")
        finally:
            over.set()
            thread.join()
        assert memory.doctor() == []


def test_a_store_that_is_held_still_takes_no_commit_and_its_pages_stay_as_they_are(store: Path) -> None:
    with opened(store) as memory:
        fill(memory)
        with still(store) as held, closing(sqlite3.connect(store / "memoria.db", timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            held.release()
            pages = held.pinned.read(held.pinned.pages(), 0)
            memory.remember_many([f"said while it is copied {n}" for n in range(200)])
            assert held.pinned.read(held.pinned.pages(), 0) == pages
        assert len(pages) % 4096 == 0


FULL = """
import sys, memoria
from pathlib import Path
from memoria.testing import HashEmbedder
root, embedder = Path(sys.argv[1]), HashEmbedder(16)
full, store = root / "full", root.parent / "outside.memoria"
with memoria.open(store, embedder=embedder) as memory:
    ids = [one.id for one in memory.remember_many([f"a fact of number {n}" for n in range(50)])]
    memoria.backup(memory, full)
    (key,) = [one.data for one in memory.store.secrets([ids[3]]) if one.label == "key"]
    memory.forget(ids[3])
    memory.remember_many([f"more of it {n} " + "y" * 900 for n in range(3000)])
    before = memory.list()
    (slots,) = (full / "slots").iterdir()
    assert key in slots.read_bytes()
    try:
        memoria.backup(memory, full)
    except memoria.StoreFull:
        print("full")
    assert key not in slots.read_bytes()
    assert memory.list() == before
    assert memory.doctor() == []
assert memoria.restore(full, root.parent / "restored").number == 1
with memoria.open(root.parent / "restored", embedder=embedder) as memory:
    assert [one.text for one in memory.list()] == [f"a fact of number {n}" for n in range(50) if n != 3]
    assert memory.doctor() == []
"""


@needs_mount
def test_on_a_full_disk_it_still_forgets_and_the_last_backup_stays(tmp_path: Path) -> None:
    (tmp_path / "mount").mkdir()
    assert _unshared(tmp_path / "mount", "1m", FULL) == "full\n"


# -- what is refused --


@pytest.fixture
def kept(store: Path, tmp_path: Path) -> Iterator[tuple[Memoria, Path, list[str]]]:
    """An open store, its backup, and ids in it."""
    with opened(store) as memory:
        ids = fill(memory)
        memoria.backup(memory, tmp_path / "copy")
        yield memory, tmp_path / "copy", ids


def test_a_backup_that_is_changed_anywhere_is_found(kept: tuple[Memoria, Path, list[str]], tmp_path: Path) -> None:
    _, copy, _ = kept
    rng = random.Random(0)
    assert memoria.verify_backup(copy).forgotten == 0
    for path in sorted(path for path in copy.rglob("*") if path.is_file() and path.name != "backup.lock"):
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(4))}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(StoreError):
                memoria.verify_backup(copy)
            with pytest.raises(StoreError):
                memoria.restore(copy, tmp_path / f"new {path.name} {at}")
        path.write_bytes(whole)
    assert memoria.verify_backup(copy).settled


def test_places_that_have_something_else_are_refused(kept: tuple[Memoria, Path, list[str]], tmp_path: Path) -> None:
    memory, copy, _ = kept
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    for wrong in (tmp_path / "other", tmp_path / "other" / "letter.txt"):
        with pytest.raises(StoreExists):
            memoria.backup(memory, wrong)
        with pytest.raises(StoreExists):
            memoria.restore(copy, wrong)
    with opened(tmp_path / "second") as second, pytest.raises(StoreExists, match="another store"):
        memoria.backup(second, copy)
    with pytest.raises(InvalidQuery, match="into the store itself"):
        memoria.backup(memory, tmp_path / "a.memoria" / "copy")
    for nothing in (tmp_path / "nowhere", tmp_path / "other"):
        with pytest.raises(StoreNotFound):
            memoria.restore(nothing, tmp_path / "new")
        with pytest.raises(StoreNotFound):
            memoria.verify_backup(nothing)
    with pytest.raises(InvalidQuery, match="source 7"):
        memoria.backup(7, copy)  # type: ignore[arg-type]
    assert (tmp_path / "other" / "letter.txt").read_text() == "dear"


def test_a_log_that_is_changed_or_foreign_is_refused(kept: tuple[Memoria, Path, list[str]], tmp_path: Path) -> None:
    memory, copy, ids = kept
    memory.namespace("home").forget(ids[0])
    log, new = tmp_path / "log", tmp_path / "new"
    memoria.export_forgets(memory, log)
    whole, rng = log.read_bytes(), random.Random(1)
    assert b"box" not in whole
    assert b"home" not in whole
    lines = whole.splitlines(keepends=True)
    forged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in rng.sample(range(len(whole) - 1), 50)]
    for wrong in (*forged, b"", b"{}", lines[0], b"".join(lines[1:]), b"".join([lines[0], *lines[2:]])):
        log.write_bytes(wrong)
        with pytest.raises(ForgetsForged):
            memoria.restore(copy, new, apply_forgets=log)
    with opened(tmp_path / "second") as second, pytest.raises(ForgetsMissing):
        memoria.restore(copy, new, apply_forgets=second)
    with pytest.raises(InvalidQuery, match="InMemoryStore"):
        memoria.restore(copy, new, apply_forgets=InMemoryStore(EMBEDDER.card))
    assert not new.exists()


def test_a_log_is_kept_for_days_and_one_that_begins_later_is_refused(
    kept: tuple[Memoria, Path, list[str]], tmp_path: Path
) -> None:
    memory, copy, ids = kept
    memory.namespace("home").forget(ids[0])
    memory.store.purge()  # type: ignore[attr-defined]
    shutil.copytree(copy, tmp_path / "old")
    memoria.backup(memory, copy)
    with sqlite3.connect(memory.store.path / "memoria.db") as database:  # type: ignore[attr-defined]
        database.execute("UPDATE gone SET at = at - 401 * 86400000000")
    memory.namespace("home").forget(ids[1])
    with pytest.raises(ForgetsMissing, match="begins after line"):
        memoria.restore(tmp_path / "old", tmp_path / "new", apply_forgets=memory)
    # The newer backup has what is not in the log any more.
    memoria.restore(copy, tmp_path / "new", apply_forgets=memory, embedder=EMBEDDER)
    assert content(tmp_path / "new") == leaves(memory)


def test_two_stores_of_one_backup_do_not_take_each_others_lines(
    kept: tuple[Memoria, Path, list[str]], tmp_path: Path
) -> None:
    memory, copy, ids = kept
    assert isinstance(memory.store, KeepsForgets)
    memoria.restore(copy, tmp_path / "twin")
    with opened(tmp_path / "twin") as twin:
        twin.forget(ids[0])
        memoria.backup(twin, tmp_path / "twins copy")
        memory.forget(ids[1])
        with pytest.raises(ForgetsMissing):
            memoria.restore(tmp_path / "twins copy", tmp_path / "new", apply_forgets=memory)
        # What both have in common is told by either.
        memoria.restore(copy, tmp_path / "new", apply_forgets=twin, embedder=EMBEDDER)
        assert content(tmp_path / "new") == leaves(twin)
    memoria.restore(copy, tmp_path / "newer", apply_forgets=tmp_path / "new", embedder=EMBEDDER)
    assert ids[0] not in content(tmp_path / "newer")


def test_what_a_writer_has_just_forgotten_is_told_by_its_path(
    kept: tuple[Memoria, Path, list[str]], tmp_path: Path
) -> None:
    memory, copy, ids = kept
    memory.forget(ids[0])
    memory.forget(ids[1], guard="none")
    memory.forget(ids[5], ids[6], ids[7])
    for n, told in enumerate((memory.store.path, tmp_path / "log")):  # type: ignore[attr-defined]
        memoria.export_forgets(memory.store.path, tmp_path / "log")  # type: ignore[attr-defined]
        memoria.restore(copy, tmp_path / f"new {n}", apply_forgets=told, embedder=EMBEDDER)
        assert content(tmp_path / f"new {n}") == leaves(memory)
    # What is forgotten there goes on with numbers of its own.
    memoria.backup(tmp_path / "new 0", tmp_path / "copy of new")
    with opened(tmp_path / "new 0") as new:
        new.forget(ids[2])
        memoria.restore(tmp_path / "copy of new", tmp_path / "last", apply_forgets=new, embedder=EMBEDDER)
        assert content(tmp_path / "last") == leaves(new)


# -- the other ways in --


def test_the_command_line_backs_up_verifies_and_restores(store: Path, tmp_path: Path) -> None:
    with opened(store) as memory:
        ids = fill(memory)
    copy, log, new = str(tmp_path / "copy"), str(tmp_path / "log"), str(tmp_path / "new")

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    first = run("backup", copy, "--store", str(store), "--json")
    assert first["number"] == 1
    with opened(store) as memory:
        memory.forget(ids[0])
    assert run("forgets", "export", log, "--store", str(store), "--json")["lines"] == 1
    assert run("backup", "--verify", copy, "--json")["settled"]
    assert run("restore", copy, new, "--apply-forgets", log, "--json")["forgotten"] == 1
    again = run("backup", copy, "--store", str(store), "--json")
    assert again["zeroed"] == 1
    assert again["bytes"] < first["bytes"] / 2
    assert run("forgets", "keep", "30", "--store", str(store), "--json") == {"keep_forgets_days": 30.0}
    assert run("stats", "--store", str(store), "--json")["keep_forgets_days"] == 30
    with opened(new) as memory:
        assert ids[0] not in leaves(memory)
        memory.archive(ids[1])
    assert CliRunner().invoke(app, ["restore", ids[1], "--store", new]).exit_code == 0


def test_a_store_of_an_older_format_begins_its_log(tmp_path: Path) -> None:
    old = unpacked("format5", tmp_path)
    embedder = HashEmbedder(16)
    with memoria.open(old, embedder=embedder) as memory:
        ids = [one.id for one in memory.list()]
        memoria.backup(memory, tmp_path / "copy")
        memory.forget(ids[0])
        done = memoria.restore(tmp_path / "copy", tmp_path / "new", apply_forgets=memory, embedder=embedder)
        assert done.forgotten == 1
    assert ids[0] not in content(tmp_path / "new")


@needs_mount
def test_a_backup_that_cannot_be_written_to_is_restored(kept: tuple[Memoria, Path, list[str]], tmp_path: Path) -> None:
    memory, copy, _ = kept
    script = f"""
import subprocess, sys, shutil, memoria
shutil.copytree({str(copy)!r}, sys.argv[1] + "/copy")
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
print(memoria.restore(sys.argv[1] + "/copy", {str(tmp_path / "new")!r}).number)
"""
    (tmp_path / "mount").mkdir()
    assert _unshared(tmp_path / "mount", "4m", script) == "1\n"
    assert content(tmp_path / "new") == leaves(memory)


def test_backups_are_awaited_too(store: Path, tmp_path: Path) -> None:
    async def work() -> int:
        async with memoria.aio.open(store, embedder=EMBEDDER) as memory:
            one = await memory.remember("this is said to be forgotten")
            await memoria.aio.backup(memory, tmp_path / "copy")
            await memory.forget(one.id)
            done = await memoria.aio.restore(
                tmp_path / "copy", tmp_path / "new", apply_forgets=memory, embedder=EMBEDDER
            )
            return done.forgotten or 0

    assert asyncio.run(work()) == 1
    assert content(tmp_path / "new") == {}


def test_weights_go_with_the_backup_and_are_wiped_in_it(kept: tuple[Memoria, Path, list[str]]) -> None:
    memory, copy, _ = kept
    shard = memory.store.path / "adapters" / "one.safetensors"  # type: ignore[attr-defined]
    shard.parent.mkdir()
    shard.write_bytes(b"weights that learnt it" * 100)
    memoria.backup(memory, copy)
    nowhere(copy, [])
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert scan(files, [Secret(label="weights", data=b"learnt it")]).found
    shard.unlink()
    memoria.backup(memory, copy)
    nowhere(copy, [Secret(label="weights", data=b"learnt it")])


def test_after_one_percent_little_is_copied(tmp_path: Path) -> None:
    with opened(tmp_path / "a.memoria") as memory:
        made = memory.remember_many([f"a fact of number {n} in the middle" for n in range(2000)])
        first = memoria.backup(memory, tmp_path / "copy")
        memory.forget(*[one.id for one in made[:2000:200]])
        memory.remember_many([f"another fact of number {n}" for n in range(10)])
        assert memoria.backup(memory, tmp_path / "copy").bytes < first.bytes / 4


def test_a_damaged_source_does_not_spoil_its_backup(store: Path, tmp_path: Path) -> None:
    with opened(store) as memory:
        fill(memory)
        memoria.backup(memory, tmp_path / "copy")
    (slots, *_) = sorted((store / "slots").iterdir())
    slots.write_bytes(b"X" + slots.read_bytes()[1:])
    with pytest.raises(StoreCorrupt):
        memoria.backup(store, tmp_path / "copy")
    assert memoria.verify_backup(tmp_path / "copy").number == 1
