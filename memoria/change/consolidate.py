"""consolidate: chooses which memories become one gist, and makes it.

Grouping is leader clustering in the order of ids (J. A. Hartigan, Clustering Algorithms, 1975, ch. 3): a memory joins
the group whose leader is most similar to it, if it is similar enough and the group has room; otherwise it becomes a
leader. Later memories never change earlier decisions, and removing a memory that is no leader changes nothing else.
A gist has the vector of its leader.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.derived.gist import Writer, compose, opposes
from memoria.derived.records import Records, moved
from memoria.embedders import thresholds
from memoria.errors import InvalidMemory
from memoria.protocols import ConsolidationPolicy, DecayPolicy, Store
from memoria.types import Memory, Namespace, Record, Where
from memoria.validate import check_memory

if TYPE_CHECKING:
    from memoria.arrays import Vectors

LIKE = 0.5
MOST = 8
_NEAR = 8
_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One gist to make. members: ids that become a gist, oldest first, or that join the one with id `gist`."""

    members: tuple[str, ...]
    gist: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How memories are grouped. most: most parts of one gist, >= 2.

    like: least cosine with the leader, in [-1, 1]; None is LIKE, as far as the embedder's background goes beyond.
    """

    like: float | None = None
    most: int = MOST


@dataclass(slots=True, eq=False)
class _Group:
    """A group that is being formed. vector: its leader's. texts: all in it. members: ids that are new in it."""

    vector: Vectors
    texts: list[str]
    procedural: bool
    members: list[str] = field(default_factory=list)
    gist: str | None = None

    def takes(self, record: Record, most: int, language: str | None) -> bool:
        """Whether there is room for a memory, it is of the group's kind, and no text of the group contradicts it."""
        fits = len(self.texts) < most and self.procedural == (record.memory.kind == "procedural")
        return fits and not any(opposes(record.memory.text, text, language) for text in self.texts)


class _Groups:
    """The groups of a plan. `_rows` has the vectors of their leaders, shape (capacity, d)."""

    def __init__(self, dimension: int, language: str | None) -> None:
        import numpy as np

        self.all: list[_Group] = []
        self._language = language
        self._rows = np.zeros((64, dimension), np.float32)

    def add(self, group: _Group) -> _Group:
        import numpy as np

        if len(self.all) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[len(self.all)] = group.vector
        self.all.append(group)
        return group

    def likest(self, record: Record, like: float, most: int) -> _Group | None:
        """Of the groups that take a memory, the one whose leader is most similar; None if none is similar enough."""
        scores = self._rows[: len(self.all)] @ record.vector
        near = (scores >= like).nonzero()[0]
        order = near[(-scores[near]).argsort(kind="stable")].tolist()
        return next((self.all[at] for at in order if self.all[at].takes(record, most, self._language)), None)


def replayed(
    store: Store, namespace: Namespace, policy: DecayPolicy, replay: ConsolidationPolicy, at: datetime, cap: int
) -> tuple[list[str], bool]:
    """The `cap` most urgent unprotected ids of one namespace at `at`, sorted by id, and whether more are left."""
    import numpy as np

    ids, traces, _ = store.holdings(namespace)
    priority = replay.priority(traces, policy.retrievability(traces, at), at)
    free = ~(traces.archived | traces.pinned | traces.held | traces.restricted) & (priority > 0)
    order = np.lexsort((np.arange(len(ids)), -priority))
    waiting = order[free[order]]
    return sorted(ids[n] for n in waiting[:cap].tolist()), len(waiting) > cap


def grouped(records: Records, ids: Sequence[str], grouping: Grouping) -> list[Step]:
    """The steps that gather memories of one namespace, given in order, into gists."""
    store = records.store
    groups = _Groups(store.embedder.dimension, store.language)
    known: set[str] = set()
    found = plain(store, ids)
    for record, like in zip(found, _likes(records, found, grouping), strict=True):
        for gist in _gists_near(store, record, like, known):
            known.add(gist.gist or "")
            groups.add(gist)
        chosen = groups.likest(record, like, grouping.most)
        if chosen is None:
            procedural = record.memory.kind == "procedural"
            chosen = groups.add(_Group(vector=record.vector, texts=[], procedural=procedural))
        chosen.members.append(record.memory.id)
        chosen.texts.append(record.memory.text)
    wanted = (group for group in groups.all if group.members and len(group.members) + (group.gist is not None) > 1)
    return [Step(members=tuple(group.members), gist=group.gist) for group in wanted]


def _likes(records: Records, found: Sequence[Record], grouping: Grouping) -> list[float]:
    """From which cosine each memory joins another."""
    if grouping.like is not None:
        return [grouping.like] * len(found)
    return thresholds(records.store, records.embedder, LIKE, [record.memory.text for record in found])


def plain(store: Store, ids: Sequence[str]) -> list[Record]:
    """Those of `ids` that may go into a gist: observed, with no validity bounds, no key and no links, unprotected."""
    found: list[Record] = []
    for at in range(0, len(ids), _BATCH):
        part = ids[at : at + _BATCH]
        linked = {end for link in store.links(part) for end in (link.parent, link.child)}
        records = (record for record in store.read(part) if record is not None)
        found += [one for one in records if one.memory.id not in linked and _unbound(one)]
    return found


def _unbound(record: Record) -> bool:
    memory, trace = record.memory, record.trace
    bound = memory.parts or memory.valid_from is not None or memory.valid_to is not None or memory.key is not None
    return not (bound or trace.archived or trace.protected)


def _gists_near(store: Store, record: Record, like: float, known: Set[str]) -> list[_Group]:
    """Groups for the gists in the same namespace that are similar to a memory, except those in `known`."""
    where = Where(namespace=record.memory.namespace, archived=False)
    near = [memory for memory, score in store.search(record.vector, where, _NEAR) if score >= like]
    likely = [one.id for one in near if one.parts and one.valid_to is None and one.id not in known]
    return [
        _Group(
            vector=gist.vector,
            texts=[part.text for part in gist.memory.parts],
            procedural=gist.memory.kind == "procedural",
            gist=gist.memory.id,
        )
        for gist in store.read(likely)
        if gist is not None and gist.memory.namespace == record.memory.namespace and not gist.trace.protected
    ]


def perform(records: Records, step: Step, write: Writer) -> str | None:
    """Makes the gist of a step and moves its members into it, all at once; returns its id.

    None when what the step was planned on has changed since: a member is forgotten, edited, protected or taken
    already. Then nothing happens. The writer runs while nobody waits for it. Raises InvalidMemory for a gist
    that is too long, or is otherwise no text.
    """
    store = records.store
    members, gist = _planned(store, step)
    if len(members) + (gist is not None) < 2:
        return None
    parts = [record.memory for record in members]
    if gist is None:
        memory = compose(records.ids.new(min(part.created_at for part in parts)), parts, write, store.language)
    else:
        memory = compose(gist.memory.id, [*gist.memory.parts, *parts], write, store.language)
    check_memory(memory)
    with store.alone():
        if not _still(store, step, members, gist):
            return None
        record = records.gathered(memory, gist, members)
        ids = [part.id for part in parts]
        store.revise(moved(ids, add=[record]) if gist is None else moved(ids, into=record), guard=False)
    return memory.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A writer that writes what was accepted, of the parts that it was written of.

    Attributes:
        parts: these.
        text: what it says of them.
    """

    parts: tuple[Memory, ...]
    text: str

    def __call__(self, parts: Sequence[Memory]) -> str:
        if tuple(parts) != self.parts:
            raise InvalidMemory("a part of the gist has changed since its text was accepted")
        return self.text


def drafted(records: Records, step: Step, write: Writer) -> Drafted | None:
    """What the gist of a step would say; None for one that cannot be made any more. Nothing is stored."""
    members, gist = _planned(records.store, step)
    if len(members) + (gist is not None) < 2:
        return None
    parts = [*(() if gist is None else gist.memory.parts), *(record.memory for record in members)]
    id = records.ids.new(min(part.created_at for part in parts)) if gist is None else gist.memory.id
    memory = compose(id, parts, write, records.store.language)
    try:
        check_memory(memory)
    except InvalidMemory:
        return None
    return Drafted(parts=memory.parts, text=memory.text)


def _planned(store: Store, step: Step) -> tuple[list[Record], Record | None]:
    """The members of a step that may still go into a gist, and the gist they join; no members if that is unusable."""
    members = plain(store, step.members)
    gist = None if step.gist is None else store.read([step.gist])[0]
    if step.gist is not None and (gist is None or not gist.memory.parts or gist.trace.protected or gist.trace.archived):
        return [], None
    return members, gist


def _still(store: Store, step: Step, members: Sequence[Record], gist: Record | None) -> bool:
    """Whether the members and the gist are stored as they were when read."""
    now, gist_now = _planned(store, step)
    before = [one.memory for one in (*members, gist) if one is not None]
    return [one.memory for one in (*now, gist_now) if one is not None] == before


def to_note(steps: Sequence[Step]) -> str:
    """A plan as JSON, for a note of the store; ids only, no content."""
    return json.dumps([[step.gist, *step.members] for step in steps])


def from_note(noted: str | None) -> list[Step]:
    return [Step(gist=gist, members=tuple(members)) for gist, *members in json.loads(noted or "[]")]
