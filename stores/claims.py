"""Keys of callers: within one namespace and among those for one audience, at most one memory has a key, be it a memory
by itself or a part of a gist. So a key that is taken tells nothing of what its caller cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set
from typing import TypeVar

from memoria.audience import written
from memoria.errors import KeyConflict
from memoria.types import Memory

K = TypeVar("K")
H = TypeVar("H")


def keys_of(memory: Memory) -> set[str]:
    """The keys of a memory and of its parts, each with the audience for which it is the only one."""
    return {_for_audience(one.key, memory) for one in (memory, *memory.parts) if one.key is not None}


def _for_audience(key: str, memory: Memory) -> str:
    # No key holds NUL.
    return key if memory.visible_to is None else f"{key}\0{written(memory.visible_to)}"


def claimed(wanted: Iterable[Collection[K]], holders: Mapping[K, Set[H]], leaving: Set[H]) -> set[K]:
    """Those of the wanted keys that nothing else will have. Raises KeyConflict for a key that is taken.

    wanted: the keys of each memory that comes. holders: which memories have a key now. leaving: those that go, or are
    replaced. What two memories shared before stores checked it, they may go on sharing.
    """
    counted = Counter(key for keys in wanted for key in set(keys))
    left = {key: holders.get(key, frozenset()) & leaving for key in counted}
    taken = [key for key, count in counted.items() if count > max(1, len(left[key]))]
    taken += [key for key in counted if holders.get(key) and not left[key]]
    if taken:
        raise KeyConflict("a key is held by another memory of its namespace already")
    return {key for key, count in counted.items() if count == 1 and holders.get(key, frozenset()) <= leaving}
