"""Keys in a second PostgreSQL database, for processes on many machines.

A put or destroy returns when it is durable there: on its standbys too, if `synchronous_standby_names` names any. What
is destroyed is a deleted row, which nobody can read by SQL any more, but whose bytes stand in the files of that server
and in its log until `purge` has rewritten the table and turned the log over. So it is a server of its own, whose files
nobody reads who reads those of the store, and whose log files and base backups are not kept: they remember keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memoria.errors import StoreCorrupt, StoreError
from memoria.process import in_child, never_destroyed
from memoria.stores.postgres.connect import check_alive, driver, translated
from memoria.stores.postgres.rewriting import turned_over, vacuumed
from memoria.stores.sealing import KEY_BYTES, new_key

SCHEMA = "memoria_keys"
PARTS = 16
_WAIT = 10.0
_MAKING = 0x6B657973
# `part`: the first byte of a tenant, which is random, modulo PARTS: so one part is rewritten and not all. `due`: parts
# with rows that were deleted since they were rewritten.
_MADE = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    f"CREATE TABLE {SCHEMA}.root (one boolean PRIMARY KEY CHECK (one), key bytea NOT NULL)",
    f"CREATE TABLE {SCHEMA}.tenant (tenant bytea PRIMARY KEY, key bytea NOT NULL)",
    f"CREATE TABLE {SCHEMA}.due (part text PRIMARY KEY)",
    f"CREATE TABLE {SCHEMA}.data (part smallint NOT NULL, tenant bytea NOT NULL, slot bigint NOT NULL, "
    "key bytea NOT NULL, PRIMARY KEY (part, tenant, slot)) PARTITION BY LIST (part)",
    *(
        f"CREATE TABLE {SCHEMA}.data_{part:02d} PARTITION OF {SCHEMA}.data FOR VALUES IN ({part})"
        for part in range(PARTS)
    ),
    # Samples of values would be keys.
    *(
        f"ALTER TABLE {SCHEMA}.{table} ALTER COLUMN key SET STATISTICS 0"
        for table in ("root", "tenant", *(f"data_{part:02d}" for part in range(PARTS)))
    ),
)
_PUT = (
    f"INSERT INTO {SCHEMA}.data SELECT %s, %s, %s::bigint + n - 1, key FROM unnest(%s::bytea[]) "
    "WITH ORDINALITY AS k (key, n) ON CONFLICT (part, tenant, slot) DO UPDATE SET key = excluded.key"
)
_OF = "WHERE part = %s AND tenant = %s"


class DatabaseKeys:
    """Keys in a database, by its URL. Safe for threads and for any number of processes.

    wait: seconds for a connection, and for a server that does not answer. threads: at most so many connections. The
    schema `memoria_keys` is made when it is first written to. Raises StoreError for a server that does not answer, or
    that would not wait for its disk.
    """

    def __init__(self, url: str, *, wait: float = _WAIT, threads: int = 8) -> None:
        from psycopg_pool import ConnectionPool

        self._url = url
        with translated(), driver.connect(url, autocommit=True, connect_timeout=max(1, int(wait))) as connection:
            ((durable, synced),) = connection.execute(
                "SELECT current_setting('synchronous_commit'), current_setting('fsync')"
            ).fetchall()
            if durable in ("off", "local") or synced == "off":
                raise StoreError(
                    f"keys must be durable when a put returns: their server has synchronous_commit = {durable} and "
                    f"fsync = {synced}; set both to on"
                )
        self._pool = ConnectionPool(
            url,
            kwargs={"autocommit": True, "prepare_threshold": None},
            min_size=1,
            max_size=threads,
            timeout=wait,
            check=check_alive,
            open=True,
            num_workers=1,
            reconnect_timeout=0.5,
        )
        in_child(self._pool, never_destroyed)

    @property
    def folder(self) -> Path | None:
        """None: adapters need a directory."""
        return None

    def root(self, *, make: bool) -> bytes:
        with self._connection() as connection:
            ((there,),) = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.root",)).fetchall()
            if there is None and make:
                self._make(connection)
            elif there is None:
                raise StoreCorrupt("the database of keys holds none: the store's keys belong there")
            if make:
                sql = f"INSERT INTO {SCHEMA}.root VALUES (true, %s) ON CONFLICT DO NOTHING"
                connection.execute(sql.encode(), (new_key(),))
            found = connection.execute(f"SELECT key FROM {SCHEMA}.root".encode()).fetchone()
        if found is None or len(found[0]) != KEY_BYTES:
            raise StoreCorrupt("the database of keys has no key of names: the store's keys belong there")
        return bytes(found[0])

    def _make(self, connection: Any) -> None:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            ((there,),) = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.root",)).fetchall()
            for statement in _MADE if there is None else ():
                connection.execute(statement.encode())

    def create(self, tenant: bytes) -> bytes:
        key = new_key()
        with self._connection() as connection:
            connection.execute(f"INSERT INTO {SCHEMA}.tenant VALUES (%s, %s)".encode(), (tenant, key))
        return key

    def own(self, tenant: bytes) -> bytes | None:
        with self._connection() as connection:
            sql = f"SELECT key FROM {SCHEMA}.tenant WHERE tenant = %s"
            found = connection.execute(sql.encode(), (tenant,)).fetchone()
        return None if found is None else bytes(found[0])

    def put(self, tenant: bytes, first: int, keys: Sequence[bytes]) -> None:
        with self._connection() as connection:
            connection.execute(_PUT.encode(), (_part(tenant), tenant, first, list(keys)))

    def get(self, tenant: bytes, slots: Sequence[int]) -> list[bytes | None]:
        if not len(slots):
            return []
        asked = [int(slot) for slot in slots]
        with self._connection() as connection:
            sql = f"SELECT slot, key FROM {SCHEMA}.data {_OF} AND slot = ANY(%s)"
            found = connection.execute(sql.encode(), (_part(tenant), tenant, asked), binary=True).fetchall()
        keys = {slot: bytes(key) for slot, key in found}
        return [keys.get(slot) for slot in asked]

    def destroy(self, tenant: bytes, slots: Iterable[int]) -> None:
        going = [int(slot) for slot in slots]
        part = _part(tenant)
        if going:
            with self._connection() as connection, connection.transaction():
                sql = f"DELETE FROM {SCHEMA}.data {_OF} AND slot = ANY(%s)"
                connection.execute(sql.encode(), (part, tenant, going))
                self._is_due(connection, f"data_{part:02d}")

    def destroy_tenant(self, tenant: bytes) -> None:
        part = _part(tenant)
        with self._connection() as connection, connection.transaction():
            connection.execute(f"DELETE FROM {SCHEMA}.tenant WHERE tenant = %s".encode(), (tenant,))
            connection.execute(f"DELETE FROM {SCHEMA}.data {_OF}".encode(), (part, tenant))
            self._is_due(connection, "tenant")
            self._is_due(connection, f"data_{part:02d}")

    def _is_due(self, connection: Any, table: str) -> None:
        connection.execute(f"INSERT INTO {SCHEMA}.due VALUES (%s) ON CONFLICT DO NOTHING".encode(), (table,))

    def files(self) -> Iterator[Path]:
        """None: the files are the server's."""
        yield from ()

    def purge(self) -> None:
        """Takes the bytes of destroyed keys out of the files and the log of that server.

        Each part with such is locked until it is rewritten. Raises StoreError when another transaction still sees them,
        or the role may not turn the log over.
        """
        with translated(), driver.connect(self._url, autocommit=True, prepare_threshold=None) as connection:
            due = connection.execute(f"DELETE FROM {SCHEMA}.due RETURNING part".encode()).fetchall()
            try:
                for (table,) in due:
                    vacuumed(connection, f"{SCHEMA}.{table}")
                if due:
                    turned_over(connection)
            except BaseException:
                for (table,) in due:
                    self._is_due(connection, table)
                raise

    def close(self) -> None:
        """Gives connections back."""
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        with translated(), self._pool.connection() as connection:
            yield connection


def _part(tenant: bytes) -> int:
    return tenant[0] % PARTS
