"""Makes the records of memories, with vectors and traces, gists included; and takes parts out of gists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeGuard

from memoria.derived.gist import compose
from memoria.derived.lineage import memories
from memoria.embedders import embed_whole
from memoria.identity import IdSource
from memoria.protocols import Change, DecayPolicy, Embedder, Progress, Store
from memoria.retention.fade import scheduled
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
        """The record of a gist: the vector of its first part, and a trace that counts every use of every part.

        gist: the record that it replaces; None when it is new. members: the records that join it.
        """
        old = [gist] if gist is not None else []
        leads = gist is not None and gist.memory.parts[0] == memory.parts[0]
        leader = gist if gist is not None and leads else next(one for one in members if one.memory == memory.parts[0])
        times = sorted(at for one in (*old, *members) for at, _ in one.trace.recent)
        trace = self.trace(memory, times)
        return Record(memory=memory, trace=trace, vector=leader.vector, passages=leader.passages)

    def remade(self, memory: Memory, old: Record | None) -> Record:
        """The record of a gist that lost a part, or of a part that is a memory of its own again.

        Its trace counts only that its parts were observed: which of them was used later is no longer known.
        """
        head = memory.parts[0] if memory.parts else memory
        leads = old is not None and old.memory.parts[:1] == (head,)
        if old is not None and leads:
            vector, passages = old.vector, old.passages
        else:
            ((vector, passages),) = embed_whole(self.store, self.embedder, [head.text])
        times = [part.created_at for part in memory.parts]
        return Record(memory=memory, trace=self.trace(memory, times), vector=vector, passages=passages)

    def set_apart(self, ids: Collection[str]) -> None:
        """Makes each of `ids` that is now a part of a gist a memory of its own again."""
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
            again = [_instead(record, gist.memory) for record in self.store.read(below) if record is not None]
            return replace(moved([gist.memory.id], add=[self.remade(one, None) for one in parts]), replace=tuple(again))
        made = compose(gist.memory.id, left)
        if below:
            origin = made.provenance
            sources = (*origin.derived_from, *(one.id for one in out))
            made = replace(made, provenance=replace(origin, derived_from=sources))
        return Change(replace=(self.remade(made, gist),), add=tuple(self.remade(one, None) for one in out))


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
