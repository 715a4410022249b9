"""Upkeep: looking at everything, giving space back, and other vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pgvector import HalfVector

from memoria.errors import StoreCorrupt
from memoria.proof.lines import words_of
from memoria.protocols import Embedder
from memoria.stores import rows
from memoria.stores.batches import BATCH, parts
from memoria.stores.forgets import KEEP_NOTE, keep_days
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.approximate import forsake
from memoria.stores.postgres.connect import SCHEMA
from memoria.stores.postgres.crosschecking import Crosschecking, Seen
from memoria.stores.postgres.holding import LOG
from memoria.stores.postgres.passages import insert_passages
from memoria.stores.postgres.purging import Purging
from memoria.stores.postgres.schema import FORMAT, UNLABELLED, WORDS
from memoria.stores.sealing import unseal
from memoria.stores.vectors import embedded_whole
from memoria.types import StoreStats

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Upkeep(Crosschecking, Purging):
    """The part of a store that looks after it."""

    _data: Path | None

    def files(self) -> Iterator[Path]:
        """Files of keys, and, when the store was told where they are, those of the server."""
        yield from self._keys.files()
        if self._data is not None:
            yield from (path for path in sorted(self._data.rglob("*")) if path.is_file())

    def common(self) -> bytes:
        """Words of the schema, and settings, which name no content. The catalogs of the server have more."""
        with self._reading(), self._cluster.transaction() as connection:
            settings = connection.execute("SELECT name, value FROM meta").fetchall()
        said = "\n".join([WORDS, *(word for line in settings for word in line)]).encode()
        return said + b"\n" + words_of(self.chained(), self.erasure)

    def stats(self) -> StoreStats:
        with self._reading(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, ())
            live = [len(slots) for _, slots in self._slots(connection, tenants)]
            ((used,),) = connection.execute(
                "SELECT coalesce(sum(next_slot), 0)::bigint FROM tenant WHERE tenant = ANY(%s)", (tenants,)
            ).fetchall()
            sql = (
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
                "WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
            )
            ((size,),) = connection.execute(sql, (SCHEMA,)).fetchall()
            kept = connection.execute("SELECT value FROM meta WHERE name = %s", (f"note.{KEEP_NOTE}",)).fetchone()
        return StoreStats(
            memories=sum(live),
            namespaces=sum(count > 0 for count in live),
            erased=used - sum(live),
            bytes_on_disk=size + sum(path.stat().st_size for path in self._keys.files()),
            embedder=self._card,
            format=FORMAT,
            language=self.language,
            keep_forgets_days=keep_days(None if kept is None else kept[0]),
        )

    def _label_all(self) -> None:
        """Gives rows of an older format the labels that filters look for now; goes on where a kill stopped it."""
        with self._writing():
            with self._cluster.transaction() as connection:
                tenants = self._tenants(connection, ())
                sql = "SELECT tenant, lacking FROM tenant WHERE tenant = ANY(%s) AND lacking > 0"
                lacking = dict(connection.execute(sql, (tenants,)).fetchall())
            done, total = 0, sum(lacking.values())
            for tenant in lacking:
                while count := self._label(tenant):
                    done += count
                    self._tell("upgrade", done, total)
            with self._cluster.transaction() as connection:
                connection.execute("DELETE FROM meta WHERE name = %s", (UNLABELLED,))

    def _label(self, tenant: bytes) -> int:
        """Labels the rows of one batch of slots, the last ones that lack any; returns how many slots, 0 for none."""
        with self._cluster.transaction(tenant=[tenant]) as connection:
            self._lock(connection, [tenant])
            found = connection.execute("SELECT lacking FROM tenant WHERE tenant = %s", (tenant,)).fetchone()
            end = 0 if found is None else int(found[0])
            first = max(end - BATCH, 0)
            if end:
                self._insert_labels(connection, tenant, first, end)
                sql = "UPDATE tenant SET lacking = %s, labelled = labelled + %s WHERE tenant = %s"
                connection.execute(sql, (first, end - first, tenant))
            return end - first

    def _insert_labels(self, connection: Connection, tenant: bytes, first: int, end: int) -> None:
        sql = "SELECT id, slot FROM memory WHERE tenant = %s AND slot >= %s AND slot < %s ORDER BY slot"
        found = connection.execute(sql, (tenant, first, end)).fetchall()
        key = self._known(connection, tenant).key
        records = self._read(connection, [id for id, _ in found])
        values = [
            (tenant, hash, slot)
            for (_, slot), record in zip(found, records, strict=True)
            for hash in (rows.labels(key, record.memory) if record is not None else ())
        ]
        tenancy.many(connection, "INSERT INTO label VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", values)

    def check(self) -> list[str]:
        with self._reading(), self._cluster.transaction() as connection:
            waiting = self._unfinished(connection)
            problems = [f"{waiting} erasures wait to be finished"] if waiting else []
            # Of a sealed directory: what was changed by somebody without its key.
            problems += getattr(self._keys, "wrong", list)()
            seen = Seen()
            for tenant in self._tenants(connection, ()):
                try:
                    problems += self._check(connection, tenant, seen)
                except StoreCorrupt as error:
                    problems.append(str(error))
        return [*problems, *self._contradictions(seen)]

    def _check(self, connection: Connection, tenant: bytes, seen: Seen) -> Iterator[str]:
        sql = "SELECT slot, id, sealed FROM memory WHERE tenant = %s ORDER BY slot"
        found = connection.execute(sql, (tenant,), binary=True).fetchall()
        keys = self._keys_of((tenant, slot) for slot, _, _ in found)
        whole: list[tuple[int, bytes]] = []
        for slot, id, sealed in found:
            key = keys.get((tenant, slot))
            if key is None:
                yield f"{tenant.hex()}: row {slot} has no key"
                continue
            try:
                unseal(key, sealed, id)
            except StoreCorrupt as error:
                yield f"{tenant.hex()}: row {slot}: {error}"
            else:
                whole.append((slot, id))
        yield from self._contradicted(connection, tenant, whole, seen)
        ((used,),) = connection.execute("SELECT next_slot FROM tenant WHERE tenant = %s", (tenant,)).fetchall()
        for slot in sorted(self._live(tenant, range(used)) - {slot for slot, _, _ in found}):
            yield f"{tenant.hex()}: key {slot} belongs to no row"

    def repair(self, *, dry_run: bool = False) -> list[str]:
        """Says of each problem that nothing can be done here."""
        return [f"{problem}: nothing can be done" for problem in self.check()]

    def rebuild(self) -> None:
        self.bury()
        with self._writing(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, ())
            for tenant in tenants:
                sql = (
                    "DELETE FROM recalled WHERE tenant = %s AND event <= (SELECT event FROM recalled "
                    "WHERE tenant = %s ORDER BY event DESC OFFSET %s LIMIT 1)"
                )
                connection.execute(sql, (tenant, tenant, LOG))
            self._drop(tenants)
        self.purge()

    def reembed(self, embedder: Embedder) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, ())
            self._lock(connection, tenants)
            for done, tenant in enumerate(tenants, 1):
                self._embed_anew(connection, tenant, embedder)
                self._tell("reembed", done, len(tenants))
            card = embedder.card
            tenancy.write_meta(connection, {"embedder.name": card.name, "embedder.dimension": str(card.dimension)})
        self._card = embedder.card
        self._drop(tenants)

    def _embed_anew(self, connection: Connection, tenant: bytes, embedder: Embedder) -> None:
        # An index is of one dimension, which may be another now.
        forsake(connection, tenant)
        connection.execute("UPDATE tenant SET version = version + 1, giant = false WHERE tenant = %s", (tenant,))
        connection.execute("DELETE FROM passage WHERE tenant = %s", (tenant,))
        found = connection.execute("SELECT id, slot FROM memory WHERE tenant = %s ORDER BY slot", (tenant,)).fetchall()
        for part in parts(found):
            records = self._read(connection, [id for id, _ in part])
            read = [(slot, one.memory) for (_, slot), one in zip(part, records, strict=True) if one is not None]
            made = embedded_whole(embedder, [memory for _, memory in read])
            values = [(HalfVector(vector), tenant, slot) for (slot, _), (vector, _) in zip(read, made, strict=True)]
            tenancy.many(connection, "UPDATE memory SET embedding = %s WHERE tenant = %s AND slot = %s", values)
            further = [(slot, passages) for (slot, _), (_, passages) in zip(read, made, strict=True)]
            insert_passages(connection, tenant, further)
