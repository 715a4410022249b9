"""The store in a dict: nothing on disk, exact search, the oracle of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import MemoryNotFound, StoreClosed
from memoria.evidence import Evidence, gather, merge
from memoria.lexical import LexicalIndex
from memoria.protocols import Embedder
from memoria.types import EmbedderCard, Memory, Namespace, Record, Secret, StoreStats, Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.protocols import Vectors
    from memoria.words import Question


class InMemoryStore:
    """Memories in a dict by id; vectors rounded to fp16 as every store rounds them."""

    def __init__(self, embedder: EmbedderCard) -> None:
        self._card = embedder
        self._records: dict[str, Record] | None = {}
        self._words: dict[Namespace, tuple[list[str], LexicalIndex]] = {}

    @property
    def embedder(self) -> EmbedderCard:
        return self._card

    @property
    def _open(self) -> dict[str, Record]:
        if self._records is None:
            raise StoreClosed("the store is closed")
        return self._records

    def write(self, records: Sequence[Record]) -> None:
        self._words.clear()
        self._open.update({record.memory.id: _rounded(record) for record in records})

    def replace(self, record: Record) -> None:
        self._known([record.memory.id])
        self._words.clear()
        self._open[record.memory.id] = _rounded(record)

    def erase(self, ids: Sequence[str]) -> None:
        self._known(ids)
        self._words.clear()
        for id in set(ids):
            del self._open[id]

    def erase_namespaces(self, prefix: Namespace) -> int:
        gone = self.namespaces(prefix)
        self._words.clear()
        for id in self.select(Where(namespace=prefix)):
            del self._open[id]
        return len(gone)

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        return [self._open.get(id) for id in ids]

    def select(self, where: Where) -> list[str]:
        return sorted(id for id, record in self._open.items() if where.matches(record.memory))

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        ids = self.select(where)
        scored = [(self._open[id].memory, float(self._open[id].vector @ vector)) for id in ids]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0].id))[:k]

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        matching = set(self.select(where))
        parts = []
        for name in self.namespaces(where.namespace):
            ids, index = self._lexical(name)
            among = np.array([doc for doc, id in enumerate(ids) if id in matching], np.int64)
            vectors = np.stack([self._open[id].vector for id in ids])
            nearest = among[np.argsort(-(vectors[among] @ vector), kind="stable")[:pool]]
            docs, columns = gather(index, nearest, _reader(vectors), asked, vector, among, pool)
            parts.append(([ids[doc] for doc in docs], columns))
        return merge(parts)

    def _lexical(self, name: Namespace) -> tuple[list[str], LexicalIndex]:
        """Ids of a namespace and an index in which each has its place as number; built anew after every write."""
        if name not in self._words:
            ids = [id for id in self.select(Where(namespace=name)) if self._open[id].memory.namespace == name]
            index = LexicalIndex()
            for doc, id in enumerate(ids):
                index.add(doc, self._open[id].memory)
            self._words[name] = ids, index
        return self._words[name]

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        names = {record.memory.namespace for record in self._open.values()}
        return sorted(name for name in names if name[: len(prefix)] == prefix)

    def count(self, prefix: Namespace) -> int:
        return len(self.select(Where(namespace=prefix)))

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        self._known(ids)
        return []

    def files(self) -> Iterator[Path]:
        yield from ()

    def check(self) -> list[str]:
        return [id for id, record in self._open.items() if record.memory.id != id]

    def rebuild(self) -> None:
        self._open.copy()

    def reembed(self, embedder: Embedder) -> None:
        ids = list(self._open)
        vectors = embedder.embed([self._open[id].memory.text for id in ids])
        for id, vector in zip(ids, vectors, strict=True):
            self._open[id] = _rounded(replace(self._open[id], vector=vector / np.linalg.norm(vector)))
        self._card = embedder.card

    def stats(self) -> StoreStats:
        names = self.namespaces(())
        return StoreStats(
            memories=len(self._open),
            namespaces=len(names),
            erased=0,
            bytes_on_disk=0,
            embedder=self._card,
            format=0,
        )

    def close(self) -> None:
        self._words.clear()
        self._records = None

    def _known(self, ids: Sequence[str]) -> None:
        unknown = [id for id in ids if id not in self._open]
        if unknown:
            raise MemoryNotFound(*unknown)


def _rounded(record: Record) -> Record:
    return replace(record, vector=record.vector.astype(np.float16).astype(np.float32))


def _reader(vectors: Vectors) -> Callable[[NDArray[np.int64]], Vectors]:
    return lambda docs: vectors[docs]
