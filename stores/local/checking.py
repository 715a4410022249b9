"""Checking: what is wrong with a store, and what can be done about it, once its owner says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from memoria.errors import StoreCorrupt
from memoria.stores import rows, unlocking
from memoria.stores.batches import BATCH
from memoria.stores.disk import translated
from memoria.stores.local import recovery
from memoria.stores.local.crosschecking import Crosschecking, Problem
from memoria.stores.local.keyed import Keyed
from memoria.stores.local.reading import PASSAGES, opened_passages, opened_row
from memoria.stores.local.sealed_slots import SealedSlotFile, open_slots
from memoria.stores.local.slots import WrongName
from memoria.stores.local.space import Space, opened_name
from memoria.stores.local.statements import delete_rows, drop_namespaces
from memoria.stores.local.unsealing import SEALING
from memoria.stores.shards import ADAPTERS, opened_shard

_EMPTY = bytes(16)


class Checking(Crosschecking, Keyed):
    """The part of a store that looks for damage, and repairs it when it is told to."""

    def check(self) -> list[str]:
        with self._reading(), translated(self.path):
            return [problem.found for problem in self._problems()]

    def repair(self, *, dry_run: bool = False) -> list[str]:
        with self._reading() if dry_run else self._writing():
            problems = list(self._problems())
            if not dry_run:
                for problem in problems:
                    if problem.heal is not None:
                        problem.heal()
                self._drop_and_recover()
            return [f"{problem.found}: {problem.cure or 'nothing can be done'}" for problem in problems]

    def _drop_and_recover(self) -> None:
        self._touch()
        self._purge()
        self._drop()
        self._recover()

    def _problems(self) -> Iterator[Problem]:
        yield from self._changed()
        for (line,) in self._database.rows("PRAGMA integrity_check"):
            if line != "ok":
                yield Problem(found=f"memoria.db: {line}")
        if self._key_problem:
            yield Problem(found=self._key_problem, cure="is written again, from its copy", heal=self._write_key)
        for path in recovery.unnamed(self._database, self.path / "slots"):
            wipe = partial(recovery.wipe, path, self._disk)
            yield Problem(found=f"slots/{path.name}: no namespace names this file", cure="is wiped", heal=wipe)
        numbers = self._database.rows("SELECT id FROM namespace WHERE erasing = 0")
        for done, (number,) in enumerate(numbers, 1):
            yield from self._problems_of(number)
            self._trim()
            self._tell("doctor", done, len(numbers))
        yield from self._homeless()
        yield from self._contradictions()

    def _changed(self) -> Iterator[Problem]:
        """What was changed in a sealed store by somebody without its key, outside of slots."""
        if (self.path / SEALING).is_dir():
            yield Problem(
                found=f"{SEALING}/: the store was to be sealed, and is in clear still: run memoria rekey again"
            )
        if self._vault is None:
            return
        for (line,) in self._database.rows("PRAGMA cipher_integrity_check"):
            yield Problem(found=f"memoria.db: {line}")
        said = unlocking.unfinished(self.path)
        if said is not None:
            yield Problem(found=said)
        adapters = self.path / ADAPTERS
        for path in sorted(adapters.iterdir()) if adapters.is_dir() else ():
            if opened_shard(self._vault, path.name, path.read_bytes()) is None:
                yield Problem(found=f"{ADAPTERS}/{path.name}: it was changed, or is of another store or file")

    def _changed_slots(self, space: Space) -> Iterator[Problem]:
        """What was changed in a sealed slot file, outside of slots that are in use."""
        slots = space.slots
        if not isinstance(slots, SealedSlotFile):
            return
        said = slots.wrong_in_header()
        if said is not None:
            yield Problem(
                found=f"slots/{slots.path.name}: {said}",
                cure="is written again",
                heal=partial(self._mend, space.number),
            )
        for slot in slots.changed_prints():
            heal = partial(self._erase_slot, space.number, slot, None)
            found = f"slots/{slots.path.name}: the fingerprint in slot {slot} was changed"
            yield Problem(found=found, cure="it is erased", heal=heal)

    def _problems_of(self, number: int) -> Iterator[Problem]:
        try:
            space = self._space(number)
        except StoreCorrupt as error:
            yield self._shut(number, str(error))
            return
        if space is None:
            return
        claimed: dict[int, bytes] = {}
        for row in self._rows_of(space):
            claimed[row[2]] = row[0]
            yield from self._wrong_row(space, row)
        yield from self._wrong_slots(space, claimed)
        yield from self._changed_slots(space)

    def _shut(self, number: int, found: str) -> Problem:
        """A namespace that cannot be opened."""
        ((file, sealed),) = self._database.rows("SELECT file, sealed FROM namespace WHERE id = ?", number)
        path = self._slot_path(file)
        try:
            slots = open_slots(path, self._disk, self._vault, writable=False)
        except WrongName:
            return Problem(found=found, cure="nothing is done: give the file its own name back, or take it away")
        except StoreCorrupt:
            return self._lost(number, found)
        try:
            opened_name(number, slots, sealed)
        except StoreCorrupt:
            return self._lost(number, found)
        finally:
            slots.close()
        cure = "what the file and memoria.db both have is kept, and all else of the namespace is erased"
        return Problem(found=found, cure=cure, heal=partial(self._adopt, number, path))

    def _lost(self, number: int, found: str) -> Problem:
        ((count,),) = self._database.rows("SELECT count(*) FROM memory WHERE namespace = ?", number)
        cure = f"its namespace goes, with {count} rows that nothing opens, and the file is wiped"
        return Problem(found=found, cure=cure, heal=partial(self._drop_namespace, number))

    def _rows_of(self, space: Space) -> Iterator[Any]:
        """All rows of a namespace, a batch at a time."""
        last = -1
        while True:
            columns = f"{rows.READ}, {PASSAGES}, row"
            sql = f"SELECT {columns} FROM memory WHERE namespace = ? AND row > ? ORDER BY row LIMIT {BATCH}"
            found = self._database.rows(sql, space.number, last)
            yield from found
            if len(found) < BATCH:
                return
            last = found[-1][-1]

    def _wrong_row(self, space: Space, row: tuple[Any, ...]) -> Iterator[Problem]:
        id, slot = row[0], row[2]
        heal = partial(self._drop_rows, [id])
        held = space.slots.id(slot) if 0 <= slot < space.slots.capacity else None
        if held == id:
            yield from self._unreadable(space, row)
        elif held == _EMPTY and not space.slots.damaged(slot):
            if not self._explained(space, id, slot):
                found = f"memory {id.hex()}: its slot is empty, and nothing says that it was forgotten"
                yield Problem(found=found, cure="its row goes", heal=heal)
        elif held is None or not space.slots.damaged(slot):
            found = f"memory {id.hex()}: slot {slot} of slots/{space.slots.path.name} is not its own"
            yield Problem(found=found, cure="its row goes", heal=heal)

    def _unreadable(self, space: Space, row: tuple[Any, ...]) -> Iterator[Problem]:
        id, slot = row[0], row[2]
        if not space.slots.intact(slot):
            return  # named as a slot
        try:
            record = opened_row(space, row)
        except StoreCorrupt:
            found = f"memory {id.hex()}: its row is damaged, or the key in slot {slot} of slots/{space.slots.path.name}"
            yield Problem(found=found, cure="it is erased", heal=partial(self._erase_slot, space.number, slot, id))
            return
        yield from self._contradicted(space, record.memory, row[-1], slot)
        try:
            opened_passages(space, row, row[-2])
        except StoreCorrupt:
            found = f"memory {id.hex()}: its further passages are damaged"
            cure = "they go, so that what is in them is found by words alone until a reembed"
            yield Problem(found=found, cure=cure, heal=partial(self._drop_passages, row[-1]))

    def _explained(self, space: Space, id: bytes, slot: int) -> bool:
        """Whether an empty slot is that of a memory that was forgotten, whose row is still there."""
        if id in self._pending or space.slots.prints([slot]) or self._database.meta("printless"):
            return True
        targets = self._database.rows("SELECT targets FROM intent")
        return any(id in _ids(blob) for (blob,) in targets)

    def _wrong_slots(self, space: Space, claimed: dict[int, bytes]) -> Iterator[Problem]:
        name = space.slots.path.name
        for slot in map(int, space.slots.used()):
            id = claimed.get(slot)
            heal = partial(self._erase_slot, space.number, slot, id)
            if not space.slots.intact(slot):
                yield Problem(found=f"slots/{name}: slot {slot} has a bad checksum", cure="it is erased", heal=heal)
            elif id != space.slots.id(slot):
                heal = partial(self._erase_slot, space.number, slot, None)
                yield Problem(found=f"slots/{name}: slot {slot} belongs to no memory", cure="it is erased", heal=heal)

    def _homeless(self) -> Iterator[Problem]:
        for (id,) in self._database.rows("SELECT id FROM memory WHERE namespace NOT IN (SELECT id FROM namespace)"):
            heal = partial(self._drop_rows, [id])
            yield Problem(found=f"memory {id.hex()}: its namespace is not there", cure="its row goes", heal=heal)

    # -- cures --

    def _mend(self, number: int) -> None:
        space = self._space(number)
        assert space is not None
        assert isinstance(space.slots, SealedSlotFile)
        with translated(space.slots.path):
            space.slots.mend_header()

    def _write_key(self) -> None:
        self._put_key(self.path / "store.key", self._key)
        self._key_problem = ""

    def _drop_rows(self, ids: Collection[bytes]) -> None:
        with self._atomic() as db:
            delete_rows(db, ids)

    def _drop_passages(self, row: int) -> None:
        with self._atomic() as db:
            db.execute("DELETE FROM passage WHERE row = ?", (row,))

    def _drop_namespace(self, number: int) -> None:
        ((file,),) = self._database.rows("SELECT file FROM namespace WHERE id = ?", number)
        with self._atomic() as db:
            drop_namespaces(db, [number])
        path = self._slot_path(file)
        if path.exists():
            recovery.wipe(path, self._disk)

    def _adopt(self, number: int, path: Path) -> None:
        """Makes a file and the database agree on how many slots there are, then heals what is wrong with each."""
        ((next_slot,),) = self._database.rows("SELECT next_slot FROM namespace WHERE id = ?", number)
        self._touch()
        with translated(path):
            slots = open_slots(path, self._disk, self._vault, writable=True)
            try:
                written = slots.agree(next_slot)
            finally:
                slots.close()
        with self._atomic() as db:
            db.execute("UPDATE namespace SET next_slot = ? WHERE id = ?", (written, number))
        for problem in list(self._problems_of(number)):
            if problem.heal is not None:
                problem.heal()

    def _erase_slot(self, number: int, slot: int, id: bytes | None) -> None:
        space = self._space(number)
        assert space is not None
        if id is None:
            self._zero([(space, slot)], guard=False)
            return
        self._intend([id], guard=False)
        self._erase({id: (space, slot)}, guard=False)


def _ids(targets: bytes) -> set[bytes]:
    return {targets[at : at + 16] for at in range(0, len(targets), 16)}
