"""Need: how likely a memory is wanted now, as log-odds (Anderson and Schooler 1991; ACT-R's activation).

need = base level + context: log-odds add up when the pieces of evidence are independent given that the memory is
needed. Each term is a weight times what was measured; the weights are fitted, see docs/recall.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from memoria.embedders import MINILM
from memoria.errors import InvalidQuery
from memoria.recall.fitted import fitted

if TYPE_CHECKING:
    from memoria.arrays import Floats
    from memoria.text.evidence import Evidence

_EDGE = 0.01
# What turns beside a memory add, and the column that says whether it has such turns.
_HAVING: Mapping[str, str] = MappingProxyType({"near words": "has near", "far words": "has far"})

# Set by hand. Base level and salience are small: they decide between memories that the context likes equally well.
CHOSEN: Mapping[str, float] = MappingProxyType(
    {"base level": 0.05, "salience": 0.1, "repeats": -1.0, "superseded": -3.0}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Weights of the terms: log-odds per unit of evidence; a term without a weight is left out.

    The terms are these. similarity, context: cosine of the question with the memory alone, and with it and the turns
    beside it; in [-1, 1].
    words, near words, far words: BM25 of the memory, and what the turns one and two away add to it, each over the
    square root of the number of the question's words; the latter two less their mean over candidates with such turns.
    coverage: share of the question's words that the memory has, weighted by idf; in [0, 1].
    speaker: 1 if the question names the memory's speaker, -1 if it names another, else 0. question, answer: 1 if the
    memory asks, or follows one that asks. self: 1 if its speaker speaks of themselves. asked for: 1 if it has a name, a
    time or a number and the question asks for that. length: ln(1 + words). time: how well the days
    that the question names and those that the memory is about agree; in [0, 1]. base level, salience: log-odds of
    retrievability and of a salience that was given, both clipped to [0.01, 0.99]; 0 for a salience that was judged, for
    what that says of the text is in the other terms.
    repeats: how much it repeats a hit ranked above it, from 0 (cosine 0.9) to 1. superseded: log-odds that a later
    statement makes it untrue, in (0, 3], when there is such a doubt.

    Attributes:
        weights: by name of the term.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: _weights(MINILM))

    @classmethod
    def of(cls, embedder: str) -> Need:
        """The weights fitted for an embedder.

        Args:
            embedder: the name on its card.

        Returns:
            Its weights; those of the default embedder where none are fitted for this one.
        """
        return cls(weights=_weights(embedder))

    def with_(self, /, **weights: float) -> Need:
        """A copy with some weights changed, such as `Need().with_(time=2, base_level=0.1)`.

        Args:
            weights: by name of the term, spaces written as underscores.

        Returns:
            The new weights.

        Raises:
            InvalidQuery: there is no term of this name.
        """
        given = {name.replace("_", " "): float(weight) for name, weight in weights.items()}
        self._check(given)
        return replace(self, weights=MappingProxyType({**self.weights, **given}))

    def without(self, *names: str) -> Need:
        """A copy without some terms, for an ablation.

        Args:
            names: of the terms.

        Returns:
            The new weights.

        Raises:
            InvalidQuery: there is no term of this name.
        """
        self._check(names)
        return replace(self, weights={name: w for name, w in self.weights.items() if name not in names})

    def _check(self, names: Iterable[str]) -> None:
        unknown = [name for name in names if name not in self.weights]
        if unknown:
            raise InvalidQuery(*(f"term {name!r} is not one of {', '.join(self.weights)}" for name in unknown))

    def terms(self, evidence: Evidence) -> dict[str, Floats]:
        """Log-odds of each kind of evidence for each candidate.

        Args:
            evidence: of n candidates.

        Returns:
            By name of the term, numbers of shape (n,).
        """
        columns = centred(evidence.columns)
        return {name: self.weights[name] * column for name, column in columns.items() if name in self.weights}

    def term(self, name: str, value: float) -> dict[str, float]:
        """One term of one candidate.

        Args:
            name: of the term.
            value: what was measured.

        Returns:
            Its log-odds by its name; empty when it has no weight.
        """
        return {name: self.weights[name] * value} if name in self.weights else {}


def _weights(embedder: str) -> Mapping[str, float]:
    return MappingProxyType({**fitted(embedder).weights, **CHOSEN})


def centred(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """The columns, with what turns beside a memory add counted from the mean over the candidates that have such turns.

    The others get 0: of a memory without a conversation, its neighbours speak neither for it nor against it.
    """
    out = {name: column for name, column in columns.items() if name not in _HAVING.values()}
    for name, having in _HAVING.items():
        if having in columns:
            there = columns[having] > 0
            out[name] = (columns[name] - columns[name].mean(where=there)) * there if there.any() else 0 * columns[name]
    return out


def log_odds(probability: float) -> float:
    """ln(p / (1 - p)), with p clipped to [0.01, 0.99] so that certainty does not outweigh everything."""
    p = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))
