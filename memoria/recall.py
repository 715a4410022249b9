"""recall: from a question to scored memories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.embedders import unit_vectors
from memoria.errors import EmbedderMismatch, InvalidQuery
from memoria.protocols import Embedder, Progress, Store
from memoria.types import Hit, Where
from memoria.validate import MAX_TEXT_BYTES, check_where, text_violations

if TYPE_CHECKING:
    from memoria.protocols import Vectors

_BATCH = 256


def recall(store: Store, embedder: Embedder, query: str | Vectors, where: Where, k: int) -> list[Hit]:
    """The k memories nearest to `query` by cosine similarity among those that match, best first.

    query: text, or its vector of shape (d,). Raises InvalidQuery and InvalidVector.
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InvalidQuery(f"k {k!r} is not a whole number of at least 1")
    vector = embed_one(store, embedder, query)
    found = store.search(vector, check_where(where), k)
    return [Hit(memory=memory, score=score, terms={"similarity": score}) for memory, score in found]


def embed_one(store: Store, embedder: Embedder, query: str | Vectors) -> Vectors:
    """The unit vector of a query, shape (d,), float32."""
    if not isinstance(query, str):
        given: Vectors = unit_vectors([query], store.embedder.dimension)[0]
        return given
    violations = [*text_violations(query, "query", MAX_TEXT_BYTES)]
    if violations:
        raise InvalidQuery(*violations)
    vector: Vectors = embed(store, embedder, [query])[0]
    return vector


def embed(store: Store, embedder: Embedder, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
    """Unit vectors of texts, shape (n, d), float32; raises EmbedderMismatch for another store's embedder."""
    import numpy as np

    check_embedder(store, embedder)
    parts = []
    for at in range(0, len(texts), _BATCH):
        part = texts[at : at + _BATCH]
        parts.append(unit_vectors(embedder.embed(part), store.embedder.dimension))
        if progress is not None:
            progress("embed", at + len(part), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, store.embedder.dimension), np.float32)


def check_embedder(store: Store, embedder: Embedder) -> None:
    """Raises EmbedderMismatch unless `embedder` is the one that made the store's vectors."""
    made, given = store.embedder, embedder.card
    if made != given:
        raise EmbedderMismatch(
            f"the store's vectors come from {made.name!r} (d={made.dimension}), not from {given.name!r} "
            f"(d={given.dimension}): open it with {made.name!r}, or change it over with reembed"
        )
