"""SeenStore: a store that has only what is seen of another one. Here, and nowhere else, visibility is enforced.

Every verb of a reader works on it, so that it can do, count, score and say nothing but what it would on a store in
which the other memories never were. What is written goes to the store below; what is searched is searched in RAM, among
what is seen alone, because a score is a number about all memories that took part in it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoria.access.sight import Sight
from memoria.audience import Audience
from memoria.errors import InvalidMemory, MemoryNotFound, NotPermitted
from memoria.protocols import Change, Embedder, Store
from memoria.stores.exact import Room, rooms
from memoria.text.evidence import Evidence, merge
from memoria.text.fingerprints import Fingerprints, Statement
from memoria.text.parts import hidden as hidden_parts
from memoria.traces import Traces
from memoria.types import (
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
    from memoria.proof.chain import Keyring
    from memoria.proof.keys import Signer
    from memoria.proof.lines import Entered
    from memoria.text.words import Question

Follow = Callable[[Sequence[str]], None]
"""Takes ids of what is not seen and was made from what is seen and goes, and lets it go as well."""

# Read at once, because each record brings its vector.
_BATCH = 1000
# So many namespaces, each with the roles it was seen with, are kept in RAM for a reader.
_KEPT = 8
_SCHEDULE = "schedule"
# Settings that tell nothing of what was remembered.
_NOTES = frozenset({_SCHEDULE, "background"})
# Whether facts wait for a yes: what a reader stores does too. A reader does not switch it.
_REVIEW = "review"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is in RAM: as of which revision of the store below, of which ids, and where it is searched."""

    revision: object
    ids: tuple[str, ...]
    records: Mapping[str, Record]
    rooms: Sequence[Room]


class SeenStore:
    """A `Store` over another one, of which `sight` says what is seen.

    whole: the store below all of them. follow: see `Follow`; None leaves what is not seen alone.
    """

    def __init__(self, below: Store, sight: Sight, follow: Follow | None = None) -> None:
        self._below = below
        self._sight = sight
        self._follow = follow
        self._rooms: OrderedDict[tuple[tuple[str, ...], Namespace], _Seen] = OrderedDict()
        self._mutex = threading.Lock()
        self.whole: Store = getattr(below, "whole", below)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._below!r})"

    # -- what there is --

    @property
    def embedder(self) -> EmbedderCard:
        return self._below.embedder

    @property
    def language(self) -> str | None:
        return self._below.language

    @property
    def path(self) -> Path | None:
        """The directory of the store below; None when it has none."""
        return getattr(self._below, "path", None)

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        found = self._below.read(ids)
        return [one if one is not None and self._sight.sees(one.memory) else None for one in found]

    def select(self, where: Where) -> list[str]:
        if where.ids is not None:
            return self._chosen(where)
        ids = self._below.select(replace(where, visible=self._sight.names()))
        if where.visible is not None:
            ids = sorted(set(ids).intersection(self._below.select(where)))
        return (
            ids if self._sight.by_names and _told(self._below) else [record.memory.id for record in self._records(ids)]
        )

    def own(self, audience: Audience) -> Audience:
        """Who may see what is made of memories for an audience; see `Sight.own`."""
        return self._sight.own(audience)

    def revision(self, prefix: Namespace) -> object:
        """What differs after a memory there was written or erased."""
        return _revision(self._below, prefix)

    def has_audiences(self, prefix: Namespace) -> bool:
        """Whether anything seen there is not for everybody."""
        where = Where(namespace=prefix)
        return len(self.select(where)) != len(self.select(replace(where, visible=())))

    def _chosen(self, where: Where) -> list[str]:
        """Of ids that are named, those that are seen and meet the rest."""
        # Read first: what is not seen is to make no difference, not to how much is done either.
        seen = {one.memory.id: one.memory for one in self._records(sorted(set(where.ids or ())))}
        return [id for id in self._below.select(replace(where, ids=tuple(seen))) if where.matches(seen[id])]

    def _records(self, ids: Sequence[str]) -> Iterator[Record]:
        for at in range(0, len(ids), _BATCH):
            yield from (record for record in self.read(ids[at : at + _BATCH]) if record is not None)

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        return [None if record is None else record.trace for record in self.read(ids)]

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        names = self._below.namespaces(prefix)
        found = {name: set(self.select(Where(namespace=name))) for name in names}
        deeper = {name: [one for one in names if one != name and one[: len(name)] == name] for name in names}
        return [name for name in names if found[name].difference(*(found[one] for one in deeper[name]))]

    def count(self, prefix: Namespace) -> int:
        return len(self.select(Where(namespace=prefix)))

    def links(self, ids: Sequence[str]) -> list[Link]:
        found = self._below.links(ids)
        ends = sorted({end for link in found for end in (link.parent, link.child)})
        there = [record.memory for record in self._below.read(ends) if record is not None]
        unseen = {memory.id for memory in there if not self._sight.sees(memory)}
        return [link for link in found if unseen.isdisjoint((link.parent, link.child))]

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        import numpy as np

        ids, traces, sizes = self._below.holdings(namespace)
        seen = set(self.select(Where(namespace=namespace)))
        chosen = np.array([place for place, id in enumerate(ids) if id in seen], np.int64)
        return [ids[place] for place in chosen.tolist()], traces.rows(chosen), sizes[chosen]

    def ended(self, namespace: Namespace, at: datetime) -> list[str]:
        seen = set(self.select(Where(namespace=namespace)))
        return [id for id in self._below.ended(namespace, at) if id in seen]

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        seen = set(self.select(Where(namespace=prefix)))
        found = self._below.due(prefix, at, max(1, self._below.count(prefix)))
        return [id for id in found if id in seen][:limit]

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        seen = set(self.select(Where(namespace=prefix)))
        return [one for one in self._below.recalls(prefix) if one.id in seen]

    def stats(self) -> StoreStats:
        """Of what is seen; sizes of files would tell of the rest, and are 0."""
        return replace(
            self._below.stats(),
            memories=self.count(()),
            namespaces=len(self.namespaces(())),
            erased=0,
            bytes_on_disk=0,
        )

    # -- searching --

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        among = set(self.select(where))
        near = [hit for room in self._kept(where.namespace).rooms for hit in room.nearest(vector, among, k)]
        best = sorted(near, key=lambda hit: (-hit[0], hit[1]))[:k]
        found = self.read([id for _, id in best])
        return [(one.memory, score) for one, (score, _) in zip(found, best, strict=True) if one is not None]

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        away, kept = self._away(where), self._kept(where.namespace)
        plain = replace(Where(namespace=where.namespace), **_flags(where))
        whole = where.archived is False and where == plain
        among = set(kept.ids).difference(away or ()) if whole else set(self.select(where))
        apart = self._apart(among, where)
        return merge([room.evidence(asked, vector, among, away, pool, apart) for room in kept.rooms])

    def _away(self, where: Where) -> set[str] | None:
        """What a search leaves out of its statistics, as every store does; None where it leaves nothing out."""
        here = Where(namespace=where.namespace)
        current = replace(here, archived=None if where.archived else where.archived, kept_at=where.kept_at)
        if current == here:
            return None
        return set(self._kept(where.namespace).ids).difference(self.select(current))

    def _apart(self, among: Collection[str], where: Where) -> set[bytes]:
        """The ids of parts of gists among these that the filter does not mean."""
        free = replace(where, ids=None, kept_at=None)
        if free == replace(Where(namespace=where.namespace), **_flags(free)):
            return set()
        records = self._kept(where.namespace).records
        gists = (one.memory for id, one in records.items() if one.memory.parts and id in among)
        return hidden_parts(free, gists)

    def _kept(self, prefix: Namespace) -> _Seen:
        """What is seen under a namespace, in RAM; read anew when anything there was written."""
        with self._mutex:
            place, revision = (self._sight.names(), prefix), _revision(self._below, prefix)
            known = self._rooms.get(place)
            if known is None or revision is None or known.revision != revision:
                ids = self.select(Where(namespace=prefix))
                records = {record.memory.id: record for record in self._records(ids)}
                known = _Seen(revision, tuple(records), records, rooms(records.values(), self.language))
                self._rooms[place] = known
            self._rooms.move_to_end(place)
            while len(self._rooms) > _KEPT:
                self._rooms.popitem(last=False)
            return known

    # -- writing --

    def write(self, records: Sequence[Record]) -> None:
        self._check_made(records)
        self._below.write(records)

    def replace(self, record: Record) -> None:
        self.revise(Change(replace=(record,)))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        with self.alone():
            self._check_seen(ids)
            self._follow_from(ids)
            self._below.erase(ids, over_holds=over_holds, guard=guard)

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        with self.alone():
            old = self._check_seen([*change.erase, *(one.memory.id for one in change.replace), *change.ends])
            self._check_made([*change.add, *change.replace])
            for record in change.replace:
                if old[record.memory.id].memory.visible_to != record.memory.visible_to:
                    raise NotPermitted("who may see a memory is changed by the owner of the store alone")
            again = [one.memory for one in change.replace]
            reworded = [one.id for one in again if one.text != old[one.id].memory.text]
            self._follow_from([*change.erase, *reworded])
            self._below.revise(change, over_holds=over_holds, guard=guard)

    def _check_seen(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of ids; raises MemoryNotFound for what is not seen, as for what is not there."""
        wanted = list(dict.fromkeys(ids))
        found = dict(zip(wanted, self.read(wanted), strict=True)) if wanted else {}
        unknown = [id for id, record in found.items() if record is None]
        if unknown:
            raise MemoryNotFound(*unknown)
        return {id: record for id, record in found.items() if record is not None}

    def _check_made(self, records: Sequence[Record]) -> None:
        """Raises InvalidMemory for what its writer could not see."""
        if not all(self._sight.sees(record.memory) for record in records):
            raise InvalidMemory("visible_to has no name of the reader and of its roles: it could not see what it wrote")

    def _follow_from(self, ids: Sequence[str]) -> None:
        """Lets go what is not seen, and was made from these; what is under a hold stays."""
        if self._follow is None or not ids:
            return
        found: set[str] = set()
        seen, front = set(ids), list(ids)
        while front:
            below = {link.child for link in self._below.links(front) if _made_of(link, seen)} - seen
            records = [record for record in self._below.read(sorted(below)) if record is not None]
            fresh = [one for one in records if not self._sight.sees(one.memory)]
            found |= {one.memory.id for one in fresh if not one.trace.held}
            front = [one.memory.id for one in fresh]
            seen |= below
        if found:
            self._follow(sorted(found))

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        """Erases what is seen there. Names and fingerprints of what was forgotten stay: they are not its alone."""
        with self.alone():
            names, ids = self.namespaces(prefix), self.select(Where(namespace=prefix))
            if ids:
                self.erase(ids, over_holds=over_holds, guard=False)
        return len(names)

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        ids = sorted({*traces, *(one.id for one in recalls)})
        seen = {id for id, record in zip(ids, self.read(ids), strict=True) if record is not None}
        kept = {id: trace for id, trace in traces.items() if id in seen}
        self._below.retrace(kept, [one for one in recalls if one.id in seen])

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        if restricted is not None:
            raise _owners()
        self._check_seen(ids)
        self._below.mark(ids, archived=archived, pinned=pinned, held=held)

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        with self.alone():
            ids = self.due(prefix, at, limit)
            self._below.mark(ids, archived=True)
        return ids

    # -- what was forgotten, settings and decisions --

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        return self._below.refused(namespace, statements)

    def guard_near(
        self, namespace: Namespace, statements: Sequence[Statement], *, until: datetime | None = None
    ) -> None:
        # A store by others may be older than the argument.
        more = {} if until is None else {"until": until}
        self._below.guard_near(namespace, statements, **more)

    def release_guard(self, prefix: Namespace, at: datetime) -> int:
        raise _owners()

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        self._below.readmit(namespace, statements)

    def fingerprints(self, prefix: Namespace) -> Mapping[Namespace, frozenset[Fingerprints]]:
        """None: they are of what others forgot as well."""
        return {}

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        raise _owners()

    # -- what is to be erased by time --

    def lapsed(self, where: Where, at: datetime) -> Mapping[str, frozenset[str]]:
        found = self._below.lapsed(where, at)
        return {one.memory.id: found[one.memory.id] for one in self._records(sorted(found))}

    def periods(self) -> list[RetentionPeriod]:
        """None: they name subjects, and hold whether they are read or not."""
        return []

    def set_period(self, period: RetentionPeriod) -> None:
        raise _owners()

    def lift_period(self, period: RetentionPeriod) -> bool:
        raise _owners()

    def reschedule(self, ids: Sequence[str]) -> None:
        self._below.reschedule([record.memory.id for record in self._records(sorted(set(ids)))])

    # -- decisions --

    @property
    def erasure(self) -> str:
        return self._below.erasure

    def deciding(self, entry: LedgerEntry) -> AbstractContextManager[object]:
        return self._below.deciding(entry)

    def chained(self, *, newest: int | None = None) -> list[Entered]:
        """Its lines are numbered, and so say how much there is besides."""
        raise _owners()

    def prove(self, line: bytes) -> bytes:
        raise _owners()

    def keyring(self) -> Keyring | None:
        raise _owners()

    def kept_head(self) -> str | None:
        raise _owners()

    def reason_key(self) -> bytes:
        raise _owners()

    def sign_with(self, signer: Signer | None) -> None:
        raise _owners()

    def rotate(self, entry: LedgerEntry, signer: Signer | None = None) -> bytes:
        raise _owners()

    def enter(self, entry: LedgerEntry) -> None:
        self._below.enter(entry)

    def ledger(self) -> list[LedgerEntry]:
        """The decisions about what is seen alone, and still there."""
        entries = self._below.ledger()
        seen = set(self.select(Where(ids=tuple({id for one in entries for id in one.ids})))) if entries else set()
        return [one for one in entries if seen.issuperset(one.ids)]

    def alias(self, namespace: Namespace) -> str:
        return self._below.alias(namespace)

    def note(self, name: str) -> str | None:
        return self._below.note(name) if name in _NOTES or name == _REVIEW else None

    def write_note(self, name: str, value: str) -> None:
        if name in _NOTES:
            # A schedule is that of all memories, of which others may follow another one.
            mixed = name == _SCHEDULE and self._below.count(()) and self._below.note(name) != value
            self._below.write_note(name, "" if mixed else value)

    def notes(self) -> dict[str, str]:
        return {name: value for name, value in self._below.notes().items() if name in _NOTES}

    def private_note(self, name: str) -> str | None:
        """Orders about people, which hold for whatever a reader writes; no verb of a reader shows one."""
        return self._below.private_note(name)

    def private_notes(self) -> dict[str, str]:
        return {}

    def write_private_note(self, name: str, value: str | None) -> None:
        raise _owners()

    # -- proof and upkeep --

    def alone(self) -> AbstractContextManager[object]:
        return self._below.alone()

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        self._check_seen(ids)
        return self._below.secrets(ids)

    def bound(self, ids: Sequence[str]) -> object:
        self._check_seen(ids)
        return self._below.bound(ids)

    def remains(self, bound: object) -> Remains:
        return self._below.remains(bound)

    def nameless(self) -> Iterator[Path]:
        raise _owners()

    def strays(self) -> Iterator[Path]:
        raise _owners()

    def common(self) -> bytes:
        return self._below.common()

    def files(self) -> Iterator[Path]:
        raise _owners()

    def check(self) -> list[str]:
        raise _owners()

    def repair(self, *, dry_run: bool = False) -> list[str]:
        raise _owners()

    def rebuild(self) -> None:
        raise _owners()

    def reembed(self, embedder: Embedder) -> None:
        raise _owners()

    def close(self) -> None:
        self._below.close()


def has_audiences(store: Store, prefix: Namespace) -> bool:
    """Whether anything under a namespace is not for everybody.

    Args:
        store: any store; one that has a method of this name is asked, and is trusted to filter by `Where.visible`.
        prefix: the namespace.

    Returns:
        True when a memory there has `visible_to`.
    """
    ask: Callable[[Namespace], bool] | None = getattr(store, "has_audiences", None)
    if ask is not None:
        return ask(prefix)
    ids = store.select(Where(namespace=prefix))
    batches = (store.read(ids[at : at + _BATCH]) for at in range(0, len(ids), _BATCH))
    return any(one is not None and one.memory.visible_to is not None for batch in batches for one in batch)


def _told(store: Store) -> bool:
    """Whether a store has been told of audiences, so that its filter goes by them."""
    return hasattr(store, "has_audiences")


def _flags(where: Where) -> dict[str, Any]:
    """What a filter says of standing and time, and not of content."""
    return {name: getattr(where, name) for name in ("archived", "restricted", "kept_at")}


def _revision(store: Store, prefix: Namespace) -> object:
    """What differs after a memory there was written or erased; None where the store does not tell: nothing is kept."""
    ask: Callable[[Namespace], object] | None = getattr(store, "revision", None)
    revision = None if ask is None else ask(prefix)
    # What is erased takes nothing that a revision counts.
    return None if revision is None else (revision, store.count(prefix))


def _made_of(link: Link, ids: Collection[str]) -> bool:
    return link.relation == "derived" and link.parent in ids


def _owners() -> NotPermitted:
    return NotPermitted("this is about the whole store: its owner does it, not a reader")
