"""Upkeep: figures, checks, and slot files written again, without dead slots or with the vectors of another embedder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import StoreCorrupt
from memoria.proof.lines import words_of
from memoria.protocols import Embedder
from memoria.stores.batches import BATCH
from memoria.stores.disk import LOCKS_READERS, translated
from memoria.stores.forgets import KEEP_NOTE, keep_days
from memoria.stores.local.adapters import words_of_adapters
from memoria.stores.local.database import FORMAT
from memoria.stores.local.forgets import Forgets
from memoria.stores.local.gone import prune
from memoria.stores.local.passages import insert_passages, sealed
from memoria.stores.local.sealed_slots import create_slots, open_slots
from memoria.stores.local.slots import MAGIC, SlotFile
from memoria.stores.local.space import Space
from memoria.stores.local.statements import insert_missing, name_labels
from memoria.stores.local.writing import Writing
from memoria.stores.vectors import embedded_whole
from memoria.types import EmbedderCard, StoreStats

if TYPE_CHECKING:
    from memoria.text.parts import Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A new slot file of a namespace; rows still point to file number `old`.

    slots: (slot in the new file, id). passages: (id, sealed) of further passages, when vectors are other ones.
    """

    space: int
    old: int
    file: SlotFile
    slots: list[tuple[int, bytes]]
    passages: list[tuple[bytes, bytes]]


class Upkeep(Writing, Forgets):
    """The part of a store that looks after it."""

    def files(self) -> Iterator[Path]:
        found = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        # The lock has the number of a process and nothing else.
        return (path for path in found if path.name != "lock") if LOCKS_READERS else found

    def common(self) -> bytes:
        """Words of the schema, and settings, which name no content."""
        with self._reading():
            found = self._database.rows(
                "SELECT name, sql FROM sqlite_master UNION ALL SELECT name, value FROM meta "
                "UNION ALL SELECT DISTINCT action, NULL FROM ledger UNION ALL SELECT DISTINCT judge, NULL FROM link"
            )
        words = (str(word) for line in found for word in line if word is not None)
        lines = words_of(self.chained(), self.erasure)
        adapters = "\n".join(words_of_adapters(self.path / "adapters")).encode()
        return "\n".join(["SQLite format 3", *words]).encode() + MAGIC + b"\n" + lines + b"\n" + adapters

    def stats(self) -> StoreStats:
        with self._reading(), translated(self.path):
            counted = [(len(space.live()), space.next_slot) for space in self._under(())]
            live = [count for count, _ in counted]
            return StoreStats(
                memories=sum(live),
                namespaces=sum(count > 0 for count in live),
                erased=sum(slots for _, slots in counted) - sum(live),
                bytes_on_disk=sum(path.stat().st_size for path in self.files()),
                embedder=self._card,
                format=FORMAT,
                language=self.language,
                keep_forgets_days=keep_days(self._database.meta(f"note.{KEEP_NOTE}")),
            )

    def rebuild(self) -> None:
        with self._writing():
            self._purge()
            with self._atomic() as db:
                prune(db, time.time_ns() // 1000)
            # A slot that is damaged is left where it is, for its owner may have the right file.
            self._swap([self._rewrite(space, None) for space in self._under(()) if _is_worn(space)], self._card)
            for space in self._spaces.values():
                space.index = None
            self._database.compact()

    def reembed(self, embedder: Embedder) -> None:
        with self._writing():
            self._purge()
            spaces = self._under((), strict=True)
            self._swap([self._rewrite(space, embedder) for space in spaces], embedder.card, anew=True)

    def _rewrite(self, space: Space, embedder: Embedder | None) -> Rewritten:
        """Copies live slots, numbered from 0, into a new file. The keys stay, because the sealed rows do not change."""
        live = space.live()
        ids = [bytes(id) for id in space.slots.ids(live)]
        entries = [space.slots.entry(int(slot)) for slot in live]
        dimension = self._card.dimension if embedder is None else embedder.card.dimension
        number = self._next_file()
        passages: list[tuple[bytes, bytes]] = []
        with translated(self.path):
            folder, key = self.path / "slots", space.slots.key
            fresh = create_slots(folder, number, dimension, self._disk, self._vault, self._key, key, among=self._files)
            for at in range(0, len(live), BATCH):
                part = slice(at, at + BATCH)
                vectors = np.stack([vector for _, vector in entries[part]])
                keys = [key for key, _ in entries[part]]
                if embedder is not None:
                    made = self._embed(embedder, ids[part])
                    vectors = np.stack([vector for vector, _ in made])
                    passages += [
                        (id, sealed(own, further, id))
                        for id, own, (_, further) in zip(ids[part], keys, made, strict=True)
                        if further is not None
                    ]
                marks = space.slots.marks(live[part])
                fresh.put(at, ids[part], keys, marks, vectors, acknowledged=0)
                self._tell("rewrite", min(at + BATCH, len(live)), len(live))
            fresh.sync()
        self._disk.reached("file rewritten")
        old = space.slots.number
        return Rewritten(space=space.number, old=old, file=fresh, slots=list(enumerate(ids)), passages=passages)

    def _embed(self, embedder: Embedder, ids: list[bytes]) -> list[Pieces]:
        records = self._read(ids)
        lost = [id.hex() for id, record in zip(ids, records, strict=True) if record is None]
        if lost:
            raise StoreCorrupt(f"no vector can be made for what cannot be read: {', '.join(lost)}; see doctor")
        return embedded_whole(embedder, [record.memory for record in records if record is not None])

    def _swap(self, rewritten: list[Rewritten], card: EmbedderCard, *, anew: bool = False) -> None:
        """Points the rows to the new files in one commit, then wipes the old files. anew: all vectors are new."""
        old = self._slot_paths()
        with self._atomic() as db:
            meta = {"embedder.name": card.name, "embedder.dimension": str(card.dimension)}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
            for one in rewritten:
                placed = (one.file.number, len(one.slots), one.space)
                db.execute("UPDATE namespace SET file = ?, next_slot = ? WHERE id = ?", placed)
                db.executemany("UPDATE memory SET slot = ? WHERE id = ?", one.slots)
                if anew:
                    db.execute("DELETE FROM passage WHERE namespace = ?", (one.space,))
                    insert_passages(db, one.space, one.passages)
            wiping = ",".join(str(one.old) for one in rewritten)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('wiping', ?)", (wiping,))
        self._disk.reached("files swapped")
        self._card = card
        for one in rewritten:
            one.file.acknowledge(len(one.slots))
            one.file.close()
            self._forget_space(one.space)
        current = set(self._slot_paths())
        for path in old:
            if path not in current:
                with translated(path):
                    open_slots(path, self._disk, self._vault, writable=True).wipe_and_unlink()

    def _slot_paths(self) -> list[Path]:
        return [self._slot_path(file) for (file,) in self._database.rows("SELECT file FROM namespace")]

    def _link_all(self) -> None:
        """Brings up rows of an older format, which had fewer labels, or links in their content alone."""
        found = self._database.rows("SELECT id FROM memory")
        for at in range(0, len(found), BATCH):
            part = [id for (id,) in found[at : at + BATCH]]
            memories = [record.memory for record in self._read(part) if record is not None]
            with self._atomic() as db:
                for memory in memories:
                    space = self._existing(memory.namespace)
                    assert space is not None
                    insert_missing(db, space, memory)
            self._tell("upgrade", min(at + BATCH, len(found)), len(found))
        with self._atomic() as db:
            name_labels(db)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('linked', '1')")


def _is_worn(space: Space) -> bool:
    """Whether a namespace has dead slots, and none that is damaged."""
    return len(space.live()) < space.next_slot and space.slots.whole()
