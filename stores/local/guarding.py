"""By what a store knows a text that was forgotten: keyed fingerprints, and sketches where near ones are guarded too.

The key is that of the namespace, so a namespace that is erased whole takes what its guard knew along.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from memoria.sketch import sketch
from memoria.stores.local.database import Database
from memoria.stores.local.space import Space
from memoria.stores.prints import apart, cut, fingerprint, near
from memoria.types import Namespace


class Guarding:
    """The part of a local store that remembers that it forgot. `LocalStore` gives what is declared here."""

    _database: Database

    def __init__(self) -> None:
        # (namespace, slot) of what was forgotten since the last purge: its fingerprint is in the slot alone.
        self._gone: list[tuple[int, int]] = []
        self._guards: dict[int, set[bytes]] = {}

    def _reading(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _writing(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _existing(self, name: Namespace) -> Space | None:
        raise NotImplementedError

    def _space(self, number: int) -> Space | None:
        raise NotImplementedError

    def purge(self) -> None:
        raise NotImplementedError

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        with self._reading():
            space = self._existing(namespace)
            if space is None:
                return [False] * len(texts)
            known, sketches, key = self._prints(space), self._sketches(space), space.slots.key
            return [bool(known and fingerprint(key, text) in known) or near(key, text, sketches) for text in texts]

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
            kept = self._prints(space) - {fingerprint(space.slots.key, text) for text in texts}
            others = apart(space.slots.key, texts, self._sketches(space))
            with self._database.atomic() as db:
                db.execute("DELETE FROM forgotten WHERE namespace = ?", (space.number,))
                write_prints(db, [(space.number, b"".join(kept))] if kept else [])
                write_prints(db, [(space.number, made) for made in others], near=True)
            self._guards[space.number] = kept

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


def write_prints(db: Any, prints: Sequence[tuple[int, bytes]], *, near: bool = False) -> None:
    """A line for each (namespace, fingerprints joined), or, when `near`, for each (namespace, sketch)."""
    lines = [(number, near, blob) for number, blob in prints]
    db.executemany("INSERT INTO forgotten (namespace, near, prints) VALUES (?, ?, ?)", lines)
