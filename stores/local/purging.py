"""Purging: the rows of what was forgotten are deleted, and its fingerprints are written down."""

from __future__ import annotations

from abc import ABC, abstractmethod
from sqlite3 import Connection

from memoria.stores.forgotten import joined
from memoria.stores.local.core import Core
from memoria.stores.local.gone import enter_rows
from memoria.stores.local.statements import delete_rows, drop_namespaces, write_prints


class Purging(Core, ABC):
    """The part of a store that removes the last rows of what was forgotten.

    It is below the parts that write, because several of them need it first: a new namespace may have the name of an
    erased one, a record may come back under a forgotten id, and a readmitted text may have its fingerprint in a slot.
    """

    def _purge(self) -> None:
        if self._pending or self._dropped or self._said:
            self._touch()
            self._purge_all()

    def _purge_all(self, action: str = "erase") -> None:
        """Purges, and deletes intents even if no row is left of what they name."""
        prints = self._prints_of_gone()
        with self._database.atomic() as db:
            enter_rows(db, self._database, self._pending)
            delete_rows(db, self._pending)
            write_prints(db, prints)
            drop_namespaces(db, self._dropped)
            self._chain_waiting(db, action)
            if not self._unsettled:
                db.execute("DELETE FROM intent")
            self._disk.reached("rows purged")
        self._pending, self._gone, self._dropped = [], [], []
        self._let_go_of_lines()

    @abstractmethod
    def _chain_waiting(self, db: Connection, action: str) -> None:
        """Joins the lines that wait to the ledger; `action` is that of what was erased and has none (chaining.py)."""

    @abstractmethod
    def _let_go_of_lines(self) -> None:
        """Once they are committed."""

    def _prints_of_gone(self) -> list[tuple[int, bytes]]:
        """(namespace, fingerprints joined) of what was forgotten since the last purge."""
        slots: dict[int, list[int]] = {}
        for number, slot in self._gone:
            slots.setdefault(number, []).append(slot)
        found = ((number, self._space(number), some) for number, some in slots.items())
        lines = ((number, joined(space.slots.prints(some))) for number, space, some in found if space is not None)
        return [(number, line) for number, some in lines for line in some]
