"""Writing: slots first, synced, then the rows in one commit, then the indexes in RAM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import replace as changed
from sqlite3 import Connection

import numpy as np

from memoria.protocols import Change
from memoria.stores import rows
from memoria.stores.disk import translated
from memoria.stores.forgets import KINDS, Kind, replaced
from memoria.stores.local.erasing import Erasing
from memoria.stores.local.gone import enter
from memoria.stores.local.keys import claim, release
from memoria.stores.local.lapsing import insert_lapse
from memoria.stores.local.space import Space
from memoria.stores.local.statements import delete_links, delete_rows, insert, insert_links, intend
from memoria.stores.sealing import new_key
from memoria.text.fingerprints import fingerprint, stated
from memoria.types import Namespace, Record

Batches = Sequence[tuple[Space, list[Record]]]
Extra = Callable[[Connection], None]
Ids = Iterable[bytes]


class Writing(Erasing):
    """The part of a store that adds and revises."""

    def write(self, records: Sequence[Record]) -> None:
        with self._writing():
            batches: dict[Namespace, list[Record]] = {}
            for record in records:
                batches.setdefault(record.memory.namespace, []).append(record)
            added = [(self._space_for(name), batch) for name, batch in batches.items()]
            self._add(added)

    def _add(self, batches: Batches, *, extra: Extra | None = None, leaving: Set[bytes] = frozenset()) -> None:
        """Writes records, and before their rows whatever `extra` writes, in one transaction.

        leaving: ids whose rows go with it, or are replaced. Raises KeyConflict.
        """
        single = claim(self._database, batches, leaving)
        ids = {bytes.fromhex(record.memory.id) for _, batch in batches for record in batch}
        if not ids.isdisjoint(self._pending):
            # A forgotten record comes back under its id, whose dead row must go first.
            self._purge()
        keys = [[new_key() for _ in batch] for _, batch in batches]
        self._put(batches, keys)
        self._commit(batches, keys, extra, single)
        for space, batch in batches:
            space.append(batch)

    def _put(self, batches: Batches, keys: list[list[bytes]]) -> None:
        self._touch()
        with translated(self.path):
            for (space, batch), fresh in zip(batches, keys, strict=True):
                ids = [bytes.fromhex(record.memory.id) for record in batch]
                prints = [fingerprint(space.slots.key, stated(record.memory)) for record in batch]
                vectors = np.stack([record.vector for record in batch])
                space.slots.put(space.next_slot, ids, fresh, prints, vectors, acknowledged=space.next_slot)
                self._disk.reached("slot written")
                space.slots.sync()
            self._disk.reached("slot synced")

    def _commit(self, batches: Batches, keys: list[list[bytes]], extra: Extra | None, single: Set[bytes]) -> None:
        periods = self._periods()
        with self._atomic() as db:
            if extra is not None:
                extra(db)
            release(db, single)
            for (space, batch), fresh in zip(batches, keys, strict=True):
                for n, (record, key) in enumerate(zip(batch, fresh, strict=True)):
                    row = insert(db, space, space.next_slot + n, record, key, single)
                    insert_lapse(db, row, record.memory, periods)
                last = space.next_slot + len(batch)
                db.execute("UPDATE namespace SET next_slot = ? WHERE id = ?", (last, space.number))
            self._disk.reached("row written")
        self._disk.reached("row committed")

    def replace(self, record: Record) -> None:
        self.revise(Change(replace=(record,)))

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        with self._writing():
            gone = self._located([bytes.fromhex(id) for id in dict.fromkeys(change.erase)], over_holds=over_holds)
            old = self._located([bytes.fromhex(one.memory.id) for one in change.replace], over_holds=over_holds)
            ended = self._located([bytes.fromhex(id) for id in change.ends], over_holds=True)
            if not over_holds:
                self._check_ends(change.ends)
            if guard and gone and self._outside.key is not None:
                change, guard = changed(change, guarded=(*change.guarded, *self._statements(list(gone)))), False
            batches: dict[int, tuple[Space, list[Record]]] = {}
            for record in self._revised(change):
                space, _ = old[bytes.fromhex(record.memory.id)]
                batches.setdefault(space.number, (space, []))[1].append(record)
            for record in change.add:
                space = self._space_for(record.memory.namespace)
                batches.setdefault(space.number, (space, []))[1].append(record)
            lines = list(self._log_lines(change, list(old)))
            self._add(
                list(batches.values()),
                extra=lambda db: self._turn_rows(db, change, gone, old, ended, lines, guard=guard),
                leaving={*gone, *old},
            )
            # What was replaced leaves no fingerprint: the same text may be written again under the same id.
            self._zero(list(old.values()), guard=False)
            if gone:
                self._erase(gone, guard=guard)

    def _revised(self, change: Change) -> list[Record]:
        """The replacing records, with the standing of those that they replace, and with ends that the change sets."""
        traces = self._traces([record.memory.id for record in change.replace])
        return [
            changed(
                one,
                memory=changed(one.memory, valid_to=change.ends.get(one.memory.id, one.memory.valid_to)),
                trace=changed(
                    one.trace, archived=old.archived, pinned=old.pinned, held=old.held, restricted=old.restricted
                ),
            )
            for one, old in zip(change.replace, traces, strict=True)
            if old is not None
        ]

    def _log_lines(self, change: Change, old: Sequence[bytes]) -> Iterator[tuple[Kind, bytes]]:
        """What the log says of records that are replaced; of a gist, the parts that leave it."""
        after = {bytes.fromhex(record.memory.id): record.memory for record in change.replace}
        for id, record in zip(old, self._read(old), strict=True):
            if record is not None:
                yield from replaced(record.memory, after[id])

    def _turn_rows(
        self,
        db: Connection,
        change: Change,
        gone: Ids,
        old: Ids,
        ended: Ids,
        lines: Sequence[tuple[Kind, bytes]],
        *,
        guard: bool,
    ) -> None:
        """Writes all rows of a change, except those of the records that it adds."""
        for kind in KINDS:
            enter(db, kind, [id for one, id in lines if one == kind])
        if gone:
            intend(db, gone, guard=guard)
        delete_links(db, change.unlinks)
        insert_links(db, change.links)
        self._guard(db, change.guarded, change.until)
        delete_rows(db, old, keep_links=True)
        ends = [(rows.micros(change.ends[id.hex()]), id) for id in ended]
        db.executemany("UPDATE memory SET valid_to = ? WHERE id = ?", ends)
