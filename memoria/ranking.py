"""Scores of vectors, and their order: equal vectors have equal scores wherever they are, and ties go by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.arrays import Ints, Scores, Vectors


# So many more than k may be tied before those that come later by id are left out of what is sorted.
_TIED = 64


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
        least = np.partition(scores, -k)[-k]
        chosen = np.flatnonzero(scores >= least)
        if len(chosen) > k + _TIED:
            above = scores[chosen] > least
            tied = chosen[~above]
            chosen = np.concatenate([chosen[above], tied[_first(ids(tied), max(k - int(above.sum()), 1))]])
    order: Ints = chosen[np.lexsort((ids(chosen), -scores[chosen]))][:k]
    return order


def _first(ids: NDArray[Any], n: int) -> NDArray[np.bool_]:
    """Which ids are among the n smallest; of texts also those that begin with the same 8 bytes as the last of these.

    A word that is in every memory gives as many ties as there are memories, and sorting texts is slow.
    """
    keys = ids if ids.dtype.kind in "iu" else np.ascontiguousarray(ids).view(">u8").reshape(len(ids), -1)[:, 0]
    keys = keys.astype(keys.dtype.newbyteorder("="))
    first: NDArray[np.bool_] = keys <= np.partition(keys, n - 1)[n - 1]
    return first
