"""What is fitted for each embedder: the weights of need, by `memoria eval fit`, and probabilities of it.

An embedder that is not here gets the weights of the default one, and no probabilities: cosines differ between models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memoria.embedders import E5, MINILM, MPNET
from memoria.recall.probability import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """weights: by name of the term, as `memoria eval fit` prints them.

    calibration: for these weights, as `memoria eval calibrate` prints it; None where there is none.
    """

    weights: Mapping[str, float]
    calibration: Calibration | None = None


# docs/recall.md says on what, and what came out.
ENCODERS: Mapping[str, Fitted] = MappingProxyType(
    {
        MINILM: Fitted(
            weights={
                "similarity": 3.22,
                "context": 4.83,
                "words": 0.86,
                "coverage": 1.21,
                "speaker": 0.61,
                "near words": 0.76,
                "far words": 0.74,
                "question": -0.87,
                "answer": 0.61,
                "self": 0.83,
                "asked for": 1.60,
                "length": 0.38,
                "time": 2.82,
            },
            calibration=Calibration(hit=(-4.60, 4.56)),
        ),
        MPNET: Fitted(
            weights={
                "similarity": 3.50,
                "context": 6.34,
                "words": 0.77,
                "coverage": 1.55,
                "speaker": 0.59,
                "near words": 0.70,
                "far words": 0.68,
                "question": -0.94,
                "answer": 0.54,
                "self": 0.82,
                "asked for": 1.60,
                "length": 0.36,
                "time": 4.31,
            }
        ),
        E5: Fitted(
            weights={
                "similarity": 16.76,
                "context": 26.93,
                "words": 0.81,
                "coverage": 1.45,
                "speaker": 0.64,
                "near words": 0.78,
                "far words": 0.76,
                "question": -0.86,
                "answer": 0.73,
                "self": 0.78,
                "asked for": 1.54,
                "length": 0.26,
                "time": 4.25,
            }
        ),
    }
)


def fitted(name: str) -> Fitted:
    """What is fitted for the embedder of this name; or else the weights of the default one alone."""
    return ENCODERS.get(name, Fitted(weights=ENCODERS[MINILM].weights))
