"""Giants: a namespace so large that nobody wants to wait for an exact search may get an index of its own.

Partial to its tenant, so that it finds among its rows alone: one over all of them returns too few when filtered. What
it finds is approximate, and a purge builds it anew. Nothing makes one but a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria.errors import InvalidQuery
from memoria.stores.postgres.tenants import Homes
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Giants(Homes):
    """The part of a store that gives large namespaces an index."""

    def approximate(self, namespace: Namespace) -> None:
        """Builds an HNSW index (Malkov and Yashunin 2018) for exactly this namespace. Raises InvalidQuery if empty."""
        with self._writing():
            tenant = self._existing(namespace)
            if tenant is None:
                raise InvalidQuery(f"{'/'.join(namespace)!r} holds no memories")
            with self._cluster.transaction(tenant=[tenant]) as connection:
                home = connection.execute(
                    "SELECT tableoid::regclass::text FROM memory WHERE tenant = %s LIMIT 1", (tenant,)
                ).fetchone()
                if home is None:
                    raise InvalidQuery(f"{'/'.join(namespace)!r} holds no memories")
                connection.execute(
                    f"CREATE INDEX IF NOT EXISTS {index(tenant)} ON {home[0]} USING hnsw "
                    f"(({column(self._card.dimension)}) halfvec_ip_ops) WHERE tenant = {literal(tenant)}".encode()
                )
                connection.execute("UPDATE tenant SET giant = true WHERE tenant = %s", (tenant,))
            self._drop([tenant])

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
