"""A store's process, as the bench sees it: it is asked, and has a limited time to answer."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# No store calls home, asks for a model, or writes into the user's folders.
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "MEM0_TELEMETRY": "False",
}
_PASSED = ("PATH", "LANG", "LC_ALL", "OMP_NUM_THREADS", "PYTHONPATH", "TMPDIR")
_CHUNK = 1 << 16


class PeerFailed(Exception):
    """A store raised, died, or took too long: in words for the page."""


class Process:
    """One store in a process of its own.

    Args:
        name: its name among the stores.
        folder: where its files are.
        sample: the folder of the sample.
        home: what it takes for the user's home; whatever it prints is in a file there.
        limit: seconds that all its answers together may take.
    """

    def __init__(self, name: str, folder: Path, sample: Path, home: Path, limit: float) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.name, self.left = name, limit
        self._limit, self._waiting = limit, b""
        kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
        # The child imports the very package that runs here, wherever it is.
        tree = str(Path(__file__).parents[4])
        kept["PYTHONPATH"] = os.pathsep.join([tree, *filter(None, [kept.get("PYTHONPATH")])])
        command = [sys.executable, "-W", "ignore", "-m", f"{__package__}.child", name, str(folder), str(sample)]
        with (home / "said.txt").open("ab") as said:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=kept | _QUIET | {"HOME": str(home), "MEM0_DIR": str(home / "mem0")},
            )
        self._said = home / "said.txt"

    def ask(self, do: str, **how: Any) -> Any:
        """Has something done. Raises PeerFailed when that fails, or time is spent."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({"do": do, **how}).encode() + b"\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):  # it died, or was ended
            raise PeerFailed(self._died()) from None
        answer = json.loads(self._line(do))
        if "failed" in answer:
            raise PeerFailed(f"{do}: {answer['failed']}")
        return answer

    def end(self) -> None:
        """Ends the process: it is idle, or has failed."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            stream.close()

    def _line(self, do: str) -> bytes:
        assert self._child.stdout is not None
        started = time.monotonic()
        with selectors.DefaultSelector() as ready:
            ready.register(self._child.stdout, selectors.EVENT_READ)
            while b"\n" not in self._waiting:
                left = self.left - (time.monotonic() - started)
                if left <= 0 or not ready.select(left):
                    self.left = 0.0
                    raise PeerFailed(f"{do}: not done after {self._limit:.0f} s in all")
                part = os.read(self._child.stdout.fileno(), _CHUNK)
                if not part:
                    raise PeerFailed(self._died())
                self._waiting += part
        self.left -= time.monotonic() - started
        line, _, self._waiting = self._waiting.partition(b"\n")
        return line

    def _died(self) -> str:
        """The last line that it printed, as that of a package that is not installed."""
        status = self._child.wait()
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return f"its process ended ({status}): {lines[-1][:200] if lines else 'it said nothing'}"
