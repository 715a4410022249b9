"""Probabilities of need: that a hit is wanted, and that anything known is (logistic: Platt 1999).

Need ranks the memories of one query and has no zero; what is fitted here is where its zero lies. Both look only at the
BEST candidates by need, so that neither k nor the size of the store is among what they are computed from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoria.arrays import Floats

BEST = 20
_NEAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Constants of two logistic functions, by `memoria eval calibrate`.

    hit: of 1, a hit's need, its cosine, and ln of its share of the need. known: of 1, the best need, the best cosine,
    the mean of the three best cosines, and ln of the best share.
    """

    hit: Sequence[float]
    known: Sequence[float]

    def of_hits(self, needs: Floats, cosines: Floats) -> Floats:
        """How likely each of n candidates is wanted, shape (n,)."""
        return logistic(hit_features(needs, cosines), self.hit)

    def of_any(self, needs: Floats, cosines: Floats) -> float:
        """How likely anything known is wanted, from n >= 1 candidates."""
        return float(logistic(known_features(needs, cosines), self.known))


def hit_features(needs: Floats, cosines: Floats) -> Floats:
    """Shape (n, 4), of n >= 1 candidates."""
    import numpy as np

    features: Floats = np.stack([np.ones(len(needs)), needs, cosines, _shares(needs)], axis=1)
    return features


def known_features(needs: Floats, cosines: Floats) -> Floats:
    """Shape (5,), of n >= 1 candidates."""
    import numpy as np

    best = np.argsort(-needs, kind="stable")[:BEST]
    nearest = np.sort(cosines[best])[::-1]
    features: Floats = np.array(
        [1.0, needs[best[0]], nearest[0], nearest[:_NEAREST].mean(), _shares(needs)[best[0]]], np.float64
    )
    return features


def _shares(needs: Floats) -> Floats:
    """ln of each candidate's share of exp(need) over the best."""
    import numpy as np

    top = needs.max()
    best = np.sort(needs)[::-1][:BEST]
    shares: Floats = needs - top - np.log(np.exp(best - top).sum())
    return shares


def logistic(features: Floats, constants: Sequence[float]) -> Floats:
    """1 / (1 + exp(-features @ constants))."""
    import numpy as np

    values: Floats = 1 / (1 + np.exp(-(features @ np.array(constants))))
    return values
