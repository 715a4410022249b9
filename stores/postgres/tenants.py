"""Making tenants: a namespace gets one when it is first written to."""

from __future__ import annotations

import secrets

from memoria.stores.postgres.connect import Taken
from memoria.stores.postgres.core import Core
from memoria.stores.sealing import seal
from memoria.types import Namespace

TENANT_BYTES = 16


class Homes(Core):
    """The part of a store that makes tenants."""

    def _existing(self, name: Namespace) -> bytes | None:
        """The tenant of exactly this namespace, if there is one."""
        with self._cluster.transaction() as connection:
            found = self._tenants(connection, name, whole=True)
            return found[0] if found else None

    def _tenant_for(self, name: Namespace) -> bytes:
        """The tenant of a namespace, made when it is new; one in RAM may have been erased by another process."""
        return self._homes.get(name) or self._existing(name) or self._create(name)

    def _create(self, name: Namespace) -> bytes:
        tenant = secrets.token_bytes(TENANT_BYTES)
        key = self._keys.create(tenant)
        self._disk.reached("tenant keys made")
        aliases = [self._alias(name[:end]) for end in range(len(name) + 1)]
        try:
            with self._cluster.transaction(tenant=[tenant], alias=aliases) as connection:
                connection.undone(lambda: self._keys.destroy_tenant(tenant))
                connection.doubted(lambda: self._drop([tenant]))
                for alias in aliases:
                    line = (alias, tenant, alias == aliases[-1])
                    connection.execute("INSERT INTO prefix (alias, tenant, whole) VALUES (%s, %s, %s)", line)
                said = (tenant, aliases[-1], seal(key, list(name), tenant))
                connection.execute("INSERT INTO tenant (tenant, alias, sealed) VALUES (%s, %s, %s)", said)
        except Taken:
            # Another process was first.
            found = self._existing(name)
            assert found is not None
            return found
        return tenant
