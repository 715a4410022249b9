"""The caller's keys in PostgreSQL: which are taken, and which labels the schema is to keep unique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.stores import rows
from memoria.stores.claims import claimed
from memoria.stores.postgres.core import Core, Space
from memoria.types import Record

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Claiming(Core):
    """The part of a store that keeps keys unique."""

    def _claim(
        self, connection: Connection, space: Space, tenant: bytes, records: Sequence[Record], leaving: Sequence[int]
    ) -> set[bytes]:
        """The labels of keys that nothing else in this tenant will have. leaving: slots that go, or are replaced.

        Nobody else may write to the tenant meanwhile. Raises KeyConflict.
        """
        wanted = [rows.key_labels(space.key, record.memory) for record in records]
        hashes = sorted(set().union(*wanted))
        if not hashes:
            return set()
        sql = "SELECT hash, slot FROM label WHERE tenant = %s AND hash = ANY(%s)"
        found = connection.execute(sql, (tenant, hashes)).fetchall()
        live = self._live(tenant, [slot for _, slot in found])
        holders: dict[bytes, set[int]] = {}
        for hash, slot in found:
            if slot in live:
                holders.setdefault(hash, set()).add(slot)
        single = claimed(wanted, holders, set(leaving))
        # Of a row whose data key is gone, such as a backup brings back, its label may be there still.
        sql = "UPDATE label SET single = false WHERE tenant = %s AND hash = ANY(%s) AND single"
        connection.execute(sql, (tenant, sorted(single)))
        return single
