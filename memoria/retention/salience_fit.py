"""Weights of salience, fitted to sets of memories of which it is known which were asked for.

A feature counts when it tells what was needed in the same direction in every set, and well on average: with weight 1,
or one half where some set says nothing of it. How well it tells is the area under the ROC curve (AUC) within each
conversation. Nothing else is fitted, so that little can be fitted wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import InvalidQuery
from memoria.retention.salience import CUT, FEATURES, Turn, Weights, Window

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats

ASSISTANT = 12.0
"""What a turn of an assistant loses: more than nearly all users' turns differ, so that those of users are before it."""
TELLS = 0.04
"""So far from one half the mean AUC of a feature is at least."""
_SILENT = 0.02
_PLACES = 101


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Memories of one conversation or store, in the order in which they came.

    Attributes:
        turns: n of them.
        needed: how much each was asked for, shape (n,), >= 0; where any of m would do, each has one m-th.
        learnt: which of them weights are learnt from, shape (n,); None is all.
    """

    turns: Sequence[Turn]
    needed: Floats
    learnt: Bools | None = None


def rows(turns: Sequence[Turn]) -> Floats:
    """Features of each turn among those before it, shape (n, k)."""
    window, found = Window(), []
    for place, turn in enumerate(turns):
        found.append(window.features(turn))
        window.add(str(place), turn)
    return np.array(found).reshape(-1, len(FEATURES))


def judged(turns: Sequence[Turn], weights: Weights) -> Floats:
    """The salience of each turn as a store gives it when it is stored, shape (n,)."""
    window = Window()
    return np.array([window.take(str(place), turn, weights) for place, turn in enumerate(turns)])


def fitted(sources: Mapping[str, Sequence[Sample]], *, tells: float = TELLS) -> Weights:
    """Weights from sets that count the same, however large.

    Args:
        sources: by the name of the set, its conversations; each has memories, some of them needed.
        tells: how far from one half the mean AUC of a feature must be for it to count.

    Returns:
        The weights.

    Raises:
        InvalidQuery: there is no set, or nothing in one is needed, or all is.
    """
    tables = {name: [rows(one.turns) for one in samples] for name, samples in sources.items()}
    if not tables:
        raise InvalidQuery("weights of salience are fitted to at least one set")
    told = np.array([_told(name, tables[name], sources[name]) for name in tables])
    bare = _bare(tuple(tables), list(tables.values()))
    chosen = Weights(
        sources=bare.sources, weights=_unit(told, tells), means=bare.means, spreads=bare.spreads, places=bare.places
    )
    return _placed(chosen, tables, sources)


def _told(name: str, tables: Sequence[Floats], samples: Sequence[Sample]) -> Floats:
    """How well each feature tells what was needed, less one half; shape (k,), the mean over conversations."""
    every = [np.ones(len(one.needed), np.bool_) if one.learnt is None else one.learnt for one in samples]
    pairs = [(table[some], one.needed[some]) for table, one, some in zip(tables, samples, every, strict=True)]
    told = [(table, needed) for table, needed in pairs if (needed > 0).any() and (needed <= 0).any()]
    if not told:
        raise InvalidQuery(f"of set {name!r} nothing is needed, or everything")
    means: Floats = np.mean([[auc(column, needed) for column in table.T] for table, needed in told], axis=0) - 0.5
    return means


def auc(values: Floats, needed: Floats) -> float:
    """The chance that what is needed has a higher value than what is not, ties counting half.

    Args:
        values: shape (n,).
        needed: weight of each, shape (n,); some above 0 and some 0.

    Returns:
        The area under the ROC curve, in [0, 1].
    """
    wanted = needed > 0
    others = np.sort(values[~wanted])
    below = np.searchsorted(others, values[wanted], "left") + np.searchsorted(others, values[wanted], "right")
    return float(below @ needed[wanted] / (2 * len(others) * needed[wanted].sum()))


def _unit(told: Floats, least: float) -> tuple[float, ...]:
    """1, or one half, with a sign, for what tells; 0 for the rest. told: shape (sources, k)."""
    sign = np.sign(told.mean(axis=0))
    speaks = np.abs(told) > _SILENT
    against = (speaks & (np.sign(told) != sign)).any(axis=0)
    tells = (np.abs(told.mean(axis=0)) >= least) & ~against
    return tuple((tells * sign * np.where(speaks.all(axis=0), 1.0, 0.5)).tolist())


def _bare(names: tuple[str, ...], tables: Sequence[Sequence[Floats]]) -> Weights:
    """Means and spreads: within conversations, each set counting the same."""
    means = np.mean([np.mean([table.mean(axis=0) for table in some], axis=0) for some in tables], axis=0)
    variances = np.mean([np.mean([table.var(axis=0) for table in some], axis=0) for some in tables], axis=0)
    spreads = np.sqrt(np.maximum(variances, 1e-4))
    zeros = (0.0,) * len(FEATURES)
    return Weights(
        sources=names, weights=zeros, means=tuple(means.tolist()), spreads=tuple(spreads.tolist()), places=(0.0, 0.0)
    )


def _placed(
    weights: Weights, tables: Mapping[str, Sequence[Floats]], sources: Mapping[str, Sequence[Sample]]
) -> Weights:
    """The same with the places of sums, each set counting the same."""
    each = []
    for name, some in tables.items():
        sums = np.concatenate(
            [sums_of(table, one.turns, weights) for table, one in zip(some, sources[name], strict=True)]
        )
        each.append(np.quantile(sums, np.linspace(0, 1, _PLACES)))
    places = np.mean(each, axis=0)
    most = CUT * float(np.abs(weights.weights).sum())
    ends: list[float] = np.round([-most - ASSISTANT, *places[1:-1], most], 4).tolist()
    return Weights(
        sources=weights.sources,
        weights=weights.weights,
        means=weights.means,
        spreads=weights.spreads,
        places=tuple(ends),
        assistant=ASSISTANT,
    )


def sums_of(table: Floats, turns: Sequence[Turn], weights: Weights) -> Floats:
    """The sum of z-scores of each row when it came, shape (n,), whoever said it."""
    window, found = Window(), []
    for place, (row, turn) in enumerate(zip(table, turns, strict=True)):
        found.append(window.scores(row, weights) @ weights.arrays[0])
        window.add(str(place), turn)
    return np.array(found)
