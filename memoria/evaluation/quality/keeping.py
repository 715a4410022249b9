"""Embedders for an evaluation, which keep what they have embedded: in a folder, or in RAM."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.protocols import Embedder, QueryEmbedder
from memoria.types import EmbedderCard

if TYPE_CHECKING:
    from memoria.arrays import Vectors


def asking(embedder: Embedder) -> Callable[[Sequence[str]], Vectors]:
    """How it embeds questions."""
    return embedder.embed_queries if isinstance(embedder, QueryEmbedder) else embedder.embed


class Cached:
    """An embedder whose vectors are kept in a folder, one file a batch of texts."""

    def __init__(self, inner: Embedder, folder: Path) -> None:
        self._inner, self._folder = inner, folder

    @property
    def card(self) -> EmbedderCard:
        return self._inner.card

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (n, d), float32."""
        return self._kept(self.card.name, texts, self._inner.embed)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (n, d), float32."""
        if not isinstance(self._inner, QueryEmbedder):
            return self.embed(texts)
        return self._kept(f"{self.card.name}, asked", texts, self._inner.embed_queries)

    def _kept(self, name: str, texts: Sequence[str], made: Callable[[Sequence[str]], Vectors]) -> Vectors:
        import numpy as np

        digest = hashlib.sha256("\0".join([name, *texts]).encode()).hexdigest()[:32]
        path = self._folder / f"{digest}.npy"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            np.save(path, made(texts))
        vectors: Vectors = np.load(path)
        return vectors


class Remembered:
    """An embedder that keeps in RAM the vector of every text it has seen."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._known: dict[str, Vectors] = {}
        # Where questions are embedded as all else, they are known together.
        self._asked: dict[str, Vectors] = {} if isinstance(inner, QueryEmbedder) else self._known

    @property
    def card(self) -> EmbedderCard:
        return self._inner.card

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (n, d), float32."""
        return _known(self._known, texts, self._inner.embed)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (n, d), float32."""
        return _known(self._asked, texts, asking(self._inner))


def _known(known: dict[str, Vectors], texts: Sequence[str], made: Callable[[Sequence[str]], Vectors]) -> Vectors:
    import numpy as np

    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    if fresh:
        known |= zip(fresh, made(fresh), strict=True)
    return np.stack([known[text] for text in texts])
