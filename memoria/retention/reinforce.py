"""Reinforcement: memories that were used are strengthened. Uses are collected in RAM and written in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from typing import Literal

from memoria.embedders import in_english
from memoria.errors import InvalidQuery, StoreFull, StoreLocked
from memoria.process import in_child
from memoria.protocols import DecayPolicy, Store
from memoria.retention import allocate as allocating
from memoria.retention import fade as fading
from memoria.retention.allocate import Demand
from memoria.retention.sameness import digest, unlike
from memoria.text.parts import leaf_of
from memoria.types import Hit, Memory, Recalled, Record, Trace, Where
from memoria.validate import bounded, check_trace

Reinforcing = Literal["recalled", "used", "never"]
"""What a recall strengthens: all that it returns, only what is used, or nothing."""


# Uses are collected in RAM and written in batches: a crash loses at most this many uses, and no content.
_WAIT = 256
# While another writer has their memories, at most so many wait.
_MOST = 16 * _WAIT
_RIVALS = 8


# The last so many recalled texts are recognized (digests, in RAM) when the agent remembers what it has just recalled.
_HEARD = 256
DEMAND = "demand"


class Reinforcer:
    """Collects uses of memories and updates their traces in batches. Shared by all views of a store."""

    def __init__(self, store: Store, policy: DecayPolicy, threshold: float, keeper: DecayPolicy | None = None) -> None:
        if not 0 <= threshold < 1:
            raise InvalidQuery(f"fade_below {threshold!r} is not in [0, 1)")
        self.store = store
        self.policy = policy
        # By which budgets keep memories.
        self.keeper = policy if keeper is None else keeper
        self.threshold = threshold
        self._waiting: list[Recalled] = []
        # Those that a thread is writing.
        self._taken: list[Recalled] = []
        self._mutex = threading.RLock()
        self._begun = False
        # Id, and that under which it is stored.
        self._heard: dict[bytes, tuple[str, str]] = {}
        in_child(self, Reinforcer._leave)

    def _leave(self) -> None:
        """In a child by fork: what waits is written down by the parent."""
        self._mutex, self._waiting, self._taken = threading.RLock(), [], []

    def begin(self) -> None:
        """Called before the first write: notes the policy that due times are computed with."""
        if not self._begun:
            fading.begin(self.store, self.policy, self.threshold)
            self._begun = True

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory, with the time at which it fades."""
        return self._scheduled(self.policy.encode(memory))

    def hear(self, hits: Sequence[Hit]) -> None:
        """Notes what was just recalled, so that `echo` recognizes it."""
        with self._mutex:
            for hit in hits:
                said = digest(hit.memory)
                self._heard.pop(said, None)
                self._heard[said] = hit.memory.id, hit.home
            while len(self._heard) > _HEARD:
                del self._heard[next(iter(self._heard))]

    def echo(self, memory: Memory) -> Memory | None:
        """The memory that this one repeats, when it was recalled of late; that counts as a use of it.

        None where anything would be lost: another identity, a field that was given, or what is archived or has changed
        since it was recalled.
        """
        id, home = self._heard.get(digest(memory), ("", ""))
        found = leaf_of(self.store.read([home])[0], id) if id else None
        if found is None or found.trace.archived or digest(found.memory) != digest(memory):
            return None
        if unlike(memory, found.memory):
            return None
        self.use([home], memory.created_at, found=True)
        return found.memory

    def use(self, ids: Iterable[str], at: datetime, *, found: bool) -> None:
        """Notes that memories were looked for at `at`. found: whether they were recalled."""
        with self._mutex:
            self._waiting += [Recalled(id=id, at=at, found=found) for id in ids]
            full = len(self._waiting) >= _WAIT
        if full:
            self.flush_if_there_is_room()

    def let_go(self, ids: Collection[str]) -> None:
        """Drops the uses of what was forgotten, before they are written."""
        with self._mutex:
            if self._waiting:
                gone = frozenset(ids)
                self._waiting = [one for one in self._waiting if one.id not in gone]

    def flush(self) -> None:
        """Writes the collected uses and the updated traces to the store, durably, none of these changing meanwhile."""
        with self._mutex:
            ids = list({one.id for one in (*self._taken, *self._waiting)})
        if not ids:
            return
        taken: list[Recalled] = []
        try:
            # Who waits for another writer here holds nothing that a reader needs.
            with self.store.alone():
                self._flush(ids, taken)
        except StoreFull:
            raise
        except BaseException:
            with self._mutex:
                self._waiting = [*taken, *self._waiting][-_MOST:]
            raise
        finally:
            done = set(map(id, taken))
            with self._mutex:
                self._taken = [one for one in self._taken if id(one) not in done]

    def _flush(self, ids: list[str], taken: list[Recalled]) -> None:
        """Writes the uses of these memories that wait when nobody else writes to them any more; they are `taken`."""
        self.begin()
        traces = {id: trace for id, trace in zip(ids, self.store.traces(ids), strict=True) if trace is not None}
        asked = set(ids)
        with self._mutex:
            taken += [one for one in self._waiting if one.id in asked]
            self._waiting = [one for one in self._waiting if one.id not in asked]
            self._taken += taken
        if not taken:
            return
        self._watch(taken, traces)
        changed: dict[str, Trace] = {}
        for one in taken:
            if one.id in traces:
                before = changed.get(one.id, traces[one.id])
                changed[one.id] = self.policy.reinforce(before, one.at, recalled=one.found)
        self._replace(changed, taken)

    def _watch(self, waiting: Sequence[Recalled], traces: Mapping[str, Trace]) -> None:
        """Counts uses by the rank of the memory, if an allocation was ever asked for (allocate.py)."""
        noted = self.store.note(DEMAND)
        if noted is None:
            return
        demands = allocating.from_note(noted)
        for demand in demands.values():
            demand.fade(0.5 ** (len(waiting) / allocating.HALF_LIFE))
        used = [one.id for one in waiting if one.found and one.id in traces]
        first = min(one.at for one in waiting)
        for namespace in {record.memory.namespace for record in self.store.read(list(set(used))) if record}:
            ids, columns, _ = self.store.holdings(namespace)
            order = self.keeper.retrievability(columns, first).argsort()[::-1]
            rank = {ids[n]: place for place, n in enumerate(order.tolist())}
            demand = demands.setdefault(self.store.alias(namespace), Demand())
            for id in used:
                if id in rank:
                    demand.add(rank[id])
        self.store.write_note(DEMAND, allocating.to_note(demands))

    def tidy(self) -> None:
        """Drops the counts of namespaces that no longer exist."""
        known = allocating.from_note(self.store.note(DEMAND))
        if known:
            there = {self.store.alias(namespace) for namespace in self.store.namespaces(())}
            kept = {alias: demand for alias, demand in known.items() if alias in there}
            self.store.write_note(DEMAND, allocating.to_note(kept))

    def _replace(self, traces: dict[str, Trace], waiting: Sequence[Recalled] = ()) -> None:
        self.store.retrace({id: self._scheduled(trace) for id, trace in traces.items()}, waiting)

    def _scheduled(self, trace: Trace) -> Trace:
        return check_trace(fading.scheduled(self.policy, self.threshold, bounded(trace)))

    def flush_if_there_is_room(self) -> None:
        """Like `flush`, except that no recall and no close fails for it, or waits for another writer.

        On a full disk the uses are lost; while another writer has their memories, they wait on.
        """
        whole = getattr(self.store, "whole", self.store)
        hurried: Callable[[], AbstractContextManager[object]] = getattr(whole, "hurried", nullcontext)
        with suppress(StoreFull, StoreLocked), hurried():
            self.flush()

    def interfere(self, records: Sequence[Record]) -> None:
        """If the policy has a method `interfere`, applies it to the traces of older memories like the new ones."""
        tell: Callable[[Trace, float], Trace] | None = getattr(self.policy, "interfere", None)
        if tell is None:
            return
        with self.store.alone():
            self.flush()
            new = {record.memory.id for record in records}
            for record in records:
                where = Where(namespace=record.memory.namespace, archived=False)
                near = self.store.search(record.vector, where, _RIVALS + len(new))
                found = [(one, score) for one, score in near if one.id not in new]
                worth = in_english(self.store, [score for _, score in found], [one.text for one, _ in found])
                rivals = {one.id: score for (one, _), score in zip(found, worth, strict=True)}
                held = zip(rivals, self.store.traces(list(rivals)), strict=True)
                changed = {id: (trace, tell(trace, rivals[id])) for id, trace in held if trace is not None}
                self._replace({id: after for id, (before, after) in changed.items() if after != before})
