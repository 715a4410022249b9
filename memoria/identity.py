"""Ids: UUIDv7 (RFC 9562, 5.7) whose order is the order of time, to the microsecond."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta

from memoria.process import in_child

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAIL_BITS = 62


class IdSource:
    """Makes ids. Those of one microsecond count upwards from a random start (RFC 9562, 6.2, method 2)."""

    def __init__(self) -> None:
        self._begin()
        # A thread of the parent may hold the mutex, and a child would wait for it before it is told that it is one.
        in_child(self, IdSource._begin)

    def _begin(self) -> None:
        self._last = (-1, 0)
        self._mutex = threading.Lock()

    def new(self, created_at: datetime) -> str:
        """An id for a memory of `created_at` (aware): 32 hexadecimal digits."""
        micros = (created_at - _EPOCH) // timedelta(microseconds=1)
        with self._mutex:
            last, tail = self._last
            step = 1 + secrets.randbits(32)
            tail = tail + step if last == micros else secrets.randbits(_TAIL_BITS - 1)
            self._last = (micros, tail)
        millis, rest = divmod(micros, 1000)
        return f"{(millis << 80) | (7 << 76) | (rest << 66) | (2 << 62) | tail:032x}"
