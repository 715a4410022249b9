"""Many at once, or one alone: threads share a store, until one asks to be alone with it.

A pass is a local variable of the block that it was given for, and the gate refers to it weakly. However that block is
left, by an interrupt at any line too, the pass goes with its frame, and the others get in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet, ref

# Nobody is told of a pass that went with its frame, so those who wait look again after so many seconds.
_LOOK_AGAIN = 0.05


class _Pass:
    """Of one block in one thread."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()


class Gate:
    """Who is alone may come in again, and keeps everybody else out; the others do not keep each other out."""

    def __init__(self) -> None:
        # Taken by itself: to enter a Condition is a function, and an interrupt in there would leave it locked.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._inside: WeakSet[_Pass] = WeakSet()
        self._owner: Callable[[], _Pass | None] = _nobody

    @contextmanager
    def shared(self) -> Iterator[None]:
        """In with all others, once nobody else is alone."""
        mine = _Pass()
        with self._lock:
            # One that is inside already goes on, or it would wait for who waits for it.
            self._wait(lambda: self._alone() in (None, mine.thread) or mine.thread in self._threads())
            self._inside.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._inside.discard(mine)
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """In once all others are out; yields whether it is the first time on the way in."""
        mine = _Pass()
        with self._lock:
            self._wait(lambda: self._alone() in (None, mine.thread))
            first = self._alone() is None
            if first:
                self._owner = ref(mine)
            self._wait(lambda: self._threads() <= {mine.thread})
        try:
            yield first
        finally:
            with self._lock:
                if first:
                    self._owner = _nobody
                self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool]) -> None:
        while not self._changed.wait_for(ready, _LOOK_AGAIN):
            pass

    def _alone(self) -> int | None:
        """The thread that is alone, if one is."""
        owner = self._owner()
        return None if owner is None else owner.thread

    def _threads(self) -> set[int]:
        return {one.thread for one in self._inside}


def _nobody() -> None:
    return None
