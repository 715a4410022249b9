"""By what a store knows a text that was forgotten: fingerprints and sketches under the key of its tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.sketch import sketch
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.homes import Homes
from memoria.stores.prints import apart, cut, fingerprint, near
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Guarding(Homes):
    """The part of a store that remembers that it forgot."""

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        with self._reading(), self._cluster.transaction() as connection:
            found = self._tenants(connection, namespace, whole=True)
            if not found:
                return [False] * len(texts)
            key = self._known(connection, found[0]).key
            known, sketches = _forgotten(connection, found[0])
            return [fingerprint(key, text) in known or near(key, text, sketches) for text in texts]

    def guard_near(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                key = self._known(connection, tenant).key
                tenancy.write_prints(connection, tenant, [sketch(key, text) for text in texts], near=True)

    def readmit(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                self._lock(connection, [tenant])
                key = self._known(connection, tenant).key
                known, sketches = _forgotten(connection, tenant)
                kept = known - {fingerprint(key, text) for text in texts}
                others = apart(key, texts, sketches)
                if len(kept) + len(others) == len(known) + len(sketches):
                    continue
                connection.execute("DELETE FROM forgotten WHERE tenant = %s", (tenant,))
                tenancy.write_prints(connection, tenant, [b"".join(kept)] if kept else [])
                tenancy.write_prints(connection, tenant, others, near=True)

    def _guard(self, connection: Connection, texts: Sequence[tuple[Namespace, str]]) -> None:
        """Writes down the fingerprints of texts that had no row of their own."""
        for name in dict.fromkeys(name for name, _ in texts):
            for tenant in self._tenants(connection, name, whole=True):
                key = self._known(connection, tenant).key
                marks = {fingerprint(key, text) for home, text in texts if home == name}
                tenancy.write_prints(connection, tenant, [b"".join(marks)])


def _forgotten(connection: Connection, tenant: bytes) -> tuple[set[bytes], list[bytes]]:
    """Fingerprints and sketches of a tenant."""
    sql = "SELECT prints FROM forgotten WHERE tenant = %s AND near = %s ORDER BY event"
    marks, sketches = (connection.execute(sql, (tenant, near)).fetchall() for near in (False, True))
    return set(cut(marks)), [made for (made,) in sketches]
