"""macOS and Windows, as far as their system calls go: what they lack is taken away, what they refuse is refused.

Nothing here was run on either of them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from memoria.errors import StoreError
from memoria.stores import disk

ROOT = Path(__file__).parents[1]

MACOS = """
import errno, fcntl, os
synced, real = [], fcntl.fcntl
del os.fdatasync
fcntl.F_FULLFSYNC = 51
def full(fd, command, *rest):
    if command != 51:
        return real(fd, command, *rest)
    synced.append(fd)
    return os.fsync(fd)
fcntl.fcntl = full
def check():
    assert len(synced) > 100
"""

# A file that is open cannot be unlinked or replaced, and no folder can be opened.
WINDOWS = """
import filelock, os, subprocess, sys, multiprocessing, tempfile, uuid
from pathlib import Path
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("fdatasync", "pread", "pwrite", "fork", "register_at_fork", "O_DIRECTORY", "O_CLOEXEC", "O_NOFOLLOW"):
    delattr(os, name)
os.O_BINARY = 1 << 30
opened, unlinked, replaced, seen = os.open, os.unlink, os.replace, set()
def open_(path, flags, mode=0o777, **rest):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", str(path))
    if str(path).endswith((".slots", ".new", "epoch")):
        assert flags & os.O_BINARY, path
        seen.add(Path(path).suffix)
    return opened(path, flags & ~os.O_BINARY, mode, **rest)
def is_open(path):
    there = os.path.realpath(path)
    return ".memoria" in there and any(
        os.path.realpath(f"/proc/self/fd/{fd}") == there for fd in os.listdir("/proc/self/fd"))
def unlink(path, **rest):
    if is_open(path):
        raise PermissionError(13, "The process cannot access the file", str(path))
    return unlinked(path, **rest)
def replace(source, target, **rest):
    if is_open(source) or is_open(target):
        raise PermissionError(13, "The process cannot access the file", str(target))
    return replaced(source, target, **rest)
os.open, os.unlink, os.replace = open_, unlink, replace
def check():
    assert seen >= {".slots", ".new"}, seen
"""

# The conformance suite, and then a store from its making to its end, a crash in between.
RUN = """
import gc, sys, pytest, memoria
from memoria.testing import HashEmbedder
folder = sys.argv[1]
status = pytest.main(["-q", "-p", "no:cacheprovider", "--basetemp", folder + "/suite", "-k", "Local or InMemory",
                      "tests/test_stores.py"])
assert status == 0, status
path, embedder = folder + "/a.memoria", HashEmbedder(16)
for n in range(3):
    memory = memoria.open(path, embedder=embedder)
    facts = [memory.namespace(name).remember(f"{name} {n} {k}") for name in ("ann", "bob") for k in range(40)]
    memory.forget(facts[0].id, verify=True)
    memory.amend(facts[1].id, text="amended")
    del memory  # as in a crash
    gc.collect()
with memoria.open(path, embedder=embedder) as memory:
    assert len(memory) == 3 * 79 and memory.doctor() == []
    memory.rebuild()
    memory.reembed(HashEmbedder(32))
with memoria.open(path, embedder=HashEmbedder(32)) as memory:
    try:
        memoria.open(path, embedder=HashEmbedder(32))
    except memoria.StoreLocked as error:
        print(error)
    with memoria.open(path, embedder=HashEmbedder(32), mode="r") as other:
        assert other.recall("bob 1 7", k=1)[0].memory.text == "bob 1 7"
    memory.namespace("ann").forget(namespace=())
    assert len(memory) == 120 and memory.doctor() == []
check()
print("checked")
"""


@pytest.mark.parametrize("system", [MACOS, WINDOWS], ids=["macOS", "Windows"])
def test_the_local_store_lives_without_what_a_system_lacks(tmp_path: Path, system: str) -> None:
    command = [sys.executable, "-c", system + RUN, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "checked"
    assert "in this process already" in done.stdout


@pytest.fixture
def file(tmp_path: Path) -> Any:
    fd = disk.opened(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def test_threads_that_share_a_descriptor_read_and_write_at_their_places(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pread")
    monkeypatch.delattr(os, "pwrite")
    wrong: list[int] = []

    def work(me: int) -> None:
        for n in range(300):
            place = (me * 300 + n) * 64
            disk.Disk().write(file, bytes([me]) * 64, place)
            if disk.read_at(file, 64, place) != bytes([me]) * 64:
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert disk.read_at(file, 10, 1 << 30) == b""


@pytest.mark.parametrize("refused", [errno.EINVAL, errno.ENOTSUP, errno.ENOTTY])
def test_a_file_system_without_a_full_sync_is_synced_as_far_as_it_can_be(
    file: int, refused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def refuse(fd: int, command: int) -> int:
        raise OSError(refused, os.strerror(refused))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(os, "fsync", done.append)
    disk.Disk().sync(file)
    assert done == [file]


def test_a_full_sync_that_fails_is_no_success(file: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int, command: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", fail)
    with pytest.raises(StoreError), disk.translated(tmp_path):
        disk.Disk().sync(file)
    with pytest.raises(StoreError), disk.translated(tmp_path):
        disk.Disk().sync_folder(tmp_path)


def test_the_limit_of_descriptors_is_asked_for_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < disk.most_descriptors() <= 4096
    monkeypatch.setattr(disk, "resource", None)
    assert disk.most_descriptors() == 512
