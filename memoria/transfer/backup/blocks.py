"""Files in blocks: what has changed since the last backup is found by sums, and changed in the copy by a journal.

A block that the last complete backup does not have is written in its place at once. One that it has is written to a
journal first, and in its place once the new backup is complete: until then the last one stays what it was.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from memoria.errors import StoreCorrupt
from memoria.stores.disk import Disk, opened, read_at, translated
from memoria.transfer.backup.layout import SUM_BYTES, block_sum

_RECORD = struct.Struct("<QII8s")


@contextmanager
def open_file(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor of a file, closed afterwards."""
    with translated(path):
        fd = opened(path, flags)
        try:
            yield fd
        finally:
            os.close(fd)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a backup wrote. size: bytes of content. blocks: how many. zeroed: blocks that hold nothing any more."""

    size: int = 0
    blocks: int = 0
    zeroed: int = 0
    places: dict[Path, dict[int, tuple[int, bytes]]] = field(default_factory=dict)

    def wrote(self, path: Path, at: int, data: bytes) -> None:
        """Remembers what was written, so that it is read back."""
        self.size += len(data)
        self.blocks += 1
        self.places.setdefault(path, {})[at] = len(data), block_sum(data)

    def read_back(self) -> None:
        """Reads all that was written again, from the device where the system allows that; raises StoreCorrupt."""
        for path, places in self.places.items():
            with open_file(path) as fd:
                if hasattr(os, "posix_fadvise"):
                    with suppress(OSError):
                        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                if any(block_sum(read_at(fd, size, at)) != wanted for at, (size, wanted) in places.items()):
                    raise StoreCorrupt(f"{path} does not hold what was written to it: look at its device")
        self.places.clear()


class Journal:
    """Blocks that will be changed: (file, block, bytes), each with a sum, appended one after the other."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._disk = disk

    def entries(self) -> Iterator[tuple[int, int, int, int]]:
        """(file, block, where its bytes begin, how many) of all that is whole."""
        if not self.path.exists():
            return
        with open_file(self.path) as fd:
            at = 0
            while len(raw := read_at(fd, _RECORD.size, at)) == _RECORD.size:
                block, file, size, wanted = _RECORD.unpack(raw)
                if not size or block_sum(raw[:16] + read_at(fd, size, at + _RECORD.size)) != wanted:
                    return
                yield file, block, at + _RECORD.size, size
                at += _RECORD.size + size

    def kept(self) -> tuple[dict[tuple[int, int], bytes], int]:
        """What a backup that was killed has written: the sum of each block, and where to go on."""
        found: dict[tuple[int, int], bytes] = {}
        end = 0
        with open_file(self.path, os.O_RDWR | os.O_CREAT) as fd:
            for file, block, at, size in self.entries():
                found[file, block] = block_sum(read_at(fd, size, at))
                end = at + size
            with translated(self.path):
                os.ftruncate(fd, end)
        return found, end

    def add(self, fd: int, end: int, file: int, block: int, data: bytes, tally: Tally) -> int:
        """Appends a block at `end`, unsynced; where the next one goes."""
        head = _RECORD.pack(block, file, len(data), b"")[:16]
        raw = head + block_sum(head + data) + data
        with translated(self.path):
            self._disk.write(fd, raw, end)
        tally.wrote(self.path, end, raw)
        return end + len(raw)


def read_sums(path: Path) -> list[bytes]:
    """The sum of each block."""
    with translated(path):
        raw = path.read_bytes()
    return [raw[at : at + SUM_BYTES] for at in range(0, len(raw), SUM_BYTES)]


def sums_of(fd: int, head: int, size: int) -> list[bytes]:
    """The sums of the blocks that are in a file."""
    count = max(0, os.fstat(fd).st_size - head + size - 1) // size
    return [block_sum(read_at(fd, size, head + n * size)) for n in range(count)]
