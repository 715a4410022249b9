"""One writer at a time: a lock that the kernel drops when its process dies."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from memoria.errors import StoreLocked
from memoria.stores.disk import translated

_PAUSE = 0.02
# Where the lock is on bytes and not on files, it is on the first one, which others cannot read then.
_SIGNED_AT, _SIGNED_BYTES = 1, 127


class WriterLock:
    """Held from construction to `release`, or until it is dropped. Raises StoreLocked after `timeout` seconds.

    The file says which process holds it, so that whoever waits in vain is told: from there, and not from what this
    module remembers, for there may be two copies of it in a process after a reload.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        # One lock for all threads, and never a mere file in the place of a lock, which would outlive its process.
        self._lock = FileLock(
            path, mode=0o600, thread_local=False, poll_interval=_PAUSE, fallback_to_soft=False, preserve_lock_file=True
        )
        with translated(path):
            try:
                self._lock.acquire(timeout=max(0.0, timeout))
            except Timeout:
                raise StoreLocked(_refusal(path, timeout)) from None
            _sign(path)

    def release(self) -> None:
        self._lock.release()


def _name() -> str:
    """This process, as it signs: its number, and the machine, for another may have the same disk and number."""
    return f"{os.getpid()} {socket.gethostname()}"


def _sign(path: Path) -> None:
    """Writes down who holds the lock. A full disk may be in the way of that: then the lock holds all the same."""
    with suppress(OSError), path.open("r+b") as file:
        file.seek(_SIGNED_AT)
        file.write(_name().encode().ljust(_SIGNED_BYTES)[:_SIGNED_BYTES])


def _refusal(path: Path, timeout: float) -> str:
    signed = _signed(path)
    pid, _, machine = signed.partition(" ")
    if signed == _name():
        holder = f"this process already, {pid}"
    elif machine in ("", socket.gethostname()):
        holder = f"process {pid or 'unknown'}"
    else:
        holder = f"process {pid} on {machine}"
    return (
        f"{path.parent} is open for writing in {holder} (waited {timeout:g} s): "
        "close it there, wait longer with timeout=, or open with mode='r'"
    )


def _signed(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(_SIGNED_AT)
            return file.read(_SIGNED_BYTES).decode(errors="replace").strip("\0 ")
    except OSError:
        return ""
