"""Connections: what is checked before the first, what a transaction is for, and errors in our words.

A thread has one transaction at a time: that of the verb it is in, or of all that it does together (`together`). What
needs no answer waits, and goes to the server with the next statement that does (session.py).
"""

from __future__ import annotations

import re
import select
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from weakref import ref

from memoria.errors import (
    KeyConflict,
    MemoriaError,
    MissingExtra,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
)
from memoria.extras import install
from memoria.process import in_child, never_destroyed
from memoria.stores.postgres.schema import LEAST_PGVECTOR

try:
    import psycopg
    from pgvector.psycopg import register_vector
    from psycopg_pool import ConnectionPool

    from memoria.stores.postgres.pipeline import Raw
    from memoria.stores.postgres.preparing import prepared
    from memoria.stores.postgres.session import Session
except ImportError as error:
    raise MissingExtra("the store in PostgreSQL needs: " + install("postgres")) from error

Connection = Session
driver = psycopg
"""The driver of PostgreSQL, for modules that connect to other servers."""

SCHEMA = "memoria"
_LEAST_SERVER = 150_000
# Seconds for a server that does not answer, and for a lock that another transaction has, when nobody says how many.
WAIT = 10.0
# Seconds for one statement, when nobody says how many; upkeep has no limit.
STATEMENT = 60.0
_RECONNECT = 0.5
# So many connections are kept for those who only read, as far as there are so many.
_FOR_READERS = 2
# Milliseconds for a lock, of those who do not wait.
_HURRIED = 20
Ids = Iterable[bytes]


class Taken(StoreError):
    """What was to be unique is there already. table: of which it is a row."""

    def __init__(self, table: str) -> None:
        super().__init__(f"PostgreSQL: a row of {table} is there already: another process was first")
        self.table = table


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long is waited, in seconds.

    lock: for what another transaction has. statement: for one statement; 0 is for ever.
    """

    lock: float
    statement: float

    def settings(self) -> dict[str, str]:
        """As settings of the server, in milliseconds."""
        return {"lock_timeout": str(_milliseconds(self.lock)), "statement_timeout": str(_milliseconds(self.statement))}

    @property
    def locked(self) -> str:
        return (
            f"another transaction has held what this one needs for longer than lock_timeout, {self.lock:g} s: "
            "nothing was done; do it again, or look for what hangs in pg_stat_activity"
        )

    @property
    def slow(self) -> str:
        return (
            f"a statement took longer than statement_timeout, {self.statement:g} s, or was cancelled: nothing was done"
        )


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds)) if seconds else 0


class Cluster:
    """A database, its schema brought up to date, and a pool of connections to it.

    timeout: seconds to wait for a connection; 0 is ten. limits: how long is waited for all else.
    """

    def __init__(
        self,
        url: str,
        *,
        mode: Literal["rw", "r"],
        timeout: float,
        partitions: int,
        threads: int,
        limits: Limits | None = None,
    ) -> None:
        self._url = url
        self._writable = mode == "rw"
        # Whether what was under way is to be looked at again: the server of new connections may have gone down.
        self.fresh = True
        self._wait = timeout or WAIT
        self._limits = limits or Limits(lock=self._wait, statement=STATEMENT)
        # The transaction of each thread; referred to weakly, so that it goes with the block that it was made for.
        self._local = threading.local()
        with (
            translated(self._limits),
            psycopg.connect(
                url, autocommit=True, connect_timeout=max(1, int(self._wait)), prepare_threshold=None
            ) as connection,
        ):
            check_server(connection)
            self._opening = self._openings(connection)
            prepared(connection, partitions, writable=self._writable)
        self._pool = ConnectionPool(
            url,
            # Statements prepared by name would be of the connection behind a pooler, which changes.
            kwargs={"autocommit": True, "prepare_threshold": None},
            min_size=1,
            max_size=threads,
            timeout=self._wait,
            configure=self._configure,
            check=check_alive,
            open=True,
            num_workers=1,
            # The pool waits ever longer between attempts; given up soon, it makes one anew for whoever asks next.
            reconnect_timeout=_RECONNECT,
        )
        self._writers = threading.BoundedSemaphore(max(1, threads - _FOR_READERS))
        in_child(self._pool, never_destroyed)

    def _openings(self, connection: Raw) -> list[str]:
        """What each transaction says first, where it cannot be said once for a connection.

        Behind a pooler (PgBouncer), whose process number is not that of the server's process, the next transaction may
        have another server connection; and Citus tells its workers only what a transaction says.
        """
        ((behind, spread, durable),) = connection.execute(
            "SELECT pg_backend_pid() <> %s, EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus'), "
            "current_setting('synchronous_commit')",
            (connection.info.backend_pid,),
        ).fetchall()
        self._settings = self._limits.settings() | {
            "search_path": f"{SCHEMA}, public",
            # Rows of another tenant are not even read to be passed over, so that nobody can time them.
            "enable_seqscan": "off",
            **({"synchronous_commit": "on"} if durable == "off" else {}),
        }
        told = {"citus.propagate_set_commands": "'local'"} if spread else {}
        self.pooled, self.spread = bool(behind), bool(spread)
        local = [f"SET LOCAL {name} = {value}" for name, value in (told | self._settings).items()]
        return local if behind or spread else []

    def _configure(self, connection: Raw) -> None:
        if not self._opening:
            for name, value in self._settings.items():
                connection.execute(f"SET {name} = {value}".encode())
        register_vector(connection)
        self.fresh = True

    @contextmanager
    def connection(self) -> Iterator[Raw]:
        """A connection of the pool without a transaction, for upkeep: no statement of it has a limit."""
        with translated(self._limits), self._pool.connection() as connection:
            if self._opening:
                yield connection
                return
            connection.execute("SET statement_timeout = 0")
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.execute(f"SET statement_timeout = {self._settings['statement_timeout']}".encode())

    @contextmanager
    def beside(self) -> Iterator[Raw]:
        """A connection of its own, without a transaction, schema or limit: for upkeep that takes long."""
        with psycopg.connect(
            self._url, autocommit=True, connect_timeout=max(1, int(self._wait)), prepare_threshold=None
        ) as connection:
            yield connection

    # -- transactions --

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread does meanwhile is one transaction, which begins with its first statement.

        It is committed at the end, and undone as a whole when the block raises. Within another such block it is part of
        that.
        """
        if self._mine() is not None:
            yield
            return
        session = self._began(together=True)
        with self._ended(session):
            yield

    @contextmanager
    def transaction(
        self,
        *,
        tenant: Sequence[bytes] = (),
        id: Sequence[bytes] = (),
        alias: Sequence[bytes] = (),
        long: bool = False,
        knowing: bool = False,
    ) -> Iterator[Session]:
        """A transaction, for these values of the routing columns; or a part of the one that the thread is in.

        long: no statement of it has a limit of time. knowing: it writes, and keeps what the transaction knows true.
        """
        session = self._mine()
        with ExitStack() as stack:
            if session is None:
                session = self._began(together=False)
                stack.enter_context(self._ended(session))
            else:
                stack.enter_context(translated(self._limits))
                if self._writes and not knowing:
                    session.forget_what_is_known()
                    stack.enter_context(session.part())
            session.writing = session.writing or self._writes
            if long:
                session.tell("SET LOCAL statement_timeout = 0")
            if any((tenant, id, alias)):
                scope(session, tenant=tenant, id=id, alias=alias)
            yield session

    def _mine(self) -> Session | None:
        """The transaction that this thread is in."""
        held = getattr(self._local, "session", None)
        session = None if held is None else held()
        return None if session is None or session.over else session

    @property
    def current(self) -> Session | None:
        """The transaction that this thread is in."""
        return self._mine()

    @contextmanager
    def writes(self) -> Iterator[None]:
        """Meanwhile transactions of this thread are those of a writer."""
        before, self._local.writes = self._writes, True
        try:
            yield
        finally:
            self._local.writes = before

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Meanwhile this thread hardly waits for locks."""
        before, self._local.hurried = getattr(self._local, "hurried", False), True
        try:
            yield
        finally:
            self._local.hurried = before

    def afterwards(self, act: Callable[[], None], *, always: bool = False) -> bool:
        """Calls `act` once the transaction is committed that this thread is in; False when it is in none."""
        session = self._mine()
        if session is not None:
            (session.always if always else session.after)(act)
        return session is not None

    @property
    def _writes(self) -> bool:
        return bool(getattr(self._local, "writes", False))

    def _began(self, *, together: bool) -> Session:
        begin = "BEGIN" if self._writable else "BEGIN READ ONLY"
        session = Session(self._connected, [begin, *self._opening], together=together)
        if getattr(self._local, "hurried", False):
            session.tell(f"SET LOCAL lock_timeout = {_HURRIED}")
        self._local.session = ref(session)
        return session

    @contextmanager
    def _connected(self, session: Session) -> Iterator[Raw]:
        with ExitStack() as stack:
            if self._writable and (session.together or self._writes):
                stack.enter_context(self._turn())
            yield stack.enter_context(self._pool.connection())

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """So few write at once that others find a connection to read with, however long these wait for locks."""
        hurried = getattr(self._local, "hurried", False)
        if not self._writers.acquire(timeout=_HURRIED / 1000 if hurried else self._wait):
            raise StoreLocked(self._limits.locked)
        try:
            yield
        finally:
            self._writers.release()

    @contextmanager
    def _ended(self, session: Session) -> Iterator[None]:
        """Commits at the end, or undoes; then does what was to be done after it."""
        try:
            with translated(self._limits):
                try:
                    yield
                    session.commit()
                except BaseException:
                    session.undo()
                    raise
                finally:
                    session.close()
            with self._noting(session):
                session.run_after()
        except BaseException as error:
            # It may have been cut short after its commit, and before what it was to destroy is destroyed.
            self.fresh = self.fresh or session.wrote
            if isinstance(error, MemoriaError):
                with suppress(StoreError):
                    session.run_always()
            raise
        session.run_always()

    @contextmanager
    def _noting(self, session: Session) -> Iterator[None]:
        self._local.noted = session.noted
        try:
            yield
        finally:
            self._local.noted = {}

    def noted(self, name: str) -> tuple[str | None] | None:
        """A setting as it was just after the commit that this thread is coming from, if it was read then."""
        known: dict[str, str | None] = getattr(self._local, "noted", {})
        return (known.pop(name),) if name in known else None

    def close(self) -> None:
        self._pool.close()


def scope(session: Session, *, tenant: Ids | None = None, id: Ids | None = None, alias: Ids | None = None) -> None:
    """Says which rows the transaction is for from here on: tenants besides those said before, ids and aliases anew."""
    if tenant is not None:
        before, session.tenants = session.tenants, session.tenants.union(tenant)
        tenant = None if session.tenants == before else session.tenants
    for name, named in (("tenant", tenant), ("id", id), ("alias", alias)):
        if named is not None:
            # Hexadecimal digits need no quoting. A function would not be passed on to workers of Citus.
            session.tell(f"SET LOCAL memoria.{name} = '{','.join(one.hex() for one in named)}'")


def check_alive(connection: Raw) -> None:
    """Raises OperationalError for a connection that the server has ended; asks it nothing when it has said nothing."""
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if readable:
        ConnectionPool.check_connection(connection)


def check_server(connection: Raw) -> None:
    """Raises StoreError, naming all that is wrong, for a server or a role that cannot keep the promises."""
    version = connection.info.server_version
    ((beyond,),) = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchall()
    vector = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    least = ".".join(map(str, LEAST_PGVECTOR))
    wrong = []
    if version < _LEAST_SERVER:
        wrong.append(f"PostgreSQL {version // 10_000} is older than {_LEAST_SERVER // 10_000}")
    if beyond:
        wrong.append(f"role {connection.info.user!r} goes round row-level security: connect as one that does not")
    if vector is None:
        wrong.append("the extension is missing: CREATE EXTENSION vector")
    elif tuple(int(part) for part in re.findall(r"\d+", vector[0])[:3]) < LEAST_PGVECTOR:
        wrong.append(f"pgvector {vector[0]} is older than {least}: ALTER EXTENSION vector UPDATE")
    if wrong:
        raise StoreError("; ".join(wrong))


@contextmanager
def translated(limits: Limits | None = None) -> Iterator[None]:
    """Turns errors of PostgreSQL into ours; the values of rows, which it likes to quote, stay out."""
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error, limits) from None


def _ours(error: psycopg.Error, limits: Limits | None) -> MemoriaError:
    said = error.diag.message_primary or str(error).split("\n")[0]
    if isinstance(error, psycopg.errors.UniqueViolation):
        table = error.diag.table_name or ""
        if table.startswith("label"):
            return KeyConflict("a key is held by another memory of its namespace already")
        return Taken(table)
    if limits is not None and isinstance(error, psycopg.errors.LockNotAvailable):
        return StoreLocked(f"PostgreSQL: {limits.locked}")
    if limits is not None and isinstance(error, psycopg.errors.QueryCanceled):
        return StoreError(f"PostgreSQL: {limits.slow}")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreFull(f"PostgreSQL: {said}; nothing was half-written")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction | psycopg.errors.InsufficientPrivilege):
        return StoreReadOnly(f"PostgreSQL: {said}")
    return StoreError(f"PostgreSQL: {said}")
