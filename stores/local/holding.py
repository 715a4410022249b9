"""Traces, standing (archived, pinned, held, restricted), due times, the recall log, the ledger, and notes.

Nothing here changes sealed content or slots. Standing and due times are tables of their own, kept by triggers
(database.py), so that the cost of fading grows with what is due and not with what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import Held, MemoryNotFound
from memoria.stores import ledger, private, rows
from memoria.stores.batches import parts
from memoria.stores.local.chaining import Chaining, Rows
from memoria.stores.local.database import marks
from memoria.stores.local.space import Space, live_among
from memoria.stores.sealing import blind
from memoria.traces import Traces
from memoria.types import LedgerEntry, Namespace, Recalled, Trace

if TYPE_CHECKING:
    from memoria.arrays import Ints


# How many lines the recall log keeps: the latest.
LOG = 200_000
_PASSAGES = "coalesce((SELECT length(sealed) FROM passage WHERE passage.row = memory.row), 0)"
_Due = tuple[int, int, bytes, int, int]


class Holding(Chaining):
    """The part of a store that keeps traces and standing."""

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        with self._reading():
            return self._traces(ids)

    def _traces(self, ids: Sequence[str]) -> list[Trace | None]:
        wanted = [bytes.fromhex(id) for id in ids]
        live = self._locate(wanted)
        found = {row[0]: rows.to_trace(row) for row in self._by_id(rows.READ, list(live))}
        return [found.get(id) for id in wanted]

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        with self._writing():
            changes = [(*rows.trace_values(trace), bytes.fromhex(id)) for id, trace in traces.items()]
            lines = [(rows.micros(one.at), one.found, bytes.fromhex(one.id)) for one in recalls]
            names = ", ".join(f"{name} = ?" for name in rows.TRACE_COLUMNS.split(", "))
            with self._atomic() as db:
                db.executemany(f"UPDATE memory SET {names} WHERE id = ?", changes)
                db.executemany("INSERT INTO recalled (row, at, found) SELECT row, ?, ? FROM memory WHERE id = ?", lines)
                db.execute("DELETE FROM recalled WHERE event <= (SELECT max(event) FROM recalled) - ?", (LOG,))
                self._disk.reached("traces written")

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        with self._writing():
            wanted = list(dict.fromkeys(bytes.fromhex(id) for id in ids))
            live = self._locate(wanted)
            if len(live) < len(wanted):
                raise MemoryNotFound(*(id.hex() for id in wanted if id not in live))
            if archived and held is not False:
                self._check_held(wanted)
            self._mark(wanted, *rows.standing(archived, pinned, held, restricted))
            if (archived, restricted) != (None, None):
                self._move(live)

    def _mark(self, ids: list[bytes], on: int, off: int) -> None:
        with self._atomic() as db:
            if on:
                db.executemany(
                    "INSERT INTO standing SELECT row, namespace, ?, fades_at FROM memory WHERE id = ? "
                    "ON CONFLICT (row) DO UPDATE SET bits = bits | excluded.bits",
                    [(on, id) for id in ids],
                )
            if off:
                chosen = [(id,) for id in ids]
                row = "row = (SELECT row FROM memory WHERE id = ?)"
                db.executemany(f"UPDATE standing SET bits = bits & ~{off} WHERE {row}", chosen)
                db.executemany(f"DELETE FROM standing WHERE bits = 0 AND {row}", chosen)
            self._disk.reached("standing written")

    def _move(self, live: Mapping[bytes, tuple[Space, int]]) -> None:
        """Takes slots out of the search indexes, or puts them back, as they stand now."""
        sql = f"SELECT m.id FROM memory m JOIN standing s ON s.row = m.row WHERE s.bits & {rows.AWAY} AND "
        found = [self._database.rows(f"{sql}m.id IN ({marks(part)})", *part) for part in parts(list(live))]
        away = {id for part in found for (id,) in part}
        slots: dict[int, tuple[list[int], list[int]]] = {}
        for id, (space, slot) in live.items():
            slots.setdefault(space.number, ([], []))[id in away].append(slot)
        for number, (back, out) in slots.items():
            space_ = self._space(number)
            if space_ is not None:
                space_.archive(out)
                space_.restore(np.intersect1d(back, space_.away).tolist())

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._reading():
            return [row[2].hex() for row in self._due(prefix, rows.micros(at) or 0, limit)]

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._writing():
            found = self._due(prefix, rows.micros(at) or 0, limit)
            gone = [(row, number, rows.ARCHIVED, fades_at) for fades_at, row, _, _, number in found]
            if gone:
                with self._atomic() as db:
                    db.executemany("INSERT INTO standing VALUES (?, ?, ?, ?)", gone)
                    self._disk.reached("standing written")
            for number in {row[4] for row in found}:
                space = self._space(number)
                if space is not None:
                    space.archive([slot for _, _, _, slot, home in found if home == number])
            return [row[2].hex() for row in found]

    def _due(self, prefix: Namespace, at: int, limit: int) -> list[_Due]:
        """(fades_at, row, id, slot, namespace) of what is due, soonest first."""
        found: list[_Due] = []
        for space in self._under(prefix):
            found += self._due_in(space, at, limit)
        return sorted(found)[:limit]

    def _due_in(self, space: Space, at: int, limit: int) -> list[_Due]:
        """What is due in one namespace, without what is forgotten but not yet purged. Reads the table `due` only."""
        sql = (
            "SELECT fades_at, row, id, slot, namespace FROM due WHERE namespace = ? AND fades_at <= ? "
            "AND (fades_at, row) > (?, ?) ORDER BY fades_at, row LIMIT ?"
        )
        found: list[_Due] = []
        last = (-(1 << 62), 0)
        while len(found) < limit:
            page = self._database.rows(sql, space.number, at, *last, limit)
            live = {id for id, _ in live_among(space, [(row[2], row[3]) for row in page])}
            found += [row for row in page if row[2] in live]
            if len(page) < limit:
                break
            last = page[-1][:2]
        return found[:limit]

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        with self._reading():
            space = self._existing(namespace)
            found = [] if space is None else self._live_rows(space)
            size = 0 if space is None else int(space.slots.slot_size)
            return (
                [row[0].hex() for row in found],
                rows.to_traces(found),
                np.array([row[-1] + size for row in found], np.int64),
            )

    def _live_rows(self, space: Space) -> list[Any]:
        columns = rows.READ.replace(", sealed,", ", x'',")
        found = self._database.rows(
            f"SELECT {columns}, length(sealed) + {_PASSAGES} FROM memory WHERE namespace = ? ORDER BY id", space.number
        )
        live = {id for id, _ in live_among(space, [(row[0], row[2]) for row in found])}
        return [row for row in found if row[0] in live]

    def ended(self, namespace: Namespace, at: datetime) -> list[str]:
        with self._reading():
            space = self._existing(namespace)
            if space is None:
                return []
            sql = "SELECT id, slot FROM memory WHERE namespace = ? AND valid_to <= ?"
            found = self._database.rows(sql, space.number, rows.micros(at))
            return sorted(id.hex() for id, _ in live_among(space, [(row[0], row[1]) for row in found]))

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        with self._reading():
            found = [
                line
                for space in self._under(prefix)
                for line in self._database.rows(
                    "SELECT m.id, r.at, r.found, r.event FROM memory m JOIN recalled r ON r.row = m.row "
                    "WHERE m.namespace = ?",
                    space.number,
                )
            ]
            live = self._locate(list({line[0] for line in found}))
            kept = sorted((at, event, id, seen) for id, at, seen, event in found if id in live)
            return [Recalled(id=id.hex(), at=_time(at), found=bool(seen)) for at, _, id, seen in kept]

    def enter(self, entry: LedgerEntry) -> None:
        with self._writing():
            line = ledger.sealed(self._key, entry)
            self._purge()
            with self._atomic() as db:
                db.execute(f"INSERT INTO ledger ({ledger.COLUMNS}) VALUES (?, ?, ?, ?, ?)", line)
                self._join(Rows(db), [(entry, True)])
                self._disk.reached("ledger written")

    def ledger(self) -> list[LedgerEntry]:
        with self._reading():
            return self._decisions()

    def alias(self, namespace: Namespace) -> str:
        return blind(self._key, "alias", *namespace).hex()

    def note(self, name: str) -> str | None:
        with self._reading():
            return self._database.meta(f"note.{name}")

    def write_note(self, name: str, value: str) -> None:
        with self._writing(), self._atomic() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"note.{name}", value))

    def notes(self) -> dict[str, str]:
        with self._reading():
            found = self._database.rows("SELECT name, value FROM meta WHERE name LIKE 'note.%'")
            return {name.removeprefix("note."): value for name, value in found}

    def private_note(self, name: str) -> str | None:
        with self._reading():
            found = self._database.meta(f"private.{name}")
            return None if found is None else private.opened(self._key, name, found)

    def private_notes(self) -> dict[str, str]:
        with self._reading():
            found = self._database.rows("SELECT name, value FROM meta WHERE name LIKE 'private.%'")
            named = ((name.removeprefix("private."), value) for name, value in found)
            return {name: private.opened(self._key, name, value) for name, value in named}

    def write_private_note(self, name: str, value: str | None) -> None:
        with self._writing(), self._atomic() as db:
            db.execute("DELETE FROM meta WHERE name = ?", (f"private.{name}",))
            if value is not None:
                line = (f"private.{name}", private.sealed(self._key, name, value))
                db.execute("INSERT INTO meta VALUES (?, ?)", line)

    def _check_held(self, ids: Sequence[bytes]) -> None:
        held = self._held(ids)
        if held:
            raise Held(*(id.hex() for id in held))

    def _check_ends(self, ends: Mapping[str, datetime | None]) -> None:
        """Raises Held for a held memory that would end sooner than it does."""
        held = self._held([bytes.fromhex(id) for id in ends])
        broken = [id.hex() for id, was in held.items() if rows.sooner(ends[id.hex()], rows.time(was))]
        if broken:
            raise Held(*broken)

    def _held(self, ids: Sequence[bytes]) -> dict[bytes, int | None]:
        """Until when each of those of `ids` that are under a hold is valid."""
        sql = f"SELECT m.id, m.valid_to FROM memory m JOIN standing s ON s.row = m.row WHERE s.bits & {rows.KEPT} AND "
        return {
            id: until
            for part in parts(ids)
            for id, until in self._database.rows(f"{sql}m.id IN ({marks(part)})", *part)
        }

    def _check_held_spaces(self, numbers: Sequence[int]) -> None:
        held: list[bytes] = []
        for part in parts(numbers):
            sql = (
                "SELECT m.id FROM standing s JOIN memory m ON m.row = s.row "
                f"WHERE s.namespace IN ({marks(part)}) AND s.bits & {rows.KEPT}"
            )
            held += [id for (id,) in self._database.rows(sql, *part)]
        live = self._locate(held)
        if live:
            raise Held(*(id.hex() for id in live))


def _time(value: int) -> datetime:
    found = rows.time(value)
    assert found is not None
    return found
