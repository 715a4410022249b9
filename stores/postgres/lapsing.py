"""Retention periods, and when each memory is to be erased: a table of its own, so that what is due is a range of it.

A line holds microseconds since 1970, or, once something of the memory was seen to be due, minus the time when that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memoria.periods import lapses_at
from memoria.stores import rows
from memoria.stores.lapses import Due, due, in_order, meant, opened_period, period_hash, sealed_period
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.core import Core, by_tenant
from memoria.types import Memory, RetentionPeriod, Where

if TYPE_CHECKING:
    from memoria.arrays import Ints
    from memoria.stores.postgres.connect import Connection

Lapsed = Mapping[bytes, Sequence[tuple[int, Due]]]
"""By tenant, (slot, what is due) of what is to be erased."""


class Lapsing(Core):
    """The part of a store that keeps retention periods, and finds what is due."""

    def periods(self) -> list[RetentionPeriod]:
        with self._reading(), self._cluster.transaction() as connection:
            return self._periods(connection)

    def _periods(self, connection: Connection) -> list[RetentionPeriod]:
        lines = connection.execute("SELECT hash, salt, sealed FROM period").fetchall()
        found = [opened_period(self._root, *line) for line in lines]
        return in_order(found)

    def set_period(self, period: RetentionPeriod) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            sql = (
                "INSERT INTO period VALUES (%s, %s, %s) ON CONFLICT (hash) DO UPDATE SET "
                "salt = excluded.salt, sealed = excluded.sealed"
            )
            connection.execute(sql, sealed_period(self._root, period))

    def lift_period(self, period: RetentionPeriod) -> bool:
        with self._writing(), self._cluster.transaction() as connection:
            sql = "DELETE FROM period WHERE hash = %s"
            gone = connection.execute(sql, (period_hash(self._root, period),)).rowcount
        return gone > 0

    def lapsed(self, where: Where, at: datetime) -> dict[str, frozenset[str]]:
        with self._reading(), self._cluster.transaction() as connection:
            found = self._due_by(connection, self._homes_of(connection, where), at)
            return meant((one for some in found.values() for _, one in some), where)

    def _homes_of(self, connection: Connection, where: Where) -> list[bytes]:
        """The tenants that a filter is about: with ids, only those where they are, of however many there are."""
        if where.ids is None:
            return self._tenants(connection, where.namespace)
        places = self._locate(connection, [bytes.fromhex(id) for id in sorted(set(where.ids))])
        names = {tenant: self._known(connection, tenant).name for tenant in by_tenant(places.values())}
        return [one for one, name in names.items() if name[: len(where.namespace)] == where.namespace]

    def _due_by(self, connection: Connection, tenants: Sequence[bytes], at: datetime | None) -> Lapsed:
        """What is due of tenants; the first time, a writer notes that it has seen it."""
        by = rows.micros(at)
        lines = [] if by is None or not tenants else connection.execute(_DUE, (list(tenants), by)).fetchall()
        found: dict[bytes, list[tuple[int, Due]]] = {}
        fresh: list[tuple[int, bytes, int]] = []
        for tenant, slot, time, id, gist in self._of_live(connection, lines):
            seen = None if time >= 0 else -time
            one = self._due_of(connection, id, max(by or 0, seen or 0), gist=gist)
            if one is not None and (seen is None or (gist and one != self._due_of(connection, id, seen, gist=gist))):
                fresh.append((-max(by or 0, 1), tenant, slot))
            if one is not None:
                found.setdefault(tenant, []).append((slot, one))
        if fresh and self._writable:
            tenancy.many(connection, "UPDATE lapse SET at = %s WHERE tenant = %s AND slot = %s", sorted(fresh))
        return found

    def _of_live(self, connection: Connection, lines: Iterable[tuple[bytes, int, int]]) -> list[tuple[Any, ...]]:
        """Lines of `_DUE` whose memory is live, with its id and whether it is a gist."""
        times = {(tenant, slot): time for tenant, slot, time in lines}
        found: list[tuple[Any, ...]] = []
        for tenant, slots in by_tenant(times).items():
            live = self._live(tenant, slots)
            sql = "SELECT slot, id, last_at IS NOT NULL FROM memory WHERE tenant = %s AND slot = ANY(%s)"
            rows_ = connection.execute(sql, (tenant, sorted(live))).fetchall() if live else []
            found += [(tenant, slot, times[tenant, slot], id, gist) for slot, id, gist in rows_]
        return found

    def _due_of(self, connection: Connection, id: bytes, by: int, *, gist: bool) -> Due | None:
        """What is due of a memory that has a line; a gist is read, for its parts may be due at other times."""
        if not gist:
            return Due(id.hex(), frozenset([id.hex()]), True)
        (record,), at = self._read(connection, [id]), rows.time(by)
        return None if record is None or at is None else due(record.memory, self._periods(connection), at)

    def reschedule(self, ids: Sequence[str]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            asked = [bytes.fromhex(id) for id in ids]
            read = [record for record in self._read(connection, asked) if record is not None]
            places = self._locate(connection, [bytes.fromhex(record.memory.id) for record in read])
            tenancy.many(connection, "DELETE FROM lapse WHERE tenant = %s AND slot = %s", sorted(places.values()))
            periods = self._periods(connection)
            held = [(places.get(bytes.fromhex(record.memory.id)), record.memory) for record in read]
            insert_lapses(connection, [(*place, memory) for place, memory in held if place is not None], periods)
            self._disk.reached("lapses written")


def insert_lapses(
    connection: Connection, memories: Iterable[tuple[bytes, int, Memory]], periods: Sequence[RetentionPeriod]
) -> None:
    """The lines of those of these memories, each with its tenant and slot, that are to be erased some time."""
    times = [(tenant, slot, lapses_at(memory, periods)) for tenant, slot, memory in memories]
    lines = [(tenant, slot, max(rows.micros(time) or 0, 0)) for tenant, slot, time in times if time is not None]
    tenancy.many(connection, "INSERT INTO lapse (tenant, slot, at) VALUES (%s, %s, %s)", lines)


def whole(found: Iterable[tuple[int, Due]]) -> Ints:
    """The slots of which nothing stays."""
    import numpy as np

    return np.array([slot for slot, one in found if one.whole], np.int64)


_DUE = "SELECT tenant, slot, at FROM lapse WHERE tenant = ANY(%s) AND at <= %s"
