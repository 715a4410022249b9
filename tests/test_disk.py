"""A disk that is really full, a file system that is really read-only: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _unshared(folder: Path, size: str, code: str) -> str:
    """Runs `code` with a tmpfs of `size` mounted at `folder`; returns what it printed."""
    script = f'mount -t tmpfs -o size={size} none {folder} && exec {sys.executable} -c "$0" {folder}'
    command = ["unshare", "-rm", "sh", "-c", script, code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


needs_mount = pytest.mark.skipif(not _can_mount(), reason="NOT CHECKED: this machine lets nobody mount a tmpfs")

FULL = """
import os, sys, memoria
from pathlib import Path
from memoria.testing import HashEmbedder
root, embedder = Path(sys.argv[1]), HashEmbedder(64)
path, filler, met = root / "a.memoria", root / "filler", set()
with memoria.open(path, embedder=embedder) as memory:
    memory.remember_many([f"fact {n}" for n in range(100)])
for room in range(0, 600_000, 20_000):
    with memoria.open(path, embedder=embedder) as memory:
        before = memory.list()
        free = os.statvfs(root).f_bavail * os.statvfs(root).f_frsize
        filler.write_bytes(bytes(max(0, free - room)))
        try:
            while True:
                before += memory.remember_many([f"more {room} {len(before)} {n} " + "x" * 500 for n in range(20)])
        except memoria.StoreFull as error:
            met.add(str(error).split("/")[-1].split(":")[0])
        assert memory.list() == before
        # To forget takes no room: the slot is zeroed in place.
        memory.forget(before[0].id)
        assert memory.list() == before[1:]
        assert memory.recall(before[1].text, k=1)[0].memory == before[1]
    filler.unlink()
    with memoria.open(path, embedder=embedder) as memory:
        assert memory.list() == before[1:]
        assert memory.doctor() == []
        extra = [one.id for one in before if one.text.startswith("more")]
        if extra:
            memory.forget(*extra)
        memory.rebuild()
print(sorted(met))
"""


@needs_mount
def test_a_full_disk_is_named_loses_nothing_and_still_forgets(tmp_path: Path) -> None:
    met = _unshared(tmp_path, "4m", FULL)
    assert "memoria.db" in met, "no attempt filled the disk within the database"
    assert "a.memoria" in met, "no attempt filled the disk within a slot file"


FILLED = """
import sys, memoria
from pathlib import Path
from memoria.testing import HashEmbedder
root, embedder = Path(sys.argv[1]), HashEmbedder(64)
path = root / "a.memoria"
with memoria.open(path, embedder=embedder) as memory:
    facts = memory.remember_many([f"fact {n}" for n in range(200)])
with (root / "filler").open("wb", buffering=0) as file:
    for size in (1 << 16, 1 << 8, 1):
        try:
            while file.write(bytes(size)) == size:
                pass
        except OSError:
            pass
for round in range(3):
    with memoria.open(path, embedder=embedder) as memory:
        memory.forget(facts.pop().id)
        memory.forget(facts.pop().id, facts.pop().id)
        assert memory.list() == facts
    with memoria.open(path, mode="r", embedder=embedder) as memory:
        assert memory.list() == facts
        assert memory.recall("fact 3", k=1)[0].memory == facts[3]
(root / "filler").unlink()
with memoria.open(path, embedder=embedder) as memory:
    assert memory.doctor() == []
    assert memory.list() == facts
    memory.remember("there is room again")
"""


@needs_mount
def test_a_store_on_a_disk_that_others_filled_opens_and_forgets(tmp_path: Path) -> None:
    _unshared(tmp_path, "2m", FILLED)


READ_ONLY = """
import subprocess, sys, memoria
from pathlib import Path
from memoria.testing import HashEmbedder
root, embedder = Path(sys.argv[1]), HashEmbedder(64)
path = root / "a.memoria"
with memoria.open(path, embedder=embedder) as memory:
    facts = memory.remember_many([f"fact {n}" for n in range(20)])
subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
try:
    memoria.open(path, embedder=embedder)
except memoria.StoreReadOnly as error:
    print(error)
with memoria.open(path, mode="r", embedder=embedder) as memory:
    assert memory.list() == facts
    assert memory.recall("fact 3", k=1)[0].memory == facts[3]
"""


@needs_mount
def test_a_read_only_file_system_is_named_and_can_be_read(tmp_path: Path) -> None:
    assert "refuses writes" in _unshared(tmp_path, "4m", READ_ONLY)
