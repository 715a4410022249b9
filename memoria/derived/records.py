"""Makes the records of memories, with vectors and traces, gists included; and takes parts out of gists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memoria.derived.gist import compose
from memoria.derived.lineage import parts
from memoria.embedders import embed
from memoria.identity import IdSource
from memoria.protocols import Change, DecayPolicy, Embedder, Progress, Store
from memoria.retention.fade import scheduled
from memoria.types import Memory, Record, Trace


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
        return scheduled(self.policy, self.threshold, trace)

    def gathered(self, memory: Memory, gist: Record | None, members: Sequence[Record]) -> Record:
        """The record of a gist: the vector of its first part, and a trace that counts every use of every part.

        gist: the record that it replaces; None when it is new. members: the records that join it.
        """
        old = [gist] if gist is not None else []
        leads = gist is not None and gist.memory.parts[0] == memory.parts[0]
        leader = gist if gist is not None and leads else next(one for one in members if one.memory == memory.parts[0])
        times = sorted(at for one in (*old, *members) for at, _ in one.trace.recent)
        return Record(memory=memory, trace=self.trace(memory, times), vector=leader.vector)

    def remade(self, memory: Memory, old: Record | None) -> Record:
        """The record of a gist that lost a part, or of a part that is a memory of its own again.

        Its trace counts only that its parts were observed: which of them was used later is no longer known.
        """
        head = memory.parts[0] if memory.parts else memory
        leads = old is not None and old.memory.parts[:1] == (head,)
        vector = old.vector if old is not None and leads else embed(self.store, self.embedder, [head.text])[0]
        times = [part.created_at for part in memory.parts]
        return Record(memory=memory, trace=self.trace(memory, times), vector=vector)

    def set_apart(self, ids: Sequence[str]) -> None:
        """Takes those of `ids` that are parts of gists out of them: each becomes a memory of its own again."""
        alone = self.store.read(ids)
        hidden = [id for id, record in zip(ids, alone, strict=True) if record is None]
        for part in parts(self.store, set(hidden)).values():
            with self.store.alone():
                self._set_apart(part)

    def _set_apart(self, part: Memory) -> None:
        link = next(one for one in self.store.links([part.id]) if one.parent == part.id)
        (gist,) = self.store.read([link.child])
        assert gist is not None
        self.store.revise(self._parted(part, gist), guard=False)

    def _parted(self, part: Memory, gist: Record) -> Change:
        """The change that takes a part out of its gist. What was derived from the gist stays linked to the part."""
        others = [one for one in gist.memory.parts if one.id != part.id]
        derived = any(link.parent == gist.memory.id for link in self.store.links([gist.memory.id]))
        if len(others) < 2 and not derived:
            return moved([gist.memory.id], add=[self.remade(one, None) for one in gist.memory.parts])
        left = compose(gist.memory.id, others)
        if derived:
            origin = left.provenance
            left = replace(left, provenance=replace(origin, derived_from=(*origin.derived_from, part.id)))
        return Change(replace=(self.remade(left, gist),), add=(self.remade(part, None),))


def moved(rows: Sequence[str], *, add: Sequence[Record] = (), into: Record | None = None) -> Change:
    """A change that moves memories between rows without losing any: new records hold what the erased rows held.

    rows: ids whose rows are erased. add: new records. into: a gist that replaces the one with its id.
    """
    return Change(erase=tuple(rows), add=tuple(add), replace=() if into is None else (into,))
