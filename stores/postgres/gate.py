"""Many at once, or one alone: threads share a store, until one asks to be alone with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Who is alone may come in again, and keeps everybody else out; the others do not keep each other out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: dict[int, int] = {}
        self._owner: int | None = None
        self._depth = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """In with all others, once nobody else is alone."""
        me = threading.get_ident()
        with self._changed:
            # One that is inside already goes on, or it would wait for who waits for it.
            self._changed.wait_for(lambda: self._owner in (None, me) or me in self._inside)
            self._inside[me] = self._inside.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._leave(me)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """In once all others are out; yields whether it is the first time on the way in."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: self._owner in (None, me))
            first = self._owner is None
            self._owner, self._depth = me, self._depth + 1
            self._changed.wait_for(lambda: not set(self._inside) - {me})
        try:
            yield first
        finally:
            with self._changed:
                self._depth -= 1
                if not self._depth:
                    self._owner = None
                self._changed.notify_all()

    def _leave(self, me: int) -> None:
        self._inside[me] -= 1
        if not self._inside[me]:
            del self._inside[me]
        self._changed.notify_all()
