"""Writing: every change is one transaction, and what it destroys is written down in it before it is destroyed.

remember: put keys, sync, commit rows. forget: commit that rows go and which keys must (the point of no return), zero
the keys, sync, return. A crash in between leaves the intent, and whoever comes next destroys the keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as changed
from itertools import repeat
from typing import TYPE_CHECKING

from memoria.protocols import Change
from memoria.stores import rows
from memoria.stores.forgets import KINDS as LINES
from memoria.stores.forgets import Kind, replaced
from memoria.stores.forgotten import joined
from memoria.stores.postgres import contents, tenancy
from memoria.stores.postgres.claiming import Claiming
from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.core import Intent, Slot
from memoria.stores.postgres.direct import Direct
from memoria.stores.postgres.following import Batch, Moved
from memoria.stores.postgres.forgets import enter
from memoria.stores.postgres.lapsing import insert_lapses
from memoria.stores.postgres.passages import insert_passages
from memoria.stores.postgres.schema import BY_SLOT
from memoria.stores.sealing import new_key
from memoria.text.fingerprints import Statement, stated
from memoria.types import Namespace, Record

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection

Located = Mapping[bytes, Slot]


class Writing(Direct, Claiming):
    """The part of a store that adds, replaces and erases."""

    def write(self, records: Sequence[Record]) -> None:
        self.revise(Change(add=tuple(records)))

    def replace(self, record: Record) -> None:
        self.revise(Change(replace=(record,)))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        self.revise(Change(erase=tuple(ids)), over_holds=over_holds, guard=guard)

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        with self._writing():
            try:
                self._revise(change, over_holds=over_holds, guard=guard)
            except Moved as moved:
                # What was in RAM of a namespace was out of date: another process has erased it.
                self._drop([moved.tenant])
                self._revise(change, over_holds=over_holds, guard=guard)

    def _revise(self, change: Change, *, over_holds: bool, guard: bool) -> None:
        if change.erase and self._forget_directly(change, over_holds=over_holds, guard=guard):
            return
        if change.add and self._remember_directly(change):
            return
        homes = {name: self._tenant_for(name) for name in {record.memory.namespace for record in change.add}}
        batches: dict[bytes, Batch] = {}
        with self._cluster.transaction() as connection:
            # Not acknowledged, so nothing of it may stay; the slots are beyond what any row knows.
            connection.undone(lambda: self._take_back(batches))
            connection.doubted(lambda: self._drop(batches))
            intents = self._change(connection, change, homes, batches, over_holds=over_holds, guard=guard)
            if change.erase:
                self._entered()
            connection.after(lambda: self._carry_out(intents, batches))

    def _carry_out(self, intents: Mapping[int, Intent], batches: Mapping[bytes, Batch]) -> None:
        """What follows a commit: keys are destroyed, and what is in RAM follows."""
        self._disk.reached("rows committed")
        self._destroy(intents)
        self._follow(batches)

    def _change(
        self,
        connection: Connection,
        change: Change,
        homes: Mapping[Namespace, bytes],
        batches: dict[bytes, Batch],
        *,
        over_holds: bool,
        guard: bool,
    ) -> dict[int, Intent]:
        """The rows of a change; returns the intents that it leaves."""
        gone = self._located(connection, change.erase, over_holds=over_holds)
        old = self._located(connection, [one.memory.id for one in change.replace], over_holds=over_holds)
        lines = list(self._lines(connection, change, old))
        ended = self._located(connection, change.ends, over_holds=True)
        if not over_holds and ended:
            self._check_ends(connection, ended, change.ends)
        for tenant, slot in [*gone.values(), *old.values()]:
            batches.setdefault(tenant, Batch()).gone.append(slot)
        for record in self._standing(connection, change, old):
            batches[old[bytes.fromhex(record.memory.id)][0]].records.append(record)
        for record in change.add:
            batches.setdefault(homes[record.memory.namespace], Batch()).records.append(record)
        if guard and (outside := self._kept_outside(connection, gone)):
            change, guard = changed(change, guarded=(*change.guarded, *outside)), False
        tenants = sorted({*batches, *(tenant for tenant, _ in ended.values())})
        locked = {tenant for tenant, _ in (*gone.values(), *old.values(), *ended.values())}
        self._lock(connection, set(tenants) - locked)
        links = tenancy.linked(connection, {*gone, *old})
        scope(connection, tenant=tenants, id=_ids(change, links, gone, old))
        for tenant, batch in batches.items():
            space = self._space(connection, tenant)
            # Of a tenant that is gone, `_advance` says so.
            if space is not None:
                batch.single = self._claim(connection, space, tenant, batch.records, batch.gone)
        self._advance(connection, tenants, batches)
        tenancy.unlink(connection, links, gone, old)
        guarded = set(gone.values()) if guard else set()
        gists = self._delete(connection, batches, [*gone, *old], guarded)
        _tell(connection, gone, gists, links, lines)
        self._end(connection, change, ended)
        intents = _intended(connection, batches)
        for tenant, batch in batches.items():
            self._insert(connection, tenant, batch)
        tenancy.take_away(connection, change.unlinks)
        tenancy.link(connection, change.links)
        self._guard(connection, change.guarded, change.until)
        self._enter_erased(connection, sorted(gone))
        return intents

    def _kept_outside(self, connection: Connection, gone: Iterable[bytes]) -> list[tuple[Namespace, Statement]]:
        """What memories say, and where, when fingerprints are under an outside key: rows keep none then."""
        if self._outside.key is None:
            return []
        read = [one.memory for one in self._read(connection, list(gone)) if one is not None]
        return [(memory.namespace, stated(memory)) for memory in read]

    def _standing(self, connection: Connection, change: Change, old: Located) -> list[Record]:
        """What replaces, with the standing that those in their place have, and the ends that are set at once."""
        held = self._traces(connection, list(old))
        found = []
        for one in change.replace:
            trace = held[bytes.fromhex(one.memory.id)]
            found.append(
                changed(
                    one,
                    memory=changed(one.memory, valid_to=change.ends.get(one.memory.id, one.memory.valid_to)),
                    trace=changed(
                        one.trace,
                        archived=trace.archived,
                        pinned=trace.pinned,
                        held=trace.held,
                        restricted=trace.restricted,
                    ),
                )
            )
        return found

    def _advance(self, connection: Connection, tenants: Sequence[bytes], batches: Mapping[bytes, Batch]) -> None:
        """Takes slots for what comes, and counts the version of each tenant; keys are durable before any row."""
        for tenant in tenants:
            batch = batches.get(tenant, Batch())
            found = connection.execute(
                "UPDATE tenant SET version = version + 1, next_slot = next_slot + %s, labelled = labelled + %s "
                "WHERE tenant = %s RETURNING version, next_slot",
                (len(batch.records), len(batch.records), tenant),
            ).fetchone()
            if found is None:
                raise Moved(tenant)
            batch.version, batch.first = found[0], found[1] - len(batch.records)
            if batch.records:
                batch.bound = connection.execute("SELECT 1 FROM period LIMIT 1").fetchone() is not None
                batch.keys = [new_key() for _ in batch.records]
                self._keys.put(tenant, batch.first, batch.keys)

    def _delete(
        self, connection: Connection, batches: Mapping[bytes, Batch], ids: Sequence[bytes], guarded: set[Slot]
    ) -> set[bytes]:
        """Deletes rows, keeping the fingerprints of `guarded`; their partitions are to be rewritten some time.

        Returns the ids of those that were gists.
        """
        gists: set[bytes] = set()
        for tenant, batch in batches.items():
            if not batch.gone:
                continue
            found = connection.execute(_DELETE, (tenant, batch.gone) * len(BY_SLOT)).fetchall()
            prints = joined(mark for slot, mark, *_ in found if (tenant, slot) in guarded)
            gists |= {id for *_, id, gist in found if gist}
            tenancy.write_prints(connection, tenant, prints)
            if found:
                self._ask_to_purge(connection, tenant)
        if ids:
            connection.execute("DELETE FROM place WHERE id = ANY(%s)", (list(ids),))
        return gists

    def _lines(self, connection: Connection, change: Change, old: Located) -> Iterator[tuple[Kind, bytes]]:
        """What the log says of records that are replaced; of a gist, the parts that leave it."""
        after = {bytes.fromhex(record.memory.id): record.memory for record in change.replace}
        for id, record in zip(old, self._read(connection, list(old)), strict=True):
            if record is not None:
                yield from replaced(record.memory, after[id])

    def _end(self, connection: Connection, change: Change, ended: Located) -> None:
        values = [(rows.micros(change.ends[id.hex()]), tenant, slot) for id, (tenant, slot) in ended.items()]
        tenancy.many(connection, "UPDATE memory SET valid_to = %s WHERE tenant = %s AND slot = %s", values)

    def _insert(self, connection: Connection, tenant: bytes, batch: Batch) -> None:
        space = self._known(connection, tenant)
        slots = range(batch.first, batch.first + len(batch.records))
        memories = [record.memory for record in batch.records]
        content = [
            (tenant, slot, *contents.content(space, record, key))
            for slot, record, key in zip(slots, batch.records, batch.keys, strict=True)
        ]
        traces = [(tenant, slot, *contents.trace(record)) for slot, record in zip(slots, batch.records, strict=True)]
        places = [(bytes.fromhex(memory.id), tenant, slot) for slot, memory in zip(slots, memories, strict=True)]
        labels = [
            (tenant, hash, slot, hash in batch.single)
            for slot, memory in zip(slots, memories, strict=True)
            for hash in rows.labels(space.key, memory)
        ]
        tenancy.many(connection, _MEMORY, content)
        tenancy.many(connection, _TRACE, traces)
        tenancy.many(connection, "INSERT INTO place VALUES (%s, %s, %s)", places)
        sql = "INSERT INTO label (tenant, hash, slot, single) VALUES (%s, %s, %s, %s)"
        tenancy.many(connection, sql, labels)
        periods = self._periods(connection) if batch.bound else []
        insert_lapses(connection, zip(repeat(tenant), slots, memories, strict=False), periods)
        insert_passages(connection, tenant, zip(slots, [record.passages for record in batch.records], strict=True))
        tenancy.link(connection, [link for memory in memories for link in contents.derived(memory)])


def _tell(
    connection: Connection,
    gone: Located,
    gists: Collection[bytes],
    links: Collection[tuple[bytes, bytes, int]],
    lines: Sequence[tuple[Kind, bytes]],
) -> None:
    """Writes down in the log what a change forgets: of gists their parts."""
    inside = {parent for parent, child, relation in links if not relation and child in gists and child in gone}
    enter(connection, "forgotten", [*(id for id in gone if id not in gists), *sorted(inside)])
    for kind in LINES:
        enter(connection, kind, [id for one, id in lines if one == kind])


_WHERE = "WHERE tenant = %s AND slot = ANY(%s)"
# All that hangs on slots in one statement.
_DELETE = (
    f"WITH gone AS (DELETE FROM memory {_WHERE} RETURNING slot, print, id, "
    "last_at IS NOT NULL), "
    + ", ".join(f"from_{table} AS (DELETE FROM {table} {_WHERE})" for table in BY_SLOT[1:])
    + " SELECT * FROM gone"
)
_MEMORY = (
    "INSERT INTO memory (tenant, slot, id, kind, created_at, valid_from, valid_to, last_at, salience, print, sealed, "
    "embedding) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_TRACE = f"INSERT INTO trace (tenant, slot, bits, {rows.TRACE_COLUMNS}) VALUES ({', '.join(['%s'] * 14)})"


def _intended(connection: Connection, batches: Mapping[bytes, Batch]) -> dict[int, Intent]:
    """Intents for the slots of which nothing stays, by number."""
    return {
        tenancy.intend(connection, tenant, batch.gone): (tenant, batch.gone)
        for tenant, batch in batches.items()
        if batch.gone
    }


def _ids(change: Change, links: Collection[tuple[bytes, bytes, int]], gone: Located, old: Located) -> set[bytes]:
    """Every id whose rows a change touches: ends of links among them."""
    added = [record.memory for record in (*change.add, *change.replace)]
    fresh = [*change.links, *change.unlinks, *(link for memory in added for link in contents.derived(memory))]
    ends = {bytes.fromhex(end) for link in fresh for end in (link.parent, link.child)}
    touched = {*gone, *old, *(bytes.fromhex(memory.id) for memory in added)}
    return touched | ends | {end for link in links for end in link[:2]}
