"""The log of what was forgotten, as others see it: what is not purged yet is purged first, so that it has a line."""

from __future__ import annotations

from collections.abc import Sequence

from memoria.stores.forgets import KINDS, Forgot, Position, cut_ids
from memoria.stores.forgets import log_key as log_key_of
from memoria.stores.local.gone import as_position, begin, position
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
            return [Forgot(event=event, at=at, kind=KINDS[kind], ids=cut_ids(ids)) for event, at, kind, ids in found]

    def continue_forgets(self, at: Position, lines: Sequence[Forgot], branch: str) -> None:
        with self._writing():
            self._purge()
            with self._atomic() as db:
                begin(db, at, lines, branch)
