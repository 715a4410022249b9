"""allocate: divides one budget among namespaces by what one more place would gain in each.

Every use is counted at the rank of the memory in its namespace, most needed first, archived memories included. A use at
rank r is a hit for every budget greater than r, so the counts give the curve of hits over budget (R. L. Mattson et al.,
Evaluation techniques for storage hierarchies, IBM Systems Journal 9, 1970). Places are given to the segments of the
concave hulls of these curves, in the order of hits gained a place (H. S. Stone, J. Turek, J. L. Wolf, Optimal
partitioning of cache memory, IEEE Transactions on Computers 41, 1992). Counts halve every `HALF_LIFE` uses, so that the
division follows what the agent does now.

A budget may be of memories, of bytes or of tokens. Ranks become bytes or tokens by what the memories of the namespace
take, most needed first: a use at rank r is a hit when the first r + 1 memories fit. Ranks beyond them, of memories that
were forgotten since, count as the average.
"""

from __future__ import annotations

import heapq
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import ceil

from memoria.errors import InvalidQuery
from memoria.retention.counting import BudgetUnit

HALF_LIFE = 250.0
_STEP = 1.15
_FORGOTTEN = 1e-3


def edge(bucket: int) -> int:
    """The first rank of a bucket, from 0. Each bucket is about 15 % wider than the one before."""
    return _EDGES[bucket]


def bucket(rank: int) -> int:
    """The bucket of a rank, from 0."""
    return bisect_right(_EDGES, rank) - 1


def _edges() -> list[int]:
    edges = [0]
    while edges[-1] < 1 << 40:
        edges.append(max(edges[-1] + 1, ceil(edges[-1] * _STEP)))
    return edges


_EDGES = _edges()


@dataclass(frozen=True, slots=True)
class Weights:
    """What the memories of one namespace take of a budget, each at least 1.

    sums: what the r most needed ones take together, for r = 0, 1, ..., n; empty where every memory takes 1.
    """

    sums: tuple[int, ...] = ()

    @classmethod
    def of(cls, taken: Sequence[int]) -> Weights:
        """taken: what each memory takes, most needed first."""
        return cls((0, *accumulate(max(one, 1) for one in taken)))

    def of_first(self, rank: int) -> int:
        """What the first `rank` memories take."""
        known = len(self.sums) - 1
        if known < 1:
            return rank
        return self.sums[rank] if rank <= known else self.sums[-1] + ceil((rank - known) * self._mean)

    def within(self, budget: int) -> int:
        """How many of the first memories fit a budget."""
        known = len(self.sums) - 1
        if known < 1:
            return max(budget, 0)
        if budget < self.sums[-1]:
            return max(bisect_right(self.sums, budget) - 1, 0)
        return known + int((budget - self.sums[-1]) / self._mean)

    @property
    def _mean(self) -> float:
        return self.sums[-1] / (len(self.sums) - 1)


EACH_ONE = Weights()
"""Every memory takes 1."""


@dataclass(slots=True)
class Demand:
    """Counts of uses by bucket of rank, which fade. It has no content and no ids of memories."""

    uses: dict[int, float] = field(default_factory=dict)

    def add(self, rank: int, weight: float = 1.0) -> None:
        """Counts one use at a rank, from 0."""
        place = bucket(rank)
        self.uses[place] = self.uses.get(place, 0.0) + weight

    def fade(self, factor: float) -> None:
        """Multiplies all counts by `factor`, and drops those that come near 0."""
        self.uses = {place: kept for place, count in self.uses.items() if (kept := count * factor) > _FORGOTTEN}

    def hits(self, places: int) -> float:
        """How many uses so many places would have met; a bucket that they cover in part counts in part."""
        total = 0.0
        for place, count in self.uses.items():
            width = edge(place + 1) - edge(place)
            total += count * min(max(places - edge(place), 0) / width, 1.0)
        return total

    def hull(self, weights: Weights = EACH_ONE) -> list[tuple[int, float]]:
        """(budget, hits for each unit of it) of each segment of the concave hull of hits by budget, steepest first."""
        points = [(0, 0.0)]
        for place in sorted(self.uses):
            for rank in (edge(place), edge(place + 1)):
                at = weights.of_first(rank)
                if at > points[-1][0]:
                    points.append((at, self.hits(rank)))
        upper: list[tuple[int, float]] = []
        for point in points:
            while len(upper) > 1 and _turns_up(upper[-2], upper[-1], point):
                upper.pop()
            upper.append(point)
        return [(b[0] - a[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in pairwise(upper)]


def _turns_up(a: tuple[int, float], b: tuple[int, float], c: tuple[int, float]) -> bool:
    return (b[1] - a[1]) * (c[0] - b[0]) <= (c[1] - b[1]) * (b[0] - a[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of one namespace.

    Attributes:
        name: the namespace, its parts joined by "/".
        places: its budget, in memories, bytes or tokens (see `Allocation.by`).
        memories: how many memories of it fit this budget, most needed first; as many as `places` where these are
            memories.
        hits: how many of the uses counted so far this budget would have met; older uses count less.
        uses: how many uses were counted.
        next_place: how many hits one more memory would add.
    """

    name: str
    places: int
    memories: int
    hits: float
    uses: float
    next_place: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A budget, divided over namespaces.

    Attributes:
        total: places in all, in memories, bytes or tokens.
        shares: one for each namespace.
        by: what places are counted in: "count" (memories), "bytes" or "tokens".
    """

    total: int
    shares: tuple[Share, ...]
    by: BudgetUnit = "count"

    def places(self) -> dict[str, int]:
        """The budget of each namespace.

        Returns:
            Places by name.
        """
        return {share.name: share.places for share in self.shares}

    def explain(self) -> str:
        """Why each namespace got its places.

        Returns:
            A line for each, largest share first.
        """
        unit = "places" if self.by == "count" else self.by
        lines = [
            f"{one.name}: {one.places} {unit}{_room(one, self.by)} meet {one.hits:.1f} of {one.uses:.1f} uses; "
            f"one more{'' if self.by == 'count' else ' memory'} would add {one.next_place:.4f}"
            for one in sorted(self.shares, key=lambda one: -one.places)
        ]
        return "\n".join([f"{self.total} {unit}:", *lines])


def _room(share: Share, by: BudgetUnit) -> str:
    return "" if by == "count" else f", for {share.memories} memories,"


def divide(
    demands: Mapping[str, Demand],
    total: int,
    *,
    least: int = 1,
    by: BudgetUnit = "count",
    weights: Mapping[str, Weights] | None = None,
) -> Allocation:
    """Divides `total` places: each name gets at least `least` memories, and what would gain nothing is spread evenly.

    weights: what the memories of each name take of the total; None is 1 each. Raises InvalidQuery when `total` is too
    small for the least of all.
    """
    taken = {name: (weights or {}).get(name, EACH_ONE) for name in demands}
    places = {name: one.of_first(least) for name, one in taken.items()}
    left = total - sum(places.values())
    if not demands or left < 0:
        unit = "places" if by == "count" else by
        raise InvalidQuery(f"{total} {unit} are not {least} for each of {len(demands)} namespaces{_needed(places, by)}")
    for _, name, width in _segments(demands, places, taken):
        given = min(width, left)
        places[name] += given
        left -= given
    for n, name in enumerate(sorted(places)):
        places[name] += left // len(places) + (n < left % len(places))
    shares = (_share(name, demands[name], budget, taken[name]) for name, budget in places.items())
    return Allocation(total=total, shares=tuple(shares), by=by)


def _needed(places: Mapping[str, int], by: BudgetUnit) -> str:
    return "" if by == "count" else f": that takes {sum(places.values())}"


def _segments(
    demands: Mapping[str, Demand], least: Mapping[str, int], weights: Mapping[str, Weights]
) -> Iterable[tuple[float, str, int]]:
    """(-hits a place, name, places) of all segments, steepest first, without the `least` places of each name."""
    heap = []
    for name, demand in demands.items():
        skip = least[name]
        for width, gain in demand.hull(weights[name]):
            kept = max(width - skip, 0)
            skip = max(skip - width, 0)
            if kept and gain > 0:
                heap.append((-gain, name, kept))
    heapq.heapify(heap)
    while heap:
        yield heapq.heappop(heap)


def _share(name: str, demand: Demand, places: int, weights: Weights) -> Share:
    memories = weights.within(places)
    return Share(
        name=name,
        places=places,
        memories=memories,
        hits=demand.hits(memories),
        uses=sum(demand.uses.values()),
        next_place=demand.hits(memories + 1) - demand.hits(memories),
    )


def to_note(demands: Mapping[str, Demand]) -> str:
    """The counts as JSON, for a note of the store."""
    return json.dumps({name: demand.uses for name, demand in demands.items()})


def from_note(noted: str | None) -> dict[str, Demand]:
    """The counts that `to_note` wrote; empty for None."""
    found: Mapping[str, Mapping[str, float]] = json.loads(noted) if noted else {}
    return {name: Demand({int(place): count for place, count in uses.items()}) for name, uses in found.items()}
