"""Windows: what a new memory is judged beside, when nobody has said how important it is: the last of its namespace.

A window is in RAM only. It is read from the store when it is first needed, follows what is written and erased through
this process from then on, and has nothing of what is forgotten, archived or restricted, or of what only some may see:
the salience of a memory tells nobody of others that they do not see. What other processes write and erase is taken in
after `FRESH` seconds, where the store says that there are such; one that can say that only this process wrote to a
namespace (`untouched`) is asked that first.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from memoria.errors import InvalidMemory, InvalidQuery, shown
from memoria.process import in_child
from memoria.protocols import Store
from memoria.retention.salience import ADOPTED, SIZE, Turn, Weights, Window, shipped, weights_of
from memoria.types import Memory, Namespace, Record, Where

SalienceLike = Callable[[Memory], float] | Literal["text", "alone", "flat"]
"""Takes a memory without salience and gives it one, in [0, 1]. "text" judges from the text, beside the last memories of
the namespace; "alone" from the text and nothing else; "flat" gives 0.5."""
_NAMED = get_args(get_args(SalienceLike)[1])
NEUTRAL = 0.5
"""The salience of what is not judged."""
FRESH = 10.0
"""Seconds for which a window is used of a store that other processes write to."""
# So many namespaces have a window in RAM, about 100 KB each.
_KEPT = 256
# Of a longer text this many characters are judged.
_READ = 8192
# What is stored beside sealed content, in clear, says no more of a text than this many decimals.
DECIMALS = 2


@dataclass(slots=True)
class _Open:
    """A window in RAM.

    at: when it was read, in seconds of a clock that runs evenly. mark: of the namespace as it was then, from the store.
    """

    window: Window
    at: float
    mark: object = None


@dataclass(slots=True)
class _Loading:
    """What happens while a window is read. void: it is not to be kept."""

    namespace: Namespace
    new: list[Memory] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    void: bool = False


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A window as it will be when a batch is stored, if nothing else is until then."""

    namespace: Namespace
    changes: int
    window: Window
    ids: Sequence[str]


class Windows:
    """The windows of a store, for all threads of this process.

    Args:
        store: where memories are read from.
        how: gives saliences.
    """

    def __init__(self, store: Store, how: SalienceLike = "text") -> None:
        self._store = store
        self.how = how
        self._begin()
        in_child(self, Windows._begin)

    def _begin(self) -> None:
        self._mutex = threading.RLock()
        self._windows: OrderedDict[Namespace, _Open] = OrderedDict()
        self._loading: list[_Loading] = []
        self._changes = 0
        self._ahead: _Ahead | None = None
        self._noted: str | None = None
        self._looked_at: float | None = None
        self._adopted = shipped()

    def weighed(self, memories: Sequence[Memory]) -> list[Memory]:
        """Memories of one namespace, to be stored in this order: whose salience is to be judged has it now.

        A memory that is in the window already is judged beside the others. Raises InvalidMemory where a callable gives
        no number in [0, 1].
        """
        if self.how == "flat" or not any(one.judged for one in memories):
            return list(memories)
        if callable(self.how):
            return [_valued(one, self.how(one)) if one.judged else one for one in memories]
        if self.how == "alone":
            nothing, weights = Window(1), self._weights()
            return [_valued(one, nothing.judge(turn_of(one), weights)) if one.judged else one for one in memories]
        return self._beside(memories)

    def _beside(self, memories: Sequence[Memory]) -> list[Memory]:
        """As `weighed`, beside the last memories of the namespace."""
        namespace, weights = memories[0].namespace, self._weights()
        window = self._window(namespace)
        with self._mutex:
            # Another thread may have read it as well, and that one is kept.
            there = self._windows.get(namespace)
            window, changes = (window, -1) if there is None else (there.window, self._changes)
            if len(memories) == 1 and memories[0].id not in window:
                return [_valued(memories[0], window.judge(turn_of(memories[0]), weights))]
            ahead = window.copy()
        out = []
        for one in memories:
            ahead.drop(one.id)
            turn = turn_of(one)
            place = ahead.take(one.id, turn, weights) if one.visible_to is None else ahead.judge(turn, weights)
            out.append(_valued(one, place) if one.judged else one)
        ids = [one.id for one in memories if one.visible_to is None]
        with self._mutex:
            self._ahead = _Ahead(namespace, changes, ahead, ids)
        return out

    # -- following the store --

    def stored(self, new: Sequence[Record], replaced: Sequence[Record] = (), gone: Collection[str] = ()) -> None:
        """Takes in what was written, and lets go what was erased, of the windows that are in RAM."""
        with self._mutex:
            if not self._windows and not self._loading:
                return
            known = {one.memory.id for one in replaced if self._has(one.memory)}
            self.drop([*gone, *(one.memory.id for one in replaced)])
            added = [*(one for one in replaced if one.memory.id in known), *new]
            found: dict[Namespace, list[Memory]] = {}
            for one in added:
                if one.memory.visible_to is None and not (one.trace.archived or one.trace.restricted):
                    found.setdefault(one.memory.namespace, []).append(one.memory)
            for namespace, memories in found.items():
                self._add(namespace, memories)

    def drop(self, ids: Iterable[str]) -> None:
        """Lets go what was erased, or is out of use."""
        gone = set(ids)
        with self._mutex:
            for one in self._loading:
                one.gone |= gone
                one.new = [memory for memory in one.new if memory.id not in gone]
            for there in self._windows.values():
                for id in gone:
                    if id in there.window:
                        there.window.drop(id)
                        self._changes += 1

    def clear(self, prefix: Namespace = ()) -> None:
        """Lets go all windows of namespaces at or below this one."""
        with self._mutex:
            self._changes += 1
            self._ahead = None
            for namespace in [one for one in self._windows if one[: len(prefix)] == prefix]:
                del self._windows[namespace]
            for loading in self._loading:
                loading.void = True

    def _has(self, memory: Memory) -> bool:
        there = self._windows.get(memory.namespace)
        return there is not None and memory.id in there.window

    def _add(self, namespace: Namespace, memories: Sequence[Memory]) -> None:
        for loading in self._loading:
            if loading.namespace == namespace:
                loading.new += memories
        there, ahead = self._windows.get(namespace), self._ahead
        if there is None:
            return
        if (
            ahead is not None
            and (ahead.namespace, ahead.changes) == (namespace, self._changes)
            and list(ahead.ids) == [one.id for one in memories]
        ):
            there.window = ahead.window
        else:
            for one in memories:
                there.window.add(one.id, turn_of(one))
        self._changes += 1
        self._ahead = None

    # -- reading --

    def _window(self, namespace: Namespace) -> Window:
        """The window of a namespace, read where it is not in RAM or has become old."""
        with self._mutex:
            there = self._windows.get(namespace)
            if there is not None and not self._old(there):
                self._windows.move_to_end(namespace)
                return there.window
            loading = _Loading(namespace)
            self._loading.append(loading)
        # Not under the mutex: who holds the store may wait for it.
        window, at = Window(), time.monotonic()
        try:
            mark, same = self._marked(namespace, there)
            if there is not None and same and not loading.void:
                there.at, there.mark = at, mark
                return there.window
            for memory in latest(self._store, namespace, SIZE):
                window.add(memory.id, turn_of(memory))
            with self._mutex:
                self._settled(loading, _Open(window, at, mark))
        finally:
            with self._mutex:
                self._loading = [one for one in self._loading if one is not loading]
        return window

    def _marked(self, namespace: Namespace, there: _Open | None) -> tuple[object, bool]:
        """The mark of a namespace, and whether nobody but this process wrote to it since a window of it was read."""
        ask: Callable[[Namespace, object], tuple[object, bool]] | None = getattr(self._store, "untouched", None)
        return (None, False) if ask is None else ask(namespace, None if there is None else there.mark)

    def _settled(self, loading: _Loading, read: _Open) -> None:
        """Takes in what has happened while a window was read, and keeps it."""
        window = read.window
        for id in loading.gone:
            window.drop(id)
        for memory in loading.new:
            window.add(memory.id, turn_of(memory))
        if not loading.void:
            self._changes += 1
            self._windows[loading.namespace] = read
            self._windows.move_to_end(loading.namespace)
            while len(self._windows) > _KEPT:
                self._windows.popitem(last=False)

    def _weights(self) -> Weights:
        """Those of the store; where other processes write, what they adopt is taken in after a while as well."""
        others = getattr(self._store, "others_write", False)
        if others and self._looked_at is not None and not self._late(self._looked_at):
            return self._adopted
        now, noted = time.monotonic(), self._store.note(ADOPTED)
        if noted != self._noted:
            self._noted, self._adopted = noted, weights_of(self._store)
        self._looked_at = now
        return self._adopted

    def look_again(self) -> None:
        """Reads the weights again when they are needed next: this process may have adopted others."""
        self._looked_at = None

    def _old(self, there: _Open) -> bool:
        return getattr(self._store, "others_write", False) and self._late(there.at)

    def _late(self, at: float) -> bool:
        return time.monotonic() - at > FRESH


def latest(store: Store, namespace: Namespace, limit: int) -> list[Memory]:
    """The memories observed last in exactly this namespace, of those that everybody sees and recall does not leave out.

    Args:
        store: any store; one that has a method of this name is asked.
        namespace: of the memories.
        limit: how many at most.

    Returns:
        They, oldest first.
    """
    ask: Callable[[Namespace, int], list[Memory]] | None = getattr(store, "latest", None)
    if ask is not None:
        return ask(namespace, limit)
    ids, found = store.select(Where(namespace=namespace, archived=False)), list[Memory]()
    while ids and len(found) < limit:
        memories = [record.memory for record in store.read(ids[-limit:]) if record is not None]
        found = [one for one in memories if one.namespace == namespace and one.visible_to is None] + found
        ids = ids[:-limit]
    return found[-limit:]


def check_salience(how: object) -> None:
    """Raises InvalidQuery for what gives no salience."""
    if not callable(how) and how not in (*_NAMED, None):
        raise InvalidQuery(f"salience is {shown(how)}, not a callable, or one of {', '.join(_NAMED)}")


def turn_of(memory: Memory) -> Turn:
    """What is judged of a memory: its beginning, who said it and when, on a day of the speaker's calendar."""
    origin = memory.provenance
    return Turn(text=memory.text[:_READ], speaker=origin.speaker, session=origin.session, on=memory.day())


def _valued(memory: Memory, value: float) -> Memory:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMemory(f"salience as it is judged is {type(value).__name__}, not a number")
    if not 0 <= value <= 1:
        raise InvalidMemory("salience as it is judged is not in [0, 1]")
    return replace(memory, salience=round(float(value), DECIMALS))
