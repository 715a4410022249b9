"""Turns: one verb at a time. What a verb that was cut short leaves behind is put right before the next one begins.

A verb may be cut short at any line: by Ctrl-C, by a disk that fails, by a full one. Nothing is undone then, because a
commit may have happened. The store is in doubt instead, and stays so until the recovery that `open` runs after a kill
has looked at every slot and row. No verb of a store calls another: what verbs share has an underscore.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from memoria.errors import MemoriaError, StoreFull, StoreReadOnly
from memoria.stores.disk import translated
from memoria.stores.local import recovery
from memoria.stores.local.core import Doubt
from memoria.stores.local.purging import Purging
from memoria.types import EmbedderCard


class Turns(Purging):
    """The part of a store that guards its verbs."""

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Holds the mutex, and first sees what another process has committed; closes surplus namespaces at the end."""
        # Before the mutex, which a thread of the parent may hold in this child forever.
        self._home.check(self.path)
        with self._mutex, self._turn():
            yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        self._check_not_closed()
        if self._doubt:
            self._settle()
        # Until the verb is over: an index that is half built is not used again.
        self._doubt = Doubt.RAM
        try:
            if not self._writable:
                self._see_commits()
            yield
        except MemoriaError:
            if self._doubt is Doubt.RAM:
                self._doubt = Doubt.NONE
            raise
        self._trim()
        self._doubt = Doubt.NONE

    def _writing(self) -> AbstractContextManager[None]:
        self._check_open()
        if not self._writable:
            raise StoreReadOnly(f"{self.path} is open for reading: open it with mode='rw' to change it")
        return self._reading()

    def alone(self) -> AbstractContextManager[object]:
        self._check_open()
        return self._mutex

    def purge(self) -> None:
        """Deletes the rows of what was forgotten: ciphertext without a key, which no verb returns any more."""
        with self._writing():
            self._purge()

    def _settle(self) -> None:
        """Drops what RAM holds; if the verb that was cut short had begun to write, recovers as `open` does."""
        self._drop()
        if self._doubt is Doubt.DISK:
            self._recover()
        self._doubt = Doubt.NONE

    def _recover(self) -> None:
        """Finishes what a crash or an interrupt cut short. Running it twice has the same effect as once."""
        self._database.rollback()
        with translated(self.path):
            self._carry_out(self._survey())

    def _survey(self, *, copied: bool = False) -> recovery.Found:
        folder = self.path / "slots"
        return recovery.survey(self._database, folder, self._disk, self._progress, self._vault, copied=copied)

    def _carry_out(self, found: recovery.Found) -> None:
        recovery.carry_out(found, self.path / "slots", self._disk, self._vault)
        self._zero_again()
        # What cannot be opened may be put right, and its intents are carried out then.
        self._unsettled = bool(found.shut)
        known = set(self._pending)
        self._pending = [id for one in found.spaces for id in one.dead]
        self._gone = [(one.space, slot) for one in found.spaces for slot in one.ghosts]
        self._dropped = list(found.dropped)
        if self._open:
            # Of these, no call has returned yet that says that they are forgotten.
            self._finished |= {id: one.space for one in found.spaces for id in one.dead if id not in known}
        self._card = self._stored_card()
        # The rows are ciphertext without keys: on a full disk they are left to the next purge. An older database would
        # not miss this change, so nothing is marked.
        if self._pending or self._dropped or found.intents:
            with suppress(StoreFull):
                self._purge_all("recover")

    def _zero_again(self) -> None:
        """Zeroes once more what was being zeroed: a sync that failed may have left on the disk what reads as zeros."""
        for number, slots in self._zeroing.items():
            space = self._space(number)
            if space is not None:
                with translated(self.path):
                    space.slots.zero(set(slots).difference(map(int, space.slots.used())), guard=True)
                    space.slots.sync()
        self._zeroing = {}

    def _stored_card(self) -> EmbedderCard:
        name, dimension = self._database.meta("embedder.name"), self._database.meta("embedder.dimension")
        return EmbedderCard(name=str(name), dimension=int(str(dimension)))
