"""Memories to fill a store with, so that it is large and still holds nothing that is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from memoria.protocols import Embedder, Progress
from memoria.remember import Draft

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_END = re.compile(r"(?<=[.!?])\s+|\n+")
_SHORTEST, _LONGEST = 20, 250
# Texts embedded at a time; sentences that are embedded at most.
_BATCH, _MOST = 2000, 26_000


def sentences(texts: Iterable[str]) -> list[str]:
    """The distinct sentences of the texts, in the order of their SHA-256, so that neighbours come from two places."""
    found = {tidy for text in texts for part in _END.split(text) if _fits(tidy := part.strip(" -*#"))}
    return sorted(found, key=lambda one: hashlib.sha256(one.encode()).digest())[:_MOST]


def _fits(text: str) -> bool:
    return _SHORTEST <= len(text) <= _LONGEST


def embedded(texts: Sequence[str], embedder: Embedder, progress: Progress) -> Vectors:
    """Vectors of the texts, shape (n, d)."""
    import numpy as np

    parts = []
    for at in range(0, len(texts), _BATCH):
        parts.append(embedder.embed(texts[at : at + _BATCH]))
        progress("filling", min(at + _BATCH, len(texts)), len(texts))
    return np.concatenate(parts) if parts else np.zeros((0, embedder.card.dimension), np.float32)


def fillers(texts: Sequence[str], vectors: Vectors, count: int, at: datetime) -> list[Draft]:
    """So many memories: each text, and then two texts in one, with the sum of their vectors.

    vectors: shape (n, d). at: when all of them were observed.
    """
    drafts = []
    for number in range(count):
        first, step = number % len(texts), number // len(texts)
        other = (first + step) % len(texts)
        text, vector = texts[first], vectors[first]
        if step:
            text, vector = f"{text} {texts[other]}", vector + vectors[other]
        drafts.append(Draft(text=text, vector=vector, created_at=at))
    return drafts
