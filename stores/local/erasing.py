"""Erasing: slots are zeroed and synced, which is the point of no return; rows are purged later.

A row whose slot is zeroed is ciphertext without a key. No verb returns it from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memoria.errors import MemoryNotFound
from memoria.stores.disk import translated
from memoria.stores.forgets import log_key, token
from memoria.stores.local.gone import enter
from memoria.stores.local.guarding import Guarding
from memoria.stores.local.holding import Holding
from memoria.stores.local.reading import Reading
from memoria.stores.local.sealed_slots import open_slots
from memoria.stores.local.space import Space
from memoria.stores.local.statements import intend
from memoria.text.fingerprints import Statement, stated
from memoria.types import Namespace

PURGE_AFTER = 512


class Erasing(Holding, Guarding, Reading):
    """The part of a store that forgets."""

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        with self._writing():
            unique = [bytes.fromhex(id) for id in dict.fromkeys(ids)]
            if self._finished:
                # Of these an earlier call did not return, and recovery has erased them.
                unique = [id for id in unique if self._finished.pop(id, None) is None]
            known = self._located(unique, over_holds=over_holds)
            if guard and self._outside.key is not None:
                self._erase_outside(known)
                return
            # One that is guarded needs no intent: a half zeroed slot is zeroed by recovery, and a fingerprint explains
            # an empty one.
            if len(known) > 1 or not guard or not _printed(known.values()):
                self._spending(lambda: self._intend(unique, guard=guard))
                self._disk.reached("intent committed")
            self._erase(known, guard=guard)
            if len(unique) == 1 and len(self._pending) >= PURGE_AFTER:
                self._purge()

    def _erase_outside(self, known: dict[bytes, tuple[Space, int]]) -> None:
        """Erases what is guarded under an outside key: its fingerprints are lines, and its slots keep none."""
        said = self._statements(list(known))
        with self._atomic() as db:
            intend(db, known, guard=False)
            self._guard(db, said)
        self._disk.reached("intent committed")
        self._erase(known, guard=False)
        if len(self._pending) >= PURGE_AFTER:
            self._purge()

    def _statements(self, ids: Sequence[bytes]) -> list[tuple[Namespace, Statement]]:
        """What memories say, and where."""
        read = [one.memory for one in self._read(ids) if one is not None]
        return [(memory.namespace, stated(memory)) for memory in read]

    def _intend(self, ids: Sequence[bytes], *, guard: bool) -> None:
        with self._atomic() as db:
            intend(db, ids, guard=guard)

    def _located(self, ids: Sequence[bytes], *, over_holds: bool) -> dict[bytes, tuple[Space, int]]:
        """The namespace and slot of each id. Raises MemoryNotFound, and Held unless over_holds."""
        known = self._locate(ids)
        if len(known) < len(ids):
            raise MemoryNotFound(*(id.hex() for id in ids if id not in known))
        if not over_holds:
            self._check_held(ids)
        return known

    def _erase(self, known: dict[bytes, tuple[Space, int]], *, guard: bool) -> None:
        self._zero(list(known.values()), guard=guard)
        self._cover(known)
        self._pending += known
        self._gone += [(space.number, slot) for space, slot in known.values() if guard]

    def _zero(self, targets: list[tuple[Space, int]], *, guard: bool) -> None:
        """Zeroes slots on disk, syncs, and then removes them from the indexes in RAM. guard: fingerprints stay."""
        self._touch()
        spaces = {space.number: space for space, _ in targets}
        by_space: dict[int, list[int]] = {}
        for space, slot in targets:
            by_space.setdefault(space.number, []).append(slot)
        self._zeroing = by_space
        with translated(self.path):
            for number, slots in by_space.items():
                spaces[number].slots.zero(slots, guard=guard)
                self._disk.reached("slot zeroed")
                spaces[number].slots.sync()
            self._disk.reached("zero synced")
        self._zeroing = {}
        for number, slots in by_space.items():
            spaces[number].erase(slots, guard=guard)

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        with self._writing():
            named = {space.number: space.name for space in self._under(prefix, strict=True)}
            spaces = list(named)
            if not spaces:
                return 0
            if not over_holds:
                self._check_held_spaces(spaces)
            with self._atomic() as db:
                enter(db, "erased", [token(log_key(self._key), name) for name in named.values()])
                db.executemany("UPDATE namespace SET erasing = 1 WHERE id = ?", [(number,) for number in spaces])
            self._disk.reached("namespaces marked")
            for number in spaces:
                self._wipe(number)
            self._cover((), spaces)
            self._dropped += spaces
            return len(spaces)

    def _wipe(self, number: int) -> None:
        """Wipes and unlinks the slot file of a namespace, which has the keys of all its rows."""
        ((file,),) = self._database.rows("SELECT file FROM namespace WHERE id = ?", number)
        self._forget_space(number)
        with translated(self.path):
            open_slots(self._slot_path(file), self._disk, self._vault, writable=True).wipe_and_unlink()


def _printed(places: Iterable[tuple[Space, int]]) -> bool:
    """Whether each of these slots has a fingerprint; brief texts have none."""
    return all(space.slots.prints([slot]) for space, slot in places)
