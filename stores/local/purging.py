"""Purging: the rows of what was forgotten are deleted, and its fingerprints are written down."""

from __future__ import annotations

from memoria.stores.forgotten import joined
from memoria.stores.local import recovery
from memoria.stores.local.core import Core
from memoria.stores.local.statements import delete_rows, write_prints


class Purging(Core):
    """The part of a store that removes the last rows of what was forgotten.

    It is below the parts that write, because several of them need it first: a new namespace may have the name of an
    erased one, a record may come back under a forgotten id, and a readmitted text may have its fingerprint in a slot.
    """

    def purge(self) -> None:
        """Deletes the rows of what was forgotten: ciphertext without a key, which no verb returns any more."""
        with self._writing():
            if self._pending:
                prints = self._prints_of_gone()
                with self._database.atomic() as db:
                    delete_rows(db, self._pending)
                    write_prints(db, prints)
                    db.execute("DELETE FROM intent")
                    self._disk.reached("rows purged")
                self._pending.clear()
                self._gone.clear()
            if self._dropped:
                recovery.drop_namespaces(self._database, self._dropped)
                self._dropped.clear()

    def _prints_of_gone(self) -> list[tuple[int, bytes]]:
        """(namespace, fingerprints joined) of what was forgotten since the last purge."""
        slots: dict[int, list[int]] = {}
        for number, slot in self._gone:
            slots.setdefault(number, []).append(slot)
        found = ((number, self._space(number), some) for number, some in slots.items())
        lines = ((number, joined(space.slots.prints(some))) for number, space, some in found if space is not None)
        return [(number, line) for number, some in lines for line in some]
