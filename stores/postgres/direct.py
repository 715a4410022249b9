"""Remember and forget by one function of the server each, where nothing else hangs on what comes or goes.

Two trips each: the first locks the tenant and reads all that the verb has to know, and the second writes and commits.
remember: keys are put and synced between them. forget: keys are zeroed and synced while it is being committed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING

from memoria.errors import Held, StoreError
from memoria.protocols import Change
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.claims import keys_of
from memoria.stores.postgres import contents, tenancy
from memoria.stores.postgres.connect import SCHEMA, scope
from memoria.stores.postgres.core import Space, by_tenant
from memoria.stores.postgres.erasing import Erasing
from memoria.stores.postgres.following import Batch, Following
from memoria.stores.postgres.lapsing import Lapsing, insert_lapses
from memoria.stores.postgres.passages import insert_passages
from memoria.stores.postgres.pipeline import array
from memoria.stores.postgres.schema import partition
from memoria.stores.sealing import new_key
from memoria.types import Record

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection
    from memoria.stores.postgres.pipeline import Answer


class Direct(Erasing, Following, Lapsing):
    """The part of a store that remembers and forgets in two trips."""

    def __init__(self) -> None:
        super().__init__()
        # By number of the partitions: how many rows came into them in bulk, and did so before they were measured.
        self._come: dict[int, int] = {}
        self._measured: dict[int, int] = {}

    # -- remember --

    def _remember_directly(self, change: Change) -> bool:
        """Writes new records of one namespace, without keys of callers; False when they are not that."""
        names = {record.memory.namespace for record in change.add}
        if len(names) != 1 or change != Change(add=change.add) or any(keys_of(one.memory) for one in change.add):
            return False
        tenant = self._tenant_for(names.pop())
        space = self._in_ram(tenant) or self._entered_space(tenant)
        if space is None:
            return False
        batch, batches = Batch(records=list(change.add)), dict[bytes, Batch]()
        with self._cluster.transaction(knowing=True) as connection:
            scope(connection, tenant=[tenant])
            if tenant not in connection.opened:
                self._open_home(connection, tenant, ())
            # Not acknowledged, so nothing of it may stay; the slots are beyond what any row knows.
            connection.undone(lambda: self._take_back(batches))
            connection.doubted(lambda: self._drop(batches))
            version, batch.first, batch.bound = connection.opened[tenant]
            batch.keys = [new_key() for _ in batch.records]
            batches[tenant] = batch
            self._keys.put(tenant, batch.first, batch.keys)
            calls = self._send_records(connection, space, tenant, batch)
            batch.version = version + calls
            connection.opened[tenant] = batch.version, batch.first + len(batch.records), batch.bound
            connection.after(lambda: self._written(batches, calls))
            connection.after(lambda: self._measure(tenant, len(batch.records)))
        return True

    def _entered_space(self, tenant: bytes) -> Space | None:
        """What is in RAM from now on of a tenant that was just made."""
        with self._cluster.transaction(tenant=[tenant]) as connection:
            return self._space(connection, tenant)

    def _written(self, batches: dict[bytes, Batch], calls: int) -> None:
        self._disk.reached("rows committed")
        if calls == 1:
            self._follow(batches)
        for tenant, batch in batches.items():
            self._own(tenant, batch.version - calls, batch.version)

    def _measure(self, tenant: bytes, come: int) -> None:
        """Lets the server measure the partitions that many rows came into, each time that they may have doubled.

        Until it has, it takes a tenant for a single row, and looks for one memory by reading all of its tenant.
        """
        if come < _BULK or self._cluster.spread:
            return
        # Losing it does no harm: the server measures by itself, some minutes later.
        with suppress(StoreError):
            with self._cluster.transaction(tenant=[tenant]) as connection:
                part = self._part_of(connection, tenant)
            self._come[part] = self._come.get(part, 0) + come
            if self._come[part] >= 2 * self._measured.get(part, 0):
                self._measured[part] = self._come[part]
                with self._cluster.connection() as raw:
                    raw.execute(f"ANALYZE (SKIP_LOCKED) {_measured(part)}".encode())

    def _send_records(self, connection: Connection, space: Space, tenant: bytes, batch: Batch) -> int:
        """Sends rows, to be written with the commit; returns in how many calls."""
        memories = [record.memory for record in batch.records]
        links = [link for memory in memories for link in contents.derived(memory)]
        ids = {bytes.fromhex(memory.id) for memory in memories}
        scope(connection, id=ids | {bytes.fromhex(end) for link in links for end in (link.parent, link.child)})
        calls = 0
        for part in parts(range(len(memories)), _ROWS):
            first, keys = batch.first + part[0], [batch.keys[n] for n in part]
            send_rows(connection, space, tenant, first, [batch.records[n] for n in part], keys)
            calls += 1
        slots = range(batch.first, batch.first + len(memories))
        periods = self._periods(connection) if batch.bound else []
        insert_lapses(connection, zip(repeat(tenant), slots, memories, strict=False), periods)
        insert_passages(connection, tenant, zip(slots, [record.passages for record in batch.records], strict=True))
        tenancy.link(connection, links)
        return calls

    # -- forget --

    def _forget_directly(self, change: Change, *, over_holds: bool, guard: bool) -> bool:
        """Erases what this transaction has looked at, and on which nothing hangs; False when it is not that."""
        connection = self._cluster.current
        ids = [bytes.fromhex(id) for id in dict.fromkeys(change.erase)]
        if (
            connection is None
            or change != Change(erase=change.erase, until=change.until)
            or not connection.unlinked.issuperset(ids)
            or any(connection.looked[id][3] for id in ids)
            or (guard and self._outside.key is not None)
        ):
            return False
        held = [id.hex() for id in ids if connection.looked[id][2] & rows.KEPT]
        if held and not over_holds:
            raise Held(*held)
        with self._cluster.transaction(knowing=True) as connection:
            places = {connection.looked[id][:2]: id for id in ids}
            for tenant, slots in by_tenant(places).items():
                self._send_forget(connection, tenant, {places[tenant, slot]: slot for slot in slots}, guard)
            self._enter_erased(connection, sorted(ids))
            self._entered()
        return True

    def _send_forget(self, connection: Connection, tenant: bytes, gone: dict[bytes, int], guard: bool) -> None:
        """Sends what deletes rows of one tenant, with the commit; their keys go after it."""
        home = partition("memory", self._part_of(connection, tenant)).encode()
        slots, now = list(gone.values()), time.time_ns() // 1000
        rest = (guard, now, home, array(self._carried_out()))
        batch, number = Batch(gone=slots), list[int]()
        if len(gone) == 1:
            sql, values = _FORGET_ONE, (tenant, *gone, *slots, *rest)
        else:
            sql, values = _FORGET, (tenant, list(gone), slots, *rest)
        connection.send(sql, values, lambda answer: _answer(answer, batch, number))
        connection.meanwhile(lambda: self._destroy_early(tenant, batch))
        connection.after(lambda: self._gone(tenant, batch, number))
        connection.doubted(lambda: self._doubt(tenant, batch))
        connection.opened.pop(tenant, None)
        for id in gone:
            del connection.looked[id]
            connection.unlinked.discard(id)

    def _destroy_early(self, tenant: bytes, batch: Batch) -> None:
        """Destroys keys while the server commits that they must go: both wait for their disks at the same time."""
        batch.destroyed = False
        # What fails here is done again, and raises then, once it is written down.
        with suppress(StoreError):
            self._keys.destroy(tenant, batch.gone)
            batch.destroyed = True

    def _gone(self, tenant: bytes, batch: Batch, number: list[int]) -> None:
        """Sees that the keys are destroyed; that they are gone is said with the next forget."""
        self._disk.reached("rows committed")
        if not batch.destroyed:
            self._keys.destroy(tenant, batch.gone)
        self._done.extend(number)
        self._follow({tenant: batch})

    def _doubt(self, tenant: bytes, batch: Batch) -> None:
        """Of what may not be committed, keys may be gone: then its rows are buried before the next write."""
        self._drop([tenant])
        if batch.destroyed is not None:
            self._unsure.add(tenant)


def _answer(answer: Answer, batch: Batch, number: list[int]) -> None:
    ((batch.version, intent),) = answer.fetchall()
    number.append(intent)


def send_rows(
    connection: Connection, space: Space, tenant: bytes, first: int, records: Sequence[Record], keys: Sequence[bytes]
) -> None:
    """Sends the rows of records, which take the slots of a tenant from `first` on."""
    made = [contents.content(space, one, key) + contents.trace(one) for one, key in zip(records, keys, strict=True)]
    labels = [sorted(rows.labels(space.key, one.memory)) for one in records]
    if len(records) == 1:
        connection.send(_REMEMBER_ONE, (tenant, first, *made[0], array(labels[0])))
        return
    hashed = [first + n for n, some in enumerate(labels) for _ in some]
    columns = [list(column) for column in zip(*made, strict=True)]
    connection.send(_REMEMBER_MANY, (tenant, first, *columns, [one for some in labels for one in some], hashed))


def _measured(part: int) -> str:
    """What is measured of partitions: columns by which rows are looked for, and which say nothing."""
    return ", ".join(f"{SCHEMA}.{partition(one, part)} (tenant, slot)" for one in ("memory", "trace", "label"))


# So many rows are written by one call, and from so many on a change is one in bulk.
_ROWS, _BULK = 1000, 200
_TYPES = (
    "bytea", "smallint", "bigint", "bigint", "bigint", "bigint", "double precision", "bytea", "bytea", "halfvec",
    "smallint", "double precision", "double precision", "bigint", "integer", "integer", "bigint", "double precision",
    "double precision", "bytea", "double precision", "bigint",
)  # fmt: skip
# Vectors go as they are: as text they would take most of the time of a batch.
_FORMS = ["%b" if one in ("halfvec", "bytea") else "%s" for one in _TYPES]
_ONE = ", ".join(f"{form}::{one}" for form, one in zip(_FORMS, _TYPES, strict=True))
_MANY = ", ".join(f"{form}::{one}[]" for form, one in zip(_FORMS, _TYPES, strict=True))
_REMEMBER_ONE = f"SELECT remember_one(%s, %s, {_ONE}, %s::bytea[])"
_REMEMBER_MANY = f"SELECT remember_many(%s, %s, {_MANY}, %s::bytea[], %s::bigint[])"
_FORGET_ONE = "SELECT version, number FROM forget_one(%s, %s, %s, %s, %s, %s, %s::bigint[])"
_FORGET = "SELECT version, number FROM forget(%s, %s::bytea[], %s::bigint[], %s, %s, %s, %s::bigint[])"
