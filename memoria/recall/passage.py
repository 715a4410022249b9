"""Which passage of a long memory a question is about: by its vector where it has one, and by the question's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.recall.need import Need
from memoria.text.passages import LETTERS, by_letters, cut_at
from memoria.text.words import stems
from memoria.types import Record

if TYPE_CHECKING:
    from memoria.arrays import Floats, Vectors


def told(record: Record, vector: Vectors, asked: Sequence[str], need: Need, language: str | None = None) -> str | None:
    """The passage of a memory that is wanted most, by the weights of similarity and coverage; None for a short text.

    vector: of the question, shape (d,). asked: its stems; none for a question that is a vector alone.
    language: of the store; None tells it by each text.
    """
    import numpy as np

    text = record.memory.text
    if len(text) <= LETTERS:
        return None
    cut = by_letters(text) if record.passages is None else record.passages.starts
    pieces = cut_at(text, cut)
    if len(pieces) < 2:
        return None
    scores = need.weights.get("coverage", 0.0) * _coverage(pieces, asked, language)
    if record.passages is not None:
        vectors = np.concatenate([record.vector[None], record.passages.vectors])
        scores = scores + need.weights.get("similarity", 0.0) * (vectors @ vector)
    return pieces[int(np.argmax(scores))].strip() or None


def _coverage(pieces: Sequence[str], asked: Sequence[str], language: str | None) -> Floats:
    """Share of the question's words that each piece has, in [0, 1]; a word in fewer pieces counts for more."""
    import numpy as np

    words = sorted(set(asked))
    if not words:
        return np.zeros(len(pieces))
    held = [set(stems(piece, language)) for piece in pieces]
    has = np.array([[word in some for word in words] for some in held], np.float64)
    rarity = np.log(1 + len(pieces) / (1 + has.sum(axis=0)))
    share: Floats = has @ rarity / rarity.sum()
    return share


def nearest(record: Record, vector: Vectors) -> Vectors:
    """The vector of the passage that is nearest to a question."""
    if record.passages is None:
        return record.vector
    further = record.passages.vectors
    scores = further @ vector
    best: Vectors = further[scores.argmax()] if scores.max() > record.vector @ vector else record.vector
    return best
