"""Two small files beside the database: how often the store was written, and room for a disk that is full."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from memoria.stores.disk import Disk, opened, translated

RESERVE_BYTES = 128 << 10


class Marker:
    """How often the store was opened and changed, outside of memoria.db: an older memoria.db knows of fewer times."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def read(self) -> int:
        """The number; 0 when the file is missing or damaged, for it says nothing then."""
        try:
            line = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        digits = line[:20]
        return int(digits) if digits.isdigit() and line == _line(int(digits)) else 0

    def write(self, number: int) -> None:
        """Durable, in place: on a full disk too."""
        with translated(self._path):
            fd = opened(self._path, os.O_RDWR | os.O_CREAT)
            try:
                self._disk.write(fd, _line(number), 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)


def _line(number: int) -> bytes:
    digits = b"%020d" % number
    return digits + b" %08x\n" % zlib.crc32(digits)


class Reserve:
    """A file of zeros that is given up when the disk is full, so that a store can always be opened and forget."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def keep(self) -> None:
        """Makes the file, if there is room; what it holds is nothing, so it is not synced."""
        if self._path.exists():
            return
        try:
            with self._path.open("xb", buffering=0) as file:
                self._disk.write(file.fileno(), bytes(RESERVE_BYTES), 0)
        except OSError:
            self._path.unlink(missing_ok=True)

    def spend(self) -> bool:
        """Gives the room back to the disk; whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
