"""Two small files beside the database: how often the store was written, and room for a disk that is full."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from memoria.errors import DatabaseOlder
from memoria.stores.disk import Disk, opened, translated
from memoria.stores.vault import Vault

RESERVE_BYTES = 128 << 10


class Marker:
    """How often the store was opened and changed, outside of memoria.db: an older memoria.db knows of fewer times."""

    def __init__(self, path: Path, disk: Disk, vault: Vault | None = None) -> None:
        self._path = path
        self._disk = disk
        self._vault = vault

    def read(self) -> int:
        """The number; 0 when the file is missing or damaged, for it says nothing then.

        In a sealed store it was made with the store, and is signed: raises DatabaseOlder when it is not right.
        """
        line = self._path.read_bytes() if self._path.exists() else b""
        digits = line[:20]
        if digits.isdigit() and line == self._line(int(digits)):
            return int(digits)
        if self._vault is not None:
            raise DatabaseOlder(
                f"{self._path} is missing, was changed, or is of another store, so that memoria.db may be an old one: "
                "put both back, or accept them with `memoria doctor --repair`"
            )
        return 0

    def write(self, number: int) -> None:
        """Durable, in place: on a full disk too."""
        with translated(self._path):
            fd = opened(self._path, os.O_RDWR | os.O_CREAT)
            try:
                self._disk.write(fd, self._line(number), 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)

    def _line(self, number: int) -> bytes:
        digits = b"%020d" % number
        if self._vault is not None:
            return digits + b" " + self._vault.mac("epoch", digits).hex().encode() + b"\n"
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
            with os.fdopen(opened(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", buffering=0) as file:
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
