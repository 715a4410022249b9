"""Slot files: one per namespace. Slots of fixed size hold key, id, fingerprint and vector; none is used twice.

A forgotten slot is all zeros, except for its fingerprint: a keyed hash of the text, by which a guard recognises it.
The header counts the slots that were acknowledged, so that a database that is older than the file is noticed.

Byte layout: docs/format.md. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import DatabaseOlder, FormatTooNew, StoreCorrupt
from memoria.stores.batches import parts, runs
from memoria.stores.disk import Disk, opened, read_at
from memoria.stores.local.descriptors import OpenedWhenUsed, OpenFiles
from memoria.stores.sealing import KEY_BYTES, new_key
from memoria.text.fingerprints import NO_PRINT, PRINT_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Bools, Ints, Vectors

MAGIC = b"MEMSLOTS"
VERSION, SEALED_VERSION = 1, 2
HEADER_BYTES = 4096
SECTOR = 512
_HEADER = struct.Struct("<8sIIIIQ32s")
# Sequence number, acknowledged, written, length, checksum. They are written in turn to two sectors, so that one that is
# torn leaves the other.
COUNTS = struct.Struct("<QQQQ")
COUNTS_AT = (SECTOR, 2 * SECTOR)
COPY_AT = 72
_PLACE = struct.Struct("<QQ")
_CRC_AT = 48
_PRINT_AT = 52
_VECTOR_AT = 64
_MAX_GROWTH = 1024
_ZEROED_AT_ONCE = 4096


def slot_bytes(dimension: int) -> int:
    """Size of a slot: 64 bytes and the fp16 vector, rounded up to whole 512-byte sectors."""
    return -(-(_VECTOR_AT + 2 * dimension) // SECTOR) * SECTOR


@cache
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


class WrongName(StoreCorrupt):
    """A slot file has the name of another."""


class SlotFile(OpenedWhenUsed):
    """One slot file, in clear (sealed_slots.py has the other kind). Positions are slot numbers, from 0."""

    _version = VERSION

    def __init__(self, path: Path, disk: Disk, *, writable: bool, among: OpenFiles | None = None) -> None:
        super().__init__(path, writable=writable, among=among)
        self._disk = disk
        try:
            self._read_header(read_at(self._fd, HEADER_BYTES, 0))
            self.remap()
        except BaseException:
            self.close()
            raise

    def _read_header(self, header: bytes) -> None:
        size, dimension, number, key = _told(self.path, header, self._version)
        if size != self._slot_bytes(dimension):
            raise StoreCorrupt(f"{self.path} has a damaged header")
        if file_name(number) != self.path.name:
            raise WrongName(f"{self.path} was made as {file_name(number)}: it is not the file of this name")
        self.slot_size, self.dimension, self.number = size, dimension, number
        self._read_keys(header, key)
        self._read_counts(header)

    def _slot_bytes(self, dimension: int) -> int:
        return slot_bytes(dimension)

    def _dtype(self) -> np.dtype[Any]:
        return slot_dtype(self.dimension)

    def _read_keys(self, header: bytes, key: bytes) -> None:
        self.key = key
        copied = header[COPY_AT : COPY_AT + KEY_BYTES]
        self.store_key: bytes | None = copied if header[COPY_AT:].startswith(_copy(copied)) else None

    def copy_key(self, store_key: bytes) -> None:
        """Writes a copy of store.key, unsynced, into the header of a file that has none."""
        self._disk.write(self._fd, _copy(store_key), COPY_AT)
        self.store_key = store_key

    def _read_counts(self, header: bytes) -> None:
        """acknowledged: slots before this one were acknowledged; None in a file of format 3, or when damaged.

        written: slots from here on were never written. length: room for so many slots is in the file for sure.
        """
        numbers = [COUNTS.unpack_from(header, at) for at in COUNTS_AT]
        counted = [self._counted(*some) for some in numbers]
        copies = [header[at : at + len(one)] for at, one in zip(COUNTS_AT, counted, strict=True)]
        whole = [some for some, one, copy in zip(numbers, counted, copies, strict=True) if one == copy]
        self._sequence, acknowledged, written, self.length = max(whole, default=(2, 0, 0, 0))
        self.acknowledged: int | None = acknowledged if whole else None
        self.written: int | None = written if whole else None
        self.counted = any(map(any, copies))

    def _counted(self, sequence: int, acknowledged: int, written: int, length: int) -> bytes:
        """Counts as they stand in the header."""
        return _counts(sequence, acknowledged, written, length)

    def remap(self) -> None:
        """Maps the file at its current length."""
        # A full disk or a crash can cut growth short in the middle of a slot; nothing is in that slot yet.
        self.capacity = max(0, os.fstat(self._fd).st_size - HEADER_BYTES) // self.slot_size
        self._mapped = None

    @property
    def view(self) -> NDArray[Any]:
        """The slots as an array, shape (capacity,), read only; empty once the file is closed."""
        if self._mapped is None:
            self._mapped = self._map(self._dtype(), HEADER_BYTES, self.capacity)
        return self._mapped

    def require(self, slots: int) -> None:
        """Raises StoreCorrupt if the file is too short for this many slots."""
        if self.capacity < slots:
            raise StoreCorrupt(f"{self.path} is cut short: {self.capacity} slots of {slots}")

    def count(self, acknowledged: int, written: int) -> None:
        """Writes down, unsynced, how many slots are acknowledged and how many are written."""
        self._sequence += 1
        counted = self._counted(self._sequence, acknowledged, written, self.length)
        self._disk.write(self._fd, counted, COUNTS_AT[self._sequence % 2])
        self.acknowledged, self.written, self.counted = acknowledged, written, True

    def acknowledge(self, slots: int) -> None:
        """Writes down, unsynced, that all slots are acknowledged; a disk that fails leaves counts that are true too."""
        with suppress(OSError):
            self.count(slots, slots)

    def agree(self, next_slot: int) -> int:
        """Makes room for the slots that a database knows, and takes all that are in use for written; how many."""
        self._reserve(next_slot)
        self.sync()
        written = max([next_slot, *(int(slot) + 1 for slot in self.used()[-1:])])
        self.count(written, written)
        self.sync()
        return written

    def put(
        self,
        first: int,
        ids: Sequence[bytes],
        keys: Sequence[bytes],
        prints: Sequence[bytes],
        vectors: NDArray[Any],
        *,
        acknowledged: int,
    ) -> None:
        """Writes slots from `first` on, unsynced. vectors: shape (n, d). acknowledged: how many slots are by now."""
        self._reserve(first + len(ids))
        self.count(acknowledged, first + len(ids))
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
        for some in parts(sorted(slots), _ZEROED_AT_ONCE):
            blank = np.zeros(len(some), self._dtype())
            if guard:
                blank["print"] = self.view["print"][some]
            zeros, at = blank.tobytes(), 0
            for first, count in runs(some):
                size = count * self.slot_size
                self._disk.write(self._fd, zeros[at : at + size], self._offset(first))
                at += size

    def prints(self, slots: Iterable[int]) -> list[bytes]:
        """The fingerprints in slots that have one."""
        return [mark for mark in self.marks(slots) if mark != NO_PRINT]

    def signs(self, count: int) -> NDArray[np.uint32]:
        """What differs after any change of each of the first slots, shape (count, w)."""
        some = self.view[:count]
        ids = np.ascontiguousarray(some["id"]).view(np.uint32).reshape(count, 4)
        prints = np.ascontiguousarray(some["print"]).view(np.uint32).reshape(count, 3)
        return np.concatenate([ids, some["crc"].reshape(count, 1), prints], axis=1)

    def id_in(self, slot: int, raw: bytes) -> bytes:
        """The id in the bytes of a slot of a copy of this file; zeros where there is none."""
        return raw[KEY_BYTES:_CRC_AT]

    def marks(self, slots: Iterable[int]) -> list[bytes]:
        """The fingerprint in each slot, zeros where there is none."""
        asked = np.fromiter(slots, np.int64)
        return [bytes(mark) for mark in self.view["print"][asked].tolist()] if len(asked) else []

    def _printed(self) -> Ints:
        """Slots with anything in the place of a fingerprint."""
        return np.flatnonzero(self.view["print"] != np.void(NO_PRINT)).astype(np.int64)

    def ghosts(self) -> list[int]:
        """Slots of which only the fingerprint is left."""
        gone = np.setdiff1d(self._printed(), self.used())
        return [int(slot) for slot in gone]

    def sync(self) -> None:
        """Makes durable what was put or zeroed: the point of no return."""
        self._disk.sync(self._fd)
        self.length = self.capacity

    def wipe_and_unlink(self) -> None:
        """Overwrites the whole file with zeros, header key included, syncs, and removes its name."""
        step = 1 << 22
        size = os.fstat(self._fd).st_size
        for offset in range(0, size, step):
            self._disk.write(self._fd, bytes(min(step, size - offset)), offset)
        self._disk.sync(self._fd)
        self._disk.reached("wiped")
        # What is open cannot be unlinked everywhere.
        self.close()
        self.path.unlink(missing_ok=True)

    def id(self, slot: int) -> bytes:
        """The 16 bytes of the id in a slot: zeros when it is empty or forgotten."""
        return read_at(self._fd, 16, self._offset(slot) + 32).ljust(16, b"\0")

    def entry(self, slot: int) -> tuple[bytes, Vectors]:
        """Key and vector of a live slot; raises StoreCorrupt when its checksum differs."""
        if not self.intact(slot):
            raise StoreCorrupt(f"{self.path}: slot {slot} has a bad checksum")
        row = self.view[slot]
        return bytes(row["key"]), row["vector"].astype(np.float32)

    def key_of(self, slot: int) -> bytes:
        """The key in a slot, its checksum not verified: a wrong key opens nothing."""
        return bytes(self.view["key"][slot])

    def holders(self, slots: Sequence[int]) -> list[tuple[bytes, bytes]]:
        """The id and the key in each slot of the file, zeros where it is forgotten; no checksum is verified."""
        asked = np.asarray(slots, np.int64)
        return list(zip(map(bytes, self.view["id"][asked]), map(bytes, self.view["key"][asked]), strict=True))

    def intact(self, slot: int) -> bool:
        """Whether the checksum of a slot holds."""
        raw = self.raw(slot)
        head = zlib.crc32(raw[:_CRC_AT], zlib.crc32(_PLACE.pack(self.number, slot)))
        return zlib.crc32(raw[_CRC_AT + 4 :], head) == int.from_bytes(raw[_CRC_AT : _CRC_AT + 4], "little")

    def damaged(self, slot: int) -> bool:
        """Whether a slot holds something, and its checksum does not say so."""
        return any(self.raw(slot)[:_CRC_AT] + self.raw(slot)[_VECTOR_AT:]) and not self.intact(slot)

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

    def whole(self) -> bool:
        """Whether the checksum of every slot in use holds."""
        return all(map(self.intact, map(int, self.used())))

    def taken(self, slots: Ints) -> Bools:
        """Whether each slot holds an id, shape (n,)."""
        return filled(self.ids(slots))

    def ids(self, slots: Ints) -> NDArray[Any]:
        """Ids in slots as an array of 16-byte voids, shape (n,)."""
        return self.view["id"][slots]

    def vectors(self, slots: Ints) -> Vectors:
        """Vectors in slots, shape (n, d), float32; zeros where forgotten."""
        return self.view["vector"][slots].astype(np.float32)

    def _offset(self, slot: int) -> int:
        return HEADER_BYTES + slot * int(self.slot_size)


def _told(path: Path, header: bytes, wanted: int) -> tuple[int, int, int, bytes]:
    """(bytes of a slot, dimension, number, key) that a header tells; raises StoreCorrupt, FormatTooNew.

    wanted: the version that a file of this store has.
    """
    if len(header) < HEADER_BYTES or header[:8] != MAGIC:
        raise StoreCorrupt(f"{path} is not a slot file or is cut short")
    _, version, size, dimension, _, number, key = _HEADER.unpack_from(header)
    if version > SEALED_VERSION:
        raise FormatTooNew(f"{path} has slot format {version}; this memoria reads up to {SEALED_VERSION}")
    (crc,) = struct.unpack_from("<I", header, _HEADER.size)
    if zlib.crc32(header[: _HEADER.size]) != crc:
        raise StoreCorrupt(f"{path} has a damaged header")
    if version != wanted:
        raise StoreCorrupt(
            f"{path} is {'in clear' if version == VERSION else 'sealed'}, and its store is not: it is of another"
        )
    return size, dimension, number, key


def filled(ids: NDArray[Any]) -> Bools:
    """Whether each is an id, and not zeros; shape (n,)."""
    halves: NDArray[np.uint64] = np.ascontiguousarray(ids).view(np.uint64).reshape(-1, 2)
    found: Bools = (halves[:, 0] | halves[:, 1]) != 0
    return found


def head(version: int, size: int, dimension: int, number: int, key: bytes) -> bytes:
    """The beginning of a header."""
    packed = _HEADER.pack(MAGIC, version, size, dimension, 0, number, key)
    return packed + struct.pack("<I", zlib.crc32(packed))


def create_clear(
    folder: Path,
    number: int,
    dimension: int,
    disk: Disk,
    store_key: bytes,
    key: bytes | None = None,
    *,
    among: OpenFiles | None = None,
) -> SlotFile:
    """Makes a file with a fresh namespace key, or `key`, durable with its name, and with a copy of store.key.

    A file that has the name already is left as it is: the database that gave the number again is an old one.
    """
    header = head(VERSION, slot_bytes(dimension), dimension, number, new_key() if key is None else key)
    header = header.ljust(COPY_AT, b"\0") + _copy(store_key)
    header = header.ljust(COUNTS_AT[0], b"\0") + _counts(2, 0, 0, 0)
    return SlotFile(make_file(folder, number, header, disk), disk, writable=True, among=among)


def make_file(folder: Path, number: int, header: bytes, disk: Disk) -> Path:
    """Makes a file of a header alone, durable with its name; raises DatabaseOlder when it is there already."""
    path = folder / file_name(number)
    try:
        fd = opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        raise DatabaseOlder(f"{path} is there already: memoria.db is older than it") from None
    try:
        disk.write(fd, header.ljust(HEADER_BYTES, b"\0"), 0)
        disk.sync(fd)
    finally:
        os.close(fd)
    disk.sync_folder(folder)
    return path


def check_counts(slots: SlotFile, next_slot: int, *, writable: bool) -> None:
    """Raises StoreCorrupt unless the file is as new as the database, which says what slot comes next.

    writable: whether no other process can have acknowledged more since the database was read.
    """
    slots.require(max(next_slot, slots.length))
    if slots.acknowledged is None or slots.written is None:
        if slots.counted:
            raise StoreCorrupt(f"{slots.path} has damaged counts of slots in its header")
        return
    if writable and next_slot < slots.acknowledged:
        raise DatabaseOlder(
            f"memoria.db is older than {slots.path}: it knows {next_slot} slots of {slots.acknowledged} that were "
            "acknowledged; put the newer memoria.db back, with its memoria.db-wal if there was one"
        )
    if next_slot > slots.written:
        raise StoreCorrupt(
            f"{slots.path} is older than memoria.db: it has {slots.written} slots of {next_slot}; put the newer back"
        )


def _copy(store_key: bytes) -> bytes:
    return store_key + struct.pack("<I", zlib.crc32(store_key))


def _counts(sequence: int, acknowledged: int, written: int, length: int) -> bytes:
    counted = COUNTS.pack(sequence, acknowledged, written, length)
    return counted + struct.pack("<I", zlib.crc32(counted))


def _filled(words: NDArray[np.uint64]) -> Bools:
    """Which rows are not all zeros, apart from checksum and fingerprint. words: shape (n, slot size / 8)."""
    head, body = words[:, : _CRC_AT // 8], words[:, _VECTOR_AT // 8 :]
    filled: Bools = np.logical_or(head.any(axis=1), body.any(axis=1))
    return filled
