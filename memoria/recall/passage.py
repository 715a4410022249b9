"""Which passage of a long memory a question is about: by its vector where it has one, and by the question's words.

And which parts of gists a vector is nearest to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.protocols import Store
from memoria.recall.need import Need
from memoria.text.parts import leaves
from memoria.text.passages import LETTERS, by_letters, cut_at
from memoria.text.words import stems
from memoria.types import Hit, Memory, Record, Where

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


def nearest_parts(store: Store, found: Sequence[tuple[Memory, float]], where: Where, vector: Vectors) -> dict[str, Hit]:
    """By id, best first, the hits of memories by their cosines; of gists, of each part that the filter means."""
    gists = [memory.id for memory, _ in found if memory.parts]
    read = {one.memory.id: one for one in (store.read(gists) if gists else []) if one is not None}
    hits = []
    for memory, score in found:
        if memory.id not in read:
            hits.append(Hit(memory=memory, score=score, terms={"similarity": score}))
            continue
        meant = {one.id for one in where.meant(memory)}
        for leaf in leaves(read[memory.id]):
            if leaf.memory.id in meant:
                cosine = float(nearest(leaf, vector) @ vector)
                hits.append(Hit(memory=leaf.memory, score=cosine, terms={"similarity": cosine}, gist=memory))
    return {hit.memory.id: hit for hit in sorted(hits, key=lambda hit: (-hit.score, hit.memory.id))}
