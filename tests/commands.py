"""How tests type a command of memoria: as it runs in this process, which is quicker, or in a process of its own."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from memoria.cli import main

MEMORIA = [sys.executable, "-W", "ignore", "-c", "from memoria.cli import main; main()"]


def apart(folder: Path, *arguments: str, status: int = 0) -> str:
    """What a command prints in a process of its own: to stdout, or where it fails with 2 to stderr."""
    environment = {
        "MEMORIA_STORE": str(folder / "a.memoria"),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run(
        [*MEMORIA, *arguments], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status != 2 else done.stderr


def run(folder: Path, *arguments: str, status: int = 0, stdin: str = "") -> str:
    """The same in this process."""
    told, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(told), redirect_stderr(complained):
        patch.setenv("MEMORIA_STORE", str(folder / "a.memoria"))
        patch.setattr(sys, "argv", ["memoria", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == status, complained.getvalue()
    return told.getvalue() if status != 2 else complained.getvalue()
