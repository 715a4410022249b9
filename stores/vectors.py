"""Vectors of an embedder, as a store takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from memoria.callables import without_sketch
from memoria.errors import InvalidVector
from memoria.protocols import Embedder

if TYPE_CHECKING:
    from memoria.arrays import Vectors


def embedded(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts, shape (len(texts), d); raises InvalidVector for what is none."""
    vectors = np.asarray(embedder.embed(texts), dtype=np.float32)
    name = without_sketch(embedder.card.name)
    if vectors.shape != (len(texts), embedder.card.dimension) or not np.isfinite(vectors).all():
        raise InvalidVector(f"{name!r} gave vectors of shape {vectors.shape}, or one that is not finite")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise InvalidVector(f"{name!r} gave a vector of length zero")
    unit: Vectors = vectors / lengths
    return unit
