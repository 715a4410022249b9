"""The log of what was forgotten, as others see it: what is not purged yet is purged first, so that it has a line."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from memoria.stores.forgets import KINDS, Forgot, Position, cut_ids
from memoria.stores.forgets import log_key as log_key_of
from memoria.stores.local.gone import as_position, begin, inside, position
from memoria.stores.local.space import live_among
from memoria.stores.local.turns import Turns


class Forgets(Turns):
    """The part of a store that shows its log."""

    def log_key(self) -> bytes:
        return log_key_of(self._key)

    def forgets_position(self) -> Position:
        with self._reading():
            if self._writable:
                self._purge()
            return as_position(position(self._database))

    def forgets(self, after: int) -> Sequence[Forgot]:
        with self._reading():
            if self._writable:
                self._purge()
            found = self._database.rows("SELECT event, at, kind, ids FROM gone WHERE event > ? ORDER BY event", after)
            lines = [Forgot(event=event, at=at, kind=KINDS[kind], ids=cut_ids(ids)) for event, at, kind, ids in found]
            return lines if self._writable else [*lines, *self._unpurged(after)]

    def _unpurged(self, after: int) -> Iterator[Forgot]:
        """In a reader: a line of what the writer has forgotten and not purged yet, after all others."""
        gone: list[bytes] = []
        for number in self._numbers_under(()):
            space = self._space(number)
            if space is None:
                continue
            rows = self._database.rows("SELECT id, slot, last_at FROM memory WHERE namespace = ?", number)
            live = {id for id, _ in live_among(space, [(id, slot) for id, slot, _ in rows])}
            dead = [(id, last) for id, _, last in rows if id not in live]
            gone += [id for id, last in dead if last is None]
            gone += inside(self._database, [id for id, last in dead if last is not None])
            self._trim()
        if gone:
            last = max(after, position(self._database)["event"])
            yield Forgot(event=last + 1, at=time.time_ns() // 1000, kind="forgotten", ids=tuple(gone))

    def continue_forgets(self, at: Position, lines: Sequence[Forgot], branch: str) -> None:
        with self._writing():
            self._purge()
            with self._atomic() as db:
                begin(db, at, lines, branch)
