"""What is left of memories that were erased, asked exactly: their slots, their rows, and all that hung on these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memoria.stores.batches import parts
from memoria.stores.local.database import marks
from memoria.stores.local.slots import HEADER_BYTES
from memoria.stores.local.upkeep import Upkeep
from memoria.types import Remains

_PRINT = slice(52, 64)
_OWN = frozenset({"lock", "store.key", "memoria.db", "memoria.db-wal", "memoria.db-shm", "memoria.db-journal"})
_MARKS = frozenset({"epoch", "reserve"})
# What hangs on a row, by its number. Numbers are given anew, so only what has no row is left over.
_BY_ROW = {"label": "label", "passage": "passage", "standing": "standing", "due": "due", "recalled": "line of recalls"}


@dataclass(frozen=True, slots=True)
class Bound:
    """Where one memory is, before it is erased. labels: hashes that its row has."""

    id: bytes
    namespace: int
    file: Path
    slot: int
    size: int
    row: int
    labels: tuple[bytes, ...]


class Remaining(Upkeep):
    """The part of a store that says what is left."""

    def bound(self, ids: Sequence[str]) -> list[Bound]:
        with self._reading():
            located = self._locate([bytes.fromhex(id) for id in ids])
            rows = dict(self._by_id("id, row", list(located)))
            return [self._bound(id, *place, rows[id]) for id, place in located.items()]

    def _bound(self, id: bytes, space: Any, slot: int, row: int) -> Bound:
        labels = tuple(hash for (hash,) in self._database.rows("SELECT hash FROM label WHERE row = ?", row))
        path = self._slot_path(space.slots.number)
        return Bound(id, space.number, path, slot, int(space.slots.slot_size), row, labels)

    def remains(self, bound: object) -> Remains:
        known = [one for one in bound if isinstance(one, Bound)] if isinstance(bound, list) else []
        with self._writing():
            self._purge()
            left = [*self._in_slots(known), *self._in_rows(known), *self._in_indexes(known)]
            checks = len(known) * (len(_BY_ROW) + 5)
        return Remains(checks=checks, left=tuple(left))

    def _in_slots(self, known: Sequence[Bound]) -> Iterator[str]:
        """Read from the file, and not from what is mapped. A file that is gone holds nothing."""
        for one in known:
            with suppress(FileNotFoundError), one.file.open("rb") as file:
                file.seek(HEADER_BYTES + one.slot * one.size)
                found = bytearray(file.read(one.size))
                found[_PRINT] = bytes(len(found[_PRINT]))
                if any(found):
                    yield "slot"

    def _in_rows(self, known: Sequence[Bound]) -> Iterator[str]:
        yield from self._found("row", "SELECT id FROM memory WHERE id", [one.id for one in known])
        yield from self._found("link", "SELECT child FROM link WHERE child", [one.id for one in known])
        rows = [one.row for one in known]
        orphan = "row NOT IN (SELECT row FROM memory) AND row"
        for table, name in _BY_ROW.items():
            yield from self._found(name, f"SELECT row FROM {table} WHERE {orphan}", rows)
        hashes = list(dict.fromkeys(hash for one in known for hash in one.labels))
        labels = "SELECT hash FROM label WHERE row NOT IN (SELECT row FROM memory) AND hash"
        # One that stands at the number of its row is named above.
        elsewhere = labels.replace("AND hash", f"AND row NOT IN ({','.join(map(str, rows))}) AND hash")
        yield from self._found("label", elsewhere, hashes)

    def _found(self, name: str, sql: str, values: Iterable[Any]) -> Iterator[str]:
        for part in parts(list(values)):
            for _ in self._database.rows(f"{sql} IN ({marks(part)})", *part):
                yield name

    def _in_indexes(self, known: Sequence[Bound]) -> Iterator[str]:
        for one in known:
            space = self._spaces.get(one.namespace)
            if space is None or self._slot_path(space.slots.number) != one.file:
                continue
            if space.index is not None and space.index.has(one.slot):
                yield "vector index"
            if space.words is not None and len(space.words.leaves_of(np.array([one.slot], np.int64))):
                yield "word index"

    def nameless(self) -> Iterator[Path]:
        return (path for path in self.files() if not path.name.startswith("memoria.db"))

    def strays(self) -> Iterator[Path]:
        return (path for path in self.files() if not _is_own(path.relative_to(self.path)))


def _is_own(path: Path) -> bool:
    """Whether a path within a store is one of its files."""
    top = path.parts[0]
    if len(path.parts) == 1:
        return top in _OWN | _MARKS
    return top == "adapters" or (top == "slots" and path.suffix == ".slots" and path.stem.isdigit())
