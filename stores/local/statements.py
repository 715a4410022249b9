"""The statements that write and delete rows of memories. Each runs inside `Database.atomic`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from sqlite3 import Connection
from typing import Any

from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.forgotten import sealed
from memoria.stores.local.database import marks
from memoria.stores.local.passages import insert_passages
from memoria.stores.local.passages import sealed as sealed_passages
from memoria.stores.local.space import Space
from memoria.stores.sealing import seal
from memoria.text.fingerprints import Fingerprints
from memoria.types import RELATIONS, Link, Memory, Record

LINK = "parent, child, relation, was, weight, judge"
_INSERT_FORGOTTEN = "INSERT INTO forgotten (namespace, near, prints, until) VALUES (?, ?, ?, ?)"
_INSERT_LINK = f"INSERT OR IGNORE INTO link ({LINK}) VALUES (?, ?, ?, ?, ?, ?)"


def insert(db: Connection, space: Space, slot: int, record: Record, key: bytes, single: Set[bytes]) -> int | None:
    """The row of a record, whose number is returned, its labels, links to what it is derived from, and its standing.

    single: labels that no other live row has, which the schema then keeps so.
    """
    memory, trace = record.memory, record.trace
    id = bytes.fromhex(memory.id)
    content = seal(key, rows.content(memory), id)
    labels = sorted(rows.labels(space.slots.key, memory))
    row = db.execute(
        f"INSERT INTO memory ({rows.COLUMNS}, labels) VALUES ({marks(rows.COLUMNS.split(','))}, ?)",
        (*rows.to_row(record, space.number, slot, content), b"".join(labels)),
    ).lastrowid
    labelled = [(hash, row, 1 if hash in single else None) for hash in labels]
    db.executemany("INSERT INTO label (hash, row, single) VALUES (?, ?, ?)", labelled)
    _insert_parents(db, id, memory)
    if record.passages is not None:
        insert_passages(db, space.number, [(id, sealed_passages(key, record.passages, id))])
    if rows.bits(trace):
        standing = (row, space.number, rows.bits(trace), rows.micros(trace.fades_at))
        db.execute("INSERT INTO standing VALUES (?, ?, ?, ?)", standing)
    return row


def insert_missing(db: Connection, space: Space, memory: Memory) -> None:
    """Labels and links that the row of an older format lacks: its subject and parents are in its content only.

    Older labels are among those of today.
    """
    id = bytes.fromhex(memory.id)
    ((row,),) = db.execute("SELECT row FROM memory WHERE id = ?", (id,)).fetchall()
    labels = sorted(rows.labels(space.slots.key, memory))
    db.executemany("INSERT OR IGNORE INTO label (hash, row) VALUES (?, ?)", [(hash, row) for hash in labels])
    db.execute("UPDATE memory SET labels = ? WHERE row = ?", (b"".join(labels), row))
    _insert_parents(db, id, memory)


def name_labels(db: Connection) -> None:
    """Lets the rows that still do not name their labels, which are damaged or dead, do so: the index goes then."""
    for (row,) in db.execute("SELECT row FROM memory WHERE labels IS NULL").fetchall():
        hashes = db.execute("SELECT hash FROM label WHERE row = ? ORDER BY hash", (row,)).fetchall()
        db.execute("UPDATE memory SET labels = ? WHERE row = ?", (b"".join(hash for (hash,) in hashes), row))
    db.execute("DROP INDEX IF EXISTS label_by_row")


def _insert_parents(db: Connection, id: bytes, memory: Memory) -> None:
    parents = {*memory.provenance.derived_from, *(part.id for part in memory.parts)}
    sql = "INSERT OR IGNORE INTO link (parent, child, relation) VALUES (?, ?, 0)"
    db.executemany(sql, [(bytes.fromhex(one), id) for one in parents])


def insert_links(db: Connection, links: Iterable[Link]) -> None:
    values = [(*_ends(one), rows.micros(one.was), one.weight, one.judge) for one in links]
    db.executemany(_INSERT_LINK, values)


def delete_links(db: Connection, links: Iterable[Link]) -> None:
    db.executemany("DELETE FROM link WHERE parent = ? AND child = ? AND relation = ?", map(_ends, links))


def _ends(link: Link) -> tuple[bytes, bytes, int]:
    return bytes.fromhex(link.parent), bytes.fromhex(link.child), RELATIONS.index(link.relation)


def delete_rows(db: Connection, ids: Iterable[bytes], *, keep_links: bool = False) -> None:
    """Deletes rows and their labels; triggers delete the rest.

    keep_links: for rows that are written again under the same id: what supersedes or doubts another stays.
    """
    gone = list(ids)
    kept = [link for id in gone for link in _not_derived(db, id)] if keep_links else []
    # In the order of the table, so that a page that holds several is written once.
    places = sorted(place for some in parts(sorted(gone)) for place in _rows(db, some))
    _delete_labels(db, places)
    db.executemany("DELETE FROM memory WHERE row = ?", [(row,) for row, _ in places])
    db.executemany(_INSERT_LINK, kept)


def _rows(db: Connection, ids: Sequence[bytes]) -> list[Any]:
    """(row, labels) of each id that has one."""
    return db.execute(f"SELECT row, labels FROM memory WHERE id IN ({marks(ids)})", ids).fetchall()


def _delete_labels(db: Connection, places: Sequence[tuple[int, bytes | None]]) -> None:
    """places: (row, labels). A row of an older format does not name them until it is brought up."""
    named = [(hash, row) for row, labels in places if labels is not None for hash in rows.cut_labels(labels)]
    db.executemany("DELETE FROM label WHERE hash = ? AND row = ?", named)
    db.executemany("DELETE FROM label WHERE row = ?", [(row,) for row, labels in places if labels is None])


def _not_derived(db: Connection, id: bytes) -> list[Any]:
    """Links by which a memory supersedes or doubts another, or another one it."""
    return list(db.execute(f"SELECT {LINK} FROM link WHERE relation > 0 AND (parent = ? OR child = ?)", (id, id)))


def drop_namespaces(db: Connection, numbers: Iterable[int]) -> None:
    """Deletes the rows of namespaces whose slot files are gone."""
    for number in numbers:
        found = db.execute("SELECT row, labels FROM memory WHERE namespace = ?", (number,)).fetchall()
        _delete_labels(db, found)
        db.execute("DELETE FROM memory WHERE namespace = ?", (number,))
        db.execute("DELETE FROM forgotten WHERE namespace = ?", (number,))
        db.execute("DELETE FROM prefix WHERE namespace = ?", (number,))
        db.execute("DELETE FROM namespace WHERE id = ?", (number,))


def intend(db: Connection, ids: Iterable[bytes], *, guard: bool) -> None:
    """Names what is about to be erased. Once this is committed, recovery completes the erasure after a crash."""
    db.execute("INSERT INTO intent (targets, guard) VALUES (?, ?)", (b"".join(ids), guard))


def write_prints(
    db: Connection, prints: Iterable[tuple[int, bytes]], *, near: bool = False, until: int | None = None
) -> None:
    """A line for each (namespace, fingerprints joined), or, if `near`, for each (namespace, sketch)."""
    lines = [(number, near, blob, until) for number, blob in prints]
    db.executemany(_INSERT_FORGOTTEN, lines)


def write_sealed(db: Connection, number: int, kind: int, key: bytes, known: Sequence[Fingerprints]) -> None:
    """A line for each key and end of fingerprints, sealed: of other stores, or of any under a guard key."""
    lines = [(number, kind, sealed(key, one), rows.micros(one.until)) for one in known]
    db.executemany(_INSERT_FORGOTTEN, lines)
