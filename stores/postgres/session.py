"""A transaction of one thread: statements that need no answer wait, and go with the next one that does, in one trip.

It has a connection from its first statement on. What is to be done when it is committed, or when it is not, is said to
it as it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from memoria.errors import MemoriaError
from memoria.stores.postgres.pipeline import Answer, Raw, Statement, Trip, array

_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
_COMMIT = Statement(b"COMMIT")
_AGAIN = b"SELECT name, value FROM memoria.meta WHERE name = ANY(%s::text[])"
_Waiting = tuple[Statement, "Callable[[Answer], object] | None"]
# A row of `memory` as `look` gives it, without its id: tenant, slot, bits of its standing, whether it is a gist.
Looked = tuple[bytes, int, int, bool]


class Session:
    """A transaction, to be committed or undone by who made it.

    connected: gives it a connection, for as long as it lasts. opening: what it says first. together: whether it is for
    several verbs. tenants: those that it is for. locked: numbers of the locks that it has. trips: how often it waited
    for the server.
    """

    def __init__(
        self, connected: Callable[[Session], AbstractContextManager[Raw]], opening: Sequence[str], *, together: bool
    ) -> None:
        self._connected = connected
        self._stack = ExitStack()
        self._raw: Raw | None = None
        self._waiting: list[_Waiting] = [(Statement(one.encode()), None) for one in opening]
        self._said = self._committing = self._broken = False
        self._parts = 0
        self._meanwhile: list[Callable[[], object]] = []
        self._after: list[Callable[[], object]] = []
        self._undone: list[Callable[[], object]] = []
        self._doubted: list[Callable[[], object]] = []
        self._always: list[Callable[[], object]] = []
        self.together = together
        # Whether any verb in it writes.
        self.writing = False
        self.over = False
        # Settings of the store as they were read, and as they are once it is committed.
        self.read: dict[str, str | None] = {}
        self.noted: dict[str, str | None] = {}
        # What is known of tenants and memories that nobody else can change: version and next slot of tenants, where
        # memories are, and those of them that have no link.
        self.opened: dict[bytes, tuple[int, int, bool]] = {}
        self.looked: dict[bytes, Looked] = {}
        self.unlinked: set[bytes] = set()
        self.tenants: set[bytes] = set()
        self.locked: set[int] = set()
        self.trips = 0

    # -- statements --

    def execute(self, sql: bytes | str, values: Sequence[Any] | None = None, *, binary: bool = False) -> Answer:
        """Runs what waits, and then this statement; returns its answer."""
        return self._run([Statement(_bytes(sql), values, binary)])[0]

    def finish(self, sql: bytes | str, values: Sequence[Any], *, binary: bool = False) -> Answer:
        """Runs the last statement, and commits in the same trip."""
        answer, _ = self._run([Statement(_bytes(sql), values, binary), _COMMIT], last=True)
        self.over = True
        return answer

    def send(
        self, sql: bytes | str, values: Sequence[Any] | None = None, then: Callable[[Answer], object] | None = None
    ) -> None:
        """Runs a statement with the next one that is executed, or at the end. then: takes its answer."""
        self._said = True
        self._waiting.append((Statement(_bytes(sql), values), then))

    def send_many(self, sql: bytes | str, values: Sequence[Sequence[Any]]) -> None:
        """As `send`, once for each of these."""
        if values:
            self._said = True
            self._waiting += [(Statement(_bytes(sql), one), None) for one in values]

    def tell(self, setting: str) -> None:
        """As `send`, for a setting, which is nothing to be committed."""
        self._waiting.append((Statement(setting.encode()), None))

    def forget_what_is_known(self) -> None:
        """Before anything is written in another way than by what is known."""
        self.opened.clear()
        self.looked.clear()
        self.unlinked.clear()

    def locking(self, tenant: bytes) -> int:
        """The number of the lock of a tenant, which the next statement takes."""
        number = lock_number(tenant)
        self.locked.add(number)
        return number

    def lock(self, number: int) -> None:
        """Has an advisory lock of this number until the end."""
        if number not in self.locked:
            self.locked.add(number)
            self.send("SELECT pg_advisory_xact_lock(%s)", (number,))

    @contextmanager
    def raw(self) -> Iterator[Raw]:
        """The connection, once what waits has run: for COPY."""
        if self._waiting:
            self._run([])
        assert self._raw is not None
        yield self._raw

    def _run(
        self, statements: Sequence[Statement], *, last: bool = False, meanwhile: Callable[[], object] | None = None
    ) -> list[Answer]:
        """Sends what waits together with these, and waits for all of it; returns the answers of these.

        last: whether a commit is among these. meanwhile: the first of these is one, and this is called while it lasts.
        """
        if self._broken:
            raise psycopg.OperationalError("this transaction was cut short: nothing of it was done")
        self._said = True
        raw = self._connection()
        waiting, self._waiting = self._waiting, []
        self.trips += 1
        trip = Trip(raw, [*(one for one, _ in waiting), *statements])
        self._committing = self._committing or last
        answers = trip.go(meanwhile, first=len(waiting))
        for (_, take), answer in zip(waiting, answers, strict=False):
            if take is not None:
                take(answer)
        return answers[len(waiting) :]

    def _connection(self) -> Raw:
        if self._raw is None:
            self._raw = self._stack.enter_context(self._connected(self))
        return self._raw

    # -- parts --

    @contextmanager
    def part(self) -> Iterator[None]:
        """What is undone by itself when the block raises, and is committed with the rest."""
        self._parts += 1
        name = f"part_{self._parts}"
        mark: _Waiting = (Statement(f"SAVEPOINT {name}".encode()), None)
        self._waiting.append(mark)
        before = self.tenants.copy(), self.locked.copy(), len(self._after), len(self._undone), len(self._meanwhile)
        try:
            yield
        except BaseException:
            self._back(name, mark)
            self.tenants, self.locked = before[:2]
            del self._after[before[2] :], self._meanwhile[before[4] :]
            undone = self._undone[before[3] :]
            del self._undone[before[3] :]
            _run([*undone, *self._doubted])
            raise
        self._waiting.append((Statement(f"RELEASE {name}".encode()), None))

    def _back(self, name: str, mark: _Waiting) -> None:
        """Undoes a part: what was not sent of it is dropped, and what was is undone on the server."""
        for place, one in enumerate(self._waiting):
            if one is mark:
                del self._waiting[place:]
                return
        self._waiting.clear()
        raw = self._raw
        if raw is None or raw.closed or raw.info.transaction_status not in _OPEN:
            self._broken = True
            return
        try:
            raw.execute(f"ROLLBACK TO {name}".encode())
        except psycopg.Error:
            self._broken = True

    # -- the end --

    @property
    def wrote(self) -> bool:
        """Whether something is to be done once it is committed."""
        return bool(self._after)

    def after(self, act: Callable[[], object]) -> None:
        """Calls `act` once this is committed."""
        self._after.append(act)

    def meanwhile(self, act: Callable[[], object]) -> None:
        """Calls `act` while the server commits: all else was done without an error. Not called where nobody waits.

        What it raises leaves unknown whether this is committed.
        """
        self._meanwhile.append(act)

    def always(self, act: Callable[[], object]) -> None:
        """Calls `act` once this is committed, or undone because of an error of ours."""
        self._always.append(act)

    def undone(self, act: Callable[[], object]) -> None:
        """Calls `act` when it is certain that this, or the part that it is in, is not committed."""
        self._undone.append(act)

    def doubted(self, act: Callable[[], object]) -> None:
        """Calls `act`, maybe more than once, when this is not committed, or nobody knows whether it is."""
        self._doubted.append(act)

    def commit(self) -> None:
        """Commits in one trip, with what waits."""
        if self._said and not self.over:
            if self.writing:
                # Cut short, a wait for standbys ends as if they had it.
                self.tell("SET LOCAL statement_timeout = 0")
            last = [_COMMIT]
            if self.read and self._after:
                # As of after the commit, for whoever looks at them again then.
                last.append(Statement(_AGAIN, (array(self.read),)))
            acts = self._meanwhile
            _, *again = self._run(last, last=True, meanwhile=(lambda: _run(acts)) if acts else None)
            if again:
                self.noted = {**dict.fromkeys(self.read), **dict(again[0].fetchall())}
        self.over = True

    def undo(self) -> None:
        """Undoes what is not committed."""
        raw, self._waiting = self._raw, []
        _run(self._doubted)
        open_ = raw is not None and not raw.closed and raw.info.transaction_status in _OPEN
        certain = open_ or not self._committing
        if open_ and raw is not None:
            # One that does not answer is closed by the pool, and undoes it then.
            with suppress(psycopg.Error):
                raw.execute(b"ROLLBACK")
        self.over = True
        _run([*(self._undone if certain else ()), *self._doubted])

    def close(self) -> None:
        """Gives the connection back."""
        self.over = True
        self._stack.close()

    def run_after(self) -> None:
        """What was to be done once it was committed: all of it, even where some of it raises an error of ours."""
        raised: MemoriaError | None = None
        for act in self._after:
            try:
                act()
            except MemoriaError as error:
                raised = raised or error
        if raised is not None:
            raise raised

    def run_always(self) -> None:
        """What was to be done either way."""
        _run(self._always)


def lock_number(tenant: bytes) -> int:
    """The number of the advisory lock of a tenant."""
    return int.from_bytes(tenant[:8], "little", signed=True)


def _run(acts: Sequence[Callable[[], object]]) -> None:
    for act in acts:
        act()


def _bytes(sql: bytes | str) -> bytes:
    return sql.encode() if isinstance(sql, str) else sql
