"""Further passages of long memories, and parts of gists, in RAM: which of them a question is nearest to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from memoria.ranking import products

if TYPE_CHECKING:
    from memoria.arrays import Ints, Scores, Vectors
    from memoria.types import Passages

# Room for the parts of one document.
_PARTS = 1 << 12


class Nearness:
    """Vectors of passages by document and part, rounded to fp16. Documents are added in ascending order.

    In float32: to convert them at each search would take ten times as long as to compare them.
    """

    def __init__(self, dimension: int) -> None:
        self.owners: Ints = np.zeros(0, np.int64)
        # Document and part in one number, ascending.
        self._keys: Ints = np.zeros(0, np.int64)
        self._vectors: Vectors = np.zeros((0, dimension), np.float32)
        self._fresh: list[tuple[int, Ints, Vectors]] = []

    def __len__(self) -> int:
        self._take_in()
        return len(self.owners)

    def add(self, doc: int, further: Passages) -> None:
        """Adds the passages of a document."""
        keys = doc * _PARTS + np.array(further.owners, np.int64)
        self._fresh.append((doc, keys, further.vectors.astype(np.float16).astype(np.float32)))

    def _take_in(self) -> None:
        """Joins what was added since: one copy for many documents."""
        if self._fresh:
            owners = [np.full(len(vectors), doc) for doc, _, vectors in self._fresh]
            self.owners = np.concatenate([self.owners, *owners])
            self._keys = np.concatenate([self._keys, *(keys for _, keys, _ in self._fresh)])
            self._vectors = np.concatenate([self._vectors, *(vectors for _, _, vectors in self._fresh)])
            self._fresh = []

    def remove(self, docs: Iterable[int]) -> None:
        """Takes documents out; what is left is as if they had never been there."""
        self._take_in()
        gone = np.isin(self.owners, np.fromiter(docs, np.int64))
        if gone.any():
            self.owners, self._keys, self._vectors = self.owners[~gone], self._keys[~gone], self._vectors[~gone]

    def best(self, vector: Vectors) -> tuple[Ints, Scores]:
        """Every document with further passages, ascending, and the cosine of the nearest of each."""
        self._take_in()
        docs, first = np.unique(self.owners, return_index=True)
        if not len(docs):
            return docs, np.zeros(0, np.float32)
        scores: Scores = np.maximum.reduceat(products(self._vectors, vector), first)
        return docs, scores

    def scores(self, docs: Ints, vectors: Vectors, vector: Vectors) -> Scores:
        """For each document, of which `vectors` has the first passage, the cosine of its nearest passage."""
        scores: Scores = products(vectors, vector)
        found, further = self.best(vector)
        if len(found):
            at = np.minimum(np.searchsorted(found, docs), len(found) - 1)
            scores = np.where(found[at] == docs, np.maximum(scores, further[at]), scores)
        return scores

    def nearer(self, docs: Ints, parts: Ints, vectors: Vectors, vector: Vectors) -> Vectors:
        """For each part of a document the vector of its passage nearest to `vector`, shape (n, d).

        docs, parts: shape (n,). vectors: of the first passages of the documents, which is that of the first part; it
        stands for a part without a vector of its own too.
        """
        self._take_in()
        low, high = (np.searchsorted(self._keys, docs * _PARTS + parts, side) for side in ("left", "right"))
        if not (high > low).any():
            return vectors
        made = vectors.copy()
        alone = np.flatnonzero((high == low + 1) & (parts > 0))
        made[alone] = self._vectors[low[alone]]
        several = np.flatnonzero((high > low) & ~((high == low + 1) & (parts > 0)))
        if len(several):
            rows, scores = self._likest(low[several], high[several] - low[several], vector)
            # The first passage of a document is not among those of its part 0.
            taken = (parts[several] > 0) | (scores > products(vectors[several], vector))
            made[several[taken]] = self._vectors[rows[taken]]
        return made

    def _likest(self, low: Ints, counts: Ints, vector: Vectors) -> tuple[Ints, Scores]:
        """Of each run of rows the one nearest to `vector`, the first of equals, and its cosine. counts: all > 0."""
        starts = np.cumsum(counts) - counts
        rows = np.arange(counts.sum()) + np.repeat(low - starts, counts)
        scores = products(self._vectors[rows], vector)
        best: Scores = np.maximum.reduceat(scores, starts)
        hits = np.flatnonzero(scores == np.repeat(best, counts))
        return rows[hits[np.searchsorted(hits, starts)]], best
