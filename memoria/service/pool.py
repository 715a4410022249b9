"""A pool of threads over one open store: each request works in the view of its caller, when its tenant's turn has come.

Reads and writes have lanes of their own, and in each the tenants are served in turn (`memoria.aio.turns`). No tenant
takes all lanes, so that another one finds a free one. A directory has one writer, and so one lane for writing; in a
store that many processes write to, as in PostgreSQL, a tenant has one write at a time, and several tenants write beside
each other.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from memoria.aio.threads import LANES
from memoria.aio.turns import Turns
from memoria.engine.memory import Memoria
from memoria.service.ahead import embedded, pieces
from memoria.service.notes import noted
from memoria.service.problems import Problematic
from memoria.service.tokens import OWNER, Caller
from memoria.sharing import lent
from memoria.types import Where

T = TypeVar("T")
# Seconds that one piece of long work may take before others have a turn.
TURN = 0.02


def lanes_of(memory: Memoria) -> tuple[int, int]:
    """How many threads read, and how many write.

    As many read as there are processors, and one writes. Where a server works, twice as many, and several write; but
    together no more than a store in PostgreSQL has connections, or they would wait for these, and not in turn.
    """
    processors = max(2, os.cpu_count() or 2)
    if not _several_write(memory):
        return processors, 1
    writing = min(processors, LANES // 2 - 1)
    return min(2 * processors, LANES - writing), writing


def _several_write(memory: Memoria) -> bool:
    return bool(getattr(memory.store, "others_write", False))


class Pool:
    """A memory that stays open, and threads for its synchronous verbs.

    thoughts: so many of the requests of one tenant that wait for a model may be under way.
    """

    def __init__(self, memory: Memoria, *, thoughts: int = 4) -> None:
        self._memory = memory
        self._shared = _several_write(memory)
        reading, writing = lanes_of(memory)
        # With two lanes a tenant has one, and with more half of them.
        self._reads = Turns(reading, reading // 2, name="memoria-serve")
        self._writes = Turns(writing, 1, name="memoria-write")
        self._thinks = Turns(1, name="memoria-think")
        self._long = Turns(1, name="memoria-long")
        self._thoughts = thoughts
        self._thinking: Counter[Hashable] = Counter()
        # When somebody asked for something last, by the monotonic clock (s).
        self.asked = time.monotonic()

    @property
    def waiting(self) -> dict[str, int]:
        """How many requests wait for a thread, by what they are going to do."""
        return {"read": self._reads.waiting, "write": self._writes.waiting, "think": self._thinks.waiting}

    async def read(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """What `work` makes of the view of a caller, in a thread."""
        if caller is not OWNER:
            self.asked = time.monotonic()
        return _noting(await self._reads.run(caller.tenant, lambda: work(caller.view(self._memory))))

    async def turns(self, caller: Caller, begin: Callable[[Memoria], Iterator[T]]) -> list[T]:
        """All that an iterator gives that `begin` makes of the view of a caller.

        Its steps are turns of their own, as many in one as are done within `TURN`: another request of the same tenant,
        such as a search, comes between them, and does not wait for the end of a long count.
        """
        found: list[T] = []
        steps: Iterator[T] | None = None

        def turn(view: Memoria) -> bool:
            nonlocal steps
            steps = begin(view) if steps is None else steps
            ended = time.monotonic() + TURN
            for one in steps:
                found.append(one)
                if time.monotonic() > ended:
                    return True
            return False

        while await self.read(caller, turn):
            pass
        return found

    async def write(self, caller: Caller, work: Callable[[Memoria], T], *, texts: Sequence[str] = ()) -> T:
        """As `read`; no other writing of this process comes between what `work` reads and writes, as far as this
        caller's tenant goes, and in a directory of any tenant.

        texts: what `work` is going to embed; it is embedded before the turn to write, so that nobody waits for it.
        """
        ahead = await self._ahead(caller, texts) if texts else None

        def alone() -> T:
            view = caller.view(self._memory) if ahead is None else ahead
            if self._shared:
                return work(view)
            with lent(self._memory):
                return work(view)

        return _noting(await self._writes.run(caller.tenant, alone))

    async def _ahead(self, caller: Caller, texts: Sequence[str]) -> Memoria:
        """The view of a caller, with the vectors of texts; each piece of a long list waits for a turn of its own."""
        seen = caller.view(self._memory)
        for piece in pieces(texts):
            seen = await self._reads.run(caller.tenant, partial(embedded, seen, piece))
        return seen

    async def think(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """As `read`, for what waits for a model: one at a time, beside all else, and few of one tenant may wait."""
        if self._thinking[caller.tenant] >= self._thoughts:
            raise Problematic(503, "Busy", headers={"Retry-After": "10"})
        self._thinking[caller.tenant] += 1
        try:
            return _noting(await self._thinks.run(caller.tenant, lambda: work(caller.view(self._memory))))
        finally:
            self._thinking[caller.tenant] -= 1
            if not self._thinking[caller.tenant]:
                del self._thinking[caller.tenant]

    async def last(self, caller: Caller, work: Callable[[Memoria], T]) -> T:
        """As `read`, for what takes minutes: one at a time, beside all else, so that nobody waits who only reads."""
        return _noting(await self._long.run(caller.tenant, lambda: work(caller.view(self._memory))))

    def close(self) -> None:
        """Waits for what is under way, then closes the store."""
        for turns in (self._thinks, self._long, self._reads, self._writes):
            turns.shutdown()
        self._memory.close()


def _noting(result: T) -> T:
    """Counts for the audit what a request was given."""
    note = noted.get()
    if note is not None:
        note.of(result)
    return result


def mine(view: Memoria, ids: Sequence[str]) -> set[str]:
    """Which of these are ids of memories in the view."""
    return set(view.store.select(Where(namespace=view.prefix, ids=tuple(ids)))) if ids else set()


def check_mine(view: Memoria, ids: Sequence[str]) -> None:
    """Raises MemoryNotFound for what is not in the view, whether or not it is anywhere else."""
    known = mine(view, ids)
    for id in set(ids) - known:
        view.get(id)  # what stands in a gist counts
