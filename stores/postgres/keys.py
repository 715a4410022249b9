"""Where data keys are: outside the database, so that destroying one forgets what it sealed, in every backup too.

A tenant is a namespace in one of its lives: erased and made again under its name, it is another tenant.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from memoria.errors import StoreCorrupt
from memoria.stores.batches import runs
from memoria.stores.disk import Disk, alone_with, opened, read_at, translated
from memoria.stores.sealing import KEY_BYTES, new_key

MAGIC = b"MEMKEYS1"
_HEADER = struct.Struct("<8s32sI")
HEADER_BYTES = 512
_GROWTH, _MAX_GROWTH = 16, 32_768
GONE = bytes(KEY_BYTES)
# So many slots that lie together are read by one call, however few of them are asked for: 32 KB.
_AT_ONCE = 1024


@runtime_checkable
class KeyProvider(Protocol):
    """Keeps 32-byte keys by tenant and slot. What returns is durable, and a destroyed key is nowhere any more.

    A slot is used once; `put` over it happens only where what was put there was never acknowledged.
    """

    @property
    def folder(self) -> Path | None:
        """A directory of this store outside the database, for adapters; None when there is none."""
        ...

    def root(self, *, make: bool) -> bytes:
        """The key of names in look-ups, made when there is none and `make`; raises StoreCorrupt when there is none."""
        ...

    def create(self, tenant: bytes) -> bytes:
        """Makes a tenant and returns its own key, under which its name and its look-ups are."""
        ...

    def own(self, tenant: bytes) -> bytes | None:
        """The own key of a tenant; None when it was destroyed."""
        ...

    def put(self, tenant: bytes, first: int, keys: Sequence[bytes]) -> None:
        """Keeps keys in slots from `first` on."""
        ...

    def get(self, tenant: bytes, slots: Sequence[int]) -> list[bytes | None]:
        """The keys in slots, None where there is none any more."""
        ...

    def destroy(self, tenant: bytes, slots: Iterable[int]) -> None:
        """Destroys the keys in slots: the point of no return. Doing it twice is doing it once."""
        ...

    def destroy_tenant(self, tenant: bytes) -> None:
        """Destroys all keys of a tenant, its own among them."""
        ...

    def files(self) -> Iterator[Path]:
        """Every file in which keys stand, as far as it can be read from here."""
        ...


class DirectoryKeys:
    """Keys in a directory: one file for each tenant, zeroed in place and synced. Processes may share it.

    root.key                32 random bytes
    ab/abcd....keys         header of 512 bytes: magic, the tenant's own key, CRC-32; then slots of 32 bytes
    """

    def __init__(self, folder: str | os.PathLike[str], *, disk: Disk | None = None) -> None:
        self._folder = Path(folder)
        self._disk = disk if disk is not None else Disk()

    @property
    def folder(self) -> Path:
        return self._folder

    def root(self, *, make: bool) -> bytes:
        path = self._folder / "root.key"
        if make and not path.exists():
            with translated(path):
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_linked(path, new_key(), self._disk)
        key = path.read_bytes() if path.exists() else b""
        if len(key) != KEY_BYTES:
            raise StoreCorrupt(f"{path}: {len(key)} bytes are not a key of {KEY_BYTES}: the store's keys belong here")
        return key

    def create(self, tenant: bytes) -> bytes:
        key = new_key()
        head = MAGIC + key
        self._make(self._path(tenant), head + struct.pack("<I", zlib.crc32(head)))
        return key

    @property
    def _slot_bytes(self) -> int:
        return KEY_BYTES

    def _make(self, path: Path, header: bytes) -> None:
        """Makes a file of a header and empty slots, durable with its name."""
        with translated(path):
            path.parent.mkdir(exist_ok=True, mode=0o700)
            fd = opened(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            try:
                self._disk.write(fd, header.ljust(HEADER_BYTES + _GROWTH * self._slot_bytes, b"\0"), 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)
            self._disk.sync_folder(path.parent)
            self._disk.sync_folder(self._folder)

    def own(self, tenant: bytes) -> bytes | None:
        path = self._path(tenant)
        try:
            with path.open("rb") as file:
                return _own(file.read(_HEADER.size), path)
        except FileNotFoundError:
            return None

    def put(self, tenant: bytes, first: int, keys: Sequence[bytes]) -> None:
        self._put(tenant, first, len(keys), b"".join(keys))

    def _put(self, tenant: bytes, first: int, count: int, data: bytes) -> None:
        """Writes slots from `first` on, durable."""
        with translated(self._path(tenant)):
            fd = self._open(tenant)
        try:
            with translated(self._path(tenant)):
                self._reserve(fd, first + count)
                self._disk.write(fd, data, self._offset(first))
                self._disk.reached("keys written")
                self._disk.sync(fd)
                self._disk.reached("keys synced")
        finally:
            os.close(fd)

    def _reserve(self, fd: int, slots: int) -> None:
        """Grows the file ahead of need, so that most writes change no file size; of several at once, one after another.

        Whoever measured the file before another grew it would write zeros over what that one has put since.
        """
        if slots <= self._slots(fd):
            return
        with alone_with(fd):
            have = self._slots(fd)
            if slots > have:
                end = max(slots, have + min(max(_GROWTH, have), _MAX_GROWTH))
                self._disk.write(fd, bytes((end - have) * self._slot_bytes), self._offset(have))

    def _slots(self, fd: int) -> int:
        return max(0, os.fstat(fd).st_size - HEADER_BYTES) // self._slot_bytes

    def get(self, tenant: bytes, slots: Sequence[int]) -> list[bytes | None]:
        return [key if key != GONE else None for key in self._raw(tenant, slots)]

    def _raw(self, tenant: bytes, slots: Sequence[int]) -> list[bytes]:
        """What stands in slots; zeros where there is nothing."""
        size = self._slot_bytes
        if not len(slots):
            return []
        try:
            fd = opened(self._path(tenant), os.O_RDONLY)
        except FileNotFoundError:
            return [bytes(size)] * len(slots)
        try:
            low, high = min(slots), max(slots) + 1
            if high - low <= max(4 * len(slots), _AT_ONCE):
                raw = read_at(fd, (high - low) * size, self._offset(low))
                found = [raw[(slot - low) * size :][:size] for slot in slots]
            else:
                found = [read_at(fd, size, self._offset(slot)) for slot in slots]
        finally:
            os.close(fd)
        return [one if len(one) == size else bytes(size) for one in found]

    def destroy(self, tenant: bytes, slots: Iterable[int]) -> None:
        try:
            fd = self._open(tenant)
        except FileNotFoundError:
            return
        try:
            with translated(self._path(tenant)):
                have = self._slots(fd)
                for first, count in runs(sorted(slot for slot in slots if slot < have)):
                    self._disk.write(fd, bytes(count * self._slot_bytes), self._offset(first))
                self._disk.reached("keys zeroed")
                self._disk.sync(fd)
                self._disk.reached("zero synced")
        finally:
            os.close(fd)

    def destroy_tenant(self, tenant: bytes) -> None:
        path = self._path(tenant)
        try:
            fd = self._open(tenant)
        except FileNotFoundError:
            return
        try:
            with translated(path):
                size, step = os.fstat(fd).st_size, 1 << 22
                for offset in range(0, size, step):
                    self._disk.write(fd, bytes(min(step, size - offset)), offset)
                self._disk.sync(fd)
                self._disk.reached("wiped")
                path.unlink(missing_ok=True)
                self._disk.sync_folder(path.parent)
        finally:
            os.close(fd)

    def files(self) -> Iterator[Path]:
        return (path for path in sorted(self._folder.rglob("*")) if path.is_file())

    def _open(self, tenant: bytes) -> int:
        return opened(self._path(tenant), os.O_RDWR)

    def _offset(self, slot: int) -> int:
        return HEADER_BYTES + slot * self._slot_bytes

    def _path(self, tenant: bytes) -> Path:
        return _path(self._folder, tenant)


@lru_cache(maxsize=4096)
def _path(folder: Path, tenant: bytes) -> Path:
    name = tenant.hex()
    return folder / name[:2] / f"{name}.keys"


def _own(raw: bytes, path: Path) -> bytes | None:
    """The key in a header; None when it is wiped."""
    if not any(raw):
        return None
    magic, key, crc = _HEADER.unpack(raw.ljust(_HEADER.size, b"\0"))
    if magic != MAGIC or crc != zlib.crc32(magic + key):
        raise StoreCorrupt(f"{path} is not a file of keys or is damaged")
    return bytes(key)


def write_linked(path: Path, data: bytes, disk: Disk) -> None:
    """Makes a file, whole or not at all; of two processes that make it, the first wins."""
    fresh = path.with_name(f"{path.stem}.{os.getpid()}")
    fd = opened(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        disk.write(fd, data, 0)
        disk.sync(fd)
    finally:
        os.close(fd)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    disk.sync_folder(path.parent)
