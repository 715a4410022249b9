"""What open repairs after a crash, and what doctor checks.

The rules: a row without its slot is deleted; a slot without a row is zeroed; a torn slot (half of its sectors zeros)
is zeroed; what an intent names is zeroed; a namespace marked as erasing, and a file that no namespace names, is
wiped and unlinked. A slot that is damaged but not torn is left as it is and reported: it may be of use to its owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memoria.protocols import Progress
from memoria.stores.disk import Disk, translated
from memoria.stores.forgotten import cut
from memoria.stores.local.database import Database
from memoria.stores.local.slots import SlotFile, file_name
from memoria.stores.local.space import Space
from memoria.stores.local.statements import write_prints


def recover(database: Database, folder: Path, disk: Disk, progress: Progress | None) -> None:
    """Finishes what a crash cut short. Running it twice has the same effect as once."""
    doomed = {
        bytes(targets[at : at + 16]): bool(guard)
        for targets, guard in database.rows("SELECT targets, guard FROM intent")
        for at in range(0, len(targets), 16)
    }
    _finish_namespaces(database, folder, disk)
    spaces = database.rows("SELECT id, file, next_slot FROM namespace")
    for done, (space, file, next_slot) in enumerate(spaces):
        with translated(folder):
            slots = SlotFile(folder / file_name(file), disk, writable=True)
        slots.require(next_slot)
        _recover_space(database, slots, space, doomed)
        slots.close()
        if progress is not None:
            progress("recovery", done + 1, len(spaces))
    with database.atomic() as db:
        db.execute("DELETE FROM intent")


def _finish_namespaces(database: Database, folder: Path, disk: Disk) -> None:
    erasing = [space for (space,) in database.rows("SELECT id FROM namespace WHERE erasing = 1")]
    known = {file_name(file) for (file,) in database.rows("SELECT file FROM namespace WHERE erasing = 0")}
    for path in sorted(folder.glob("*.slots")):
        if path.name not in known:
            _wipe(path, disk)
    drop_namespaces(database, erasing)


def _wipe(path: Path, disk: Disk) -> None:
    """Wipes a file without reading its header: it may be half made or half wiped."""
    with translated(path), path.open("r+b") as file:
        size = path.stat().st_size
        for offset in range(0, size, 1 << 22):
            disk.write(file.fileno(), bytes(min(1 << 22, size - offset)), offset)
        disk.sync(file.fileno())
        path.unlink()


def drop_namespaces(database: Database, spaces: Sequence[int]) -> None:
    """Deletes the rows of namespaces whose slot files are gone."""
    with database.atomic() as db:
        for space in spaces:
            db.execute("DELETE FROM label WHERE row IN (SELECT row FROM memory WHERE namespace = ?)", (space,))
            db.execute("DELETE FROM memory WHERE namespace = ?", (space,))
            db.execute("DELETE FROM forgotten WHERE namespace = ?", (space,))
            db.execute("DELETE FROM prefix WHERE namespace = ?", (space,))
            db.execute("DELETE FROM namespace WHERE id = ?", (space,))


def _recover_space(database: Database, slots: SlotFile, space: int, doomed: Mapping[bytes, bool]) -> None:
    rows = {slot: id for id, slot in database.rows("SELECT id, slot FROM memory WHERE namespace = ?", space)}
    used = [int(slot) for slot in slots.used()]
    gone = [
        slot for slot in used if slots.torn(slot) or rows.get(slot) in doomed or _orphan(slots, slot, rows.get(slot))
    ]
    # A slot that a row refers to was being forgotten. Any other was being written: it leaves no fingerprint.
    guarded = [slot for slot in gone if slot in rows and doomed.get(rows[slot], True)]
    slots.zero(set(gone) - set(guarded))
    slots.zero(guarded, guard=True)
    slots.sync()
    kept = set(used) - set(gone)
    ghosts = slots.ghosts()
    with database.atomic() as db:
        for slot, id in rows.items():
            if slot not in kept:
                db.execute("DELETE FROM label WHERE row = (SELECT row FROM memory WHERE id = ?)", (id,))
                db.execute("DELETE FROM memory WHERE id = ?", (id,))
        _guard(db, space, slots.prints(ghosts))
    # They are written down now; the next recovery must not do so again.
    slots.zero(ghosts)


def _guard(db: Any, space: int, prints: Sequence[bytes]) -> None:
    """Writes down the fingerprints that are not known yet."""
    known = set(cut(db.execute("SELECT prints FROM forgotten WHERE namespace = ? AND near = 0", (space,))))
    fresh = b"".join(dict.fromkeys(mark for mark in prints if mark not in known))
    if fresh:
        write_prints(db, [(space, fresh)])


def _orphan(slots: SlotFile, slot: int, id: bytes | None) -> bool:
    """Whether no row refers to the slot. A damaged slot keeps its row, whatever its id bytes are now."""
    return id is None or (slots.intact(slot) and slots.id(slot) != id)


def check(database: Database, folder: Path, disk: Disk, spaces: Sequence[Space]) -> list[str]:
    """Sentences about what is wrong; none when all is well."""
    problems = [f"memoria.db: {row[0]}" for row in database.rows("PRAGMA integrity_check") if row[0] != "ok"]
    known = {file_name(file) for (file,) in database.rows("SELECT file FROM namespace")}
    problems += [
        f"slots/{path.name}: no namespace names this file" for path in folder.iterdir() if path.name not in known
    ]
    for space in spaces:
        problems += _check_space(database, space)
    return problems


def _check_space(database: Database, space: Space) -> list[str]:
    name = space.slots.path.name
    rows = {slot: id for id, slot in database.rows("SELECT id, slot FROM memory WHERE namespace = ?", space.number)}
    problems = []
    for slot in map(int, space.slots.used()):
        if not space.slots.intact(slot):
            problems.append(f"slots/{name}: slot {slot} has a bad checksum")
        elif rows.get(slot) != space.slots.id(slot):
            problems.append(f"slots/{name}: slot {slot} belongs to no memory")
    return problems
