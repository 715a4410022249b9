"""How sure a mean, or a difference of means, is: bootstrap over traces, the same resamples for all contenders.

Traces are the units: seeds of a workload, or conversations. Intervals are percentiles of resampled means, widened for
few units as in T. C. Hesterberg, What teachers should know about the bootstrap, The American Statistician 69, 2015 (the
expanded percentile interval). The best contender is compared with all others at once, so that each of these intervals
holds 1 - 0.05 / (others) (Bonferroni). The best is named by the same traces that it is judged by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from memoria.arrays import Floats, Ints

LEVEL = 0.95
RESAMPLED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over n traces and its interval; nan for an interval of one trace, and for the mean of none."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Who is ahead under one budget. means: of each contender. behind: by how much each other is behind the best.

    tied: those of whom that cannot be told from nothing, nearest first. n: traces, of the source with the fewest.
    """

    best: str
    means: Mapping[str, float]
    behind: Mapping[str, Estimate]
    tied: tuple[str, ...]
    n: int


def estimate(values: Floats, level: float = LEVEL) -> Estimate:
    """Of a mean. values: one a trace, shape (n,); nan is left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(mean=math.nan, low=math.nan, high=math.nan, n=0)
    low, high = _ends(known[_drawn(len(known), 0)].mean(axis=1), len(known), level)
    return Estimate(mean=float(known.mean()), low=low, high=high, n=len(known))


def ranking(values: Sequence[Mapping[str, Floats]]) -> Ranking:
    """Who is ahead on the mean over sources, each counting the same.

    values: for each source, for each contender, one value a trace, shape (n,); the same contenders everywhere, and the
    same traces for each.
    """
    labels = list(values[0])
    means = {label: float(np.mean([some[label].mean() for some in values])) for label in labels}
    best = max(labels, key=lambda label: means[label])
    n = min(len(some[best]) for some in values)
    level = 1 - (1 - LEVEL) / max(len(labels) - 1, 1)
    behind = {label: _behind(values, best, label, n, level) for label in labels if label != best}
    # Of a single trace nothing can be told.
    tied = [label for label, gap in behind.items() if not gap.low > 0]
    return Ranking(
        best=best, means=means, behind=behind, tied=tuple(sorted(tied, key=lambda label: behind[label].mean)), n=n
    )


def difference(values: Sequence[Mapping[str, Floats]], one: str, other: str) -> Estimate:
    """How far `one` is ahead of `other` on the mean over sources, at 95 %."""
    return _behind(values, one, other, min(len(some[one]) for some in values), LEVEL)


def _behind(values: Sequence[Mapping[str, Floats]], best: str, label: str, n: int, level: float) -> Estimate:
    gaps = [some[best] - some[label] for some in values]
    resampled = np.mean([gap[_drawn(len(gap), source)].mean(axis=1) for source, gap in enumerate(gaps)], axis=0)
    low, high = _ends(resampled, n, level)
    return Estimate(mean=float(np.mean([gap.mean() for gap in gaps])), low=low, high=high, n=n)


@cache
def _drawn(n: int, seed: int) -> Ints:
    """The same for all contenders of a source, which pairs them."""
    return np.random.default_rng([seed, n]).integers(n, size=(RESAMPLED, n))


def _ends(resampled: Floats, n: int, level: float) -> tuple[float, float]:
    if n < 2:
        return math.nan, math.nan
    tail = float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.ppf(0.5 + level / 2, n - 1)))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)
