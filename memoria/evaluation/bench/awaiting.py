"""How many threads awaited calls hold, and what the way through a thread costs beside psycopg's own async pool."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from memoria.aio.memory import open as aio_open
from memoria.aio.threads import LANES
from memoria.errors import StoreError
from memoria.testing import HashEmbedder

Ways = dict[str, Callable[[], Awaitable[int]]]
"""By name: does all calls, and says how many failed."""
_DIMENSION = 64
_ROUNDS = 3


def bench_threads(place: str | Path, calls: int) -> dict[str, Any]:
    """So many recalls at once, by turns: as `AsyncMemoria` does them, each in a thread of its own, and of as many
    threads as there are lanes without any loop. Their peak of threads, calls a second, and ratios to the last.
    """
    return asyncio.run(_compare(place, calls))


async def _compare(place: str | Path, calls: int) -> dict[str, Any]:
    async with aio_open(str(place), embedder=HashEmbedder(_DIMENSION)) as memory:
        homes = [memory.namespace("home", str(n % 10)) for n in range(calls)]
        for n in range(10):
            await homes[n].remember_many([f"fact {one} of {n}" for one in range(20)])

        async def awaited() -> int:
            return _failed(await asyncio.gather(*(home.recall("fact", k=3) for home in homes), return_exceptions=True))

        async def by_pool(threads: int) -> int:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(threads) as pool:
                asked = (loop.run_in_executor(pool, partial(home.sync.recall, "fact", k=3)) for home in homes)
                return _failed(await asyncio.gather(*asked, return_exceptions=True))

        ways: Ways = {
            "awaited": awaited,
            "thread_a_call": lambda: by_pool(calls),
            "plain_threads": lambda: by_pool(LANES),
        }
        return {"calls": calls, "lanes": LANES, **await _measured(ways, calls)}


def _failed(results: list[Any]) -> int:
    """How many calls found no connection in time; other errors are raised."""
    errors = [one for one in results if isinstance(one, BaseException)]
    if strange := [one for one in errors if not isinstance(one, StoreError)]:
        raise strange[0]
    return len(errors)


async def _measured(ways: Ways, calls: int) -> dict[str, Any]:
    """Each way by turns; the best of its rounds counts, and all calls that failed in any."""
    best: dict[str, float] = dict.fromkeys(ways, float("inf"))
    peaks, failed = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0)
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            with _Peak() as peak:
                started = time.perf_counter()
                failed[name] += await way()
                best[name] = min(best[name], time.perf_counter() - started)
            peaks[name] = max(peaks[name], peak.most)
    plain = best["plain_threads"]
    return {
        name: {"threads": peaks[name], "per_second": calls / took, "rate_ratio": plain / took, "failed": failed[name]}
        for name, took in best.items()
    }


class _Peak:
    """The most threads that there were beside those before."""

    def __enter__(self) -> _Peak:
        self._before, self.most, self._end = threading.active_count(), 0, threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._end.wait(0.001):
            self.most = max(self.most, threading.active_count() - self._before - 1)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._watch.join()


def bench_pools(url: str, calls: int) -> dict[str, Any]:
    """One statement of the database, so many times at once: in the threads of psycopg's pool, by the same threads
    awaited, and by psycopg's async pool, each of as many connections. Calls a second, and ratios to the first.
    """
    return asyncio.run(_pools(url, calls))


async def _pools(url: str, calls: int) -> dict[str, Any]:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    from memoria.aio.turns import Turns

    sql, turns = b"SELECT count(*) FROM generate_series(1, 1000)", Turns(LANES)
    with ConnectionPool(url, min_size=LANES, max_size=LANES, open=True) as pool:
        async with AsyncConnectionPool(url, min_size=LANES, max_size=LANES, open=False) as other:

            def once() -> None:
                with pool.connection() as connection:
                    connection.execute(sql).fetchone()

            async def once_async() -> None:
                async with other.connection() as connection:
                    await (await connection.execute(sql)).fetchone()

            async def plain() -> int:
                def all_of_them() -> None:
                    with ThreadPoolExecutor(LANES) as threads:
                        list(threads.map(lambda _: once(), range(calls)))

                await asyncio.to_thread(all_of_them)
                return 0

            async def awaited() -> int:
                await asyncio.gather(*(turns.run(n % 10, once) for n in range(calls)))
                return 0

            async def by_psycopg() -> int:
                await asyncio.gather(*(once_async() for _ in range(calls)))
                return 0

            ways: Ways = {"plain_threads": plain, "awaited_threads": awaited, "async_pool": by_psycopg}
            return {"calls": calls, **await _measured(ways, calls)}
