"""The chain of the ledger in memoria.db: a table of lines, and two settings in `meta`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from sqlite3 import Connection

from memoria.proof.chain import Shelf
from memoria.proof.lines import Entered
from memoria.stores import ledger
from memoria.stores.local.turns import Turns
from memoria.stores.proving import Proving, Said, undecided
from memoria.types import LedgerEntry


class Rows:
    """A shelf on a connection that is in a transaction, or that only reads."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def last(self) -> tuple[int, Entered] | None:
        found = self._db.execute("SELECT n, line, statement FROM chain ORDER BY n DESC LIMIT 1").fetchone()
        return None if found is None else (found[0], Entered(found[1], found[2]))

    def lines(self, newest: int | None) -> Iterable[Entered]:
        sql = "SELECT line, statement FROM (SELECT * FROM chain ORDER BY n DESC LIMIT ?) ORDER BY n"
        found = self._db.execute(sql, (-1 if newest is None else newest,)).fetchall()
        return [Entered(*line) for line in found]

    def add(self, entered: Mapping[int, Entered]) -> None:
        lines = [(number, one.line, one.statement) for number, one in entered.items()]
        self._db.executemany("INSERT INTO chain VALUES (?, ?, ?)", lines)

    def setting(self, name: str) -> str | None:
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set(self, values: Mapping[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())


class Chaining(Turns, Proving):
    """The part of a store that enters what it did.

    A single forget commits nothing: its line waits, and is committed with the purge that deletes its row. So a row that
    is still there after a crash is one without a line, and gets one of recovery.
    """

    erasure: str = "cryptographic erase: key and vector overwritten with zeros in place, synced"

    def _ledger_key(self) -> bytes:
        return self._key

    def _may_write(self) -> bool:
        return self._writable

    @contextmanager
    def _shelf(self, *, writing: bool) -> Iterator[Shelf]:
        if not writing:
            with self._reading(), self._database.reading() as db:
                yield Rows(db)
            return
        with self._writing():
            self._purge()
            with self._atomic() as db:
                yield Rows(db)

    def _decisions(self) -> list[LedgerEntry]:
        found = self._database.rows(f"SELECT {ledger.COLUMNS} FROM ledger ORDER BY entry")
        return [ledger.opened(self._key, line) for line in found]

    def _has_waiting(self) -> bool:
        return self._writable and bool(self._pending or self._dropped or self._said or self._doubt)

    def _enter_later(self, entry: LedgerEntry) -> None:
        with self._writing():
            self._said.append(entry)

    def _cover(self, ids: Iterable[bytes], namespaces: Iterable[int] = ()) -> None:
        """What was just erased belongs to the decision that is being carried out."""
        if not self._within:
            return
        if self._decision is not None:
            self._said.append(self._decision)
            self._decision = None
        self._covered.update(ids)
        self._covered_spaces.update(namespaces)

    def _waiting(self, action: str) -> list[Said]:
        """The lines that wait, and one for what was erased and has none."""
        ids = [id for id in self._pending if id not in self._covered]
        spaces = len([one for one in self._dropped if one not in self._covered_spaces])
        own = [undecided(ids, action=action, namespaces=spaces)] if ids or spaces else []
        return [(entry, False) for entry in (*self._said, *own)]

    def _chain_waiting(self, db: Connection, action: str) -> None:
        self._join(Rows(db), self._waiting(action))

    def _let_go_of_lines(self) -> None:
        self._said, self._covered, self._covered_spaces = [], set(), set()
