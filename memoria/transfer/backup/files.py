"""The backup of a store in a directory: its files, a block at a time, while it is open, here or in another process.

1. What was forgotten since the last backup is zeroed in the copy. 2. Slots that are new are copied, while others write.
3. The writer is held still for a moment, in which what has changed meanwhile is read. 4. Pages of the database that
have changed are copied to a journal. 5. The manifest is replaced: the new backup is complete. 6. What is still to be
done is done (settling.py): slots are zeroed, files wiped, the journal is carried out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.protocols import Progress
from memoria.stores import LocalStore
from memoria.stores.batches import parts
from memoria.stores.disk import Disk, read_at, translated
from memoria.stores.local.database import Database, marks
from memoria.stores.local.gone import absorbed, gone_since, position
from memoria.stores.local.sealed_slots import open_slots
from memoria.stores.local.slots import HEADER_BYTES, SlotFile, file_name
from memoria.stores.local.still import Pinned, still
from memoria.stores.local.unsealing import database_key
from memoria.stores.sealing import new_key
from memoria.transfer.backup.blocks import Journal, Tally, open_file, read_sums, sums_of
from memoria.transfer.backup.layout import Blob, Blocks, Manifest, block_sum, digest, known_by, put, wipe, write
from memoria.transfer.backup.settling import DATABASE, HEAD, PAGE, kept_at, settle, slot_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OURS = ("lock", "reserve", "restored", "restoring")
_MANY = 4096
# A slot that begins with so many zeros holds nothing: of a key, or of a nonce.
_EMPTY = 12


@dataclass(slots=True, kw_only=True)
class _Seen:
    """A slot file as it was read. marks: of each slot, to see that it changes. sums: of each slot."""

    slots: SlotFile
    marks: NDArray[np.uint32]
    sums: list[bytes]
    known: list[bytes]
    old: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behalf:
    """What the manifest says of the store of which a working copy is one. said: fields. keys: fields that are keys."""

    said: Mapping[str, Any]
    keys: Mapping[str, bytes]


class FilesBackup:
    """One backup of one directory.

    disk: what writes the copy. behalf: where the directory is a working copy of another store.
    """

    def __init__(
        self,
        store: LocalStore,
        target: Path,
        last: Manifest | None,
        disk: Disk,
        progress: Progress | None,
        behalf: Behalf | None = None,
    ) -> None:
        self._store, self._folder, self._target = store, store.path, target
        self._behalf = behalf
        self._last, self._disk, self._progress = last, disk, progress
        self.tally = Tally()
        self._seen: dict[int, _Seen] = {}
        self._blobs: dict[str, tuple[Any, Blob]] = {}
        self._journal = Journal(target / "slots.changes", disk)
        self._end = 0
        # The sums of slots that were zeroed first, by file and slot.
        self._zeroed: dict[tuple[int, int], bytes] = {}

    def run(self) -> Manifest:
        """Makes the backup; returns its manifest."""
        for name in ("slots", "files", "sums"):
            (self._target / name).mkdir(exist_ok=True)
        wiped = self._journal.path
        # It has keys, and what the store has forgotten since may be among them.
        wipe(wiped, self._disk)
        try:
            self._forget_first()
            for number, count in self._files():
                self._take(number, count)
            self._take_others()
            return self._finish()
        finally:
            for one in self._seen.values():
                one.slots.close()

    # -- 1: what was forgotten --

    def _files(self) -> list[tuple[int, int]]:
        with self._reader() as database:
            return database.rows("SELECT file, next_slot FROM namespace WHERE erasing = 0 ORDER BY file")

    def _reader(self) -> _Reader:
        return _Reader(self._folder / "memoria.db", database_key(self._store.vault))

    def _opened(self, path: Path) -> SlotFile:
        """A slot file of the store, to be read as it stands: sealed bytes stay sealed."""
        return open_slots(path, self._disk, self._store.vault, writable=False)

    def _forget_first(self) -> None:
        """Zeroes in the copy what was forgotten, and not what was only written anew: of that it has the old one alone.

        It needs no room, so a full disk is not in its way.
        """
        if self._last is None:
            return
        with self._reader() as database:
            after = 0 if self._behalf is not None else (self._last.position or {}).get("event", 0)
            gone = gone_since(database, after)
            for number, _ in database.rows("SELECT file, next_slot FROM namespace WHERE erasing = 0"):
                blocks = self._last.blocks.get(slot_path(number))
                path = self._folder / "slots" / file_name(number)
                if blocks is not None and path.exists():
                    self._forget_in(database, number, blocks, gone)
        self._disk.reached("forgotten first")

    def _forget_in(self, database: Database, number: int, blocks: Blocks, gone: set[bytes]) -> None:
        path = self._target / slot_path(number)
        slots = self._opened(self._folder / "slots" / file_name(number))
        try:
            count = min(blocks.count, slots.capacity)
            blank = np.flatnonzero(~slots.taken(np.arange(count)))
            sums = read_sums(self._target / "sums" / blocks.sums)
            with open_file(path, os.O_RDWR) as fd:
                some = [int(n) for n in blank if block_sum(slots.raw(int(n))) != sums[n]]
                there = {n: read_at(fd, blocks.size, blocks.head + n * blocks.size) for n in some}
                ids = {n: id for n, data in there.items() if (id := slots.id_in(n, data)) in gone}
                ids |= _pointed_at(database, number, some)
                kept = absorbed(database, list(ids.values())) | _elsewhere(database, number, ids)
                going = [n for n, id in ids.items() if id not in kept]
                for n in going:
                    with translated(path):
                        self._disk.write(fd, slots.raw(n), blocks.head + n * blocks.size)
                    self._zeroed[number, n] = block_sum(slots.raw(n))
                    self.tally.zeroed += 1
                if going:
                    self._disk.sync(fd)
        finally:
            slots.close()

    # -- 2: slots --

    def _take(self, number: int, count: int) -> None:
        """Copies the slots of a file that the copy does not have."""
        path = self._folder / "slots" / file_name(number)
        if not path.exists():
            return
        with translated(path):
            slots = self._opened(path)
        count = min(count, slots.capacity)
        seen = slots.signs(count)
        self._seen[number] = one = _Seen(slots=slots, marks=seen, sums=[b""] * count, known=[], old=0)
        one.known, one.old = self._known(number, slots.slot_size)
        target = self._target / slot_path(number)
        with open_file(target, os.O_RDWR | os.O_CREAT) as fd:
            for first in range(0, count, _MANY):
                raw, size = slots.view[first : min(first + _MANY, count)].tobytes(), slots.slot_size
                for at in range(0, len(raw), size):
                    self._put(fd, number, first + at // size, raw[at : at + size])
                self._tell("slots", first, count)
            if not one.old:
                with open_file(path) as source:
                    self._write(fd, target, read_at(source, HEADER_BYTES, 0), 0)
            self._disk.sync(fd)
        self._disk.sync_folder(target.parent)
        self._disk.reached("slots copied")
        self._tell("slots", count, count)

    def _known(self, number: int, size: int) -> tuple[list[bytes], int]:
        """The sum of each block that the copy of a file has, and how many of them are of the last backup."""
        blocks = None if self._last is None else self._last.blocks.get(slot_path(number))
        path = self._target / slot_path(number)
        if not path.exists():
            return [], 0
        sums = [] if blocks is None else read_sums(self._target / "sums" / blocks.sums)
        sums = [self._zeroed.get((number, n), known) for n, known in enumerate(sums)]
        with open_file(path) as fd:
            old = len(sums)
            have = max(0, os.fstat(fd).st_size - HEADER_BYTES) // size
            more = (read_at(fd, size, HEADER_BYTES + n * size) for n in range(old, have))
            return sums + [block_sum(one) for one in more], old

    def _put(self, fd: int, number: int, n: int, data: bytes) -> None:
        """One slot: in its place if the last backup does not have it, to the journal if it does."""
        one, wanted = self._seen[number], block_sum(data)
        one.sums[n : n + 1] = [wanted]
        if n < len(one.known) and one.known[n] == wanted:
            return
        if n < one.old:
            self._change(number, n, data)
        else:
            self._write(fd, self._target / slot_path(number), data, HEADER_BYTES + n * len(data))
            one.known += [b""] * (n + 1 - len(one.known))
        one.known[n] = wanted

    def _write(self, fd: int, path: Path, data: bytes, at: int) -> None:
        with translated(path):
            self._disk.write(fd, data, at)
        self.tally.wrote(path, at, data)

    def _change(self, number: int, block: int, data: bytes) -> None:
        with open_file(self._journal.path, os.O_RDWR | os.O_CREAT) as fd:
            self._end = self._journal.add(fd, self._end, number, block, data, self.tally)
        self.tally.zeroed += block != HEAD and not any(data[:_EMPTY])

    # -- all other files --

    def _take_others(self) -> None:
        """Copies what is in the directory besides; keeps by what each is seen to change."""
        last = {} if self._last is None else self._last.blobs
        for name, path in _others(self._folder):
            sign = _sign(path)
            if sign is None or (name in self._blobs and self._blobs[name][0] == sign):
                continue
            with translated(path):
                data = path.read_bytes()
            total, old = digest(data), last.get(name)
            if old is None or old.total != total:
                old = Blob(name=new_key()[:16].hex(), bytes=len(data), total=total)
                put(self._target / "files" / old.name, data, self._disk)
                self.tally.wrote(self._target / "files" / old.name, 0, data)
            self._blobs[name] = (sign, old)

    # -- 3 to 6 --

    def _finish(self) -> Manifest:
        with still(self._folder, database_key(self._store.vault)) as held:
            late, heads = self._late(held.pinned)
            self._take_others()
            there = {name for name, _ in _others(self._folder)}
            blobs = {name: blob for name, (_, blob) in self._blobs.items() if name in there}
            at = datetime.now(UTC)
            held.release()
            self._disk.reached("released")
            blocks = self._slots_done(held.pinned, late, heads)
            blocks[DATABASE] = self._pages(held.pinned)
            place = position(held.pinned.database)
        self._disk.sync_folder(self._target / "files")
        self._disk.sync_folder(self._target / "sums")
        self._disk.sync_folder(self._target)
        self.tally.read_back()
        said: dict[str, Any] = {"kind": "files", "position": place, "log": known_by(self._store.log_key())}
        keys = {"log_key": self._store.log_key()} if self._behalf is None else self._behalf.keys
        away: dict[str, Any] = {name: self._put_away(name, key).hex() for name, key in keys.items()}
        manifest = Manifest(
            number=1 if self._last is None else self._last.number + 1,
            at=at.isoformat(),
            settled=False,
            blocks=blocks,
            blobs=blobs,
            **said if self._behalf is None else self._behalf.said,
            **away,
        )
        write(self._target, manifest, self._disk)
        self._disk.reached("complete")
        return settle(self._target, manifest, self._disk)

    def _put_away(self, name: str, key: bytes) -> bytes:
        """A key of the store as the manifest has it."""
        vault = self._store.vault
        return key if vault is None else vault.seal(f"backup {name}", key)

    def _late(self, pinned: Pinned) -> tuple[dict[int, list[tuple[int, bytes]]], dict[int, tuple[bytes, int]]]:
        """What has changed in slots since they were copied, and the head and the length of each file."""
        late: dict[int, list[tuple[int, bytes]]] = {}
        heads: dict[int, tuple[bytes, int]] = {}
        for number, count in pinned.files:
            path = self._folder / "slots" / file_name(number)
            if not path.exists():
                continue
            with open_file(path) as fd:
                heads[number] = read_at(fd, HEADER_BYTES, 0), os.fstat(fd).st_size
            if number not in self._seen:
                slots = self._opened(path)
                known, old = self._known(number, slots.slot_size)
                self._seen[number] = _Seen(slots=slots, marks=slots.signs(0), sums=[], known=known, old=old)
            seen = self._seen[number]
            seen.slots.remap()
            count = min(count, seen.slots.capacity)
            have = len(seen.marks)
            changed = np.flatnonzero((seen.slots.signs(min(have, count)) != seen.marks[:count]).any(axis=1))
            late[number] = [(n, _steady(seen.slots, n)) for n in [*map(int, changed), *range(have, count)]]
        return late, heads

    def _slots_done(
        self,
        pinned: Pinned,
        late: Mapping[int, list[tuple[int, bytes]]],
        heads: Mapping[int, tuple[bytes, int]],
    ) -> dict[str, Blocks]:
        """Copies what was late, and says what is there of each file."""
        found: dict[str, Blocks] = {}
        for number, (head, length) in heads.items():
            seen, name = self._seen[number], slot_path(number)
            with open_file(self._target / name, os.O_RDWR | os.O_CREAT) as fd:
                for n, data in late[number]:
                    self._put(fd, number, n, data)
                if read_at(fd, HEADER_BYTES, 0) != head:
                    if seen.old:
                        self._change(number, HEAD, head)
                    else:
                        self._write(fd, self._target / name, head, 0)
                self._disk.sync(fd)
            count = min(dict(pinned.files)[number], seen.slots.capacity)
            found[name] = self._blocks(name, HEADER_BYTES, seen.slots.slot_size, seen.sums[:count], length, head)
        if self._end:
            with open_file(self._journal.path, os.O_RDWR) as fd:
                self._disk.sync(fd)
        self._disk.sync_folder(self._target / "slots")
        self._disk.reached("slots done")
        return found

    def _pages(self, pinned: Pinned) -> Blocks:
        """Copies the pages that have changed."""
        length, path = pinned.pages(), self._target / kept_at(DATABASE)
        journal = Journal(self._target / "database.changes", self._disk)
        sums: list[bytes] = []
        first = self._last is None
        last = None if self._last is None else self._last.blocks[DATABASE]
        kept: dict[tuple[int, int], bytes] = {}
        end = 0
        if not first:
            kept, end = journal.kept()
        where = path if first else journal.path
        with open_file(where, os.O_RDWR | os.O_CREAT) as fd:
            known = sums_of(fd, 0, PAGE) if last is None else read_sums(self._target / "sums" / last.sums)
            for n in range(-(-length // PAGE)):
                page = pinned.read(min(PAGE, length - n * PAGE), n * PAGE)
                sums.append(block_sum(page))
                # What the journal has already of a backup that was killed counts last.
                have = kept.get((0, n), known[n] if n < len(known) else b"")
                if have == sums[n]:
                    continue
                if first:
                    self._write(fd, path, page, n * PAGE)
                else:
                    end = journal.add(fd, end, 0, n, page, self.tally)
                if n % _MANY == 0:
                    self._tell("pages", n * PAGE, length)
            self._disk.sync(fd)
        self._disk.reached("pages copied")
        self._tell("pages", length, length)
        return self._blocks(DATABASE, 0, PAGE, sums, length, b"")

    def _blocks(self, name: str, head: int, size: int, sums: list[bytes], length: int, top: bytes) -> Blocks:
        """What the manifest says of a file; its sums are written down where they have changed."""
        raw = b"".join(sums)
        old = None if self._last is None else self._last.blocks.get(name)
        total = digest(raw)
        if old is not None and old.total == total:
            place = old.sums
        else:
            number = 1 if self._last is None else self._last.number + 1
            place = f"{Path(name).name}.{number}"
            put(self._target / "sums" / place, raw, self._disk)
            self.tally.size += len(raw)
        return Blocks(head=head, size=size, count=len(sums), length=length, top=digest(top), sums=place, total=total)

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)


class _Reader:
    """A connection to a database, closed at the end of the block."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        self._database = Database(path, writable=True, secure_delete=False, key=key)

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _elsewhere(database: Database, number: int, ids: Mapping[int, bytes]) -> set[bytes]:
    """Those of the ids in slots of a file that are in another slot by now: written anew, as a working copy does."""
    found: set[bytes] = set()
    for part in parts(sorted(ids.values())):
        sql = f"""SELECT m.id, n.file, m.slot FROM memory m JOIN namespace n ON n.id = m.namespace
            WHERE m.id IN ({marks(part)})"""
        found |= {id for id, file, slot in database.rows(sql, *part) if file != number or ids.get(slot) != id}
    return found


def _pointed_at(database: Database, number: int, slots: list[int]) -> dict[int, bytes]:
    """The id in the row that still refers to a slot, of those slots that have one."""
    found: dict[int, bytes] = {}
    for part in parts(slots):
        sql = f"""SELECT m.slot, m.id FROM memory m JOIN namespace n ON n.id = m.namespace
            WHERE n.file = ? AND m.slot IN ({marks(part)})"""
        found |= dict(database.rows(sql, number, *part))
    return found


def _steady(slots: SlotFile, slot: int) -> bytes:
    """A slot that nobody is just zeroing."""
    for _ in range(100):
        raw = slots.raw(slot)
        if not slots.damaged(slot) and raw == slots.raw(slot):
            return raw
    return raw


def _others(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every other file of a store, with its path in it."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        ours = name.parts[0] in ("slots", *_OURS) or name.parts[0].startswith("memoria.db")
        if not ours and not path.name.endswith(".new") and path.is_file() and not path.is_symlink():
            yield name.as_posix(), path


def _sign(path: Path) -> tuple[int, int, int] | None:
    """By which a file is seen to change; None when it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
