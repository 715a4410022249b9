"""The memories of one namespace in RAM: exact search by meaning, and what its words and turns say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memoria.ranking import best
from memoria.stores.nearness import Nearness
from memoria.text.evidence import Evidence, gather
from memoria.text.lexical import LexicalIndex
from memoria.types import Record

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors
    from memoria.text.words import Question


class Room:
    """Records of one namespace as they were when it was made; each has its place in the order of ids as its number."""

    def __init__(self, records: Sequence[Record], language: str | None) -> None:
        self._language = language
        self._memories = [record.memory for record in records]
        self.ids = [memory.id for memory in self._memories]
        self._vectors: Vectors = np.stack([record.vector for record in records])
        self._further = Nearness(self._vectors.shape[1])
        for doc, record in enumerate(records):
            if record.passages is not None:
                self._further.add(doc, record.passages)

    @cached_property
    def _words(self) -> LexicalIndex:
        index = LexicalIndex(self._language)
        for doc, memory in enumerate(self._memories):
            index.add(doc, memory)
        return index

    def nearest(self, vector: Vectors, among: Set[str], k: int) -> list[tuple[float, str]]:
        """(cosine, id) of the k nearest of `among`, best first."""
        docs = self._docs(among)
        scores = self._further.scores(docs, self._vectors[docs], vector)
        return [(float(scores[at]), self.ids[docs[at]]) for at in best(scores, k, docs.__getitem__)]

    def evidence(
        self,
        asked: Question,
        vector: Vectors,
        among: Set[str],
        without: Set[str] | None,
        pool: int,
        hidden: Collection[bytes],
    ) -> Evidence:
        """Candidates among these ids, parts of gists `hidden` aside. without: ids that lend nothing to the others."""
        docs = self._docs(among)
        scores = self._further.scores(docs, self._vectors[docs], vector)
        nearest = docs[best(scores, pool, docs.__getitem__)]
        away = None if without is None else self._docs(without)

        def read(some: Ints, parts: Ints) -> Vectors:
            return self._further.nearer(some, parts, self._vectors[some], vector)

        found, columns = gather(self._words, nearest, read, asked, vector, docs, pool, away, hidden)
        ids = [self.ids[doc] for doc in self._words.leaves.owners(found).tolist()]
        return Evidence(ids=ids, columns=columns, parts=self._words.ids_of(found))

    def _docs(self, ids: Set[str]) -> Ints:
        return np.array([doc for doc, id in enumerate(self.ids) if id in ids], np.int64)


def rooms(records: Iterable[Record], language: str | None) -> list[Room]:
    """One room for each namespace, in their order. language: of the store."""
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.memory.namespace, record.memory.id)):
        found.setdefault(record.memory.namespace, []).append(record)
    return [Room(inside, language) for inside in found.values()]
