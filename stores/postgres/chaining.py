"""The chain of the ledger in PostgreSQL: a table of lines, which all processes add to one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memoria.proof.chain import Shelf
from memoria.proof.lines import Entered
from memoria.stores import ledger
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.core import Core
from memoria.stores.proving import Proving
from memoria.types import LedgerEntry

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection

# Of the advisory lock that whoever adds lines has until its transaction ends; 0 is that of opening.
_LOCK = 1


class Rows:
    """A shelf in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self) -> tuple[int, Entered] | None:
        sql = "SELECT n, line, statement FROM chain ORDER BY n DESC LIMIT 1"
        found = self._connection.execute(sql).fetchone()
        return None if found is None else (int(found[0]), Entered(found[1], found[2]))

    def lines(self, newest: int | None) -> Iterable[Entered]:
        sql = "SELECT line, statement FROM (SELECT * FROM chain ORDER BY n DESC LIMIT %s) AS latest ORDER BY n"
        return [Entered(*line) for line in self._connection.execute(sql, (newest,)).fetchall()]

    def add(self, entered: Mapping[int, Entered]) -> None:
        lines = [(number, one.line, one.statement) for number, one in entered.items()]
        tenancy.many(self._connection, "INSERT INTO chain VALUES (%s, %s, %s)", lines)

    def setting(self, name: str) -> str | None:
        found = self._connection.execute("SELECT value FROM meta WHERE name = %s", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set(self, values: Mapping[str, str]) -> None:
        tenancy.write_meta(self._connection, values)


class Chaining(Core, Proving):
    """The part of a store that enters what it did, in the transaction that leaves the intent to destroy the keys."""

    erasure: str = "cryptographic erase: keys overwritten with zeros in place, synced; rows deleted"

    @property
    def _ours(self) -> threading.local:
        return self.__dict__.setdefault("_deciding", threading.local())  # type: ignore[no-any-return]

    # What is being carried out is the thread's: others may erase meanwhile.
    @property
    def _decision(self) -> LedgerEntry | None:
        return getattr(self._ours, "decision", None)

    @_decision.setter
    def _decision(self, entry: LedgerEntry | None) -> None:
        self._ours.decision = entry

    @property
    def _within(self) -> bool:
        return getattr(self._ours, "within", False)

    @_within.setter
    def _within(self, within: bool) -> None:
        self._ours.within = within

    def _ledger_key(self) -> bytes:
        return self._root

    def _may_write(self) -> bool:
        return self._writable

    @contextmanager
    def _shelf(self, *, writing: bool) -> Iterator[Shelf]:
        with self._writing() if writing else self._reading(), self._cluster.transaction() as connection:
            yield self._rows(connection, writing=writing)

    def _rows(self, connection: Connection, *, writing: bool = True) -> Rows:
        if writing:
            # Taken last, so that nobody who has it waits for a tenant.
            connection.lock(_LOCK)
        return Rows(connection)

    def _enter_erased(self, connection: Connection, ids: Sequence[bytes], *, namespaces: int = 0) -> None:
        """Enters what this transaction erases; the caller says so once more when it is committed (`_entered`)."""
        said = self._erased(ids, namespaces) if ids or namespaces else []
        if said:
            self._join(self._rows(connection), said)

    def _entered(self) -> None:
        self._decision = None

    def _decisions(self, connection: Connection) -> list[LedgerEntry]:
        found = connection.execute(f"SELECT {ledger.COLUMNS} FROM ledger ORDER BY entry".encode()).fetchall()
        return [ledger.opened(self._root, line) for line in found]
