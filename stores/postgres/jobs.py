"""Jobs: what is to be done some time, by any of many workers, each job by one of them at a time.

A worker takes a job by a lease that ends by itself, so a worker that dies loses nothing: another takes the job again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal, get_args

from memoria.errors import InvalidQuery
from memoria.stores.postgres import tenancy
from memoria.stores.postgres.purging import Purging
from memoria.types import Namespace

Kind = Literal["sweep", "purge", "log", "sleep", "fade", "distil"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# For namespaces; the others a store asks for itself.
ASKED: tuple[Kind, ...] = ("sleep", "fade", "distil")
_CLAIM = """
UPDATE job SET token = %s, leased_until = now() + %s * interval '1 second', attempts = attempts + 1, again = false
WHERE job = (
    SELECT job FROM job WHERE due <= now() AND (leased_until IS NULL OR leased_until < now())
    ORDER BY due, job LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING job, kind, target, attempts
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job under lease.

    target: a partition to purge, a tenant, or the log. attempts: how often it was taken, this time included.
    """

    number: int
    kind: Kind
    target: bytes
    attempts: int
    token: uuid.UUID


class Jobs(Purging):
    """The part of a store that hands out work."""

    def ask(self, kind: str, prefix: Namespace) -> int:
        """Asks for a job for each namespace under `prefix`, where none waits already; returns for how many."""
        if kind not in ASKED:
            raise InvalidQuery(f"kind {kind!r} is not one of {', '.join(ASKED)}")
        with self._writing(), self._cluster.transaction() as connection:
            tenants = self._tenants(connection, prefix)
            for tenant in tenants:
                tenancy.enqueue(connection, kind, tenant)
            return len(tenants)

    def claim(self, lease: float) -> Job | None:
        """Takes the job that has waited longest, for `lease` seconds; None when nothing waits.

        What a process that went down had begun to erase is erased first.
        """
        token = uuid.uuid4()
        self._finish()
        with self._writing(), self._cluster.transaction() as connection:
            found = connection.execute(_CLAIM, (token, lease)).fetchone()
        if found is None:
            return None
        number, kind, target, attempts = found
        return Job(number=number, kind=kind, target=target, attempts=attempts, token=token)

    def home(self, job: Job) -> Namespace | None:
        """The namespace that a job is for; None when it is erased."""
        with self._reading(), self._cluster.transaction(tenant=[job.target]) as connection:
            space = self._space(connection, job.target)
            return None if space is None else space.name

    def renew(self, job: Job, lease: float) -> bool:
        """Holds on to a job for `lease` seconds from now; whether it is still this worker's."""
        sql = "UPDATE job SET leased_until = now() + %s * interval '1 second' WHERE job = %s AND token = %s"
        with self._writing(), self._cluster.transaction() as connection:
            return connection.execute(sql, (lease, job.number, job.token)).rowcount == 1

    def done(self, job: Job) -> None:
        """Takes a job off the list, or lets it wait again when it was asked for meanwhile."""
        with self._writing(), self._cluster.transaction() as connection:
            held = (job.number, job.token)
            connection.execute("DELETE FROM job WHERE job = %s AND token = %s AND NOT again", held)
            connection.execute(
                f"{_FREE}, attempts = 0, failure = NULL, again = false WHERE job = %s AND token = %s", held
            )

    def failed(self, job: Job, why: str, wait: float) -> None:
        """Lets a job wait for another attempt, `wait` seconds from now. why: no content."""
        sql = f"{_FREE}, failure = %s, due = now() + %s * interval '1 second' WHERE job = %s AND token = %s"
        with self._writing(), self._cluster.transaction() as connection:
            connection.execute(sql, (why, wait, job.number, job.token))

    def jobs(self) -> list[tuple[Kind, int, str | None]]:
        """(kind, attempts, last failure) of what waits or is under way, first come first."""
        with self._reading(), self._cluster.transaction() as connection:
            return connection.execute("SELECT kind, attempts, failure FROM job ORDER BY due, job").fetchall()


_FREE = "UPDATE job SET token = NULL, leased_until = NULL"
