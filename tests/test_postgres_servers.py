"""Servers that go down: killed in the middle of work, and a standby that takes over."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoria.errors import StoreError, StoreReadOnly
from memoria.stores.postgres import PostgresStore
from memoria.testing.postgres import Server, running
from memoria.testing.stores import record
from memoria.types import Where
from tests.crash_worker import EMBEDDER, leaves, opened
from tests.test_crash import clean, verify
from tests.waiting import PATIENCE, until

ROUNDS = 3


@pytest.fixture(scope="module")
def primary() -> Iterator[Server]:
    """A server of its own. What it wrote outlives it in the kernel, synced or not: it is killed, the machine is not."""
    with running(fsync=False) as made:
        yield made


@pytest.fixture
def beside() -> Iterator[Path]:
    """A folder for a second server: a socket needs a short path, and nobody must be able to reach it."""
    # In memory where that is to be had: a base backup is synced whatever one asks for.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="memoria-pg-", dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def at_work(folder: Path, place: str, seed: int) -> subprocess.Popen[bytes]:
    """A process that writes, amends and forgets until it is stopped; returns once it has begun."""
    command = [sys.executable, "-m", "tests.crash_worker", place, str(folder), str(seed), "", "0"]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE)
    until(lambda: (folder / "log").exists() or process.poll() is not None)
    return process


def lost_its_server(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process ends, and by an error of ours."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode == 1 and b"memoria.errors.StoreError" in errors


def test_what_was_acknowledged_survives_a_kill_of_the_server(primary: Server, tmp_path: Path) -> None:
    place = f"{primary.database('killed')}&keys={tmp_path / 'keys'}"
    # One that is open all the while.
    with opened(place) as witness:
        for round in range(ROUNDS):
            process = at_work(tmp_path, place, seed=round)
            time.sleep(random.Random(round).uniform(0.2, 1.0))
            primary.kill()
            assert lost_its_server(process)
            with pytest.raises(StoreError):
                witness.remember("nobody listens")
            primary.start()
            clean(tmp_path, "server killed", {"text", "key"})
            verify(tmp_path, place, "server killed")
            clean(tmp_path, "server killed", {"text", "key"})
            (line,) = (tmp_path / "log").read_text().splitlines()
            assert leaves(witness) == json.loads(line)["memories"]


def test_a_standby_takes_over(primary: Server, beside: Path, tmp_path: Path) -> None:
    place = f"{primary.database('followed')}&keys={tmp_path / 'keys'}"
    opened(place).close()
    standby = primary.standby(beside)
    standby.start()
    try:
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("SELECT pg_reload_conf()")
        process = at_work(tmp_path, place, seed=7)
        second = f"{standby.url('memoria', 'followed')}&keys={tmp_path / 'keys'}"
        reader = PostgresStore(second, embedder=EMBEDDER.card, mode="r")
        # The primary is written to all the while: what is counted may change before it is read.
        until(lambda: reader.count(()) > 0)
        assert any(reader.read(reader.select(Where())))
        with pytest.raises(StoreReadOnly):
            reader.write([record("a standby takes nothing")])
        reader.close()
        primary.kill()
        assert lost_its_server(process)
        standby.promote()
        clean(tmp_path, "primary killed", {"text", "key"})
        verify(tmp_path, second, "primary killed")
        with opened(second) as memory:
            one = memory.remember("the standby is the primary now")
            assert memory.recall("the standby is the primary now", k=1)[0].memory.id == one.id
    finally:
        standby.abandon()
