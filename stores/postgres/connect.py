"""Connections: what is checked before the first, the scope of a transaction, and errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from weakref import WeakKeyDictionary

from memoria.errors import (
    FormatTooNew,
    FormatTooOld,
    MissingExtra,
    StoreError,
    StoreFull,
    StoreNotFound,
    StoreReadOnly,
)
from memoria.extras import install
from memoria.process import in_child, never_destroyed
from memoria.stores.postgres.schema import FORMAT, LEAST_PGVECTOR, migrate

try:
    import psycopg
    from pgvector.psycopg import register_vector
    from psycopg_pool import ConnectionPool
except ImportError as error:
    raise MissingExtra("the store in PostgreSQL needs: " + install("postgres")) from error

Connection = psycopg.Connection[Any]

SCHEMA = "memoria"
_LEAST_SERVER = 150_000
# Seconds for a server that does not answer, when nobody says how many.
_WAIT = 10.0
_RECONNECT = 0.5
_MIGRATING = 0x6D656D6F726961
Ids = Iterable[bytes]


class Taken(StoreError):
    """What was to be unique is there already. table: of which it is a row."""

    def __init__(self, table: str) -> None:
        super().__init__(f"PostgreSQL: a row of {table} is there already: another process was first")
        self.table = table


class Cluster:
    """A database, its schema brought up to date, and a pool of connections to it."""

    def __init__(self, url: str, *, mode: Literal["rw", "r"], timeout: float, partitions: int, threads: int) -> None:
        self._url = url
        self._writable = mode == "rw"
        # Whether what was under way is to be looked at again: the server of new connections may have gone down.
        self.fresh = True
        self._pinned: Connection | None = None
        self._wait = timeout or _WAIT
        with translated(), psycopg.connect(url, autocommit=True, connect_timeout=max(1, int(self._wait))) as connection:
            check_server(connection)
            self._prepare(connection, partitions)
        self._pool = ConnectionPool(
            url,
            kwargs={"autocommit": True, "prepare_threshold": 3},
            min_size=1,
            max_size=threads,
            timeout=self._wait,
            configure=self._configure,
            check=ConnectionPool.check_connection,
            open=True,
            num_workers=1,
            # The pool waits ever longer between attempts; given up soon, it makes one anew for whoever asks next.
            reconnect_timeout=_RECONNECT,
        )
        in_child(self._pool, never_destroyed)

    def _prepare(self, connection: Connection, partitions: int) -> None:
        found = _format(connection)
        if found > FORMAT:
            raise FormatTooNew(f"the schema {SCHEMA} has format {found}; this memoria reads up to {FORMAT}")
        if found == FORMAT:
            return
        if not self._writable:
            if not found:
                raise StoreNotFound(f"this database holds no memoria store (schema {SCHEMA})")
            raise FormatTooOld(f"the schema {SCHEMA} has format {found}, not {FORMAT}: open it once with mode='rw'")
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            connection.execute(f"SET LOCAL search_path = {SCHEMA}, public".encode())
            migrate(connection, _format(connection), partitions)

    def _configure(self, connection: Connection) -> None:
        connection.execute(f"SET search_path = {SCHEMA}, public".encode())
        ((durable,),) = connection.execute("SHOW synchronous_commit").fetchall()
        if durable == "off":
            connection.execute("SET synchronous_commit = on")
        if not self._writable:
            connection.execute("SET default_transaction_read_only = on")
        # Rows of another tenant are not even read to be passed over, so that nobody can time them.
        connection.execute("SET enable_seqscan = off")
        register_vector(connection)
        self.fresh = True

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of the pool, or the one of who is alone."""
        with translated():
            if self._pinned is not None:
                yield self._pinned
            else:
                with self._pool.connection() as connection:
                    yield connection

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Meanwhile all goes through one connection, whose advisory locks end with it."""
        with translated(), self._pool.connection() as connection:
            try:
                self._pinned = connection
                yield
            finally:
                self._pinned = None
                if not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock_all()")

    @property
    def alone(self) -> bool:
        return self._pinned is not None

    @contextmanager
    def transaction(
        self, *, tenant: Sequence[bytes] = (), id: Sequence[bytes] = (), alias: Sequence[bytes] = ()
    ) -> Iterator[Connection]:
        """One transaction, for these values of the routing columns."""
        with self.connection() as connection, connection.transaction():
            _tenants[connection] = set()
            if any((tenant, id, alias)):
                scope(connection, tenant=tenant, id=id, alias=alias)
            yield connection

    def close(self) -> None:
        self._pool.close()


def scope(
    connection: Connection, *, tenant: Ids | None = None, id: Ids | None = None, alias: Ids | None = None
) -> None:
    """Says which rows the transaction is for from here on: tenants besides those said before, ids and aliases anew."""
    if tenant is not None:
        before, _tenants[connection] = _tenants[connection], _tenants[connection].union(tenant)
        tenant = None if _tenants[connection] == before else _tenants[connection]
    said = {name: one for name, one in (("tenant", tenant), ("id", id), ("alias", alias)) if one is not None}
    if not said:
        return
    settings = ", ".join(f"set_config('memoria.{name}', %s, true)" for name in said)
    connection.execute(f"SELECT {settings}".encode(), [",".join(one.hex() for one in named) for named in said.values()])


# The tenants that the transaction of each connection is for.
_tenants: WeakKeyDictionary[Connection, set[bytes]] = WeakKeyDictionary()


def check_server(connection: Connection) -> None:
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


def _format(connection: Connection) -> int:
    ((there,),) = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.meta",)).fetchall()
    if there is None:
        return 0
    found = connection.execute(f"SELECT value FROM {SCHEMA}.meta WHERE name = 'format'".encode()).fetchone()
    return 0 if found is None else int(found[0])


@contextmanager
def translated() -> Iterator[None]:
    """Turns errors of PostgreSQL into ours; the values of rows, which it likes to quote, stay out."""
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error) from None


def _ours(error: psycopg.Error) -> StoreError:
    said = error.diag.message_primary or str(error).split("\n")[0]
    if isinstance(error, psycopg.errors.UniqueViolation):
        return Taken(error.diag.table_name or "")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreFull(f"PostgreSQL: {said}; nothing was half-written")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction | psycopg.errors.InsufficientPrivilege):
        return StoreReadOnly(f"PostgreSQL: {said}")
    return StoreError(f"PostgreSQL: {said}")
