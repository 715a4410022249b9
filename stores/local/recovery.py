"""What is repaired after a crash or an interrupt, and what doctor checks.

First `survey` finds out what every slot, row and file is, and touches nothing; then `carry_out` zeroes what something
explains: an intent names it, a sector of it is torn, it was never acknowledged, or its memory was written again in a
later slot. What nothing explains is left as it is, and doctor names it: the file or the database may be an old one, or
one of another store, and its owner may have the right one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memoria.errors import DatabaseOlder, StoreCorrupt
from memoria.protocols import Progress
from memoria.stores.disk import Disk, translated
from memoria.stores.local.database import Database
from memoria.stores.local.sealed_slots import open_slots
from memoria.stores.local.slots import HEADER_BYTES, MAGIC, SlotFile, check_counts, file_name
from memoria.stores.local.space import opened_name
from memoria.stores.vault import Vault

_STEP = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFound:
    """What is to be done in one namespace.

    zero: slots; guarded: slots whose fingerprint stays. dead: ids whose rows go. ghosts: slots whose fingerprint is to
    be written down.
    """

    space: int
    file: int
    zero: tuple[int, ...] = ()
    guarded: tuple[int, ...] = ()
    dead: tuple[bytes, ...] = ()
    ghosts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is to be done in a store.

    wiped: files to wipe. dropped: namespaces whose rows go. intents: whether there are any. shut: why a namespace
    cannot be opened, by its number; it is left as it is.
    """

    spaces: tuple[SpaceFound, ...]
    wiped: tuple[Path, ...]
    dropped: tuple[int, ...]
    intents: bool
    shut: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the database says: ids to erase, and whether with a fingerprint; the last file number; files to wipe.

    printless: whether slots may have been written before there were fingerprints.
    """

    doomed: Mapping[bytes, bool]
    files: int
    wiping: frozenset[int]
    printless: bool


def survey(
    database: Database,
    folder: Path,
    disk: Disk,
    progress: Progress | None,
    vault: Vault | None = None,
    *,
    copied: bool = False,
) -> Found:
    """What there is to do, and why; touches nothing. Raises StoreCorrupt when memoria.db is older than a slot file.

    copied: whether these files are a copy, in which a slot may be zeroed and its row be there, and nothing says why.
    """
    known = _known(database, copied=copied)
    check_files(database, folder)
    named = database.rows("SELECT id, file, next_slot, erasing, sealed FROM namespace")
    spaces: list[SpaceFound] = []
    dropped: list[int] = []
    wiped: list[Path] = []
    shut: dict[int, str] = {}
    for done, (space, file, next_slot, erasing, sealed) in enumerate(named, 1):
        path = folder / file_name(file)
        try:
            if erasing:
                wiped += [path] if _is_of(path, disk, space, sealed, vault) else []
                dropped.append(space)
            else:
                spaces.append(_survey_space(database, path, disk, (space, file, next_slot, sealed), known, vault))
        except DatabaseOlder:
            raise
        except StoreCorrupt as error:
            shut[space] = str(error)
        if progress is not None:
            progress("recovery", done, len(named))
    wiped += [path for path in unnamed(database, folder) if _explained(path, disk, known, vault)]
    return Found(
        spaces=tuple(spaces),
        wiped=tuple(wiped),
        dropped=tuple(dropped),
        intents=bool(known.doomed),
        shut=shut,
    )


def _known(database: Database, *, copied: bool) -> _Known:
    wiping = database.meta("wiping")
    return _Known(
        doomed={
            bytes(targets[at : at + 16]): bool(guard)
            for targets, guard in database.rows("SELECT targets, guard FROM intent")
            for at in range(0, len(targets), 16)
        },
        files=int(database.meta("files") or 0),
        wiping=frozenset(map(int, wiping.split(","))) if wiping else frozenset(),
        printless=copied or database.meta("printless") is not None,
    )


def check_files(database: Database, folder: Path) -> None:
    """Raises StoreCorrupt when there is a slot file that memoria.db never gave a number for."""
    # First the files, then the database: another process may make one meanwhile.
    latest = max((name for name in os.listdir(folder) if name.endswith(".slots")), default="")
    last = int(database.meta("files") or 0)
    if latest.removesuffix(".slots").isdigit() and int(latest.removesuffix(".slots")) > last:
        raise DatabaseOlder(
            f"memoria.db is older than {folder / latest}: it has given {last} numbers to slot files; put the newer "
            "memoria.db back, with its memoria.db-wal if there was one, or accept it with `memoria doctor --repair`"
        )


def slots_beyond(path: Path, disk: Disk, next_slot: int, vault: Vault | None = None) -> int:
    """The next slot of a file that may have more than a database knows; that of the database if it does not open."""
    try:
        slots = open_slots(path, disk, vault, writable=False)
    except StoreCorrupt:
        return next_slot
    found = next_slot if slots.written is None or (slots.acknowledged or 0) <= next_slot else slots.written
    slots.close()
    return found


def copied_key(path: Path, disk: Disk, vault: Vault | None = None) -> bytes | None:
    """The copy of store.key in a slot file."""
    try:
        slots = open_slots(path, disk, vault, writable=False)
    except StoreCorrupt:
        return None
    slots.close()
    return slots.store_key


def slot_files(folder: Path) -> list[Path]:
    """The files that have the name of a slot file."""
    return sorted(path for path in folder.glob("*.slots") if path.stem.isdigit())


def _number(path: Path) -> int:
    return int(path.stem)


def unnamed(database: Database, folder: Path) -> list[Path]:
    """Slot files that no namespace names."""
    known = {file_name(file) for (file,) in database.rows("SELECT file FROM namespace")}
    return [path for path in slot_files(folder) if path.name not in known]


def _explained(path: Path, disk: Disk, known: _Known, vault: Vault | None) -> bool:
    """Whether a file that no namespace names is left over: replaced, half made, or wiped already."""
    if _number(path) in known.wiping:
        return True
    try:
        slots = open_slots(path, disk, vault, writable=False)
    except StoreCorrupt:
        return path.stat().st_size < HEADER_BYTES or _blank(path)
    try:
        return slots.acknowledged == 0
    finally:
        slots.close()


def _blank(path: Path) -> bool:
    with path.open("rb") as file:
        return not any(any(part) for part in iter(lambda: file.read(_STEP), b""))


def _is_of(path: Path, disk: Disk, space: int, sealed: bytes, vault: Vault | None) -> bool:
    """Whether the file of a namespace that is being erased is there; raises StoreCorrupt if it is that of another."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return True  # half wiped: it is wiped from its head on
    slots = open_slots(path, disk, vault, writable=False)
    try:
        opened_name(space, slots, sealed)
    finally:
        slots.close()
    return True


def _survey_space(
    database: Database,
    path: Path,
    disk: Disk,
    named: tuple[int, int, int, bytes],
    known: _Known,
    vault: Vault | None,
) -> SpaceFound:
    space, file, next_slot, sealed = named
    slots = open_slots(path, disk, vault, writable=True)
    try:
        opened_name(space, slots, sealed)
        check_counts(slots, next_slot, writable=True)
        rows = {slot: id for id, slot in database.rows("SELECT id, slot FROM memory WHERE namespace = ?", space)}
        acknowledged = next_slot if slots.acknowledged is None else slots.acknowledged
        fates = _Fates(slots, rows, known, acknowledged)
        return fates.found(space, file)
    finally:
        slots.close()


class _Fates:
    """What becomes of each slot and each row of a namespace."""

    def __init__(self, slots: SlotFile, rows: Mapping[int, bytes], known: _Known, acknowledged: int) -> None:
        self._slots = slots
        self._rows = rows
        self._homes = {id: slot for slot, id in rows.items()}
        self._doomed = known.doomed
        self._printless = known.printless
        self._acknowledged = acknowledged

    def found(self, space: int, file: int) -> SpaceFound:
        used = [int(slot) for slot in self._slots.used()]
        going = {slot for slot in used if self._goes(slot)}
        # A slot that a row refers to was being forgotten. Any other was being written: it leaves no fingerprint.
        guarded = {slot for slot in going if slot in self._rows and self._doomed.get(self._rows[slot], True)}
        kept = set(used).difference(going)
        dead = [slot for slot in self._rows if slot not in kept and (slot in going or self._forgotten(slot))]
        ghosts = [slot for slot in dead if slot in guarded or (slot not in going and self._slots.prints([slot]))]
        # A sync that failed may have left on the disk what reads as zeros: these are zeroed once more.
        going.update(dead)
        guarded.update(ghosts)
        return SpaceFound(
            space=space,
            file=file,
            zero=tuple(sorted(going - guarded)),
            guarded=tuple(sorted(guarded)),
            dead=tuple(self._rows[slot] for slot in dead),
            ghosts=tuple(ghosts),
        )

    def _goes(self, slot: int) -> bool:
        """Whether something explains that a used slot is zeroed."""
        id, slots = self._rows.get(slot), self._slots
        if id in self._doomed:
            return True
        if not slots.intact(slot):
            return slots.torn(slot) or (id is None and slot >= self._acknowledged)
        held = slots.id(slot)
        if held == id:
            return False
        if id is None and slot >= self._acknowledged:
            return True
        return held in self._doomed or self._replaced(slot, held)

    def _replaced(self, slot: int, id: bytes) -> bool:
        """Whether the memory in a slot was written again, in a later slot that is whole."""
        home = self._homes.get(id, -1)
        return slot < home < self._slots.capacity and self._slots.id(home) == id and self._slots.intact(home)

    def _forgotten(self, slot: int) -> bool:
        """Whether something explains that the slot of a row is empty: its fingerprint, or an intent."""
        if slot >= self._slots.capacity:
            return False
        return bool(self._slots.prints([slot])) or self._rows[slot] in self._doomed or self._printless


# -- doing it --


def carry_out(found: Found, folder: Path, disk: Disk, vault: Vault | None = None) -> None:
    """Zeroes slots and wipes files; running it twice has the same effect as once. Rows are left to a purge."""
    for path in found.wiped:
        wipe(path, disk)
    for one in found.spaces:
        if one.zero or one.guarded:
            path = folder / file_name(one.file)
            with translated(path):
                slots = open_slots(path, disk, vault, writable=True)
                try:
                    slots.zero(one.zero)
                    slots.zero(one.guarded, guard=True)
                    slots.sync()
                finally:
                    slots.close()


def wipe(path: Path, disk: Disk) -> None:
    """Wipes a file without reading its header: it may be half made or half wiped."""
    with translated(path), path.open("r+b") as file:
        size = path.stat().st_size
        for offset in range(0, size, _STEP):
            disk.write(file.fileno(), bytes(min(_STEP, size - offset)), offset)
        disk.sync(file.fileno())
    with translated(path):
        path.unlink()
