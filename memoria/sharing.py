"""Sharing: one store written by several threads and processes, in turns.

The local store has one writer process at a time, held by a lock. `Shared` takes the lock for one piece of work and
gives it back. Opening and closing cost milliseconds, because indexes are built on demand. The threads of a process
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
    """A store that is opened for each piece of work and closed after it, so that other processes can write between.

    The embedder is loaded once, not each time.

    Args:
        path: directory of the store, or a URL as `memoria.open` takes it.
        namespace: `lend` gives the view of this namespace.
        timeout: seconds to wait for another process that writes.
        **options: other arguments of `memoria.open`.
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
        """Opens the store until the end of a `with` block.

        Yields:
            The view of the namespace.

        Raises:
            StoreLocked: another process still writes after `timeout` seconds. All other errors of `memoria.open` too.
        """
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
"""What an integration works on: a memory that stays open, or one that is opened for each piece of work."""

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
    """The memory for one piece of work that reads and then writes: other such work on the same store waits."""
    if isinstance(source, Shared):
        with source.lend() as memory:
            yield memory
        return
    with _turns_mutex:
        turn = _turns.setdefault(source.store, threading.RLock())
    with turn:
        yield source
