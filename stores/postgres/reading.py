"""Reading: by id, by filter, by link; what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace as changed
from typing import TYPE_CHECKING

from memoria.errors import MemoryNotFound
from memoria.stores import rows
from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.core import CONTENT
from memoria.stores.postgres.filters import AWAY, LABELLED, clauses
from memoria.stores.postgres.lapsing import Lapsing
from memoria.stores.sealing import unseal
from memoria.stores.vectors import vector_secrets
from memoria.text.parts import hidden
from memoria.types import EmbedderCard, Link, Memory, Namespace, Record, Secret, Where

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


_LATEST = (
    f"SELECT {CONTENT} FROM memory m WHERE m.tenant = %s AND NOT {AWAY} AND NOT {LABELLED} "
    "ORDER BY m.created_at DESC, m.slot DESC LIMIT %s OFFSET %s"
)


_LOOK = "SELECT * FROM look(%s, %s, %s::bytea[])"
_LOOK_AT_ONE = "SELECT * FROM look_at_one(%s, %s, %s)"
# The mark of a namespace that is not there.
_NOWHERE = (b"", 0)
# So many ids are looked at in one trip.
_FEW = 1000


class Reading(Lapsing):
    """The part of a store that changes nothing."""

    @property
    def embedder(self) -> EmbedderCard:
        self._home.check("the store")
        return self._card

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        with self._reading(), self._cluster.transaction() as connection:
            return self._read(connection, [bytes.fromhex(id) for id in ids])

    def select(self, where: Where) -> list[str]:
        with self._reading(), self._cluster.transaction() as connection:
            gone: set[str] = set()
            if where.kept_at is not None:
                due = self._due_by(connection, self._homes_of(connection, where), where.kept_at)
                gone = {one.id for some in due.values() for _, one in some if one.whole}
                where = changed(where, kept_at=None)
            if where.ids is not None and where == Where(namespace=where.namespace, ids=where.ids):
                looked = None if gone else self._look(connection, where)
                if looked is not None:
                    return looked
                return [id for id in self._select_ids(connection, where) if id not in gone]
            tenants = self._tenants(connection, where.namespace)
            ids = [id.hex() for tenant in tenants for id, _ in self._matching(connection, tenant, where)[0]]
            return sorted((set(ids) if where.ids is None else set(ids) & set(where.ids)) - gone)

    def _look(self, connection: Connection, where: Where) -> list[str] | None:
        """Ids that all are in exactly one namespace that is in RAM, nobody else writing to it from here on.

        What is learnt of them is kept for what this transaction does next. None where they are not all there.
        """
        tenant = self._homes.get(where.namespace)
        asked = [bytes.fromhex(id) for id in sorted(set(where.ids or ()))]
        if not connection.together or tenant is None or not 0 < len(asked) <= _FEW:
            return None
        scope(connection, tenant=[tenant], id=asked)
        sql, what = (_LOOK_AT_ONE, asked[0]) if len(asked) == 1 else (_LOOK, asked)
        found = connection.execute(sql, (connection.locking(tenant), tenant, what), binary=True).fetchall()
        live = self._live(tenant, [slot for _, slot, *_ in found])
        there = {id: (tenant, slot, bits, gist) for id, slot, bits, gist, _ in found if slot in live}
        if there.keys() != set(asked):
            return None
        connection.looked |= there
        connection.unlinked.update(id for id, *_, linked in found if not linked)
        return [id.hex() for id in asked]

    def _select_ids(self, connection: Connection, where: Where) -> list[str]:
        asked = [bytes.fromhex(id) for id in sorted(set(where.ids or ()))]
        prefix = where.namespace
        places = self._locate(connection, asked)
        names = {tenant: self._known(connection, tenant).name for tenant, _ in places.values()}
        return sorted(id.hex() for id, (tenant, _) in places.items() if names[tenant][: len(prefix)] == prefix)

    def _matching(
        self, connection: Connection, tenant: bytes, where: Where
    ) -> tuple[list[tuple[bytes, int]], set[bytes]]:
        """(id, slot) of live memories of a tenant that meet the filter, `ids` aside.

        Of a gist the labels may come from several parts, so it is read. And the ids of parts that are not meant.
        """
        condition, values = clauses(tenant, self._known(connection, tenant).key, where)
        sql = f"SELECT m.id, m.slot, m.last_at IS NOT NULL FROM memory m WHERE {condition}"
        found = connection.execute(sql.encode(), values, binary=True).fetchall()
        live = self._live(tenant, [slot for _, slot, _ in found])
        gists = [id for id, slot, parts in found if parts and slot in live]
        asked = changed(where, ids=None)
        read = self._read(connection, gists) if gists else []
        meeting = [one.memory for one in read if one is not None and asked.matches(one.memory)]
        apart = set(gists) - {bytes.fromhex(one.id) for one in meeting}
        return [(id, slot) for id, slot, _ in found if slot in live and id not in apart], hidden(asked, meeting)

    def links(self, ids: Sequence[str]) -> list[Link]:
        with self._reading(), self._cluster.transaction() as connection:
            asked = [bytes.fromhex(id) for id in ids]
            if connection.unlinked.issuperset(asked):
                return []
            scope(connection, id=asked)
            sql = "SELECT DISTINCT parent, child, relation, was, weight, judge FROM link WHERE id = ANY(%s)"
            found = connection.execute(sql, (asked,)).fetchall()
            live = self._locate(connection, list({end for link in found for end in link[:2]})) if found else {}
            kept = sorted(link for link in found if link[1] in live and (link[0] in live or not link[2]))
            return [rows.link(*one) for one in kept]

    def has_audiences(self, prefix: Namespace) -> bool:
        """Whether anything under a namespace is not for everybody who reads it."""
        with self._reading(), self._cluster.transaction() as connection:
            sql = "SELECT 1 FROM label WHERE tenant = %s AND hash = %s LIMIT 1"
            tenants = self._tenants(connection, prefix)
            asked = [(one, rows.audience_label(self._known(connection, one).key)) for one in tenants]
            return any(connection.execute(sql, values).fetchone() for values in asked)

    def revision(self, prefix: Namespace) -> object:
        """What differs after a memory under a namespace was written; which are there is told by `select`."""
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            sql = "SELECT tenant, version FROM tenant WHERE tenant = ANY(%s) ORDER BY tenant"
            return connection.execute(sql, (tenants,)).fetchall()

    def latest(self, namespace: Namespace, limit: int) -> list[Memory]:
        """The memories observed last, oldest first, of those that everybody sees and recall does not leave out.

        Exactly of this namespace; at most `limit`.
        """
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, namespace, whole=True)
            found = [one for tenant in tenants for one in self._latest(connection, tenant, limit)]
            return sorted(found, key=lambda memory: memory.id)

    def _latest(self, connection: Connection, tenant: bytes, limit: int) -> list[Memory]:
        """What `latest` reads; rows whose keys are gone, and are not purged yet, are passed over."""
        space, found, seen = self._known(connection, tenant), list[Memory](), 0
        while len(found) < limit:
            values = [tenant, tenant, tenant, [rows.audience_label(space.key)], limit, seen]
            some = connection.execute(_LATEST.encode(), values, binary=True).fetchall()
            keys = self._keys.get(tenant, [row[2] for row in some])
            found += [
                rows.to_memory(row, space.name, unseal(key, row[13], row[0]))
                for row, key in zip(some, keys, strict=True)
                if key is not None
            ]
            seen += len(some)
            if len(some) < limit:
                break
        return found[:limit]

    def untouched(self, namespace: Namespace, since: object) -> tuple[object, bool]:
        """A mark of exactly this namespace as it is, and whether nobody but this process wrote to it since another."""
        with self._reading(), self._cluster.transaction() as connection:
            tenant = self._homes.get(namespace) or next(iter(self._tenants(connection, namespace, whole=True)), b"")
            scope(connection, tenant=[tenant])
            found = connection.execute("SELECT version FROM tenant WHERE tenant = %s", (tenant,)).fetchone()
            space = self._space(connection, tenant) if found is not None else None
            if found is None or space is None:
                return _NOWHERE, since == _NOWHERE
            (version,), (begun, ended) = found, space.own
            # Of a namespace that was not there, all versions are later.
            known = since[1] if isinstance(since, tuple) and since[0] in (tenant, _NOWHERE[0]) else None
            same = known is not None and (known == version or (ended == version and begun <= known))
            return (tenant, version), same

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            filled = [tenant for tenant, slots in self._slots(connection, tenants) if slots]
            return sorted(self._known(connection, tenant).name for tenant in filled)

    def count(self, prefix: Namespace) -> int:
        with self._reading(), self._cluster.transaction() as connection:
            return sum(len(slots) for _, slots in self._slots(connection, self._tenants(connection, prefix)))

    def _slots(self, connection: Connection, tenants: Iterable[bytes]) -> Iterator[tuple[bytes, set[int]]]:
        """The live slots of each tenant."""
        for tenant in tenants:
            sql = "SELECT array_agg(slot) FROM memory WHERE tenant = %s"
            ((slots,),) = connection.execute(sql, (tenant,), binary=True).fetchall()
            yield tenant, self._live(tenant, slots or [])

    def alias(self, namespace: Namespace) -> str:
        return self._alias(namespace).hex()

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        with self._reading(), self._cluster.transaction() as connection:
            return [secret for id in ids for secret in self._secrets(connection, bytes.fromhex(id))]

    def _secrets(self, connection: Connection, id: bytes) -> Iterator[Secret]:
        (record,) = self._read(connection, [id])
        if record is None:
            raise MemoryNotFound(id.hex())
        (key,) = self._unlock(connection, [id])[1].values()
        yield Secret(label="text", data=record.memory.text.encode())
        yield Secret(label="key", data=key)
        yield from vector_secrets(record, codes=True)
