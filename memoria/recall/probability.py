"""Probabilities of need: that a hit is wanted, and that anything known is (logistic: Platt 1999).

Need ranks the memories of one query and has no zero. Whether anything is known is read from the BEST candidates by
need, so that k is not among what it is computed from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria.arrays import Floats

BEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Constants of two logistic functions, by `memoria eval calibrate`.

    hit: of 1 and a hit's cosine. known: of 1, the best need and the best cosine; None where no constants hold on
    queries of a kind that they were not fitted to.
    """

    hit: Sequence[float]
    known: Sequence[float] | None = None

    def of_hits(self, cosines: Floats) -> Floats:
        """How likely each of n candidates is wanted, shape (n,)."""
        return logistic(hit_features(cosines), self.hit)

    def of_any(self, needs: Floats, cosines: Floats) -> float | None:
        """How likely anything known is wanted, from n >= 1 candidates."""
        return None if self.known is None else float(logistic(known_features(needs, cosines), self.known))


def hit_features(cosines: Floats) -> Floats:
    """Shape (n, 2), of n candidates. Need is no feature: its level differs too much between kinds of query."""
    import numpy as np

    features: Floats = np.stack([np.ones(len(cosines)), cosines], axis=1)
    return features


def known_features(needs: Floats, cosines: Floats) -> Floats:
    """Shape (3,), of n >= 1 candidates."""
    import numpy as np

    best = np.argsort(-needs, kind="stable")[:BEST]
    features: Floats = np.array([1.0, needs[best[0]], cosines[best].max()], np.float64)
    return features


def logistic(features: Floats, constants: Sequence[float]) -> Floats:
    """1 / (1 + exp(-features @ constants))."""
    import numpy as np

    values: Floats = 1 / (1 + np.exp(-(features @ np.array(constants))))
    return values
