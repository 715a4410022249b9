"""Paging and counting without reading what is not shown: by the order of time, and by the rows of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from datetime import datetime
from typing import Any

from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.local.database import marks
from memoria.stores.local.filters import filtered
from memoria.stores.local.reading import Reading
from memoria.stores.local.space import Space, live_among
from memoria.stores.sealing import blind
from memoria.stores.tallies import NAMED, Tally, Ways, names
from memoria.traces import DAY_MICROS, moment
from memoria.types import KINDS, Memory, Where

# Labels are counted in so many turns, so that nothing waits for all of them.
_TURNS = 32
# So many rows are opened for the names of labels, those of the most frequent labels first.
_OPENED = 30_000


class Paging(Reading):
    """The part of a store that gives pages and counts."""

    def page(self, where: Where, limit: int, before: str | None = None, *, oldest: bool = False) -> list[str]:
        """Ids of memories that meet a filter, newest first, at most `limit`; as `select` has them.

        before: only what is older than this id. oldest: oldest first, and `before` is what is newer.
        """
        with self._reading():
            gone = {one.id for _, _, one in self._due_by(where.kept_at) if one.whole}
            where = changed(where, kept_at=None)
            found: list[bytes] = []
            for space in self._under(where.namespace):
                found += self._page_of(space, where, limit, before, gone, oldest=oldest)
                found = sorted(found, reverse=not oldest)[:limit]
            return [id.hex() for id in found]

    def _page_of(
        self, space: Space, where: Where, limit: int, before: str | None, gone: set[str], *, oldest: bool
    ) -> list[bytes]:
        """Those of one namespace. More rows are read where some are of what was forgotten."""
        found: list[bytes] = []
        at = None if before is None else bytes.fromhex(before)
        while len(found) < limit:
            some = self._some_rows(space, where, limit, at, oldest=oldest)
            live = live_among(space, [(id, slot) for id, slot, _ in some])
            meant = self._meant([id for id, _ in live], {id for id, _, parts in some if parts}, where)
            found += [id for id in meant if id.hex() not in gone]
            if len(some) < limit:
                break
            at = some[-1][0]
        return found[:limit]

    def _some_rows(
        self, space: Space, where: Where, limit: int, at: bytes | None, *, oldest: bool
    ) -> list[tuple[bytes, int, bool]]:
        """(id, slot, whether it has parts), in order of time: ids sort by `created_at`, which has an index."""
        sql, values = filtered(space, where)
        sign, way = (">", "ASC") if oldest else ("<", "DESC")
        if at is not None:
            sql += f" AND (m.created_at, m.id) {sign} (?, ?)"
            values += [created(at), at]
        if where.ids is not None:
            sql += f" AND m.id IN ({marks(where.ids)})"
            values += [bytes.fromhex(id) for id in where.ids]
        sql += f" ORDER BY m.created_at {way}, m.id {way} LIMIT ?"
        return self._database.rows(sql, *values, limit)

    def _meant(self, ids: Sequence[bytes], gists: set[bytes], where: Where) -> list[bytes]:
        """Without gists whose labels come from several parts, none of which meets the filter."""
        asked = [id for id in ids if id in gists]
        read = self._read(asked) if asked else []
        meeting = {bytes.fromhex(one.memory.id) for one in read if one is not None and where.matches(one.memory)}
        return [id for id in ids if id not in gists or id in meeting]

    def number(self, where: Where) -> int:
        """How many memories meet a filter: as many as `select` has."""
        return sum(self.numbers(where))

    def numbers(self, where: Where) -> Iterator[int]:
        """How many meet a filter in each namespace, in no order.

        Each is a turn of its own, between which others read and write: what they change may be counted as it was or is.
        """
        if not self._writable or where.ids is not None:
            # Of what another process has forgotten, only slots tell.
            yield len(self.select(where))
            return
        with self._reading():
            away, plain = self._not_counted(where)
            under = self._numbers_under(where.namespace)
        for number in under:
            with self._reading():
                space = self._readable(number, where.namespace)
                found = 0 if space is None else self._number_of_space(space, plain, away)
            yield found

    def _not_counted(self, where: Where) -> tuple[set[bytes], Where]:
        """Ids that are there and not counted, of what is forgotten or due; and the filter without that."""
        gone = [bytes.fromhex(one.id) for _, _, one in self._due_by(where.kept_at) if one.whole]
        return {*gone, *self._pending}, changed(where, kept_at=None)

    def _number_of_space(self, space: Space, where: Where, away: set[bytes]) -> int:
        """How many rows meet it, without those of what is away, and without gists that do not mean it."""
        plain = changed(where, archived=None, restricted=None)
        bare = plain == Where(namespace=where.namespace)
        if bare and where.archived is None:
            # Few memories stand apart: all are counted by the index of times alone.
            restricted = changed(where, restricted=True)
            return self._rows_number(space, plain, away) - (
                self._rows_number(space, restricted, away) if where.restricted is False else 0
            )
        return self._rows_number(space, where, away) - (0 if bare else self._gists_apart(space, where, away))

    def _rows_number(self, space: Space, where: Where, away: set[bytes]) -> int:
        sql, values = filtered(space, where)
        counting = sql.replace("SELECT m.id, m.slot, m.last_at IS NOT NULL", "SELECT count(*)", 1)
        ((total,),) = self._database.rows(counting, *values)
        for part in parts(sorted(away)):
            ((less,),) = self._database.rows(f"{counting} AND m.id IN ({marks(part)})", *values, *part)
            total -= less
        return int(total)

    def _gists_apart(self, space: Space, where: Where, away: set[bytes]) -> int:
        sql, values = filtered(space, where)
        found = [id for id, _, _ in self._database.rows(f"{sql} AND m.last_at IS NOT NULL", *values) if id not in away]
        return len(found) - len(self._meant(found, set(found), where))

    def flagged(self, where: Where, flag: str) -> list[str]:
        """Ids of what is "pinned" or "held" and meets a filter, newest first."""
        with self._reading():
            bit = {"pinned": rows.PINNED, "held": rows.HELD}[flag]
            sql = "SELECT m.id FROM standing s JOIN memory m ON m.row = s.row WHERE s.bits & ?"
            ids = tuple(id.hex() for (id,) in self._database.rows(sql, bit))
        return self.select(changed(where, ids=ids))[::-1] if ids else []

    # -- names --

    def tally(self, where: Where) -> Tally:
        """Counts of the names of all memories under a namespace, and of their kinds and months.

        It takes several turns, between which others read and write: what they change may be counted as it was or is.
        where: of its criteria, `namespace` and `kept_at` count; nothing restricted is counted.
        """
        return next(one for one in self.tallies(where) if one is not None)

    def tallies(self, where: Where) -> Iterator[Tally | None]:
        """As `tally`: None after each turn, and the counts at the end.

        They are kept until anything changes, so that they are not counted again for the same question.
        """
        with self._reading():
            numbers = self._numbers_under(where.namespace)
            away = self._rows_away(where.kept_at)
            asked, changes = (where.namespace, frozenset(away)), self._tallied.changes
            kept = self._tallied.get(asked)
        if kept is not None:
            yield kept
            return
        yield None
        found, ways = Tally(), Ways()
        for number in numbers:
            with self._reading():
                self._tally_times(number, away, found)
            yield None
        for _ in self._tally_names(set(numbers), away, found, ways):
            yield None
        ways.told(found)
        with self._reading():
            self._tallied.keep(asked, found, changes)
        yield found

    def _rows_away(self, kept_at: datetime | None) -> set[int]:
        """Rows that are there and not counted: of what is forgotten, due or restricted."""
        due = [bytes.fromhex(one.id) for _, _, one in self._due_by(kept_at) if one.whole]
        found = {row for (row,) in self._by_id("row", [*due, *self._pending])}
        barred = self._database.rows("SELECT row FROM standing WHERE bits & ?", rows.RESTRICTED)
        return found | {row for (row,) in barred}

    def _tally_times(self, number: int, away: set[int], found: Tally) -> None:
        space = self._space(number)
        if space is None:
            return
        # By day: a calendar for each row would take most of the time.
        sql = f"SELECT kind, created_at / {DAY_MICROS}, count(*) FROM memory"
        self._add_times(self._database.rows(f"{sql} WHERE namespace = ? GROUP BY 1, 2", number), 1, found)
        for part in parts(sorted(away)):
            some = f"{sql} WHERE namespace = ? AND row IN ({marks(part)}) GROUP BY 1, 2"
            self._add_times(self._database.rows(some, number, *part), -1, found)
        self._trim()

    @staticmethod
    def _add_times(counted: Sequence[tuple[Any, ...]], sign: int, found: Tally) -> None:
        for kind, day, n in counted:
            found.memories += sign * n
            found.kind[KINDS[kind]] += sign * n
            found.month[f"{moment(day * DAY_MICROS):%Y-%m}"] += sign * n

    def _tally_names(self, numbers: set[int], away: set[int], found: Tally, ways: Ways) -> Iterator[None]:
        """Counts labels, and opens a row of each, the most frequent first, to know what it is a label of; in turns."""
        counted: list[tuple[int, bytes, int]] = []
        for turn in range(_TURNS):
            with self._reading():
                counted += self._labels(turn, away)
            yield
        known = {hash: n for n, hash, _ in counted}
        told: set[bytes] = set()
        at = 0
        ordered = [(hash, row) for _, hash, row in sorted(counted, reverse=True)]
        while at < min(len(ordered), _OPENED):
            with self._reading():
                some = [(hash, row) for hash, row in ordered[at : at + 500] if hash not in told]
                for space, memory in self._opened_under([row for _, row in some], numbers):
                    _add_names(space, memory, known, told, found, ways)
            at += 500
            yield

    def _labels(self, turn: int, away: set[int]) -> list[tuple[int, bytes, int]]:
        """(count, label, a row that has it) of a share of the labels, without the rows that do not count."""
        step = 256 // _TURNS
        low, high = bytes([turn * step]), bytes([turn * step + step]) if turn + 1 < _TURNS else b"\xff" * 64
        found = {
            hash: (n, row)
            for hash, n, row in self._database.rows(
                "SELECT hash, count(*), max(row) FROM label WHERE hash >= ? AND hash < ? GROUP BY hash", low, high
            )
        }
        less: Counter[bytes] = Counter()
        for part in parts(sorted(away)):
            gone = f"SELECT hash FROM label WHERE hash >= ? AND hash < ? AND row IN ({marks(part)})"
            less.update(hash for (hash,) in self._database.rows(gone, low, high, *part))
        for hash, n in less.items():
            found[hash] = (found[hash][0] - n, self._other_row(hash, away))
        return [(n, hash, row) for hash, (n, row) in found.items() if n > 0]

    def _other_row(self, hash: bytes, away: set[int]) -> int:
        every = self._database.rows("SELECT row FROM label WHERE hash = ? ORDER BY row DESC", hash)
        return next((row for (row,) in every if row not in away), -1)

    def _opened_under(self, wanted: Sequence[int], numbers: set[int]) -> Iterator[tuple[Space, Memory]]:
        """Memories of rows, each with its namespace, of the namespaces that were asked for."""
        found: dict[int, list[tuple[Any, ...]]] = {}
        for part in parts(list(dict.fromkeys(wanted))):
            for row in self._database.rows(f"SELECT {rows.READ} FROM memory WHERE row IN ({marks(part)})", *part):
                found.setdefault(row[1], []).append(row)
        for number in found.keys() & numbers:
            space = self._space(number)
            if space is not None:
                yield from ((space, memory) for memory in self._opened(space, found[number]))
                self._trim()


def _add_names(
    space: Space, memory: Memory, known: dict[bytes, int], told: set[bytes], found: Tally, ways: Ways
) -> None:
    for kind, name, written in set(names(memory)):
        hash = blind(space.slots.key, kind, name)
        ways.add(kind, name, written)
        if hash in known and hash not in told and kind in NAMED:
            told.add(hash)
            getattr(found, kind)[name] += known[hash]


def created(id: bytes) -> int:
    """The microseconds since 1970 in an id (identity.py)."""
    value = int.from_bytes(id)
    return (value >> 80) * 1000 + (value >> 66 & 0x3FF)
