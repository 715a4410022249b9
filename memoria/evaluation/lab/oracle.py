"""The most that any policy could have answered, had it known the future. An upper bound, on every trace.

Where a miss shows the item again, items are alike in cost and needs in worth, it is L. A. Belady's rule (A study of
replacement algorithms for a virtual-storage computer, IBM Systems Journal 5, 1966): what is needed last goes first.
What comes in may go at once, which no policy here may do, so that no policy can be better.

Where a miss is final, that rule is not the best: an item needed often, but late, can be worth more than one that is
needed soon. The best is a linear program: x_ie says whether item i is kept from its coming to its needs in epoch e,

    maximise  sum_f w_f z_f,    z_f <= sum of x_ie over what supplies fact f,    x_ie falls with e,
    for each epoch e:  sum of cost_i x_i,next(e) <= capacity

(an epoch is a row of needs with nothing coming in between). With equal costs and one item a fact, its matrix is a
network matrix, so that its optimum is whole and can be attained; otherwise it is a bound.

For all else: D. S. Berger, N. Beckmann, M. Harchol-Balter, Practical bounds on optimal caching with variable object
sizes, POMACS 2, 2018: holding an item from one need to the next takes cost times steps out of capacity times all steps;
the cheapest come first (PFOO-U).
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memoria.arrays import Floats, Ints
from memoria.evaluation.lab.events import AVOID, END, ERASE, NEED, REMEMBER, UPDATE, USE, Events

# Entries of the program's matrix; beyond, it takes longer than all policies together.
_LARGEST = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """hit_rate, recall: at most, in [0, 1], nan when nothing is needed. how: "farthest", "program" or "area"."""

    hit_rate: float
    recall: float
    how: str


def bound(events: Events, capacity: float, costs: Ints | None = None) -> Bound:
    """What no policy exceeds; capacity and costs as in `simulate`."""
    if not events.needed:
        return Bound(hit_rate=math.nan, recall=math.nan, how="farthest")
    priced = np.ones(events.items, np.int64) if costs is None else costs
    recall, hits = events.weights(), np.full(events.needed, 1.0 / events.needed)
    alike = (priced == 1).all() and np.allclose(recall, hits) and np.count_nonzero(events.kind == NEED) == events.needed
    if events.relearns and alike:
        rate = farthest(events, capacity) / events.needed
        return Bound(hit_rate=rate, recall=rate, how="farthest")
    problem = None if events.relearns else _Program.of(events, capacity, priced)
    if problem is not None:
        return Bound(hit_rate=problem.solve(hits), recall=problem.solve(recall), how="program")
    return Bound(
        hit_rate=_area(events, capacity, priced, hits), recall=_area(events, capacity, priced, recall), how="area"
    )


def farthest(events: Events, capacity: float) -> int:
    """Needs met when what is needed last goes first, each item taking one place."""
    coming = _next_needs(events)
    kept: dict[int, int] = {}
    heap: list[tuple[int, int]] = []
    hits = 0
    columns = (events.kind.tolist(), events.item.tolist(), coming.tolist())
    for kind, item, then in zip(*columns, strict=True):
        if kind in (USE, AVOID, ERASE, END):
            continue
        hits += kind == NEED and item in kept
        kept.pop(item, None)
        if then < len(events):
            kept[item] = then
            heapq.heappush(heap, (-then, item))
        while len(kept) > capacity:
            last, going = heapq.heappop(heap)
            if kept.get(going) == -last:
                del kept[going]
    return hits


def _next_needs(events: Events) -> Ints:
    """Place of the next need of the same item after each event, n where there is none; shape (n,)."""
    n = len(events)
    out = np.full(n, n, np.int64)
    following: dict[int, int] = {}
    for at in range(n - 1, -1, -1):
        item = int(events.item[at])
        out[at] = following.get(item, n)
        if events.kind[at] == NEED:
            following[item] = at
    return out


def _area(events: Events, capacity: float, costs: Ints, weights: Floats) -> float:
    """PFOO-U. weights, shape (needed,): worth of each fact; what several items supply may be paid more than once."""
    places = np.flatnonzero(np.isin(events.kind, (REMEMBER, UPDATE, NEED)))
    order = places[np.lexsort((places, events.item[places]))]
    again = (events.kind[order[1:]] == NEED) & (events.item[order[1:]] == events.item[order[:-1]])
    needs, before = order[1:][again], order[:-1][again]
    fits = costs[events.item[needs]] <= capacity
    needs, before = needs[fits], before[fits]
    areas = (costs[events.item[needs]] * (needs - before)).astype(np.float64)
    worth = weights[events.fact[needs]]
    best = np.argsort(areas / worth, kind="stable")
    filled = np.cumsum(areas[best])
    room = capacity * max(len(events) - 1, 1)
    share = np.clip((room - (filled - areas[best])) / areas[best], 0.0, 1.0)
    return float(min((share * worth[best]).sum(), weights.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """chains: for each item with needs, its variables in order of epoch. rows: variables that share an epoch.

    suppliers: for each fact the variables that supply it. costs, shape (variables,).
    """

    chains: list[list[int]]
    rows: list[list[int]]
    suppliers: list[list[int]]
    costs: Floats
    capacity: float

    @classmethod
    def of(cls, events: Events, capacity: float, costs: Ints) -> _Program | None:
        """The program; None when it is too large."""
        epochs = np.cumsum(np.isin(events.kind, (REMEMBER, UPDATE)), dtype=np.int64)
        needs = np.flatnonzero(events.kind == NEED)
        numbers: dict[tuple[int, int], int] = {}
        suppliers: list[list[int]] = [[] for _ in range(events.needed)]
        for n in needs.tolist():
            key = int(events.item[n]), int(epochs[n])
            suppliers[events.fact[n]].append(numbers.setdefault(key, len(numbers)))
        chains: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for (item, epoch), number in numbers.items():
            chains[item].append((epoch, number))
        rows = _rows(chains, _comings(events, epochs), np.unique(epochs[needs]))
        if rows is None:
            return None
        return cls(
            chains=[[number for _, number in sorted(chain)] for chain in chains.values()],
            rows=rows,
            suppliers=suppliers,
            costs=np.array([costs[item] for item, _ in numbers], np.float64),
            capacity=capacity,
        )

    def solve(self, weights: Floats) -> float:
        """The optimum for facts of these weights."""
        from scipy.optimize import linprog
        from scipy.sparse import coo_array

        cells: list[tuple[int, int, float]] = []
        limits: list[float] = []
        variables = len(self.costs)
        worth: dict[int, float] = defaultdict(float)
        for fact, some in enumerate(self.suppliers):
            if len(set(some)) == 1:
                worth[some[0]] += weights[fact]
            else:
                cells += [(len(limits), one, -1.0) for one in set(some)] + [(len(limits), variables, 1.0)]
                limits.append(0.0)
                worth[variables] += weights[fact]
                variables += 1
        for chain in self.chains:
            for first, second in pairwise(chain):
                cells += [(len(limits), second, 1.0), (len(limits), first, -1.0)]
                limits.append(0.0)
        for row in self.rows:
            cells += [(len(limits), one, float(self.costs[one])) for one in row]
            limits.append(self.capacity)
        fits = np.concatenate([self.costs <= self.capacity, np.ones(variables - len(self.costs))])
        at, which, value = zip(*cells, strict=True) if cells else ((), (), ())
        matrix = coo_array((value, (at, which)), shape=(len(limits), variables)).tocsr()
        gain = np.array([worth[one] for one in range(variables)])
        finite = np.isfinite(limits)
        found = linprog(-gain, matrix[finite], np.array(limits)[finite], bounds=np.stack([0 * fits, fits], axis=1))
        return float(min(-found.fun, weights.sum()))


def _comings(events: Events, epochs: Ints) -> dict[int, int]:
    """The epoch from which each item is there."""
    came = np.flatnonzero(np.isin(events.kind, (REMEMBER, UPDATE)))
    return dict(zip(events.item[came].tolist(), epochs[came].tolist(), strict=True))


def _rows(chains: dict[int, list[tuple[int, int]]], born: dict[int, int], epochs: Ints) -> list[list[int]] | None:
    """For each epoch with needs, the next variable of each item that is there and needed then or later."""
    place = {int(epoch): n for n, epoch in enumerate(epochs)}
    rows: list[list[int]] = [[] for _ in place]
    size = 0
    for item, chain in chains.items():
        start = int(np.searchsorted(epochs, born[item]))
        for epoch, number in sorted(chain):
            for n in range(start, place[epoch] + 1):
                rows[n].append(number)
            size += place[epoch] + 1 - start
            start = place[epoch] + 1
            if size > _LARGEST:
                return None
    return rows
