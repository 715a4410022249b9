"""Several processes that serve one store, on one socket that they share; for a store that many may write to.

They are forks of a process that has opened nothing yet: each opens the store for itself. The parent serves nobody: it
passes signals on, and starts a process anew when one dies.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from memoria.errors import InvalidQuery, StoreError

log = logging.getLogger("memoria.service")
# One that ends by itself, with an error, sooner than this many seconds after its start would do so again.
_SOON = 5.0
# Seconds until the place of one that was killed that soon is taken: what kills it may kill the next one too.
_PAUSE = 1.0
_PASSED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


def check_workers(workers: int, *, shared: bool) -> None:
    """Raises InvalidQuery where so many processes cannot serve. shared: whether many processes may write to the store.

    A directory has one writer. Others could read it, but every recall writes too: what was found is strengthened.
    """
    if workers > 1 and not shared:
        raise InvalidQuery("workers: one process serves a directory, as its one writer; more serve a store by its URL")
    if workers > 1 and not hasattr(os, "fork"):
        raise InvalidQuery("workers: this system cannot fork: start several services, on ports of their own")


class Workers:
    """Processes that run `serve`, until a signal ends them.

    Args:
        count: how many.
        serve: serves until SIGTERM, in a process of its own.
        died: is told the pid of each that has ended.
    """

    def __init__(self, count: int, serve: Callable[[], object], died: Callable[[int], object]) -> None:
        self._count, self._serve, self._died = count, serve, died
        self._began: dict[int, float] = {}
        self._ending = False

    def run(self) -> None:
        """Serves. Raises StoreError if a process ends with an error just after its start: it has said why."""
        before = {one: signal.signal(one, self._ended) for one in _PASSED[:2]}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._passed)
        try:
            for _ in range(self._count):
                self._start()
            self._watch()
        finally:
            self._pass(signal.SIGTERM)
            while self._began:
                self._began.pop(os.wait()[0], None)
            for one, handler in before.items():
                signal.signal(one, handler)

    def _start(self) -> None:
        # A signal that came while the child has the handlers of its parent would be lost.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED)
        if self._ending:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        pid = os.fork()
        if pid:
            self._began[pid] = time.monotonic()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        code = 1
        try:
            for one in _PASSED:
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._serve()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        finally:
            # Nothing of the parent's is ended here.
            sys.stderr.flush()
            os._exit(code)

    def _watch(self) -> None:
        """Until the last process has ended."""
        while self._began:
            pid, status = os.wait()
            began = self._began.pop(pid, None)
            if began is None:
                continue
            self._died(pid)
            if self._ending:
                continue
            code, soon = os.waitstatus_to_exitcode(status), time.monotonic() - began < _SOON
            if soon and code > 0:
                self._ending = True
                raise StoreError("a process of the service ended just after its start: it says why above")
            log.error("process %d has died (%s): another one takes its place", pid, _why(code))
            time.sleep(_PAUSE if soon else 0)
            self._start()

    def _ended(self, number: int, _: FrameType | None) -> None:
        self._ending = True
        self._pass(signal.SIGTERM)

    def _passed(self, number: int, _: FrameType | None) -> None:
        self._pass(number)

    def _pass(self, number: int) -> None:
        for pid in list(self._began):
            os.kill(pid, number)


def _why(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"
