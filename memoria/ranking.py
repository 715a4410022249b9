"""Scores of vectors, and their order: equal vectors have equal scores wherever they are, and ties go by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints, Scores, Vectors


def products(vectors: Vectors, vector: Vectors) -> Scores:
    """The inner product of each row, shape (n, d), with a vector, shape (d,).

    A matrix product of BLAS rounds a row in one way or another by its place among the others, so that the order of
    equal rows would change with what else is scored.
    """
    scores: Scores = np.einsum("nd,d->n", vectors, vector)
    return scores


def best(scores: NDArray[Any], k: int, ids: Callable[[Ints], NDArray[Any]]) -> Ints:
    """Positions of the k greatest scores, best first, equal ones by id; whatever k is, a beginning of the same order.

    ids: the ids at some positions, as an array that sorts as they do; asked only for those that may be among the k.
    """
    chosen: Ints = np.arange(len(scores))
    if k < len(scores):
        chosen = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    order: Ints = chosen[np.lexsort((ids(chosen), -scores[chosen]))][:k]
    return order
