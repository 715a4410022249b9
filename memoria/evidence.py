"""Evidence: candidates for a question and what speaks for each, as numbers without content.

A store finds the candidates of each of its namespaces by `gather`; what the numbers are worth is recall's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memoria.lexical import LexicalIndex
from memoria.words import Question

if TYPE_CHECKING:
    from memoria.protocols import Vectors

Docs = NDArray[np.int64]
Columns = Mapping[str, NDArray[np.float64]]

_NEIGHBOURS = (-1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """ids: n candidates, in no order. columns: for each kind of evidence n numbers, shape (n,)."""

    ids: Sequence[str] = ()
    columns: Columns = field(default_factory=dict)


def gather(
    index: LexicalIndex,
    nearest: Docs,
    vectors: Callable[[Docs], Vectors],
    asked: Question,
    vector: Vectors,
    among: Docs | None,
    pool: int,
    without: Docs | None = None,
) -> tuple[Docs, Columns]:
    """Candidates and their columns in one namespace.

    Candidates are the documents nearest in meaning, the `pool` best by words, and, as a second hop, the turns beside
    these; `among` limits all three, and none is of `without`. nearest: shape (m,). vector: the unit vector of the
    question, shape (d,).
    """
    words, _ = index.without_speakers(asked)
    first = np.union1d(nearest, index.best(words, among, pool, without))
    beside = np.concatenate([first, *(index.conversation.neighbours(first, step) for step in _NEIGHBOURS)])
    docs = index.held(np.unique(beside))
    if among is not None:
        docs = np.intersect1d(docs, among)
    if without is not None:
        docs = np.setdiff1d(docs, without)
    return docs, {**_similarities(index, vectors, vector, docs), **index.terms(asked, docs)}


def _similarities(index: LexicalIndex, vectors: Callable[[Docs], Vectors], vector: Vectors, docs: Docs) -> Columns:
    """Cosine of the question with each document and with the turns beside it, 0 where there is none."""
    around = np.stack([docs, *(index.conversation.neighbours(docs, step) for step in _NEIGHBOURS)])
    unique, places = np.unique(around, return_inverse=True)
    cosines = np.zeros(len(unique))
    real = unique >= 0
    cosines[real] = vectors(unique[real]) @ vector
    own, before, after = cosines[places.reshape(around.shape)]
    return {"similarity": own, "previous": before, "next": after}


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
