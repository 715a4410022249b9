"""Probabilities of need: fitted to queries that want something known and to others, and judged on sets left out.

A query wants nothing of a store when it was asked of another conversation, or is about nothing that anyone told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from memoria.engine.opening import open as open_memoria
from memoria.evaluation.quality.compare import Sets
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.filling import fillers
from memoria.evaluation.quality.statements import longest
from memoria.protocols import Embedder, Progress
from memoria.recall.need import Need
from memoria.recall.probability import BEST, hit_features, known_features, logistic
from memoria.remember import Draft
from memoria.types import Hit

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors

SIZES = (160, 10_000, 100_000)
# Queries of each kind asked of a store, at most; hits of each that are judged.
_QUERIES, _JUDGED = 150, 10
_BINS = 10
_BOUND = 0.02
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A store and its queries. places of `relevant` are those of `drafts`. wrong, general: queries that want nothing of

    it, asked of other conversations and about nothing that anyone told.
    """

    drafts: Sequence[Draft]
    asked: Sequence[Asked]
    wrong: Sequence[str]
    general: Sequence[str]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Features of n cases, shape (n, m), what they should be, 0 or 1, and their weights, which sum to 1; both (n,)."""

    features: Floats
    right: Floats
    weights: Floats


def whole(found: Sets) -> Sets:
    """The sets, with LoCoMo's questions as one: what is left out is left out whole."""
    halves = [talks for name, talks in found.items() if name.startswith("questions")]
    others = {name: talks for name, talks in found.items() if not name.startswith("questions")}
    return {"questions": [one for talks in halves for one in talks], **others}


def trial(talks: Sequence[Conversation], size: int, general: Sequence[str], other: Sequence[str]) -> Trial:
    """A store of `size` or fewer memories of a set, and queries of it, of its other conversations and of none.

    Up to one conversation's length a store is the beginning of one; beyond, it holds every second conversation.
    other: queries of another set, for a set of one conversation.
    """
    whole = longest(talks)
    kept = [whole[0]] if len(whole[0].drafts) >= size else whole[::2]
    drafts: list[Draft] = []
    asked: list[Asked] = []
    for one in kept:
        start = len(drafts)
        drafts += one.drafts[:size]
        asked += [_moved(ask, start) for ask in one.asked if max(map(max, ask.relevant)) < size]
    names = {one.name for one in kept}
    wrong = [ask.text for one in whole if one.name not in names for ask in one.asked] or list(other)
    return Trial(
        drafts=drafts,
        asked=_spread(asked, _QUERIES),
        wrong=_spread(wrong, _QUERIES),
        general=general,
        until=max(one.until for one in talks),
    )


def _moved(asked: Asked, start: int) -> Asked:
    relevant = tuple(frozenset(place + start for place in places) for places in asked.relevant)
    return Asked(text=asked.text, category=asked.category, relevant=relevant)


def _spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly spread."""
    return [items[len(items) * at // most] for at in range(most)] if len(items) > most else list(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Samples of hits and of queries of one store, to fit to and to judge by; general texts are in one or the other."""

    fitted: tuple[Sample, Sample]
    judged: tuple[Sample, Sample]


Row = tuple["Floats", "Floats", "Floats"]
"""Of one query: needs, cosines, and which hits are wanted, best first; each of shape (n,)."""


def observe(one: Trial, size: int, embedder: Embedder, filling: tuple[Sequence[str], Vectors]) -> Observed:
    """What there is to fit to, and to judge by, in one store filled up to `size`."""
    with open_memoria(":memory:", embedder=embedder, clock=lambda: one.until, reinforce="never") as memory:
        place = {made.id: at for at, made in enumerate(memory.remember_many(one.drafts))}
        spare = size - len(one.drafts)
        if spare > 0:
            memory.remember_many(fillers(*filling, spare, one.until))
        need = Need.of(embedder.card.name).without("repeats")
        texts = [*(asked.text for asked in one.asked), *one.wrong, *one.general]
        found = memory.recall_many(texts, k=BEST, need=need)
    wanted = [frozenset().union(*asked.relevant) for asked in one.asked]
    wanted += [frozenset[int]()] * (len(texts) - len(wanted))
    scale = need.weights["similarity"]
    rows = [
        _row(hits, [place.get(hit.memory.id, -1) in some for hit in hits], scale)
        for hits, some in zip(found, wanted, strict=True)
    ]
    split = len(one.asked), len(one.asked) + len(one.wrong)
    right, wrong, general = rows[: split[0]], rows[split[0] : split[1]], rows[split[1] :]
    return Observed(fitted=_samples(right, wrong, general[::2]), judged=_samples(right, wrong, general[1::2]))


def _row(hits: Sequence[Hit], wanted: Sequence[bool], scale: float) -> Row:
    import numpy as np

    cosines = np.array([hit.terms["similarity"] / scale for hit in hits])
    return np.array([hit.score for hit in hits]), cosines, np.array(wanted, np.float64)


def _samples(right: Sequence[Row], *never: Sequence[Row]) -> tuple[Sample, Sample]:
    """Samples of hits and of queries; half the weight has what wants something, each kind of `never` the same of it."""
    import numpy as np

    rows = [*right, *(row for rows in never for row in rows)]
    shares = [0.5 / len(right)] * len(right)
    shares += [0.5 / len(never) / len(rows) for rows in never for _ in rows]
    weights = np.array(shares)
    hits = [hit_features(cosines)[:_JUDGED] for _, cosines, _ in rows]
    counts = np.array([len(one) for one in hits])
    of_hits = Sample(
        features=np.concatenate(hits),
        right=np.concatenate([wanted[:_JUDGED] for _, _, wanted in rows]),
        weights=np.repeat(weights / counts, counts),
    )
    known = np.stack([known_features(needs, cosines) for needs, cosines, _ in rows])
    return of_hits, Sample(
        features=known, right=(np.arange(len(rows)) < len(right)).astype(np.float64), weights=weights
    )


def fit(samples: Sequence[Sample], *, penalty: float = 1e-4) -> list[float]:
    """Constants of a logistic function by maximum likelihood; each sample weighs the same."""
    import numpy as np
    from scipy.optimize import minimize

    one = pooled(samples)
    scale = np.concatenate([[1.0], one.features[:, 1:].std(axis=0) + 1e-9])
    features = one.features / scale

    def loss(constants: Floats) -> tuple[float, Floats]:
        logits = features @ constants
        errors = one.weights * (logistic(features, constants.tolist()) - one.right)
        total = float(one.weights @ (np.logaddexp(0, logits) - one.right * logits))
        return total + penalty * float(constants @ constants), features.T @ errors + 2 * penalty * constants

    best = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B")
    constants: list[float] = (best.x / scale).tolist()
    return constants


def pooled(samples: Sequence[Sample]) -> Sample:
    """The samples in one, each with the same weight."""
    import numpy as np

    return Sample(
        features=np.concatenate([one.features for one in samples]),
        right=np.concatenate([one.right for one in samples]),
        weights=np.concatenate([one.weights for one in samples]) / len(samples),
    )


def judged(one: Sample, constants: Sequence[float]) -> dict[str, float]:
    """Expected calibration error over ten bins of the same weight (Naeini 2015), Brier score, and AUROC.

    "kept", "left": share of the right cases, and of all, that reach a probability of .02.
    """
    import numpy as np

    chances = logistic(one.features, constants)
    order = np.argsort(chances, kind="stable")
    weights, right, chances = one.weights[order], one.right[order], chances[order]
    bins = np.minimum((np.cumsum(weights) - weights / 2) / weights.sum() * _BINS, _BINS - 1).astype(np.int64)
    gaps = np.bincount(bins, weights * (chances - right), _BINS)
    brier = float(weights @ (chances - right) ** 2)
    reach = weights * (chances >= _BOUND)
    return {
        "ece": float(np.abs(gaps).sum()),
        "brier": brier,
        "auroc": auroc(chances, right, weights),
        "kept": float(reach @ right) / max(float(weights @ right), 1e-12),
        "left": float(reach.sum()),
    }


def auroc(chances: Floats, right: Floats, weights: Floats) -> float:
    """How likely a right case stands above a wrong one; a tie counts half. Shapes (n,)."""
    import numpy as np

    _, groups = np.unique(chances, return_inverse=True)
    good, bad = np.bincount(groups, weights * right), np.bincount(groups, weights * (1 - right))
    below = np.cumsum(bad) - bad
    return float(good @ (below + bad / 2) / max(good.sum() * bad.sum(), 1e-12))


def calibrate(
    found: Sets,
    embedder: Embedder,
    general: Sequence[str],
    filling: tuple[Sequence[str], Vectors],
    progress: Progress,
    sizes: Sequence[int] = SIZES,
) -> dict[str, Any]:
    """Constants fitted to all sets, and how well those fitted to the other sets do on each set and size."""
    samples = _observed(found, embedder, general, filling, progress, sizes)
    report: dict[str, Any] = {}
    for name, size in samples:
        others = [one for (other, _), one in samples.items() if other not in _kin(found, name)]
        if others:
            hit, known = _fitted(others)
            of_hits, of_known = samples[name, size].judged
            row = {"hits": judged(of_hits, hit), "known": judged(of_known, known)}
            report.setdefault(name, {})[str(size)] = row
    hit, known = _fitted(list(samples.values()))
    return {"hit": hit, "known": known, "left out": report}


def _fitted(observed: Sequence[Observed]) -> tuple[list[float], list[float]]:
    return fit([one.fitted[0] for one in observed]), fit([one.fitted[1] for one in observed])


def _observed(
    found: Sets,
    embedder: Embedder,
    general: Sequence[str],
    filling: tuple[Sequence[str], Vectors],
    progress: Progress,
    sizes: Sequence[int],
) -> dict[tuple[str, int], Observed]:
    samples: dict[tuple[str, int], Observed] = {}
    for name, talks in found.items():
        other = [
            ask.text for set, some in found.items() if set not in _kin(found, name) for t in some for ask in t.asked
        ]
        for size in sizes:
            one = trial(talks, size, general, _spread(other, _QUERIES))
            if one.asked and one.wrong:
                samples[name, size] = observe(one, size, embedder, filling)
            progress("stores", len(samples), len(found) * len(sizes))
    return samples


def _kin(found: Sets, name: str) -> set[str]:
    """The sets that share a conversation with a set, itself among them."""
    mine = {one.name for one in found[name]}
    return {other for other, talks in found.items() if not mine.isdisjoint(one.name for one in talks)}
