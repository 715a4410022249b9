"""AsyncMemoria has every verb of Memoria; cancelling a task loses no acknowledged write and blocks nobody."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, get_overloads

import numpy as np
import pytest

import memoria
from docs.generate import awaited as generate
from memoria import AsyncMemoria, Memoria, aio
from memoria.aio.threads import LANES
from memoria.testing import HashEmbedder

ROOT = Path(__file__).parents[1]
NAMES = sorted(name for name in dir(Memoria) if not name.startswith("_"))
VERBS = [name for name in NAMES if inspect.isfunction(getattr(Memoria, name))]
VIEWS = {"namespace", "reading_as", "reinforcing"}


class Gate:
    """An embedder, by `HashEmbedder`, that waits while it is shut; `reached` is set when somebody waits."""

    def __init__(self) -> None:
        self.open, self.reached = threading.Event(), threading.Event()
        self.open.set()

    def __call__(self, texts: list[str]) -> np.ndarray[Any, Any]:
        if not self.open.is_set():
            self.reached.set()
            assert self.open.wait(10)
        return HashEmbedder(64).embed(texts)

    async def shut_and_reach(self, task: Callable[[], Any]) -> asyncio.Task[Any]:
        """A task that has begun and waits at the gate."""
        self.open.clear()
        made: asyncio.Task[Any] = asyncio.ensure_future(task())
        await until(self.reached.is_set)
        return made


async def until(true: Callable[[], bool]) -> None:
    """Waits without a thread."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.memoria"


def stored(path: Path, embedder: Any = None) -> list[str]:
    """The texts in a store, opened anew."""
    with memoria.open(path, embedder=embedder or HashEmbedder(64)) as memory:
        return [one.text for one in memory.list()]


def test_the_generated_verbs_have_not_drifted() -> None:
    assert generate.TARGET.read_text() == generate.render(), "run `make docs`"


def test_it_has_every_public_name_and_no_other() -> None:
    assert sorted({name for name in dir(AsyncMemoria) if not name.startswith("_")} | {"sync"}) == sorted(
        {*NAMES, "store", "embedder", "policy", "prefix", "progress", "sync"}
    )


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_takes_returns_and_says_the_same(name: str) -> None:
    verb, awaited = getattr(Memoria, name), getattr(AsyncMemoria, name)
    assert inspect.signature(awaited) == inspect.signature(verb)
    assert inspect.signature(inspect.unwrap(awaited)) == inspect.signature(inspect.unwrap(verb))
    assert str(inspect.getdoc(awaited)).splitlines()[0] == str(inspect.getdoc(verb)).splitlines()[0]
    assert inspect.iscoroutinefunction(awaited) == (name not in VIEWS)


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_the_same_overloads(name: str) -> None:
    here = [inspect.signature(one) for one in get_overloads(inspect.unwrap(getattr(AsyncMemoria, name)))]
    assert here == [inspect.signature(one) for one in get_overloads(inspect.unwrap(getattr(Memoria, name)))]
    assert (len(here) == 3) == (name in {"forget", "forget_about", "sleep"})


def test_opening_takes_what_opening_takes() -> None:
    assert inspect.signature(aio.open).parameters == inspect.signature(memoria.open).parameters


def test_what_a_memory_carries_is_read_through(path: Path) -> None:
    with memoria.open(path, embedder=HashEmbedder(64), progress=lambda what, done, total: None) as memory:
        view = AsyncMemoria(memory).namespace("app", "ada")
        carried = {name for name in vars(memory) if not name.startswith("_")}
        assert carried == {"store", "embedder", "policy", "prefix", "progress"}
        for name in {*carried, "reinforces"}:
            assert getattr(view, name) is getattr(view.sync, name)
        assert "app/ada" in repr(view)


def test_verbs_run_beside_each_other_and_are_on_the_disk(path: Path) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            made = await asyncio.gather(*(memory.remember(f"fact {n}") for n in range(30)))
            assert len({one.id for one in made}) == 30
            found = await asyncio.gather(*(memory.recall(f"fact {n}", k=1, vector_only=True) for n in range(30)))
            assert [hits[0].memory.text for hits in found] == [f"fact {n}" for n in range(30)]
            receipts = await asyncio.gather(*(memory.forget(one, verify=True) for one in made[:5]))
            assert [receipt.verification.found for receipt in receipts if receipt.verification] == [0] * 5

    asyncio.run(run())
    assert sorted(stored(path)) == sorted(f"fact {n}" for n in range(5, 30))


def test_views_are_had_at_once_and_share_the_store(path: Path) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            ada = memory.namespace("app", "ada")
            assert type(ada) is AsyncMemoria
            tea = await ada.remember("tea", subject="ada")
            assert tea.namespace == ("app", "ada")
            await memory.namespace("app", "bob").remember("chess")
            assert [one.text for one in await ada.list()] == ["tea"]
            assert len(await memory.list()) == 2
            assert memory.reinforcing("never").reinforces == "never"
            assert memory.reinforces == "recalled"
            await ada.close()
            with pytest.raises(memoria.StoreClosed):
                await memory.list()

    asyncio.run(run())


def test_errors_pass_through(path: Path) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            with pytest.raises(memoria.MemoryNotFound):
                await memory.get("0" * 32)
            with pytest.raises(memoria.UnknownArgument, match="did you mean 'subject'"):
                await memory.remember("tea", sujbect="ada")  # type: ignore[call-arg]  # on purpose
            with pytest.raises(memoria.UnknownArgument, match="did you mean 'id'"):
                await memory.get(ident="x")  # type: ignore[call-arg]  # on purpose
            with pytest.raises(memoria.InvalidQuery, match="sometimes"):
                memory.reinforcing("sometimes")  # type: ignore[arg-type]  # on purpose
        with pytest.raises(memoria.StoreClosed):
            await memory.remember("tea")
        with pytest.raises(memoria.StoreNotFound):
            await aio.open(path.with_name("none"), mode="r")

    asyncio.run(run())


def test_a_cancelled_verb_is_finished_in_its_thread_and_closing_waits_for_it(path: Path, gate: Gate) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=gate) as memory:
            task = await gate.shut_and_reach(lambda: memory.remember("tea"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 1)  # at once, although the thread still waits
            assert await memory.list() == []  # others go on meanwhile
            closing = asyncio.create_task(memory.close())
            done, _ = await asyncio.wait([closing], timeout=0.1)
            assert not done
            gate.open.set()
            await closing

    asyncio.run(run())
    assert stored(path, gate) == ["tea"]


def test_a_close_that_is_cancelled_before_it_has_a_thread_closes_all_the_same(path: Path, gate: Gate) -> None:
    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        memory = await aio.open(path, embedder=gate)
        first = await gate.shut_and_reach(lambda: memory.remember("first"))
        held = asyncio.get_running_loop().run_in_executor(None, gate.open.wait, 10)
        closing = asyncio.create_task(memory.close())
        await asyncio.sleep(0.02)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        gate.open.set()
        assert await held
        await first
        await until(lambda: not memory.sync.store._open)  # type: ignore[attr-defined]  # nobody awaits it
        with pytest.raises(memoria.StoreClosed):
            await memory.list()

    asyncio.run(run())
    assert stored(path, gate) == ["first"]


def test_a_deadline_is_kept_and_the_write_is_there_later(path: Path, gate: Gate) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=gate) as memory:
            gate.open.clear()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(memory.remember("tea"), 0.05)
            gate.open.set()

    asyncio.run(run())
    assert stored(path, gate) == ["tea"]


def test_a_verb_that_had_no_thread_yet_never_begins(path: Path, gate: Gate) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=gate) as memory:
            first = [await gate.shut_and_reach(lambda: memory.remember("first")) for _ in range(LANES - 1)]
            second = asyncio.create_task(memory.remember("second"))
            await asyncio.sleep(0.02)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            gate.open.set()
            await asyncio.gather(*first)

    asyncio.run(run())
    assert stored(path, gate) == ["first"] * (LANES - 1)


def test_many_calls_hold_few_threads_and_none_of_the_loop(path: Path, gate: Gate) -> None:
    """200 calls under way: the store's threads and no more, another namespace has its turn, and so has the loop's own
    executor.
    """

    async def run() -> None:
        async with aio.open(path, embedder=gate) as memory:
            before = threading.active_count()
            await gate.shut_and_reach(lambda: memory.namespace("greedy").remember("tea"))
            greedy = [asyncio.create_task(memory.namespace("greedy").remember(f"fact {n}")) for n in range(200)]
            other = memory.namespace("modest")
            assert await asyncio.wait_for(other.list(), 10) == []
            assert threading.active_count() <= before + LANES
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 10) == "free"
            gate.open.set()
            assert len(await asyncio.gather(*greedy)) == 200
            assert threading.active_count() <= before + LANES + 1

    asyncio.run(run())


def test_no_acknowledged_write_is_lost_in_a_storm_of_cancellations(path: Path) -> None:
    acknowledged: list[str] = []

    async def write(memory: AsyncMemoria, n: int) -> None:
        made = await memory.remember(f"fact {n}")
        acknowledged.append(made.text)

    async def run() -> None:
        draw = np.random.default_rng(0)
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            tasks = [asyncio.create_task(write(memory, n)) for n in range(60)]
            for task in tasks:
                await asyncio.sleep(float(draw.uniform(0, 0.003)))
                if draw.random() < 0.5:
                    task.cancel()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)

    asyncio.run(run())
    assert acknowledged
    assert set(acknowledged) <= set(stored(path))


def test_leaving_the_block_by_cancellation_closes_the_store(path: Path, gate: Gate) -> None:
    opened = asyncio.Event()

    async def work() -> None:
        async with aio.open(path, embedder=gate) as memory:
            gate.open.clear()
            opened.set()
            await memory.remember("tea")

    async def run() -> None:
        task = asyncio.create_task(work())
        await opened.wait()
        await until(gate.reached.is_set)
        task.cancel()
        await asyncio.sleep(0.02)
        task.cancel()  # again, while it waits to close
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.open.set()

    asyncio.run(run())
    assert stored(path, gate) == ["tea"]


def test_an_opening_that_nobody_waits_for_leaves_no_lock(path: Path, gate: Gate) -> None:
    async def enter() -> None:
        async with aio.open(path, embedder=gate):
            raise AssertionError("cancelled before")

    async def run() -> None:
        task = await gate.shut_and_reach(enter)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.open.set()

    asyncio.run(run())
    assert stored(path, gate) == []


def test_an_opening_that_was_done_when_it_was_cancelled_is_closed(path: Path) -> None:
    async def run() -> None:
        opening = aio.open(path, embedder=HashEmbedder(64))
        task = asyncio.ensure_future(opening.__aenter__())
        while opening._view is None:
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await (await task).close()

    asyncio.run(run())
    assert stored(path) == []


def test_awaiting_gives_a_memory_that_is_closed_by_hand(path: Path) -> None:
    async def run() -> None:
        memory = await aio.open(path, embedder=HashEmbedder(64))
        await memory.remember("tea")
        with pytest.raises(memoria.StoreLocked):
            await aio.open(path, embedder=HashEmbedder(64))
        await memory.close()

    asyncio.run(run())
    assert stored(path) == ["tea"]


def test_sleep_in_the_background_is_awaited(path: Path) -> None:
    async def run() -> None:
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            await memory.remember_many(["Ada ran along the river.", "Ada ran along the river today."])
            planned = await memory.sleep(dry_run=True, like=0.5)
            sleeper = await memory.sleep(background=True, like=0.5)
            night = await sleeper
            assert len(night.gists) == len(planned.gists) == 1
            assert await sleeper == night
            assert not sleeper.asleep

    asyncio.run(run())


def test_who_stops_awaiting_a_night_leaves_it_at_work_and_takes_no_thread(path: Path) -> None:
    written, go = threading.Event(), threading.Event()

    def write(parts: Any) -> str:
        written.set()
        assert go.wait(10)
        return str(parts[0].text)

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with aio.open(path, embedder=HashEmbedder(64)) as memory:
            await memory.remember_many(["Ada ran along the river.", "Ada ran along the river today."])
            sleeper = await memory.sleep(background=True, like=0.5, write=write)
            await until(written.is_set)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(sleeper, 0.05)
            assert sleeper.asleep
            assert len(await asyncio.wait_for(memory.list(), 5)) == 2
            go.set()
            assert len((await sleeper).gists) == 1

    asyncio.run(run())
