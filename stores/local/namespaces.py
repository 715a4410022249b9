"""New namespaces: a slot file with a key of its own, then the row that names it."""

from __future__ import annotations

from memoria.stores.disk import translated
from memoria.stores.local.sealed_slots import create_slots
from memoria.stores.local.space import Space, place
from memoria.stores.local.turns import Turns
from memoria.stores.sealing import blind, seal
from memoria.types import Namespace


class Namespaces(Turns):
    """The part of a store that makes namespaces and numbers their files."""

    def _space_for(self, name: Namespace) -> Space:
        """The namespace of this name, made if it is new."""
        number = self._numbers.get(name)
        if number is None:
            number = self._number_of(name)
        if number is None:
            number = self._create(name)
        space = self._space(number)
        assert space is not None
        return space

    def _create(self, name: Namespace) -> int:
        if self._dropped:
            # The name may be that of an erased namespace, whose row must go first.
            self._purge()
        number = self._next_file()
        with translated(self.path):
            slots = create_slots(self.path / "slots", number, self._card.dimension, self._disk, self._vault, self._key)
        self._disk.reached("namespace file made")
        sealed = seal(slots.key, list(name), place(number))
        slots.close()
        with self._atomic() as db:
            db.execute(
                "INSERT INTO namespace (id, hash, file, sealed) VALUES (?, ?, ?, ?)",
                (number, blind(self._key, "namespace", *name), number, sealed),
            )
            prefixes = [(self._blind(name[:end]), number) for end in range(len(name) + 1)]
            db.executemany("INSERT INTO prefix VALUES (?, ?)", prefixes)
        return number

    def _next_file(self) -> int:
        """A number that no slot file has had; stored at once, so that no number is given twice after a crash."""
        last = self._database.meta("files")
        number = 1 if last is None else int(last) + 1
        with self._atomic() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('files', ?)", (str(number),))
        return number
