"""The schema of a database, made where there is none and brought up to date where it is older."""

from __future__ import annotations

import psycopg

from memoria.errors import FormatTooNew, FormatTooOld, StoreError, StoreNotFound
from memoria.stores.postgres import citus
from memoria.stores.postgres.rewriting import SCHEMA, Raw
from memoria.stores.postgres.schema import FORMAT, LOCKS, migrate

_MIGRATING = 0x6D656D6F726961


def prepared(connection: Raw, partitions: int, *, writable: bool) -> None:
    """Makes the schema, or brings it up to date, in one transaction; by one process at a time.

    Raises FormatTooNew, and where it may not write StoreNotFound and FormatTooOld; StoreError for more partitions than
    the server has locks for.
    """
    found = _format(connection)
    if found > FORMAT:
        raise FormatTooNew(f"the schema {SCHEMA} has format {found}; this memoria reads up to {FORMAT}")
    if found == FORMAT:
        return
    if not writable:
        if not found:
            raise StoreNotFound(f"this database holds no memoria store (schema {SCHEMA})")
        raise FormatTooOld(f"the schema {SCHEMA} has format {found}, not {FORMAT}: open it once with mode='rw'")
    spread = not found and citus.is_present(connection)
    # A shard is small enough to be rewritten: there are as many of each partition as of the table.
    partitions = 1 if spread else partitions
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            connection.execute(f"SET LOCAL search_path = {SCHEMA}, public".encode())
            before = _format(connection)
            migrate(connection, before, partitions)
            for statement in citus.distributing() if spread and not before else ():
                connection.execute(statement.encode())
    except psycopg.errors.OutOfMemory:
        raise _too_many(connection, partitions) from None


def _too_many(connection: Raw, partitions: int) -> StoreError:
    ((have, sessions),) = connection.execute(
        "SELECT current_setting('max_locks_per_transaction')::integer, "
        "current_setting('max_connections')::integer + current_setting('max_prepared_transactions')::integer"
    ).fetchall()
    needed = LOCKS * partitions
    return StoreError(
        f"{partitions} partitions of each table are made in one transaction of about {needed} locks: with "
        f"max_connections = {sessions}, set max_locks_per_transaction = {-(-needed // sessions)} (now {have}) and "
        "restart the server, or make fewer; nothing was made"
    )


def _format(connection: Raw) -> int:
    ((there,),) = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.meta",)).fetchall()
    if there is None:
        return 0
    found = connection.execute(f"SELECT value FROM {SCHEMA}.meta WHERE name = 'format'".encode()).fetchone()
    return 0 if found is None else int(found[0])
