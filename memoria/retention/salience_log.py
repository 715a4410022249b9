"""Weights of salience refitted to what a store was asked for: adopted only where they are better than those it has.

A memory was needed when a recall brought it up after it was stored. Weights are fitted to 70 % of the memories, and
judged on the others by the chance that one that was needed is worth more than one that was not (AUC): with a 95 %
bootstrap interval over these memories of what the fit gains. So noise is hardly ever adopted. A log says what was
found, and nothing of what was missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memoria.errors import InvalidQuery
from memoria.protocols import Store
from memoria.retention.fit import HELD_OUT, LEAST_LINES, RESAMPLED, Interval
from memoria.retention.salience import FEATURES, Weights, adopt, weights_of
from memoria.retention.salience_fit import TELLS, Sample, auc, fitted, judged
from memoria.retention.windows import turn_of
from memoria.types import Memory, Namespace

if TYPE_CHECKING:
    from memoria.arrays import Bools, Floats

SOURCE = "the log of this store"
_BATCH = 1000
_SURE = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a refit found.

    Attributes:
        weights: the fitted ones.
        present: AUC on held-out memories with the weights that the store has, in [0, 1].
        fitted: the same with the fitted ones.
        gain: 95 % interval of what the fit gains over the present ones.
        memories: how many it was fitted to, and how many judged it.
        needed: how many of each were needed.
        better: whether the interval lies above zero.
        adopted: whether the store judges by them now.
    """

    weights: Weights
    present: float
    fitted: float
    gain: Interval
    memories: tuple[int, int]
    needed: tuple[int, int]
    better: bool
    adopted: bool = False

    def summary(self) -> str:
        """The result for people.

        Returns:
            Lines of text.
        """
        named = zip(FEATURES, self.weights.weights, strict=True)
        found = ", ".join(f"{name} {value:+g}" for name, value in named if value) or "no feature tells anything"
        verdict, taken = ("Better" if self.better else "Not better"), ("adopted" if self.adopted else "not adopted")
        return (
            f"Fitted to {self.memories[0]} memories, {self.needed[0]} of them recalled; "
            f"judged by {self.memories[1]} others, {self.needed[1]} recalled:\n  {found}\n"
            f"AUC {self.fitted:.3f}, present weights {self.present:.3f}, "
            f"gain [{self.gain[0]:+.3f}, {self.gain[1]:+.3f}]\n{verdict}: {taken}."
        )


def refit(store: Store, prefix: Namespace, rng: np.random.Generator, *, take: bool = False) -> Refit:
    """Fits weights to the log of recalls under a prefix, and judges them on memories that were held out.

    Args:
        store: whose log it is.
        prefix: of the namespaces.
        rng: of the split and the bootstrap.
        take: adopts the weights if they are better, for the whole store. What is stored keeps its salience.

    Returns:
        What was found.

    Raises:
        InvalidQuery: too little was recalled.
    """
    samples = logged(store, prefix)
    lines = int(sum(one.needed.sum() for one in samples))
    if lines < LEAST_LINES:
        raise InvalidQuery(f"{lines} recalls of {sum(len(one.turns) for one in samples)} memories are too few")
    held = [rng.random(len(one.needed)) < HELD_OUT for one in samples]
    present = weights_of(store)
    made = _fitted(samples, held)
    wanted = np.concatenate([one.needed[out] > 0 for one, out in zip(samples, held, strict=True)])
    if wanted.all() or not wanted.any():
        raise InvalidQuery(f"of {len(wanted)} memories held out, {int(wanted.sum())} were recalled: nothing tells")
    old, new = (_values(samples, held, weights) for weights in (present, made))
    gain = _gain(wanted.astype(np.float64), old, new, rng)
    better = gain[0] > 0
    if take and better:
        adopt(store, made)
    total = sum(len(one.turns) for one in samples)
    recalled = int(sum((one.needed > 0).sum() for one in samples))
    return Refit(
        weights=made,
        present=auc(old, wanted.astype(np.float64)),
        fitted=auc(new, wanted.astype(np.float64)),
        gain=gain,
        memories=(total - len(wanted), len(wanted)),
        needed=(recalled - int(wanted.sum()), int(wanted.sum())),
        better=better,
        adopted=take and better,
    )


def logged(store: Store, prefix: Namespace) -> list[Sample]:
    """The memories of each namespace under a prefix, in the order in which they came, and how often each was recalled.

    Gists are left out: they are made of what was stored.
    """
    found = []
    often: dict[str, int] = {}
    for line in store.recalls(prefix):
        often[line.id] = often.get(line.id, 0) + line.found
    for namespace in store.namespaces(prefix):
        ids, _, _ = store.holdings(namespace)
        memories = sorted(_memories(store, ids), key=lambda one: (one.created_at, one.id))
        if memories:
            needed = np.array([float(often.get(one.id, 0)) for one in memories])
            found.append(Sample(turns=[turn_of(one) for one in memories], needed=needed))
    return found


def _memories(store: Store, ids: Sequence[str]) -> list[Memory]:
    parts = (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
    return [one.memory for part in parts for one in store.read(part) if one is not None and not one.memory.parts]


def _fitted(samples: Sequence[Sample], held: Sequence[Bools]) -> Weights:
    """Of what is not held out: with assistants last or as all others, whichever is better there."""
    learnt = [replace(one, learnt=~out) for one, out in zip(samples, held, strict=True)]
    wanted = np.concatenate([one.needed[~out] for one, out in zip(samples, held, strict=True)])
    few = min((wanted > 0).sum(), (wanted <= 0).sum())
    # The standard error of an AUC of nothing, of few against many (Mann and Whitney 1947).
    made = fitted({SOURCE: learnt}, tells=max(TELLS, _SURE * math.sqrt(1 / (12 * max(int(few), 1)))))
    kept = [~out for out in held]
    alike = replace(made, assistant=0.0)
    return max((alike, made), key=lambda weights: auc(_values(samples, kept, weights), (wanted > 0).astype(np.float64)))


def _values(samples: Sequence[Sample], some: Sequence[Bools], weights: Weights) -> Floats:
    """The salience of some memories of each namespace, one after another."""
    return np.concatenate([judged(one.turns, weights)[which] for one, which in zip(samples, some, strict=True)])


def _gain(wanted: Floats, old: Floats, new: Floats, rng: np.random.Generator) -> Interval:
    """95 % bootstrap interval, over memories, of how much larger the AUC of `new` is."""
    gains = []
    for _ in range(RESAMPLED):
        drawn = rng.integers(len(wanted), size=len(wanted))
        if 0 < wanted[drawn].sum() < len(drawn):
            gains.append(auc(new[drawn], wanted[drawn]) - auc(old[drawn], wanted[drawn]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)
