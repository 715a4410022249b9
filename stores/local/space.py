"""A namespace that is open: its slot file, its name, and its indexes once somebody searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from memoria.protocols import Progress
from memoria.stores.local.index import BOUND, FLAT_LIMIT, Index
from memoria.stores.local.slots import SlotFile
from memoria.stores.sealing import unseal
from memoria.text.lexical import LexicalIndex

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors

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
        # Words of the slots before `worded`; those behind it are in sealed rows, read when somebody asks.
        self.words: LexicalIndex | None = None
        self.worded = 0
        # Slots of archived memories, and of those restored since the index was built: both are outside of it.
        self.away = np.zeros(0, np.int64)
        self.back = np.zeros(0, np.int64)

    def archive(self, slots: Sequence[int]) -> None:
        """Takes slots out of what is searched."""
        if not len(slots):
            return
        self.away = np.union1d(self.away, np.asarray(slots, np.int64))
        self.back = np.setdiff1d(self.back, self.away)
        if self.index is not None:
            self.index.erase(slots)

    def restore(self, slots: Sequence[int]) -> None:
        """Lets slots in again; an index is append-only, so they are looked at one by one until it is built anew."""
        self.away = np.setdiff1d(self.away, np.asarray(slots, np.int64))
        self.back = np.union1d(self.back, np.asarray(slots, np.int64))

    def stand(self, away: Sequence[int]) -> None:
        """Takes in which slots are archived now."""
        now, before = np.asarray(away, np.int64), self.away
        self.archive(np.setdiff1d(now, before).tolist())
        self.restore(np.setdiff1d(before, now).tolist())

    def load(self, progress: Progress | None = None) -> Index:
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

    def live(self) -> Ints:
        """Slots in use, ascending."""
        used = self.slots.used()
        return used[used < self.next_slot]

    def nearest(
        self,
        vector: Vectors,
        k: int,
        among: Ints | None,
        progress: Progress | None,
        *,
        archived: bool | None = None,
    ) -> list[tuple[float, int]]:
        """(cosine, slot) of the k nearest, best first; exact among `among` when it is few.

        archived: whether only those, only others, or None for both; with `among` it has been seen to.
        """
        index = self.load(progress)
        if among is not None and (len(among) * 8 < len(index) or len(among) <= FLAT_LIMIT):
            return self._rerank(vector, among, k)
        while True:
            live = len(index)
            found = self._refined(index, vector, k, among, archived)
            # A reader meets what the writer has forgotten since; it is out of the index now, so look again.
            if len(found) == k or len(index) == live:
                return found

    def _refined(
        self,
        index: Index,
        vector: Vectors,
        k: int,
        among: Ints | None,
        archived: bool | None,
    ) -> list[tuple[float, int]]:
        """Candidates of the index, scored from the slots, as far down as the k-th best can still be beaten."""
        wanted = max(RERANK, 4 * k)
        slots, estimates = index.search(vector, wanted if among is None else wanted * 8)
        outside = self.back if archived is False else np.concatenate([self.back, self.away])
        if among is not None:
            outside = np.intersect1d(outside, among)
            inside = np.isin(slots, among, assume_unique=True)
            slots, estimates = slots[inside], estimates[inside]
            if len(slots) + len(outside) < k:
                return self._rerank(vector, among, k)
        best = self._rerank(vector, np.concatenate([slots[:wanted], outside]), k)
        floor = best[-1][0] - BOUND if len(best) == k else -np.inf
        rest = slots[wanted:][estimates[wanted:] > floor]
        return _best(best + self._rerank(vector, rest, k), k)

    def _rerank(self, vector: Vectors, slots: Ints, k: int) -> list[tuple[float, int]]:
        scored: list[tuple[float, int]] = []
        for at in range(0, len(slots), _CHUNK):
            part = slots[at : at + _CHUNK]
            vectors = self.slots.vectors(part)
            scores = vectors @ vector
            # A forgotten slot is all zeros, whatever the index still proposes.
            dead = np.flatnonzero(~vectors.any(axis=1))
            if len(dead) and self.index is not None:
                self.index.erase(part[dead].tolist())
            scores[dead] = -np.inf
            chosen = np.argsort(-scores, kind="stable")[:k]
            scored += [(float(scores[n]), int(part[n])) for n in chosen if scores[n] > -np.inf]
        return _best(scored, k)

    def advance(self, next_slot: int) -> None:
        """Takes in what another process has appended, and lets go of the words of what it has forgotten."""
        if self.words is not None:
            docs = self.words.docs()
            self.words.remove(docs[~self.slots.taken(docs)].tolist())
        if next_slot == self.next_slot:
            return
        self.slots.remap()
        self.slots.require(next_slot)
        fresh = np.arange(self.next_slot, next_slot)
        self.next_slot = next_slot
        if self.index is not None:
            vectors = self.slots.vectors(fresh)
            live = vectors.any(axis=1)
            self.index.add(fresh[live], vectors[live])

    def close(self) -> None:
        self.index = self.words = None
        self.slots.close()


def _best(scored: list[tuple[float, int]], k: int) -> list[tuple[float, int]]:
    return sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:k]


def bearing(space: Space, claimed: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Those (id, slot) whose slot bears the id. A few are read, so that no page is mapped for them; many are mapped."""
    if len(claimed) < _FEW:
        return [(id, slot) for id, slot in claimed if space.slots.id(slot) == id]
    slots = np.fromiter((slot for _, slot in claimed), np.int64, len(claimed))
    inside = np.flatnonzero(slots < space.slots.capacity)
    bearing = space.slots.ids(slots[inside])
    return [claimed[n] for n, id in zip(inside, bearing, strict=True) if bytes(id) == claimed[n][0]]
