"""Reinforcement: what was found is strengthened. Uses are gathered in memory and written down together."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Literal

from memoria.canonical import canonical
from memoria.errors import InvalidQuery, StoreFull
from memoria.protocols import DecayPolicy, Store
from memoria.retention import allocate as allocating
from memoria.retention import fade as fading
from memoria.retention.allocate import Demand
from memoria.types import Hit, Memory, Recalled, Record, Trace, Where
from memoria.validate import check_trace

Reinforcing = Literal["recalled", "used", "never"]


# Uses wait in RAM and are written together: a crash loses at most so many, and no content.
_WAIT = 256
_RIVALS = 8


# So many recalled texts are known again, in RAM, for the agent hears itself.
_HEARD = 256
DEMAND = "demand"


class Reinforcer:
    """Turns uses into traces: gathers them, and replaces the traces in one go. Shared by all views of a store."""

    def __init__(self, store: Store, policy: DecayPolicy, threshold: float) -> None:
        if not 0 <= threshold < 1:
            raise InvalidQuery(f"fade_below {threshold!r} is not in [0, 1)")
        self.store = store
        self.policy = policy
        self.threshold = threshold
        self._waiting: list[Recalled] = []
        self._mutex = threading.RLock()
        self._begun = False
        self._heard: dict[bytes, str] = {}

    def begin(self) -> None:
        """Before the first write: notes by which policy things will be due."""
        if not self._begun:
            fading.begin(self.store, self.policy, self.threshold)
            self._begun = True

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory, and when it will fade."""
        return fading.scheduled(self.policy, self.threshold, self.policy.encode(memory))

    def hear(self, hits: Sequence[Hit]) -> None:
        """What was just recalled, so that it is known when the agent says it again."""
        with self._mutex:
            for hit in hits:
                said = _digest(hit.memory)
                self._heard.pop(said, None)
                self._heard[said] = hit.memory.id
            while len(self._heard) > _HEARD:
                del self._heard[next(iter(self._heard))]

    def echo(self, memory: Memory) -> Memory | None:
        """The memory that this one repeats, when it was recalled of late; that counts as a use of it."""
        id = self._heard.get(_digest(memory))
        found = None if id is None else self.store.read([id])[0]
        if found is None:
            return None
        self.use([found.memory.id], memory.created_at, found=True)
        return found.memory

    def use(self, ids: Iterable[str], at: datetime, *, found: bool) -> None:
        """Memories were looked for at `at`."""
        with self._mutex:
            self._waiting += [Recalled(id=id, at=at, found=found) for id in ids]
            if len(self._waiting) >= _WAIT:
                self.flush_if_there_is_room()

    def flush(self) -> None:
        """Writes down what waits, durably."""
        with self._mutex:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            self.begin()
            ids = list({one.id for one in waiting})
            traces = {id: trace for id, trace in zip(ids, self.store.traces(ids), strict=True) if trace is not None}
            self._watch(waiting, traces)
            for one in waiting:
                if one.id in traces:
                    traces[one.id] = self.policy.reinforce(traces[one.id], one.at, recalled=one.found)
            self._replace(traces, waiting)

    def _watch(self, waiting: Sequence[Recalled], traces: Mapping[str, Trace]) -> None:
        """Counts at which rank each use came, once somebody has asked for an allocation (allocate.py)."""
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
            order = self.policy.retrievability(columns, first).argsort()[::-1]
            rank = {ids[n]: place for place, n in enumerate(order.tolist())}
            demand = demands.setdefault(self.store.alias(namespace), Demand())
            for id in used:
                if id in rank:
                    demand.add(rank[id])
        self.store.write_note(DEMAND, allocating.to_note(demands))

    def tidy(self) -> None:
        """Drops the counts of namespaces that are gone."""
        known = allocating.from_note(self.store.note(DEMAND))
        if known:
            there = {self.store.alias(namespace) for namespace in self.store.namespaces(())}
            kept = {alias: demand for alias, demand in known.items() if alias in there}
            self.store.write_note(DEMAND, allocating.to_note(kept))

    def _replace(self, traces: dict[str, Trace], waiting: Sequence[Recalled] = ()) -> None:
        due = {id: check_trace(fading.scheduled(self.policy, self.threshold, trace)) for id, trace in traces.items()}
        self.store.retrace(due, waiting)

    def flush_if_there_is_room(self) -> None:
        """As `flush`; on a full disk the uses are lost, as in a crash: no recall and no close fails for them."""
        with suppress(StoreFull):
            self.flush()

    def interfere(self, records: Sequence[Record]) -> None:
        """Tells a policy that has a verb `interfere` which older memories the new ones are like."""
        tell: Callable[[Trace, float], Trace] | None = getattr(self.policy, "interfere", None)
        if tell is None:
            return
        with self._mutex:
            self.flush()
            new = {record.memory.id for record in records}
            for record in records:
                where = Where(namespace=record.memory.namespace, archived=False)
                near = self.store.search(record.vector, where, _RIVALS + len(new))
                rivals = {one.id: score for one, score in near if one.id not in new}
                held = zip(rivals, self.store.traces(list(rivals)), strict=True)
                changed = {id: (trace, tell(trace, rivals[id])) for id, trace in held if trace is not None}
                self._replace({id: after for id, (before, after) in changed.items() if after != before})


def _digest(memory: Memory) -> bytes:
    """What a recalled text is known by, so that the text itself is not kept."""
    said = "\0".join((*memory.namespace, canonical(memory.text)))
    return hashlib.blake2b(said.encode(), digest_size=16).digest()
