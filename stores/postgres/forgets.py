"""The log of what was forgotten: a line is written in the transaction that deletes rows, so that none is ever lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from memoria.stores.forgets import KEEP_NOTE, KINDS, Forgot, Kind, Position, cut_ids, keep_days
from memoria.stores.forgets import log_key as log_key_of
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.core import Core

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection

_DAY = 86_400_000_000


def enter(connection: Connection, kind: Kind, ids: Iterable[bytes]) -> None:
    """Writes a line."""
    joined = b"".join(ids)
    if joined:
        now = time.time_ns() // 1000
        sql = "INSERT INTO gone (at, kind, ids) VALUES (%s, %s, %s)"
        connection.execute(sql, (now, KINDS.index(kind), joined))


class Forgets(Core):
    """The part of a store that shows its log."""

    def log_key(self) -> bytes:
        return log_key_of(self._root)

    def forgets_position(self) -> Position:
        with self._reading(), self._cluster.transaction() as connection:
            _wait_for_all(connection)
            sql = "SELECT name, value FROM meta WHERE name LIKE 'forgets.%%'"
            named = dict(connection.execute(sql).fetchall())
            ((last,),) = connection.execute("SELECT coalesce(max(event), 0) FROM gone").fetchall()
            history = tuple((str(branch), int(end)) for branch, end in json.loads(named.get("forgets.history", "[]")))
            return Position(
                branch=named["forgets.branch"],
                # Lines that are pruned were there.
                event=max([last, int(named.get("forgets.pruned", 0)), *(end for _, end in history)]),
                history=history,
                pruned=int(named.get("forgets.pruned", 0)),
            )

    def forgets(self, after: int) -> Sequence[Forgot]:
        with self._reading(), self._cluster.transaction() as connection:
            _wait_for_all(connection)
            sql = "SELECT event, at, kind, ids FROM gone WHERE event > %s ORDER BY event"
            found = connection.execute(sql, (after,)).fetchall()
            return [Forgot(event=event, at=at, kind=KINDS[kind], ids=cut_ids(ids)) for event, at, kind, ids in found]

    def continue_forgets(self, at: Position, lines: Sequence[Forgot], branch: str) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            _wait_for_all(connection)
            connection.execute("DELETE FROM gone")
            values = [(one.event, one.at, KINDS.index(one.kind), b"".join(one.ids)) for one in lines]
            tenancy.many(connection, "INSERT INTO gone (event, at, kind, ids) VALUES (%s, %s, %s, %s)", values)
            last = max([at.event, *(one.event for one in lines)])
            connection.execute("SELECT setval(pg_get_serial_sequence('gone', 'event'), %s)", (max(last, 1),))
            history = json.dumps([*(one for one in at.history if one[0] != at.branch), (at.branch, at.event)])
            named = {"forgets.branch": branch, "forgets.history": history, "forgets.pruned": str(at.pruned)}
            tenancy.write_meta(connection, named)

    def _prune_forgets(self) -> None:
        """Deletes the lines that are older than they are kept."""
        with self._cluster.transaction() as connection:
            found = connection.execute("SELECT value FROM meta WHERE name = %s", (f"note.{KEEP_NOTE}",)).fetchone()
            since = time.time_ns() // 1000 - int(keep_days(None if found is None else found[0]) * _DAY)
            ((last,),) = connection.execute("SELECT max(event) FROM gone WHERE at < %s", (since,)).fetchall()
            if last is not None:
                connection.execute("DELETE FROM gone WHERE event <= %s", (last,))
                tenancy.write_meta(connection, {"forgets.pruned": str(last)})


def _wait_for_all(connection: Connection) -> None:
    """Until every transaction is over that has a number of a line: none with a smaller one comes later."""
    connection.execute("SET TRANSACTION READ WRITE")
    connection.execute("LOCK TABLE gone IN SHARE MODE")
