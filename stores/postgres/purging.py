"""Purging: takes the last bytes of what was forgotten out of the server's files, while others go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memoria.errors import StoreError, StoreLocked
from memoria.stores.postgres import citus, tenancy
from memoria.stores.postgres.approximate import MEMORY
from memoria.stores.postgres.connect import SCHEMA, translated
from memoria.stores.postgres.erasing import Erasing
from memoria.stores.postgres.rewriting import Rewriting, turned_over, vacuumed

if TYPE_CHECKING:
    from memoria.stores.postgres.pipeline import Raw

LOG = b"log"
"""What the job is about that starts a new file of the write-ahead log."""


class Purging(Erasing):
    """The part of a store that purges."""

    def purge(self) -> None:
        """Takes what was forgotten out of the server's files: sweeps, rewrites partitions, turns the log over.

        Until then vectors of what was forgotten stand in dead rows and in the log; texts are sealed, their keys gone.
        Raises StoreLocked when a transaction holds a partition for longer than this waits, and StoreError when the role
        may not turn the log over.
        """
        for kind in ("sweep", "purge"):
            for number, target in self._asked_for(kind):
                if kind == "sweep":
                    self.sweep(target)
                else:
                    self.rewrite(target.decode())
                self._not_asked_for(number)
        with self._writing():
            self._prune_forgets()
        asked = self._asked_for("log")
        self.turn_log_over()
        for number, _ in asked:
            self._not_asked_for(number)

    def _purge_keys(self) -> None:
        """Of a provider whose destroyed keys leave bytes behind, these are taken away as well."""
        purge = getattr(self._keys, "purge", None)
        if purge is not None:
            purge()

    def _asked_for(self, kind: str) -> list[Any]:
        with self._writing(), self._cluster.transaction() as connection:
            return connection.execute("SELECT job, target FROM job WHERE kind = %s ORDER BY job", (kind,)).fetchall()

    def _not_asked_for(self, number: int) -> None:
        """Takes a job off the list, unless a worker has it."""
        with self._writing(), self._cluster.transaction() as connection:
            connection.execute("DELETE FROM job WHERE job = %s AND token IS NULL", (number,))

    def rewrite(self, partition: str) -> float:
        """Writes a partition of `memory` and that of its passages, or one of `forgotten`, anew, without dead rows.

        Others read and write it meanwhile, except for moments, and one of `forgotten`, which is small, for as long as
        it takes. That the log is turned over is then asked for. Returns the seconds for which others were locked out.
        Raises StoreLocked when a transaction holds it, or somebody rewrites it already.
        """
        locked = 0.0
        with self._writing(), self._upkeep() as connection:
            if not re.fullmatch(r"(?:memory|forgotten)_\d{4}", partition):
                raise StoreError(f"{partition!r} is not a partition of memories")
            if self._cluster.spread:
                for table in _with_passages(partition):
                    citus.rewritten(connection, table)
            elif partition.startswith("forgotten"):
                vacuumed(connection, f"{SCHEMA}.{partition}")
            else:
                with self._sole(partition):
                    for table in _with_passages(partition):
                        one = Rewriting(connection, table, memory=MEMORY)
                        one.run()
                        locked += one.locked
        with self._writing(), self._cluster.transaction() as connection:
            tenancy.enqueue(connection, "log", LOG)
        return locked

    @contextmanager
    def _upkeep(self) -> Iterator[Raw]:
        """A connection beside the pool: it may take hours, and a pool of one has another to ask with meanwhile."""
        with translated(), self._cluster.beside() as connection:
            yield connection

    @contextmanager
    def _sole(self, partition: str) -> Iterator[None]:
        """Nobody else rewrites a partition meanwhile; raises StoreLocked when somebody does."""
        with self._upkeep() as connection, connection.transaction():
            sql = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
            ((first,),) = connection.execute(sql, (f"memoria rewrites {partition}",)).fetchall()
            if not first:
                raise StoreLocked(f"{partition} is being rewritten by another process")
            yield

    def turn_log_over(self) -> None:
        """Starts a new file of the write-ahead log and drops the old ones, as far as no standby needs them.

        Then the bytes of destroyed keys are taken away, where the provider of keys leaves any.
        """
        with self._writing(), self._upkeep() as connection:
            (citus.turned_over if self._cluster.spread else turned_over)(connection)
        self._purge_keys()


def _with_passages(partition: str) -> list[str]:
    """A partition and, of one of memories, that of their passages."""
    return list(dict.fromkeys([partition, partition.replace("memory", "passage")]))
