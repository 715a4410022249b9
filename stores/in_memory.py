"""The store in a dict: nothing on disk, exact search, the oracle of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import MemoryNotFound, StoreClosed
from memoria.protocols import Embedder
from memoria.types import EmbedderCard, Memory, Namespace, Record, Secret, StoreStats, Where

if TYPE_CHECKING:
    from memoria.protocols import Vectors


class InMemoryStore:
    """Memories in a dict by id; vectors rounded to fp16 as every store rounds them."""

    def __init__(self, embedder: EmbedderCard) -> None:
        self._card = embedder
        self._records: dict[str, Record] | None = {}

    @property
    def embedder(self) -> EmbedderCard:
        return self._card

    @property
    def _open(self) -> dict[str, Record]:
        if self._records is None:
            raise StoreClosed("the store is closed")
        return self._records

    def write(self, records: Sequence[Record]) -> None:
        self._open.update({record.memory.id: _rounded(record) for record in records})

    def replace(self, record: Record) -> None:
        self._known([record.memory.id])
        self._open[record.memory.id] = _rounded(record)

    def erase(self, ids: Sequence[str]) -> None:
        self._known(ids)
        for id in set(ids):
            del self._open[id]

    def erase_namespaces(self, prefix: Namespace) -> int:
        gone = self.namespaces(prefix)
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
        self._records = None

    def _known(self, ids: Sequence[str]) -> None:
        unknown = [id for id in ids if id not in self._open]
        if unknown:
            raise MemoryNotFound(*unknown)


def _rounded(record: Record) -> Record:
    return replace(record, vector=record.vector.astype(np.float16).astype(np.float32))
