"""By what a store knows a text that was forgotten: keyed fingerprints, and sketches where near ones are guarded too.

The key is that of the namespace, so a namespace that is erased whole takes what its guard knew along. What another
store knew comes with the key it was made under, sealed under that of the namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from memoria.stores.forgotten import ADOPTED, cut, opened, sealed
from memoria.stores.local.database import Database
from memoria.stores.local.space import Space
from memoria.text.fingerprints import Fingerprints, fingerprint
from memoria.text.sketch import sketch
from memoria.types import Namespace


class Guarding:
    """The part of a local store that remembers that it forgot. `LocalStore` gives what is declared here."""

    _database: Database

    def __init__(self) -> None:
        # (namespace, slot) of what was forgotten since the last purge: its fingerprint is in the slot alone.
        self._gone: list[tuple[int, int]] = []
        self._guards: dict[int, set[bytes]] = {}
        self._adopted: dict[int, frozenset[Fingerprints]] = {}

    def _reading(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _writing(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _existing(self, name: Namespace) -> Space | None:
        raise NotImplementedError

    def _space(self, number: int) -> Space | None:
        raise NotImplementedError

    def _space_for(self, name: Namespace) -> Space:
        raise NotImplementedError

    def _under(self, prefix: Namespace) -> Iterator[Space]:
        raise NotImplementedError

    def purge(self) -> None:
        raise NotImplementedError

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        with self._reading():
            space = self._existing(namespace)
            if space is None:
                return [False] * len(texts)
            known, key = self._prints(space), space.slots.key
            near = Fingerprints(key=key, sketches=frozenset(self._sketches(space)))
            others = [near, *self._foreign(space)]
            return [
                bool(known and fingerprint(key, text) in known) or any(one.know(text) for one in others)
                for text in texts
            ]

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading():
            found = {space.name: {*self._foreign(space), self._own(space)} for space in self._under(prefix)}
            known = {name: frozenset(one for one in some if len(one)) for name, some in found.items()}
            return {name: some for name, some in known.items() if some}

    def _own(self, space: Space) -> Fingerprints:
        """What was forgotten in a namespace itself."""
        return Fingerprints(
            key=space.slots.key,
            prints=frozenset(self._prints(space)),
            sketches=frozenset(self._sketches(space)),
        )

    def _foreign(self, space: Space) -> frozenset[Fingerprints]:
        """What was adopted from other stores in a namespace."""
        if space.number not in self._adopted:
            lines = self._database.rows(
                "SELECT prints FROM forgotten WHERE namespace = ? AND near = ? ORDER BY event", space.number, ADOPTED
            )
            self._adopted[space.number] = frozenset(opened(space.slots.key, line) for (line,) in lines)
        return self._adopted[space.number]

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        with self._writing():
            kept = [one for one in known if len(one)]
            space = self._space_for(namespace) if kept else self._existing(namespace)
            if space is None:
                return
            with self._database.atomic() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ? AND near = ?", (space.number, ADOPTED))
                _write_adopted(db, space, kept)
            self._adopted.pop(space.number, None)

    def _prints(self, space: Space) -> set[bytes]:
        """The fingerprints of what was forgotten in a namespace."""
        if space.number not in self._guards:
            found = set(cut(self._forgotten(space, near=False)))
            found.update(space.slots.prints(slot for number, slot in self._gone if number == space.number))
            self._guards[space.number] = found
        return self._guards[space.number]

    def _forgotten(self, space: Space, *, near: bool) -> list[Any]:
        return self._database.rows(
            "SELECT prints FROM forgotten WHERE namespace = ? AND near = ? ORDER BY event", space.number, near
        )

    def _sketches(self, space: Space) -> list[bytes]:
        return [made for (made,) in self._forgotten(space, near=True)]

    def guard_near(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is not None:
                made = [(space.number, sketch(space.slots.key, text)) for text in texts]
                with self._database.atomic() as db:
                    write_prints(db, made, near=True)

    def readmit(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing():
            space = self._existing(namespace)
            if space is None:
                return
            self.purge()
            kept = self._own(space).without(texts)
            others = [one.without(texts) for one in self._foreign(space)]
            with self._database.atomic() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ?", (space.number,))
                write_prints(db, [(space.number, b"".join(kept.prints))] if kept.prints else [])
                write_prints(db, [(space.number, made) for made in kept.sketches], near=True)
                _write_adopted(db, space, [one for one in others if len(one)])
            self._guards[space.number] = set(kept.prints)
            self._adopted.pop(space.number, None)

    def _guard(self, db: Any, texts: Sequence[tuple[Namespace, str]]) -> None:
        """Writes down the fingerprints of texts that had no slot of their own."""
        for name in dict.fromkeys(name for name, _ in texts):
            space = self._existing(name)
            if space is not None:
                marks = {fingerprint(space.slots.key, text) for home, text in texts if home == name}
                write_prints(db, [(space.number, b"".join(marks))])
                self._guards.pop(space.number, None)

    def _marks_of_gone(self) -> list[tuple[int, bytes]]:
        """(namespace, fingerprints) of what was forgotten since the last purge."""
        slots: dict[int, list[int]] = {}
        for number, slot in self._gone:
            slots.setdefault(number, []).append(slot)
        found = ((number, self._space(number), some) for number, some in slots.items())
        return [(number, b"".join(space.slots.prints(some))) for number, space, some in found if space is not None]


def _write_adopted(db: Any, space: Space, known: Iterable[Fingerprints]) -> None:
    lines = [(space.number, ADOPTED, sealed(space.slots.key, one)) for one in known]
    db.executemany("INSERT INTO forgotten (namespace, near, prints) VALUES (?, ?, ?)", lines)


def write_prints(db: Any, prints: Sequence[tuple[int, bytes]], *, near: bool = False) -> None:
    """A line for each (namespace, fingerprints joined), or, when `near`, for each (namespace, sketch)."""
    lines = [(number, near, blob) for number, blob in prints]
    db.executemany("INSERT INTO forgotten (namespace, near, prints) VALUES (?, ?, ?)", lines)
