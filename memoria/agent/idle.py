"""Sleep when idle: a while after the last reply a pass of sleep starts in the background; the next message ends it."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from memoria.change.sleep import Night, Sleeper
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, StoreClosed
from memoria.process import Home

log = logging.getLogger("memoria.agent")


class Idle:
    """Starts sleep after some silence. seconds: of silence, > 0; None never sleeps. prune: whether sleep prunes."""

    def __init__(self, memory: Memoria, seconds: float | None, *, prune: bool = False) -> None:
        if seconds is not None and not seconds > 0:
            raise InvalidQuery(f"idle {seconds!r} is not over 0 seconds")
        self._memory, self._seconds, self._prune = memory, seconds, prune
        self._home = Home()
        self._mutex = threading.Lock()
        self._timer: threading.Timer | None = None
        self._sleeper: Sleeper | None = None

    def rest(self) -> None:
        """Starts to wait for silence."""
        if self._seconds is None:
            return
        with self._mutex:
            self._timer = threading.Timer(self._seconds, self._begin)
            self._timer.daemon = True
            self._timer.start()

    def _begin(self) -> None:
        with self._mutex:
            if self._timer is threading.current_thread():
                with suppress(StoreClosed):  # the memory was closed meanwhile
                    self._sleeper = self._memory.sleep(background=True, prune=self._prune)

    @property
    def asleep(self) -> bool:
        """Whether a pass of sleep is running."""
        return self._sleeper is not None and self._sleeper.asleep

    def rouse(self) -> Night | None:
        """Ends the sleep: the current step is finished, the rest is left to the next pass.

        Returns what was done, None when it did not sleep. Who speaks has not asked for the pass: an error of it is
        logged, and the message is answered. In a child by fork there is nothing to end.
        """
        if self._home.left:
            return None
        with self._mutex:
            timer, sleeper, self._timer, self._sleeper = self._timer, self._sleeper, None, None
        if timer is not None:
            timer.cancel()
        if sleeper is None:
            return None
        sleeper.wake()
        error = sleeper.failure()
        if error is None:
            return sleeper.wait()
        # By its type alone: what it says may be content.
        log.error("sleep while idle failed: %s", type(error).__name__)
        return None
