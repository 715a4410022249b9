"""StoreBase: a whole store from eight methods; docs/writing-a-store.md shows one being written."""

from __future__ import annotations

import bisect
import hashlib
import heapq
import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from memoria.errors import Held, MemoryNotFound, StoreClosed, StoreNotFound, StoreReadOnly
from memoria.periods import lapses_at
from memoria.process import Home
from memoria.proof.chain import Shelf
from memoria.protocols import Change, Embedder
from memoria.stores import rows, shelves
from memoria.stores.chained import Shelved
from memoria.stores.claims import claimed, keys_of
from memoria.stores.exact import Room, rooms
from memoria.stores.forgetting import Forgetting
from memoria.stores.guardkey import Outside
from memoria.stores.lapses import Due, due, in_order, meant, parts_of
from memoria.stores.proving import Proving
from memoria.stores.vectors import embedded_whole, rounded, vector_secrets
from memoria.text.evidence import Evidence, merge
from memoria.text.fingerprints import Fingerprints, Statement, stated
from memoria.text.parts import hidden as hidden_parts
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
    Remains,
    RetentionPeriod,
    Secret,
    StoreStats,
    Trace,
    Where,
)

if TYPE_CHECKING:
    from memoria.arrays import Ints, Vectors
    from memoria.text.words import Question

# Far wider than what rounding to fp16 does to a length.
_LENGTH_TOLERANCE = 0.01


class StoreBase(Proving, ABC):
    """Everything of `Store`, from the eight methods that are abstract here.

    They keep two things: records by id, and entries, which are bytes by shelf and key (shelves.py). They are called by
    one thread at a time, those that write only within `_atomic`, and need to know nothing of holds, standing, filters
    or errors. What is made from them reads by `_scan` and searches in RAM: right for any database, and fast while
    memories fit there. A method that a database does better may be overridden, under `self._reading()`.

    A subclass opens its database and then calls `super().__init__`.
    embedder, language: of the vectors and the texts of a new store; an old one has its own. mode: with "r", all that
    writes is refused. outside: the guard key that is kept outside of the store.
    """

    def __init__(
        self,
        embedder: EmbedderCard,
        *,
        mode: Literal["rw", "r"] = "rw",
        language: str | None = None,
        outside: Outside | None = None,
    ) -> None:
        self._home = Home()
        self._mutex = threading.RLock()
        self._writable = mode == "rw"
        self._closed = False
        self._inside = False
        self._rooms: dict[Namespace, list[Room]] = {}
        self._times: list[tuple[datetime, str]] | None = None
        self._seen: object = None
        self._writes = 0
        found = self._entries(shelves.STORE) or self._begun(embedder, language)
        self._card = shelves.card_from_bytes(found["embedder"])
        self._key = found["key"]
        self._language = found["language"].decode() if "language" in found else None
        self._forgetting = Forgetting(
            key=self._key,
            read=self._entries,
            pick=self._some_entries,
            write=self._put_entries,
            outside=Outside() if outside is None else outside,
        )
        if self._writable and self._entries(shelves.LEDGER):
            with self._writing():
                self._chain_old(self._shelved(), self.ledger())
        self._take_guard_key(found.get("guard"))

    def _take_guard_key(self, known: bytes | None) -> None:
        """Seals what is known of forgotten texts under the outside key, if one is given; raises WrongGuardKey."""
        outside = self._forgetting.outside
        check = outside.checked(None if known is None else known.decode())
        if outside.key is not None and self._writable:
            with self._writing():
                if check is not None:
                    self._put_entries(shelves.STORE, {"guard": check.encode()})
                self._forgetting.seal()

    def _begun(self, embedder: EmbedderCard, language: str | None) -> dict[str, bytes]:
        if not self._writable:
            raise StoreNotFound("there is no store here: open it with mode='rw' to make one")
        fresh = {"embedder": shelves.card_to_bytes(embedder), "key": secrets.token_bytes(32)}
        if language is not None:
            fresh["language"] = language.encode()
        with self._writing():
            self._put_entries(shelves.STORE, fresh)
        return fresh

    # -- what a store must do --

    @abstractmethod
    def _fetch(self, ids: Collection[str]) -> Mapping[str, Record]:
        """By id, those of the records that are there."""

    @abstractmethod
    def _scan(self, prefix: Namespace) -> Iterable[Record]:
        """All records under a namespace, in any order."""

    @abstractmethod
    def _put(self, records: Sequence[Record]) -> None:
        """Writes records; nothing stays of one that had the same id."""

    @abstractmethod
    def _destroy(self, ids: Collection[str]) -> None:
        """Destroys records that are there: when `_atomic` ends, none of their bytes is in `files`."""

    @abstractmethod
    def _entries(self, shelf: str) -> Mapping[str, bytes]:
        """All entries of a shelf, by key, in any order; none of a shelf that was never written to."""

    @abstractmethod
    def _put_entries(self, shelf: str, changes: Mapping[str, bytes | None]) -> None:
        """Writes entries by key, in the place of those that are there; None destroys one, as `_destroy` does."""

    @abstractmethod
    def _atomic(self) -> AbstractContextManager[object]:
        """What is written within is durable when this ends, all of it; when it raises, nothing has changed."""

    @abstractmethod
    def files(self) -> Iterator[Path]:
        """Every file in which bytes of the store may stand."""

    # -- what a store may do --

    def _some_entries(self, shelf: str, keys: Collection[str]) -> Mapping[str, bytes]:
        """Those of the entries of a shelf that are there; override it where look-ups by key are fast."""
        found = self._entries(shelf)
        return {key: found[key] for key in keys if key in found}

    def _version(self) -> object:
        """Any value that differs after another process has written; override it when several may open the store."""
        return None

    def _release(self) -> None:
        """Closes what `__init__` opened; called once."""

    # -- guards --

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Keeps other threads out; raises StoreClosed, in a child by fork as well."""
        self._home.check("the store")
        with self._mutex:
            if self._closed:
                raise StoreClosed("the store is closed")
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """As `_reading`, and within `_atomic`, once; raises StoreReadOnly."""
        with self._reading():
            if not self._writable:
                raise StoreReadOnly("the store is open for reading: open it with mode='rw' to change it")
            if self._inside:
                yield
                return
            self._inside = True
            try:
                with self._atomic():
                    yield
            finally:
                self._inside = False

    def alone(self) -> AbstractContextManager[object]:
        return self._reading()

    def close(self) -> None:
        # In a child by fork, what is open stays with the parent.
        if self._home.left:
            return
        with self._mutex:
            if not self._closed:
                self._closed = True
                self._stale()
                self._release()

    # -- reading --

    @property
    def embedder(self) -> EmbedderCard:
        self._home.check("the store")
        return self._card

    @property
    def language(self) -> str | None:
        return self._language

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        with self._reading():
            found = self._fetch(ids)
            return [found.get(id) for id in ids]

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        return [None if record is None else record.trace for record in self.read(ids)]

    def select(self, where: Where) -> list[str]:
        with self._reading():
            among = self._scan(where.namespace) if where.ids is None else self._fetch(where.ids).values()
            gone = {one.id for one in self._due_by(where.kept_at, where.namespace) if one.whole}
            return sorted(id for record in among if _meets(record, where) and (id := _id(record)) not in gone)

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        with self._reading():
            return sorted({record.memory.namespace for record in self._scan(prefix)})

    def count(self, prefix: Namespace) -> int:
        with self._reading():
            return sum(1 for _ in self._scan(prefix))

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        with self._reading():
            found = sorted((one for one in self._scan(namespace) if one.memory.namespace == namespace), key=_id)
        sizes = [_text_bytes(one.memory) + 2 * _numbers(one) for one in found]
        return list(map(_id, found)), Traces.of([one.trace for one in found]), np.array(sizes, np.int64)

    def ended(self, namespace: Namespace, at: datetime) -> list[str]:
        with self._reading():
            found = [one.memory for one in self._scan(namespace) if one.memory.namespace == namespace]
        return sorted(one.id for one in found if one.valid_to is not None and one.valid_to <= at)

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._reading():
            free = [one for one in self._scan(prefix) if not (one.trace.archived or one.trace.protected)]
        late = [(when, _id(one)) for one in free if (when := one.trace.fades_at) is not None and when <= at]
        return [id for _, id in sorted(late)[:limit]]

    def links(self, ids: Sequence[str]) -> list[Link]:
        asked = set(ids)
        with self._reading():
            stored = [(shelf, *one) for shelf in shelves.LINKS for one in self._entries(shelf).items()]
            written = [link for link in (shelves.link_from_entry(*one) for one in stored) if _ends(link) & asked]
            there = self._fetch({end for link in written for end in _ends(link)})
            derived = {link for record in self._scan(()) for link in _derived(record.memory) if _ends(link) & asked}
        # An import may bring one end without the other.
        found = derived.union(link for link in written if _ends(link) <= there.keys())
        return sorted(found, key=lambda link: (link.parent, link.child, RELATIONS.index(link.relation)))

    def has_audiences(self, prefix: Namespace) -> bool:
        """Whether anything under a namespace is not for everybody who reads it."""
        with self._reading():
            return any(record.memory.visible_to is not None for record in self._scan(prefix))

    def revision(self, prefix: Namespace) -> object:
        """What differs after a memory under a namespace was written; which are there is told by `select`."""
        with self._reading():
            return self._version(), self._writes

    def latest(self, namespace: Namespace, limit: int) -> list[Memory]:
        """The memories observed last, oldest first, of those that everybody sees and recall does not leave out.

        Exactly of this namespace; at most `limit`. Override it where looking at all of them is slow.
        """
        with self._reading():
            there = (one for one in self._scan(namespace) if one.memory.namespace == namespace)
            found = (one.memory for one in there if one.memory.visible_to is None and not _away(one.trace))
            return sorted(heapq.nlargest(limit, found, key=_by_id), key=_by_id)

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        with self._reading():
            inside = set(self.select(Where(namespace=prefix)))
            logged = self._entries(shelves.RECALLS).items()
            found = [one for id, data in logged if id in inside for one in shelves.recalls_from_bytes(id, data)]
        return sorted(found, key=lambda one: (one.at, one.id))

    # -- searching --

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        with self._reading():
            among = set(self.select(where))
            near = [hit for room in self._under(where.namespace) for hit in room.nearest(vector, among, k)]
            best = sorted(near, key=lambda hit: (-hit[0], hit[1]))[:k]
            # Another process may have erased one meanwhile.
            found = self._fetch([id for _, id in best])
            return [(found[id].memory, score) for score, id in best if id in found]

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        with self._reading():
            gone = self._due_by(where.kept_at, where.namespace)
            among = set(self.select(where))
            hidden = self._hidden(among, replace(where, kept_at=None)) | parts_of(gone)
            away = None
            if where.archived is False:
                away = {_id(one) for one in self._scan(where.namespace) if _away(one.trace)}
            if gone:
                away = (away or set()).union(one.id for one in gone if one.whole)
            under = self._under(where.namespace)
            return merge([room.evidence(asked, vector, among, away, pool, hidden) for room in under])

    def _hidden(self, among: Set[str], where: Where) -> set[bytes]:
        """The ids of parts of gists among these that the filter does not mean."""
        free = replace(where, ids=None)
        if free == Where(namespace=where.namespace, archived=where.archived, restricted=where.restricted):
            return set()
        gists = (one.memory for one in self._scan(where.namespace) if one.memory.parts and _id(one) in among)
        return hidden_parts(free, gists)

    def _under(self, prefix: Namespace) -> list[Room]:
        """What lies under a namespace, in RAM; read anew after a change of content."""
        self._current()
        if prefix not in self._rooms:
            self._rooms[prefix] = rooms(self._scan(prefix), self.language)
        return self._rooms[prefix]

    def _current(self) -> None:
        """Drops what is in RAM when another process has written."""
        version = self._version()
        if version != self._seen:
            self._stale()
        self._seen = version

    def _stale(self) -> None:
        """Drops what was made of the records that were there."""
        self._rooms.clear()
        self._times = None

    # -- what is to be erased --

    def lapsed(self, where: Where, at: datetime) -> dict[str, frozenset[str]]:
        with self._reading():
            return meant(self._due_by(at, where.namespace), where)

    def _due_by(self, at: datetime | None, prefix: Namespace) -> list[Due]:
        """What is due under a namespace; what is found for the first time is noted, unless the store is read only."""
        if at is None:
            return []
        self._current()
        if self._times is None:
            periods = self.periods()
            times = ((lapses_at(one.memory, periods), _id(one)) for one in self._scan(()))
            self._times = sorted((time, id) for time, id in times if time is not None)
        soon = self._times[: bisect.bisect_right(self._times, (at, "g"))]
        noted = self._entries(shelves.LAPSED)
        if not soon and not noted:
            return []
        found: list[Due] = []
        fresh: dict[str, bytes | None] = {}
        periods = self.periods()
        for id, record in self._fetch({*noted, *(id for _, id in soon)}).items():
            before = shelves.time_from_bytes(noted[id]) if id in noted else None
            one = due(record.memory, periods, at if before is None else max(at, before))
            if one is not None and (before is None or one != due(record.memory, periods, before)):
                fresh[id] = shelves.time_to_bytes(at)
            if one is not None and record.memory.under(prefix):
                found.append(one)
        if fresh and self._writable:
            with self._writing():
                self._put_entries(shelves.LAPSED, fresh)
        return found

    def periods(self) -> list[RetentionPeriod]:
        with self._reading():
            return in_order(map(shelves.period_from_bytes, self._entries(shelves.PERIODS).values()))

    def set_period(self, period: RetentionPeriod) -> None:
        with self._writing():
            self._put_entries(shelves.PERIODS, {shelves.period_key(period): shelves.period_to_bytes(period)})
            self._stale()

    def lift_period(self, period: RetentionPeriod) -> bool:
        with self._writing():
            found = self._some_entries(shelves.PERIODS, [shelves.period_key(period)])
            self._put_entries(shelves.PERIODS, dict.fromkeys(found))
            self._stale()
        return bool(found)

    def reschedule(self, ids: Sequence[str]) -> None:
        with self._writing():
            self._unnote(ids)
            self._stale()

    def _unnote(self, ids: Collection[str]) -> None:
        """Lets what was seen to be due be judged anew, or goes with it."""
        self._put_entries(shelves.LAPSED, dict.fromkeys(self._some_entries(shelves.LAPSED, ids)))

    # -- writing --

    def write(self, records: Sequence[Record]) -> None:
        self.revise(Change(add=tuple(records)))

    def replace(self, record: Record) -> None:
        self.revise(Change(replace=(record,)))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        self.revise(Change(erase=tuple(ids)), over_holds=over_holds, guard=guard)

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        touched = [*change.erase, *map(_id, change.replace)]
        with self._writing():
            old = self._known([*touched, *change.ends])
            if not over_holds:
                cut = [id for id, end in change.ends.items() if rows.sooner(end, old[id].memory.valid_to)]
                _check_held([old[id] for id in dict.fromkeys([*touched, *cut])])
            made = _made(change, old)
            self._check_keys(made, {*touched, *change.ends})
            for shelf, links in shelves.on_shelves(change.unlinks).items():
                self._put_entries(shelf, dict.fromkeys(key for key, _ in links))
            for shelf, links in shelves.on_shelves(change.links).items():
                self._put_entries(shelf, dict(links))
            self._erase([old[id] for id in dict.fromkeys(change.erase)], guard=guard)
            self._forgetting.guard(change.guarded, until=change.until)
            self._unnote([_id(one) for one in change.replace])
            self._write(made)

    def _check_keys(self, records: Sequence[Record], leaving: Set[str]) -> None:
        """Raises KeyConflict when one of these has the key of another memory of its namespace."""
        homes = {record.memory.namespace for record in records if keys_of(record.memory)}
        for name in homes:
            holders: dict[str, set[str]] = {}
            for one in (found.memory for found in self._scan(name) if found.memory.namespace == name):
                for key in keys_of(one):
                    holders.setdefault(key, set()).add(one.id)
            claimed([keys_of(one.memory) for one in records if one.memory.namespace == name], holders, leaving)

    def _write(self, records: Sequence[Record]) -> None:
        if records:
            self._writes += 1
            self._stale()
            self._put(records)

    def _erase(self, records: Sequence[Record], *, guard: bool) -> None:
        """Destroys records with their log and their part in what supersedes or doubts what."""
        gone = set(map(_id, records))
        if not gone:
            return
        if guard:
            self._forgetting.guard((one.memory.namespace, stated(one.memory)) for one in records)
        self._stale()
        self._join(self._shelved(), self._erased(sorted(map(bytes.fromhex, gone))))
        self._decision = None
        self._destroy(gone)
        self._put_entries(shelves.RECALLS, dict.fromkeys(self._some_entries(shelves.RECALLS, gone)))
        self._unnote(gone)
        for shelf in shelves.LINKS:
            ended = [key for key in self._entries(shelf) if gone.intersection(key.split())]
            self._put_entries(shelf, dict.fromkeys(ended))

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        with self._writing():
            records = list(self._scan(prefix))
            if not over_holds:
                _check_held(records)
            self._erase(records, guard=False)
            self._forgetting.erase(prefix)
        return len({record.memory.namespace for record in records})

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        with self._writing():
            old = self._fetch({*traces, *(one.id for one in recalls)})
            there = {id: trace for id, trace in traces.items() if id in old}
            self._put([_stored(replace(old[id], trace=_standing(new, old[id]))) for id, new in there.items()])
            log: dict[str, bytes | None] = dict(self._some_entries(shelves.RECALLS, old.keys()))
            for one in recalls:
                if one.id in old:
                    log[one.id] = (log.get(one.id) or b"") + shelves.recalls_to_bytes([one])
            self._put_entries(shelves.RECALLS, log)

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        given = {"archived": archived, "pinned": pinned, "held": held, "restricted": restricted}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        with self._writing():
            old = self._known(ids)
            if archived and held is not False:
                _check_held(list(old.values()))
            self._put([replace(record, trace=replace(record.trace, **changes)) for record in old.values()])

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self._writing():
            ids = self.due(prefix, at, limit)
            self.mark(ids, archived=True)
        return ids

    def _known(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of ids; raises MemoryNotFound, naming those that are not there."""
        found = self._fetch(ids) if ids else {}
        unknown = [id for id in ids if id not in found]
        if unknown:
            raise MemoryNotFound(*unknown)
        return dict(found)

    # -- what was forgotten --

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        with self._reading():
            known = self._forgetting.here(namespace)
        return [any(one.know(said) for one in known) for said in statements]

    def guard_near(
        self, namespace: Namespace, statements: Sequence[Statement], *, until: datetime | None = None
    ) -> None:
        with self._writing():
            self._forgetting.guard(((namespace, said) for said in statements), near=True, until=until)

    def release_guard(self, prefix: Namespace, at: datetime) -> int:
        with self._writing():
            return self._forgetting.release(prefix, at)

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        with self._writing():
            self._forgetting.readmit(namespace, statements)

    def fingerprints(self, prefix: Namespace) -> dict[Namespace, frozenset[Fingerprints]]:
        with self._reading():
            return self._forgetting.under(prefix)

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        with self._writing():
            self._forgetting.adopt(namespace, known)

    # -- settings and decisions --

    def enter(self, entry: LedgerEntry) -> None:
        with self._writing():
            number = len(self._entries(shelves.LEDGER))
            self._put_entries(shelves.LEDGER, {f"{number:012}": shelves.entry_to_bytes(entry)})
            self._join(self._shelved(), [(entry, True)])

    def ledger(self) -> list[LedgerEntry]:
        with self._reading():
            return [shelves.entry_from_bytes(data) for _, data in sorted(self._entries(shelves.LEDGER).items())]

    def _ledger_key(self) -> bytes:
        return self._key

    def _may_write(self) -> bool:
        return self._writable

    @contextmanager
    def _shelf(self, *, writing: bool) -> Iterator[Shelf]:
        with self._writing() if writing else self._reading():
            yield self._shelved()

    def _shelved(self) -> Shelved:
        return Shelved(pick=self._some_entries, read=self._entries, write=self._put_entries)

    def alias(self, namespace: Namespace) -> str:
        named = json.dumps(namespace).encode()
        return hashlib.blake2b(named, key=self._key, digest_size=16).hexdigest()

    def note(self, name: str) -> str | None:
        with self._reading():
            found = self._some_entries(shelves.NOTES, [name]).get(name)
        return None if found is None else found.decode()

    def write_note(self, name: str, value: str) -> None:
        with self._writing():
            self._put_entries(shelves.NOTES, {name: value.encode()})

    def notes(self) -> dict[str, str]:
        with self._reading():
            return {name: value.decode() for name, value in self._entries(shelves.NOTES).items()}

    def private_note(self, name: str) -> str | None:
        with self._reading():
            found = self._some_entries(shelves.PRIVATE, [name]).get(name)
        return None if found is None else found.decode()

    def private_notes(self) -> dict[str, str]:
        with self._reading():
            return {name: value.decode() for name, value in self._entries(shelves.PRIVATE).items()}

    def write_private_note(self, name: str, value: str | None) -> None:
        with self._writing():
            self._put_entries(shelves.PRIVATE, {name: None if value is None else value.encode()})

    # -- proof and upkeep --

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        with self._reading():
            return [secret for record in self._known(ids).values() for secret in _secrets(record)]

    def bound(self, ids: Sequence[str]) -> object:
        """The ids; override it, with `remains`, where more hangs on a memory than what is asked for here."""
        return list(ids)

    def remains(self, bound: object) -> Remains:
        ids = [str(id) for id in bound] if isinstance(bound, list) else []
        with self._reading():
            left = ["row" for _ in self._fetch(ids)]
            left += ["line of recalls" for _ in self._some_entries(shelves.RECALLS, ids)]
            gone = set(ids)
            links = (key for shelf in shelves.LINKS for key in self._entries(shelf))
            left += ["link" for key in links if gone.intersection(key.split())]
            left += ["index" for held in self._rooms.values() for room in held for _ in gone.intersection(room.ids)]
        return Remains(checks=(2 + len(shelves.LINKS) + 1) * len(ids), left=tuple(left))

    def nameless(self) -> Iterator[Path]:
        """None; override it where files hold no ids."""
        yield from ()

    def strays(self) -> Iterator[Path]:
        """None; override it where a store knows its own files."""
        yield from ()

    def common(self) -> bytes:
        """Nothing; override it where files have words of their own."""
        return b""

    def check(self) -> list[str]:
        with self._reading():
            return [problem for record in self._scan(()) for problem in self._wrong(record)]

    def repair(self, *, dry_run: bool = False) -> list[str]:
        """Says of each problem that nothing can be done; override it where something can."""
        with self._reading() if dry_run else self._writing():
            return [f"{problem}: nothing can be done" for problem in self.check()]

    def _wrong(self, record: Record) -> Iterator[str]:
        id, dimension = _id(record), self._card.dimension
        found = self._fetch([id]).get(id)
        if found is None or found.memory != record.memory:
            yield f"{id} is not what is read by its id"
        if record.vector.shape != (dimension,):
            yield f"{id} has a vector of shape {record.vector.shape}, not ({dimension},)"
        elif not abs(np.linalg.norm(record.vector) - 1) < _LENGTH_TOLERANCE:
            yield f"{id} has a vector that is not of length 1"

    def rebuild(self) -> None:
        with self._writing():
            self._stale()

    def reembed(self, embedder: Embedder) -> None:
        with self._reading():
            with self._writing():
                old = list(self._scan(()))
                made = embedded_whole(embedder, [record.memory for record in old])
                self._write(
                    [_stored(replace(one, vector=v, passages=p)) for one, (v, p) in zip(old, made, strict=True)]
                )
                self._put_entries(shelves.STORE, {"embedder": shelves.card_to_bytes(embedder.card)})
            self._card = embedder.card

    def stats(self) -> StoreStats:
        with self._reading():
            return StoreStats(
                memories=self.count(()),
                namespaces=len(self.namespaces(())),
                erased=0,
                bytes_on_disk=sum(path.stat().st_size for path in self.files()),
                embedder=self._card,
                format=0,
                language=self.language,
            )


def _id(record: Record) -> str:
    return record.memory.id


def _text_bytes(memory: Memory) -> int:
    """Bytes of its text, and of those of the parts of a gist, which are stored in it."""
    return sum(len(one.text.encode()) for one in (memory, *memory.parts))


def _by_id(memory: Memory) -> str:
    return memory.id


def _numbers(record: Record) -> int:
    """In all of its vectors."""
    return len(record.vector) + (0 if record.passages is None else record.passages.vectors.size)


def _meets(record: Record, where: Where) -> bool:
    trace = record.trace
    if where.archived is False and _away(trace):
        return False
    standing = where.archived in (None, trace.archived) and where.restricted in (None, trace.restricted)
    return standing and where.matches(record.memory)


def _away(trace: Trace) -> bool:
    """Whether recall leaves it out."""
    return trace.archived or trace.restricted


def _check_held(records: Sequence[Record]) -> None:
    held = [_id(record) for record in records if record.trace.held or record.trace.restricted]
    if held:
        raise Held(*held)


def _standing(trace: Trace, old: Record) -> Trace:
    """A trace with the standing of the record that it is for, which `mark` alone changes."""
    flags = old.trace
    return replace(trace, archived=flags.archived, pinned=flags.pinned, held=flags.held, restricted=flags.restricted)


def _stored(record: Record) -> Record:
    """A record as every store keeps it: its vector rounded to fp16, its trace agreeing with its memory."""
    memory, trace = record.memory, record.trace
    agreeing = replace(trace, encoded_at=trace.start, salience=memory.salience, kind=memory.kind)
    return rounded(replace(record, trace=agreeing))


def _made(change: Change, old: Mapping[str, Record]) -> list[Record]:
    """What a change writes. old: the records that it touches, as they are."""
    made = {_id(one): replace(one, trace=_standing(one.trace, old[_id(one)])) for one in change.replace}
    for id, end in change.ends.items():
        ended = made.get(id, old[id])
        made[id] = replace(ended, memory=replace(ended.memory, valid_to=end))
    kept = [record for id, record in made.items() if id not in change.erase]
    return [_stored(record) for record in (*kept, *change.add)]


def _ends(link: Link) -> set[str]:
    return {link.parent, link.child}


def _derived(memory: Memory) -> Iterator[Link]:
    for parent in (*memory.provenance.derived_from, *(part.id for part in memory.parts)):
        yield Link(parent=parent, child=memory.id, relation="derived")


def _secrets(record: Record) -> Iterator[Secret]:
    """Text and vector in the forms that stores write them in."""
    text = record.memory.text
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    yield Secret(label="text", data=text.encode())
    if quoted != text:
        yield Secret(label="text json", data=quoted.encode())
    yield from vector_secrets(record)
