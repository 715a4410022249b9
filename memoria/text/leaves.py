"""Which document each leaf of a lexical index is of: a document has one for itself, a gist one for each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints

    _Small = NDArray[np.int32]

_NONE = -1


class Leaves:
    """Leaves are numbered from 0 as documents are added; no number is given twice."""

    def __init__(self) -> None:
        self._size = 0
        self._owners: _Small = np.zeros(0, np.int32)
        self._parts: _Small = np.zeros(0, np.int32)
        # By document: its first leaf, and how many it has.
        self._first: _Small = np.zeros(0, np.int32)
        self._count: _Small = np.zeros(0, np.int32)

    def add(self, doc: int, parts: int) -> range:
        """Gives a document so many leaves, at least one."""
        first, self._size = self._size, self._size + parts
        self._owners, self._parts = _grown(self._owners, self._size), _grown(self._parts, self._size)
        self._first, self._count = _grown(self._first, doc + 1, _NONE), _grown(self._count, doc + 1)
        self._owners[first : self._size] = doc
        self._parts[first : self._size] = np.arange(parts)
        self._first[doc], self._count[doc] = first, parts
        return range(first, self._size)

    def remove(self, doc: int) -> range:
        """Takes a document out; returns the leaves that it had, none if it was not there."""
        if doc >= len(self._first) or self._first[doc] == _NONE:
            return range(0)
        first, count = int(self._first[doc]), int(self._count[doc])
        self._first[doc], self._count[doc] = _NONE, 0
        return range(first, first + count)

    def docs(self) -> Ints:
        """The documents that are there, ascending."""
        found: Ints = np.flatnonzero(self._first != _NONE).astype(np.int64)
        return found

    def of(self, docs: Ints) -> Ints:
        """The leaves of those of `docs` that are there, in their order."""
        docs = docs[docs < len(self._first)]
        docs = docs[self._first[docs] != _NONE]
        first, count = self._first[docs].astype(np.int64), self._count[docs].astype(np.int64)
        found: Ints = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
        return found

    def owners(self, leaves: Ints) -> Ints:
        """The document of each leaf."""
        return self._owners[leaves].astype(np.int64)

    def parts(self, leaves: Ints) -> Ints:
        """Which part of its document each leaf is, from 0."""
        return self._parts[leaves].astype(np.int64)

    def name(self, leaf: int) -> tuple[int, int]:
        """What a leaf is, whatever was added before it: its document, and which part."""
        return int(self._owners[leaf]), int(self._parts[leaf])


def _grown(array: _Small, size: int, filled: int = 0) -> _Small:
    """The array, or a longer one with room for `size` numbers."""
    if size <= len(array):
        return array
    return np.concatenate([array, np.full(max(size, 2 * len(array), 64) - len(array), filled, array.dtype)])
