"""A partition written anew, without dead rows, while others read and write it.

A copy follows it: a trigger notes which rows change while the live ones are copied, and these are copied again. Only
the swap locks anybody out, for as long as it takes to rename two tables. VACUUM FULL, which locks a partition until it
is copied, is for small ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from memoria.errors import StoreError, StoreLocked
from memoria.stores.batches import parts

Raw = psycopg.Connection[Any]
SCHEMA: Final = "memoria"
# Who waits for a lock makes all wait that come after it: so it waits for so many milliseconds, and tries again later.
_WAIT_MS, _TRIES, _PAUSE = 300, 40, 0.25
_TOGETHER = 16
_CHANGES = 2000
# When so few rows have changed since, the rest is copied under the lock.
_FEW = 200
_ROUNDS = 50
_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX (\S+) ON (?:ONLY )?\S+ (USING .*)", re.DOTALL)
_BOUND = re.compile(r"modulus (\d+), remainder (\d+)", re.IGNORECASE)
_STILL_SEEN = re.compile(r"(\d+) dead row versions cannot be removed")


def vacuumed(connection: Raw, table: str) -> None:
    """Rewrites a small table, named with its schema, which nobody reads meanwhile.

    Raises StoreError when dead rows had to stay.
    """
    notes: list[str] = []

    def noted(said: psycopg.errors.Diagnostic) -> None:
        notes.append(f"{said.message_primary} {said.message_detail}")

    connection.add_notice_handler(noted)
    try:
        connection.execute(f"VACUUM (FULL, VERBOSE) {table}".encode())
    finally:
        connection.remove_notice_handler(noted)
    seen = [int(found.group(1)) for note in notes if (found := _STILL_SEEN.search(note))]
    if not seen:
        raise StoreError(f"{table}: the server does not say what it removed (lc_messages is to be English)")
    if any(seen):
        raise StoreError(f"{table}: an open transaction still sees {sum(seen)} dead rows: purge again later")


def turned_over(connection: Raw) -> None:
    """Starts a new file of the write-ahead log and drops the old ones, as far as no standby needs them."""
    ((recycled,),) = connection.execute("SHOW wal_recycle").fetchall()
    if recycled == "on":
        raise StoreError("old bytes stay in recycled log files: ALTER SYSTEM SET wal_recycle = off")
    # The second switch ends the file in which the first checkpoint was written.
    for _ in range(2):
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


class Rewriting:
    """One rewrite of one partition, by a connection without a transaction and without a limit of time.

    memory: of maintenance, as PostgreSQL writes sizes. Another rewrite of the partition must not run meanwhile.
    """

    def __init__(self, connection: Raw, partition: str, *, memory: str) -> None:
        self._connection = connection
        self._table = partition.rsplit("_", 1)[0]
        self._name = partition
        self._old = f"{SCHEMA}.{partition}"
        self._fresh = f"{SCHEMA}.{partition}_fresh"
        self._changed = f"{SCHEMA}.{partition}_changed"
        self._noted = f"{SCHEMA}.{partition}_noted"
        self._memory = memory
        self.locked = 0.0
        """Seconds for which the locks were held that keep others out, in all."""

    def run(self) -> None:
        """Rewrites; raises StoreLocked, with nothing changed, when others never let it have the partition."""
        self._take_away()
        try:
            for part in parts(self._begin(), _TOGETHER):
                self._copy(part)
            self._index()
            for _ in range(_ROUNDS):
                with self._transaction():
                    if self._follow() < _FEW:
                        break
            self._execute(f"ANALYZE {self._fresh}")
            self._patiently(self._swap)
        except BaseException:
            self._take_away()
            raise

    def _begin(self) -> list[bytes]:
        """Makes the copy, empty, and has changes noted from here on; returns whose rows there are."""
        tenants: list[bytes] = []

        def begun() -> None:
            for statement in self._making():
                self._execute(statement)
            tenants.extend(self._tenants(self._old))

        self._patiently(begun)
        return tenants

    def _making(self) -> Iterator[str]:
        ((place,),) = self._execute(f"SELECT pg_get_partition_constraintdef('{self._old}'::regclass)").fetchall()
        quals = "SELECT qual, with_check FROM pg_policies WHERE schemaname = %s AND tablename = %s"
        ((read, written),) = self._execute(quals, (SCHEMA, self._name)).fetchall()
        settings = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attstattarget = 0 AND attnum > 0"
        yield (
            f"CREATE TABLE {self._fresh} "
            f"(LIKE {self._old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)"
        )
        for (column,) in self._execute(settings, (self._old,)).fetchall():
            yield f"ALTER TABLE {self._fresh} ALTER COLUMN {column} SET STATISTICS 0"
        # With this it is attached without a look at its rows.
        yield f"ALTER TABLE {self._fresh} ADD CONSTRAINT its_place CHECK ({place})"
        yield f"ALTER TABLE {self._fresh} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {self._fresh} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY named ON {self._fresh} USING ({read}) WITH CHECK ({written})"
        yield f"CREATE TABLE {self._changed} (n bigint GENERATED ALWAYS AS IDENTITY, tenant bytea, slot bigint)"
        yield (
            f"CREATE FUNCTION {self._noted}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'DELETE' THEN INSERT INTO {self._changed} (tenant, slot) VALUES (OLD.tenant, OLD.slot); "
            f"ELSE INSERT INTO {self._changed} (tenant, slot) VALUES (NEW.tenant, NEW.slot); END IF; "
            "RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON {self._old} "
            f"FOR EACH ROW EXECUTE FUNCTION {self._noted}()"
        )

    def _tenants(self, table: str) -> list[bytes]:
        """Whose rows are in a table, whatever is said elsewhere of who there is: no row may be lost.

        The owner sees all for a moment, in a transaction that locks the table.
        """
        self._execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        # From one to the next by the index of the primary key.
        found = self._execute(
            f"WITH RECURSIVE one AS ((SELECT tenant FROM {table} ORDER BY tenant LIMIT 1) UNION ALL SELECT "
            f"(SELECT t.tenant FROM {table} t WHERE t.tenant > one.tenant ORDER BY t.tenant LIMIT 1) "
            "FROM one WHERE one.tenant IS NOT NULL) SELECT tenant FROM one WHERE tenant IS NOT NULL"
        ).fetchall()
        self._execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        return [tenant for (tenant,) in found]

    def _copy(self, tenants: Sequence[bytes]) -> None:
        with self._transaction():
            self._scope(tenants)
            sql = f"INSERT INTO {self._fresh} SELECT * FROM {self._old} WHERE tenant = ANY(%s) ORDER BY tenant, slot"
            self._execute(sql, (list(tenants),))

    def _index(self) -> None:
        """Gives the copy the indexes of the partition, those of giants among them."""
        with self._transaction():
            self._execute(f"SET LOCAL maintenance_work_mem = '{self._memory}'")
            for number, (_, unique, how, primary) in enumerate(self._indexes(self._old)):
                name = f"{self._name}_fresh_{number}"
                self._execute(f"CREATE {unique}INDEX {name} ON {self._fresh} {how}")
                if primary:
                    self._execute(f"ALTER TABLE {self._fresh} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}")

    def _indexes(self, table: str) -> list[tuple[str, str, str, bool]]:
        """(name, "UNIQUE " or "", how, whether it is that of the primary key), in the order they were made."""
        sql = (
            "SELECT pg_get_indexdef(indexrelid), indisprimary FROM pg_index "
            "WHERE indrelid = %s::regclass AND indisvalid ORDER BY indexrelid"
        )
        found = []
        for said, primary in self._execute(sql, (table,)).fetchall():
            match = _INDEX.fullmatch(said)
            assert match is not None, said
            found.append((match.group(2), match.group(1) or "", match.group(3), primary))
        return found

    def _follow(self, limit: int | None = _CHANGES) -> int:
        """Copies again what has changed, of at most `limit` changes; returns of how many."""
        some = f"WHERE n IN (SELECT n FROM {self._changed} ORDER BY n LIMIT {limit})" if limit else ""
        found = self._execute(f"DELETE FROM {self._changed} {some} RETURNING tenant, slot").fetchall()
        changes = sorted(set(found))
        for part in parts(changes, _TOGETHER * 8):
            self._scope(sorted({tenant for tenant, _ in part}))
            asked = ([tenant for tenant, _ in part], [slot for _, slot in part])
            these = "unnest(%s::bytea[], %s::bigint[]) AS c (tenant, slot)"
            same = "f.tenant = c.tenant AND f.slot = c.slot"
            self._execute(f"DELETE FROM {self._fresh} f USING {these} WHERE {same}", asked)
            self._execute(f"INSERT INTO {self._fresh} SELECT f.* FROM {self._old} f JOIN {these} ON {same}", asked)
        return len(found)

    def _swap(self) -> None:
        parent = f"{SCHEMA}.{self._table}"
        sql = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass"
        ((bound,),) = self._execute(sql, (self._old,)).fetchall()
        names = [name for name, *_ in self._indexes(self._old)]
        fresh = [name for name, *_ in self._indexes(self._fresh)]
        self._execute(f"LOCK TABLE ONLY {parent} IN ACCESS EXCLUSIVE MODE")
        self._execute(f"LOCK TABLE {self._old} IN ACCESS EXCLUSIVE MODE")
        while self._follow(None):
            pass
        if self._tenants(self._old) != self._tenants(self._fresh):
            raise StoreError(f"{self._name}: its copy has not the namespaces that it has: nothing was changed")
        if len(names) != len(fresh):
            raise StoreLocked(f"{self._name}: an index was made meanwhile: purge again later")
        self._execute(f"ALTER TABLE {parent} DETACH PARTITION {self._old}")
        self._execute(f"DROP TABLE {self._old}")
        self._execute(f"DROP TABLE {self._changed}")
        self._execute(f"DROP FUNCTION {self._noted}()")
        self._execute(f"ALTER TABLE {self._fresh} RENAME TO {self._name}")
        for old, new in zip(names, fresh, strict=True):
            self._execute(f"ALTER INDEX {SCHEMA}.{new} RENAME TO {old}")
        self._execute(f"ALTER TABLE {parent} ATTACH PARTITION {self._old} {bound}")
        self._execute(f"ALTER TABLE {self._old} DROP CONSTRAINT its_place")

    def _take_away(self) -> None:
        """What a rewrite that was killed, or failed, has left."""
        sql = "SELECT to_regclass(%s) IS NOT NULL OR to_regclass(%s) IS NOT NULL"
        if self._connection.closed or not self._execute(sql, (self._fresh, self._changed)).fetchall()[0][0]:
            return

        def taken() -> None:
            self._execute(f"DROP TRIGGER IF EXISTS noted ON {self._old}")
            self._execute(f"DROP FUNCTION IF EXISTS {self._noted}()")
            self._execute(f"DROP TABLE IF EXISTS {self._fresh}, {self._changed}")

        self._patiently(taken)

    # -- statements --

    def _patiently(self, act: Callable[[], None]) -> None:
        """Does something in a transaction, for which it waits a moment only, and again if that was not enough."""
        for _ in range(_TRIES):
            try:
                with self._transaction():
                    self._execute(f"SET LOCAL lock_timeout = {_WAIT_MS}")
                    started = time.perf_counter()
                    act()
                self.locked += time.perf_counter() - started
                return
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                time.sleep(_PAUSE)
        raise StoreLocked(f"{self._name}: a transaction that is open holds it: purge again when it has ended")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self._execute(f"SET LOCAL search_path = {SCHEMA}, public")
            self._execute("SET LOCAL synchronous_commit = off")
            yield

    def _scope(self, tenants: Sequence[bytes]) -> None:
        self._execute(f"SET LOCAL memoria.tenant = '{','.join(tenant.hex() for tenant in tenants)}'")

    def _execute(self, sql: str, values: Sequence[Any] | None = None) -> psycopg.Cursor[Any]:
        return self._connection.execute(sql.encode(), values, binary=True)
