"""Limits for each client: requests a second and at once, bytes of a body, seconds of an answer.

The rate is limited by a token bucket (Turner 1986) for each caller, in RAM. Where several processes serve a store, each
counts for itself: a caller may have the rate once in each of them.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Rates:
    """A token bucket for each caller: `burst` requests at once, and `rate` a second in the long run."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._mutex = threading.Lock()

    def wait(self, caller: str) -> int:
        """Takes a token from the caller's bucket; returns 0, or the seconds until there is one if it is empty."""
        with self._mutex:
            now = self._clock()
            left, since = self._buckets.get(caller, (float(self._burst), now))
            left = min(self._burst, left + (now - since) * self._rate)
            self._buckets[caller] = (left - 1 if left >= 1 else left, now)
            return 0 if left >= 1 else math.ceil((1 - left) / self._rate)


class Crowd:
    """The requests under way, so that few wait, and one tenant does not take the room of all.

    each: requests of one tenant, at most. most: of all together; a tenant that has none under way is let in even so.
    Used by one event loop alone.
    """

    def __init__(self, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._under_way: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return self._under_way.total()

    def full(self, tenant: Hashable) -> bool:
        """Whether a tenant has as many under way as it may."""
        return self._under_way[tenant] >= self._each

    def packed(self, tenant: Hashable) -> bool:
        """Whether all together have, and this tenant is among them."""
        return len(self) >= self._most and self._under_way[tenant] > 0

    @contextmanager
    def within(self, tenant: Hashable) -> Iterator[None]:
        """Counts a request of a tenant meanwhile."""
        self._under_way[tenant] += 1
        try:
            yield
        finally:
            self._under_way[tenant] -= 1
            if not self._under_way[tenant]:
                del self._under_way[tenant]


OPEN_BODY = 16 << 10
"""Bytes of a body that comes without a token, at most."""


class Bounds:
    """Middleware: refuses a body that is too long and an answer that takes too long. Work already begun is finished.

    A body that says that it is too long is not read at all.
    """

    def __init__(self, app: App, *, body: int, seconds: float) -> None:
        self._app, self._body, self._seconds = app, body, seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from memoria.service.notes import KEY
        from memoria.service.problems import problem  # with FastAPI, which only the service of verbs has

        most = self._body if scope[KEY].caller is not None else min(self._body, OPEN_BODY)
        too_long = problem(413, "Body too long", f"the limit is {most:,} bytes", headers={"Connection": "close"})
        if _length(scope) > most:
            await too_long(scope, receive, send)
            return
        exchange = _Exchange(receive, send, most)
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if not exchange.begun:
                said = "whether it was done is not known"
                await problem(504, "Too slow", said, headers={"Connection": "close"})(scope, receive, send)
        if exchange.left < 0 and not exchange.begun:
            await too_long(scope, receive, send)


def _length(scope: MutableMapping[str, Any]) -> int:
    """How long a request says that its body is; 0 where it does not say so."""
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() else 0


class _Exchange:
    """A request whose bytes are counted, and its answer, which is not sent if the request is too long."""

    def __init__(self, receive: Receive, send: Send, body: int) -> None:
        self._receive, self._send = receive, send
        self.left, self.begun = body, False

    async def receive(self) -> Message:
        message = await self._receive()
        self.left -= len(message.get("body", b""))
        # For the app, a body that is cut off means that the client has disconnected, so it reads no further.
        return message if self.left >= 0 else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.left >= 0:
            self.begun = True
            await self._send(message)
