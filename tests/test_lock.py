"""The lock of the one writer: who has it, how it is given back, and that nothing else is left behind."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

import memoria
from memoria.stores.local import LocalStore
from memoria.testing import HashEmbedder
from tests.waiting import PATIENCE

EMBEDDER = HashEmbedder(16)
HOLDING = """
import sys, time, memoria
from memoria.testing import HashEmbedder
memory = memoria.open(sys.argv[1], embedder=HashEmbedder(16))
memory.remember("from another process")
print("ready", flush=True)
time.sleep(float(sys.argv[2]))
memory.close()
"""


def opened(path: Path, **how: float) -> memoria.Memoria:
    return memoria.open(path, embedder=EMBEDDER, **how)  # type: ignore[arg-type]


def holding(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Another process that has the store open for writing."""
    child = subprocess.Popen([sys.executable, "-c", HOLDING, str(path), str(seconds)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as said:
        assert said.readline() == b"ready\n"
    return child


def test_the_other_process_is_named_waited_for_and_may_be_killed(tmp_path: Path) -> None:
    child = holding(tmp_path / "a", PATIENCE)
    started = time.monotonic()
    with pytest.raises(memoria.StoreLocked, match=rf"in process {child.pid} \(waited 0\.3 s\)"):
        opened(tmp_path / "a", timeout=0.3)
    assert time.monotonic() - started >= 0.3
    assert child.poll() is None  # it gave up while the other held the store
    with pytest.raises(memoria.StoreLocked, match=str(child.pid)):
        opened(tmp_path / "a", timeout=-1)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with opened(tmp_path / "a") as memory:
        assert [one.text for one in memory.list()] == ["from another process"]
    child = holding(tmp_path / "a", 0.5)
    with opened(tmp_path / "a", timeout=PATIENCE) as memory:
        assert len(memory) == 2
    child.wait()


def test_the_same_process_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with opened(tmp_path / "a") as memory:
        memory.remember("one")
        for path in (tmp_path / "a", tmp_path / "link", tmp_path / "." / "a"):
            with pytest.raises(memoria.StoreLocked, match="is open for writing in this process already"):
                opened(path)
    opened(tmp_path / "link").close()


def test_a_process_on_another_machine_is_not_taken_for_this_one(tmp_path: Path) -> None:
    opened(tmp_path / "a").close()
    lock = tmp_path / "a" / "lock"
    for written, told in (
        (f"\0{os.getpid()} elsewhere", f"in process {os.getpid()} on elsewhere"),
        (f"\0{4711} {socket.gethostname()}", "in process 4711 "),
        ("", "in process unknown "),
        ("\0\xff\xfe", "in process "),
    ):
        with FileLock(lock):
            lock.write_text(written)  # only now: some releases of filelock empty the file that they lock
            with pytest.raises(memoria.StoreLocked, match=told):
                opened(tmp_path / "a")
    opened(tmp_path / "a").close()


@pytest.mark.parametrize("cycle", [False, True])
def test_a_handle_that_is_dropped_gives_back_all_it_had_and_is_no_clean_close(tmp_path: Path, cycle: bool) -> None:
    opened(tmp_path / "a").close()
    before = len(os.listdir("/proc/self/fd"))
    for n in range(5):
        memory = opened(tmp_path / "a")
        kept = memory.namespace(str(n)).remember(f"fact {n}")
        if n:
            memory.forget(kept.id)
        held: list[object] = [memory]
        if cycle:
            held.append(held)
        assert isinstance(memory.store, LocalStore)
        assert memory.store._database.meta("clean") == "0"
        del memory, held
        gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
    with opened(tmp_path / "a") as memory:
        assert [one.text for one in memory.list()] == ["fact 0"]
        # What was forgotten before the drop is refused still.
        with pytest.raises(memoria.Refused):
            memory.namespace("3").remember("fact 3")
        assert memory.doctor() == []


def test_a_view_keeps_the_store_open(tmp_path: Path) -> None:
    view = opened(tmp_path / "a").namespace("app")
    gc.collect()
    view.remember("still open")
    with pytest.raises(memoria.StoreLocked, match="this process already"):
        opened(tmp_path / "a")
    view.close()


def test_attempts_that_fail_leave_nothing_open(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as memory:
        for n in range(5):
            memory.namespace(str(n)).remember("text")
    with (tmp_path / "a" / "slots" / f"{3:016}.slots").open("r+b") as slots:
        slots.truncate(100)
    with memoria.open(tmp_path / "a", embedder=EMBEDDER, mode="r"):
        pass
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with opened(tmp_path / "a") as memory, pytest.raises(memoria.StoreCorrupt):
            memory.namespace("2").list()
        with pytest.raises(memoria.EmbedderMismatch):
            memoria.open(tmp_path / "a", embedder=HashEmbedder(8))
        with opened(tmp_path / "a"), pytest.raises(memoria.StoreLocked):
            opened(tmp_path / "a")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


RELOADED = """
import gc, importlib, sys, memoria
from memoria.testing import HashEmbedder
path = sys.argv[1]
first = memoria.open(path, embedder=HashEmbedder(16))
first.remember("from the first copy")
if sys.argv[2] == "reload":
    for name in [name for name in sys.modules if name.startswith("memoria.stores.local")]:
        importlib.reload(sys.modules[name])
else:
    for name in [name for name in sys.modules if name.split(".")[0] == "memoria"]:
        del sys.modules[name]
import memoria
from memoria.testing import HashEmbedder
try:
    memoria.open(path, embedder=HashEmbedder(16))
except memoria.StoreLocked as error:
    print("in this process already" in str(error))
if sys.argv[3] == "close":
    first.close()
del first
gc.collect()
second = memoria.open(path, embedder=HashEmbedder(16))
print([one.text for one in second.list()], second.doctor())
second.close()
"""


@pytest.mark.parametrize("how", ["reload", "second copy"])
@pytest.mark.parametrize("end", ["drop", "close"])
def test_two_copies_of_the_package_in_one_process_keep_each_other_out(tmp_path: Path, how: str, end: str) -> None:
    command = [sys.executable, "-c", RELOADED, str(tmp_path / "a"), how, end]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.splitlines() == ["True", "['from the first copy'] []"], done.stderr
