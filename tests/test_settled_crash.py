"""A kill at each write, sync and named point while something is settled or undone: before or after, never half.

The process is forked for each point and works in a namespace of its own of one store; it dies by SIGKILL, and what it
had not synced is taken back at random.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from memoria import Memory
from memoria.engine.memory import Memoria
from memoria.stores.local import LocalStore
from memoria.stores.postgres import PostgresStore
from memoria.stores.registry import is_url
from tests.crash_worker import CrashDisk
from tests.test_change import EMBEDDER, JUDGE, LEEDS, START, YORK, tell
from tests.test_crash import revert
from tests.test_settled import COMPOUND, FIRST, GHENT, GUESTS

Verb = Callable[[Memoria, Memory, Memory], object]
SURE = "sure"
# What is told, what of it is settled beforehand, and the verb that is killed.
CASES: dict[str, tuple[tuple[str, str], str, Verb]] = {
    "doubt": ((LEEDS, YORK), "", lambda memory, old, new: memory.reconcile()),
    "end": ((LEEDS, YORK), "", lambda memory, old, new: memory.reconcile(endings="sure")),
    "shorten": ((COMPOUND, GHENT), "", lambda memory, old, new: memory.reconcile(endings="sure")),
    "command": ((GUESTS, FIRST), "", lambda memory, old, new: memory.reconcile()),
    "forget what doubts": ((LEEDS, YORK), "commands", lambda memory, old, new: memory.forget(new.id)),
    "forget what is doubted": ((LEEDS, YORK), "commands", lambda memory, old, new: memory.forget(old.id)),
    "amend what doubts": ((LEEDS, YORK), "commands", lambda memory, old, new: memory.amend(new.id, text="It rains.")),
    "forget what ended": ((LEEDS, YORK), SURE, lambda memory, old, new: memory.forget(new.id)),
    "forget what shortened": ((COMPOUND, GHENT), SURE, lambda memory, old, new: memory.forget(new.id)),
    "amend what ended": ((LEEDS, YORK), SURE, lambda memory, old, new: memory.amend(new.id, text="It rains.")),
    "retract what ended": ((LEEDS, YORK), SURE, lambda memory, old, new: memory.expire(new.id)),
    "supersede what ended": ((LEEDS, YORK), SURE, lambda memory, old, new: memory.supersede(new.id, "It rains.")),
    "keep what is doubted": ((LEEDS, YORK), "commands", lambda memory, old, new: memory.settle(old, keep=True)),
    "keep what is shortened": ((COMPOUND, GHENT), SURE, lambda memory, old, new: memory.settle(old, keep=True)),
    "end what is doubted": ((LEEDS, YORK), "commands", lambda memory, old, new: memory.settle(old, keep=False)),
}


class Counting(CrashDisk):
    """Dies before the n-th write, sync or named point; never for 0."""

    def __init__(self, folder: Path, dies_at: int) -> None:
        super().__init__(folder, "", 0)
        self.at, self._dies_at = 0, dies_at

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._count()
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._count()
        super().sync(fd)

    def reached(self, point: str) -> None:
        self._count()

    def _count(self) -> None:
        self.at += 1
        if self.at == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


def opened(place: str, disk: CrashDisk | None = None) -> Memoria:
    kind = PostgresStore if is_url(place) else LocalStore
    store = kind(place, embedder=EMBEDDER.card, disk=disk, timeout=5.0)
    return Memoria(store, EMBEDDER, judge=JUDGE, clock=lambda: START + timedelta(days=9), reinforce="never")


def state(memory: Memoria) -> list[object]:
    """All that is there and how it is linked, without ids; every link has both of its ends."""
    there = {one.id: one for one in memory.list()}
    links = memory.store.links(list(there))
    said = [(there[one.parent].text, there[one.child].text, one.relation, one.weight, one.judge) for one in links]
    return [sorted((one.text, str(one.valid_to)) for one in there.values()), sorted(map(str, said))]


def forked(work: Callable[[], object]) -> int:
    """The exit status of a process that does this, negative for a signal."""
    child = os.fork()
    if child == 0:
        # Whatever happens, the rest of the test goes on in the parent alone.
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told(place: str, name: str, case: str) -> tuple[Memory, Memory, list[object]]:
    """What a case begins with, in a namespace of this name."""
    texts, settled, _ = CASES[case]
    with opened(place) as whole:
        memory = whole.namespace(name)
        old, new = tell(memory, *texts)
        if settled:
            memory.reconcile(endings=settled)  # type: ignore[arg-type]  # it is one of them
        return old, new, state(memory)


def kills(place: str, folder: Path, case: str, each: int) -> int:
    """Kills a verb at every `each`-th point, and looks at what is there; how many points that were."""
    verb, rng = CASES[case][2], random.Random(case)
    old, new, _ = told(place, "whole", case)
    with opened(place, disk := Counting(folder, 0)) as memory:
        begun = disk.at
        verb(memory.namespace("whole"), old, new)
        count, after = disk.at - begun, state(memory.namespace("whole"))
    tried = 0
    for point in range(rng.randint(1, min(each, count)), count + 1, each):
        old, new, before = told(place, f"at {point}", case)

        def work(point: int = point, old: Memory = old, new: Memory = new) -> None:
            disk = Counting(folder, 0)
            memory = opened(place, disk)
            disk._dies_at = disk.at + point
            verb(memory.namespace(f"at {point}"), old, new)

        status = forked(work)
        assert status in (-signal.SIGKILL, 0), (case, point, status)
        revert(folder, rng)
        (folder / "unsynced").unlink(missing_ok=True)
        with opened(place) as memory:
            found = state(memory.namespace(f"at {point}"))
            assert found in ((before, after) if status else (after,)), (case, point)
            assert memory.doctor() == [], (case, point)
            memory.namespace(f"at {point}").forget(namespace=())
        tried += status != 0
    return tried


@pytest.mark.parametrize("case", CASES)
def test_what_is_settled_is_there_or_not_after_a_kill(tmp_path: Path, case: str) -> None:
    place = str(tmp_path / "a.memoria")
    assert kills(place, tmp_path, case, each=1) >= 3
    with opened(place) as memory:
        memory.store.rebuild()
    with sqlite3.connect(tmp_path / "a.memoria" / "memoria.db") as database:
        loose = """SELECT count(*) FROM link WHERE relation > 0 AND NOT (
            EXISTS (SELECT 1 FROM memory WHERE id = parent) AND EXISTS (SELECT 1 FROM memory WHERE id = child))"""
        assert database.execute(loose).fetchone() == (0,)


@pytest.mark.parametrize("case", CASES)
def test_what_is_settled_in_postgres_is_there_or_not_after_a_kill(tmp_path: Path, database: str, case: str) -> None:
    # An opened database takes longer than an opened folder.
    assert kills(database, tmp_path, case, each=3) >= 1
