"""shorten: takes detail out of the least needed memories, so that a budget is kept and fewer of them have to go.

A text becomes an extract of itself (english/shorter.py), exactly as `amend` would put it in its place: the old text and
vector are erased, and weights that had learnt it are wiped. Nobody asked to forget what is left out, so no fingerprint
of it stays. What cannot change alone is passed over: see `_alone`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memoria.derived.gist import extract
from memoria.derived.records import Records
from memoria.embedders import embed_whole
from memoria.english.shorter import shorter
from memoria.forget.erase import unlearn_first
from memoria.protocols import Change, DecayPolicy, Store
from memoria.recall.context import cost
from memoria.remember import refused
from memoria.retention.counting import Limit, Weigh
from memoria.retention.prune import Counted, counted
from memoria.standing.gate import forbidden
from memoria.text.fingerprints import stated
from memoria.types import Budget, LedgerEntry, Memory, Namespace, Record

_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortening:
    """What a pass of shortening did, or would do.

    Attributes:
        ids: memories that were shortened, in the order in which they would have gone; a gist is one of them.
        before: bytes of the text of each before, of a gist those of its parts.
        after: bytes of the text of each afterwards.
        beyond: ids of what is beyond the budget even so, in the order in which it goes: what `evict` or `prune` would
            take next.
        shards: names of the adapters that were wiped because they had learnt any of it.
        capped: whether more is left for the next pass.
        dry_run: whether nothing was changed.
    """

    ids: tuple[str, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    beyond: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    capped: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a pass is asked for.

    budget: of each namespace; its limit on memories is not looked at until nothing more can be shortened. archived:
    whether archived memories count, and are shortened too. weigh, price: tokens of memories by their ids, and of one.
    keeper: the policy of which the least is shortened first.
    """

    budget: Budget
    at: datetime
    archived: bool
    weigh: Weigh
    price: Callable[[Memory], int]
    keeper: DecayPolicy
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A memory that may be shortened. record: as it is stored. memory: as it would be."""

    record: Record
    memory: Memory

    def saved(self, unit: str, asked: Asked) -> int:
        """How much of a limit it gives back: tokens exactly, bytes by those of its text and its passages."""
        if unit == "tokens":
            return asked.price(self.record.memory) - asked.price(self.memory)
        before, after = _length(self.record.memory), _length(self.memory)
        return int((before - after) * _per_byte(self.record))


def shorten(records: Records, namespaces: Sequence[Namespace], asked: Asked, cap: int) -> Shortening:
    """Shortens the least needed memories of each namespace until it keeps its budget; at most `cap` in all."""
    cuts: list[_Cut] = []
    beyond: list[str] = []
    shards: list[str] = []
    more = False
    for namespace in namespaces:
        some = _Pass(records, namespace, asked, cap - len(cuts))
        beyond += some.run()
        cuts += some.cuts
        shards += some.shards
        more = more or some.capped
    return Shortening(
        ids=tuple(cut.memory.id for cut in cuts),
        before=tuple(_length(cut.record.memory) for cut in cuts),
        after=tuple(_length(cut.memory) for cut in cuts),
        beyond=tuple(beyond),
        shards=tuple(dict.fromkeys(shards)),
        capped=more,
        dry_run=asked.dry_run,
    )


class _Pass:
    """Shortening in one namespace. cuts: what was shortened, or would be. capped: whether more could be."""

    def __init__(self, records: Records, namespace: Namespace, asked: Asked, most: int) -> None:
        self._records, self._namespace, self._asked, self._most = records, namespace, asked, most
        self.cuts: list[_Cut] = []
        self.shards: list[str] = []
        self.capped = False

    def run(self) -> list[str]:
        """Returns the ids of what is beyond the budget even so."""
        while (held := self._counted()) is not None:
            found, limits = self._planned(held)
            if self._asked.dry_run:
                self.cuts = found
                return [one.id for one in replace(held, limits=limits).beyond()]
            done = self._done(found)
            if not done:
                return [one.id for one in held.beyond()]
            self.cuts += done
        return []

    def _counted(self) -> Counted | None:
        asked, records = self._asked, self._records
        return counted(
            records.store, records.policy, self._namespace, asked.at, asked.budget,
            archived=asked.archived, weigh=asked.weigh, keeper=asked.keeper,
        )  # fmt: skip

    def _planned(self, held: Counted) -> tuple[list[_Cut], list[Limit]]:
        """What to shorten until every limit but that on their number is kept, and the limits as they would be then."""
        limits = {limit.unit: replace(limit, taken=limit.taken.copy()) for limit in held.limits}
        places, done = {id: n for n, id in enumerate(held.ids)}, {cut.memory.id for cut in self.cuts}
        left = [one.id for one in held.going() if one.id not in done]
        found: list[_Cut] = []
        for at in range(0, len(left), _BATCH):
            for record in _alone(self._records.store, left[at : at + _BATCH]):
                place = places[record.memory.id]
                tight = [unit for unit, limit in limits.items() if unit != "count" and limit.over > 0]
                cut = _cut(self._records.store, record, int(held.sizes[place]), tight)
                if cut is None:
                    continue
                if len(self.cuts) + len(found) >= self._most:
                    self.capped = True
                    break
                found.append(cut)
                for unit in limits.keys() - {"count"}:
                    limits[unit].taken[place] -= cut.saved(unit, self._asked)
            if self.capped or all(limit.over <= 0 for unit, limit in limits.items() if unit != "count"):
                break
        return found, list(limits.values())

    def _done(self, cuts: Sequence[_Cut]) -> list[_Cut]:
        """Puts shorter memories in the place of what they were, a batch at a time; returns those that were put."""
        done: list[_Cut] = []
        for at in range(0, len(cuts), _BATCH):
            # An embedder takes its time: it is not waited for under the lock.
            made = _made(self._records, cuts[at : at + _BATCH])
            with self._records.store.alone():
                done += self._put(cuts[at : at + _BATCH], made)
        return done

    def _put(self, cuts: Sequence[_Cut], made: Sequence[Record]) -> list[_Cut]:
        store = self._records.store
        there = {one.memory.id: one for one in _alone(store, [cut.memory.id for cut in cuts])}
        same = [
            (cut, replace(new, trace=old.trace))
            for cut, new in zip(cuts, made, strict=True)
            if (old := there.get(cut.memory.id)) is not None and old.memory == cut.record.memory
        ]
        ids = [cut.memory.id for cut, _ in same]
        if ids:
            inside = [part.id for cut, _ in same for part in cut.memory.parts]
            self.shards += unlearn_first(store, (), [*ids, *inside], over=False).shards
            entry = LedgerEntry(at=self._asked.at, action="shorten", ids=tuple(ids), reason="")
            with store.deciding(entry):
                store.revise(Change(replace=tuple(new for _, new in same)), guard=False)
        return [cut for cut, _ in same]


def _made(records: Records, cuts: Sequence[_Cut]) -> list[Record]:
    """The records of shorter memories, with the traces that they had."""
    plain = [cut for cut in cuts if not cut.memory.parts]
    vectors = iter(embed_whole(records.store, records.embedder, [cut.memory.text for cut in plain]) if plain else ())
    made = []
    for cut in cuts:
        if cut.memory.parts:
            made.append(replace(records.remade(cut.memory, cut.record), trace=cut.record.trace))
        else:
            vector, passages = next(vectors)
            made.append(replace(cut.record, memory=cut.memory, vector=vector, passages=passages))
    return made


def _alone(store: Store, ids: Sequence[str]) -> Iterator[Record]:
    """Those of these memories that can be shortened and nothing else changes, in this order.

    Not what is protected, nor what has a key: it is a record of the caller's. Not how something is done. Not a gist
    whose text somebody wrote. Not what something was made from, for that would go, nor a statement that ended a memory
    or makes it doubtful, nor such a memory: they were judged by their words.
    """
    found = [one for one in store.read(ids) if one is not None and _open(store, one)]
    homes = {leaf.id: one.memory.id for one in found for leaf in (one.memory, *one.memory.parts)}
    bound: set[str] = set()
    for link in store.links(list(homes)) if homes else ():
        parent, child = homes.get(link.parent), homes.get(link.child)
        if link.relation == "derived" and parent is not None and parent != link.child:
            bound.add(parent)
        if link.relation in ("ends", "doubts"):
            bound.update(one for one in (parent, child) if one is not None)
    yield from (one for one in found if one.memory.id not in bound)


def _open(store: Store, record: Record) -> bool:
    memory = record.memory
    if record.trace.protected or memory.key is not None or memory.kind == "procedural":
        return False
    return not memory.parts or memory.text == extract(memory.parts, store.language)


def _cut(store: Store, record: Record, size: int, tight: Collection[str]) -> _Cut | None:
    """A memory with a shorter text, or a gist with shorter parts; None when it stays as it is.

    size: its bytes. tight: units of the limits that it is to be shortened for.
    """
    if not tight:
        return None
    memory, language = record.memory, store.language
    leaves = memory.parts or (memory,)
    texts = [shorter(one.text, _beside(record, one, size, tight), language) for one in leaves]
    if all(text == one.text for text, one in zip(texts, leaves, strict=True)):
        return None
    made = [replace(one, text=text) for text, one in zip(texts, leaves, strict=True)]
    said = [stated(new) for new, old in zip(made, leaves, strict=True) if new.text != old.text]
    whole = replace(memory, parts=tuple(made), text=extract(made, language)) if memory.parts else made[0]
    # A longer text may hold one that was forgotten by itself.
    if any(refused(store, memory.namespace, said)) or any(forbidden(store, [whole])):
        return None
    return _Cut(record=record, memory=whole)


def _beside(record: Record, leaf: Memory, size: int, tight: Collection[str]) -> int:
    """Bytes that a memory, or a part of a gist, takes beside its text, as far as they stay; the least of the limits.

    Of a budget of tokens: what its line in a prompt has beside it.
    """
    text = len(leaf.text.encode())
    found = []
    if "tokens" in tight:
        found.append(cost(leaf, lambda line: len(line.encode())) - text)
    if "bytes" in tight:
        leaves = max(len(record.memory.parts), 1)
        rest = size - _length(record.memory) * _per_byte(record)
        found.append(int(rest / leaves / _per_byte(record)))
    return max(min(found), 0)


def _per_byte(record: Record) -> float:
    """Bytes that a store gives back for each byte of text: a part stands twice in its gist, and passages grow with the

    text, a vector of fp16 each.
    """
    if record.memory.parts:
        return 2.0
    further = 0 if record.passages is None else 2 * record.passages.vectors.size
    return 1 + further / len(record.memory.text.encode())


def _length(memory: Memory) -> int:
    return sum(len(one.text.encode()) for one in memory.parts or (memory,))
