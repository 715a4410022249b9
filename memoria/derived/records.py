"""Makes the records of memories, with vectors and traces, gists included; and takes parts out of gists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeGuard

from memoria.derived.gist import again, freed
from memoria.derived.lineage import memories
from memoria.embedders import embed_whole
from memoria.identity import IdSource
from memoria.protocols import Change, DecayPolicy, Embedder, Progress, Store
from memoria.retention.fade import scheduled
from memoria.text.parts import Pieces, joined, leaf_of, pieces_of
from memoria.types import Link, Memory, Record, Trace
from memoria.validate import check_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that is needed to make records.

    Attributes:
        store: where they are kept.
        embedder: makes the vectors; must be the one of the store.
        policy: makes the traces.
        threshold: retrievability, in [0, 1), below which a memory is due to fade.
        ids: makes the ids.
        progress: is called as a long embedding proceeds; None for no calls.
    """

    store: Store
    embedder: Embedder
    policy: DecayPolicy
    threshold: float
    ids: IdSource
    progress: Progress | None = None

    def trace(self, memory: Memory, times: Sequence[datetime] = ()) -> Trace:
        """The trace of a memory presented at `times`, oldest first; the first one is when it was encoded."""
        trace = self.policy.encode(memory)
        for at in times[1:]:
            trace = self.policy.reinforce(trace, at, recalled=True)
        return check_trace(scheduled(self.policy, self.threshold, trace))

    def gathered(self, memory: Memory, gist: Record | None, members: Sequence[Record]) -> Record:
        """The record of a gist: the vectors of its parts, and a trace that counts every use of every part.

        gist: the record that it replaces; None when it is new. members: the records that join it.
        """
        old = [gist] if gist is not None else []
        times = sorted(at for one in (*old, *members) for at, _ in one.trace.recent)
        vector, passages = self._vectors(memory, [*old, *members])
        return Record(memory=memory, trace=self.trace(memory, times), vector=vector, passages=passages)

    def _vectors(self, memory: Memory, known: Sequence[Record]) -> Pieces:
        """The vectors of a memory, or of the parts of a gist: as `known` has them, or else made from the text."""
        parts = memory.parts or (memory,)
        kept = {id: pieces for record in known for id, pieces in _kept(record, {part.id: part.text for part in parts})}
        # The first of a gist is kept exactly, so it is not taken from where it was rounded.
        if parts[0].id in kept and not any(_exact(record, parts[0].id) for record in known):
            del kept[parts[0].id]
        missing = [part for part in parts if part.id not in kept]
        made = embed_whole(self.store, self.embedder, [part.text for part in missing]) if missing else []
        kept |= {part.id: pieces for part, pieces in zip(missing, made, strict=True)}
        return joined([kept[part.id] for part in parts]) if memory.parts else kept[memory.id]

    def remade(self, memory: Memory, old: Record | None) -> Record:
        """The record of a gist that lost a part, or of a part that is a memory of its own again.

        Its trace counts only that its parts were observed: which of them was used later is no longer known.
        """
        vector, passages = self._vectors(memory, [] if old is None else [old])
        times = [part.created_at for part in memory.parts]
        return Record(memory=memory, trace=self.trace(memory, times), vector=vector, passages=passages)

    def set_apart(self, ids: Collection[str]) -> None:
        """Makes each of `ids` that is now a part of a gist a memory of its own again."""
        if not ids:
            return
        with self.store.alone():
            change = self.apart(ids)
            if change != Change():
                self.store.revise(change, guard=False)

    def apart(self, ids: Collection[str]) -> Change:
        """The change that `set_apart` is. What was derived from a gist depends on the part still."""
        hidden = set(ids) - memories(self.store, sorted(ids)).keys()
        children = {link.child for link in self.store.links(sorted(hidden)) if link.parent in hidden} if hidden else ()
        made = [self._parted(gist, hidden) for gist in self.store.read(sorted(children)) if _holds(gist, hidden)]
        return Change(
            erase=tuple(id for one in made for id in one.erase),
            replace=tuple(record for one in made for record in one.replace),
            add=tuple(record for one in made for record in one.add),
        )

    def _parted(self, gist: Record, leaving: Set[str]) -> Change:
        """Takes parts out of their gist; one with fewer than two left is dissolved, unless something depends on it."""
        parts = gist.memory.parts
        out = [one for one in parts if one.id in leaving]
        left = [one for one in parts if one.id not in leaving]
        below = [one.child for one in self.store.links([gist.memory.id]) if _below(one, gist.memory.id)]
        if len(left) < 2 and not (left and below):
            instead = [_instead(record, gist.memory) for record in self.store.read(below) if record is not None]
            add = [self.remade(freed(one, gist.memory), None) for one in parts]
            return replace(moved([gist.memory.id], add=add), replace=tuple(instead))
        made = again(gist.memory, left, self.store.language)
        if below:
            origin = made.provenance
            sources = (*origin.derived_from, *(one.id for one in out))
            made = replace(made, provenance=replace(origin, derived_from=sources))
        return Change(
            replace=(self.remade(made, gist),), add=tuple(self.remade(freed(one, gist.memory), None) for one in out)
        )


def leaf(record: Record | None, id: str, policy: DecayPolicy) -> Record | None:
    """The record of this id, which may be a part of the gist that `record` is; None when it is not there.

    A part was observed once, and each use of the gist is one of it: which part was used is not known.
    """
    found = leaf_of(record, id)
    if record is None or found is None or found is record:
        return found
    observed = Counter(part.created_at for part in record.memory.parts)
    trace = policy.encode(found.memory)
    for at, _ in record.trace.recent:
        if observed[at]:
            observed[at] -= 1
        elif at >= trace.start:
            trace = policy.reinforce(trace, at, recalled=True)
    standing = {name: getattr(record.trace, name) for name in ("archived", "pinned", "held", "restricted")}
    return replace(found, trace=replace(trace, **standing))


def _kept(record: Record, texts: Mapping[str, str]) -> Iterator[tuple[str, Pieces]]:
    """(id, vectors) of a record, or of its parts, with these texts by id, as far as it has them."""
    if not record.memory.parts and texts.get(record.memory.id) == record.memory.text:
        yield record.memory.id, (record.vector, record.passages)
    for place, part in enumerate(record.memory.parts):
        pieces = pieces_of(record, place) if texts.get(part.id) == part.text else None
        if pieces is not None:
            yield part.id, pieces


def _exact(record: Record, id: str) -> bool:
    """Whether a record has the vector of this memory or part as the embedder made it."""
    return (record.memory.parts[:1] or (record.memory,))[0].id == id


def _holds(gist: Record | None, ids: Set[str]) -> TypeGuard[Record]:
    return gist is not None and any(part.id in ids for part in gist.memory.parts)


def _below(link: Link, id: str) -> bool:
    return link.relation == "derived" and link.parent == id


def _instead(record: Record, gist: Memory) -> Record:
    """A record that was derived from a gist, derived from the parts of the gist instead."""
    origin = record.memory.provenance
    # Those that were set apart before, too: what was made of the gist was made of them.
    parts = tuple(dict.fromkeys((*(part.id for part in gist.parts), *gist.provenance.derived_from)))

    def apart(ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(id for one in ids for id in (parts if one == gist.id else (one,))))

    used = None if origin.used is None else apart(origin.used)
    provenance = replace(origin, derived_from=apart(origin.derived_from), used=used)
    return replace(record, memory=replace(record.memory, provenance=provenance))


def ending(change: Change, ends: Mapping[str, datetime | None]) -> Change:
    """A change that also ends memories; what it adds or replaces is written with its end."""
    here = {record.memory.id for record in (*change.add, *change.replace)}
    return replace(
        change,
        add=tuple(_ended(record, ends) for record in change.add),
        replace=tuple(_ended(record, ends) for record in change.replace),
        ends={**change.ends, **{id: end for id, end in ends.items() if id not in here}},
    )


def _ended(record: Record, ends: Mapping[str, datetime | None]) -> Record:
    memory = record.memory
    return record if memory.id not in ends else replace(record, memory=replace(memory, valid_to=ends[memory.id]))


def moved(rows: Sequence[str], *, add: Sequence[Record] = (), into: Record | None = None) -> Change:
    """A change that moves memories between rows without losing any: new records hold what the erased rows held.

    rows: ids whose rows are erased. add: new records. into: a gist that replaces the one with its id.
    """
    return Change(erase=tuple(rows), add=tuple(add), replace=() if into is None else (into,))
