"""Workers: processes that do the background jobs of a store in PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memoria.change.sleep import NIGHT_SECONDS
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, MemoriaError
from memoria.forget.due import ACTION
from memoria.retention.prune import CAP
from memoria.stores.postgres import PostgresStore
from memoria.stores.postgres.jobs import Job

LEASE = 60.0
"""Seconds for which a job belongs to one worker; it is renewed while the job runs."""
# After each failure a job waits so many seconds times the number of its attempts.
_WAIT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A job that was done, or failed.

    Attributes:
        kind: "sweep", "purge", "log", "sleep", "fade" or "distil"; "expire-erase" when something was due and is erased,
            which needs no job.
        attempts: how often it was tried, this time included.
        seconds: how long it took.
        why: the type of the error when it failed, without content; None when it was done.
    """

    kind: str
    attempts: int
    seconds: float
    why: str | None = None


def work(memory: Memoria, *, lease: float = LEASE, seconds: float = NIGHT_SECONDS) -> Iterator[Worked]:
    """Erases what is due, then does one job after the other until none is left.

    Args:
        memory: a memory in a PostgreSQL store.
        lease: seconds after which another worker takes over the job of a worker that died.
        seconds: that a job that distils may take; it learns what a night would (`Memoria.sleep`), and leaves the rest
            to the next.

    Yields:
        Each job after it was done, or failed.

    Raises:
        InvalidQuery: the store has no jobs: it is not in PostgreSQL.
    """
    store = memory.store
    if not isinstance(store, PostgresStore):
        raise InvalidQuery("only a store in PostgreSQL has jobs: give its URL")
    started = time.perf_counter()
    erased = memory.erase_due()
    if erased.ids or erased.released:
        yield Worked(kind=ACTION, attempts=1, seconds=time.perf_counter() - started)
    while (job := store.claim(lease)) is not None:
        started = time.perf_counter()
        why = None
        try:
            with _leased(store, job, lease):
                _do(memory, store, job, seconds)
            store.done(job)
        except MemoriaError as error:
            why = type(error).__name__
            store.failed(job, why, _WAIT * job.attempts)
        yield Worked(kind=job.kind, attempts=job.attempts, seconds=time.perf_counter() - started, why=why)


def _do(memory: Memoria, store: PostgresStore, job: Job, seconds: float) -> None:
    if job.kind == "sweep":
        store.sweep(job.target)
    elif job.kind == "purge":
        store.rewrite(job.target.decode())
    elif job.kind == "log":
        # Asked for by each rewrite, and done once for those that waited.
        store.turn_log_over()
    else:
        name = store.home(job)
        # One that is erased has nothing left to do.
        if name is not None:
            verbs: dict[str, Callable[[Memoria], object]] = {
                "sleep": Memoria.sleep,
                "fade": Memoria.fade,
                "distil": lambda view: view._dreamt(view._clock(), seconds=seconds, cap=CAP),
            }
            verbs[job.kind](memory.namespace(*name))


@contextmanager
def _leased(store: PostgresStore, job: Job, lease: float) -> Iterator[None]:
    """Renews the lease of a job for as long as it takes."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease / 3) and store.renew(job, lease):
            pass

    thread = threading.Thread(target=renew, name="memoria-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


__all__ = ["LEASE", "Worked", "work"]
