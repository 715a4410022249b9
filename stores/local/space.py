"""A namespace that is open: its slot file, its name, and its index once somebody searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from memoria.stores.local.index import FLAT_LIMIT, Index
from memoria.stores.local.sealing import unseal
from memoria.stores.local.slots import SlotFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

RERANK = 200
_CHUNK = 65_536
_FEW = 16


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
        # Slots of archived memories, and of those restored since the index was built: both are outside of it.
        self.away = np.zeros(0, np.int64)
        self.back = np.zeros(0, np.int64)

    def archive(self, slots: Sequence[int]) -> None:
        """Takes slots out of what is searched."""
        self.away = np.union1d(self.away, np.asarray(slots, np.int64))
        self.back = np.setdiff1d(self.back, self.away)
        if self.index is not None and len(slots):
            self.index.erase(slots)

    def restore(self, slots: Sequence[int]) -> None:
        """Lets slots in again; an index is append-only, so they are looked at one by one until it is built anew."""
        self.away = np.setdiff1d(self.away, np.asarray(slots, np.int64))
        self.back = np.union1d(self.back, np.asarray(slots, np.int64))

    def load(self, progress: Callable[[str, int, int], None] | None = None) -> Index:
        """The index, built from the slots when there is none or it is worn."""
        if self.index is None or self.index.worn:
            live = np.setdiff1d(self.live(), self.away)
            self.back = np.zeros(0, np.int64)
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
        *,
        archived: bool | None = None,
    ) -> list[tuple[float, int]]:
        """(cosine, slot) of the k nearest, best first; exact among `among` when it is few.

        archived: whether only those, only others, or None for both; with `among` it has been seen to.
        """
        index = self.load(progress)
        wanted = max(RERANK, 4 * k)
        if among is None:
            outside = self.back if archived is False else np.concatenate([self.back, self.away])
            candidates = (
                np.union1d(index.search(vector, wanted), outside) if len(outside) else index.search(vector, wanted)
            )
        elif len(among) * 8 < len(index) or len(among) <= FLAT_LIMIT:
            candidates = among
        else:
            nearby = np.concatenate([index.search(vector, wanted * 8), self.back, self.away])
            candidates = np.intersect1d(nearby, among)
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
        self.index = None
        self.slots.close()


def bearing(space: Space, claimed: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Those (id, slot) whose slot bears the id. A few are read, so that no page is mapped for them; many are mapped."""
    if len(claimed) < _FEW:
        return [(id, slot) for id, slot in claimed if space.slots.id(slot) == id]
    slots = np.fromiter((slot for _, slot in claimed), np.int64, len(claimed))
    inside = np.flatnonzero(slots < space.slots.capacity)
    bearing = space.slots.ids(slots[inside])
    return [claimed[n] for n, id in zip(inside, bearing, strict=True) if bytes(id) == claimed[n][0]]
