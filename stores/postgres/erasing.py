"""Erasing: namespaces are erased as a whole, and purge takes the last bytes out of the server's files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from memoria.errors import Held, StoreLocked
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.forgets import log_key, token
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.approximate import Giants, forsake
from memoria.stores.postgres.chaining import Chaining
from memoria.stores.postgres.connect import scope
from memoria.stores.postgres.core import Intent
from memoria.stores.postgres.forgets import Forgets, enter
from memoria.stores.postgres.guarding import Guarding
from memoria.stores.postgres.schema import BY_SLOT, partition
from memoria.text.fingerprints import NO_PRINT, Fingerprints
from memoria.types import Namespace

if TYPE_CHECKING:
    from memoria.stores.postgres.connect import Connection


class Erasing(Guarding, Giants, Chaining, Forgets):
    """The part of a store that destroys."""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._settle()
        with super()._writing():
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._settle()
        with super().alone():
            yield

    def _settle(self) -> None:
        """Buries what a forget left that was cut short between its keys and its commit, before more is written.

        Not where another transaction has the namespace: then before the next write.
        """
        if not self._unsure or not self._open or self._cluster.current is not None:
            return
        for tenant in list(self._unsure):
            with suppress(StoreLocked), self._cluster.writes(), self._cluster.hurried():
                with self._cluster.transaction(tenant=[tenant], long=True) as connection:
                    if self._space(connection, tenant) is not None:
                        self._bury(connection, tenant)
                self._unsure.discard(tenant)

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        with self._writing():
            with self._cluster.transaction() as connection:
                tenants = self._tenants(connection, prefix)
                self._lock(connection, tenants)
                if not over_holds:
                    self._check_none_held(connection, tenants)
                intents = {self._leave(connection, tenant): (tenant, None) for tenant in tenants}
                self._enter_erased(connection, [], namespaces=len(tenants))
                self._entered()
                self._drop(tenants)
                connection.after(lambda: self._carry_out_whole(tenants, intents))
            return len(tenants)

    def _carry_out_whole(self, tenants: Sequence[bytes], intents: Mapping[int, Intent]) -> None:
        self._disk.reached("namespaces left")
        self._destroy(intents)
        self._drop(tenants)

    def _check_none_held(self, connection: Connection, tenants: Iterable[bytes]) -> None:
        for tenant in tenants:
            sql = (
                "SELECT m.slot, m.id FROM trace t JOIN memory m ON m.tenant = %s AND m.slot = t.slot "
                f"WHERE t.tenant = %s AND t.bits > 0 AND t.bits & {rows.KEPT} > 0"
            )
            found = connection.execute(sql.encode(), (tenant, tenant)).fetchall()
            live = self._live(tenant, [slot for slot, _ in found])
            if live:
                raise Held(*(id.hex() for slot, id in found if slot in live))

    def _leave(self, connection: Connection, tenant: bytes) -> int:
        """Takes the name of a tenant away; its rows, unreadable from then on, are swept by a job."""
        name = self._known(connection, tenant).name
        aliases = [self._alias(name[:end]) for end in range(len(name) + 1)]
        scope(connection, alias=aliases)
        connection.execute("DELETE FROM prefix WHERE alias = ANY(%s) AND tenant = %s", (aliases, tenant))
        connection.execute("DELETE FROM tenant WHERE tenant = %s", (tenant,))
        tenancy.enqueue(connection, "sweep", tenant)
        enter(connection, "erased", [token(log_key(self._root), name)])
        return tenancy.intend(connection, tenant, None)

    def sweep(self, tenant: bytes) -> None:
        """Deletes the rows of a tenant that is erased."""
        with self._writing(), self._cluster.transaction(tenant=[tenant], long=True) as connection:
            gone = connection.execute("DELETE FROM memory WHERE tenant = %s RETURNING id", (tenant,)).fetchall()
            forsake(connection, tenant)
            for table in (*BY_SLOT[1:], "forgotten"):
                connection.execute(f"DELETE FROM {table} WHERE tenant = %s".encode(), (tenant,))
            for part in parts([id for (id,) in gone]):
                tenancy.displace(connection, tenant, part)
            if gone:
                self._ask_to_purge(connection, tenant)

    def _ask_to_purge(self, connection: Connection, tenant: bytes, table: str = "memory") -> None:
        """Asks for the partition of a table to be written anew that a tenant is in."""
        tenancy.enqueue(connection, "purge", partition(table, self._part_of(connection, tenant)).encode())

    def bury(self, prefix: Namespace = ()) -> int:
        """Deletes rows whose keys are gone, such as a backup or a standby that was behind brings back; how many.

        Their fingerprints stay, so that what was forgotten is refused on: what brought the rows back has neither the
        fingerprints nor the log of later. Of what was replaced nothing stays, where what replaced it is there.
        """
        with self._writing(), self._cluster.transaction(long=True) as connection:
            return sum([self._bury(connection, tenant) for tenant in self._tenants(connection, prefix)])

    def _bury(self, connection: Connection, tenant: bytes) -> int:
        self._lock(connection, [tenant])
        found = connection.execute("SELECT slot, id, print FROM memory WHERE tenant = %s", (tenant,)).fetchall()
        live = self._live(tenant, [slot for slot, *_ in found])
        dead = {slot: (id, mark) for slot, id, mark in found if slot not in live}
        if not dead:
            return 0
        elsewhere = self._locate(connection, [id for id, _ in dead.values()])
        marks = frozenset(mark for id, mark in dead.values() if id not in elsewhere and mark != NO_PRINT)
        self._write_own(connection, tenant, Fingerprints(key=self._known(connection, tenant).key, prints=marks))
        for table in BY_SLOT:
            connection.send(f"DELETE FROM {table} WHERE tenant = %s AND slot = ANY(%s)", (tenant, list(dead)))
        self._ask_to_purge(connection, tenant)
        tenancy.displace(connection, tenant, [id for id, _ in dead.values() if id not in elsewhere])
        return len(dead)
