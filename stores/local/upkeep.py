"""Upkeep: figures, checks, and slot files written again, without dead slots or with the vectors of another embedder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memoria.protocols import Embedder
from memoria.stores.disk import translated
from memoria.stores.local import recovery
from memoria.stores.local.core import BATCH
from memoria.stores.local.database import FORMAT
from memoria.stores.local.reading import Reading
from memoria.stores.local.slots import MAGIC, SlotFile
from memoria.stores.local.space import Space
from memoria.stores.local.statements import insert_missing
from memoria.stores.local.writing import Writing
from memoria.stores.vectors import embedded
from memoria.types import EmbedderCard, StoreStats

if TYPE_CHECKING:
    from memoria.arrays import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A new slot file of a namespace; rows still point to the old one. slots: (slot in the new file, id)."""

    space: int
    file: SlotFile
    slots: list[tuple[int, bytes]]


class Upkeep(Reading, Writing):
    """The part of a store that looks after it."""

    def files(self) -> Iterator[Path]:
        return (path for path in sorted(self.path.rglob("*")) if path.is_file())

    def common(self) -> bytes:
        """Words of the schema, and settings, which name no content."""
        with self._reading():
            found = self._database.rows("SELECT name, sql FROM sqlite_master UNION ALL SELECT name, value FROM meta")
        words = (str(word) for line in found for word in line if word is not None)
        return "\n".join(["SQLite format 3", *words]).encode() + MAGIC

    def stats(self) -> StoreStats:
        with self._reading():
            spaces = self._all_under(())
            live = [len(space.live()) for space in spaces]
            return StoreStats(
                memories=sum(live),
                namespaces=sum(count > 0 for count in live),
                erased=sum(space.next_slot for space in spaces) - sum(live),
                bytes_on_disk=sum(path.stat().st_size for path in self.files()),
                embedder=self._card,
                format=FORMAT,
            )

    def check(self) -> list[str]:
        with self._reading():
            return recovery.check(self._database, self.path / "slots", self._disk, self._all_under(()))

    def rebuild(self) -> None:
        with self._writing():
            self.purge()
            spaces = self._all_under(())
            worn = [space for space in spaces if len(space.live()) < space.next_slot]
            self._swap([self._rewrite(space, None) for space in worn], self._card)
            for space in spaces:
                space.index = None
            self._database.compact()

    def reembed(self, embedder: Embedder) -> None:
        with self._writing():
            self.purge()
            self._swap([self._rewrite(space, embedder) for space in self._all_under(())], embedder.card)

    def _rewrite(self, space: Space, embedder: Embedder | None) -> Rewritten:
        """Copies live slots, numbered from 0, into a new file. The keys stay, because the sealed rows do not change."""
        live = space.live()
        ids = [bytes(id) for id in space.slots.ids(live)]
        entries = [space.slots.entry(int(slot)) for slot in live]
        dimension = self._card.dimension if embedder is None else embedder.card.dimension
        number = self._next_file()
        with translated(self.path):
            fresh = SlotFile.create(self.path / "slots", number, dimension, self._disk, space.slots.key)
            for at in range(0, len(live), BATCH):
                part = slice(at, at + BATCH)
                vectors = np.stack([vector for _, vector in entries[part]])
                if embedder is not None:
                    vectors = self._embed(embedder, ids[part])
                marks = [bytes(mark) for mark in space.slots.view["print"][live[part]]]
                fresh.put(at, ids[part], [key for key, _ in entries[part]], marks, vectors)
                self._tell("rewrite", min(at + BATCH, len(live)), len(live))
            fresh.sync()
        self._disk.reached("file rewritten")
        return Rewritten(space=space.number, file=fresh, slots=list(enumerate(ids)))

    def _embed(self, embedder: Embedder, ids: list[bytes]) -> Vectors:
        texts = [record.memory.text for record in self._read(ids) if record is not None]
        return embedded(embedder, texts)

    def _swap(self, rewritten: list[Rewritten], card: EmbedderCard) -> None:
        """Points the rows to the new files in one commit, then wipes the old files."""
        old = self._slot_paths()
        with self._database.atomic() as db:
            meta = {"embedder.name": card.name, "embedder.dimension": str(card.dimension)}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
            for one in rewritten:
                placed = (one.file.number, len(one.slots), one.space)
                db.execute("UPDATE namespace SET file = ?, next_slot = ? WHERE id = ?", placed)
                db.executemany("UPDATE memory SET slot = ? WHERE id = ?", one.slots)
        self._disk.reached("files swapped")
        self._card = card
        for one in rewritten:
            one.file.close()
            self._forget_space(one.space)
        current = set(self._slot_paths())
        for path in old:
            if path not in current:
                with translated(path):
                    SlotFile(path, self._disk, writable=True).wipe_and_unlink()

    def _slot_paths(self) -> list[Path]:
        return [self._slot_path(file) for (file,) in self._database.rows("SELECT file FROM namespace")]

    def _link_all(self) -> None:
        """Completes rows of a format that kept links and subjects in their content only."""
        found = self._database.rows("SELECT id FROM memory")
        for at in range(0, len(found), BATCH):
            part = [id for (id,) in found[at : at + BATCH]]
            memories = [record.memory for record in self._read(part) if record is not None]
            with self._database.atomic() as db:
                for memory in memories:
                    space = self._existing(memory.namespace)
                    assert space is not None
                    insert_missing(db, space, memory)
            self._tell("upgrade", min(at + BATCH, len(found)), len(found))
        self._write_meta({"linked": "1"})
