"""Texts to fill a store with, so that it is large and still holds nothing that is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

_END = re.compile(r"(?<=[.!?])\s+|\n+")
_SHORTEST, _LONGEST = 20, 250


def filling(texts: Iterable[str]) -> list[str]:
    """The sentences of the texts, their halves, and halves of two of them joined: four texts a sentence, all distinct.

    Sentences are in the order of their SHA-256, so that two that are joined come from different places.
    """
    found = {tidy for text in texts for part in _END.split(text) if _fits(tidy := part.strip(" -*#"))}
    sentences = sorted(found, key=lambda one: hashlib.sha256(one.encode()).digest())
    halves = [_halves(one) for one in sentences]
    joined = [f"{second} {first}" for (_, second), (first, _) in pairwise(halves)]
    return list(dict.fromkeys([*sentences, *joined, *(half for both in halves for half in both)]))


def _fits(text: str) -> bool:
    return _SHORTEST <= len(text) <= _LONGEST


def _halves(text: str) -> tuple[str, str]:
    words = text.split()
    middle = len(words) // 2
    return " ".join(words[:middle]) or text, " ".join(words[middle:])


def chunks(texts: Sequence[str], size: int = 2000) -> Iterator[Sequence[str]]:
    """The texts, `size` at a time."""
    return (texts[at : at + size] for at in range(0, len(texts), size))
