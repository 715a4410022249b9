"""Evidence: candidates for a question and what speaks for each, as numbers without content.

A store finds the candidates of each of its namespaces by `gather`; what the numbers are worth is recall's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from memoria.arrays import Floats, Ints, Vectors
from memoria.ranking import products
from memoria.text.conversation import NOBODY
from memoria.text.lexical import LexicalIndex
from memoria.text.words import Question

Columns = Mapping[str, Floats]

_NEAR = (-1, 1)
_FAR = (-2, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """ids: n candidates, in no order. columns: for each kind of evidence n numbers, shape (n,)."""

    ids: Sequence[str] = ()
    columns: Columns = field(default_factory=dict)


def gather(
    index: LexicalIndex,
    nearest: Ints,
    vectors: Callable[[Ints], Vectors],
    asked: Question,
    vector: Vectors,
    among: Ints | None,
    pool: int,
    without: Ints | None = None,
) -> tuple[Ints, Columns]:
    """Candidates and their columns in one namespace.

    Candidates are the documents nearest in meaning, the `pool` best by words, and, as a second hop, the turns beside
    these; `among` limits all three. None is of `without` (ascending), nor do these lend a turn beside them anything.
    nearest: shape (m,). vector: the unit vector of the question, shape (d,).
    """
    words, speakers = index.without_speakers(asked)
    first = np.union1d(nearest, index.best(words, among, pool, without))
    beside = np.concatenate([first, *(index.conversation.neighbours(first, step) for step in _NEAR)])
    docs = index.known(np.unique(beside))
    if among is not None:
        docs = np.intersect1d(docs, among)
    if without is not None:
        docs = np.setdiff1d(docs, without)
    around = np.stack([docs, *(index.conversation.neighbours(docs, step) for step in (*_NEAR, *_FAR))])
    if without is not None and len(without):
        at = np.minimum(np.searchsorted(without, around), len(without) - 1)
        around = np.where(without[at] == around, NOBODY, around)
    columns = index.terms(words, speakers, asked.wants, around)
    return docs, {**_similarities(vectors, vector, around[:3]), **columns}


def _similarities(vectors: Callable[[Ints], Vectors], vector: Vectors, around: Ints) -> Columns:
    """Cosine of the question with each document, and with the sum of it and the turns beside it.

    around: shape (3, n), the documents and the turns one before and one after, -1 for none.
    """
    unique, places = np.unique(around, return_inverse=True)
    # -1, for none, is the first.
    none = int(np.searchsorted(unique, 0))
    read = vectors(unique[none:])
    if none:
        read = np.concatenate([np.zeros((none, len(vector)), np.float32), read])
    cosines = products(read, vector)[places.reshape(around.shape)].astype(np.float64)
    own, before, after = places.reshape(around.shape)
    together = read[own]
    together += read[before]
    together += read[after]
    lengths = np.sqrt(np.einsum("nd,nd->n", together, together))
    return {"similarity": cosines[0], "context": cosines.sum(axis=0) / np.maximum(lengths, 1e-9)}


def merge(parts: Sequence[tuple[Sequence[str], Columns]]) -> Evidence:
    """The candidates of several namespaces in one."""
    filled = [(ids, columns) for ids, columns in parts if len(ids)]
    if not filled:
        return Evidence()
    names = filled[0][1]
    return Evidence(
        ids=[id for ids, _ in filled for id in ids],
        columns={name: np.concatenate([columns[name] for _, columns in filled]) for name in names},
    )
