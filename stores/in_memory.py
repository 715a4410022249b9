"""The store in a dict: nothing on disk, exact search, the oracle of the others."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.canonical import canonical
from memoria.errors import Held, MemoryNotFound, StoreClosed
from memoria.protocols import Change, Embedder
from memoria.text.evidence import Evidence, gather, merge
from memoria.text.fingerprints import Fingerprints, fingerprint
from memoria.text.lexical import LexicalIndex
from memoria.text.sketch import alike, sketch
from memoria.traces import Traces
from memoria.types import (
    RELATIONS,
    EmbedderCard,
    LedgerEntry,
    Link,
    Memory,
    Namespace,
    Recalled,
    Record,
    Secret,
    StoreStats,
    Trace,
    Where,
)

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors
    from memoria.text.words import Question


class InMemoryStore:
    """Memories in a dict by id; vectors rounded to fp16 as every store rounds them."""

    def __init__(self, embedder: EmbedderCard) -> None:
        self._card = embedder
        self._records: dict[str, Record] | None = {}
        self._recalls: list[Recalled] = []
        self._ledger: list[LedgerEntry] = []
        self._notes: dict[str, str] = {}
        self._superseded: dict[tuple[str, str], datetime | None] = {}
        self._guarded: set[tuple[Namespace, str]] = set()
        self._near: list[tuple[Namespace, bytes]] = []
        self._adopted: dict[Namespace, frozenset[Fingerprints]] = {}
        self._key = secrets.token_bytes(32)
        self._mutex = threading.RLock()
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
        self.revise(Change(replace=(record,)))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        self.revise(Change(erase=tuple(ids)), over_holds=over_holds, guard=guard)

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        touched = [*change.erase, *(one.memory.id for one in change.replace)]
        self._known([*touched, *change.ends])
        if not over_holds:
            self._check_held(touched)
        self._words.clear()
        self._superseded |= {(link.parent, link.child): link.was for link in change.links}
        for record in change.replace:
            old = self._open[record.memory.id].trace
            trace = replace(record.trace, archived=old.archived, pinned=old.pinned, held=old.held)
            self._open[record.memory.id] = _rounded(replace(record, trace=trace))
        for id, end in change.ends.items():
            self._open[id] = replace(self._open[id], memory=replace(self._open[id].memory, valid_to=end))
        self._remove(set(change.erase), guard=guard)
        self._guarded |= {(name, canonical(text)) for name, text in change.guarded}
        self._open.update({record.memory.id: _rounded(record) for record in change.add})

    def _remove(self, ids: set[str], *, guard: bool) -> None:
        gone = [self._open.pop(id).memory for id in ids]
        if guard:
            self._guarded |= {(memory.namespace, canonical(memory.text)) for memory in gone}
        self._recalls = [one for one in self._recalls if one.id in self._open]
        self._superseded = {ends: was for ends, was in self._superseded.items() if ids.isdisjoint(ends)}

    def links(self, ids: Sequence[str]) -> list[Link]:
        asked = set(ids)
        derived = {
            Link(parent=parent, child=id, relation="derived")
            for id, one in self._open.items()
            for parent in (*one.memory.provenance.derived_from, *(part.id for part in one.memory.parts))
        }
        superseded = {
            Link(parent=parent, child=child, relation="supersedes", was=was)
            for (parent, child), was in self._superseded.items()
            if child in self._open
        }
        found = [link for link in derived | superseded if not asked.isdisjoint((link.parent, link.child))]
        return sorted(found, key=lambda link: (link.parent, link.child, RELATIONS.index(link.relation)))

    def refused(self, namespace: Namespace, texts: Sequence[str]) -> list[bool]:
        known = self.fingerprints(namespace).get(namespace, ())
        return [any(one.know(text) for one in known) for text in texts]

    def guard_near(self, namespace: Namespace, texts: Sequence[str]) -> None:
        self._near += [(namespace, sketch(self._key, text)) for text in texts]

    def readmit(self, namespace: Namespace, texts: Sequence[str]) -> None:
        self._guarded -= {(namespace, canonical(text)) for text in texts}
        again = [sketch(self._key, text) for text in texts]
        self._near = [
            one for one in self._near if one[0] != namespace or not any(alike(one[1], made) for made in again)
        ]
        self.adopt(namespace, [one.without(texts) for one in self._adopted.get(namespace, ())])

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        names = {*(name for name, _ in self._guarded), *(name for name, _ in self._near), *self._adopted}
        inside = [name for name in names if name[: len(prefix)] == prefix]
        return {name: self._adopted.get(name, frozenset()) | self._own(name) for name in inside}

    def _own(self, namespace: Namespace) -> frozenset[Fingerprints]:
        one = Fingerprints(
            key=self._key,
            prints=frozenset(fingerprint(self._key, text) for name, text in self._guarded if name == namespace),
            sketches=frozenset(made for name, made in self._near if name == namespace),
        )
        return frozenset([one] if len(one) else [])

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        self._adopted.pop(namespace, None)
        kept = frozenset(one for one in known if len(one))
        if kept:
            self._adopted[namespace] = kept

    def alone(self) -> AbstractContextManager[object]:
        return self._mutex

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        gone = self.namespaces(prefix)
        self.erase(self.select(Where(namespace=prefix)), over_holds=over_holds, guard=False)
        self._guarded = {one for one in self._guarded if one[0][: len(prefix)] != prefix}
        self._near = [one for one in self._near if one[0][: len(prefix)] != prefix]
        self._adopted = {name: known for name, known in self._adopted.items() if name[: len(prefix)] != prefix}
        return len(gone)

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        return [None if (found := self._open.get(id)) is None else _trace(found) for id in ids]

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        for id, trace in traces.items():
            if id in self._open:
                old = self._open[id]
                standing: dict[str, Any] = {name: getattr(old.trace, name) for name in ("archived", "pinned", "held")}
                self._open[id] = replace(old, trace=replace(trace, **standing))
        self._recalls += [one for one in recalls if one.id in self._open]

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
    ) -> None:
        self._known(ids)
        given = {"archived": archived, "pinned": pinned, "held": held}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        for id in ids:
            self._open[id] = replace(self._open[id], trace=replace(self._open[id].trace, **changes))

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        found = [(id, self._open[id].trace) for id in self.select(Where(namespace=prefix))]
        free = [(trace.fades_at, id) for id, trace in found if not (trace.archived or trace.protected)]
        return [id for fades_at, id in sorted((when, id) for when, id in free if when is not None) if fades_at <= at][
            :limit
        ]

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        ids = self.due(prefix, at, limit)
        self.mark(ids, archived=True)
        return ids

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        found = {id: one for id, one in sorted(self._open.items()) if one.memory.namespace == namespace}
        sizes = [len(one.memory.text.encode()) + 2 * len(one.vector) for one in found.values()]
        return list(found), Traces.of([_trace(one) for one in found.values()]), np.array(sizes, np.int64)

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        inside = set(self.select(Where(namespace=prefix)))
        return sorted((one for one in self._recalls if one.id in inside), key=lambda one: one.at)

    def enter(self, entry: LedgerEntry) -> None:
        self._ledger.append(entry)

    def ledger(self) -> list[LedgerEntry]:
        return list(self._ledger)

    def alias(self, namespace: Namespace) -> str:
        named = json.dumps(namespace).encode()
        return hashlib.blake2b(named, key=self._key, digest_size=16).hexdigest()

    def note(self, name: str) -> str | None:
        return self._notes.get(name)

    def write_note(self, name: str, value: str) -> None:
        self._notes[name] = value

    def notes(self) -> dict[str, str]:
        return dict(self._notes)

    def _check_held(self, ids: Sequence[str]) -> None:
        held = [id for id in ids if self._open[id].trace.held]
        if held:
            raise Held(*held)

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        found = [self._open.get(id) for id in ids]
        return [None if one is None else replace(one, trace=_trace(one)) for one in found]

    def select(self, where: Where) -> list[str]:
        return sorted(
            id
            for id, record in self._open.items()
            if where.matches(record.memory) and where.archived in (None, record.trace.archived)
        )

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
            away = [doc for doc, id in enumerate(ids) if where.archived is False and self._open[id].trace.archived]
            without = np.array(away, np.int64)
            docs, columns = gather(index, nearest, _reader(vectors), asked, vector, among, pool, without)
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


def _trace(record: Record) -> Trace:
    """The trace, salience and kind being those of the memory as it is now."""
    return replace(record.trace, salience=record.memory.salience, kind=record.memory.kind)


def _rounded(record: Record) -> Record:
    return replace(record, vector=record.vector.astype(np.float16).astype(np.float32))


def _reader(vectors: Vectors) -> Callable[[Ints], Vectors]:
    return lambda docs: vectors[docs]
