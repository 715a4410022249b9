"""How well memories are held, and which decisions stand over them: traces, standing, due times, logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import StoreLocked
from memoria.stores import ledger, private, rows
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.chaining import Chaining
from memoria.stores.postgres.core import FROM, READ, Slot, by_tenant
from memoria.traces import Traces
from memoria.types import LedgerEntry, Namespace, Recalled, Trace

if TYPE_CHECKING:
    from memoria.arrays import Ints
    from memoria.stores.postgres.connect import Connection


# The recall log of a namespace keeps so many lines, the latest, when it is rebuilt.
LOG = 200_000
_KEY_BYTES = 32
_Due = tuple[int, int, bytes, bytes]
_EARLIEST = -(1 << 62)
# So many settings at most are read along.
_ALONG = 8


class Holding(Chaining):
    """The part of a store that keeps traces."""

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        with self._reading(), self._cluster.transaction() as connection:
            wanted = [bytes.fromhex(id) for id in ids]
            found = self._traces(connection, wanted)
            return [found.get(id) for id in wanted]

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            ids = {bytes.fromhex(id) for id in (*traces, *(one.id for one in recalls))}
            places = self._locate(connection, sorted(ids))
            names = ", ".join(f"{name} = %s" for name in rows.TRACE_COLUMNS.split(", "))
            held = {places[bytes.fromhex(id)]: trace for id, trace in traces.items() if bytes.fromhex(id) in places}
            # In one order, so that two processes that use the same memories do not wait for each other in a ring.
            changes = [(*rows.trace_values(trace), *place) for place, trace in sorted(held.items(), key=_place)]
            tenancy.many(connection, f"UPDATE trace SET {names} WHERE tenant = %s AND slot = %s", changes)
            seen = [one for one in recalls if bytes.fromhex(one.id) in places]
            lines = [(*places[bytes.fromhex(one.id)], rows.micros(one.at), one.found) for one in seen]
            tenancy.many(connection, "INSERT INTO recalled (tenant, slot, at, found) VALUES (%s, %s, %s, %s)", lines)
            self._disk.reached("traces written")

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            places = self._located(connection, ids, over_holds=not archived or held is False)
            on, off = rows.standing(archived, pinned, held, restricted)
            for tenant, slots in by_tenant(places.values()).items():
                sql = "UPDATE trace SET bits = (bits | %s) & ~%s::smallint WHERE tenant = %s AND slot = ANY(%s)"
                connection.execute(sql, (on, off, tenant, slots))
                if (archived, restricted) != (None, None):
                    _count_version(connection, tenant)
            self._disk.reached("standing written")

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._reading(), self._cluster.transaction() as connection:
            return [id.hex() for _, _, _, id in self._due(connection, prefix, rows.micros(at) or 0, limit)]

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._writing(), self._cluster.transaction() as connection:
            self._lock(connection, self._tenants(connection, prefix))
            found = self._due(connection, prefix, rows.micros(at) or 0, limit)
            for tenant, slots in by_tenant((tenant, slot) for _, slot, tenant, _ in found).items():
                sql = f"UPDATE trace SET bits = bits | {rows.ARCHIVED} WHERE tenant = %s AND slot = ANY(%s)"
                connection.execute(sql.encode(), (tenant, slots))
                _count_version(connection, tenant)
            self._disk.reached("standing written")
            return [id.hex() for _, _, _, id in found]

    def _due(self, connection: Connection, prefix: Namespace, at: int, limit: int) -> list[_Due]:
        """(fades_at, slot, tenant, id) of what is due, soonest first."""
        found: list[_Due] = []
        for tenant in self._tenants(connection, prefix):
            found += self._due_in(connection, tenant, at, limit)
        return sorted(found)[:limit]

    def _due_in(self, connection: Connection, tenant: bytes, at: int, limit: int) -> list[_Due]:
        """What is due of one tenant, by range scan; rows whose key is gone are passed over."""
        sql = (
            "SELECT t.fades_at, t.slot, t.tenant, m.id FROM trace t "
            "JOIN memory m ON m.tenant = t.tenant AND m.slot = t.slot AND m.tenant = %s "
            "WHERE t.tenant = %s AND t.bits = 0 AND t.fades_at <= %s AND (t.fades_at, t.slot) > (%s, %s) "
            "ORDER BY t.fades_at, t.slot LIMIT %s"
        )
        found: list[_Due] = []
        last = (_EARLIEST, 0)
        while len(found) < limit:
            page = connection.execute(sql, (tenant, tenant, at, *last, limit), binary=True).fetchall()
            live = self._live(tenant, [row[1] for row in page])
            found += [row for row in page if row[1] in live]
            if len(page) < limit:
                break
            last = page[-1][:2]
        return found[:limit]

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        with self._reading(), self._cluster.transaction() as connection:
            found: list[Any] = []
            for tenant in self._tenants(connection, namespace, whole=True):
                columns = READ.replace("m.sealed", "''::bytea")
                sql = (
                    f"SELECT {columns}, octet_length(m.sealed) + octet_length(m.print) FROM {FROM} "
                    "WHERE m.tenant = %s AND t.tenant = %s ORDER BY m.id"
                )
                held = connection.execute(sql.encode(), (tenant, tenant), binary=True).fetchall()
                live = self._live(tenant, [row[2] for row in held])
                found = [row for row in held if row[2] in live]
            size = _KEY_BYTES + 2 * self._card.dimension
            sizes = np.array([row[-1] + size for row in found], np.int64)
            return [row[0].hex() for row in found], rows.to_traces(found), sizes

    def ended(self, namespace: Namespace, at: datetime) -> list[str]:
        with self._reading(), self._cluster.transaction() as connection:
            found: list[str] = []
            for tenant in self._tenants(connection, namespace, whole=True):
                sql = "SELECT id, slot FROM memory WHERE tenant = %s AND valid_to <= %s"
                some = connection.execute(sql, (tenant, rows.micros(at))).fetchall()
                live = self._live(tenant, [slot for _, slot in some])
                found += [bytes(id).hex() for id, slot in some if slot in live]
            return sorted(found)

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        with self._reading(), self._cluster.transaction() as connection:
            found: list[tuple[int, int, bytes, bool]] = []
            for tenant in self._tenants(connection, prefix):
                sql = (
                    "SELECT r.at, r.event, m.id, r.found, r.slot FROM recalled r "
                    "JOIN memory m ON m.tenant = %s AND m.slot = r.slot WHERE r.tenant = %s"
                )
                lines = connection.execute(sql, (tenant, tenant)).fetchall()
                live = self._live(tenant, [line[4] for line in lines])
                found += [line[:4] for line in lines if line[4] in live]
            return [Recalled(id=id.hex(), at=_time(at), found=seen) for at, _, id, seen in sorted(found)]

    def enter(self, entry: LedgerEntry) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            line = ledger.sealed(self._root, entry)
            # Both in one order, whoever else enters something meanwhile.
            shelf = self._rows(connection)
            connection.execute(f"INSERT INTO ledger ({ledger.COLUMNS}) VALUES (%s, %s, %s, %s, %s)".encode(), line)
            self._join(shelf, [(entry, True)])
            self._disk.reached("ledger written")

    def ledger(self) -> list[LedgerEntry]:
        with self._reading(), self._cluster.transaction() as connection:
            return self._decisions(connection)

    def note(self, name: str) -> str | None:
        with self._reading(), self._cluster.transaction() as connection:
            return self._setting(connection, f"note.{name}")

    def notes(self) -> dict[str, str]:
        with self._reading(), self._cluster.transaction() as connection:
            found = connection.execute("SELECT name, value FROM meta WHERE name LIKE 'note.%'").fetchall()
            return {name.removeprefix("note."): value for name, value in found}

    def write_note(self, name: str, value: str) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            _write_setting(connection, f"note.{name}", value)

    def private_note(self, name: str) -> str | None:
        with self._reading(), self._cluster.transaction() as connection:
            found = self._setting(connection, f"private.{name}")
            return None if found is None else private.opened(self._root, name, found)

    def private_notes(self) -> dict[str, str]:
        with self._reading(), self._cluster.transaction() as connection:
            found = connection.execute("SELECT name, value FROM meta WHERE name LIKE 'private.%'").fetchall()
            named = ((name.removeprefix("private."), str(value)) for name, value in found)
            return {name: private.opened(self._root, name, value) for name, value in named}

    def write_private_note(self, name: str, value: str | None) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            sealed = None if value is None else private.sealed(self._root, name, value)
            _write_setting(connection, f"private.{name}", sealed)

    def _setting(self, connection: Connection, name: str) -> str | None:
        """A setting; what this transaction has read once, it reads again, and what verbs read, the next reads along."""
        noted = self._cluster.noted(name)
        if noted is not None:
            return noted[0]
        if connection.together and name in connection.read:
            return connection.read[name]
        found = connection.execute("SELECT value FROM meta WHERE name = %s", (name,)).fetchone()
        value = None if found is None else str(found[0])
        connection.read.setdefault(name, value)
        if connection.together and len(self._along) < _ALONG:
            self._along |= {name}
        return value


def _write_setting(connection: Connection, name: str, value: str | None) -> None:
    """Writes a setting, or takes it away; raises StoreLocked where it is not as this transaction has read it."""
    known = name in connection.read
    before = connection.read.pop(name, None)
    if value is None:
        connection.execute("DELETE FROM meta WHERE name = %s AND (value = %s OR %s)", (name, before, not known))
    else:
        sql = (
            "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
            "WHERE meta.value = excluded.value OR meta.value = %s OR %s"
        )
        if not connection.execute(sql, (name, value, before, not known)).rowcount:
            raise StoreLocked("a setting has changed since it was read: nothing was done; do it again")
    connection.read[name] = value


def _count_version(connection: Connection, tenant: bytes) -> None:
    """Tells every process that holds an index of this tenant that it has changed."""
    connection.execute("UPDATE tenant SET version = version + 1 WHERE tenant = %s", (tenant,))


def _place(held: tuple[Slot, Trace]) -> Slot:
    return held[0]


def _time(value: int) -> datetime:
    found = rows.time(value)
    assert found is not None
    return found
