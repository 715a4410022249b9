"""How a store recognises a text that was forgotten: keyed fingerprints, and sketches where near texts are guarded too.

The key is that of the namespace: when a namespace is erased as a whole, nothing of its guard can be read any more.
Fingerprints adopted from another store come with the key of that store, sealed under the key of the namespace. With a
guard key outside of the store (guardkey.py), all lines are sealed under it, and slots keep no fingerprint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from memoria.stores import rows
from memoria.stores.disk import translated
from memoria.stores.forgotten import ADOPTED, OUTSIDE, OUTSIDE_ADOPTED, PRINTS, SKETCH, cut, joined, opened
from memoria.stores.guardkey import CHECK, Outside
from memoria.stores.local.database import marks
from memoria.stores.local.namespaces import Namespaces
from memoria.stores.local.space import Space
from memoria.stores.local.statements import write_prints, write_sealed
from memoria.text.fingerprints import PRINT_BYTES, Fingerprints, Prints, Statement, gathered, made
from memoria.types import Namespace

# While the log may still have fingerprints that are erased.
_UNSCRUBBED = "unscrubbed"


class Guarding(Namespaces):
    """The part of a store that keeps fingerprints of what was forgotten, and refuses it."""

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        with self._reading():
            space = self._existing(namespace)
            if space is None:
                return [False] * len(statements)
            known, key = self._prints(space), space.slots.key
            near = Fingerprints(key=key, sketches=frozenset(self._sketches(space)))
            others = [near, *self._foreign(space), *(one for _, one in self._sealed(space))]
            return [known.know(key, said) or any(one.know(said) for one in others) for said in statements]

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading():
            found = {space.name: self._all(space) for space in self._under(prefix)}
            return {name: frozenset(known) for name, known in found.items() if known}

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        with self._writing():
            kept = [one for one in known if len(one)]
            space = self._space_for(namespace) if kept else self._existing(namespace)
            if space is None:
                return
            with self._atomic() as db:
                sql = "DELETE FROM forgotten WHERE namespace = ? AND near IN (?, ?)"
                db.execute(sql, (space.number, ADOPTED, OUTSIDE_ADOPTED))
                self._write_adopted(db, space, kept)
            space.forget_prints()

    def guard_near(
        self, namespace: Namespace, statements: Sequence[Statement], *, until: datetime | None = None
    ) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is not None:
                known = made(self._outside.of(space.slots.key), statements, near=True, until=until)
                with self._atomic() as db:
                    self._write_own(db, space, known)
                space.sealed = space.outside = None

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is None:
                return
            self._purge()
            own = [*self._own(space), *(one for kind, one in self._sealed(space) if kind == OUTSIDE)]
            others = [*self._foreign(space), *(one for kind, one in self._sealed(space) if kind == OUTSIDE_ADOPTED)]
            with self._atomic() as db:
                plain, every = (PRINTS, SKETCH, ADOPTED), range(OUTSIDE_ADOPTED + 1)
                readable: Sequence[int] = plain if self._outside.key is None else every
                sql = f"DELETE FROM forgotten WHERE namespace = ? AND near IN ({marks(readable)})"
                db.execute(sql, (space.number, *readable))
                for one in own:
                    self._write_own(db, space, one.without(statements))
                self._write_adopted(db, space, [one.without(statements) for one in others])
            space.forget_prints()

    def release_guard(self, prefix: Namespace, at: datetime) -> int:
        with self._writing():
            due = self._database.rows(
                "SELECT event, namespace, near, length(prints) FROM forgotten WHERE until <= ?", rows.micros(at)
            )
            inside = set(self._numbers_under(prefix)) if due else set()
            due = [line for line in due if line[1] in inside]
            count = sum(self._counted(*line) for line in due)
            if due:
                self._touch()
                self._write_meta({_UNSCRUBBED: "1"})
                with self._database.scrubbing() as db:
                    db.executemany("DELETE FROM forgotten WHERE event = ?", [(event,) for event, *_ in due])
                    self._disk.reached("fingerprints erased")
                for number in {line[1] for line in due} & self._spaces.keys():
                    self._spaces[number].forget_prints()
            self._scrub()
        return count

    def _counted(self, event: int, number: int, kind: int, size: int) -> int:
        """How many statements a line is about; of a sealed one that nothing here opens, one."""
        space = self._space(number)
        if kind == PRINTS:
            return size // PRINT_BYTES
        if kind == SKETCH or space is None or (kind != ADOPTED and self._outside.key is None):
            return 1
        ((line,),) = self._database.rows("SELECT prints FROM forgotten WHERE event = ?", event)
        return len(opened(self._sealing(space, kind), line))

    def _scrub(self) -> None:
        """Takes what was erased out of the log, as soon as no reader needs it."""
        if self._database.meta(_UNSCRUBBED) and self._database.scrub():
            with self._atomic() as db:
                db.execute("DELETE FROM meta WHERE name = ?", (_UNSCRUBBED,))

    def _guard(
        self, db: Connection, statements: Sequence[tuple[Namespace, Statement]], until: datetime | None = None
    ) -> None:
        """Writes down the fingerprints of statements that have no slot of their own."""
        for name in dict.fromkeys(name for name, _ in statements):
            space = self._existing(name)
            if space is not None:
                said = [one for home, one in statements if home == name]
                self._write_own(db, space, made(self._outside.of(space.slots.key), said, until=until))
                space.forget_prints()

    # -- lines --

    def _write_own(self, db: Connection, space: Space, known: Fingerprints) -> None:
        if self._outside.key is not None:
            write_sealed(db, space.number, OUTSIDE, self._sealing(space, OUTSIDE), [known] if len(known) else [])
            return
        until = rows.micros(known.until)
        write_prints(db, [(space.number, line) for line in joined(known.prints)], until=until)
        write_prints(db, [(space.number, sketch) for sketch in known.sketches], near=True, until=until)

    def _write_adopted(self, db: Connection, space: Space, known: Sequence[Fingerprints]) -> None:
        kind = ADOPTED if self._outside.key is None else OUTSIDE_ADOPTED
        write_sealed(db, space.number, kind, self._sealing(space, kind), [one for one in known if len(one)])

    def _sealing(self, space: Space, kind: int) -> bytes:
        """By which lines of a kind are sealed."""
        return space.slots.key if kind == ADOPTED else self._outside.of(space.slots.key)

    def _all(self, space: Space) -> list[Fingerprints]:
        """Everything that a namespace knows; raises GuardKeyMissing, though unguarded."""
        sealed = self._sealed(space, Outside(key=self._outside.key))
        own = gathered([*self._own(space), *(one for kind, one in sealed if kind == OUTSIDE)])
        return [*own, *self._foreign(space), *(one for kind, one in sealed if kind == OUTSIDE_ADOPTED)]

    def _own(self, space: Space) -> list[Fingerprints]:
        """What was forgotten in a namespace itself and is under its own key, by until when it is known."""
        key = space.slots.key
        slots = space.slots.prints(slot for number, slot in self._gone if number == space.number)
        found = [Fingerprints(key=key, prints=frozenset(slots))]
        for kind in (PRINTS, SKETCH):
            for blob, until in self._lines(space, kind):
                prints = frozenset(cut([(blob,)])) if kind == PRINTS else frozenset[bytes]()
                sketches = frozenset([blob]) if kind == SKETCH else frozenset[bytes]()
                found.append(Fingerprints(key=key, prints=prints, sketches=sketches, until=rows.time(until)))
        return gathered(found)

    def _foreign(self, space: Space) -> frozenset[Fingerprints]:
        """What a namespace has adopted from other stores."""
        if space.adopted is None:
            space.adopted = frozenset(opened(space.slots.key, line) for line, _ in self._lines(space, ADOPTED))
        return space.adopted

    def _sealed(self, space: Space, outside: Outside | None = None) -> list[tuple[int, Fingerprints]]:
        """(kind, fingerprints) that are sealed under the outside key; raises GuardKeyMissing."""
        if space.sealed is None:
            kinds = (OUTSIDE, OUTSIDE_ADOPTED)
            space.sealed = [(kind, line) for kind in kinds for line, _ in self._lines(space, kind)]
        if (outside or self._outside).opened(bool(space.sealed)) is None:
            return []
        if space.outside is None:
            space.outside = [(kind, opened(self._sealing(space, kind), line)) for kind, line in space.sealed]
        return space.outside

    def _prints(self, space: Space) -> Prints:
        """The fingerprints of what was forgotten in a namespace."""
        if space.prints is None:
            space.prints = Prints(cut((line,) for line, _ in self._lines(space, PRINTS)))
            space.prints.update(space.slots.prints(slot for number, slot in self._gone if number == space.number))
        return space.prints

    def _sketches(self, space: Space) -> list[bytes]:
        return [sketch for sketch, _ in self._lines(space, SKETCH)]

    def _lines(self, space: Space, kind: int) -> list[Any]:
        """Lines of a kind and until when they count, in the order in which they were written."""
        return self._database.rows(
            "SELECT prints, until FROM forgotten WHERE namespace = ? AND near = ? ORDER BY event", space.number, kind
        )

    # -- the outside key --

    def _seal_guard(self, check: str | None) -> None:
        """Seals what is known under keys of the store, and empties slots of fingerprints. check: to be written down.

        That is so when the store is opened with the key for the first time, and after it was open without it.
        """
        self._purge()
        plain = self._database.rows("SELECT 1 FROM forgotten WHERE near < ? LIMIT 1", OUTSIDE)
        if check is None and not plain and not self._database.meta(_UNSCRUBBED):
            return
        self._write_meta({_UNSCRUBBED: "1"})
        for number in self._numbers_under(()):
            space = self._space(number)
            if space is not None:
                self._seal_space(space)
                self._trim()
        if check is not None:
            self._write_meta({CHECK: check})
        self._scrub()

    def _seal_space(self, space: Space) -> None:
        own, adopted = self._own(space), self._foreign(space)
        if own or adopted:
            with self._database.scrubbing() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ? AND near < ?", (space.number, OUTSIDE))
                for one in own:
                    self._write_own(db, space, one)
                self._write_adopted(db, space, sorted(adopted, key=lambda one: one.key))
            space.forget_prints()
        with translated(space.slots.path):
            ghosts = space.slots.ghosts()
            if ghosts:
                space.slots.zero(ghosts)
                space.slots.sync()
