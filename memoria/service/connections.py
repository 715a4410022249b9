"""Connections that cost little: a head has to come soon, and who has sent none makes room for others.

The attack is slow HTTP (Hansen's "Slowloris", 2009): connections that send a request bit by bit, or nothing, until none
is left for anybody else. Here a connection has some seconds for the head of each request. There are only so many
connections; when they are used up, the one that has waited longest without ever having sent a request is cut off, then
the one that has been idle longest after its last request. Only where all are at work is a new one refused.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from memoria.service.problems import MEDIA

_LINGER = 1.0
_LINGERED = 8 << 20
_STALLED = 30.0


def _raw(status: str, title: str, more: str = "") -> bytes:
    """A whole answer, which ends its connection."""
    body = f'{{"type":"about:blank","title":"{title}","status":{status[:3]}}}'
    head = f"HTTP/1.1 {status}\r\ncontent-type: {MEDIA}\r\ncontent-length: {len(body)}\r\ncache-control: no-store\r\n"
    return f"{head}{more}connection: close\r\n\r\n{body}".encode()


_FULL = _raw("503 Service Unavailable", "Busy", "retry-after: 1\r\n")
_BAD = _raw("400 Bad Request", "Not HTTP")


class Guarded(H11Protocol):
    """A connection that is watched. Made by `guarded`, for the connections of one server.

    most: connections at once. patience: seconds for the head of a request.
    """

    most: ClassVar[int]
    patience: ClassVar[float]
    # Those that have sent no request yet, and those that had an answer; who has waited longest comes first.
    fresh: ClassVar[dict[Guarded, None]]
    kept: ClassVar[dict[Guarded, None]]

    _timer: asyncio.TimerHandle | None = None
    _left = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Takes a connection in, or refuses it."""
        super().connection_made(cast("asyncio.Transport", _Lingering(transport, self)))
        if len(self.connections) > self.most and not self._make_room():
            transport.write(_FULL)
            transport.close()
            return
        self.fresh[self] = None
        self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets a connection."""
        self._at_work()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on; what comes after an answer that ends the connection is not looked at."""
        if self._left:
            self._left = max(0, self._left - len(data))
            if not self._left:
                self.transport.pause_reading()
            return
        super().data_received(data)
        self._look(begun=True)

    def on_response_complete(self) -> None:
        """Waits for the next request, or for the client to take what was sent."""
        super().on_response_complete()
        self._look(begun=bool(self.conn.trailing_data[0]))
        self.loop.call_later(_STALLED, self._stalled, self.transport.get_write_buffer_size())

    def _look(self, *, begun: bool) -> None:
        """Sees whether a request is at work now, or its head still has to come, of which something may be there."""
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            self._at_work()
            return
        if self not in self.fresh:
            self.kept[self] = None
        # Where nothing has come yet, the time of keep-alive runs.
        if begun and self._timer is None:
            self._hurry()

    def _hurry(self) -> None:
        self._timer = self.loop.call_later(self.patience, self._cut)

    def _at_work(self) -> None:
        self.fresh.pop(self, None)
        self.kept.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self._at_work()
        self.transport.abort()

    def _make_room(self) -> bool:
        """Cuts off the connection that has waited longest; False if all are at work."""
        waiting = next(iter(self.fresh), None) or next(iter(self.kept), None)
        if waiting is None:
            return False
        waiting._cut()
        return True

    def _stalled(self, before: int) -> None:
        """Cuts off who takes nothing of an answer."""
        left = self.transport.get_write_buffer_size()
        if left and left >= before:
            self.transport.abort()
        elif left:
            self.loop.call_later(_STALLED, self._stalled, left)

    def linger(self) -> bool:
        """Before a connection is closed whose request was not read to its end: whether to wait for the client, which
        would not see the answer if what it goes on sending were refused.
        """
        unread = self.cycle is not None and self.cycle.more_body
        if unread and not self._left:
            self._left = _LINGERED
            self.flow.resume_reading()
        return unread

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP, or has a head that is too long."""
        self.transport.write(_BAD)
        self.transport.close()


class _Lingering:
    """The transport of a connection, of which the client has a second to read the last answer."""

    def __init__(self, inner: asyncio.Transport, protocol: Guarded) -> None:
        self._inner, self._protocol, self._ends = inner, protocol, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._ends or self._inner.is_closing()

    def close(self) -> None:
        """Ends the connection, at once or when the client has read what was sent."""
        if self._ends or self._inner.is_closing():
            return
        if not self._protocol.linger():
            self._inner.close()
            return
        self._ends = True
        try:
            self._inner.write_eof()
        except OSError:  # the client has gone
            self._inner.abort()
        else:
            self._protocol.loop.call_later(_LINGER, self._inner.abort)


def guarded(most: int, patience: float) -> type[Guarded]:
    """The protocol of the connections of one server. most, patience: as of `Guarded`."""
    own: dict[str, Any] = {"most": most, "patience": patience, "fresh": {}, "kept": {}}
    return type("Guarded", (Guarded,), own)
