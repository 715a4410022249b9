"""A real embedder with no weights: texts that share words are near."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memoria.types import EmbedderCard

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class HashEmbedder:
    """Sum of one hashed random direction per word (random indexing, Kanerva et al. 2000); deterministic.

    Args:
        dimension: length d of its vectors.
    """

    def __init__(self, dimension: int = 64) -> None:
        self._card = EmbedderCard(name=f"hash-{dimension}", dimension=dimension)

    @property
    def card(self) -> EmbedderCard:
        """Its name, `hash-` and the dimension, and the dimension."""
        return self._card

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts; those with common words are near each other.

        Args:
            texts: n texts.

        Returns:
            Vectors of shape (n, d), float32, not normalised.
        """
        import numpy as np

        rows = [self._sum(text) for text in texts]
        vectors: Vectors = np.array(rows, np.float32).reshape(len(texts), self._card.dimension)
        return vectors

    def _sum(self, text: str) -> Vectors:
        import numpy as np

        words = re.findall(r"\w+", text.lower()) or [text]
        total: Vectors = np.sum([self._direction(word) for word in words], axis=0, dtype=np.float32)
        return total

    def _direction(self, word: str) -> Vectors:
        import numpy as np

        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        return np.random.default_rng(seed).standard_normal(self._card.dimension).astype(np.float32)


class BoundedEmbedder(HashEmbedder):
    """The same, which reads the first 16 words of a text only, and says so.

    Args:
        dimension: length d of its vectors.
    """

    @property
    def limit(self) -> int:
        """Words that it reads, 16."""
        return 16

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """Counts words.

        Args:
            texts: n texts.

        Returns:
            How many words each has, n numbers.
        """
        return [len(re.findall(r"\w+", text)) for text in texts]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds the first 16 words of each text.

        Args:
            texts: n texts.

        Returns:
            Vectors of shape (n, d), float32, not normalised.
        """
        return super().embed([" ".join(re.findall(r"\w+", text)[: self.limit]) for text in texts])
