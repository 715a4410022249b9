"""What is left of memories that were erased, asked exactly: their keys, their rows, and all that hung on these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.schema import BY_SLOT
from memoria.stores.postgres.upkeep import Upkeep
from memoria.types import Remains

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


@dataclass(frozen=True, slots=True)
class Bound:
    """Where one memory is, before it is erased."""

    id: bytes
    tenant: bytes
    slot: int


class Remaining(Upkeep):
    """The part of a store that says what is left."""

    def bound(self, ids: Sequence[str]) -> list[Bound]:
        with self._reading(), self._cluster.transaction() as connection:
            located = self._locate(connection, [bytes.fromhex(id) for id in ids])
            return [Bound(id, *place) for id, place in located.items()]

    def remains(self, bound: object) -> Remains:
        known = [one for one in bound if isinstance(one, Bound)] if isinstance(bound, list) else []
        with self._reading(), self._cluster.transaction() as connection:
            left = [name for one in known for name in self._left(connection, one)]
        return Remains(checks=len(known) * (len(BY_SLOT) + 5), left=tuple(left))

    def _left(self, connection: Connection, one: Bound) -> Iterator[str]:
        if self._live(one.tenant, [one.slot]):
            yield "key"
        scope(connection, tenant=[one.tenant], id=[one.id])
        for table in BY_SLOT:
            # Rows of a tenant that was erased whole wait for a sweep; without keys they say nothing.
            sql = (
                f"SELECT 1 FROM {table} WHERE tenant = %s AND slot = %s "
                "AND EXISTS (SELECT 1 FROM tenant t WHERE t.tenant = %s)"
            )
            for _ in connection.execute(sql.encode(), (one.tenant, one.slot, one.tenant)).fetchall():
                yield "row" if table == "memory" else table
        if self._keys.own(one.tenant) is not None:
            for _ in connection.execute("SELECT 1 FROM place WHERE id = %s", (one.id,)).fetchall():
                yield "place"
            for _ in connection.execute("SELECT 1 FROM link WHERE id = %s AND child = %s", (one.id, one.id)).fetchall():
                yield "link"
        space = self._spaces.get(one.tenant)
        if space is not None and space.ids.get(one.slot) == one.id:
            yield "word index"

    def nameless(self) -> Iterator[Path]:
        """None: ids of what was forgotten stand in dead rows until a purge."""
        yield from ()

    def strays(self) -> Iterator[Path]:
        """None: the files are the server's."""
        yield from ()
