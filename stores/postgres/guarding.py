"""By what a store knows a text that was forgotten: fingerprints and sketches under the key of its tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from memoria.stores.forgotten import ADOPTED, PRINTS, SKETCH, cut, joined, opened, sealed
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.tenants import Homes
from memoria.text.fingerprints import Fingerprints, Statement, fingerprint, guardable, sketched
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Guarding(Homes):
    """The part of a store that remembers that it forgot."""

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, namespace, whole=True)
            known = [one for tenant in tenants for one in self._forgotten(connection, tenant)]
            return [any(one.know(said) for one in known) for said in statements]

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            found = {self._known(connection, one).name: frozenset(self._forgotten(connection, one)) for one in tenants}
            return {name: known for name, known in found.items() if known}

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        kept = [one for one in known if len(one)]
        with self._writing():
            if kept:
                self._tenant_for(namespace)
            with self._cluster.transaction() as connection:
                for tenant in self._tenants(connection, namespace, whole=True):
                    self._lock(connection, [tenant])
                    connection.execute("DELETE FROM forgotten WHERE tenant = %s AND kind = %s", (tenant, ADOPTED))
                    self._write_adopted(connection, tenant, kept)

    def guard_near(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        kept = [one for one in statements if guardable(one)]
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                key = self._known(connection, tenant).key
                tenancy.write_prints(connection, tenant, [sketched(key, one) for one in kept], kind=SKETCH)

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                self._lock(connection, [tenant])
                known = self._forgotten(connection, tenant)
                kept = [one.without(statements) for one in known]
                if kept != known:
                    connection.execute("DELETE FROM forgotten WHERE tenant = %s", (tenant,))
                    self._write_down(connection, tenant, kept)

    def _write_down(self, connection: Connection, tenant: bytes, known: Sequence[Fingerprints]) -> None:
        """What is under the tenant's own key in lines of its own, the rest as adopted."""
        key = self._known(connection, tenant).key
        for own in (one for one in known if one.key == key):
            tenancy.write_prints(connection, tenant, joined(own.prints))
            tenancy.write_prints(connection, tenant, own.sketches, kind=SKETCH)
        self._write_adopted(connection, tenant, [one for one in known if one.key != key and len(one)])

    def _write_adopted(self, connection: Connection, tenant: bytes, known: Sequence[Fingerprints]) -> None:
        key = self._known(connection, tenant).key
        tenancy.write_prints(connection, tenant, [sealed(key, one) for one in known], kind=ADOPTED)

    def _guard(self, connection: Connection, statements: Sequence[tuple[Namespace, Statement]]) -> None:
        """Writes down the fingerprints of statements that had no row of their own."""
        for name in dict.fromkeys(name for name, _ in statements):
            for tenant in self._tenants(connection, name, whole=True):
                key = self._known(connection, tenant).key
                marks = {fingerprint(key, one) for home, one in statements if home == name}
                tenancy.write_prints(connection, tenant, joined(marks))

    def _forgotten(self, connection: Connection, tenant: bytes) -> list[Fingerprints]:
        """What was forgotten of a tenant, under its own key and under those of other stores; none is empty."""
        lines: dict[int, list[bytes]] = {PRINTS: [], SKETCH: [], ADOPTED: []}
        sql = "SELECT kind, prints FROM forgotten WHERE tenant = %s ORDER BY event"
        for kind, blob in connection.execute(sql, (tenant,)).fetchall():
            lines[kind].append(blob)
        key = self._known(connection, tenant).key
        prints = frozenset(cut((blob,) for blob in lines[PRINTS]))
        own = Fingerprints(key=key, prints=prints, sketches=frozenset(lines[SKETCH]))
        return [one for one in (own, *(opened(key, line) for line in lines[ADOPTED])) if len(one)]
