"""How tests wait for other processes and threads: for an event, and never for a time that is thought to be enough."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 300.0
"""Seconds after which something is taken to hang. No test is slower for it: it waits so long only when it fails."""


def until(so: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Waits until something is so; fails when it is not so in `patience` seconds."""
    ended = time.monotonic() + patience
    while not so():
        assert time.monotonic() < ended, f"still not so after {patience:.0f} s"
        time.sleep(0.01)


def growth(do: Callable[[int], object], size: int) -> float:
    """How many times as long `do(4 * size)` takes as `do(size)`: 4 when it is linear, 16 when it is quadratic.

    In time of the processor that this thread was given, the least of three: what else the machine does is not in it.
    """
    return _least(do, 4 * size) / _least(do, size)


def _least(do: Callable[[int], object], size: int) -> float:
    took = []
    for _ in range(3):
        started = time.thread_time()
        do(size)
        took.append(time.thread_time() - started)
    return min(took)
