"""Turns: threads of many callers, served fairly, and given back whatever is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable

import pytest

from memoria.aio.turns import Turns


class Work:
    """Work that waits until it may go on, and says in which order it was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = threading.Event()

    def __call__(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            assert self.go.wait(10)
            return name

        return work


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


def test_callers_are_served_in_turn_and_not_by_who_came_first() -> None:
    async def run() -> None:
        turns, work = Turns(1), Work()
        greedy = [asyncio.ensure_future(turns.run("greedy", work(f"g{n}"))) for n in range(5)]
        await until(lambda: turns.waiting == 4)
        modest = [asyncio.ensure_future(turns.run(who, work(who))) for who in ("a", "b")]
        await until(lambda: turns.waiting == 6)
        work.go.set()
        assert await asyncio.gather(*greedy, *modest) == ["g0", "g1", "g2", "g3", "g4", "a", "b"]
        assert work.begun == ["g0", "a", "b", "g1", "g2", "g3", "g4"]

    asyncio.run(run())


def test_who_comes_back_at_once_goes_behind_who_waits() -> None:
    """Many who ask seldom do not keep one from its turn who has asked often."""

    async def run() -> None:
        turns, gates, begun = Turns(1), [threading.Event() for _ in range(9)], []

        def work(name: str) -> Callable[[], None]:
            def done() -> None:
                begun.append(name)
                assert gates[len(begun) - 1].wait(10)

            return done

        asked = [asyncio.ensure_future(turns.run(who, work(who))) for who in ("g", "g", "g", "a", "b")]
        for n, back in enumerate((None, "a", "b", None, "a", "b", None, None, None)):
            await until(lambda: len(begun) == n + 1)  # noqa: B023 - it is awaited here
            if back is not None:
                gone = turns.waiting
                asked.append(asyncio.ensure_future(turns.run(back, work(back))))
                await until(lambda: turns.waiting == gone + 1)  # noqa: B023 - it is awaited here
            gates[n].set()
        await asyncio.gather(*asked)
        assert begun[0] == "g"
        assert set(begun[1:3]) == {"a", "b"}
        for start in (0, 3, 6):
            assert sorted(begun[start : start + 3]) == ["a", "b", "g"]
        assert len(turns._tags) <= 3

    asyncio.run(run())


def test_nobody_takes_the_last_lane() -> None:
    async def run() -> None:
        turns, work, other = Turns(4, 3), Work(), Work()
        other.go.set()
        greedy = [asyncio.ensure_future(turns.run("greedy", work("g"))) for _ in range(6)]
        await until(lambda: len(work.begun) == 3 and turns.waiting == 3)
        for _ in range(5):
            assert await turns.run("modest", other("m")) == "m"
        assert len(work.begun) == 3
        work.go.set()
        await asyncio.gather(*greedy)

    asyncio.run(run())


def test_what_is_cancelled_while_it_waits_never_begins_and_blocks_nobody() -> None:
    async def run() -> None:
        turns, work = Turns(1), Work()
        first = asyncio.ensure_future(turns.run("a", work("a")))
        await until(lambda: work.begun == ["a"])
        given_up = [asyncio.ensure_future(turns.run("b", work("b"))) for _ in range(3)]
        last = asyncio.ensure_future(turns.run("c", work("c")))
        await until(lambda: turns.waiting == 4)
        for one in given_up:
            one.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        assert turns.waiting == 1
        work.go.set()
        assert [await first, await last] == ["a", "c"]
        assert work.begun == ["a", "c"]
        assert await turns.run("b", work("again")) == "again"

    asyncio.run(run())


def test_what_is_cancelled_just_as_its_turn_comes_gives_it_on() -> None:
    async def run() -> None:
        turns, work = Turns(1), Work()
        first = asyncio.ensure_future(turns.run("a", work("a")))
        await until(lambda: work.begun == ["a"])
        waits = asyncio.ensure_future(turns.run("b", work("b")))
        await until(lambda: turns.waiting == 1)
        work.go.set()
        # The loop does nothing else until its turn has come, and then it is given up.
        while turns.waiting:
            threading.Event().wait(0.001)
        waits.cancel()
        assert await first == "a"
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert await asyncio.wait_for(turns.run("c", work("c")), 10) == "c"
        assert work.begun == ["a", "c"]

    asyncio.run(run())


def test_work_that_has_begun_keeps_its_thread_until_it_ends_though_nobody_waits() -> None:
    async def run() -> None:
        turns, work, other = Turns(2, 1), Work(), Work()
        other.go.set()
        first = asyncio.ensure_future(turns.run("a", work("a")))
        await until(lambda: work.begun == ["a"])
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        again = asyncio.ensure_future(turns.run("a", other("again")))
        assert await turns.run("b", other("b")) == "b"
        assert not again.done()
        work.go.set()
        assert await again == "again"

    asyncio.run(run())


def test_errors_pass_and_give_the_thread_back() -> None:
    async def run() -> None:
        turns = Turns(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await turns.run("a", lambda: 1 / 0)
        assert await turns.run("a", lambda: 1) == 1

    asyncio.run(run())


def test_several_loops_share_the_threads_and_one_that_has_ended_holds_none() -> None:
    turns, work = Turns(1), Work()

    async def gives_up() -> None:
        async with asyncio.timeout(0.05):
            await turns.run("a", work("a"))

    async def asks() -> str:
        return await turns.run("b", work("b"))

    with pytest.raises(TimeoutError):
        asyncio.run(gives_up())
    done: list[str] = []
    threads = [threading.Thread(target=lambda: done.append(asyncio.run(asks()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    work.go.set()
    for thread in threads:
        thread.join(10)
    assert done == ["b"] * 3


def test_work_runs_in_the_context_of_who_asks() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    async def run() -> None:
        name.set("Ada")
        assert await Turns(1).run("a", name.get) == "Ada"

    asyncio.run(run())
