"""A directory of keys that is sealed: every key stands in it under the data key of unlock.json.

root.key                sealed: nonce, 32 bytes, tag
ab/abcd....keys         header of 512 bytes: magic, salt, the tenant's own key sealed; then slots of 64 bytes, each a
                        key sealed under the salt's key and bound to tenant and slot, or zeros
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from memoria.errors import KeyLost, RekeyUnfinished, StoreCorrupt, StoreError, StoreNotFound, StoreNotSealed
from memoria.protocols import KeyWrapper
from memoria.stores import unlocking
from memoria.stores.disk import Disk, translated
from memoria.stores.local.lock import WriterLock
from memoria.stores.local.unsealing import wipe
from memoria.stores.postgres.keys import GONE, HEADER_BYTES, MAGIC, DirectoryKeys, write_linked
from memoria.stores.sealing import KEY_BYTES, new_key
from memoria.stores.shards import ADAPTERS, sealed_shard
from memoria.stores.unlocking import write_whole
from memoria.stores.vault import OVERHEAD, Vault, found, opened_under, sealed_under

SEALED_MAGIC = b"MEMKEYS2"
SLOT_BYTES = 64
_SEALED_BYTES = KEY_BYTES + OVERHEAD
_HEAD = struct.Struct(f"<8s{KEY_BYTES}s")
# Of a rekey that seals a directory: while it is there, some files are in clear still.
SEALING = "sealing"
_CLEAR = ".clear"
_WRONG = b"\xff" * KEY_BYTES


def keys_in(folder: Path, wrapper: KeyWrapper | None, disk: Disk, *, make: bool) -> DirectoryKeys:
    """The keys in a directory, sealed when it is, or when it is new and a wrapper is given.

    Raises StoreSealed, StoreNotSealed, WrongKey, KeyLost, RekeyUnfinished.
    """
    if (folder / SEALING).exists():
        raise RekeyUnfinished(f"{folder} is sealed in part: run `memoria rekey` again")
    if unlocking.is_sealed(folder):
        return SealedDirectoryKeys(folder, unlocking.unlock(folder, wrapper), disk=disk)
    root = folder / "root.key"
    if root.exists():
        if root.stat().st_size > KEY_BYTES:
            raise KeyLost(f"{folder / unlocking.FILE} is missing beside sealed keys: without it nothing opens them")
        if wrapper is not None:
            raise StoreNotSealed(f"{folder} is in clear: open it without unlock=, or seal it with `memoria rekey`")
    if wrapper is None or not make:
        return DirectoryKeys(folder, disk=disk)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = WriterLock(folder / "lock", 10.0)
        try:
            if unlocking.is_sealed(folder):
                return SealedDirectoryKeys(folder, unlocking.unlock(folder, wrapper), disk=disk)
            return SealedDirectoryKeys(folder, unlocking.create(folder, wrapper, disk), disk=disk)
        finally:
            lock.release()


class SealedDirectoryKeys(DirectoryKeys):
    """Keys in a directory, sealed."""

    def __init__(self, folder: Path, vault: Vault, *, disk: Disk | None = None) -> None:
        super().__init__(folder, disk=disk)
        self.vault = vault

    def root(self, *, make: bool) -> bytes:
        path = self._folder / "root.key"
        if make and not path.exists():
            with translated(path):
                write_linked(path, self.vault.seal("root.key", new_key()), self._disk)
        if not path.exists():
            raise StoreCorrupt(f"{path} is missing: the store's keys belong here")
        return found(self.vault.open("root.key", path.read_bytes()), path)

    def create(self, tenant: bytes) -> bytes:
        key = new_key()
        self._make(self._path(tenant), sealed_header(self.vault, tenant, key))
        return key

    def own(self, tenant: bytes) -> bytes | None:
        path = self._path(tenant)
        try:
            with path.open("rb") as file:
                raw = file.read(_HEAD.size + _SEALED_BYTES)
        except FileNotFoundError:
            return None
        return self._opened_header(raw, tenant, path)[1] if any(raw) else None

    def _opened_header(self, raw: bytes, tenant: bytes, path: Path) -> tuple[bytes, bytes]:
        """The key of the slots, and the tenant's own; raises StoreCorrupt."""
        if raw[: len(SEALED_MAGIC)] != SEALED_MAGIC:
            raise StoreCorrupt(f"{path} is not a file of sealed keys or is damaged")
        head, sealed = raw[: _HEAD.size], raw[_HEAD.size : _HEAD.size + _SEALED_BYTES]
        under = _under(self.vault, head)
        return under, found(opened_under(under, sealed, head + tenant), path)

    def put(self, tenant: bytes, first: int, keys: Sequence[bytes]) -> None:
        under = self._under(tenant)
        data = b"".join(sealed_slot(under, tenant, first + n, key) for n, key in enumerate(keys))
        self._put(tenant, first, len(keys), data)

    def _under(self, tenant: bytes) -> bytes:
        path = self._path(tenant)
        with translated(path), path.open("rb") as file:
            return self._opened_header(file.read(_HEAD.size + _SEALED_BYTES), tenant, path)[0]

    def get(self, tenant: bytes, slots: Sequence[int]) -> list[bytes | None]:
        raw = self._raw(tenant, slots)
        if not any(map(any, raw)):
            return [None] * len(slots)
        try:
            under = self._under(tenant)
        except StoreError:
            # Another process may have destroyed the tenant meanwhile.
            if self._path(tenant).exists():
                raise
            return [None] * len(slots)
        return [
            # What was changed is not forgotten: it is a key that opens nothing.
            opened_under(under, one[:_SEALED_BYTES], _place(tenant, slot)) or _WRONG if any(one) else None
            for slot, one in zip(slots, raw, strict=True)
        ]

    def wrong(self) -> Iterator[str]:
        """What was changed in the directory by somebody without the data key."""
        said = unlocking.unfinished(self._folder)
        if said is not None:
            yield said
        for path in sorted(self._folder.glob("??/*.keys")):
            tenant = bytes.fromhex(path.stem)
            try:
                with path.open("rb") as file:
                    header = file.read(HEADER_BYTES)
                    under, _ = self._opened_header(header, tenant, path)
                    if any(header[_HEAD.size + _SEALED_BYTES :]):
                        yield f"{path}: something is written behind the fields of its header"
                    for slot, raw in enumerate(iter(lambda file=file: file.read(SLOT_BYTES), b"")):  # type: ignore[misc]  # bound at once
                        wrong = (
                            any(raw[_SEALED_BYTES:])
                            or opened_under(under, raw[:_SEALED_BYTES], _place(tenant, slot)) is None
                        )
                        if any(raw) and wrong:
                            yield f"{path}: slot {slot} was changed"
            except StoreCorrupt as error:
                yield str(error)

    @property
    def _slot_bytes(self) -> int:
        return SLOT_BYTES


def sealed_header(vault: Vault, tenant: bytes, key: bytes) -> bytes:
    """The header of a tenant's file."""
    head = _HEAD.pack(SEALED_MAGIC, new_key())
    return (head + sealed_under(_under(vault, head), key, head + tenant)).ljust(HEADER_BYTES, b"\0")


def sealed_slot(under: bytes, tenant: bytes, slot: int, key: bytes) -> bytes:
    """A key as it stands in its slot."""
    return sealed_under(under, key, _place(tenant, slot)).ljust(SLOT_BYTES, b"\0")


def _under(vault: Vault, head: bytes) -> bytes:
    return vault.key("keys", head[len(SEALED_MAGIC) :])


def _place(tenant: bytes, slot: int) -> bytes:
    return tenant + slot.to_bytes(8, "little")


# -- rekey --


def rekey_keys(folder: Path, old: KeyWrapper | None, new: KeyWrapper, disk: Disk) -> tuple[bool, int]:
    """Wraps the data key of a directory anew, or seals one that is in clear; whether it was, and how many files.

    Cut short while it seals, it leaves `sealing` behind, without which nothing opens the directory: done again with the
    new key, it goes on.
    """
    if not (folder / "root.key").exists():
        raise StoreNotFound(f"{folder} holds no keys of a store")
    half = (folder / SEALING).exists()
    if unlocking.is_sealed(folder):
        unlocking.unlock(folder, new if half else old)
    elif old is not None:
        raise StoreNotSealed(f"{folder} is in clear: leave unlock= out")
    with translated(folder):
        lock = WriterLock(folder / "lock", 10.0)
        try:
            if unlocking.is_sealed(folder) and not half:
                unlocking.rewrap(folder, old, new, disk)
                return False, 1
            return True, _seal(folder, new, disk)
        finally:
            lock.release()


def _seal(folder: Path, new: KeyWrapper, disk: Disk) -> int:
    write_whole(folder / SEALING, b"", disk)
    vault = unlocking.unlock(folder, new) if unlocking.is_sealed(folder) else unlocking.create(folder, new, disk)
    disk.reached("sealing begun")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    count = 0
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".keys" and data[: len(MAGIC)] == MAGIC:
            _replace(path, _sealed_file(vault, bytes.fromhex(path.stem), data, path), disk)
        elif path == folder / "root.key" and len(data) == KEY_BYTES:
            _replace(path, vault.seal(path.name, data), disk)
        elif path.parent == folder / ADAPTERS and vault.open(ADAPTERS, data, path.name.encode()) is None:
            _replace(path, sealed_shard(vault, path.name, data), disk)
        else:
            continue
        count += 1
        disk.reached("keys sealed")
    for kept in sorted(folder.rglob(f"*{_CLEAR}")):
        wipe(kept, disk)
    (folder / SEALING).unlink()
    disk.sync_folder(folder)
    return count


def _sealed_file(vault: Vault, tenant: bytes, data: bytes, path: Path) -> bytes:
    """A tenant's file with the same keys in the same slots, sealed."""
    head = data[: len(MAGIC) + KEY_BYTES]
    header = sealed_header(vault, tenant, head[len(MAGIC) :])
    under = _under(vault, header[: _HEAD.size])
    slots = [data[at : at + KEY_BYTES] for at in range(HEADER_BYTES, len(data), KEY_BYTES)]
    whole = [key for key in slots if len(key) == KEY_BYTES]
    sealed = (bytes(SLOT_BYTES) if key == GONE else sealed_slot(under, tenant, n, key) for n, key in enumerate(whole))
    return header + b"".join(sealed)


def _replace(path: Path, data: bytes, disk: Disk) -> None:
    """Puts a sealed file in the place of one in clear, which is overwritten after it."""
    kept = path.with_name(f"{path.name}{_CLEAR}")
    kept.unlink(missing_ok=True)
    os.link(path, kept)
    disk.sync_folder(path.parent)
    write_whole(path, data, disk)
    disk.reached("clear file replaced")
    wipe(kept, disk)
