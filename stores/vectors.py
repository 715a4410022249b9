"""Vectors of an embedder, as a store takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memoria.callables import without_sketch
from memoria.errors import InvalidVector
from memoria.protocols import Embedder
from memoria.text import coarse
from memoria.text.parts import Pieces, joined
from memoria.text.passages import whole
from memoria.types import Memory, Record, Secret

if TYPE_CHECKING:
    from memoria.arrays import Vectors


def embedded_whole(embedder: Embedder, memories: Sequence[Memory]) -> list[Pieces]:
    """The unit vector of each memory, and its further ones: of passages, of parts. Raises InvalidVector."""
    texts = [one.text for memory in memories for one in memory.parts or (memory,)]
    made = iter(whole(embedder, texts, lambda parts: embedded(embedder, parts)))
    return [joined([next(made) for _ in memory.parts]) if memory.parts else next(made) for memory in memories]


def rounded(record: Record) -> Record:
    """A record with its vectors rounded to fp16, as every store keeps them."""
    further = record.passages
    if further is not None:
        further = replace(further, vectors=_rounded(further.vectors))
    return replace(record, vector=_rounded(record.vector), passages=further)


def _rounded(vectors: Vectors) -> Vectors:
    return vectors.astype(np.float16).astype(np.float32)


def vector_secrets(record: Record, *, codes: bool = False) -> Iterator[Secret]:
    """The vectors of a record in the forms in which files may hold them. codes: as bits as well."""
    yield from vector_secrets_of(record.vector, codes=codes)
    for vector in () if record.passages is None else record.passages.vectors:
        yield from vector_secrets_of(vector, codes=codes)
        small = coarse.to_bytes(vector[None])
        if small is not None:
            yield Secret(label="vector bytes", data=small, run=32)


def vector_secrets_of(vector: Vectors, *, codes: bool) -> Iterator[Secret]:
    yield Secret(label="vector fp16", data=vector.astype("<f2").tobytes(), run=32)
    yield Secret(label="vector fp32", data=vector.astype("<f4").tobytes(), run=32)
    if codes:
        yield Secret(label="vector code", data=np.packbits(vector > 0, bitorder="little").tobytes(), run=32)


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
