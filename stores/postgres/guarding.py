"""By what a store knows a text that was forgotten: fingerprints and sketches under the key of its tenant.

With a guard key outside of the store (guardkey.py), lines are sealed under it, and rows keep no fingerprint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.stores import rows
from memoria.stores.forgotten import ADOPTED, OUTSIDE, OUTSIDE_ADOPTED, PRINTS, SKETCH, cut, joined, opened, sealed
from memoria.stores.guardkey import CHECK, Outside
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.following import Moved
from memoria.stores.postgres.pipeline import array
from memoria.stores.postgres.schema import partition
from memoria.stores.postgres.tenants import Homes
from memoria.text.fingerprints import Fingerprints, Statement, beginnings, gathered, made
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


# Of more statements, lines are read instead of looked through by the server.
_FEW = 16


class Guarding(Homes):
    """The part of a store that remembers that it forgot."""

    _outside: Outside

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        with self._reading(), self._cluster.transaction() as connection:
            if self._unmet(connection, namespace, statements):
                return [False] * len(statements)
            tenants = self._tenants(connection, namespace, whole=True)
            known = [one for tenant in tenants for one in self._forgotten(connection, tenant)]
            return [any(one.know(said) for one in known) for said in statements]

    def _unmet(self, connection: Connection, namespace: Namespace, statements: Sequence[Statement]) -> bool:
        """Whether the server says that none of these can have been forgotten: of few, which are to be written."""
        tenant = self._homes.get(namespace)
        space = None if tenant is None else self._in_ram(tenant)
        if not connection.together or tenant is None or space is None or len(statements) > _FEW:
            return False
        try:
            marks = {mark for one in statements for mark in beginnings(space.key, one)}
            return not self._open_home(connection, tenant, sorted(marks))
        except Moved:
            self._drop([tenant])
            return False

    def _open_home(self, connection: Connection, tenant: bytes, marks: Sequence[bytes]) -> bool:
        """Keeps others from writing to a tenant, and reads where it is; raises Moved when it is gone.

        marks: what fingerprints begin with. Returns whether what was forgotten may know one of them.
        """
        scope(connection, tenant=[tenant])
        values = (connection.locking(tenant), tenant, array(marks), array(sorted(self._along)))
        found = connection.execute("SELECT * FROM open_home(%s, %s, %s::bytea[], %s::text[])", values).fetchone()
        version, slot, bound, met, names, said = found or (None, 0, False, False, None, None)
        if version is None:
            raise Moved(tenant)
        there = dict(zip(names or (), said or (), strict=True))
        for name in self._along:
            connection.read.setdefault(name, there.get(name))
        connection.opened[tenant] = version, slot, bound
        return bool(met)

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        strict = Outside(key=self._outside.key)
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            found = {
                self._known(connection, one).name: frozenset(self._forgotten(connection, one, strict))
                for one in tenants
            }
            return {name: known for name, known in found.items() if known}

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        kept = [one for one in known if len(one)]
        with self._writing():
            if kept:
                self._tenant_for(namespace)
            with self._cluster.transaction() as connection:
                for tenant in self._tenants(connection, namespace, whole=True):
                    self._lock(connection, [tenant])
                    kinds = [ADOPTED, OUTSIDE_ADOPTED]
                    connection.execute("DELETE FROM forgotten WHERE tenant = %s AND kind = ANY(%s)", (tenant, kinds))
                    self._write_adopted(connection, tenant, kept)

    def guard_near(
        self, namespace: Namespace, statements: Sequence[Statement], *, until: datetime | None = None
    ) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                known = made(self._print_key(connection, tenant), statements, near=True, until=until)
                self._write_own(connection, tenant, known)

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                self._lock(connection, [tenant])
                own, others = self._divided(connection, tenant)
                known = [*own, *others]
                if [one.without(statements) for one in known] != known:
                    # What cannot be opened without the outside key stays.
                    last = ADOPTED if self._outside.key is None else OUTSIDE_ADOPTED
                    connection.execute("DELETE FROM forgotten WHERE tenant = %s AND kind <= %s", (tenant, last))
                    for one in own:
                        self._write_own(connection, tenant, one.without(statements))
                    self._write_adopted(connection, tenant, [one.without(statements) for one in others])

    def release_guard(self, prefix: Namespace, at: datetime) -> int:
        count = 0
        with self._writing(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            sql = "DELETE FROM forgotten WHERE tenant = ANY(%s) AND until <= %s RETURNING tenant, kind, prints"
            gone = connection.execute(sql, (tenants, rows.micros(at))).fetchall()
            for tenant, kind, line in gone:
                readable = kind < OUTSIDE or self._outside.key is not None
                count += self._count(connection, tenant, kind, line) if readable else 1
            for part in {self._part_of(connection, tenant) for tenant, *_ in gone}:
                tenancy.enqueue(connection, "purge", partition("forgotten", part).encode())
        return count

    def _count(self, connection: Connection, tenant: bytes, kind: int, line: bytes) -> int:
        """How many statements a line is about."""
        return sum(len(one) for one in self._opened(connection, tenant, [(kind, line, None)]))

    def _guard(
        self, connection: Connection, statements: Sequence[tuple[Namespace, Statement]], until: datetime | None = None
    ) -> None:
        """Writes down the fingerprints of statements that had no row of their own."""
        for name in dict.fromkeys(name for name, _ in statements):
            said = [one for home, one in statements if home == name]
            for tenant in self._tenants(connection, name, whole=True):
                self._write_own(connection, tenant, made(self._print_key(connection, tenant), said, until=until))

    # -- lines --

    def _print_key(self, connection: Connection, tenant: bytes) -> bytes:
        """The key that fingerprints are made with now."""
        return self._outside.of(self._known(connection, tenant).key)

    def _write_own(self, connection: Connection, tenant: bytes, known: Fingerprints) -> None:
        until = rows.micros(known.until)
        if self._outside.key is not None:
            lines = [sealed(self._print_key(connection, tenant), known)] if len(known) else []
            tenancy.write_prints(connection, tenant, lines, kind=OUTSIDE, until=until)
            return
        tenancy.write_prints(connection, tenant, joined(known.prints), until=until)
        tenancy.write_prints(connection, tenant, known.sketches, kind=SKETCH, until=until)

    def _write_adopted(self, connection: Connection, tenant: bytes, known: Sequence[Fingerprints]) -> None:
        kind, key = ADOPTED if self._outside.key is None else OUTSIDE_ADOPTED, self._print_key(connection, tenant)
        for one in known:
            if len(one):
                lines = [sealed(key, one)]
                tenancy.write_prints(connection, tenant, lines, kind=kind, until=rows.micros(one.until))

    def _forgotten(self, connection: Connection, tenant: bytes, outside: Outside | None = None) -> list[Fingerprints]:
        """What was forgotten of a tenant, under its own key and under those of other stores; none is empty."""
        own, others = self._divided(connection, tenant, outside)
        return [*own, *others]

    def _divided(
        self, connection: Connection, tenant: bytes, outside: Outside | None = None
    ) -> tuple[list[Fingerprints], list[Fingerprints]]:
        """Its own, and those that it adopted; raises GuardKeyMissing."""
        sql = "SELECT kind, prints, until FROM forgotten WHERE tenant = %s ORDER BY event"
        lines = connection.execute(sql, (tenant,)).fetchall()
        if (outside or self._outside).opened(any(kind >= OUTSIDE for kind, _, _ in lines)) is None:
            lines = [line for line in lines if line[0] < OUTSIDE]
        own = [line for line in lines if line[0] in (PRINTS, SKETCH, OUTSIDE)]
        others = [line for line in lines if line[0] in (ADOPTED, OUTSIDE_ADOPTED)]
        return gathered(self._opened(connection, tenant, own)), self._opened(connection, tenant, others)

    def _opened(
        self, connection: Connection, tenant: bytes, lines: Sequence[tuple[int, bytes, int | None]]
    ) -> list[Fingerprints]:
        key = self._known(connection, tenant).key
        found = []
        for kind, blob, until in lines:
            if kind in (PRINTS, SKETCH):
                prints = frozenset(cut([(blob,)])) if kind == PRINTS else frozenset[bytes]()
                sketches = frozenset([blob]) if kind == SKETCH else frozenset[bytes]()
                found.append(Fingerprints(key=key, prints=prints, sketches=sketches, until=rows.time(until)))
            else:
                found.append(opened(key if kind == ADOPTED else self._outside.of(key), blob))
        return [one for one in found if len(one)]

    def _seal_guard(self, known: str | None) -> None:
        """Seals what is known under keys of the store; raises WrongGuardKey. known: the check value that is there."""
        check = self._outside.checked(known)
        if self._outside.key is None or not self._writable:
            return
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, ()):
                self._lock(connection, [tenant])
                sql = "DELETE FROM forgotten WHERE tenant = %s AND kind < %s RETURNING kind, prints, until"
                lines = connection.execute(sql, (tenant, OUTSIDE)).fetchall()
                for one in gathered(self._opened(connection, tenant, [line for line in lines if line[0] != ADOPTED])):
                    self._write_own(connection, tenant, one)
                adopted = self._opened(connection, tenant, [line for line in lines if line[0] == ADOPTED])
                self._write_adopted(connection, tenant, adopted)
                if lines:
                    part = partition("forgotten", self._part_of(connection, tenant))
                    tenancy.enqueue(connection, "purge", part.encode())
            if check is not None:
                tenancy.write_meta(connection, {CHECK: check})
