"""Cross-checks: what the tables of memoria.db say against what is sealed, against the slots, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from memoria.errors import StoreCorrupt
from memoria.stores import crosschecks, ledger, rows
from memoria.stores.batches import parts
from memoria.stores.local.database import marks
from memoria.stores.local.space import Space, live_among
from memoria.stores.local.statements import insert_missing
from memoria.stores.local.writing import Writing
from memoria.stores.sealing import BLIND_BYTES
from memoria.types import RELATIONS, LedgerEntry, Memory

_HOLD = "nothing is done: hold it again, or release it with a reason"
_END = "nothing is done: give it its end again, with amend"
_AGAIN = "they are written again, from what is sealed"
# A row of which more labels are in the look-up than it names, or none of which is there any more.
_FOREIGN = """
SELECT label.row, memory.id FROM label LEFT JOIN memory ON memory.row = label.row GROUP BY label.row
HAVING memory.row IS NULL OR count(*) > length(memory.labels) / ?
"""
_ENDS = """
SELECT link.parent, link.child, parent.valid_to, coalesce(child.valid_from, child.created_at)
FROM link JOIN memory AS parent ON parent.id = link.parent JOIN memory AS child ON child.id = link.child
WHERE link.relation IN (?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, in a sentence, and what a repair does about it, in another; None when it can do nothing."""

    found: str
    cure: str = ""
    heal: Callable[[], None] | None = None


class Crosschecking(Writing):
    """The part of a store that compares what two places say of one memory."""

    def _contradicted(self, space: Space, memory: Memory, row: int, slot: int) -> Iterator[Problem]:
        """What is not as the sealed row of a memory says."""
        key = space.slots.key
        due = rows.labels(key, memory)
        # Its own are looked for, since the look-up is by hash; where all are there, others are counted over all rows.
        found = {
            hash
            for some in parts(sorted(due))
            for (hash,) in self._database.rows(
                f"SELECT hash FROM label WHERE row = ? AND hash IN ({marks(some)})", row, *some
            )
        }
        if len(found) < len(due):
            found = {hash for (hash,) in self._database.rows("SELECT hash FROM label WHERE row = ?", row)}
        for said in crosschecks.wrong_labels(key, memory, found):
            yield Problem(found=said, cure=_AGAIN, heal=partial(self._label_again, space, memory, row))
        ((named,),) = self._database.rows("SELECT labels FROM memory WHERE row = ?", row)
        if named is not None and set(rows.cut_labels(named)) != due:
            said = f"memory {memory.id}: its row names other labels than it has, so that some would outlive it"
            yield Problem(found=said, cure=_AGAIN, heal=partial(self._label_again, space, memory, row))
        printless = self._database.meta("printless") is not None
        (print_,) = space.slots.marks([slot])
        if said := crosschecks.wrong_print(key, memory, print_, printless=printless):
            yield Problem(found=said)

    def _contradictions(self) -> Iterator[Problem]:
        """What tables say against each other."""
        yield from self._foreign_labels()
        try:
            entries = self._entries()
        except StoreCorrupt as error:
            yield Problem(found=f"the ledger: {error}")
        else:
            once = self._there(bytes.fromhex(id) for id in crosschecks.held_in(entries))
            free = [id.hex() for id in once - self._held(sorted(once)).keys()]
            yield from (Problem(found=said, cure=_HOLD) for said in crosschecks.lifted_holds(entries, free))
        yield from self._revived()

    def _entries(self) -> list[LedgerEntry]:
        return [
            ledger.opened(self._key, line)
            for line in self._database.rows(f"SELECT {ledger.COLUMNS} FROM ledger ORDER BY entry")
        ]

    def _foreign_labels(self) -> Iterator[Problem]:
        for row, id in self._database.rows(_FOREIGN, BLIND_BYTES):
            whose = "a row that is not there" if id is None else f"memory {id.hex()}"
            found = f"{whose}: labels that are not its own, so that a filter takes it for another"
            yield Problem(found=found, cure="they go", heal=partial(self._drop_foreign, row))

    def _revived(self) -> Iterator[Problem]:
        found = self._database.rows(_ENDS, *map(RELATIONS.index, crosschecks.ENDING))
        live = self._there({id for parent, child, _, _ in found for id in (parent, child)})
        there = [line for line in found if line[0] in live and line[1] in live]
        until = {parent.hex(): rows.time(end) for parent, _, end, _ in there}
        ends = [(parent.hex(), start) for parent, _, _, at in there if (start := rows.time(at)) is not None]
        yield from (Problem(found=said, cure=_END) for said in crosschecks.revived(until, ends, datetime.now(UTC)))

    def _there(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of the ids that are live; of a namespace that cannot be opened there is a problem already."""
        claims: dict[int, list[tuple[bytes, int]]] = {}
        for id, number, slot in self._by_id("id, namespace, slot", sorted(ids)):
            claims.setdefault(number, []).append((id, slot))
        found: set[bytes] = set()
        for number, claimed in claims.items():
            with suppress(StoreCorrupt):
                if (space := self._space(number)) is not None:
                    found.update(id for id, _ in live_among(space, claimed))
        return found

    # -- cures --

    def _label_again(self, space: Space, memory: Memory, row: int) -> None:
        with self._atomic() as db:
            insert_missing(db, space, memory)
        self._drop_foreign(row)

    def _drop_foreign(self, row: int) -> None:
        """Deletes labels that a row does not name; all of a row that is not there."""
        named: list[tuple[Any]] = self._database.rows("SELECT labels FROM memory WHERE row = ?", row)
        own = set(rows.cut_labels(named[0][0] or b"")) if named else set[bytes]()
        with self._atomic() as db:
            found: Iterable[tuple[bytes]] = db.execute("SELECT hash FROM label WHERE row = ?", (row,)).fetchall()
            foreign = [(hash, row) for (hash,) in found if hash not in own]
            db.executemany("DELETE FROM label WHERE hash = ? AND row = ?", foreign)
