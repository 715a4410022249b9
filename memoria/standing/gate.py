"""The one door through which memories are written: whatever would be stored is looked at there, whoever stores it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, cast

from memoria.derived.lineage import living
from memoria.embedders import embed_whole
from memoria.errors import Forbidden
from memoria.protocols import Change, Embedder, Store
from memoria.retention.windows import SalienceLike, Windows
from memoria.standing import orders
from memoria.standing.judging import StandingJudge, says_again
from memoria.standing.matching import Book
from memoria.standing.orders import Rule
from memoria.standing.redacting import broken, in_namespace, redacted, without
from memoria.text.parts import joined
from memoria.types import LedgerEntry, Memory, Namespace, Record

Undo = Callable[[Store, Sequence[str]], None]
# What a gate has itself; all else is the store's.
_OWN = frozenset({"_store", "_judge", "_undo", "_embedder", "_mark", "_rules", "_book", "_last", "_windows"})


def gated(
    store: Store,
    embedder: Embedder,
    undo: Undo,
    judge: StandingJudge | None = None,
    salience: SalienceLike | None = None,
) -> Store:
    """A store whose writes obey its standing orders, and whose memories have a salience.

    embedder: makes the vector of what is stored without a value. undo: takes ids of fresh memories out of a store.
    judge: is asked about what no order is seen to keep out. salience: gives one to what has none; None is "text".
    """
    if type(store) is Gate:
        if judge is None and salience in (None, store._windows.how):
            return store
        judge, salience = judge or store._judge, salience or store._windows.how
        store = store._store
    return cast("Store", Gate(store, embedder, undo, judge, salience or "text"))


def cleared(store: Store, records: Sequence[Record]) -> list[Record]:
    """The records as they may be stored; raises Forbidden with the positions of those that may not."""
    gate = _gate(store)
    return list(records) if gate is None else gate.cleared(records)


def forbidden(store: Store, memories: Sequence[Memory]) -> list[bool]:
    """Which memories a standing order keeps out whole."""
    gate = _gate(store)
    return [gate is not None and gate.refuses(memory) for memory in memories]


def weighed(store: Store, memories: Sequence[Memory]) -> list[Memory]:
    """Memories of one namespace, to be stored in this order, with their saliences; see `Windows.weighed`."""
    gate = _gate(store)
    return list(memories) if gate is None else gate._windows.weighed(memories)


def passed(store: Store, records: Sequence[Record]) -> None:
    """Takes as cleared what differs in its salience alone from what was cleared last."""
    gate = _gate(store)
    if gate is not None:
        gate._last = tuple(records)


def _gate(store: Store) -> Gate | None:
    """The gate that a store is, or that what a reader sees of one is written through."""
    whole: object = getattr(store, "whole", store)
    return whole if type(whole) is Gate else None


class Gate:
    """A store, as all verbs see it; what is no write goes to the store itself."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        undo: Undo,
        judge: StandingJudge | None = None,
        salience: SalienceLike = "text",
    ) -> None:
        self._store, self._judge = store, judge
        self._windows = Windows(store, salience)
        self._undo = undo
        self._embedder = embedder
        self._mark: str | None = None
        self._rules: list[Rule] = []
        self._book = lru_cache(maxsize=256)(self._book_of)
        self._last: tuple[Record, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._store, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._store, name)

    def __repr__(self) -> str:
        return repr(self._store)

    @property  # type: ignore[misc]  # it is the store, to whoever asks; of an object it may be set
    def __class__(self) -> Any:
        return type(self._store)

    # -- writing --

    def write(self, records: Sequence[Record]) -> None:
        """As of the store; raises Forbidden."""
        passing = self.cleared(records)
        self._store.write(passing)
        self._last = ()
        self._afterwards(lambda: self._written(passing))

    def replace(self, record: Record) -> None:
        """As of the store; raises Forbidden."""
        (passing,) = self.cleared([record])
        self._windows.drop([record.memory.id])
        self._store.replace(passing)

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        """As of the store; raises Forbidden."""
        new = [*change.add, *change.replace]
        passing = self.cleared(new) if new else new
        added = len(change.add)
        if passing != new:
            change = replace(change, add=tuple(passing[:added]), replace=tuple(passing[added:]))
        try:
            self._store.revise(change, over_holds=over_holds, guard=guard)
        except BaseException:
            # It may have been cut short after its commit.
            self._windows.drop([*change.erase, *(one.memory.id for one in change.replace)])
            raise
        self._last = ()
        self._afterwards(lambda: self._revised(change, passing))

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        """As of the store."""
        try:
            self._store.erase(ids, over_holds=over_holds, guard=guard)
        finally:
            self._windows.drop(ids)

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        """As of the store."""
        try:
            return self._store.erase_namespaces(prefix, over_holds=over_holds)
        finally:
            self._windows.clear(prefix)

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        """As of the store."""
        try:
            self._store.mark(ids, archived=archived, pinned=pinned, held=held, restricted=restricted)
        finally:
            if archived or restricted:
                self._windows.drop(ids)
            elif False in (archived, restricted):
                self._windows.clear()

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        """As of the store."""
        ids = self._store.archive_due(prefix, at, limit)
        self._windows.drop(ids)
        return ids

    def repair(self, *, dry_run: bool = False) -> list[str]:
        """As of the store."""
        try:
            return self._store.repair(dry_run=dry_run)
        finally:
            self._windows.clear()

    def write_note(self, name: str, value: str) -> None:
        """As of the store."""
        self._store.write_note(name, value)
        self._windows.look_again()

    def close(self) -> None:
        """As of the store."""
        self._windows.clear()
        self._store.close()

    def enter(self, entry: LedgerEntry) -> None:
        """As of the store, the reason without what orders keep out."""
        book = self._everywhere()
        self._store.enter(entry if book is None else replace(entry, reason=without(book, entry.reason)))

    # -- looking --

    def rules(self) -> list[Rule]:
        """Every order, oldest first."""
        mark = self._store.note(orders.MARK)
        if mark != self._mark:
            self._rules = [] if mark is None else orders.read(self._store)
            self._mark, self._last = mark, ()
            self._book.cache_clear()
        return self._rules

    def book(self, namespace: Namespace) -> Book | None:
        """The orders that hold in a namespace; None where none does."""
        return self._book(namespace) if self.rules() else None

    def cleared(self, records: Sequence[Record]) -> list[Record]:
        """The records as they may be stored; raises Forbidden with the positions of those that may not."""
        if not self.rules() or (records and tuple(map(id, records)) == tuple(map(id, self._last))):
            return list(records)
        out, out_of = list[Record](), list[int]()
        for at, record in enumerate(records):
            made = self._cleared(record)
            if made is None:
                out_of.append(at)
            else:
                out.append(made)
        if out_of:
            raise Forbidden(*out_of)
        self._last = tuple(out)
        return out

    def refuses(self, memory: Memory) -> bool:
        """Whether a memory is kept out whole."""
        book = self.book(memory.namespace)
        if book is None:
            return False
        found = broken(book, memory)
        if not found:
            return bool(self._judged(book, memory))
        return any(rule.order.on_match == "refuse" for rule in found.values()) or in_namespace(book, memory)

    def _cleared(self, record: Record) -> Record | None:
        memory = record.memory
        book = self.book(memory.namespace)
        if book is None:
            return record
        found = broken(book, memory)
        judged = [] if found else self._judged(book, memory)
        if not judged and (not found or self._stood(book, memory)):
            return record
        for id in (*found, *judged):
            # Also when what is done together is undone, because this is kept out.
            self._afterwards(partial(orders.count, self._store, id), always=True)
        # Where a paraphrase says it, nobody knows.
        if judged or any(rule.order.on_match == "refuse" for rule in found.values()) or in_namespace(book, memory):
            return None
        left = redacted(book, memory)
        if broken(book, left):
            return None
        return self._with(record, left)

    def _judged(self, book: Book, memory: Memory) -> list[str]:
        """Ids of the orders that a memory breaks as the judge sees it; what is stored already is not judged again."""
        if self._judge is None:
            return []
        said = memory.parts or (memory,)
        there = living(self._store, {one.id for one in said})
        new = [one.text for one in said if one.id not in there or there[one.id].text != one.text]
        judge, every = self._judge, [rule.order for rule in book.rules]
        return [order.id for order in every if any(says_again(judge, text, order) for text in new)]

    def _stood(self, book: Book, memory: Memory) -> bool:
        """Whether what breaks an order was stored before: under a hold, which stands against erasing it."""
        inside = [part for part in memory.parts if broken(book, part)]
        said = inside or [memory]
        there = living(self._store, {one.id for one in said})
        return all(one.id in there and _content(there[one.id]) == _content(one) for one in said)

    def _with(self, record: Record, memory: Memory) -> Record:
        """A record of a memory that was shortened."""
        said = memory.parts or (memory,)
        if [one.text for one in said] == [one.text for one in (record.memory.parts or (record.memory,))]:
            return replace(record, memory=memory)
        made = embed_whole(self._store, self._embedder, [one.text for one in said])
        vector, passages = joined(made) if memory.parts else made[0]
        return replace(record, memory=memory, vector=vector, passages=passages)

    def _afterwards(self, act: Callable[[], None], *, always: bool = False) -> None:
        """Acts once what was written is committed: now, or when all is that this thread does together.

        always: also when that is undone.
        """
        later: Callable[..., bool] | None = getattr(self._store, "afterwards", None)
        if later is None or not later(act, always=always):
            act()

    def _written(self, records: Sequence[Record]) -> None:
        self._windows.stored(records)
        self._again([record.memory for record in records])

    def _revised(self, change: Change, passing: Sequence[Record]) -> None:
        self._windows.stored(change.add, change.replace, change.erase)
        if passing:
            self._again([record.memory for record in passing])

    def _again(self, memories: Sequence[Memory]) -> None:
        """Takes back what was written while another process gave an order: it may have looked before this was there."""
        if self._mark == self._store.note(orders.MARK):
            return
        late = [one.id for one in memories if self._late(one)]
        if late:
            self._undo(self._store, late)
            raise Forbidden(*(at for at, one in enumerate(memories) if one.id in late))

    def _late(self, memory: Memory) -> bool:
        book = self.book(memory.namespace)
        return book is not None and bool(broken(book, memory))

    def _book_of(self, namespace: Namespace) -> Book | None:
        held = [rule for rule in self._rules if rule.holds_in(namespace)]
        return Book(held) if held else None

    def _everywhere(self) -> Book | None:
        rules = self.rules()
        return Book(rules) if rules else None


def _content(memory: Memory) -> tuple[Any, ...]:
    origin = memory.provenance
    return (
        memory.text, memory.subject, memory.tags, memory.key, memory.metadata,
        origin.source, origin.speaker, origin.session,
    )  # fmt: skip
