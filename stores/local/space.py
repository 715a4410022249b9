"""A namespace that is open: its slot file, its name, and what RAM holds of it once a verb needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.protocols import Progress
from memoria.ranking import best, products
from memoria.stores.local.index import BOUND, FLAT_LIMIT, Index
from memoria.stores.local.slots import SlotFile, check_counts
from memoria.stores.nearness import Nearness
from memoria.stores.sealing import unseal
from memoria.text.fingerprints import Fingerprints, Prints
from memoria.text.lexical import LexicalIndex
from memoria.types import Namespace, Record

if TYPE_CHECKING:
    from memoria.arrays import Ints, Scores, Vectors

RERANK = 200
_CHUNK = 65_536
_FEW = 16


def place(space: int) -> bytes:
    """What the sealed name of a namespace is bound to, so that it opens in no other place."""
    return b"namespace" + space.to_bytes(8, "little")


def opened_name(space: int, slots: SlotFile, sealed: bytes) -> Namespace:
    """The name of a namespace; raises StoreCorrupt when the slot file is not that of the namespace."""
    try:
        return tuple(unseal(slots.key, sealed, place(space)))
    except StoreCorrupt:
        raise StoreCorrupt(
            f"{slots.path} does not open the name of its namespace: it is of another store, or memoria.db is damaged"
        ) from None


class Space:
    """One namespace of a local store."""

    def __init__(self, number: int, slots: SlotFile, next_slot: int, sealed: bytes, *, writable: bool) -> None:
        self.number = number
        self.slots = slots
        self.next_slot = next_slot
        try:
            self.name = opened_name(number, slots, sealed)
            check_counts(slots, next_slot, writable=writable)
        except BaseException:
            slots.close()
            raise
        self.index: Index | None = None
        # An index that is half built, and the slots that it still lacks; none once anything has changed.
        self.begun: tuple[Index, Ints] | None = None
        # Words of the slots before `worded`; the words of later slots are in sealed rows, opened by the next search.
        self.words: LexicalIndex | None = None
        self.worded = 0
        # Further passages of the slots before `cut`, likewise.
        self.passages: Nearness | None = None
        self.cut = 0
        # Slots of archived memories, and slots restored since the index was built: neither are in the index.
        self.away = np.zeros(0, np.int64)
        self.back = np.zeros(0, np.int64)
        # Fingerprints of what was forgotten here, and what was adopted from other stores; None until they are read.
        self.prints: Prints | None = None
        self.adopted: frozenset[Fingerprints] | None = None
        # Lines that are sealed under a guard key outside of the store: their kinds, and themselves; None as before.
        self.sealed: list[tuple[int, bytes]] | None = None
        self.outside: list[tuple[int, Fingerprints]] | None = None

    def forget_prints(self) -> None:
        """Drops what RAM has of fingerprints: lines of the database have changed."""
        self.prints = self.adopted = self.sealed = self.outside = None

    def append(self, records: Sequence[Record]) -> None:
        """Adds records to the indexes; they are in the slots from `next_slot` on."""
        self.begun = None
        slots = np.arange(self.next_slot, self.next_slot + len(records))
        self.next_slot += len(records)
        self.slots.acknowledge(self.next_slot)
        if self.index is not None:
            self.index.add(slots, self.slots.vectors(slots))
        self.archive(
            [int(slot) for slot, one in zip(slots, records, strict=True) if one.trace.archived or one.trace.restricted]
        )
        # Where words of earlier slots are missing yet, the next search opens these rows too.
        if self.words is not None and self.worded == slots[0]:
            for slot, record in zip(slots.tolist(), records, strict=True):
                self.words.add(slot, record.memory)
            self.worded = self.next_slot
        if self.passages is not None:
            for slot, record in zip(slots.tolist(), records, strict=True):
                if record.passages is not None:
                    self.passages.add(slot, record.passages)
            self.cut = self.next_slot

    def erase(self, slots: Sequence[int], *, guard: bool) -> None:
        """Removes slots, zeroed on disk, from the indexes. guard: they have left their fingerprints."""
        self.begun = None
        if self.index is not None:
            self.index.erase(slots)
        if self.words is not None:
            self.words.remove(slots)
        if self.passages is not None:
            self.passages.remove(slots)
        if guard and self.prints is not None:
            self.prints.update(self.slots.prints(slots))

    def archive(self, slots: Sequence[int]) -> None:
        """Takes slots out of what is searched."""
        if not len(slots):
            return
        self.begun = None
        self.away = np.union1d(self.away, np.asarray(slots, np.int64))
        self.back = np.setdiff1d(self.back, self.away)
        if self.index is not None:
            self.index.erase(slots)

    def restore(self, slots: Sequence[int]) -> None:
        """Puts slots back. An index is append-only, so they are scored one by one until it is built again."""
        self.begun = None
        self.away = np.setdiff1d(self.away, np.asarray(slots, np.int64))
        self.back = np.union1d(self.back, np.asarray(slots, np.int64))

    def set_archived(self, away: Sequence[int]) -> None:
        """Takes slots out of what is searched, or puts them back, so that exactly these are archived."""
        now, before = np.asarray(away, np.int64), self.away
        self.archive(np.setdiff1d(now, before).tolist())
        self.restore(np.setdiff1d(before, now).tolist())

    def load(self, progress: Progress | None = None) -> Index:
        """The index, built from the slots if there is none or it is worn."""
        while self.prepare(_CHUNK, progress):
            pass
        assert self.index is not None
        return self.index

    def prepare(self, some: int, progress: Progress | None = None) -> bool:
        """Builds the index for so many slots more, if there is none or it is worn; whether there was anything to do."""
        if self.index is not None and not self.index.worn:
            return False
        if self.begun is None:
            live = np.setdiff1d(self.live(), self.away)
            self.begun = Index(self.slots.dimension, large=len(live) > FLAT_LIMIT), live
        index, rest = self.begun
        if len(rest):
            index.add(rest[:some], self.slots.vectors(rest[:some]))
            self.begun = index, rest[some:]
            if progress is not None:
                progress("index", len(index), len(index) + len(rest[some:]))
        if len(rest) <= some:
            self.index, self.begun, self.back = index, None, np.zeros(0, np.int64)
        return True

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

        archived: only archived memories, only others, or None for both; `among` is of this kind already.
        """
        index = self.load(progress)
        if among is not None and (len(among) * 8 < len(index) or len(among) <= FLAT_LIMIT):
            return self._rerank(vector, among, k)
        while True:
            live = len(index)
            found = self._refined(index, vector, k, among, archived)
            # In a reader: the writer has forgotten some of these since. They were just removed, so search again.
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
        """Candidates of the index, scored from the slots, down to where none can be better than the k-th best."""
        wanted = max(RERANK, 4 * k)
        outside = self.back if archived is False else np.concatenate([self.back, self.away])
        if among is not None:
            outside = np.intersect1d(outside, among)
        while True:
            asked = wanted if among is None else wanted * 8
            slots, estimates = index.search(vector, asked)
            cut = estimates[asked - 1] if len(estimates) >= asked else -np.inf
            if among is not None:
                inside = np.isin(slots, among, assume_unique=True)
                slots, estimates = slots[inside], estimates[inside]
                if len(slots) + len(outside) < k:
                    return self._rerank(vector, among, k)
            found = self._rerank(vector, np.concatenate([slots[:wanted], outside]), k)
            floor = found[-1][0] if len(found) == k else -np.inf
            rest = slots[wanted:][estimates[wanted:] > floor - BOUND]
            if len(rest):
                found = self._rerank(vector, np.concatenate([[slot for _, slot in found], rest]), k)
            if cut < _last_estimate(found, slots, estimates):
                return found
            # Vectors equal to the last of these were cut off by the index, in an order that is not that of ids.
            wanted *= 4

    def _rerank(self, vector: Vectors, slots: Ints, k: int) -> list[tuple[float, int]]:
        parts = [slots[at : at + _CHUNK] for at in range(0, len(slots), _CHUNK)]
        scores = np.concatenate([self._scores(vector, part) for part in parts]) if parts else np.zeros(0, np.float32)
        slots, scores = slots[scores > -np.inf], scores[scores > -np.inf]
        chosen = best(scores, k, lambda at: self.slots.ids(slots[at]).view("S16"))
        return [(float(scores[n]), int(slots[n])) for n in chosen]

    def _scores(self, vector: Vectors, slots: Ints) -> Scores:
        vectors = self.slots.vectors(slots)
        scores = products(vectors, vector)
        # The index may still propose a forgotten slot; its vector is all zeros.
        dead = np.flatnonzero(~vectors.any(axis=1))
        if len(dead) and self.index is not None:
            self.index.erase(slots[dead].tolist())
        scores[dead] = -np.inf
        return scores

    def with_passages(
        self, found: list[tuple[float, int]], vector: Vectors, k: int, among: Ints | None, without: Ints | None
    ) -> list[tuple[float, int]]:
        """What `nearest` found and the long memories that are nearer by a further passage: the k nearest of both."""
        if not self.passages:
            return found
        self.drop_dead_passages()
        slots, scores = self.passages.best(vector)
        keep = np.ones(len(slots), np.bool_) if among is None else np.isin(slots, among)
        if without is not None:
            keep &= ~np.isin(slots, without)
        nearest = {slot: score for score, slot in found}
        for slot, score in zip(slots[keep].tolist(), scores[keep].tolist(), strict=True):
            nearest[slot] = max(score, nearest.get(slot, -np.inf))
        places, values = np.array(list(nearest), np.int64), np.array(list(nearest.values()), np.float32)
        chosen = best(values, k, lambda at: self.slots.ids(places[at]).view("S16"))
        return [(float(values[at]), int(places[at])) for at in chosen]

    def drop_dead_passages(self) -> None:
        """In a reader: lets go of passages of what the writer has forgotten."""
        if self.passages:
            owners = np.unique(self.passages.owners)
            self.passages.remove(owners[~self.slots.taken(owners)].tolist())

    def nearer(self, slots: Ints, parts: Ints, vector: Vectors) -> Vectors:
        """For each part of a slot the vector of its passage nearest to `vector`, shape (n, d); zeros where forgotten.

        A memory that is no gist is its own part 0.
        """
        vectors = self.slots.vectors(slots)
        return self.passages.nearer(slots, parts, vectors, vector) if self.passages else vectors

    def advance(self, next_slot: int) -> None:
        """Adds what another process has appended, and removes the words of what it has forgotten."""
        self.begun = None
        if self.words is not None:
            docs = self.words.docs()
            self.words.remove(docs[~self.slots.taken(docs)].tolist())
        self.drop_dead_passages()
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
        self.index = self.words = self.passages = self.begun = None
        self.slots.close()


def _last_estimate(found: list[tuple[float, int]], slots: Ints, estimates: Scores) -> float:
    """What the index estimates for a vector that scores as the last one found; as far off as may be if it is not known.

    Equal vectors have equal estimates.
    """
    if not found:
        return np.inf
    last = found[-1][0]
    tied = [slot for score, slot in found if score == last]
    known = estimates[np.isin(slots, tied)]
    return float(known.min()) if len(known) else last - BOUND


def live_among(space: Space, claimed: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Those (id, slot) whose slot holds the id. A few are read, so that no page is mapped for them; many are mapped."""
    if len(claimed) < _FEW:
        return [(id, slot) for id, slot in claimed if space.slots.id(slot) == id]
    slots = np.fromiter((slot for _, slot in claimed), np.int64, len(claimed))
    inside = np.flatnonzero(slots < space.slots.capacity)
    held = space.slots.ids(slots[inside])
    return [claimed[n] for n, id in zip(inside, held, strict=True) if bytes(id) == claimed[n][0]]
