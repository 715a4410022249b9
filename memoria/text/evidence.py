"""Evidence: candidates for a question and what speaks for each, as numbers without content.

A store finds the candidates of each of its namespaces by `gather`; what the numbers are worth is recall's business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
    """Candidates, in no order; those of a gist are its parts, each by itself.

    ids: of n memories as they are stored; a gist comes as often as parts of it are candidates. columns: for each kind
    of evidence n numbers, shape (n,). parts: n ids, of the part of a gist or again of the memory; empty for none of
    gists.
    """

    ids: Sequence[str] = ()
    columns: Columns = field(default_factory=dict)
    parts: Sequence[str] = ()

    @property
    def said(self) -> Sequence[str]:
        """The id of what says it: of a part, or of a memory."""
        return self.parts or self.ids


def gather(
    index: LexicalIndex,
    nearest: Ints,
    vectors: Callable[[Ints, Ints], Vectors],
    asked: Question,
    vector: Vectors,
    among: Ints | None,
    pool: int,
    without: Ints | None = None,
    hidden: Collection[bytes] = (),
) -> tuple[Ints, Columns]:
    """Candidates, which are leaves of the index, and their columns in one namespace.

    Candidates are those nearest in meaning, the `pool` best by words, and, as a second hop, the turns beside these;
    `among` limits all three. None is of `without`, nor do these lend a turn beside them anything.
    nearest, among, without: documents. hidden: ids of parts of gists that `among` does not mean. vectors: from
    documents and which part of each, shape (n,), to vectors, shape (n, d). vector: the unit vector of the question,
    shape (d,).
    """

    def read(leaves: Ints) -> Vectors:
        return vectors(index.leaves.owners(leaves), index.leaves.parts(leaves))

    # The nearest documents may be so by a part that is hidden.
    close = index.leaves_of(nearest if among is None or not hidden else among, hidden)
    if len(close) > len(nearest):
        close = index.nearest(close, products(read(close), vector), pool)
    among = None if among is None else index.leaves_of(among, hidden)
    without = None if without is None else index.leaves_of(without)
    words, speakers = index.without_speakers(asked)
    first = np.union1d(close, index.best(words, among, pool, without))
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
    return docs, {**_similarities(read, vector, around[:3]), **columns}


def _similarities(vectors: Callable[[Ints], Vectors], vector: Vectors, around: Ints) -> Columns:
    """Cosine of the question with each leaf, and with the sum of it and the turns beside it.

    around: shape (3, n), the leaves and the turns one before and one after, -1 for none.
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


def merge(found: Sequence[Evidence]) -> Evidence:
    """The candidates of several namespaces in one."""
    filled = [one for one in found if len(one.ids)]
    if not filled:
        return Evidence()
    return Evidence(
        ids=[id for one in filled for id in one.ids],
        parts=[id for one in filled for id in one.said],
        columns={name: np.concatenate([one.columns[name] for one in filled]) for name in filled[0].columns},
    )
