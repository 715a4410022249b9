"""allocate: divides one budget among namespaces by what one more place would gain in each.

Every use is counted at the rank of the memory in its namespace, most needed first, archived memories included. A use at
rank r is a hit for every budget greater than r, so the counts give the curve of hits over budget (R. L. Mattson et al.,
Evaluation techniques for storage hierarchies, IBM Systems Journal 9, 1970). Places are given to the segments of the
concave hulls of these curves, in the order of hits gained a place (H. S. Stone, J. Turek, J. L. Wolf, Optimal
partitioning of cache memory, IEEE Transactions on Computers 41, 1992). Counts halve every `HALF_LIFE` uses, so that the
division follows what the agent does now.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

from memoria.errors import InvalidQuery

HALF_LIFE = 250.0
_STEP = 1.15
_FORGOTTEN = 1e-3


def edge(bucket: int) -> int:
    """The first rank of a bucket, from 0. Each bucket is about 15 % wider than the one before."""
    return _EDGES[bucket]


def bucket(rank: int) -> int:
    """The bucket of a rank, from 0."""
    from bisect import bisect_right

    return bisect_right(_EDGES, rank) - 1


def _edges() -> list[int]:
    edges = [0]
    while edges[-1] < 1 << 40:
        edges.append(max(edges[-1] + 1, ceil(edges[-1] * _STEP)))
    return edges


_EDGES = _edges()


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

    def hits(self, budget: int) -> float:
        """How many uses a budget of so many places would have met; a bucket that it covers in part counts in part."""
        total = 0.0
        for place, count in self.uses.items():
            width = edge(place + 1) - edge(place)
            total += count * min(max(budget - edge(place), 0) / width, 1.0)
        return total

    def hull(self) -> list[tuple[int, float]]:
        """(places, hits a place) of each segment of the concave hull of hits over budget, steepest first."""
        points = [(0, 0.0)]
        for place in sorted(self.uses):
            for at in (edge(place), edge(place + 1)):
                if at > points[-1][0]:
                    points.append((at, self.hits(at)))
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
        places: its budget, in memories.
        hits: how many of the uses counted so far this budget would have met; older uses count less.
        uses: how many uses were counted.
        next_place: how many hits one more place would add.
    """

    name: str
    places: int
    hits: float
    uses: float
    next_place: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A budget, divided over namespaces.

    Attributes:
        total: places in all, in memories.
        shares: one for each namespace.
    """

    total: int
    shares: tuple[Share, ...]

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
        lines = [
            f"{one.name}: {one.places} places meet {one.hits:.1f} of {one.uses:.1f} uses; "
            f"one more would add {one.next_place:.4f}"
            for one in sorted(self.shares, key=lambda one: -one.places)
        ]
        return "\n".join([f"{self.total} places:", *lines])


def divide(demands: Mapping[str, Demand], total: int, *, least: int = 1) -> Allocation:
    """Divides `total` places: each name gets at least `least`, and places that would gain nothing are spread evenly.

    Raises InvalidQuery when `total` is too small for that.
    """
    if not demands or total < least * len(demands):
        raise InvalidQuery(f"{total} places are not {least} for each of {len(demands)} namespaces")
    places = dict.fromkeys(demands, least)
    left = total - least * len(demands)
    for _, name, width in _segments(demands, least):
        taken = min(width, left)
        places[name] += taken
        left -= taken
    for n, name in enumerate(sorted(places)):
        places[name] += left // len(places) + (n < left % len(places))
    shares = (_share(name, demands[name], budget) for name, budget in places.items())
    return Allocation(total=total, shares=tuple(shares))


def _segments(demands: Mapping[str, Demand], least: int) -> Iterable[tuple[float, str, int]]:
    """(-hits a place, name, places) of all segments, steepest first, without the first `least` places of each name."""
    heap = []
    for name, demand in demands.items():
        skip = least
        for width, gain in demand.hull():
            kept = max(width - skip, 0)
            skip = max(skip - width, 0)
            if kept and gain > 0:
                heap.append((-gain, name, kept))
    heapq.heapify(heap)
    while heap:
        yield heapq.heappop(heap)


def _share(name: str, demand: Demand, places: int) -> Share:
    return Share(
        name=name,
        places=places,
        hits=demand.hits(places),
        uses=sum(demand.uses.values()),
        next_place=demand.hits(places + 1) - demand.hits(places),
    )


def to_note(demands: Mapping[str, Demand]) -> str:
    """The counts as JSON, for a note of the store."""
    return json.dumps({name: demand.uses for name, demand in demands.items()})


def from_note(noted: str | None) -> dict[str, Demand]:
    """The counts that `to_note` wrote; empty for None."""
    found: Mapping[str, Mapping[str, float]] = json.loads(noted) if noted else {}
    return {name: Demand({int(place): count for place, count in uses.items()}) for name, uses in found.items()}
