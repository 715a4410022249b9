"""Several processes that serve one store: which of them are replaced when they end, and which end it all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[1]
SERVING = """
import os, signal, sys
from pathlib import Path
from memoria.service.workers import Workers

folder = Path(sys.argv[1])

def serve():
    (folder / str(os.getpid())).touch()
    {first}
    signal.pause()

Workers(2, serve, lambda pid: (folder / str(pid)).rename(folder / f"{{pid}}.dead")).run()
"""


def started(folder: Path, first: str) -> subprocess.Popen[str]:
    """Two processes that leave a file each, do `first`, and wait for a signal."""
    command = [sys.executable, "-c", SERVING.format(first=first), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def alive(folder: Path) -> set[int]:
    return {int(one.name) for one in folder.iterdir() if not one.suffix}


def test_one_that_is_killed_is_replaced_however_young_it_is(tmp_path: Path) -> None:
    process = started(tmp_path, "pass")
    until(lambda: len(alive(tmp_path)) == 2)
    before = alive(tmp_path)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(alive(tmp_path) - {killed}) == 2)
    assert before - {killed} <= alive(tmp_path)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0
    assert f"process {killed} has died (signal 9)" in said


@pytest.mark.parametrize("first", ["sys.exit(3)", "raise ValueError('nothing to serve')"])
def test_one_that_fails_at_its_start_ends_all(tmp_path: Path, first: str) -> None:
    said = started(tmp_path, first).communicate(timeout=PATIENCE)[1]
    assert "ended just after its start" in said
    # The other one has ended too, by itself or because it was told to.
    assert not [pid for pid in alive(tmp_path) if Path(f"/proc/{pid}").exists()]
