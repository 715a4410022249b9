"""A disk that fails once, at any write or sync of any verb; and real signals, at random instants."""

from __future__ import annotations

import errno
import random
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.stores.local import Disk
from tests.interrupts import filled, opened, picture
from tests.test_interrupts import WHOLE


class FailingDisk(Disk):
    """Fails once, at the `at`-th write or sync; a write that fails has written its first half."""

    def __init__(self, at: int = 0, code: int = errno.EIO) -> None:
        self.calls = 0
        self.at = at
        self._code = code

    def write(self, fd: int, data: bytes, offset: int) -> None:
        if self._fails():
            super().write(fd, data[: len(data) // 2], offset)
            raise OSError(self._code, "failed on purpose")
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        if self._fails():
            raise OSError(self._code, "failed on purpose")
        super().sync(fd)

    def _fails(self) -> bool:
        self.calls += 1
        return self.calls == self.at


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    path = tmp_path_factory.mktemp("made") / "a.memoria"
    return path, filled(path)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("name", sorted(WHOLE.keys() - {"list", "recall", "archive", "pin", "expire"}))
def test_a_disk_that_fails_once_loses_nothing(
    made: tuple[Path, dict[str, str]], tmp_path: Path, name: str, code: int
) -> None:
    path, disk = tmp_path / "a.memoria", FailingDisk()
    shutil.copytree(made[0], path)
    with opened(path, disk) as memory:
        before: list[object] = list(picture(memory))
        first = disk.calls
        WHOLE[name](memory, made[1])
        last = disk.calls
        after: list[object] = list(picture(memory))
    assert last > first
    for at in range(first + 1, last + 1):
        shutil.rmtree(path)
        shutil.copytree(made[0], path)
        memory = opened(path, FailingDisk(at, code))
        picture(memory)
        with suppress(memoria.StoreError):
            WHOLE[name](memory, made[1])
        assert list(picture(memory)) in (before, after), f"{name} at call {at}"
        assert memory.doctor() == []
        said = memory.namespace("app", "ada").remember("The next verb works.")
        memory.forget(said.id)
        memory.close()
        with opened(path) as memory:
            assert list(picture(memory)) in (before, after), f"{name} at call {at}, opened again"
            assert memory.doctor() == []


def test_a_forget_that_failed_may_be_asked_again(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    path, disk = tmp_path / "a.memoria", FailingDisk()
    shutil.copytree(made[0], path)
    with opened(path, disk) as memory:
        memory.forget(made[1]["a0"])
        disk.at = disk.calls + 2
        with pytest.raises(memoria.StoreError, match="failed on purpose"):
            memory.forget(made[1]["b1"])
        with pytest.raises(memoria.MemoryNotFound):
            memory.get(made[1]["b1"])
        assert memory.forget(made[1]["b1"]).forgotten == (made[1]["b1"],)
        for id in (made[1]["a0"], made[1]["b1"]):
            with pytest.raises(memoria.MemoryNotFound):
                memory.forget(id)


def _raise(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# Python drops what is raised in a callback of its own, as of a weak reference, and warns of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_at_random_instants_lose_nothing(tmp_path: Path) -> None:
    path, rng = tmp_path / "a.memoria", random.Random(1)
    filled(path)
    with opened(path) as memory:
        # Loads faiss: a signal in the middle of its own import leaves it broken, whoever imports it.
        memory.recall("busy", k=1)
    before = signal.signal(signal.SIGALRM, _raise)
    try:
        for round in range(60):
            memory = opened(path)
            kept = {one.id: one.text for one in memory.list()}
            _interrupted(partial(_busy, memory, round), rng.uniform(0.0005, 0.03))
            _check(memory, kept)
            memory.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _interrupted(work: Callable[[], None], seconds: float) -> None:
    # Again after a second, for the first may have been dropped.
    with suppress(KeyboardInterrupt):
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
            work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _busy(memory: Memoria, round: int) -> None:
    """Remembers, amends and forgets its own until a signal comes."""
    view = memory.namespace("busy")
    n = 0
    while True:
        n += 1
        one = view.remember(f"Busy {round} {n}.")
        memory.amend(one.id, text=f"Busy {round} {n}, amended.")
        view.recall("busy", k=1)
        memory.forget(one.id)


def _check(memory: Memoria, kept: dict[str, str]) -> None:
    """In a thread of its own, which would wait for ever for a lock that was left held."""
    found: dict[str, str] = {}
    problems: list[str] = ["did not come back"]

    def look() -> None:
        found.update({one.id: one.text for one in memory.list()})
        problems[:] = memory.doctor()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(30)
    assert problems == []
    assert kept.items() <= {**found, **{id: text for id, text in kept.items() if text.startswith("Busy")}}.items()
