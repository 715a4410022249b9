"""Work that outlasts its request: a few at a time, seen by the token that asked for it, and by no other."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from memoria.service.problems import Problematic

_RUNNING = 2
_KEPT = 64
_SECONDS = 3600.0


class Stopped(Exception):
    """The service ends, and the job with it."""


class Watch:
    """How far work is, as it tells by `progress`; it is stopped by what it is told back.

    stopping: asked at each step whether the service ends.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._mutex = threading.Lock()
        self._told: dict[str, tuple[int, int]] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._stopping():
            raise Stopped
        with self._mutex:
            self._told[what] = done, total

    def begin(self) -> None:
        """Forgets what was told: something else is done now."""
        with self._mutex:
            self._told.clear()

    def told(self, what: str) -> tuple[int, int]:
        """The last that was told of something: (done, of all)."""
        with self._mutex:
            return self._told.get(what, (0, 0))


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """One piece of work. owner: digest of the token. state: where it is. fields: what it found so far."""

    id: str
    owner: str
    watch: Watch
    state: str
    began: float
    ended: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class Jobs:
    """The jobs of a service, in RAM: what they found is gone with the process, except what is in the ledger."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}

    def new(self, owner: str, state: str, stopping: Callable[[], bool]) -> Job:
        """A job of a token; raises 409 while one of its own is at work, and 503 while as many as may be."""
        now = self._clock()
        self._jobs = {id: one for id, one in self._jobs.items() if not one.ended or now - one.began < _SECONDS}
        at_work = [one for one in self._jobs.values() if not one.ended]
        if any(one.owner == owner for one in at_work):
            raise Problematic(409, "One is at work already", "a token has one proof at a time")
        if len(at_work) >= _RUNNING:
            raise Problematic(503, "Busy", headers={"Retry-After": "5"})
        for id in list(self._jobs)[: len(self._jobs) - _KEPT + 1]:
            if self._jobs[id].ended:
                del self._jobs[id]
        job = Job(id=secrets.token_hex(16), owner=owner, watch=Watch(stopping), state=state, began=now)
        self._jobs[job.id] = job
        return job

    def get(self, id: str, owner: str) -> Job:
        """A job; raises 404 for none, and for that of another token likewise."""
        found = self._jobs.get(id)
        if found is None or found.owner != owner:
            raise Problematic(404, "No such proof")
        return found
