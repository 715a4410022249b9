"""What words cost beside vectors: hybrid against vector-only recall in one interleaved run, and the lexical index."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

from memoria.engine.opening import open as open_memoria
from memoria.evaluation.bench.latency import DIMENSION, Synthetic, timed
from memoria.protocols import Embedder, Progress
from memoria.remember import Draft
from memoria.text.lexical import LexicalIndex
from memoria.types import Provenance, Where

_BATCH = 10_000
_WORDS = 20_000
_TURN = 12
_SESSION = 20


class Talk:
    """Drafts with vectors of `Synthetic` and 12 words each by Zipf's law, in sessions of 20 turns."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        self._source = Synthetic(seed)
        self._rng = np.random.default_rng(seed)
        chances = 1 / np.arange(1, _WORDS + 1)
        self._chances = chances / chances.sum()

    def text(self, words: int = _TURN) -> str:
        chosen = self._rng.choice(_WORDS, words, p=self._chances)
        return " ".join(f"w{number}" for number in chosen)

    def drafts(self, first: int, n: int) -> list[Draft]:
        places = range(first, first + n)
        origins = [Provenance(speaker=("ada", "bob")[at % 2], session=str(at // _SESSION)) for at in places]
        vectors = self._source.vectors(n)
        return [Draft(text=self.text(), vector=v, provenance=o) for v, o in zip(vectors, origins, strict=True)]


class Given:
    """An embedder that gives vectors made before, so that both ways of recall are timed without the model."""

    def __init__(self, inner: Embedder, vectors: Any) -> None:
        self.card = inner.card
        self._vectors = vectors
        self.at = 0

    def embed(self, texts: Any) -> Any:
        """The vector that is due, shape (1, d)."""
        return self._vectors[self.at : self.at + 1]


def bench_hybrid(
    folder: Path, n: int, embedder: Embedder, progress: Progress, *, queries: int, seed: int
) -> dict[str, Any]:
    """p50 and p95 of both, their ratio, build rate and memory of the lexical index at n memories in one namespace."""
    import numpy as np

    talk = Talk(seed)
    given = Given(embedder, np.random.default_rng(seed).standard_normal((queries, DIMENSION)).astype(np.float32))
    with open_memoria(folder / "hybrid.memoria", embedder=given) as memory:
        for first in range(0, n, _BATCH):
            memory.remember_many(talk.drafts(first, min(_BATCH, n - first)))
            progress("fill", min(first + _BATCH, n), n)
        memory.recall("w1", k=1, vector_only=True)
        built = timed(lambda: memory.recall("w1", k=1))
        hybrid, vector = [], []
        for given.at in range(queries):
            asked = talk.text(6)
            vector.append(timed(lambda asked=asked: memory.recall(asked, k=10, vector_only=True)))  # type: ignore[misc]  # bound at once
            hybrid.append(timed(lambda asked=asked: memory.recall(asked, k=10)))  # type: ignore[misc]  # bound at once
            progress("queries", given.at + 1, queries)
        used = _bytes_used(memory.store, min(n, _BATCH))
    p50, p95 = (float(value) for value in np.percentile(hybrid, [50, 95]))
    plain = float(np.median(vector))
    return {
        "n": n,
        "hybrid_p50_ms": p50 * 1e3,
        "hybrid_p95_ms": p95 * 1e3,
        "vector_p50_ms": plain * 1e3,
        "ratio": p50 / plain,
        "build_s": built,
        "build_per_s": n / built,
        "lexical_mb_per_100k": used * 100_000 / 1e6,
    }


def _bytes_used(store: Any, sample: int) -> float:
    """Bytes a memory that an index of `sample` memories takes, counted by tracemalloc."""
    memories = [record.memory for record in store.read(store.select(Where())[:sample])]
    tracemalloc.start()
    index = LexicalIndex()
    for doc, memory in enumerate(memories):
        index.add(doc, memory)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / sample
