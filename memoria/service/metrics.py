"""Figures of the service for Prometheus, at /metrics: how much, how fast, how many wait; never whose.

No label is a name of a namespace, of a token or of anything that a client made up. With several processes the figures
of all are added up, whichever of them is asked: `prometheus_client` keeps them in files that all can read, which is why
it is used. Who sets PROMETHEUS_MULTIPROC_DIR, before it is imported, says where.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from memoria.service.notes import Note, Scope, verb
from memoria.service.routes import Metering, Serving
from memoria.service.tokens import OWNER

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the environment that names the folder in which several processes count together."""
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_EVERY = 60.0

metering = APIRouter(include_in_schema=False)


class Figures:
    """What is counted of one service.

    waiting: gives how many requests wait, by what they are going to do. under_way: how many requests there are.
    """

    def __init__(self, waiting: Callable[[], Mapping[str, int]], under_way: Callable[[], int]) -> None:
        self._waiting, self._running = waiting, under_way
        self._registry = CollectorRegistry()
        how: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("memoria_requests", "Requests by route and status.", ["route", "status"], **how)
        self._seconds = Histogram(
            "memoria_request_seconds", "Seconds from a request to its answer.", ["route"], buckets=_SECONDS, **how
        )
        self._forgotten = Counter("memoria_forgotten", "Memories that requests erased.", **how)
        together: dict[str, Any] = {"multiprocess_mode": "livesum", **how}
        self._queue = Gauge("memoria_queue", "Requests that wait for a thread.", ["lane"], **together)
        self._under_way = Gauge("memoria_requests_under_way", "Requests that are being answered.", **together)
        self._memories = Gauge(
            "memoria_memories", "Memories in the store, as of the last minute.", multiprocess_mode="mostrecent", **how
        )
        self._counted_at = -_EVERY

    def note(self, scope: Scope, note: Note) -> None:
        """Counts a request that has been answered."""
        route = verb(scope)
        self._requests.labels(route, str(note.status)).inc()
        self._seconds.labels(route).observe(time.monotonic() - note.began)
        if note.forgotten:
            self._forgotten.inc(note.forgotten)
        self._set()

    def _set(self) -> None:
        for lane, waiting in self._waiting().items():
            self._queue.labels(lane).set(waiting)
        self._under_way.set(self._running())

    async def count(self, memories: Callable[[], Awaitable[int]]) -> None:
        """Counts the memories, if that was not done just before: it takes time, in a large store."""
        if time.monotonic() - self._counted_at < _EVERY:
            return
        began, self._counted_at = time.monotonic(), time.monotonic()
        try:
            self._memories.set(await memories())
        except BaseException:
            self._counted_at = -_EVERY
            raise
        # A count that takes long is made seldom.
        self._counted_at = time.monotonic() + 100 * (time.monotonic() - began)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        self._set()
        registry = self._registry
        if os.environ.get(FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        return generate_latest(registry)


@metering.get("/metrics")
async def metrics(request: Request, _: Metering, pool: Serving) -> Response:
    """The figures; for a token with the scope `metrics`."""
    figures: Figures = request.app.state.figures
    await figures.count(lambda: pool.read(OWNER, len))
    text = await asyncio.to_thread(figures.text)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
