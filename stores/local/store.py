"""LocalStore: the verbs of a store on one directory.

remember: write slot, sync, commit row, add to the index. forget: zero slot, sync (the point of no return), erase
in the index; rows are ciphertext without a key from then on, invisible at once and purged in batches.
A row is live if and only if its slot bears its id.
"""

from __future__ import annotations

import heapq
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from memoria.errors import (
    MemoryNotFound,
    StoreClosed,
    StoreCorrupt,
    StoreExists,
    StoreFull,
    StoreNotFound,
    StoreReadOnly,
)
from memoria.protocols import Change, Embedder, Progress
from memoria.stores import rows
from memoria.stores.disk import Disk, translated
from memoria.stores.local import recovery
from memoria.stores.local.database import FORMAT, Database
from memoria.stores.local.guarding import Guarding, write_prints
from memoria.stores.local.holding import Holding
from memoria.stores.local.lock import WriterLock
from memoria.stores.local.slots import SlotFile, file_name
from memoria.stores.local.space import Space, bearing, place
from memoria.stores.sealing import KEY_BYTES, blind, new_key, seal, unseal
from memoria.stores.vectors import embedded
from memoria.text.evidence import Columns, Evidence, gather, merge
from memoria.text.fingerprints import fingerprint
from memoria.text.lexical import LexicalIndex
from memoria.types import KINDS, RELATIONS, EmbedderCard, Link, Memory, Namespace, Record, Secret, StoreStats, Where

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors
    from memoria.text.words import Question


Batches = list[tuple[Space, list[Record]]]
Extra = Callable[[Any], None]
Ids = Iterable[bytes]
PURGE_AFTER = 512
_BATCH = 1024
_LOADED = 64


class LocalStore(Holding, Guarding):
    """Memories in a directory. Format: docs/format.md. Safe for threads of one process.

    secure_delete: SQLite's PRAGMA of that name; erasure does not depend on it.
    loaded: how many namespaces are kept open and indexed in RAM at once.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        embedder: EmbedderCard,
        mode: Literal["rw", "r"] = "rw",
        timeout: float = 0.0,
        progress: Progress | None = None,
        disk: Disk | None = None,
        secure_delete: bool = False,
        loaded: int = _LOADED,
    ) -> None:
        Guarding.__init__(self)
        self.path = Path(path)
        self._writable = mode == "rw"
        self._disk = disk if disk is not None else Disk()
        self._progress = progress
        self._loaded = loaded
        self._mutex = threading.RLock()
        self._spaces: OrderedDict[int, Space] = OrderedDict()
        self._numbers: dict[Namespace, int] = {}
        self._pending: list[bytes] = []
        self._dropped: list[int] = []
        self._version = -1
        self._depth = 0
        self._open = False
        self._lock = self._prepare(timeout)
        try:
            self._database = Database(self.path / "memoria.db", writable=self._writable, secure_delete=secure_delete)
            try:
                self._start(embedder)
            except BaseException:
                self._database.close()
                raise
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        self._open = True

    def _prepare(self, timeout: float) -> WriterLock | None:
        made = (self.path / "memoria.db").exists()
        if not self._writable:
            if not made:
                raise StoreNotFound(f"{self.path} holds no memoria store")
            return None
        if not made and self.path.exists() and not self._half_made():
            raise StoreExists(f"{self.path} exists and is not a memoria store")
        with translated(self.path):
            (self.path / "slots").mkdir(parents=True, exist_ok=True)
        return WriterLock(self.path / "lock", timeout)

    def _half_made(self) -> bool:
        return self.path.is_dir() and {entry.name for entry in self.path.iterdir()} <= {
            "lock",
            "slots",
            "store.key",
            "store.new",
        }

    def _start(self, embedder: EmbedderCard) -> None:
        if self._writable:
            self._key = self._master_key()
            self._database.migrate()
            if self._database.meta("embedder.name") is None:
                self._write_meta({"embedder.name": embedder.name, "embedder.dimension": str(embedder.dimension)})
            if self._database.meta("clean") == "0":
                recovery.recover(self._database, self.path / "slots", self._disk, self._progress)
            self._write_meta({"clean": "0"})
        else:
            self._database.check_current()
            self._key = self._master_key()
        if self._database.meta("linked") is None and self._writable:
            self._link_all()
        name, dimension = self._database.meta("embedder.name"), self._database.meta("embedder.dimension")
        self._card = EmbedderCard(name=str(name), dimension=int(str(dimension)))

    def _master_key(self) -> bytes:
        """The key of names in look-ups, made before the first row; a store that has rows and no key is damaged."""
        path = self.path / "store.key"
        if self._writable and self._database.format() == 0:
            self._make_key(path)
        key = path.read_bytes() if path.exists() else b""
        if len(key) != KEY_BYTES:
            raise StoreCorrupt(f"{path}: {len(key)} bytes are not a key of {KEY_BYTES}")
        return key

    def _make_key(self, path: Path) -> None:
        fresh = path.with_suffix(".new")
        with translated(path):
            fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                self._disk.write(fd, new_key(), 0)
                self._disk.sync(fd)
            finally:
                os.close(fd)
            fresh.replace(path)
            self._disk.sync_folder(self.path)

    def _link_all(self) -> None:
        """Brings up rows of a format that had fewer labels, or links in their content alone."""
        found = self._database.rows("SELECT id FROM memory")
        for at in range(0, len(found), _BATCH):
            part = [id for (id,) in found[at : at + _BATCH]]
            records = [record for record in self._read(part) if record is not None]
            with self._database.atomic() as db:
                for record in records:
                    self._link(db, record.memory)
            self._tell("upgrade", min(at + _BATCH, len(found)), len(found))
        self._write_meta({"linked": "1"})

    def _link(self, db: Any, memory: Memory) -> None:
        space = self._existing(memory.namespace)
        assert space is not None
        id = bytes.fromhex(memory.id)
        ((row,),) = db.execute("SELECT row FROM memory WHERE id = ?", (id,)).fetchall()
        labels = [(hash, row) for hash in rows.labels(space.slots.key, memory)]
        db.executemany("INSERT OR IGNORE INTO label VALUES (?, ?)", labels)
        _insert_links(db, id, memory)

    def _write_meta(self, values: dict[str, str]) -> None:
        with self._database.atomic() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    # -- reading --

    @property
    def embedder(self) -> EmbedderCard:
        return self._card

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        with self._reading():
            return self._read([bytes.fromhex(id) for id in ids])

    def _read(self, ids: Sequence[bytes]) -> list[Record | None]:
        found = {row[0]: row for row in self._by_id(rows.READ, ids)}
        return [self._open_row(found[id]) if id in found else None for id in ids]

    def _open_row(self, row: tuple[Any, ...]) -> Record | None:
        id, space = row[0], self._space(row[1])
        if space is None or space.slots.id(row[2]) != id:
            return None
        key, vector = space.slots.entry(row[2])
        opened = unseal(key, row[13], id)
        return Record(memory=rows.to_memory(row, space.name, opened), trace=rows.to_trace(row), vector=vector)

    def select(self, where: Where) -> list[str]:
        with self._reading():
            if where.ids is not None and where == Where(namespace=where.namespace, ids=where.ids):
                return self._select_ids(where)
            ids = [id.hex() for space in self._under(where.namespace) for id, _ in self._matching(space, where)]
            return sorted(ids if where.ids is None else set(ids) & set(where.ids))

    def _select_ids(self, where: Where) -> list[str]:
        asked = [bytes.fromhex(id) for id in sorted(set(where.ids or ()))]
        prefix = where.namespace
        found = self._locate(asked).items()
        return sorted(id.hex() for id, (space, _) in found if space.name[: len(prefix)] == prefix)

    def _locate(self, ids: Sequence[bytes]) -> dict[bytes, tuple[Space, int]]:
        """The space and slot of each id that is live."""
        found: dict[bytes, tuple[Space, int]] = {}
        claims: dict[int, list[tuple[bytes, int]]] = {}
        for id, number, slot in self._by_id("id, namespace, slot", ids):
            claims.setdefault(number, []).append((id, slot))
        for number, claimed in claims.items():
            space = self._space(number)
            if space is not None:
                found |= {id: (space, slot) for id, slot in bearing(space, claimed)}
        return found

    def _matching(self, space: Space, where: Where) -> list[tuple[bytes, int]]:
        """(id, slot) of live memories in a space that meet the filter, `ids` aside."""
        sql, values = _filter(space, where)
        found = self._database.rows(sql, *values)
        live = bearing(space, [(id, slot) for id, slot, _ in found])
        gists = {id for id, _, parts in found if parts}
        return [one for one in live if one[0] not in gists or self._holds_part(one[0], where)]

    def _holds_part(self, id: bytes, where: Where) -> bool:
        """Whether one part of a gist, or the gist itself, meets all criteria: labels alone may come from several."""
        (record,) = self._read([id])
        return record is not None and changed(where, ids=None).matches(record.memory)

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        with self._reading():
            best: list[tuple[float, bytes]] = []
            for space in self._under(where.namespace):
                nearest = space.nearest(vector, k, self._among(space, where), self._progress, archived=where.archived)
                best += [(score, space.slots.id(slot)) for score, slot in nearest]
            best = heapq.nlargest(k, best, key=lambda hit: hit[0])
            records = self._read([id for _, id in best])
            return [(record.memory, score) for record, (score, _) in zip(records, best, strict=True) if record]

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        with self._reading():
            return merge([self._evidence(space, asked, vector, where, pool) for space in self._under(where.namespace)])

    def _evidence(
        self, space: Space, asked: Question, vector: Vectors, where: Where, pool: int
    ) -> tuple[list[str], Columns]:
        among = self._among(space, where)
        found = space.nearest(vector, pool, among, self._progress, archived=where.archived)
        nearest = np.array([slot for _, slot in found], np.int64)
        words = self._words(space)
        without = space.away if where.archived is False else None
        docs, columns = gather(words, nearest, space.slots.vectors, asked, vector, among, pool, without)
        ids = [bytes(id) for id in space.slots.ids(docs)]
        if not all(map(any, ids)):
            # A reader meets what the writer has forgotten since; its words go too, and we look again.
            words.remove(int(doc) for doc, id in zip(docs, ids, strict=True) if not any(id))
            return self._evidence(space, asked, vector, where, pool)
        return [id.hex() for id in ids], columns

    def _words(self, space: Space) -> LexicalIndex:
        """The lexical index of a space, with what its sealed rows hold that it has not taken in."""
        words = LexicalIndex() if space.words is None else space.words
        first = 0 if space.words is None else space.worded
        if first < space.next_slot:
            found = self._database.rows(
                f"SELECT {rows.READ} FROM memory WHERE namespace = ? AND slot >= ? ORDER BY slot", space.number, first
            )
            for done, row in enumerate(found, 1):
                if row[2] < space.next_slot and space.slots.id(row[2]) == row[0]:
                    opened = unseal(space.slots.key_of(row[2]), row[13], row[0])
                    words.add(row[2], rows.to_memory(row, space.name, opened))
                if done % _BATCH == 0 or done == len(found):
                    self._tell("words", done, len(found))
        space.words, space.worded = words, space.next_slot
        return words

    def _among(self, space: Space, where: Where) -> Ints | None:
        if where.archived is not True and where == Where(namespace=where.namespace, archived=where.archived):
            return None
        chosen = set(where.ids) if where.ids is not None else None
        found = self._matching(space, where)
        return np.array([slot for id, slot in found if chosen is None or id.hex() in chosen], np.int64)

    def links(self, ids: Sequence[str]) -> list[Link]:
        with self._reading():
            if not self._database.rows("SELECT 1 FROM link LIMIT 1"):
                return []
            asked = [bytes.fromhex(id) for id in ids]
            found = {link for end in ("parent", "child") for link in self._links(end, asked)}
            live = self._locate(list({end for link in found for end in link[:2]}))
            kept = sorted(link for link in found if link[1] in live and (link[0] in live or not link[2]))
            return [
                Link(parent=parent.hex(), child=child.hex(), relation=RELATIONS[relation], was=rows.time(was))
                for parent, child, relation, was in kept
            ]

    def alone(self) -> AbstractContextManager[None]:
        return self._reading()

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        with self._reading():
            return sorted(space.name for space in self._under(prefix) if len(space.live()))

    def count(self, prefix: Namespace) -> int:
        with self._reading():
            return sum(len(space.live()) for space in self._under(prefix))

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        with self._reading():
            return [secret for id in ids for secret in self._secrets(bytes.fromhex(id))]

    def _secrets(self, id: bytes) -> Iterator[Secret]:
        (record,) = self._read([id])
        if record is None:
            raise MemoryNotFound(id.hex())
        space, slot = self._locate([id])[id]
        yield Secret(label="text", data=record.memory.text.encode())
        yield Secret(label="key", data=space.slots.entry(slot)[0])
        yield Secret(label="vector fp16", data=record.vector.astype("<f2").tobytes(), run=32)
        yield Secret(label="vector fp32", data=record.vector.astype("<f4").tobytes(), run=32)
        yield Secret(label="vector code", data=np.packbits(record.vector > 0, bitorder="little").tobytes(), run=32)

    def files(self) -> Iterator[Path]:
        return (path for path in sorted(self.path.rglob("*")) if path.is_file())

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

    # -- writing --

    def write(self, records: Sequence[Record]) -> None:
        with self._writing():
            batches: dict[Namespace, list[Record]] = {}
            for record in records:
                batches.setdefault(record.memory.namespace, []).append(record)
            added = [(self._space_for(name), batch) for name, batch in batches.items()]
            self._add(added)

    def _add(self, batches: Batches, *, extra: Extra | None = None) -> None:
        """Writes records, and before their rows whatever `extra` writes, in one transaction."""
        ids = {bytes.fromhex(record.memory.id) for _, batch in batches for record in batch}
        if not ids.isdisjoint(self._pending):
            # One that was gathered or forgotten comes back under its id, whose dead row must go first.
            self.purge()
        keys = [[new_key() for _ in batch] for _, batch in batches]
        try:
            self._put(batches, keys)
            self._commit(batches, keys, extra)
        except BaseException:
            # Not acknowledged, so nothing of it may stay; the slots are beyond what any row knows.
            for space, batch in batches:
                last = min(space.next_slot + len(batch), space.slots.capacity)
                space.slots.zero(range(space.next_slot, last))
            raise
        for space, batch in batches:
            slots = np.arange(space.next_slot, space.next_slot + len(batch))
            space.next_slot += len(batch)
            if space.index is not None:
                space.index.add(slots, space.slots.vectors(slots))
            space.archive([int(slot) for slot, one in zip(slots, batch, strict=True) if one.trace.archived])
            if space.words is not None:
                for slot, record in zip(slots.tolist(), batch, strict=True):
                    space.words.add(slot, record.memory)
                space.worded = space.next_slot

    def _put(self, batches: Batches, keys: list[list[bytes]]) -> None:
        with translated(self.path):
            for (space, batch), fresh in zip(batches, keys, strict=True):
                ids = [bytes.fromhex(record.memory.id) for record in batch]
                prints = [fingerprint(space.slots.key, record.memory.text) for record in batch]
                space.slots.put(space.next_slot, ids, fresh, prints, np.stack([record.vector for record in batch]))
                self._disk.reached("slot written")
                space.slots.sync()
            self._disk.reached("slot synced")

    def _commit(self, batches: Batches, keys: list[list[bytes]], extra: Extra | None) -> None:
        with self._database.atomic() as db:
            if extra is not None:
                extra(db)
            for (space, batch), fresh in zip(batches, keys, strict=True):
                for n, (record, key) in enumerate(zip(batch, fresh, strict=True)):
                    _insert(db, space, space.next_slot + n, record, key)
                db.execute(
                    "UPDATE namespace SET next_slot = ? WHERE id = ?",
                    (space.next_slot + len(batch), space.number),
                )
            self._disk.reached("row written")
        self._disk.reached("row committed")

    def replace(self, record: Record) -> None:
        self.revise(Change(replace=(record,)))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        with self._writing():
            unique = [bytes.fromhex(id) for id in dict.fromkeys(ids)]
            known = self._located(unique, over_holds=over_holds)
            # One that is guarded needs no intent: what recovery finds half zeroed, it zeroes.
            if len(known) > 1 or not guard:
                with self._database.atomic() as db:
                    _intend(db, unique, guard=guard)
                self._disk.reached("intent committed")
            self._erase(known, guard=guard)
            if len(unique) == 1 and len(self._pending) >= PURGE_AFTER:
                self.purge()

    def _located(self, ids: Sequence[bytes], *, over_holds: bool) -> dict[bytes, tuple[Space, int]]:
        """Where each id lives; raises MemoryNotFound, and Held unless told to go over holds."""
        known = self._locate(ids)
        if len(known) < len(ids):
            raise MemoryNotFound(*(id.hex() for id in ids if id not in known))
        if not over_holds:
            self._check_held(ids)
        return known

    def _erase(self, known: dict[bytes, tuple[Space, int]], *, guard: bool) -> None:
        self._zero(list(known.values()), guard=guard)
        self._pending += known
        self._gone += [(space.number, slot) for space, slot in known.values() if guard]

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        with self._writing():
            gone = self._located([bytes.fromhex(id) for id in dict.fromkeys(change.erase)], over_holds=over_holds)
            old = self._located([bytes.fromhex(one.memory.id) for one in change.replace], over_holds=over_holds)
            ended = self._located([bytes.fromhex(id) for id in change.ends], over_holds=True)
            batches: dict[int, tuple[Space, list[Record]]] = {}
            for record in self._standing(change):
                space, _ = old[bytes.fromhex(record.memory.id)]
                batches.setdefault(space.number, (space, []))[1].append(record)
            for record in change.add:
                space = self._space_for(record.memory.namespace)
                batches.setdefault(space.number, (space, []))[1].append(record)
            self._add(list(batches.values()), extra=lambda db: self._turn(db, change, gone, old, ended, guard=guard))
            # What was replaced leaves no fingerprint: the same id may come back to the same text.
            self._zero(list(old.values()), guard=False)
            if gone:
                self._erase(gone, guard=guard)

    def _standing(self, change: Change) -> list[Record]:
        """What replaces, with the standing that those in their place have, and the ends that are set at once."""
        held = self.traces([record.memory.id for record in change.replace])
        return [
            changed(
                one,
                memory=changed(one.memory, valid_to=change.ends.get(one.memory.id, one.memory.valid_to)),
                trace=changed(one.trace, archived=old.archived, pinned=old.pinned, held=old.held),
            )
            for one, old in zip(change.replace, held, strict=True)
            if old is not None
        ]

    def _turn(self, db: Any, change: Change, gone: Ids, old: Ids, ended: Ids, *, guard: bool) -> None:
        """The rows of a change, what it adds aside."""
        if gone:
            _intend(db, gone, guard=guard)
        db.executemany(
            "INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)",
            [
                (
                    bytes.fromhex(one.parent),
                    bytes.fromhex(one.child),
                    RELATIONS.index(one.relation),
                    rows.micros(one.was),
                )
                for one in change.links
            ],
        )
        self._guard(db, change.guarded)
        _delete_rows(db, old, keep_links=True)
        ends = [(rows.micros(change.ends[id.hex()]), id) for id in ended]
        db.executemany("UPDATE memory SET valid_to = ? WHERE id = ?", ends)

    def _zero(self, targets: list[tuple[Space, int]], *, guard: bool) -> None:
        spaces = {space.number: space for space, _ in targets}
        by_space: dict[int, list[int]] = {}
        for space, slot in targets:
            by_space.setdefault(space.number, []).append(slot)
        with translated(self.path):
            for number, slots in by_space.items():
                spaces[number].slots.zero(slots, guard=guard)
                self._disk.reached("slot zeroed")
                spaces[number].slots.sync()
            self._disk.reached("zero synced")
        for number, slots in by_space.items():
            index, words = spaces[number].index, spaces[number].words
            if index is not None:
                index.erase(slots)
            if words is not None:
                words.remove(slots)
            if guard and number in self._guards:
                self._guards[number].update(spaces[number].slots.prints(slots))

    def purge(self) -> None:
        """Deletes the rows of what was forgotten: ciphertext without a key, invisible already."""
        with self._writing():
            if self._pending:
                marks = self._marks_of_gone()
                with self._database.atomic() as db:
                    _delete_rows(db, self._pending)
                    write_prints(db, marks)
                    db.execute("DELETE FROM intent")
                    self._disk.reached("rows purged")
                self._pending.clear()
                self._gone.clear()
            if self._dropped:
                recovery.drop_namespaces(self._database, self._dropped)
                self._dropped.clear()

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        with self._writing():
            spaces = [space.number for space in self._under(prefix)]
            if not spaces:
                return 0
            if not over_holds:
                self._check_held_spaces(spaces)
            marks = ",".join("?" * len(spaces))
            with self._database.atomic() as db:
                db.execute(f"UPDATE namespace SET erasing = 1 WHERE id IN ({marks})", spaces)
            self._disk.reached("namespaces marked")
            for number in spaces:
                ((file,),) = self._database.rows("SELECT file FROM namespace WHERE id = ?", number)
                self._forget_space(number)
                with translated(self.path):
                    SlotFile(self._slot_path(file), self._disk, writable=True).wipe_and_unlink()
            self._dropped += spaces
            return len(spaces)

    def rebuild(self) -> None:
        with self._writing():
            self.purge()
            spaces = self._all_under(())
            worn = [space for space in spaces if len(space.live()) < space.next_slot]
            self._swap([self._rewrite(space, None) for space in worn], self._card)
            for space in spaces:
                space.index = None
            self._database.compact()

    def _rewrite(self, space: Space, embedder: Embedder | None) -> tuple[int, SlotFile, list[tuple[int, bytes]]]:
        """Copies live slots, numbered anew, into a new file; rows still point to the old one.

        The keys stay: they seal the same messages. Returns namespace, new file, and (slot, id) of each row.
        """
        live = space.live()
        ids = [bytes(id) for id in space.slots.ids(live)]
        entries = [space.slots.entry(int(slot)) for slot in live]
        dimension = self._card.dimension if embedder is None else embedder.card.dimension
        number = self._next_file()
        with translated(self.path):
            fresh = SlotFile.create(self.path / "slots", number, dimension, self._disk, space.slots.key)
            for at in range(0, len(live), _BATCH):
                part = slice(at, at + _BATCH)
                vectors = np.stack([vector for _, vector in entries[part]])
                if embedder is not None:
                    vectors = self._embed(embedder, ids[part])
                marks = [bytes(mark) for mark in space.slots.view["print"][live[part]]]
                fresh.put(at, ids[part], [key for key, _ in entries[part]], marks, vectors)
                self._tell("rewrite", min(at + _BATCH, len(live)), len(live))
            fresh.sync()
        self._disk.reached("file rewritten")
        return space.number, fresh, list(enumerate(ids))

    def _embed(self, embedder: Embedder, ids: list[bytes]) -> Vectors:
        texts = [record.memory.text for record in self._read(ids) if record is not None]
        return embedded(embedder, texts)

    def _swap(self, rewritten: list[tuple[int, SlotFile, list[tuple[int, bytes]]]], card: EmbedderCard) -> None:
        """Points the rows to the new files in one commit, then wipes the old files."""
        old = [self._slot_path(file) for (file,) in self._database.rows("SELECT file FROM namespace")]
        with self._database.atomic() as db:
            meta = {"embedder.name": card.name, "embedder.dimension": str(card.dimension)}
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
            for space, fresh, slots in rewritten:
                db.execute(
                    "UPDATE namespace SET file = ?, next_slot = ? WHERE id = ?",
                    (fresh.number, len(slots), space),
                )
                db.executemany("UPDATE memory SET slot = ? WHERE id = ?", slots)
        self._disk.reached("files swapped")
        self._card = card
        for space, fresh, _ in rewritten:
            fresh.close()
            self._forget_space(space)
        current = {self._slot_path(file) for (file,) in self._database.rows("SELECT file FROM namespace")}
        for path in old:
            if path not in current:
                with translated(path):
                    SlotFile(path, self._disk, writable=True).wipe_and_unlink()

    def reembed(self, embedder: Embedder) -> None:
        with self._writing():
            self.purge()
            self._swap([self._rewrite(space, embedder) for space in self._all_under(())], embedder.card)

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)

    def close(self) -> None:
        with self._mutex:
            if not self._open:
                return
            try:
                if self._writable:
                    self.purge()
                    self._write_meta({"clean": "1"})
            except (StoreFull, StoreReadOnly):
                # What is left to purge is ciphertext without a key; the next open finds "clean" unset and purges it.
                pass
            finally:
                self._release()

    def _release(self) -> None:
        self._open = False
        for space in self._spaces.values():
            space.close()
        self._spaces.clear()
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    # -- namespaces --

    def _slot_path(self, file: int) -> Path:
        return self.path / "slots" / file_name(file)

    def _space(self, number: int) -> Space | None:
        """The space with this number, opened when it is not."""
        if number in self._spaces:
            self._spaces.move_to_end(number)
            return self._spaces[number]
        found = self._database.rows(
            "SELECT file, next_slot, sealed FROM namespace WHERE id = ? AND erasing = 0", number
        )
        if not found:
            return None
        file, next_slot, sealed = found[0]
        with translated(self._slot_path(file)):
            slots = SlotFile(self._slot_path(file), self._disk, writable=self._writable)
        space = Space(number, slots, next_slot, sealed)
        space.stand(self._archived(number))
        self._spaces[number] = space
        self._numbers[space.name] = number
        return space

    def _archived(self, number: int) -> list[int]:
        """Slots of a space whose memories are archived."""
        found = self._database.rows(
            "SELECT m.slot FROM standing s JOIN memory m ON m.row = s.row "
            f"WHERE s.namespace = ? AND s.bits & {rows.ARCHIVED}",
            number,
        )
        return [slot for (slot,) in found]

    def _trim(self) -> None:
        """Closes the least recently used spaces beyond the limit; nobody may hold one meanwhile."""
        while len(self._spaces) > self._loaded:
            self._forget_space(next(iter(self._spaces)))

    def _forget_space(self, number: int) -> None:
        space = self._spaces.pop(number, None)
        self._guards.pop(number, None)
        self._adopted.pop(number, None)
        if space is not None:
            self._numbers.pop(space.name, None)
            space.close()

    def _under(self, prefix: Namespace) -> Iterator[Space]:
        """The spaces under a prefix one after the other; each may be closed once the next is asked for."""
        for number in self._numbers_under(prefix):
            space = self._space(number)
            if space is not None:
                yield space
                self._trim()

    def _all_under(self, prefix: Namespace) -> list[Space]:
        """The spaces under a prefix, all held open until the verb is done."""
        found = [self._space(number) for number in self._numbers_under(prefix)]
        return [space for space in found if space is not None]

    def _numbers_under(self, prefix: Namespace) -> list[int]:
        found = self._database.rows("SELECT namespace FROM prefix WHERE hash = ?", self._blind(prefix))
        return [number for (number,) in found]

    def _blind(self, prefix: Namespace) -> bytes:
        return blind(self._key, "prefix", *prefix)

    def _existing(self, name: Namespace) -> Space | None:
        """The space of exactly this namespace, if there is one."""
        found = self._database.rows(
            "SELECT id FROM namespace WHERE hash = ? AND erasing = 0", blind(self._key, "namespace", *name)
        )
        return self._space(found[0][0]) if found else None

    def _space_for(self, name: Namespace) -> Space:
        """The space of a namespace, made when it is new."""
        number = self._numbers.get(name)
        if number is None:
            found = self._database.rows(
                "SELECT id FROM namespace WHERE hash = ? AND erasing = 0",
                blind(self._key, "namespace", *name),
            )
            number = found[0][0] if found else self._create(name)
        space = self._space(number)
        assert space is not None
        return space

    def _create(self, name: Namespace) -> int:
        if self._dropped:
            # The name may be that of an erased namespace, whose row must go first.
            self.purge()
        number = self._next_file()
        with translated(self.path):
            slots = SlotFile.create(self.path / "slots", number, self._card.dimension, self._disk)
        self._disk.reached("namespace file made")
        sealed = seal(slots.key, list(name), place(number))
        slots.close()
        with self._database.atomic() as db:
            db.execute(
                "INSERT INTO namespace (id, hash, file, sealed) VALUES (?, ?, ?, ?)",
                (number, blind(self._key, "namespace", *name), number, sealed),
            )
            prefixes = [(self._blind(name[:end]), number) for end in range(len(name) + 1)]
            db.executemany("INSERT INTO prefix VALUES (?, ?)", prefixes)
        return number

    def _next_file(self) -> int:
        """A number that no slot file has had; taken at once, so that a crash never gives it twice."""
        last = self._database.rows("SELECT value FROM meta WHERE name = 'files'")
        number = int(last[0][0]) + 1 if last else 1
        self._write_meta({"files": str(number)})
        return number

    # -- guards --

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """The mutex, after seeing what another process has committed; trims what is open at the end."""
        with self._mutex:
            self._check_open()
            if not self._writable:
                self._see_commits()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._trim()

    def _see_commits(self) -> None:
        version = self._database.rows("PRAGMA data_version")[0][0]
        if version == self._version:
            return
        self._version = version
        marks = ",".join("?" * len(self._spaces))
        found = self._database.rows(
            f"SELECT id, file, next_slot FROM namespace WHERE erasing = 0 AND id IN ({marks})", *self._spaces
        )
        current = {number: (file, next_slot) for number, file, next_slot in found}
        for number, space in list(self._spaces.items()):
            file, next_slot = current.get(number, (None, 0))
            if space.slots.number == file:
                space.advance(next_slot)
                space.stand(self._archived(number))
            else:
                self._forget_space(number)

    def _writing(self) -> AbstractContextManager[None]:
        self._check_open()
        if not self._writable:
            raise StoreReadOnly(f"{self.path} is open for reading: open it with mode='rw' to change it")
        return self._reading()

    def _check_open(self) -> None:
        if not self._open:
            raise StoreClosed(f"{self.path} is closed")


def _filter(space: Space, where: Where) -> tuple[str, list[Any]]:
    """SQL for (id, slot, whether it has parts) of what may meet the filter in a space, and its values."""
    hashes = rows.asked_labels(space.slots.key, where)
    clauses, values = ["m.namespace = ?"], [space.number]
    if where.kinds:
        # A gist may hold parts of any kind; what is inside is looked at afterwards.
        clauses.append(f"(m.kind IN ({','.join('?' * len(where.kinds))}) OR m.last_at IS NOT NULL)")
        values += [KINDS.index(kind) for kind in where.kinds]
    if where.since is not None:
        clauses.append("(m.created_at >= ? OR m.last_at >= ?)")
        values += [rows.micros(where.since) or 0] * 2
    if where.until is not None:
        clauses.append("m.created_at < ?")
        values.append(rows.micros(where.until) or 0)
    if where.archived is not None:
        clauses.append(
            f"{'' if where.archived else 'NOT '}EXISTS "
            f"(SELECT 1 FROM standing s WHERE s.row = m.row AND s.bits & {rows.ARCHIVED})"
        )
    joins = "".join(f" JOIN label l{n} ON l{n}.row = m.row AND l{n}.hash = ?" for n in range(len(hashes)))
    sql = f"SELECT m.id, m.slot, m.last_at IS NOT NULL FROM memory m{joins} WHERE {' AND '.join(clauses)}"
    return sql, [*hashes, *values]


def _insert(db: Any, space: Space, slot: int, record: Record, key: bytes) -> None:
    id = bytes.fromhex(record.memory.id)
    sealed = seal(key, rows.content(record.memory), id)
    marks = ",".join("?" * len(rows.COLUMNS.split(",")))
    row = db.execute(
        f"INSERT INTO memory ({rows.COLUMNS}) VALUES ({marks})",
        rows.to_row(record, space.number, slot, sealed),
    ).lastrowid
    db.executemany(
        "INSERT INTO label VALUES (?, ?)",
        [(hash, row) for hash in rows.labels(space.slots.key, record.memory)],
    )
    _insert_links(db, id, record.memory)
    if rows.bits(record.trace):
        standing = (row, space.number, rows.bits(record.trace), rows.micros(record.trace.fades_at))
        db.execute("INSERT INTO standing VALUES (?, ?, ?, ?)", standing)


def _insert_links(db: Any, id: bytes, memory: Memory) -> None:
    parents = {*memory.provenance.derived_from, *(part.id for part in memory.parts)}
    db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, 0, NULL)", [(bytes.fromhex(one), id) for one in parents])


def _delete_rows(db: Any, ids: Iterable[bytes], *, keep_links: bool = False) -> None:
    """keep_links: for rows that are written anew under the same id, of which others are derived and may supersede."""
    gone = [(id,) for id in ids]
    kept = [link for (id,) in gone for link in _superseding(db, id)] if keep_links else []
    # In the order of the table, so that a page that holds several is touched once.
    places = sorted(place for id in gone for place in db.execute("SELECT row FROM memory WHERE id = ?", id))
    db.executemany("DELETE FROM label WHERE row = ?", places)
    db.executemany("DELETE FROM memory WHERE row = ?", places)
    db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", kept)


def _superseding(db: Any, id: bytes) -> list[Any]:
    """Links by which a memory supersedes, or is superseded."""
    found = db.execute("SELECT * FROM link WHERE relation = 1 AND (parent = ? OR child = ?)", (id, id))
    return list(found)


def _intend(db: Any, ids: Ids, *, guard: bool) -> None:
    """Names what is about to be erased. The commit is the point of no return of it."""
    db.execute("INSERT INTO intent (targets, guard) VALUES (?, ?)", (b"".join(ids), guard))
