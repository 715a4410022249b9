"""An embedder that only looks up: stores that embed texts themselves get the same vectors, and pay for no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memoria.evaluation.bench.peers.peer import Row

if TYPE_CHECKING:
    from memoria.arrays import Vectors


class Known:
    """The vectors of the texts of the call that is being made; KeyError for any other text."""

    def __init__(self) -> None:
        self._vectors: dict[str, list[float]] = {}

    @contextmanager
    def of(self, rows: Sequence[Row]) -> Iterator[None]:
        """Knows the texts of some rows in this block."""
        self._vectors = {row.text: row.vector.tolist() for row in rows}
        yield

    @contextmanager
    def asked(self, text: str, vector: Vectors) -> Iterator[None]:
        """Knows a question in this block."""
        self._vectors = {text: vector.tolist()}
        yield

    def one(self, text: str) -> list[float]:
        """The vector of a text."""
        return self._vectors[text]

    def many(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of several texts."""
        return [self._vectors[text] for text in texts]

    def embed(self, text: str, action: Any = None) -> list[float]:
        """As mem0 asks. action: what for, which does not matter here."""
        return self._vectors[text]

    def embed_batch(self, texts: Sequence[str], action: Any = None) -> list[list[float]]:
        """As mem0 asks of several texts."""
        return self.many(texts)
