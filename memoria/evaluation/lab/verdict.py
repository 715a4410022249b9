"""What a grid says, in plain words: who is ahead, who cannot be told from whom, and whether a model of memory pays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from memoria.arrays import Floats
from memoria.evaluation.lab.grid import EVERYTHING, ORACLE, Cell
from memoria.evaluation.lab.intervals import Estimate, Ranking, difference, ranking

# What a cache does, which knows neither spacing nor salience; and what is neither cache nor model.
CACHES = ("fifo", "lru", "lfu", "never")
CONTROL = "random"
Values = Mapping[str, Floats]


def values(cells: Iterable[Cell], source: str, budget: float, figure: str = "recall") -> dict[str, Floats]:
    """One figure of each contender, one value a unit, units in the same order; shape (n,). Without the bounds."""
    found: dict[str, list[Cell]] = {}
    for one in cells:
        if (one.source, one.budget) == (source, budget) and one.contender not in (ORACLE, EVERYTHING):
            found.setdefault(one.contender, []).append(one)
    return {label: by_unit(some, figure) for label, some in found.items()}


def by_unit(cells: Iterable[Cell], figure: str) -> Floats:
    """A figure of one contender under one budget: the mean of each unit's traces, shape (units,), in their order.

    nan where none of a unit's traces could be measured.
    """
    found: dict[str, list[float]] = {}
    for one in cells:
        found.setdefault(one.unit, []).append(one.figures.get(figure, math.nan))
    known = [[value for value in some if not math.isnan(value)] for some in found.values()]
    return np.array([sum(some) / len(some) if some else math.nan for some in known])


def sentences(several: Sequence[Values]) -> list[str]:
    """The verdict on one source, or on several of which each counts the same."""
    found = ranking(several)
    if not found.behind:
        return [f"{found.best} keeps {percent(found.means[found.best])} of the evidence; it had no rival."]
    return [_ahead(found), *_model(several, found.means), *_worse(found)]


def _ahead(found: Ranking) -> str:
    """Who leads, and who may be as good."""
    lead = f"{found.best} keeps the most evidence, {percent(found.means[found.best])}."
    if found.n < 2:
        return f"{lead} With one trace, nobody can say whether that is more than chance."
    if len(found.tied) == len(found.behind):
        return f"{lead} But none of the {len(found.means)} policies differs significantly from it."
    if found.tied:
        return f"{lead} Not significantly different from it: {', '.join(found.tied)}."
    return f"{lead} Every other policy keeps significantly less."


def _worse(found: Ranking) -> list[str]:
    """Who is surely worse, and by how much."""
    gaps = sorted((gap.mean, label) for label, gap in found.behind.items() if gap.low > 0)
    # Policies that keep the same are named together.
    alike: dict[str, list[str]] = {}
    for _, label in gaps:
        alike.setdefault(points(found.behind[label]), []).append(label)
    said = "; ".join(f"{', '.join(labels)} by {gap}" for gap, labels in alike.items())
    return [f"Significantly behind, in points of evidence kept: {said}."] if gaps else []


def _model(several: Sequence[Values], means: Mapping[str, float]) -> list[str]:
    """The best that is more than a cache against the best cache."""
    caches = [label for label in means if label in CACHES]
    models = [label for label in means if label not in (*CACHES, CONTROL)]
    if not caches or not models:
        return []
    cache, model = max(caches, key=lambda label: means[label]), max(models, key=lambda label: means[label])
    gap = difference(several, model, cache)
    if gap.n < 2:
        return []
    if gap.mean == gap.low == gap.high == 0:
        return [f"No model of memory pays: {model}, the best, keeps the same as {cache}, a simple cache."]
    if gap.low > 0:
        return [f"A model of memory pays: {model} keeps {points(gap)} points more than {cache}, the best simple cache."]
    if gap.high < 0:
        return [
            f"A model of memory does not pay: {cache}, a simple cache, keeps {points(_turned(gap))} points more than "
            f"{model}, the best model."
        ]
    return [
        f"A model of memory brings nothing certain: {model}, the best, and {cache}, the best simple cache, do not "
        f"differ significantly ({points(gap)} points)."
    ]


def _turned(gap: Estimate) -> Estimate:
    return Estimate(mean=-gap.mean, low=-gap.high, high=-gap.low, n=gap.n)


def percent(share: float) -> str:
    """A share as per cent."""
    return f"{100 * share:.1f} %"


def points(gap: Estimate) -> str:
    """A difference of shares in points, with its interval: "1.2 [0.4, 2.0]"; small ones with a digit more."""
    form = ".1f" if abs(gap.mean) >= 0.01 else ".2f"
    return f"{100 * gap.mean:{form}} [{100 * gap.low:{form}}, {100 * gap.high:{form}}]"
