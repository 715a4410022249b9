"""How a store recognises a text that was forgotten: keyed fingerprints, and sketches where near texts are guarded too.

The key is that of the namespace: when a namespace is erased as a whole, nothing of its guard can be read any more.
Fingerprints adopted from another store come with the key of that store, sealed under the key of the namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from sqlite3 import Connection
from typing import Any

from memoria.stores.forgotten import ADOPTED, PRINTS, SKETCH, cut, joined, opened
from memoria.stores.local.namespaces import Namespaces
from memoria.stores.local.space import Space
from memoria.stores.local.statements import write_adopted, write_prints
from memoria.text.fingerprints import Fingerprints, Prints, Statement, fingerprint, guardable, sketched
from memoria.types import Namespace


class Guarding(Namespaces):
    """The part of a store that keeps fingerprints of what was forgotten, and refuses it."""

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        with self._reading():
            space = self._existing(namespace)
            if space is None:
                return [False] * len(statements)
            known, key = self._prints(space), space.slots.key
            near = Fingerprints(key=key, sketches=frozenset(self._sketches(space)))
            others = [near, *self._foreign(space)]
            return [known.know(key, said) or any(one.know(said) for one in others) for said in statements]

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading():
            found = {space.name: {*self._foreign(space), self._own(space)} for space in self._under(prefix)}
            known = {name: frozenset(one for one in some if len(one)) for name, some in found.items()}
            return {name: some for name, some in known.items() if some}

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        with self._writing():
            kept = [one for one in known if len(one)]
            space = self._space_for(namespace) if kept else self._existing(namespace)
            if space is None:
                return
            with self._atomic() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ? AND near = ?", (space.number, ADOPTED))
                write_adopted(db, space, kept)
            space.adopted = None

    def guard_near(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is not None:
                made = [(space.number, sketched(space.slots.key, one)) for one in statements if guardable(one)]
                with self._atomic() as db:
                    write_prints(db, made, near=True)

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is None:
                return
            self._purge()
            kept = self._own(space).without(statements)
            others = [one.without(statements) for one in self._foreign(space)]
            with self._atomic() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ?", (space.number,))
                write_prints(db, [(space.number, line) for line in joined(kept.prints)])
                write_prints(db, [(space.number, made) for made in kept.sketches], near=True)
                write_adopted(db, space, [one for one in others if len(one)])
            space.prints = Prints(kept.prints)
            space.adopted = None

    def _guard(self, db: Connection, statements: Sequence[tuple[Namespace, Statement]]) -> None:
        """Writes down the fingerprints of statements that had no slot of their own."""
        for name in dict.fromkeys(name for name, _ in statements):
            space = self._existing(name)
            if space is not None:
                prints = {fingerprint(space.slots.key, one) for home, one in statements if home == name}
                write_prints(db, [(space.number, line) for line in joined(prints)])
                space.prints = None

    def _own(self, space: Space) -> Fingerprints:
        """What was forgotten in a namespace itself."""
        return Fingerprints(
            key=space.slots.key,
            prints=frozenset(self._prints(space).all),
            sketches=frozenset(self._sketches(space)),
        )

    def _foreign(self, space: Space) -> frozenset[Fingerprints]:
        """What a namespace has adopted from other stores."""
        if space.adopted is None:
            space.adopted = frozenset(opened(space.slots.key, line) for (line,) in self._forgotten(space, ADOPTED))
        return space.adopted

    def _prints(self, space: Space) -> Prints:
        """The fingerprints of what was forgotten in a namespace."""
        if space.prints is None:
            space.prints = Prints(cut(self._forgotten(space, PRINTS)))
            space.prints.update(space.slots.prints(slot for number, slot in self._gone if number == space.number))
        return space.prints

    def _sketches(self, space: Space) -> list[bytes]:
        return [made for (made,) in self._forgotten(space, SKETCH)]

    def _forgotten(self, space: Space, kind: int) -> list[Any]:
        """Lines of a kind, in the order in which they were written."""
        return self._database.rows(
            "SELECT prints FROM forgotten WHERE namespace = ? AND near = ? ORDER BY event", space.number, kind
        )
