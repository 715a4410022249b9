"""Vectors made ahead: what is about to be remembered is embedded before its turn to write has come.

Embedding takes several times as long as writing, and needs nothing of the store. While one writes, others embed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from memoria.embedders import embed_whole
from memoria.engine.memory import Memoria
from memoria.protocols import Embedder, QueryEmbedder
from memoria.text.passages import Bounded
from memoria.types import EmbedderCard

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class _Ahead:
    """An embedder that keeps the vectors of the texts that it was given, and makes none of them twice."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._made: dict[str, Vectors] = {}

    @property
    def card(self) -> EmbedderCard:
        return self._inner.card

    def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._made]
        if new:
            self._made |= dict(zip(new, self._inner.embed(new), strict=True))
        return np.stack([self._made[text] for text in texts]) if texts else self._inner.embed(texts)


class _Counting(_Ahead):
    """The same, of one that says how much it reads."""

    _inner: Bounded  # type: ignore[assignment]  # it is an Embedder as well

    @property
    def limit(self) -> int:
        return self._inner.limit

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return self._inner.tokens(texts)


class _Asking(_Ahead):
    """The same, of one that embeds questions in another way."""

    _inner: QueryEmbedder

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._inner.embed_queries(texts)


class _Both(_Counting, _Asking):  # type: ignore[misc]  # of one that is both
    """The same, of one that does both."""


# What an embedder can do beside embedding is seen by its methods, so that each has exactly those of its own.
_KINDS = {(False, False): _Ahead, (True, False): _Counting, (False, True): _Asking, (True, True): _Both}


# Characters of a piece, about 500 tokens: some tens of milliseconds, and few enough that the embedder takes one thread.
_PIECE = 2000


def pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts, each once, in pieces of some sentences; a longer text is a piece by itself."""
    piece: list[str] = []
    size = 0
    for text in dict.fromkeys(texts):
        if piece and size + len(text) > _PIECE:
            yield piece
            piece, size = [], 0
        piece.append(text)
        size += len(text)
    if piece:
        yield piece


def embedded(view: Memoria, texts: Sequence[str]) -> Memoria:
    """The same view, which has the vectors of these texts already, besides those it had. Raises as `embed_whole`."""
    inner = view.embedder
    if isinstance(inner, _Ahead):
        embed_whole(view.store, inner, texts)
        return view
    seen = copy(view)
    seen.embedder = _KINDS[isinstance(inner, Bounded), isinstance(inner, QueryEmbedder)](inner)
    return embedded(seen, texts)
