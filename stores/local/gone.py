"""Statements about the log of what was forgotten: a line is written as rows are deleted, or namespaces marked.

Between the sync of a zeroed slot and that commit, the row that points to the slot is what remembers: recovery finds it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from memoria.stores.batches import parts
from memoria.stores.forgets import KEEP_NOTE, KINDS, Forgot, Kind, Position, keep_days
from memoria.stores.local.database import Database, marks

_DAY = 86_400_000_000


def enter(db: Connection, kind: Kind, ids: Iterable[bytes]) -> None:
    """Writes a line, and deletes those that are older than they are kept."""
    joined = b"".join(ids)
    if joined:
        now = time.time_ns() // 1000
        db.execute("INSERT INTO gone (at, kind, ids) VALUES (?, ?, ?)", (now, KINDS.index(kind), joined))
        prune(db, now)


def prune(db: Connection, now: int) -> None:
    """Deletes the lines that are older than they are kept. now: microseconds since 1970."""
    kept = db.execute("SELECT value FROM meta WHERE name = ?", (f"note.{KEEP_NOTE}",)).fetchone()
    since = now - int(keep_days(None if kept is None else kept[0]) * _DAY)
    first = db.execute("SELECT at FROM gone ORDER BY event LIMIT 1").fetchone()
    if first is not None and first[0] < since:
        ((last,),) = db.execute("SELECT max(event) FROM gone WHERE at < ?", (since,)).fetchall()
        db.execute("DELETE FROM gone WHERE event <= ?", (last,))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('forgets.pruned', ?)", (str(last),))


def enter_rows(db: Connection, database: Database, ids: Sequence[bytes]) -> None:
    """Writes down that rows go, before they do: of gists the parts, which the log names only while they are nowhere."""
    gone: list[bytes] = []
    for part in parts(sorted(ids)):
        found = db.execute(f"SELECT id, last_at FROM memory WHERE id IN ({marks(part)})", part).fetchall()
        gone += [id for id, last in found if last is None]
        gone += inside(database, [id for id, last in found if last is not None])
    enter(db, "forgotten", gone)


def inside(database: Database, gists: Sequence[bytes]) -> list[bytes]:
    """The ids of the parts of gists."""
    found: list[bytes] = []
    for part in parts(sorted(gists)):
        sql = f"SELECT DISTINCT parent FROM link WHERE relation = 0 AND child IN ({marks(part)})"
        found += [id for (id,) in database.rows(sql, *part)]
    return found


def gone_since(database: Database, after: int) -> set[bytes]:
    """The ids of memories that are in lines after one."""
    found = database.rows("SELECT ids FROM gone WHERE event > ? AND kind = 0", after)
    return {ids[at : at + 16] for (ids,) in found for at in range(0, len(ids), 16)}


def absorbed(database: Database, ids: Sequence[bytes]) -> set[bytes]:
    """Those of the ids that are in a gist; that one may be going too."""
    found: set[bytes] = set()
    for part in parts(sorted(ids)):
        sql = f"""SELECT DISTINCT l.parent FROM link l JOIN memory m ON m.id = l.child
            WHERE l.relation = 0 AND m.last_at IS NOT NULL AND l.parent IN ({marks(part)})"""
        found |= {id for (id,) in database.rows(sql, *part)}
    return found


def position(database: Database) -> dict[str, Any]:
    """The last line that there is, as JSON has it."""
    named = dict(database.rows("SELECT name, value FROM meta WHERE name LIKE 'forgets.%'"))
    last = database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'gone'")
    return {
        "branch": named["forgets.branch"],
        "event": last[0][0] if last else 0,
        "history": json.loads(named.get("forgets.history", "[]")),
        "pruned": int(named.get("forgets.pruned", 0)),
    }


def as_position(found: Mapping[str, Any]) -> Position:
    """A position out of JSON."""
    history = tuple((str(branch), int(last)) for branch, last in found["history"])
    return Position(branch=found["branch"], event=found["event"], history=history, pruned=found["pruned"])


def begin(db: Connection, at: Position, lines: Sequence[Forgot], branch: str) -> None:
    """Begins a branch after the lines that a copy was told. at: where their log ends."""
    if db.execute("SELECT value FROM meta WHERE name = 'forgets.branch'").fetchone() == (branch,):
        return
    # What the copy itself has written down since it was restored is told by the lines that it was told.
    db.execute("DELETE FROM gone WHERE event > ?", (min([at.event, *(one.event - 1 for one in lines)]),))
    values = [(one.event, one.at, KINDS.index(one.kind), b"".join(one.ids)) for one in lines]
    db.executemany("INSERT OR REPLACE INTO gone (event, at, kind, ids) VALUES (?, ?, ?, ?)", values)
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'gone'")
    last = max([at.event, *(one.event for one in lines)])
    db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('gone', ?)", (last,))
    history = json.dumps([*(one for one in at.history if one[0] != at.branch), (at.branch, at.event)])
    named = {"forgets.branch": branch, "forgets.history": history, "forgets.pruned": str(at.pruned)}
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", named.items())
