"""Retention periods, and when each memory is to be erased: a table of its own, so that what is due is a range of it.

A line holds microseconds since 1970, or, once something of the memory was seen to be due, minus the time when that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from memoria.periods import lapses_at
from memoria.stores import rows
from memoria.stores.lapses import in_order, opened_period, period_hash, sealed_period
from memoria.stores.local.turns import Turns
from memoria.types import Memory, RetentionPeriod


class Lapsing(Turns):
    """The part of a store that keeps retention periods."""

    def periods(self) -> list[RetentionPeriod]:
        with self._reading():
            return list(self._periods())

    def _periods(self) -> tuple[RetentionPeriod, ...]:
        if self._orders is None:
            lines = self._database.rows("SELECT hash, salt, sealed FROM period")
            found = [opened_period(self._key, *line) for line in lines]
            self._orders = tuple(in_order(found))
        return self._orders

    def set_period(self, period: RetentionPeriod) -> None:
        with self._writing():
            self._orders = None
            with self._atomic() as db:
                db.execute("INSERT OR REPLACE INTO period VALUES (?, ?, ?)", sealed_period(self._key, period))
                self._disk.reached("period written")

    def lift_period(self, period: RetentionPeriod) -> bool:
        with self._writing():
            self._orders = None
            with self._atomic() as db:
                gone = db.execute("DELETE FROM period WHERE hash = ?", (period_hash(self._key, period),)).rowcount
                self._disk.reached("period lifted")
        return gone > 0


def insert_lapse(db: Connection, row: int | None, memory: Memory, periods: Sequence[RetentionPeriod]) -> None:
    """The line of a memory that is to be erased some time."""
    time = lapses_at(memory, periods)
    if time is not None:
        db.execute("INSERT INTO lapse VALUES (?, ?)", (row, max(rows.micros(time) or 0, 0)))


def replace_lapse(db: Connection, memory: Memory, periods: Sequence[RetentionPeriod]) -> None:
    """The line of a stored memory, as it is by the periods that there are now."""
    for (row,) in db.execute("SELECT row FROM memory WHERE id = ?", (bytes.fromhex(memory.id),)).fetchall():
        db.execute("DELETE FROM lapse WHERE row = ?", (row,))
        insert_lapse(db, row, memory, periods)
