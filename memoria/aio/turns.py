"""Turns: a few threads for the work of many, who wait without one.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), where each piece of work counts one: whoever waits has a
queue of its own, and of the queues the one is served that has had least since it began to wait. So one that asks a
thousand times waits for itself, and another that asks once waits for what has begun, and is next.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


class _Place:
    """A place in a queue. granted: whether its turn has come; guarded by the lock of the turns."""

    def __init__(self) -> None:
        self.granted = False
        self._loop = asyncio.get_running_loop()
        self.come: asyncio.Future[None] = self._loop.create_future()

    def call(self) -> bool:
        """Says that its turn has come; False if its loop has ended."""
        try:
            self._loop.call_soon_threadsafe(self._said)
        except RuntimeError:
            return False
        self.granted = True
        return True

    def _said(self) -> None:
        if not self.come.done():
            self.come.set_result(None)


class Turns:
    """So many threads, and whose turn it is. Safe for threads, and for several event loops.

    Args:
        lanes: threads, at least 1.
        each: threads that work for one at once, at most; None is all.
        name: of the threads.
    """

    def __init__(self, lanes: int, each: int | None = None, *, name: str = "memoria") -> None:
        self.lanes, self._each = lanes, lanes if each is None else min(each, lanes)
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix=name)
        self._mutex = threading.Lock()
        self._free = lanes
        self._busy: Counter[Hashable] = Counter()
        self._queues: OrderedDict[Hashable, deque[_Place]] = OrderedDict()
        # The virtual time, which is the start tag of what was begun last, and the start tag of the next of each; of
        # those that are not here it is the virtual time.
        self._now = 0
        self._tags: dict[Hashable, int] = {}

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        with self._mutex:
            return sum(map(len, self._queues.values()))

    async def run(self, who: Hashable, work: Callable[[], Result]) -> Result:
        """Does work in a thread, in its turn, and in the context of the caller.

        Work that was cancelled while it waits is never begun; work that has begun is finished, and keeps its thread
        until then.

        Args:
            who: whose work it is.
            work: the work.

        Returns:
            What it returns; what it raises is raised.
        """
        await self._take(who)
        try:
            done = self._pool.submit(contextvars.copy_context().run, work)
        except BaseException:
            self._give(who)
            raise
        done.add_done_callback(lambda _: self._give(who))
        return await asyncio.wrap_future(done)

    async def _take(self, who: Hashable) -> None:
        with self._mutex:
            if self._free and self._busy[who] < self._each and who not in self._queues:
                self._begin(who)
                return
            place = _Place()
            self._tags[who] = self._tag(who)
            self._queues.setdefault(who, deque()).append(place)
        try:
            await place.come
        except asyncio.CancelledError:
            self._leave(who, place)
            raise

    def _leave(self, who: Hashable, place: _Place) -> None:
        """Gives up a place; its turn, if it had come, is the next one's."""
        with self._mutex:
            queue = self._queues.get(who, deque())
            with suppress(ValueError):
                queue.remove(place)
            if who in self._queues and not queue:
                del self._queues[who]
        if place.granted:
            self._give(who)

    def _tag(self, who: Hashable) -> int:
        return max(self._now, self._tags.get(who, 0))

    def _begin(self, who: Hashable) -> None:
        self._free -= 1
        self._busy[who] += 1
        before, self._now = self._now, max(self._now, tag := self._tag(who))
        self._tags[who] = tag + 1
        if self._now > before:
            self._tags = {one: tag for one, tag in self._tags.items() if tag > self._now or one in self._queues}

    def _give(self, who: Hashable) -> None:
        """Gives a thread back, to whoever is next."""
        with self._mutex:
            self._free += 1
            self._busy[who] -= 1
            if not self._busy[who]:
                del self._busy[who]
            while self._free and self._call_next():
                pass

    def _call_next(self) -> bool:
        """Calls the first of the queue that is next, of those that may have a thread; False if there is none."""
        # Of equal ones, the queue that has waited longest comes first.
        may = (one for one in self._queues if self._busy[one] < self._each)
        who = min(may, key=self._tag, default=None)
        if who is None:
            return False
        place = self._queues[who].popleft()
        if self._queues[who]:
            self._queues.move_to_end(who)
        else:
            del self._queues[who]
        if place.call():
            self._begin(who)
        return True

    def shutdown(self) -> None:
        """Waits for the work that has begun; none is taken any more."""
        self._pool.shutdown(wait=True)
