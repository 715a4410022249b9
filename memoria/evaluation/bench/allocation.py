"""Allocation on a workload with shifting tasks, against an even split, a proportional one, and hindsight.

Each task is a namespace of its own size and skew (Zipf); in every phase other tasks are busy. Within a namespace the
least recently used is archived first, for all contenders. Hindsight knows the uses of the next epoch and divides by
dynamic programming over their exact stack distances: no split by epoch can do better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from memoria.retention.allocate import HALF_LIFE, Demand, divide

if TYPE_CHECKING:
    import numpy as np

    from memoria.arrays import Ints


BLOCK = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """tasks, shape (n,): the task of each use; items: which of its memories; sizes: memories of each task."""

    tasks: Ints
    items: Ints
    sizes: tuple[int, ...]


def shifting(tasks: int, phases: int, length: int, rng: np.random.Generator) -> Workload:
    """Each phase has a mixture of its own: a few tasks are busy, the others nearly idle."""
    import numpy as np

    sizes = rng.integers(50, 800, tasks)
    skews = rng.uniform(0.4, 1.3, tasks)
    chosen, items = [], []
    for _ in range(phases):
        busy = rng.dirichlet(np.full(tasks, 0.4))
        now = rng.choice(tasks, length, p=busy)
        chosen.append(now)
        items.append(np.array([_zipf(int(sizes[task]), float(skews[task]), rng) for task in now]))
    return Workload(tasks=np.concatenate(chosen), items=np.concatenate(items), sizes=tuple(map(int, sizes)))


def _zipf(size: int, skew: float, rng: np.random.Generator) -> int:
    import numpy as np

    weights = np.cumsum(np.arange(1, size + 1, dtype=np.float64) ** -skew)
    return int(np.searchsorted(weights, rng.random() * weights[-1]))


def distances(work: Workload) -> Ints:
    """Rank of each use in its task's order of recency, -1 for a first use; shape (n,)."""
    import numpy as np

    stacks: list[list[int]] = [[] for _ in work.sizes]
    out = np.full(len(work.tasks), -1, np.int64)
    for n, (task, item) in enumerate(zip(work.tasks.tolist(), work.items.tolist(), strict=True)):
        stack = stacks[task]
        if item in stack:
            out[n] = stack.index(item)
            stack.pop(int(out[n]))
        stack.insert(0, item)
    return out


def compare(*, tasks: int, phases: int, length: int, total: int, epoch: int, seed: int) -> dict[str, Any]:
    """Hit rates of four ways to divide `total` places, anew at each epoch."""
    import numpy as np

    work = shifting(tasks, phases, length, np.random.default_rng(seed))
    ranks = distances(work)
    even = np.full(tasks, total // tasks)
    sizes = np.array(work.sizes)
    proportional = np.maximum(sizes * total // sizes.sum(), 1)
    demands = {str(task): Demand() for task in range(tasks)}
    hits = dict.fromkeys(("even", "proportional", "allocate", "hindsight"), 0)
    for at in range(0, len(ranks), epoch):
        now = slice(at, at + epoch)
        splits = {"even": even, "proportional": proportional, "hindsight": _hindsight(work, ranks, now, total)}
        places = divide(demands, total).places()
        splits["allocate"] = np.array([places[str(task)] for task in range(tasks)])
        for name, split in splits.items():
            hits[name] += int(((ranks[now] >= 0) & (ranks[now] < split[work.tasks[now]])).sum())
        _observe(demands, work.tasks[now], ranks[now])
    rates = {name: count / len(ranks) for name, count in hits.items()}
    return {
        "tasks": tasks,
        "phases": phases,
        "uses": len(ranks),
        "total": total,
        "epoch": epoch,
        "seed": seed,
        "hit_rate": rates,
        "to_hindsight": rates["allocate"] / rates["hindsight"],
        "to_even": rates["allocate"] / rates["even"],
        "to_proportional": rates["allocate"] / rates["proportional"],
    }


def _observe(demands: dict[str, Demand], tasks: Ints, ranks: Ints) -> None:
    factor = 0.5 ** (len(ranks) / HALF_LIFE)
    for demand in demands.values():
        demand.fade(factor)
    for task, rank in zip(tasks.tolist(), ranks.tolist(), strict=True):
        if rank >= 0:
            demands[str(task)].add(rank)


def _hindsight(work: Workload, ranks: Ints, now: slice, total: int) -> Ints:
    """The best split in blocks for the uses to come, by dynamic programming; shape (tasks,)."""
    import numpy as np

    blocks = total // BLOCK
    best = np.zeros(blocks + 1)
    choices = []
    for task in range(len(work.sizes)):
        seen = ranks[now][(work.tasks[now] == task) & (ranks[now] >= 0)]
        curve = np.array([(seen < n * BLOCK).sum() for n in range(blocks + 1)], np.float64)
        gap = np.subtract.outer(np.arange(blocks + 1), np.arange(blocks + 1))
        options = np.where(gap >= 0, best[gap] + curve, -1.0)
        choices.append(options.argmax(axis=1))
        best = options.max(axis=1)
    split, left = [], blocks
    for choice in reversed(choices):
        split.append(int(choice[left]) * BLOCK)
        left -= int(choice[left])
    return np.array(split[::-1])
