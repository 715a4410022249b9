"""Limits for each client: requests a second, bytes of a body, seconds of an answer.

The rate is limited by a token bucket (Turner 1986) for each caller, in RAM: one process serves a store, so no process
has to share it, and it is less code than setting up a library that does.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
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


class Bounds:
    """Middleware: refuses a body that is too long and an answer that takes too long. Work already begun is finished."""

    def __init__(self, app: App, *, body: int, seconds: float) -> None:
        self._app, self._body, self._seconds = app, body, seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from memoria.service.problems import problem  # with FastAPI, which only the service of verbs has

        exchange = _Exchange(receive, send, self._body)
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if not exchange.begun:
                await problem(504, "Too slow", "whether it was done is not known")(scope, receive, send)
        if exchange.left < 0 and not exchange.begun:
            await problem(413, "Body too long", f"the limit is {self._body:,} bytes")(scope, receive, send)


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
