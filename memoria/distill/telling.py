"""What kind of thing memories tell of, by made-up notes of known kinds that their sentences are near to.

A ridge regression (Hoerl and Kennard 1970) leads from the unit vectors of notes to their kinds; the scores of a memory,
through a softmax, are its log-odds for each. It costs one embedding a memory and no model. An embedder that cannot tell
the notes themselves apart is not asked: each is tried on the notes without the one in question, in closed form
(Allen 1974).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memoria.distill.route import embed
from memoria.english.kinds import saying, telling
from memoria.english.notes import NOTES, noted_kind
from memoria.protocols import Embedder
from memoria.types import EmbedderCard, Memory

if TYPE_CHECKING:
    from memoria.arrays import Floats

RIDGE, SHARP = 1.0, 25.0
"""The weight of the ridge, and what scores are multiplied by before the softmax."""
# Share of the notes that an embedder must know the kind of, each by the others; all-MiniLM-L6-v2 knows .82 of them.
ABLE = 0.6
_KINDS = tuple(NOTES)
_MOST = 8


@dataclass(frozen=True, slots=True)
class _Read:
    """What an embedder makes of the notes.

    weights: from a unit vector to scores of the kinds, (d, m). known: the share of notes whose kind the others tell.
    """

    weights: Floats
    known: float


# By what names an embedder: the same notes have the same vectors.
_READ: dict[EmbedderCard, _Read] = {}


class Telling:
    """Tells kinds by an embedder. The vector of a memory is kept in RAM as long as it is one of `keep`."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[tuple[str, str], Floats] = {}
        self._kept: frozenset[str] = frozenset()

    def keep(self, ids: Iterable[str]) -> None:
        """Drops vectors of other memories than these, and makes those of these once from now on."""
        self._kept = frozenset(ids)
        self._vectors = {key: one for key, one in self._vectors.items() if key[0] in self._kept}

    def knows(self, kind: str) -> bool:
        """Whether there are notes of a kind, and the embedder tells notes apart."""
        return noted_kind(kind) is not None and self._read().known >= ABLE

    def log_odds(self, kind: str, memories: Sequence[Memory]) -> Floats:
        """Log-odds that memories tell of a thing of a kind of which there are notes, against all other kinds, (n,)."""
        at = _KINDS.index(noted_kind(kind) or kind)
        scores = SHARP * (self._told(memories) @ self._read().weights)
        found: Floats = scores[:, at] - np.logaddexp.reduce(np.delete(scores, at, axis=1), axis=1)
        return found

    def _told(self, memories: Sequence[Memory]) -> Floats:
        """Of each memory, the mean of the unit vectors of what likes or dislikes, and of all that it says, (n, d)."""
        keys = [(one.id, one.text) for one in memories]
        new = [key for key in dict.fromkeys(keys) if key not in self._vectors]
        made: dict[tuple[str, str], Floats] = {}
        if new:
            texts = [" ".join(part(text)) for part in (telling, saying) for _, text in new]
            both = embed(self._embedder, texts).astype(np.float64).reshape(2, len(new), -1)
            made = dict(zip(new, both.mean(0), strict=True))
        found = self._vectors | made
        self._vectors |= {key: one for key, one in made.items() if key[0] in self._kept}
        return np.stack([found[key] for key in keys])

    def _read(self) -> _Read:
        card = self._embedder.card
        if card not in _READ:
            while len(_READ) >= _MOST:
                _READ.pop(next(iter(_READ)))
            texts = [note for notes in NOTES.values() for note in notes]
            wanted = np.repeat(np.eye(len(_KINDS)), [len(notes) for notes in NOTES.values()], axis=0)
            _READ[card] = _fitted(embed(self._embedder, texts).astype(np.float64), wanted)
        return _READ[card]


def _fitted(vectors: Floats, kinds: Floats) -> _Read:
    """The ridge regression. vectors: of n notes, (n, d). kinds: 1 at that of each, (n, m)."""
    wanted = kinds - kinds.mean(0)
    inverse = np.linalg.inv(vectors.T @ vectors + RIDGE * np.eye(vectors.shape[1]))
    weights = inverse @ vectors.T @ wanted
    influence = np.einsum("nd,de,ne->n", vectors, inverse, vectors)
    without = wanted - (wanted - vectors @ weights) / (1 - influence)[:, None]
    return _Read(weights=weights, known=float(np.mean(without.argmax(1) == kinds.argmax(1))))
