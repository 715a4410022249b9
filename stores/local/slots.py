"""Slot files: one per namespace. Slots of fixed size hold key, id, fingerprint and vector; none is used twice.

A forgotten slot is all zeros, except for its fingerprint: a keyed hash of the text, by which a guard recognises it.

Byte layout: docs/format.md. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import FormatTooNew, StoreCorrupt
from memoria.stores.disk import Disk, runs
from memoria.stores.sealing import new_key
from memoria.text.fingerprints import NO_PRINT, PRINT_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Bools, Ints, Vectors

MAGIC = b"MEMSLOTS"
VERSION = 1
HEADER_BYTES = 4096
SECTOR = 512
_HEADER = struct.Struct("<8sIIIIQ32s")
_PLACE = struct.Struct("<QQ")
_CRC_AT = 48
_PRINT_AT = 52
_VECTOR_AT = 64
_MAX_GROWTH = 1024


def slot_bytes(dimension: int) -> int:
    """Size of a slot: 64 bytes and the fp16 vector, rounded up to whole 512-byte sectors."""
    return -(-(_VECTOR_AT + 2 * dimension) // SECTOR) * SECTOR


def slot_dtype(dimension: int) -> np.dtype[Any]:
    """A slot as numpy sees it."""
    return np.dtype(
        {
            "names": ["key", "id", "crc", "print", "vector"],
            "formats": ["V32", "V16", "<u4", f"V{PRINT_BYTES}", ("<f2", (dimension,))],
            "offsets": [0, 32, _CRC_AT, _PRINT_AT, _VECTOR_AT],
            "itemsize": slot_bytes(dimension),
        }
    )


def file_name(number: int) -> str:
    return f"{number:016d}.slots"


class SlotFile:
    """One slot file. Positions are slot numbers, from 0."""

    def __init__(self, path: Path, disk: Disk, *, writable: bool) -> None:
        self.path = path
        self._disk = disk
        self._fd = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        try:
            self._read_header(os.pread(self._fd, HEADER_BYTES, 0))
            self.remap()
        except StoreCorrupt:
            os.close(self._fd)
            raise

    @classmethod
    def create(cls, folder: Path, number: int, dimension: int, disk: Disk, key: bytes | None = None) -> SlotFile:
        """Makes the file with a fresh namespace key, or `key`, durable with its name."""
        path = folder / file_name(number)
        header = _HEADER.pack(
            MAGIC, VERSION, slot_bytes(dimension), dimension, 0, number, new_key() if key is None else key
        )
        header += struct.pack("<I", zlib.crc32(header))
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            disk.write(fd, header.ljust(HEADER_BYTES, b"\0"), 0)
            disk.sync(fd)
        finally:
            os.close(fd)
        disk.sync_folder(folder)
        return cls(path, disk, writable=True)

    def _read_header(self, header: bytes) -> None:
        if len(header) < HEADER_BYTES or header[:8] != MAGIC:
            raise StoreCorrupt(f"{self.path} is not a slot file or is cut short")
        _, version, size, dimension, _, number, key = _HEADER.unpack_from(header)
        if version > VERSION:
            raise FormatTooNew(f"{self.path} has slot format {version}; this memoria reads up to {VERSION}")
        (crc,) = struct.unpack_from("<I", header, _HEADER.size)
        if zlib.crc32(header[: _HEADER.size]) != crc or size != slot_bytes(dimension):
            raise StoreCorrupt(f"{self.path} has a damaged header")
        self.slot_size, self.dimension, self.number, self.key = size, dimension, number, key

    def remap(self) -> None:
        """Maps the file at its current length."""
        # A full disk or a crash can cut growth short in the middle of a slot; nothing is in that slot yet.
        self.capacity = max(0, os.fstat(self._fd).st_size - HEADER_BYTES) // self.slot_size
        dtype = slot_dtype(self.dimension)
        self.view: NDArray[Any] = (
            np.memmap(self.path, dtype=dtype, mode="r", offset=HEADER_BYTES, shape=(self.capacity,))
            if self.capacity
            else np.zeros(0, dtype)
        )

    def require(self, slots: int) -> None:
        """Raises StoreCorrupt if the file is too short for this many slots."""
        if self.capacity < slots:
            raise StoreCorrupt(f"{self.path} is cut short: {self.capacity} slots of {slots}")

    def put(
        self, first: int, ids: Sequence[bytes], keys: Sequence[bytes], prints: Sequence[bytes], vectors: NDArray[Any]
    ) -> None:
        """Writes slots from `first` on, unsynced. vectors: shape (n, d)."""
        self._reserve(first + len(ids))
        data = b"".join(
            self._pack(first + n, *slot)
            for n, slot in enumerate(zip(keys, ids, prints, vectors.astype("<f2"), strict=True))
        )
        self._disk.write(self._fd, data, self._offset(first))

    def _pack(self, slot: int, key: bytes, id: bytes, mark: bytes, vector: NDArray[Any]) -> bytes:
        tail = (mark + vector.tobytes()).ljust(self.slot_size - _PRINT_AT, b"\0")
        crc = zlib.crc32(tail, zlib.crc32(key + id, zlib.crc32(_PLACE.pack(self.number, slot))))
        return key + id + struct.pack("<I", crc) + tail

    def _reserve(self, slots: int) -> None:
        """Grows the file by zeros in advance, so that most writes do not change its size."""
        if slots <= self.capacity:
            return
        growth = min(max(16, self.capacity), _MAX_GROWTH)
        end = max(slots, self.capacity + growth)
        self._disk.write(self._fd, bytes((end - self.capacity) * self.slot_size), self._offset(self.capacity))
        self.remap()

    def zero(self, slots: Iterable[int], *, guard: bool = False) -> None:
        """Overwrites slots with zeros, unsynced; neighbours in one write. guard: fingerprints stay."""
        for first, count in runs(sorted(slots)):
            blank = np.zeros(count, slot_dtype(self.dimension))
            if guard:
                blank["print"] = self.view["print"][first : first + count]
            self._disk.write(self._fd, blank.tobytes(), self._offset(first))

    def prints(self, slots: Iterable[int]) -> list[bytes]:
        """The fingerprints in slots that have one."""
        found = (bytes(self.view["print"][slot]) for slot in slots)
        return [mark for mark in found if mark != NO_PRINT]

    def ghosts(self) -> list[int]:
        """Slots of which only the fingerprint is left."""
        gone = np.setdiff1d(np.flatnonzero(self.view["print"] != np.void(NO_PRINT)), self.used())
        return [int(slot) for slot in gone]

    def sync(self) -> None:
        """Makes durable what was put or zeroed: the point of no return."""
        self._disk.sync(self._fd)

    def wipe_and_unlink(self) -> None:
        """Overwrites the whole file with zeros, header key included, syncs, and removes its name."""
        step = 1 << 22
        size = os.fstat(self._fd).st_size
        for offset in range(0, size, step):
            self._disk.write(self._fd, bytes(min(step, size - offset)), offset)
        self._disk.sync(self._fd)
        self._disk.reached("wiped")
        self.path.unlink(missing_ok=True)
        self.close()

    def id(self, slot: int) -> bytes:
        """The 16 bytes of the id in a slot: zeros when it is empty or forgotten."""
        return os.pread(self._fd, 16, self._offset(slot) + 32).ljust(16, b"\0")

    def entry(self, slot: int) -> tuple[bytes, Vectors]:
        """Key and vector of a live slot; raises StoreCorrupt when its checksum differs."""
        if not self.intact(slot):
            raise StoreCorrupt(f"{self.path}: slot {slot} has a bad checksum")
        row = self.view[slot]
        return bytes(row["key"]), row["vector"].astype(np.float32)

    def key_of(self, slot: int) -> bytes:
        """The key in a slot, its checksum not verified: a wrong key opens nothing."""
        return bytes(self.view["key"][slot])

    def intact(self, slot: int) -> bool:
        """Whether the checksum of a slot holds."""
        raw = self.raw(slot)
        head = zlib.crc32(raw[:_CRC_AT], zlib.crc32(_PLACE.pack(self.number, slot)))
        return zlib.crc32(raw[_CRC_AT + 4 :], head) == int.from_bytes(raw[_CRC_AT : _CRC_AT + 4], "little")

    def raw(self, slot: int) -> bytes:
        return bytes(self.view[slot].tobytes())

    def torn(self, slot: int) -> bool:
        """Whether a slot is half written or half zeroed: its checksum is bad and one sector is empty."""
        raw = bytearray(self.raw(slot))
        raw[_PRINT_AT:_VECTOR_AT] = NO_PRINT
        sectors = [raw[at : at + SECTOR] for at in range(0, len(raw), SECTOR)]
        return not self.intact(slot) and any(not any(sector) for sector in sectors)

    def used(self) -> Ints:
        """Numbers of the slots that hold anything but a fingerprint, ascending."""
        if not self.capacity:
            return np.zeros(0, np.int64)
        words = np.frombuffer(self.view, dtype=np.uint64).reshape(self.capacity, -1)
        parts = [_filled(words[at : at + 65536]) for at in range(0, self.capacity, 65536)]
        return np.flatnonzero(np.concatenate(parts)).astype(np.int64)

    def taken(self, slots: Ints) -> Bools:
        """Whether each slot holds an id, shape (n,)."""
        ids: NDArray[np.uint64] = np.ascontiguousarray(self.ids(slots)).view(np.uint64).reshape(-1, 2)
        taken: Bools = (ids[:, 0] | ids[:, 1]) != 0
        return taken

    def ids(self, slots: Ints) -> NDArray[Any]:
        """Ids in slots as an array of 16-byte voids, shape (n,)."""
        return self.view["id"][slots]

    def vectors(self, slots: Ints) -> Vectors:
        """Vectors in slots, shape (n, d), float32; zeros where forgotten."""
        return self.view["vector"][slots].astype(np.float32)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self.view = np.zeros(0, slot_dtype(self.dimension))

    def _offset(self, slot: int) -> int:
        return HEADER_BYTES + slot * int(self.slot_size)


def _filled(words: NDArray[np.uint64]) -> Bools:
    """Which rows are not all zeros, apart from checksum and fingerprint. words: shape (n, slot size / 8)."""
    head, body = words[:, : _CRC_AT // 8], words[:, _VECTOR_AT // 8 :]
    filled: Bools = np.logical_or(head.any(axis=1), body.any(axis=1))
    return filled
