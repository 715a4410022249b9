"""The store in a dict: nothing on disk, exact search, the oracle of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from memoria.stores.base import StoreBase
from memoria.stores.guardkey import Outside
from memoria.types import EmbedderCard, Namespace, Record


class InMemoryStore(StoreBase):
    """Memories in a dict by id; vectors rounded to fp16 as every store rounds them."""

    def __init__(self, embedder: EmbedderCard, *, language: str | None = None, outside: Outside | None = None) -> None:
        self._records: dict[str, Record] = {}
        self._shelves: dict[str, dict[str, bytes]] = {}
        super().__init__(embedder, language=language, outside=outside)

    def _fetch(self, ids: Collection[str]) -> dict[str, Record]:
        return {id: self._records[id] for id in ids if id in self._records}

    def _scan(self, prefix: Namespace) -> list[Record]:
        return [record for record in self._records.values() if record.memory.under(prefix)]

    def _put(self, records: Sequence[Record]) -> None:
        self._records.update({record.memory.id: record for record in records})

    def _destroy(self, ids: Collection[str]) -> None:
        for id in ids:
            del self._records[id]

    def _entries(self, shelf: str) -> dict[str, bytes]:
        return self._shelves.get(shelf, {})

    def _put_entries(self, shelf: str, changes: Mapping[str, bytes | None]) -> None:
        kept = self._shelves.setdefault(shelf, {})
        for key, value in changes.items():
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = value

    def _atomic(self) -> AbstractContextManager[None]:
        # StoreBase has looked at everything before it writes, and writing to a dict does not fail.
        return nullcontext()

    def files(self) -> Iterator[Path]:
        yield from ()

    def _release(self) -> None:
        self._records, self._shelves = {}, {}
