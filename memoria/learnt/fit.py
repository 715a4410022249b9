"""From grammar, data and seed to the weights of the judge: training, then calibration on what it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.learnt.adapted import Adapted
from memoria.learnt.detector import Reader
from memoria.learnt.grammar import Grammar, Pair
from memoria.learnt.train import BATCH, train
from memoria.protocols import Progress

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors

# The share of natural talk: the same for a short training as for a long one.
TALK = 0.12
# Pairs of the fold that is left out, to calibrate on.
_JUDGED = 600


def fit(
    natural: Mapping[str, Sequence[Pair]],
    folder: Path,
    steps: int,
    seed: int,
    fold: int,
    progress: Progress,
    *,
    calibrated: bool = True,
) -> Adapted:
    """Trains on four fifths of the grammar and on natural talks, and calibrates on the fifth and on the last talk.

    natural: pairs by the name of their talk; may be empty. folder: of the encoder. fold: the fifth that is left out.
    calibrated: False leaves logits as they are, whose order is the same.

    """
    *trained, last = [*natural] or [""]
    said = _repeated([pair for name in trained for pair in natural[name]], int(TALK * steps * BATCH))
    made = Grammar(seed, fold).pairs(steps * BATCH - len(said))
    adapted = train([*made, *said], folder, steps, seed, progress)
    if not calibrated:
        return adapted
    grammar = Grammar(seed, fold, held=True).pairs(_JUDGED)
    talk = list(natural.get(last, ()))
    judged = [*grammar, *talk]
    logits = Reader(adapted, folder).logits([(one.statement, one.memory) for one in judged])
    slope, offset = platt(logits, [one.untrue for one in judged], _halves(len(grammar), len(talk)))
    return replace(adapted, slope=slope, offset=offset)


def _repeated(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """So many pairs: of fewer each again and again, of more every n-th, so that each talk has its part."""
    step = max(1, len(pairs) // max(count, 1))
    return [pairs[n * step % len(pairs)] for n in range(count)] if pairs else []


def _halves(grammar: int, talk: int) -> Floats:
    """Weights with which grammar and talk count the same."""
    import numpy as np

    return np.concatenate([np.full(grammar, 1 / max(grammar, 1)), np.full(talk, 1 / max(talk, 1))])


def platt(logits: Vectors, untrue: Sequence[bool], weights: Floats) -> tuple[float, float]:
    """Slope and offset from logits to log-odds, by maximum likelihood with Platt's targets (1999)."""
    import numpy as np
    from scipy.optimize import minimize

    right = np.array(untrue, np.float64)
    many, few = right.sum(), len(right) - right.sum()
    wanted = np.where(right > 0, (many + 1) / (many + 2), 1 / (few + 2))
    x = logits.astype(np.float64)

    def loss(constants: Floats) -> float:
        odds = constants[0] * x + constants[1]
        return float(weights @ (np.logaddexp(0, odds) - wanted * odds))

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(offset)
