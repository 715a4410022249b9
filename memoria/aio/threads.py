"""Verbs in worker threads: what AsyncMemoria stands on. Its verbs are in memory.py, which is generated."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from copy import copy
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from weakref import WeakKeyDictionary

from memoria.aio.turns import Turns
from memoria.engine.memory import Memoria
from memoria.process import call_in_child
from memoria.protocols import DecayPolicy, Embedder, Progress, Store
from memoria.types import Namespace

Result = TypeVar("Result")
LANES = 8
"""Threads of a store, however many calls are awaited: as many as a store in PostgreSQL has connections."""
_turns: WeakKeyDictionary[Store, Turns] = WeakKeyDictionary()
_turns_mutex = threading.Lock()


def _free() -> None:
    """In a child by fork, no thread is left."""
    global _turns_mutex
    _turns_mutex = threading.Lock()
    _turns.clear()


call_in_child(_free)


def turns_of(memory: Memoria) -> Turns:
    """The threads of the store of a memory: the same ones for all that is made of it, however it is opened here."""
    store = getattr(memory.store, "whole", memory.store)
    with _turns_mutex:
        found = _turns.get(store)
        if found is None:
            # One namespace does not take the last lane.
            found = _turns[store] = Turns(LANES, LANES - 1, name="memoria-aio")
        return found


class Threads:
    """The verbs of a store that are under way in worker threads; all its views count together.

    Namespaces wait in turn. A verb that has begun is finished, whoever stops awaiting it, and `run_last` waits for it.

    Args:
        memory: whose verbs.
    """

    def __init__(self, memory: Memoria) -> None:
        self._who = memory.prefix
        self._under_way: set[object] = set()
        self._changed = threading.Condition()
        self._turns = turns_of(memory)

    def of(self, who: Namespace) -> Threads:
        """The same threads, for the turns of another namespace."""
        others = copy(self)
        others._who = who
        return others

    async def run(self, verb: Callable[[], Result]) -> Result:
        """What a verb returns, or raises."""
        return await self._turns.run(self._who, lambda: self._counted(verb))

    async def run_last(self, verb: Callable[[], Result]) -> Result:
        """Runs a verb once no other is under way, even if the task that awaits it is cancelled."""
        return await asyncio.shield(asyncio.to_thread(self._after_all, verb))

    def _counted(self, verb: Callable[[], Result]) -> Result:
        this = object()
        with self._changed:
            self._under_way.add(this)
        try:
            return verb()
        finally:
            with self._changed:
                self._under_way.discard(this)
                self._changed.notify_all()

    def _after_all(self, verb: Callable[[], Result]) -> Result:
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way)
            return verb()


class AsyncView:
    """A memory whose verbs are awaited.

    Attributes:
        sync: the memory itself, for code in threads.
    """

    def __init__(self, memory: Memoria) -> None:
        """Makes it of an open memory; `memoria.aio.open` does it from a path.

        Args:
            memory: an open memory, or a view of a namespace.
        """
        self.sync = memory
        self._threads = Threads(memory)

    @property
    def store(self) -> Store:
        """Where the memories are."""
        return self.sync.store

    @property
    def embedder(self) -> Embedder:
        """Texts to vectors."""
        return self.sync.embedder

    @property
    def policy(self) -> DecayPolicy:
        """How memories fade."""
        return self.sync.policy

    @property
    def prefix(self) -> Namespace:
        """The namespace of the view; () sees the whole store."""
        return self.sync.prefix

    @property
    def progress(self) -> Progress | None:
        """Called with (what, done, total) during long work, in the thread that does it; None for nobody."""
        return self.sync.progress

    def _view(self, memory: Memoria) -> Self:
        view = copy(self)
        view.sync, view._threads = memory, self._threads.of(memory.prefix)
        return view

    async def _close(self) -> None:
        await self._threads.run_last(self.sync.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'/'.join(self.prefix) or 'all namespaces'} of {self.store!r}>"


View = TypeVar("View", bound=AsyncView)


class Opening(Generic[View]):
    """A memory that is being opened: `await` gives it, `async with` gives it and closes it afterwards.

    Args:
        opened: opens it; called in a worker thread.
    """

    def __init__(self, opened: Callable[[], View]) -> None:
        self._opened = opened
        self._mutex = threading.Lock()
        self._wanted = True
        self._view: View | None = None

    def __await__(self) -> Generator[Any, None, View]:
        return self._open().__await__()

    async def __aenter__(self) -> View:
        return await self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._view is not None:
            await self._view._close()

    async def _open(self) -> View:
        try:
            return await asyncio.to_thread(self._in_thread)
        except asyncio.CancelledError:
            self._give_up()
            raise

    def _in_thread(self) -> View:
        """Opens; what nobody waits for any more is closed at once, or its lock would stay."""
        view = self._opened()
        with self._mutex:
            self._view = view
            if not self._wanted:
                view.sync.close()
        return view

    def _give_up(self) -> None:
        with self._mutex:
            self._wanted = False
            if self._view is not None:
                self._view.sync.close()
