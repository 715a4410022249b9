"""By what a store knows a text that was forgotten: fingerprints and sketches under the key of its tenant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memoria.fingerprints import Fingerprints, fingerprint
from memoria.sketch import sketch
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.homes import Homes
from memoria.stores.prints import ADOPTED, PRINTS, SKETCH, apart, cut, near, opened, own, sealed
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What a tenant knows that was forgotten: under its own key, and as it was adopted."""

    prints: set[bytes]
    sketches: list[bytes]
    adopted: frozenset[Fingerprints]

    def __len__(self) -> int:
        return len(self.prints) + len(self.sketches) + sum(map(len, self.adopted))


class Guarding(Homes):
    """The part of a store that remembers that it forgot."""

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        with self._reading(), self._cluster.transaction() as connection:
            found = self._tenants(connection, namespace, whole=True)
            if not found:
                return [False] * len(texts)
            key = self._known(connection, found[0]).key
            known = _forgotten(connection, found[0], key)
            return [
                fingerprint(key, text) in known.prints
                or near(key, text, known.sketches)
                or any(one.know(text) for one in known.adopted)
                for text in texts
            ]

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading(), self._cluster.transaction() as connection:
            found = {}
            for tenant in self._tenants(connection, prefix):
                space = self._known(connection, tenant)
                known = _forgotten(connection, tenant, space.key)
                if len(known):
                    found[space.name] = known.adopted | own(space.key, known.prints, known.sketches)
            return found

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        kept = [one for one in known if len(one)]
        with self._writing():
            tenant = self._tenant_for(namespace) if kept else self._existing(namespace)
            if tenant is None:
                return
            with self._cluster.transaction(tenant=[tenant]) as connection:
                self._lock(connection, [tenant])
                sql = "DELETE FROM forgotten WHERE tenant = %s AND near = %s"
                connection.execute(sql, (tenant, ADOPTED))
                _write_adopted(connection, tenant, self._known(connection, tenant).key, kept)

    def guard_near(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                key = self._known(connection, tenant).key
                tenancy.write_prints(connection, tenant, [sketch(key, text) for text in texts], SKETCH)

    def readmit(self, namespace: Namespace, texts: Sequence[str]) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            for tenant in self._tenants(connection, namespace, whole=True):
                self._lock(connection, [tenant])
                key = self._known(connection, tenant).key
                known = _forgotten(connection, tenant, key)
                kept = Forgotten(
                    prints=known.prints - {fingerprint(key, text) for text in texts},
                    sketches=apart(key, texts, known.sketches),
                    adopted=frozenset(one.without(texts) for one in known.adopted),
                )
                if len(kept) < len(known):
                    _rewrite(connection, tenant, key, kept)

    def _guard(self, connection: Connection, texts: Sequence[tuple[Namespace, str]]) -> None:
        """Writes down the fingerprints of texts that had no row of their own."""
        for name in dict.fromkeys(name for name, _ in texts):
            for tenant in self._tenants(connection, name, whole=True):
                key = self._known(connection, tenant).key
                marks = {fingerprint(key, text) for home, text in texts if home == name}
                tenancy.write_prints(connection, tenant, [b"".join(marks)])


def _forgotten(connection: Connection, tenant: bytes, key: bytes) -> Forgotten:
    sql = "SELECT near, prints FROM forgotten WHERE tenant = %s ORDER BY event"
    lines: dict[int, list[bytes]] = {PRINTS: [], SKETCH: [], ADOPTED: []}
    for kind, line in connection.execute(sql, (tenant,)).fetchall():
        lines[kind].append(line)
    return Forgotten(
        prints=set(cut((line,) for line in lines[PRINTS])),
        sketches=lines[SKETCH],
        adopted=frozenset(opened(key, line) for line in lines[ADOPTED]),
    )


def _rewrite(connection: Connection, tenant: bytes, key: bytes, kept: Forgotten) -> None:
    connection.execute("DELETE FROM forgotten WHERE tenant = %s", (tenant,))
    tenancy.write_prints(connection, tenant, [b"".join(kept.prints)] if kept.prints else [])
    tenancy.write_prints(connection, tenant, kept.sketches, SKETCH)
    _write_adopted(connection, tenant, key, [one for one in kept.adopted if len(one)])


def _write_adopted(connection: Connection, tenant: bytes, key: bytes, known: Iterable[Fingerprints]) -> None:
    tenancy.write_prints(connection, tenant, [sealed(key, one) for one in known], ADOPTED)
