"""What is still to be done once a new backup is complete; doing it twice has the same effect as once."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from memoria.stores.disk import Disk, read_at, translated
from memoria.stores.local.slots import file_name
from memoria.transfer.backup.blocks import Journal, open_file
from memoria.transfer.backup.layout import STEP, Blocks, Manifest, wipe, write

DATABASE = "memoria.db"
PAGE = 4096
# In the place of the number of a block: the head of the file.
HEAD = (1 << 64) - 1


def slot_path(number: int) -> str:
    """Where a slot file is, in a store and in its backup."""
    return f"slots/{file_name(number)}"


def kept_at(name: str) -> str:
    """Where a backup has a file of the store that is kept in blocks."""
    return "database" if name == DATABASE else name


def settle(target: Path, manifest: Manifest, disk: Disk) -> Manifest:
    """Forgets in the copy what the store had forgotten, then changes what has changed; returns the manifest."""
    if manifest.settled:
        return manifest
    _apply(Journal(target / "slots.changes", disk), target, manifest, disk)
    _cut_all(target, manifest, disk)
    _wipe_others(target, manifest, disk)
    disk.reached("forgotten")
    _apply(Journal(target / "database.changes", disk), target, manifest, disk)
    _cut(target / "database", manifest.blocks[DATABASE], disk)
    for path in (target / "sums").iterdir():
        if path.name not in {one.sums for one in manifest.blocks.values()}:
            path.unlink()
    # Until here, who restores reads the journals over what is half changed.
    wipe(target / "slots.changes", disk)
    (target / "database.changes").unlink(missing_ok=True)
    done = replace(manifest, settled=True)
    write(target, done, disk)
    disk.reached("settled")
    return done


def _apply(journal: Journal, target: Path, manifest: Manifest, disk: Disk) -> None:
    """Puts every block of a journal in its place."""
    entries: dict[int, list[tuple[int, int, int]]] = {}
    for file, block, at, size in journal.entries():
        entries.setdefault(file, []).append((block, at, size))
    for file, some in entries.items():
        name = slot_path(file) if file else DATABASE
        blocks = manifest.blocks.get(name)
        if blocks is None:
            continue
        path = target / kept_at(name)
        with open_file(journal.path) as source, open_file(path, os.O_RDWR) as fd, translated(path):
            for block, at, size in some:
                if block == HEAD or block < blocks.count:
                    place = 0 if block == HEAD else blocks.head + block * blocks.size
                    disk.write(fd, read_at(source, size, at), place)
            disk.sync(fd)


def _cut_all(target: Path, manifest: Manifest, disk: Disk) -> None:
    for name, blocks in manifest.blocks.items():
        if name != DATABASE:
            _cut(target / name, blocks, disk)


def _cut(path: Path, blocks: Blocks, disk: Disk) -> None:
    """Takes away what a file has beyond its blocks; zeroed first, for it may be a key."""
    end = blocks.length if not blocks.head else blocks.head + blocks.count * blocks.size
    with open_file(path, os.O_RDWR) as fd, translated(path):
        size = os.fstat(fd).st_size
        if size > end:
            for at in range(end, size, STEP):
                disk.write(fd, bytes(min(STEP, size - at)), at)
            disk.sync(fd)
            os.ftruncate(fd, end)
            disk.sync(fd)


def _wipe_others(target: Path, manifest: Manifest, disk: Disk) -> None:
    """Wipes the files that the store does not have any more."""
    for path in sorted((target / "slots").iterdir()):
        if f"slots/{path.name}" not in manifest.blocks:
            wipe(path, disk)
    named = {one.name for one in manifest.blobs.values()}
    for path in sorted((target / "files").iterdir()):
        if path.name not in named:
            wipe(path, disk)
