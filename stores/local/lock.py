"""One writer at a time: an advisory lock that the kernel drops when its process dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from memoria.errors import StoreLocked
from memoria.stores.disk import translated

_PAUSE = 0.02


class WriterLock:
    """Held from construction to `release`. Raises StoreLocked after `timeout` seconds and names the other process."""

    def __init__(self, path: Path, timeout: float) -> None:
        with translated(path):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + timeout
        while not self._try():
            if time.monotonic() >= deadline:
                holder = os.pread(self._fd, 32, 0).decode().strip() or "unknown"
                os.close(self._fd)
                raise StoreLocked(
                    f"{path.parent} is open for writing in process {holder} (waited {timeout:g} s): "
                    "close it there, wait longer with timeout=, or open with mode='r'"
                )
            time.sleep(_PAUSE)
        os.pwrite(self._fd, f"{os.getpid():<32}".encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
