"""The chain of the ledger in PostgreSQL: a table of lines, which all processes add to one after the other."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memoria.proof.chain import Shelf
from memoria.proof.cose import decoded, encoded
from memoria.proof.lines import Entered
from memoria.stores import ledger, rows
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.core import Core
from memoria.stores.proving import Proving
from memoria.stores.sealing import derived, seal_bytes, unseal_bytes
from memoria.types import LedgerEntry

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection

_SAY = "INSERT INTO said (line) VALUES (%s)"
# So many lines that wait are chained at once.
_JOINED = 1000
_SALT = 16
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
    """The part of a store that enters what it did, in the transaction that leaves the intent to destroy the keys.

    There it is a line that waits, so that those who erase do not wait for each other to chain and sign.
    """

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
        shelf = Rows(connection)
        if writing:
            # Taken last, so that nobody who has it waits for a tenant.
            connection.lock(_LOCK)
            self._join_waiting(connection, shelf)
        return shelf

    def _has_waiting(self) -> bool:
        # Any process may have written some.
        return self._writable

    def _join_waiting(self, connection: Connection, shelf: Rows) -> None:
        """Chains what was erased since somebody looked: numbers and signatures follow one after the other."""
        while lines := connection.execute("SELECT n, line FROM said ORDER BY n LIMIT %s", (_JOINED,)).fetchall():
            self._join(shelf, [(_unpacked(self._root, line), False) for _, line in lines])
            connection.execute("DELETE FROM said WHERE n = ANY(%s)", ([n for n, _ in lines],))
            if len(lines) < _JOINED:
                return

    def _enter_later(self, entry: LedgerEntry) -> None:
        with self._writing(), self._cluster.transaction() as connection:
            connection.send(_SAY, (_packed(self._root, entry),))

    def _enter_erased(self, connection: Connection, ids: Sequence[bytes], *, namespaces: int = 0) -> None:
        """Enters what this transaction erases; the caller says so once more when it is committed (`_entered`)."""
        for entry, _ in self._erased(ids, namespaces) if ids or namespaces else []:
            connection.send(_SAY, (_packed(self._root, entry),))

    def _entered(self) -> None:
        self._decision = None

    def _decisions(self, connection: Connection) -> list[LedgerEntry]:
        found = connection.execute(f"SELECT {ledger.COLUMNS} FROM ledger ORDER BY entry".encode()).fetchall()
        return [ledger.opened(self._root, line) for line in found]


def _packed(root: bytes, entry: LedgerEntry) -> bytes:
    """A line that waits, sealed; it has no reason."""
    salt = secrets.token_bytes(_SALT)
    said = [rows.micros(entry.at), entry.action, [bytes.fromhex(id) for id in entry.ids], dict(entry.facts)]
    return salt + seal_bytes(derived(root, b"said", salt), encoded(said), salt)


def _unpacked(root: bytes, line: bytes) -> LedgerEntry:
    salt = line[:_SALT]
    plain = unseal_bytes(derived(root, b"said", salt), line[_SALT:], salt)
    at, action, ids, facts = decoded(plain, "a line that waits")
    when = rows.time(at)
    assert when is not None
    return LedgerEntry(at=when, action=action, ids=tuple(id.hex() for id in ids), reason="", facts=facts)
