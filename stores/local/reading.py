"""Reading: by id, by filter, by link; which namespaces there are, and how many memories."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from datetime import datetime
from typing import Any

import numpy as np

from memoria.errors import MemoryNotFound, StoreCorrupt
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.lapses import Due, due, meant
from memoria.stores.local.database import marks
from memoria.stores.local.filters import filtered
from memoria.stores.local.lapsing import Lapsing, replace_lapse
from memoria.stores.local.passages import opened
from memoria.stores.local.space import Space, live_among
from memoria.stores.local.statements import LINK
from memoria.stores.sealing import unseal
from memoria.stores.vectors import vector_secrets, vector_secrets_of
from memoria.text.parts import hidden
from memoria.types import EmbedderCard, Link, Memory, Namespace, Passages, Record, Secret, Trace, Where

# What building a memory raises when a value in its row is not one that was written.
PASSAGES = "(SELECT sealed FROM passage WHERE passage.row = memory.row)"
# What may be due, of memories that are there or not purged yet.
_DUE = (
    "SELECT m.namespace, m.slot, m.id, m.last_at IS NOT NULL, l.row, l.at FROM lapse l JOIN memory m ON m.row = l.row "
    "WHERE l.at <= ?"
)
# By an index whose last column is the row, so that none is sorted.
_LATEST = (
    f"SELECT {rows.READ} FROM memory WHERE namespace = ? "
    f"AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.row = memory.row AND s.bits & {rows.AWAY}) "
    "AND NOT EXISTS (SELECT 1 FROM label l WHERE l.hash = ? AND l.row = memory.row) "
    "ORDER BY created_at DESC, row DESC LIMIT ? OFFSET ?"
)
_DAMAGE = (ValueError, OverflowError, LookupError, TypeError, struct.error)


class Reading(Lapsing):
    """The part of a store that changes nothing."""

    @property
    def embedder(self) -> EmbedderCard:
        # Asked for before anything is embedded: a child by fork is refused first.
        self._home.check(self.path)
        return self._card

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        with self._reading():
            return self._read([bytes.fromhex(id) for id in ids])

    def _read(self, ids: Sequence[bytes]) -> list[Record | None]:
        """The records of ids, None for those that are not there, or are damaged; of the latter the log tells."""
        found = {row[0]: row for row in self._by_id(f"{rows.READ}, {PASSAGES}", ids)}
        return [self._open_row(found[id]) if id in found else None for id in ids]

    def _open_row(self, row: tuple[Any, ...]) -> Record | None:
        id, space = row[0], self._space(row[1])
        if space is None or space.slots.id(row[2]) != id:
            return None
        found = None
        try:
            found = opened_row(space, row)
            return found if row[-1] is None else changed(found, passages=opened_passages(space, row, row[-1]))
        except StoreCorrupt as error:
            self._warn(id, f"{error}; passed over, and named by doctor")
            return found

    def select(self, where: Where) -> list[str]:
        with self._reading():
            gone = {one.id for _, _, one in self._due_by(where.kept_at) if one.whole}
            where = changed(where, kept_at=None)
            if where.ids is not None and where == Where(namespace=where.namespace, ids=where.ids):
                return [id for id in self._select_ids(where) if id not in gone]
            ids = [id.hex() for space in self._under(where.namespace) for id, _ in self._matching(space, where)[0]]
            return sorted((set(ids) if where.ids is None else set(ids) & set(where.ids)) - gone)

    def _select_ids(self, where: Where) -> list[str]:
        asked = [bytes.fromhex(id) for id in sorted(set(where.ids or ()))]
        prefix = where.namespace
        found = {id: space.name for id, (space, _) in self._locate(asked).items()}
        for id in self._finished.keys() & set(asked):
            home = self._space(self._finished[id])
            if home is not None:
                found[id] = home.name
        return sorted(id.hex() for id, name in found.items() if name[: len(prefix)] == prefix)

    def _matching(self, space: Space, where: Where) -> tuple[list[tuple[bytes, int]], set[bytes]]:
        """(id, slot) of live memories of a namespace that meet the filter, except for its `ids`.

        Of a gist the labels may come from several parts, so it is read. And the ids of parts that are not meant.
        """
        sql, values = filtered(space, where)
        found = self._database.rows(sql, *values)
        live = live_among(space, [(id, slot) for id, slot, _ in found])
        gists = {id for id, _, parts in found if parts}
        asked = changed(where, ids=None)
        read = self._read([id for id, _ in live if id in gists]) if gists else []
        meeting = [one.memory for one in read if one is not None and asked.matches(one.memory)]
        apart = gists - {bytes.fromhex(one.id) for one in meeting}
        return [one for one in live if one[0] not in apart], hidden(asked, meeting)

    def lapsed(self, where: Where, at: datetime) -> dict[str, frozenset[str]]:
        with self._reading():
            found = self._due_by(at)
            inside = set(self._numbers_under(where.namespace)) if found else set()
            return meant((one for number, _, one in found if number in inside), where)

    def _due_by(self, at: datetime | None) -> list[tuple[int, int, Due]]:
        """(namespace, slot, what is due) of the whole store; the first time, a writer notes that it has seen it."""
        by = rows.micros(at)
        lines = [] if by is None else self._database.rows(_DUE, by)
        found: list[tuple[int, int, Due]] = []
        fresh: list[tuple[int, int]] = []
        for number, slot, id, gist, row, time in self._of_live(lines):
            seen = None if time >= 0 else -time
            one = self._due_of(id, max(by or 0, seen or 0), gist=gist)
            if one is not None and (seen is None or (gist and one != self._due_of(id, seen, gist=gist))):
                fresh.append((-max(by or 0, 1), row))
            if one is not None:
                found.append((number, slot, one))
        if fresh and self._writable:
            with self._atomic() as db:
                db.executemany("UPDATE lapse SET at = ? WHERE row = ?", fresh)
        return found

    def _of_live(self, lines: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Lines of `_DUE` whose memory is live."""
        live: set[bytes] = set()
        for number in {line[0] for line in lines}:
            space = self._space(number)
            if space is not None:
                claimed = [(line[2], line[1]) for line in lines if line[0] == number]
                live.update(id for id, _ in live_among(space, claimed))
        return [line for line in lines if line[2] in live]

    def _due_of(self, id: bytes, by: int, *, gist: bool) -> Due | None:
        """What is due of a memory that has a line; a gist is read, for its parts may be due at other times."""
        if not gist:
            return Due(id.hex(), frozenset([id.hex()]), True)
        (record,), at = self._read([id]), rows.time(by)
        return None if record is None or at is None else due(record.memory, self._periods(), at)

    def reschedule(self, ids: Sequence[str]) -> None:
        with self._writing():
            found = [record.memory for record in self._read([bytes.fromhex(id) for id in ids]) if record is not None]
            periods = self._periods()
            with self._atomic() as db:
                for memory in found:
                    replace_lapse(db, memory, periods)
                self._disk.reached("lapses written")

    def links(self, ids: Sequence[str]) -> list[Link]:
        with self._reading():
            if not self._database.rows("SELECT 1 FROM link LIMIT 1"):
                return []
            asked = [bytes.fromhex(id) for id in ids]
            found = {link for end in ("parent", "child") for link in self._links(end, asked)}
            live = self._locate(list({end for link in found for end in link[:2]}))
            kept = sorted(link for link in found if link[1] in live and (link[0] in live or not link[2]))
            return [rows.link(*one) for one in kept]

    def _links(self, end: str, ids: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
        """Links whose `end`, parent or child, is one of these ids."""
        for part in parts(ids):
            yield from self._database.rows(f"SELECT {LINK} FROM link WHERE {end} IN ({marks(part)})", *part)

    def has_audiences(self, prefix: Namespace) -> bool:
        """Whether anything under a namespace is not for everybody who reads it."""
        with self._reading():
            hashes = [rows.audience_label(space.slots.key) for space in self._under(prefix)]
            sql = "SELECT 1 FROM label WHERE hash = ? LIMIT 1"
            return any(self._database.rows(sql, hash) for hash in hashes)

    def revision(self, prefix: Namespace) -> object:
        """What differs after a memory under a namespace was written; which are there is told by `select`."""
        with self._reading():
            return [(space.number, space.slots.number, space.next_slot) for space in self._under(prefix)]

    def latest(self, namespace: Namespace, limit: int) -> list[Memory]:
        """The memories observed last, oldest first, of those that everybody sees and recall does not leave out.

        Exactly of this namespace; at most `limit`. Reads no more rows than that, and those of what is forgotten and not
        purged yet.
        """
        with self._reading():
            space = self._existing(namespace)
            found: list[Memory] = []
            seen = 0
            while space is not None and len(found) < limit:
                values = (space.number, rows.audience_label(space.slots.key), limit, seen)
                some = self._database.rows(_LATEST, *values)
                found += self._opened(space, some)
                seen += len(some)
                if len(some) < limit:
                    break
            return sorted(found[:limit], key=lambda memory: memory.id)

    def _opened(self, space: Space, found: Sequence[tuple[Any, ...]]) -> Iterator[Memory]:
        """The memories of rows, of those that are live and not damaged."""
        there = [row for row in found if row[2] < space.slots.capacity]
        for row, (id, key) in zip(there, space.slots.holders([row[2] for row in there]), strict=True):
            if id != row[0]:
                continue
            try:
                yield opened_memory(space, row, key)
            except StoreCorrupt as error:
                self._warn(row[0], f"{error}; passed over, and named by doctor")

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        with self._reading():
            return sorted(space.name for space in self._under(prefix) if len(space.live()))

    def count(self, prefix: Namespace) -> int:
        with self._reading():
            return sum(len(space.live()) for space in self._under(prefix))

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        with self._reading():
            return [secret for id in ids for secret in self._secrets(bytes.fromhex(id))]

    def _secrets(self, id: bytes) -> Iterator[Secret]:
        located = self._locate([id])
        if id in self._finished:
            return
        if id not in located:
            raise MemoryNotFound(id.hex())
        space, slot = located[id]
        (record,) = self._read([id])
        yield Secret(label="key", data=space.slots.key_of(slot))
        if record is not None:
            yield Secret(label="text", data=record.memory.text.encode())
            yield from vector_secrets(record, codes=True)
        else:
            (vector,) = space.slots.vectors(np.array([slot]))
            yield from vector_secrets_of(vector, codes=True)


def opened_row(space: Space, row: tuple[Any, ...]) -> Record:
    """The record of a row of `rows.READ`, without further passages.

    Raises StoreCorrupt, with no id and no content, when it does not open.
    """
    slot = row[2]
    key, vector = space.slots.entry(slot)
    return Record(memory=opened_memory(space, row, key), trace=opened_trace(space, row), vector=vector)


def opened_passages(space: Space, row: tuple[Any, ...], blob: bytes | None) -> Passages | None:
    """The further passages of a row; raises StoreCorrupt, with no id and no content."""
    try:
        return None if blob is None else opened(space.slots.key_of(row[2]), blob, row[0])
    except StoreCorrupt:
        raise StoreCorrupt(f"{space.slots.path}: the passages of slot {row[2]} are damaged in memoria.db") from None


def opened_memory(space: Space, row: tuple[Any, ...], key: bytes) -> Memory:
    """The memory of a row; raises StoreCorrupt, with no id and no content, when it does not open."""
    try:
        return rows.to_memory(row, space.name, unseal(key, row[13], row[0]))
    except (StoreCorrupt, *_DAMAGE):
        raise _damaged(space, row) from None


def opened_trace(space: Space, row: tuple[Any, ...]) -> Trace:
    try:
        return rows.to_trace(row)
    except _DAMAGE:
        raise _damaged(space, row) from None


def _damaged(space: Space, row: tuple[Any, ...]) -> StoreCorrupt:
    return StoreCorrupt(
        f"{space.slots.path}: the row of slot {row[2]} is damaged in memoria.db, or the key in the slot is"
    )
