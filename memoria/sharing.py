"""Sharing: one store written by several threads and processes, in turns.

The local store has one writer process at a time, held by a lock. `Shared` takes the lock for one piece of work and
gives it back. Opening and closing cost milliseconds, because indexes are built on demand. The threads of a process
take turns before they ask for the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from os import PathLike, fsdecode, fspath
from pathlib import Path
from typing import Any, Unpack
from weakref import WeakKeyDictionary

from memoria.access.sight import Roles, check_roles
from memoria.embedders import as_embedder
from memoria.engine.learning import LearnOptions, as_asked
from memoria.engine.memory import Memoria
from memoria.engine.opening import MEMORY
from memoria.engine.opening import open as open_memoria
from memoria.extraction import learning
from memoria.extraction.learning import Lesson
from memoria.extraction.said import MessageLike
from memoria.models import ModelLike, as_model
from memoria.process import call_in_child, in_child
from memoria.protocols import Store
from memoria.stores.registry import is_url
from memoria.stores.wrapping import as_wrapper
from memoria.validate import check_namespace, check_reader


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
        # One object for all turns, so that a passphrase is stretched once.
        options["unlock"] = as_wrapper(options.get("unlock"))
        self._turn = _Turn()
        self._reader: tuple[str, Roles | None] | None = None

    def namespace(self, *parts: str) -> Shared:
        """The same store, shared with this object, seen from a namespace below.

        Args:
            parts: names, from this namespace downwards.

        Returns:
            A store that takes turns with this one.

        Raises:
            InvalidQuery: a part is empty, or holds "/".
        """
        below = copy(self)
        below.prefix = self.prefix + check_namespace(parts)
        return below

    def reading_as(self, reader: str, *, roles: Roles | None = None) -> Shared:
        """The same store, as a reader sees it.

        Args:
            reader: as of `Memoria.reading_as`.
            roles: as of `Memoria.reading_as`.

        Returns:
            A store that takes turns with this one.

        Raises:
            InvalidQuery: `reader` is no name, or `roles` is not a callable.
        """
        check_roles(roles)
        seen = copy(self)
        seen._reader = check_reader(reader), roles
        return seen

    def _seen(self, whole: Memoria) -> Memoria:
        """The view of the namespace, for the reader if one was named."""
        view = whole.namespace(*self.prefix)
        return view if self._reader is None else view.reading_as(self._reader[0], roles=self._reader[1])

    @contextmanager
    def lend(self) -> Iterator[Memoria]:
        """Opens the store until the end of a `with` block.

        Yields:
            The view of the namespace.

        Raises:
            StoreLocked: another process still writes after `timeout` seconds. All other errors of `memoria.open` too.
        """
        turn = self._turn
        with turn.mutex:
            if turn.memory is not None and turn.whole is not None:  # the same thread, further down
                same = turn.memory.prefix == self.prefix and turn.reader == self._reader
                yield turn.memory if same else self._seen(turn.whole)
                return
            with open_memoria(self.path, timeout=self._timeout, **self._options) as memory:
                self._options["embedder"] = memory.embedder
                turn.memory = self._seen(memory)
                turn.whole, turn.reader = memory, self._reader
                try:
                    yield turn.memory
                finally:
                    turn.memory = turn.whole = None

    def learn(self, messages: Iterable[MessageLike], *, model: ModelLike, **how: Unpack[LearnOptions]) -> Lesson:
        """As `Memoria.learn`; the store is free for others while the model thinks.

        Args:
            messages: as of `Memoria.learn`.
            model: as of `Memoria.learn`.
            how: as of `Memoria.learn`.

        Returns:
            What was learnt, and what was not, with the reason.

        Raises:
            StoreLocked: another process still writes after `timeout` seconds. All errors of `Memoria.learn` too.
        """
        return learning.learn(self._place, messages, as_model(model), as_asked(how))

    @contextmanager
    def _place(self) -> Iterator[learning.Place]:
        with self.lend() as memory:
            yield memory._place


class _Turn:
    """Whose turn it is in this process, and what is open meanwhile; nobody's in a child by fork."""

    def __init__(self) -> None:
        self._begin()
        in_child(self, _Turn._begin)

    def _begin(self) -> None:
        self.mutex = threading.RLock()
        self.memory: Memoria | None = None
        self.whole: Memoria | None = None
        self.reader: tuple[str, Roles | None] | None = None


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
        # What a reader sees of a store is written in turn with all of it.
        turn = _turns.setdefault(getattr(source.store, "whole", source.store), threading.RLock())
    with turn:
        yield source
