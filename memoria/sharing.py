"""Sharing: one store written by several threads and processes, in turns.

The local store has one writer process at a time, held by a lock. `Shared` takes the lock for one piece of work and
gives it back: opening and closing cost milliseconds, for indexes are built on demand. Within a process its threads
take turns before they ask for the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fsdecode, fspath
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from memoria.embedders import as_embedder
from memoria.engine.memory import Memoria
from memoria.engine.opening import MEMORY
from memoria.engine.opening import open as open_memoria
from memoria.process import call_in_child, in_child
from memoria.protocols import Store
from memoria.stores.registry import is_url


class Shared:
    """A store in directory `path`, opened for each piece of work and closed after it.

    namespace: the view that is lent. timeout: seconds to wait for another process that writes.
    options: of `memoria.open`, but path and timeout. An embedder is loaded once, not at each turn.
    """

    def __init__(
        self, path: str | PathLike[str], *, namespace: tuple[str, ...] = (), timeout: float = 30.0, **options: Any
    ) -> None:
        self.path = path if is_url(path) or fspath(path) == MEMORY else Path(fsdecode(path)).absolute()
        self.prefix = namespace
        self._timeout = timeout
        self._options = options
        if options.get("embedder") is not None:
            options["embedder"] = as_embedder(options["embedder"])
        self._begin()
        in_child(self, Shared._begin)

    def _begin(self) -> None:
        """Nobody has it: so it begins, and so it is in a child by fork, which opens the store for itself."""
        self._mutex = threading.RLock()
        self._memory: Memoria | None = None

    @contextmanager
    def lend(self) -> Iterator[Memoria]:
        """The view, open until the block ends; raises StoreLocked, and what `memoria.open` raises."""
        with self._mutex:
            if self._memory is not None:  # the same thread, further down
                yield self._memory
                return
            with open_memoria(self.path, timeout=self._timeout, **self._options) as memory:
                self._options["embedder"] = memory.embedder
                self._memory = memory.namespace(*self.prefix)
                try:
                    yield self._memory
                finally:
                    self._memory = None


Source = Memoria | Shared
"""What an adapter works on: a memory that stays open, or one that is opened for each piece of work."""

_turns: WeakKeyDictionary[Store, threading.RLock] = WeakKeyDictionary()
_turns_mutex = threading.Lock()


def _free() -> None:
    """In a child by fork, no thread is left that has a turn."""
    global _turns_mutex
    _turns_mutex = threading.Lock()
    _turns.clear()


call_in_child(_free)


@contextmanager
def lent(source: Source) -> Iterator[Memoria]:
    """The memory for one piece of work that reads and then writes: no other such work on its store comes between."""
    if isinstance(source, Shared):
        with source.lend() as memory:
            yield memory
        return
    with _turns_mutex:
        turn = _turns.setdefault(source.store, threading.RLock())
    with turn:
        yield source
