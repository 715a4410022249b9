"""A pool of threads over one open store: each request works in the view of its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from memoria.engine.memory import Memoria
from memoria.service.problems import Problematic
from memoria.service.tokens import Caller
from memoria.sharing import lent
from memoria.types import Where

T = TypeVar("T")


class Pool:
    """A memory that stays open, and threads for its synchronous verbs.

    waiting: so many requests may be under way; more are refused. thoughts: so many of those that wait for a model.
    """

    def __init__(self, memory: Memoria, *, threads: int = 8, waiting: int = 64, thoughts: int = 4) -> None:
        self._memory = memory
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="memoria-serve")
        self._most, self._under_way = waiting, 0
        self._thinker = ThreadPoolExecutor(1, thread_name_prefix="memoria-think")
        self._thoughts, self._thinking = thoughts, 0

    async def read(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """What `work` makes of the view of a caller, in a thread."""
        return await self._run(lambda: work(caller.view(self._memory)))

    async def write(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """As `read`; no other writing comes between what `work` reads and writes."""

        def alone() -> T:
            with lent(self._memory):
                return work(caller.view(self._memory))

        return await self._run(alone)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise Problematic(503, "Busy", headers={"Retry-After": "1"})
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way -= 1

    async def think(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """As `read`, for what waits for a model: one at a time, beside all else, and few may wait."""
        if self._thinking >= self._thoughts:
            raise Problematic(503, "Busy", headers={"Retry-After": "10"})
        self._thinking += 1
        try:
            view = caller.view(self._memory)
            return await asyncio.get_running_loop().run_in_executor(self._thinker, work, view)
        finally:
            self._thinking -= 1

    def close(self) -> None:
        """Waits for what is under way, then closes the store."""
        self._thinker.shutdown(wait=True, cancel_futures=True)
        self._pool.shutdown(wait=True)
        self._memory.close()


def mine(view: Memoria, ids: Sequence[str]) -> set[str]:
    """Which of these are ids of memories in the view."""
    return set(view.store.select(Where(namespace=view.prefix, ids=tuple(ids)))) if ids else set()


def check_mine(view: Memoria, ids: Sequence[str]) -> None:
    """Raises MemoryNotFound for what is not in the view, whether or not it is anywhere else."""
    known = mine(view, ids)
    for id in set(ids) - known:
        view.get(id)  # what stands in a gist counts
