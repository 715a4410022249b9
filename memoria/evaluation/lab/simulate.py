"""Replays a trace of events under a policy and a budget. No text, no store: what is kept is a set of numbers.

The budget holds at all times. What comes in is always let in, unless it is larger than the whole budget; what has the
least retrievability at that moment goes for it, the oldest first among equals, as in `memoria.prune`; where a contender
says so, what was superseded goes first, as it does there. Each victim is
chosen anew while 500 are kept or fewer; of more, a fiftieth of what is beyond 500 is chosen at a time, let go one by
one as room is needed, and what was used meanwhile is spared. Baselines whose order no passing of time changes are kept
in a heap instead, which gives the same victims as choosing each one anew.
"""

from __future__ import annotations

import heapq
import time as clock
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from memoria.arrays import Bools, Floats, Ints
from memoria.evaluation.lab.contenders import Contender
from memoria.evaluation.lab.events import AVOID, END, ERASE, NEED, NONE, UPDATE, USE, Events
from memoria.policies import Fifo, Lfu, Lru, Never, Random
from memoria.protocols import DecayPolicy
from memoria.traces import Traces, moment
from memoria.types import RECENT, Memory, Trace

AT_A_TIME = 0.02
SHOWN = 10
_FEW = 500
_COLUMNS = tuple(one.name for one in fields(Traces))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What happened.

    kept, shape (n,): whether the item of each need, use and avoidance was kept. shown: whether the item of a need was,
    and was among the ten best kept ones that the question's search brings up. rivals: how many kept items its topic had
    when a need was met, itself included; 0 where it has no topic or was missed.
    regretted: evictions whose item was needed later. mean_bytes: over the span of the trace, weighted by time.
    scored: traces looked at to choose victims. seconds: that choosing took here; the one figure that is not the same at
    each run.
    """

    kept: Bools
    shown: Bools
    rivals: Ints
    remembered: int
    reinforced: int
    evicted: int
    erased: int
    regretted: int
    mean_bytes: float
    peak_bytes: int
    scored: int
    seconds: float


def simulate(
    events: Events, contender: Contender, capacity: float, costs: Ints | None = None, *, at_a_time: float = AT_A_TIME
) -> Run:
    """One contender over one trace. capacity: how much may be kept, in units of `costs`; may be infinite.

    costs: what each item takes of it, shape (m,); 1 each when None. at_a_time: share of what is kept beyond 500 for
    which victims are chosen together; 0 chooses each anew.
    """
    state = _State(events, contender, capacity, np.ones(events.items, np.int64) if costs is None else costs, at_a_time)
    state.replay()
    return state.run()


class _Keeper(Protocol):
    """Knows what is kept and who goes next."""

    scored: int

    def add(self, item: int, at: int) -> None: ...
    def use(self, item: int, at: int) -> None: ...
    def supersede(self, item: int) -> None: ...
    def drop(self, item: int) -> None: ...
    def victim(self, at: int) -> int: ...


class _State:
    """One replay under way."""

    def __init__(self, events: Events, contender: Contender, capacity: float, costs: Ints, at_a_time: float) -> None:
        self.events, self.contender, self.capacity = events, contender, capacity
        self.costs: list[int] = costs.tolist()
        self.keeper = _keeper(events, contender.policy, at_a_time)
        self.sizes: list[int] = events.size.tolist()
        self.topics: list[int] = events.topic.tolist()
        self.inside = [False] * events.items
        self.crowd = [0] * (int(events.topic.max(initial=NONE)) + 1)
        self.kept = np.zeros(len(events), np.bool_)
        self.shown = np.zeros(len(events), np.bool_)
        self.rivals = np.zeros(len(events), np.int64)
        self.rankings: list[list[int]] = events.ranking.tolist()
        self.used = self.bytes = self.peak = 0
        self.volume = 0.0
        self.counts = dict.fromkeys(("remembered", "reinforced", "evicted", "erased", "regretted"), 0)
        self.let_go: set[int] = set()
        # What was superseded and is kept, in the order in which it was.
        self.ended: dict[int, None] = {}
        self.seconds = 0.0

    def replay(self) -> None:
        events = self.events
        columns = (events.time.tolist(), events.kind.tolist(), events.item.tolist(), events.old.tolist())
        before = columns[0][0] if columns[0] else 0
        for n, (at, kind, item, old) in enumerate(zip(*columns, strict=True)):
            self.volume += self.bytes * (at - before)
            before = at
            if kind in (NEED, USE):
                self._wanted(n, item, at, needed=kind == NEED)
            elif kind == AVOID:
                self.kept[n] = self.inside[item]
            elif kind == END:
                self._supersede(item)
            elif kind == ERASE:
                if self.inside[item]:
                    self.counts["erased"] += 1
                    self._remove(item)
            else:
                self._admit(item, at)
                if kind == UPDATE:
                    self._supersede(old)

    def _wanted(self, n: int, item: int, at: int, *, needed: bool) -> None:
        if self.inside[item]:
            self.kept[n] = True
            self.counts["reinforced"] += 1
            self.keeper.use(item, at)
            if needed:
                self._met(n, item)
        elif needed:
            if item in self.let_go:
                self.counts["regretted"] += 1
                self.let_go.discard(item)
            if self.events.relearns:
                self._admit(item, at)

    def _met(self, n: int, item: int) -> None:
        """What else is kept, and might have been brought up instead."""
        if self.topics[item] != NONE:
            self.rivals[n] = self.crowd[self.topics[item]]
        if self.rankings:
            ranking = self.rankings[self.events.question[self.events.fact[n]]]
            better = ranking[: ranking.index(item)] if item in ranking else None
            self.shown[n] = better is not None and sum(self.inside[one] for one in better) < SHOWN

    def _admit(self, item: int, at: int) -> None:
        cost = self.costs[item]
        if cost > self.capacity:
            return
        while self.used + cost > self.capacity:
            self._evict(at)
        self.inside[item] = True
        self.counts["remembered"] += 1
        self.keeper.add(item, at)
        self._weigh(item, 1)

    def _evict(self, at: int) -> None:
        started = clock.perf_counter()
        going = next(iter(self.ended)) if self.ended else self.keeper.victim(at)
        self.seconds += clock.perf_counter() - started
        self.counts["evicted"] += 1
        self.let_go.add(going)
        self._remove(going)

    def _supersede(self, old: int) -> None:
        if self.inside[old]:
            if self.contender.supersedes:
                self._remove(old)
            else:
                self.keeper.supersede(old)
                if self.contender.ended_first:
                    self.ended[old] = None

    def _remove(self, item: int) -> None:
        self.ended.pop(item, None)
        self.inside[item] = False
        self.keeper.drop(item)
        self._weigh(item, -1)

    def _weigh(self, item: int, sign: int) -> None:
        self.used += sign * self.costs[item]
        self.bytes += sign * self.sizes[item]
        self.peak = max(self.peak, self.bytes)
        if self.topics[item] != NONE:
            self.crowd[self.topics[item]] += sign

    def run(self) -> Run:
        time = self.events.time
        span = int(time[-1] - time[0]) if len(time) else 0
        return Run(
            kept=self.kept,
            shown=self.shown,
            rivals=self.rivals,
            mean_bytes=self.volume / span if span else float(self.bytes),
            peak_bytes=self.peak,
            scored=self.keeper.scored,
            seconds=self.seconds,
            **self.counts,
        )


def _keeper(events: Events, policy: DecayPolicy, at_a_time: float) -> _Keeper:
    return _Heap(policy) if type(policy) in _ORDERS else _Scores(events, policy, at_a_time)


@dataclass(slots=True)
class _Use:
    """What a baseline knows of an item: uses, last use, encoding, number of encoding, and what chance drew for it."""

    count: int
    last: int
    born: int
    serial: int
    chance: float


# Each order only rises with use, so that a heap may learn of a use when it would let the item go.
_ORDERS: dict[type, Any] = {
    Never: lambda one: (one.born, one.serial),
    Fifo: lambda one: (one.born, one.serial),
    Lru: lambda one: (one.last, one.born, one.serial),
    Lfu: lambda one: (one.count, one.born, one.serial),
    Random: lambda one: (one.chance, one.born, one.serial),
}


class _Heap:
    """Items in an order that time alone does not change."""

    def __init__(self, policy: DecayPolicy) -> None:
        self._order = _ORDERS[type(policy)]
        self._draw = policy.retrievability if isinstance(policy, Random) else None
        self._inside: dict[int, _Use] = {}
        self._heap: list[tuple[Any, int]] = []
        self._serial = 0
        self.scored = 0

    def add(self, item: int, at: int) -> None:
        self._serial += 1
        chance = 0.0 if self._draw is None else self._draw(Trace(last_retrieved=moment(at)), moment(at))
        self._inside[item] = one = _Use(0, at, at, self._serial, chance)
        heapq.heappush(self._heap, (self._order(one), item))

    def use(self, item: int, at: int) -> None:
        one = self._inside[item]
        one.count += 1
        one.last = at

    def supersede(self, item: int) -> None:
        """Baselines know nothing of it."""

    def drop(self, item: int) -> None:
        del self._inside[item]

    def victim(self, at: int) -> int:
        while True:
            order, item = self._heap[0]
            self.scored += 1
            one = self._inside.get(item)
            # An entry of an item that went and came back is older than any order the item can have now.
            now = None if one is None else self._order(one)
            if now == order:
                return item
            if now is None or now[-1] != order[-1]:
                heapq.heappop(self._heap)
            else:
                heapq.heapreplace(self._heap, (now, item))


@dataclass(slots=True)
class _Scores:
    """Items under a policy that is asked for retrievability.

    Traces are values, as policies want them; columns, one slot an item, are brought up to date when they are scored.
    """

    events: Events
    policy: DecayPolicy
    at_a_time: float
    scored: int = 0
    _traces: dict[int, Trace] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)
    _queue: list[int] = field(default_factory=list)
    _waiting: set[int] = field(default_factory=set)
    _serial: int = 0
    _columns: Traces = field(init=False)
    _serials: Ints = field(init=False)
    _salience: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self._columns = _blank(self.events.items)
        self._serials = np.zeros(self.events.items, np.int64)
        self._salience = self.events.salience.tolist()

    def add(self, item: int, at: int) -> None:
        self._serial += 1
        self._serials[item] = self._serial
        self._put(item, self.policy.encode(_memory(moment(at), self._salience[item])))

    def use(self, item: int, at: int) -> None:
        self._put(item, self.policy.reinforce(self._traces[item], moment(at), recalled=True))

    def supersede(self, item: int) -> None:
        """A later version is as like as can be, for a policy that knows interference."""
        tell = getattr(self.policy, "interfere", None)
        if tell is not None:
            self._put(item, tell(self._traces[item], 1.0))

    def drop(self, item: int) -> None:
        del self._traces[item]
        self._changed.discard(item)
        self._waiting.discard(item)

    def victim(self, at: int) -> int:
        while self._queue:
            item = self._queue.pop()
            if item in self._waiting:
                return item
        self._choose(moment(at))
        return self._queue.pop()

    def _put(self, item: int, trace: Trace) -> None:
        self._traces[item] = trace
        self._changed.add(item)
        self._waiting.discard(item)

    def _choose(self, at: datetime) -> None:
        """Makes the queue anew, who goes first at its end."""
        self._write()
        items = np.fromiter(self._traces, np.int64, len(self._traces))
        columns = self._columns.rows(items)
        scores = self.policy.retrievability(columns, at)
        self.scored += len(items)
        wanted = max(round(self.at_a_time * (len(items) - _FEW)), 1)
        few = _least(scores, wanted)
        order = few[np.lexsort((self._serials[items[few]], columns.encoded_at[few], scores[few]))][:wanted]
        self._queue = items[order][::-1].tolist()
        self._waiting = set(self._queue)

    def _write(self) -> None:
        rows = list(self._changed)
        if rows:
            made = Traces.of([self._traces[row] for row in rows])
            for name in _COLUMNS:
                column = getattr(made, name)
                if column.ndim == 2:
                    column = _widened(column, -np.inf if name == "recent" else 0.0)
                getattr(self._columns, name)[rows] = column
        self._changed.clear()


def _least(scores: Floats, wanted: int) -> Ints:
    """Places of the `wanted` least scores and of all that equal the largest of them."""
    edge = np.partition(scores, wanted - 1)[wanted - 1]
    out: Ints = np.flatnonzero(scores <= edge)
    return out


def _widened(column: Floats, blank: float) -> Floats:
    out = np.full((len(column), RECENT), blank)
    out[:, RECENT - column.shape[1] :] = column
    return out


def _blank(n: int) -> Traces:
    """n rows to be written over."""
    one = Traces.of([Trace(last_retrieved=moment(0))])
    columns = {name: np.repeat(getattr(one, name), n, axis=0) for name in _COLUMNS}
    columns["recent"], columns["rates"] = np.full((n, RECENT), -np.inf), np.zeros((n, RECENT))
    return Traces(**columns)


def _memory(at: datetime, salience: float) -> Memory:
    """What a policy may know of an item; of text there is none."""
    return Memory(id="0" * 32, namespace=(), text="", created_at=at, salience=salience)
