"""The one seam between the store and the file system.

Every byte of a slot file is written and synced here, and each step of a verb names the point it has reached,
so that a test can pull the plug at any of them. What a system lacks (macOS, Windows) is made up for here as well.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
    import resource
except ImportError:  # on Windows
    fcntl = resource = None  # type: ignore[assignment]

from memoria.errors import StoreCorrupt, StoreError, StoreFull, StoreReadOnly

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


# Whether what is locked cannot even be read by others.
LOCKS_READERS = fcntl is None
# A file system that knows no full sync.
_NO_FULL_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOTTY}
# Where nothing reads and writes at a place, the position of a descriptor is moved, by one thread at a time.
_position = threading.Lock()
# Where files cannot be locked, one thread at a time does what others must not come between.
_turn = threading.Lock()
# Where files are text unless one says that they are not.
BINARY = getattr(os, "O_BINARY", 0)
_DESCRIPTORS = 512


def most_descriptors() -> int:
    """How many files this process may have open."""
    if resource is None:
        return _DESCRIPTORS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 8 * _DESCRIPTORS if soft == resource.RLIM_INFINITY else min(soft, 8 * _DESCRIPTORS)


def opened(path: Path, flags: int) -> int:
    """A descriptor of a file of bytes, which its owner alone may read if it is made."""
    return os.open(path, flags | BINARY, 0o600)


def read_at(fd: int, size: int, offset: int) -> bytes:
    """At most `size` bytes from `offset` on."""
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    with _position:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, size)


def _write_at(fd: int, data: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, data, offset)
    with _position:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)


@contextmanager
def alone_with(fd: int) -> Iterator[None]:
    """Holds a file against all others that ask for it likewise, by descriptors of their own: threads and processes."""
    if fcntl is None:
        with _turn:
            yield
        return
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def sync_data(fd: int) -> None:
    """Returns when all that was written to a file is on the device."""
    if not _fully_synced(fd):
        getattr(os, "fdatasync", os.fsync)(fd)


def sync_folder(folder: Path) -> None:
    """Returns when the names in a folder are on the device; where no folder can be opened, the system sees to that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _fully_synced(fd):
            os.fsync(fd)
    finally:
        os.close(fd)


def _fully_synced(fd: int) -> bool:
    """Whether this is macOS, where fsync leaves the data in the cache of the device, and another call does not."""
    command = getattr(fcntl, "F_FULLFSYNC", None)
    if command is None:
        return False
    try:
        fcntl.fcntl(fd, command)
    except OSError as error:
        if error.errno not in _NO_FULL_SYNC:
            raise
        return False
    return True


class Disk:
    """The real disk."""

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Writes all of `data` at `offset`."""
        view = memoryview(data)
        while view:
            written = _write_at(fd, view, offset)
            view, offset = view[written:], offset + written

    def sync(self, fd: int) -> None:
        """Returns when all that was written is on the device."""
        sync_data(fd)

    def sync_folder(self, folder: Path) -> None:
        """Returns when the names in `folder` are on the device."""
        sync_folder(folder)

    def reached(self, point: str) -> None:
        """A verb has come to `point`; the real disk does not care."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns errors of the file system and of SQLite into ours."""
    try:
        yield
    except OSError as error:
        raise _from_os(error, path) from error
    except database_errors() as error:
        raise _from_sqlite(error, path) from error


def _from_os(error: OSError, path: Path) -> StoreError:
    if error.errno in _FULL:
        return StoreFull(f"{path}: no space left ({error.strerror}); nothing was half-written")
    if error.errno in _READ_ONLY:
        return StoreReadOnly(f"{path}: the file system refuses writes ({error.strerror})")
    return StoreError(f"{path}: {error.strerror}")


def database_errors() -> tuple[type[Exception], ...]:
    """What SQLite raises: by the interpreter's module, and by that of sealed stores, which has classes of its own."""
    sealed = sys.modules.get("sqlcipher3.dbapi2")
    return (sqlite3.Error,) if sealed is None else (sqlite3.Error, sealed.Error)


def _from_sqlite(error: Exception, path: Path) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return StoreFull(f"{path}: no space left ({error}); nothing was half-written")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreReadOnly(f"{path}: SQLite cannot write here ({error})")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")):
        return StoreCorrupt(f"{path}: the database is damaged ({error})")
    return StoreError(f"{path}: {error}")
