"""Stores what a `.mem` bundle has, so that what was made of something hangs on it, and goes when that is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.transfer.foreign.items import Item
from memoria.transfer.foreign.tombs import OWN, ids_there, remember_ids

Put = Callable[[Memoria, Sequence[Item], dict[str, str]], Counter[str]]
"""Stores a batch in the namespace of a view, and notes the ids of what is there then, by key."""
_BATCH = 256


@dataclass(slots=True)
class Linking:
    """An import of a bundle while it goes on.

    Attributes:
        memory: the view whose namespace takes the memories.
        gone: keys of what was deleted, there or here.
        coming: keys of all that is in the bundle.
        put: stores a batch.
        ids: ids of what is there, by key.
        refused: keys of what is left out, so that what was made of it is left out too.
        counts: how many were stored, there, there otherwise, and left out.
        batch: what is to be stored next.
        known: ids that memories had in bundles, by their ids here.
    """

    memory: Memoria
    gone: Collection[str]
    coming: Collection[str]
    put: Put
    ids: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    batch: list[Item] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)

    def run(self, items: Iterator[Item]) -> Iterator[int]:
        """Stores the items; yields how many are done, now and then."""
        self.known = ids_there(self.memory.store)
        left = yield from self._round(items)
        while left:
            again = yield from self._round(iter(left))
            if len(again) == len(left):
                # These were made of each other.
                self.counts["refused"] += len(again)
                return
            left = again

    def _round(self, items: Iterator[Item]) -> Generator[int, None, list[Item]]:
        """Stores items whose sources are there; returns those whose sources are not there yet."""
        waiting: list[Item] = []
        for one in items:
            if self._is_gone(one):
                self.counts["refused"] += 1
                self.refused.add(one.draft.key or "")
                continue
            if any(source in self.coming and source not in self.ids for source in one.sources):
                self._flush()
            if any(source in self.coming and source not in self.ids for source in one.sources):
                waiting.append(one)
                continue
            if self.batch and (len(self.batch) == _BATCH or one.under != self.batch[0].under):
                yield self._flush()
            made = tuple(self.ids[source] for source in one.sources if source in self.ids)
            draft = replace(one.draft, provenance=replace(one.draft.provenance, derived_from=made))
            self.batch.append(replace(one, draft=draft))
        yield self._flush()
        return waiting

    def _is_gone(self, one: Item) -> bool:
        """Whether it, or what it cannot be without, was deleted or left out."""
        out = {*one.sources, *one.parents} & self.refused or [name for name in one.parents if name in self.gone]
        return bool(out) or one.draft.key in self.gone or any(source in self.gone for source in one.sources)

    def _flush(self) -> int:
        """Stores the batch, and writes down under which ids it came; returns how many it was."""
        batch, self.batch = self.batch, []
        if not batch:
            return 0
        own = {match[1]: one for one in batch if (match := OWN.fullmatch(one.there))}
        here = living(self.memory.store, own.keys()) if own else {}
        for id in here:
            self.ids[own[id].draft.key or ""] = id
            self.counts["present"] += 1
        fresh = [one for one in batch if one.draft.key not in self.ids]
        if fresh:
            view = self.memory.namespace(*fresh[0].under) if fresh[0].under else self.memory
            self.counts += self.put(view, fresh, self.ids)
        self.refused |= {one.draft.key or "" for one in fresh if one.draft.key not in self.ids}
        named = {self.ids[name]: one.there for one in fresh if (name := one.draft.key or "") in self.ids}
        new = {id: there for id, there in named.items() if self.known.get(id) != there}
        remember_ids(self.memory.store, new)
        self.known |= new
        return len(batch)
