"""Passages: a text that is too long for one vector has a vector for each piece of some sentences.

An embedder reads so many tokens and leaves the rest; one that says how many is given each piece by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from memoria.types import Passages

if TYPE_CHECKING:
    from memoria.arrays import Vectors

# Tokens of a piece. A sentence is found by the vector of its piece, which it has to be a good part of.
PIECE = 64
# A text without an embedder that counts is cut by characters: about as many as `PIECE` tokens of English.
LETTERS = 4 * PIECE
# A text of no more bytes has one vector, whatever the embedder.
LEAST = 64
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"')\]]*\s+|(?<=[\u3002\uff01\uff1f\u0964])|\n+")


@runtime_checkable
class Bounded(Protocol):
    """An embedder that says how much of a text it reads. One that does not is given each text whole."""

    @property
    def limit(self) -> int:
        """Tokens that it reads of a text; never fewer than one for each byte of UTF-8 are left out."""
        ...

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Counts tokens.

        Args:
            texts: n texts.

        Returns:
            How many tokens each has, n numbers.
        """
        ...


Count = Callable[[Sequence[str]], list[int]]


def whole(
    embedder: object, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors]
) -> list[tuple[Vectors, Passages | None]]:
    """The vector of each text, and its passages if one vector cannot have all of it.

    embed: from n texts to unit vectors, shape (n, d); called once, with pieces of the long texts.
    """
    cuts = [starts(text, embedder) for text in texts]
    parts = [piece for text, cut in zip(texts, cuts, strict=True) for piece in cut_at(text, cut)]
    vectors = iter(embed(parts)) if parts else iter(())
    return [_of(cut, [next(vectors) for _ in range(len(cut) + 1)]) for cut in cuts]


def _of(cut: Sequence[int], vectors: Sequence[Vectors]) -> tuple[Vectors, Passages | None]:
    import numpy as np

    return vectors[0], Passages(starts=tuple(cut), vectors=np.stack(vectors[1:])) if cut else None


def starts(text: str, embedder: object) -> list[int]:
    """Where the passages of a text begin, except the first, which begins at 0; none when one vector has all of it."""
    # A token has a byte of UTF-8 at the least.
    if not isinstance(embedder, Bounded) or len(text.encode()) <= max(embedder.limit, LEAST):
        return []
    return grouped(text, embedder.limit, min(PIECE, embedder.limit), embedder.tokens)


def by_letters(text: str) -> list[int]:
    """As `starts`, without an embedder that counts."""
    return grouped(text, LETTERS, LETTERS, lambda texts: list(map(len, texts)))


def grouped(text: str, limit: int, size: int, count: Count) -> list[int]:
    """Where a new piece begins, so that each has as many whole sentences as fit into `size`; none within `limit`."""
    at = [0, *(found.end() for found in _SENTENCE.finditer(text) if 0 < found.end() < len(text)), len(text)]
    sentences = [text[start:end] for start, end in pairwise(at)]
    counts = count(sentences)
    if sum(counts) <= limit:
        return []
    units = [
        unit
        for start, said, tokens in zip(at, sentences, counts, strict=False)
        for unit in _fitting(start, said, tokens, size, count)
    ]
    found, used = [], 0
    for start, tokens in units:
        if used and used + tokens > size:
            found.append(start)
            used = 0
        used += tokens
    return found


def _fitting(start: int, said: str, tokens: int, size: int, count: Count) -> Iterator[tuple[int, int]]:
    """(start, tokens) of a sentence, or of parts of it that fit, cut between words where there are any."""
    if tokens <= size or len(said) < 2:
        yield start, tokens
        return
    space = said.rfind(" ", 1, len(said) // 2 + 1)
    middle = space + 1 if 0 < space < len(said) - 1 else len(said) // 2
    halves = (said[:middle], said[middle:])
    for offset, half, more in zip((0, middle), halves, count(halves), strict=True):
        yield from _fitting(start + offset, half, more, size, count)


def cut_at(text: str, cut: Sequence[int]) -> list[str]:
    """The pieces of a text."""
    return [text[start:end] for start, end in pairwise([0, *cut, len(text)])]
