"""What a grid says, in plain words: who is ahead, who cannot be told from whom, and whether a model of memory pays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from memoria.arrays import Floats
from memoria.evaluation.lab.grid import EVERYTHING, ORACLE, Cell
from memoria.evaluation.lab.intervals import Estimate, Ranking, difference, ranking

# What a cache does, which knows neither spacing nor salience.
CACHES = ("fifo", "lru", "lfu", "random", "never")
Values = Mapping[str, Floats]


def values(cells: Iterable[Cell], source: str, budget: float, figure: str = "recall") -> dict[str, Floats]:
    """One figure of each contender, one value a trace, traces in the same order; shape (n,). Without the bounds."""
    found: dict[str, list[float]] = {}
    for one in cells:
        if (one.source, one.budget) == (source, budget) and one.contender not in (ORACLE, EVERYTHING):
            found.setdefault(one.contender, []).append(one.figures[figure])
    return {label: np.array(some) for label, some in found.items()}


def sentences(several: Sequence[Values]) -> list[str]:
    """The verdict on one source, or on several of which each counts the same."""
    found = ranking(several)
    if not found.behind:
        return [f"{found.best} answers {percent(found.means[found.best])}; it had no rival."]
    return [_ahead(found), *_model(several, found.means), *_worse(found)]


def _ahead(found: Ranking) -> str:
    """Who leads, and who may be as good."""
    lead = f"{found.best} answers {percent(found.means[found.best])}, the most."
    if found.n < 2:
        return f"{lead} From one trace, nothing can be said of significance."
    if len(found.tied) == len(found.behind):
        return f"No significant difference between any of the {len(found.means)} policies; {lead}"
    if found.tied:
        return f"{lead} No significant difference from {', '.join(found.tied)}."
    return f"{lead} Every other is significantly worse."


def _worse(found: Ranking) -> list[str]:
    """Who is surely worse, and by how much."""
    worse = [(gap.mean, label, gap) for label, gap in found.behind.items() if gap.low > 0]
    if not worse:
        return []
    said = ", ".join(f"{label} ({points(gap)})" for _, label, gap in sorted(worse))
    return [f"Significantly worse, in points: {said}."]


def _model(several: Sequence[Values], means: Mapping[str, float]) -> list[str]:
    """The best that is more than a cache against the best cache."""
    caches = [label for label in means if label in CACHES]
    models = [label for label in means if label not in CACHES]
    if not caches or not models:
        return []
    cache, model = max(caches, key=lambda label: means[label]), max(models, key=lambda label: means[label])
    gap = difference(several, model, cache)
    if gap.n < 2:
        return []
    if gap.low > 0:
        return [f"A model pays: {model} beats the best cache, {cache}, by {points(gap)} points."]
    if gap.high < 0:
        return [
            f"A model does not pay: {cache}, a cache, beats the best model, {model}, by {points(_turned(gap))} points."
        ]
    return [
        f"No model pays: between the best, {model}, and the best cache, {cache}, there is no significant difference "
        f"({points(gap)} points)."
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
