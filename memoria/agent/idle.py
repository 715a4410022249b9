"""Sleep when idle: a while after the last answer, a pass of sleep runs in the background, and wakes when spoken to."""

from __future__ import annotations

import threading
from contextlib import suppress

from memoria.change.sleep import Night, Sleeper
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, StoreClosed
from memoria.process import Home


class Idle:
    """seconds: of silence after which sleep begins, > 0; None never sleeps."""

    def __init__(self, memory: Memoria, seconds: float | None) -> None:
        if seconds is not None and not seconds > 0:
            raise InvalidQuery(f"idle {seconds!r} is not over 0 seconds")
        self._memory, self._seconds = memory, seconds
        self._home = Home()
        self._mutex = threading.Lock()
        self._timer: threading.Timer | None = None
        self._sleeper: Sleeper | None = None

    def rest(self) -> None:
        """From now on it is quiet."""
        if self._seconds is None:
            return
        with self._mutex:
            self._timer = threading.Timer(self._seconds, self._begin)
            self._timer.daemon = True
            self._timer.start()

    def _begin(self) -> None:
        with self._mutex:
            if self._timer is threading.current_thread():
                with suppress(StoreClosed):  # nobody is left to sleep for
                    self._sleeper = self._memory.sleep(background=True)

    @property
    def asleep(self) -> bool:
        """Whether a pass is under way."""
        return self._sleeper is not None and self._sleeper.asleep

    def rouse(self) -> Night | None:
        """Ends the quiet: the step under way is finished, the rest is left to the next pass. Returns the night, if
        there was one; raises what it raised. In a child by fork there is nothing to end."""
        if self._home.left:
            return None
        with self._mutex:
            timer, sleeper, self._timer, self._sleeper = self._timer, self._sleeper, None, None
        if timer is not None:
            timer.cancel()
        if sleeper is None:
            return None
        sleeper.wake()
        return sleeper.wait()
