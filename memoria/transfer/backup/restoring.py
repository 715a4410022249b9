"""Restoring the files of a store from its backup. Until all is there, and sound, the store cannot be opened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from memoria.errors import BackupUnfinished, InvalidQuery, StoreCorrupt, StoreExists, StoreNotFound
from memoria.protocols import Progress
from memoria.stores.disk import Disk, read_at, sync_folder, translated
from memoria.stores.local.slots import HEADER_BYTES
from memoria.stores.restored import RESTORED, RESTORING
from memoria.stores.sealing import new_key
from memoria.transfer.backup.blocks import Journal, open_file, read_sums
from memoria.transfer.backup.layout import Blocks, Manifest, block_sum, digest, put, read, wipe
from memoria.transfer.backup.settling import DATABASE, HEAD, kept_at, slot_path

_MANY = 4096
_KEY_AND_ID = 48


def manifest_of(source: Path) -> Manifest:
    """The manifest of a backup; raises StoreNotFound where none is, BackupUnfinished where none was ever complete."""
    if not source.is_dir():
        raise StoreNotFound(f"{source} is not a directory with a backup")
    found = read(source)
    if found is not None:
        return found
    if (source / "backup.lock").exists():
        raise BackupUnfinished(f"the first backup into {source} was never complete: run `memoria backup` again")
    raise StoreNotFound(f"{source} holds no backup")


class Source:
    """The files of a backup as they are once it is settled, whether or not it is. Every block is checked."""

    def __init__(self, folder: Path, manifest: Manifest, progress: Progress | None) -> None:
        self.folder, self.manifest, self._progress = folder, manifest, progress
        self.forgotten = 0
        self._late: dict[tuple[str, int], tuple[Path, int, int]] = {}
        if not manifest.settled:
            for journal in (folder / "slots.changes", folder / "database.changes"):
                for file, block, at, size in Journal(journal, Disk()).entries():
                    self._late[slot_path(file) if file else DATABASE, block] = (journal, at, size)

    def blocks(self, name: str) -> Iterator[tuple[int, bytes]]:
        """(where it is in the file of the store, bytes) of its head and of each block; raises StoreCorrupt."""
        blocks = self.manifest.blocks[name]
        path = self.folder / kept_at(name)
        sums = read_sums(self.folder / "sums" / blocks.sums)
        if digest(b"".join(sums)) != blocks.total:
            raise StoreCorrupt(f"{self.folder / 'sums' / blocks.sums} is damaged")
        with open_file(path) as fd:
            if blocks.head:
                yield 0, self._head(fd, name, blocks)
            for n in range(blocks.count):
                data = self._block(fd, name, blocks, n)
                if block_sum(data) != sums[n]:
                    if name == DATABASE or any(data[:_KEY_AND_ID]) or any(data[64:]):
                        raise StoreCorrupt(f"{path} is damaged at block {n}")
                    # The store has forgotten it since this backup.
                    self.forgotten += 1
                yield blocks.head + n * blocks.size, data
                if self._progress is not None and n % _MANY == 0:
                    self._progress(Path(name).name, n, blocks.count)

    def _head(self, fd: int, name: str, blocks: Blocks) -> bytes:
        late = self._late.get((name, HEAD))
        data = read_at(fd, HEADER_BYTES, 0) if late is None else _read(*late)
        if digest(data) != blocks.top:
            raise StoreCorrupt(f"{self.folder / name} has a damaged head")
        return data

    def _block(self, fd: int, name: str, blocks: Blocks, n: int) -> bytes:
        size = blocks.size if blocks.head else min(blocks.size, blocks.length - n * blocks.size)
        late = self._late.get((name, n))
        return read_at(fd, size, blocks.head + n * blocks.size) if late is None else _read(*late)

    def blob(self, name: str) -> bytes:
        """Another file of the store; raises StoreCorrupt."""
        one = self.manifest.blobs[name]
        path = self.folder / "files" / one.name
        with translated(path):
            data = path.read_bytes() if path.exists() else b""
        if digest(data) != one.total:
            raise StoreCorrupt(f"{path} is missing or damaged: it is {name} of the store")
        return data


def _read(path: Path, at: int, size: int) -> bytes:
    with open_file(path) as fd:
        return read_at(fd, size, at)


def check_files(source: Path, manifest: Manifest, progress: Progress | None) -> int:
    """Reads all of a backup of files; how many slots were forgotten since. Raises StoreCorrupt."""
    there = Source(source, manifest, progress)
    for name in manifest.blocks:
        for _ in there.blocks(name):
            pass
    for name in manifest.blobs:
        there.blob(name)
    return there.forgotten


def begin(target: Path, said: dict[str, Any], disk: Disk) -> str:
    """Marks a place in which a store is being restored; returns by what this restore is known. said: of what.

    Raises StoreExists where anything else is, InvalidQuery where another restore was begun.
    """
    marker = target / RESTORING
    if marker.exists():
        begun = json.loads(marker.read_text())
        if said.items() <= begun.items():
            return str(begun["name"])
        raise InvalidQuery(f"another restore into {target} was cut short: run that one again, or remove {target} first")
    elif target.exists() and (not target.is_dir() or any(one.name != f"{RESTORING}.new" for one in target.iterdir())):
        raise StoreExists(f"{target} is not empty: restore into a place that is not there")
    with translated(target):
        target.mkdir(parents=True, exist_ok=True)
    name = new_key()[:16].hex()
    put(marker, json.dumps({**said, "name": name}).encode(), disk)
    disk.reached("restore begun")
    return name


def lay(source: Path, manifest: Manifest, target: Path, disk: Disk, progress: Progress | None) -> int:
    """Writes all files of a store; returns how many bytes. What a killed restore left is written over."""
    there, written = Source(source, manifest, progress), 0
    (target / "slots").mkdir(exist_ok=True)
    for name in (f"{DATABASE}-wal", f"{DATABASE}-shm", "epoch", RESTORED):
        (target / name).unlink(missing_ok=True)
    for path in sorted((target / "slots").iterdir()):
        if f"slots/{path.name}" not in manifest.blocks:
            wipe(path, disk)
    for name, blocks in manifest.blocks.items():
        path = target / name
        with open_file(path, os.O_RDWR | os.O_CREAT) as fd, translated(path):
            for at, data in there.blocks(name):
                disk.write(fd, data, at)
                written += len(data)
            os.ftruncate(fd, blocks.length)
            disk.sync(fd)
        _read_back(path, there.blocks(name))
        disk.reached("file restored")
    for name in manifest.blobs:
        path, data = target / name, there.blob(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, data, disk)
        written += len(data)
    disk.sync_folder(target / "slots")
    put(target / RESTORED, new_key()[:8].hex().encode(), disk)
    return written


def _read_back(path: Path, wanted: Iterator[tuple[int, bytes]]) -> None:
    with open_file(path) as fd:
        if any(read_at(fd, len(data), at) != data for at, data in wanted):
            raise StoreCorrupt(f"{path} does not hold what was written to it: look at its device")


def finish(target: Path, disk: Disk, before: Callable[[], None] | None = None) -> None:
    """Lets the store be opened."""
    if before is not None:
        before()
    disk.reached("restored")
    with translated(target):
        (target / RESTORING).unlink()
        sync_folder(target)
