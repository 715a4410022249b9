"""Giants: a namespace so large that nobody wants to wait for an exact search may get an index of its own.

Partial to its tenant, so that it finds among its rows alone: one over all of them returns too few when filtered. What
it finds is approximate, and a purge builds it anew. Nothing makes one but a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery
from memoria.stores.postgres.connect import SCHEMA, translated
from memoria.stores.postgres.schema import partition
from memoria.stores.postgres.tenants import Homes
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


MEMORY = "512MB"
"""Of maintenance, for building indexes."""


class Giants(Homes):
    """The part of a store that gives large namespaces an index."""

    def approximate(self, namespace: Namespace) -> None:
        """Builds an HNSW index (Malkov and Yashunin 2018) for exactly this namespace, while all others go on.

        Built concurrently: it takes longer than it would alone, and begins once the transactions have ended that are
        open now. Raises InvalidQuery if the namespace is empty.
        """
        with self._writing():
            tenant = self._existing(namespace)
            if tenant is None:
                raise InvalidQuery(f"{'/'.join(namespace)!r} holds no memories")
            with self._cluster.transaction(tenant=[tenant]) as connection:
                found = connection.execute("SELECT 1 FROM memory WHERE tenant = %s LIMIT 1", (tenant,)).fetchone()
                if found is None:
                    raise InvalidQuery(f"{'/'.join(namespace)!r} holds no memories")
                table = partition("memory", self._part_of(connection, tenant))
            self._build(tenant, table)
            with self._cluster.transaction(tenant=[tenant]) as connection:
                connection.execute("UPDATE tenant SET giant = true WHERE tenant = %s", (tenant,))
            self._drop([tenant])

    def _build(self, tenant: bytes, table: str) -> None:
        name = f"{SCHEMA}.{index(tenant)}"
        with translated(), self._cluster.beside() as connection:
            if not self._cluster.pooled:
                # By default 64 MB, beyond which an index of a million takes ten times as long.
                connection.execute(f"SET maintenance_work_mem = '{MEMORY}'")
            sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
            there = connection.execute(sql, (name,)).fetchone()
            if there == (True,):
                return
            if there is not None:
                # One that was cut short.
                connection.execute(f"DROP INDEX CONCURRENTLY {name}".encode())
            connection.execute(
                f"CREATE INDEX CONCURRENTLY {index(tenant)} ON {SCHEMA}.{table} USING hnsw "
                f"(({column(self._card.dimension)}) public.halfvec_ip_ops) WHERE tenant = {literal(tenant)}".encode()
            )
            connection.execute(f"ANALYZE {SCHEMA}.{table}".encode())

    def exact(self, namespace: Namespace) -> None:
        """Takes the index away, and searches exactly again."""
        with self._writing():
            tenant = self._existing(namespace)
            if tenant is None:
                return
            with self._cluster.transaction(tenant=[tenant]) as connection:
                forsake(connection, tenant)
                connection.execute("UPDATE tenant SET giant = false WHERE tenant = %s", (tenant,))
            self._drop([tenant])


def forsake(connection: Connection, tenant: bytes) -> None:
    """Drops the index of a tenant, if it has one."""
    connection.execute(f"DROP INDEX IF EXISTS {index(tenant)}".encode())


def index(tenant: bytes) -> str:
    """The name of a tenant's index."""
    return f"giant_{tenant.hex()}"


def literal(tenant: bytes) -> str:
    """A tenant in a statement: the planner takes a partial index only when it can read what it is partial to."""
    return f"'\\x{tenant.hex()}'::bytea"


def column(dimension: int) -> str:
    """The vectors as an index wants them, all of one length."""
    return f"embedding::halfvec({dimension})"
