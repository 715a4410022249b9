"""What a search needs is made ready in turns, so that pages and counts do not wait for the first one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from memoria.engine.memory import Memoria
from memoria.service.pool import TURN, Pool
from memoria.service.tokens import Caller
from memoria.types import Namespace

T = TypeVar("T")


async def once_ready(pool: Pool, caller: Caller, work: Callable[[Memoria], T]) -> T:
    """What `work` finds, once what a search needs is ready: in one turn where it is so, or little is lacking."""

    def at_once(view: Memoria) -> T | None:
        ended = time.monotonic() + TURN
        for _ in _readying(view):
            if time.monotonic() > ended:
                return None
        return work(view)

    found = await pool.read(caller, at_once)
    if found is None:
        await pool.turns(caller, _readying)
        found = await pool.read(caller, work)
    return found


def _readying(view: Memoria) -> Iterator[None]:
    """Makes ready what a search needs, a part in each step."""
    warm: Callable[[Namespace], bool] | None = getattr(view.store, "warm", None)
    while warm is not None and warm(view.prefix):
        yield
