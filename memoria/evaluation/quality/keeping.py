"""An embedder for evaluations, which keeps the vector of every text in a file: a second run embeds nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memoria.protocols import Embedder, QueryEmbedder
from memoria.types import EmbedderCard

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_BATCH = 128
_PATIENCE = 60.0


class Cached:
    """An embedder whose vectors are kept in `vectors.sqlite` of a folder, for any number of processes."""

    def __init__(self, inner: Embedder, folder: Path) -> None:
        self._inner, self._folder = inner, folder

    @property
    def card(self) -> EmbedderCard:
        return self._inner.card

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (n, d), float32."""
        return self._all(self.card.name, texts, self._inner.embed)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, shape (n, d), float32."""
        if not isinstance(self._inner, QueryEmbedder):
            return self.embed(texts)
        return self._all(f"{self.card.name}, asked", texts, self._inner.embed_queries)

    def _all(self, name: str, texts: Sequence[str], made: Callable[[Sequence[str]], Vectors]) -> Vectors:
        import numpy as np

        parts = [texts[at : at + _BATCH] for at in range(0, len(texts), _BATCH)]
        empty = np.zeros((0, self.card.dimension), np.float32)
        return np.concatenate([empty, *(self._some(name, part, made) for part in parts)])

    def _some(self, name: str, texts: Sequence[str], made: Callable[[Sequence[str]], Vectors]) -> Vectors:
        import numpy as np

        keys = {text: hashlib.sha256(f"{name}\0{text}".encode()).digest() for text in texts}
        marks = ", ".join("?" * len(keys))
        rows = self._file.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", list(keys.values()))
        known = {key: np.frombuffer(vector, np.float32) for key, vector in rows}
        fresh = [text for text, key in keys.items() if key not in known]
        if fresh:
            new = {keys[text]: vector for text, vector in zip(fresh, made(fresh), strict=True)}
            with self._file:
                rows_ = [(key, np.asarray(vector, np.float32).tobytes()) for key, vector in new.items()]
                self._file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows_)
            known |= new
        return np.stack([known[keys[text]] for text in texts])

    @cached_property
    def _file(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(self._folder / "vectors.sqlite", timeout=_PATIENCE)
        file.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        return file
