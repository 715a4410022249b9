"""A namespace that is open: its slot file, its name, and its indexes once somebody searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from memoria.lexical import LexicalIndex
from memoria.stores.local.index import FLAT_LIMIT, Index
from memoria.stores.local.sealing import unseal
from memoria.stores.local.slots import SlotFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

RERANK = 200
_CHUNK = 65_536


def place(space: int) -> bytes:
    """What the sealed name of a namespace is bound to."""
    return b"namespace" + space.to_bytes(8, "little")


class Space:
    """One namespace of a local store."""

    def __init__(self, number: int, slots: SlotFile, next_slot: int, sealed: bytes) -> None:
        slots.require(next_slot)
        self.number = number
        self.slots = slots
        self.next_slot = next_slot
        self.name = tuple(unseal(slots.key, sealed, place(number)))
        self.index: Index | None = None
        self.words: LexicalIndex | None = None

    def load(self, progress: Callable[[str, int, int], None] | None = None) -> Index:
        """The index, built from the slots when there is none or it is worn."""
        if self.index is None or self.index.worn:
            live = self.live()
            self.index = Index(self.slots.dimension, large=len(live) > FLAT_LIMIT)
            for at in range(0, len(live), _CHUNK):
                part = live[at : at + _CHUNK]
                self.index.add(part, self.slots.vectors(part))
                if progress is not None:
                    progress("index", min(at + _CHUNK, len(live)), len(live))
        return self.index

    def live(self) -> NDArray[np.int64]:
        """Slots in use, ascending."""
        used = self.slots.used()
        return used[used < self.next_slot]

    def nearest(
        self,
        vector: NDArray[np.float32],
        k: int,
        among: NDArray[np.int64] | None,
        progress: Callable[[str, int, int], None] | None,
    ) -> list[tuple[float, int]]:
        """(cosine, slot) of the k nearest, best first; exact among `among` when it is few."""
        index = self.load(progress)
        wanted = max(RERANK, 4 * k)
        if among is None:
            candidates = index.search(vector, wanted)
        elif len(among) * 8 < len(index) or len(among) <= FLAT_LIMIT:
            candidates = among
        else:
            candidates = np.intersect1d(index.search(vector, wanted * 8), among)
            candidates = candidates if len(candidates) >= k else among
        return self._rerank(vector, candidates, k)

    def _rerank(self, vector: NDArray[np.float32], slots: NDArray[np.int64], k: int) -> list[tuple[float, int]]:
        scored: list[tuple[float, int]] = []
        for at in range(0, len(slots), _CHUNK):
            part = slots[at : at + _CHUNK]
            vectors = self.slots.vectors(part)
            scores = vectors @ vector
            # A forgotten slot is all zeros, whatever the index still proposes.
            scores[~vectors.any(axis=1)] = -np.inf
            best = np.argsort(-scores, kind="stable")[:k]
            scored += [(float(scores[n]), int(part[n])) for n in best if scores[n] > -np.inf]
        return sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:k]

    def close(self) -> None:
        self.index = self.words = None
        self.slots.close()
