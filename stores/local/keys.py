"""The caller's keys in a local store: which are taken, and which labels the schema is to keep unique."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from sqlite3 import Connection

from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.claims import claimed
from memoria.stores.local.database import Database, marks
from memoria.stores.local.space import Space, live_among
from memoria.types import Record


def claim(database: Database, batches: Iterable[tuple[Space, Sequence[Record]]], leaving: Set[bytes]) -> set[bytes]:
    """The labels of keys that nothing else will have; raises KeyConflict. leaving: ids that go or are replaced."""
    found: set[bytes] = set()
    for space, records in batches:
        wanted = [rows.key_labels(space.slots.key, record.memory) for record in records]
        hashes = sorted(set().union(*wanted))
        if hashes:
            found |= claimed(wanted, _holders(database, space, hashes), leaving)
    return found


def _holders(database: Database, space: Space, hashes: Sequence[bytes]) -> dict[bytes, set[bytes]]:
    """The ids of live memories that have each label."""
    found: dict[bytes, set[bytes]] = {}
    for some in parts(hashes):
        sql = f"SELECT l.hash, m.id, m.slot FROM label l JOIN memory m ON m.row = l.row WHERE l.hash IN ({marks(some)})"
        lines = database.rows(sql, *some)
        live = {id for id, _ in live_among(space, [(id, slot) for _, id, slot in lines])}
        for hash, id, _ in lines:
            if id in live:
                found.setdefault(hash, set()).add(id)
    return found


def release(db: Connection, single: Iterable[bytes]) -> None:
    """Takes labels from rows that are dead, or die with this change, and not purged yet."""
    db.executemany("UPDATE label SET single = NULL WHERE hash = ? AND single = 1", [(hash,) for hash in single])
