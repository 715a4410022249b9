"""Searching: the nearest vectors, and the evidence by which recall ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.stores import rows
from memoria.stores.batches import parts
from memoria.stores.lapses import Due, parts_of
from memoria.stores.local.passages import load
from memoria.stores.local.reading import Reading, opened_memory
from memoria.stores.local.slots import filled
from memoria.stores.local.space import Space
from memoria.stores.nearness import Nearness
from memoria.text.evidence import Evidence, gather, merge
from memoria.text.lexical import LexicalIndex, in_hex
from memoria.types import Memory, Namespace, Where

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors
    from memoria.text.words import Question


# So many vectors are taken into an index in the time in which one row is opened for its words.
_PER_ROW = 16
Lapsed = Mapping[int, Sequence[tuple[int, Due]]]
"""By namespace, (slot, what is due) of what is to be erased."""


class Searching(Reading):
    """The part of a store that finds what a question is about."""

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        with self._reading():
            best: list[tuple[float, bytes]] = []
            gone, where = self._lapsed_by(where), changed(where, kept_at=None)
            for space in self._under(where.namespace):
                nearest = self._nearest(space, vector, k, self._among(space, where, gone)[0], where)
                best += [(score, space.slots.id(slot)) for score, slot in nearest]
            best = sorted(best, key=lambda hit: (-hit[0], hit[1]))[:k]
            records = self._read([id for _, id in best])
            return [(record.memory, score) for record, (score, _) in zip(records, best, strict=True) if record]

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        with self._reading():
            gone, where = self._lapsed_by(where), changed(where, kept_at=None)
            under = self._under(where.namespace)
            return merge([self._evidence(space, asked, vector, where, pool, gone) for space in under])

    def _lapsed_by(self, where: Where) -> Lapsed:
        """What is to be erased by the time that a filter names, by namespace."""
        found: dict[int, list[tuple[int, Due]]] = {}
        for number, slot, one in self._due_by(where.kept_at):
            found.setdefault(number, []).append((slot, one))
        return found

    def _evidence(
        self, space: Space, asked: Question, vector: Vectors, where: Where, pool: int, gone: Lapsed
    ) -> Evidence:
        among, hidden = self._among(space, where, gone)
        found = self._nearest(space, vector, pool, among, where)
        nearest = np.array([slot for _, slot in found], np.int64)
        words = self._words(space)
        without = space.away if where.archived is False else None
        if space.number in gone:
            without = np.union1d([] if without is None else without, _whole(gone[space.number])).astype(np.int64)

        def read(slots: Ints, parts: Ints) -> Vectors:
            return space.nearer(slots, parts, vector)

        leaves, columns = gather(words, nearest, read, asked, vector, among, pool, without, hidden)
        docs = words.leaves.owners(leaves)
        held = space.slots.ids(docs)
        emptied = docs[~filled(held)]
        if len(emptied):
            # In a reader: the writer has forgotten some of these since. Their words are removed, and we search again.
            words.remove(emptied.tolist())
            return self._evidence(space, asked, vector, where, pool, gone)
        return Evidence(ids=in_hex(held), columns=columns, parts=words.ids_of(leaves))

    def _nearest(
        self, space: Space, vector: Vectors, k: int, among: Ints | None, where: Where
    ) -> list[tuple[float, int]]:
        """(cosine of the nearest passage, slot) of the k nearest of a namespace, best first."""
        found = space.nearest(vector, k, among, self._progress, archived=where.archived)
        self._take_in_passages(space)
        without = space.away if where.archived is False else None
        return space.with_passages(found, vector, k, among, without)

    def _take_in_passages(self, space: Space) -> None:
        """Opens the further passages of long memories that RAM does not have yet."""
        if space.passages is None:
            space.passages, space.cut = Nearness(space.slots.dimension), 0
        if space.cut < space.next_slot:
            found = self._database.rows(
                "SELECT m.id, m.slot, p.sealed FROM passage p JOIN memory m ON m.row = p.row "
                "WHERE p.namespace = ? AND m.slot >= ? ORDER BY m.slot",
                space.number,
                space.cut,
            )
            for slot, made in load(space, found):
                space.passages.add(slot, made)
            space.cut = space.next_slot

    def _words(self, space: Space, some: int | None = None) -> LexicalIndex:
        """The lexical index of a namespace, with the rows added that it does not have yet. some: of so many slots."""
        words = LexicalIndex(self.language) if space.words is None else space.words
        first = 0 if space.words is None else space.worded
        end = space.next_slot if some is None else min(space.next_slot, first + some)
        if first < end:
            found = self._database.rows(
                f"SELECT {rows.READ} FROM memory WHERE namespace = ? AND slot >= ? AND slot < ? ORDER BY slot",
                space.number,
                first,
                end,
            )
            self._add_words(words, space, found)
        space.words, space.worded = words, end
        return words

    def _add_words(self, words: LexicalIndex, space: Space, found: Sequence[tuple[Any, ...]]) -> None:
        """Opens rows, those that are live, and adds their words."""
        done, end = 0, min(space.next_slot, space.slots.capacity)
        for part in parts([row for row in found if row[2] < end]):
            for row, (id, key) in zip(part, space.slots.holders([row[2] for row in part]), strict=True):
                if id != row[0]:
                    continue
                try:
                    words.add(row[2], opened_memory(space, row, key))
                except StoreCorrupt as error:
                    self._warn(row[0], f"{error}; passed over, and named by doctor")
            done += len(part)
            self._tell("words", done, len(found))

    def _among(self, space: Space, where: Where, gone: Lapsed) -> tuple[Ints | None, set[bytes]]:
        """Slots of a namespace to search, None for all, or for all that are not archived; and which parts not to."""
        among, hidden = self._asked(space, where)
        if space.number not in gone:
            return among, hidden
        if among is None:
            among = np.setdiff1d(space.live(), space.away) if where.archived is False else space.live()
        due = gone[space.number]
        return np.setdiff1d(among, _whole(due)), hidden | parts_of(one for _, one in due)

    def _asked(self, space: Space, where: Where) -> tuple[Ints | None, set[bytes]]:
        """As `_among`, with what is to be erased."""
        if where.archived is not True and where == Where(namespace=where.namespace, archived=where.archived):
            return None, set()
        if where == Where(namespace=where.namespace, restricted=False):
            barred = self._restricted(space)
            return (np.setdiff1d(space.live(), barred) if len(barred) else None), set()
        chosen = set(where.ids) if where.ids is not None else None
        found, hidden = self._matching(space, where)
        return np.array([slot for id, slot in found if chosen is None or id.hex() in chosen], np.int64), hidden

    def _restricted(self, space: Space) -> Ints:
        """Slots of the restricted memories of a namespace, which are few."""
        found = self._database.rows(
            "SELECT m.slot FROM standing s JOIN memory m ON m.row = s.row WHERE s.namespace = ? AND s.bits & ?",
            space.number,
            rows.RESTRICTED,
        )
        return np.array([slot for (slot,) in found], np.int64)

    def warm(self, prefix: Namespace, some: int = 500) -> bool:
        """Makes ready a part of what searching keeps in RAM; whether more is to be made.

        A search makes the rest by itself. This takes short turns, between which others read and write.
        some: so many rows at a time.
        """
        with self._reading():
            if len(self._numbers_under(prefix)) > self._loaded:
                return False
            for space in self._under(prefix):
                if space.prepare(_PER_ROW * some, self._progress):
                    return True
                if space.words is None or space.worded < space.next_slot:
                    self._words(space, some)
                    return True
            return False


def _whole(due: Sequence[tuple[int, Due]]) -> Ints:
    """The slots of which nothing stays."""
    return np.array([slot for slot, one in due if one.whole], np.int64)
