"""Checks that two stores with the same memories give the same answers: ids and order, except ties of fp16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.evaluation.bench.latency import DIMENSION, Synthetic
from memoria.protocols import Progress, Store
from memoria.testing.embedders import HashEmbedder
from memoria.types import Where

if TYPE_CHECKING:
    from memoria.arrays import Scores


EMBEDDER = HashEmbedder(DIMENSION)
# Stored vectors have 11 bits: a unit in the last place of a cosine near 1.
TIE = 2.0**-11
_BATCH = 1024
_AT = datetime(2026, 1, 1, tzinfo=UTC)
Answer = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many answers had the same ids and order, differed only in ties, or differed otherwise."""

    same: int
    tied: int
    apart: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[Answer, Answer]]) -> Agreement:
        """How these pairs of answers agree."""
        same = [[id for id, _ in one] == [id for id, _ in other] for one, other in pairs]
        tied = [not equal and tie(*pair) for equal, pair in zip(same, pairs, strict=True)]
        return cls(same=sum(same), tied=sum(tied), apart=len(pairs) - sum(same) - sum(tied))


def tie(one: Answer, other: Answer) -> bool:
    """Whether two answers differ only where scores are equal except for rounding, at the end of the list too."""
    if len(one) != len(other):
        return False
    if any(abs(mine - theirs) > TIE for (_, mine), (_, theirs) in zip(one, other, strict=True)):
        return False
    return _excused(one, other) and _excused(other, one)


def _excused(one: Answer, other: Answer) -> bool:
    """Whether each id of one has the same score in the other, or a score so near the last that it may be cut off."""
    scores = dict(other)
    last = other[-1][1] if other else 0.0
    return all(abs(scores.get(id, last) - score) <= TIE for id, score in one)


def compare(
    first: Store, second: Store, n: int, queries: int, k: int, progress: Progress, *, seed: int
) -> dict[str, Any]:
    """Fills both stores, which are empty, with the same n memories, and asks both for `queries` vectors and texts."""
    import numpy as np

    source = Synthetic(seed)
    one, other = (Memoria(store, EMBEDDER, reinforce="never", clock=lambda: _AT) for store in (first, second))
    for at in range(0, n, _BATCH):
        drafts = source.drafts(min(_BATCH, n - at))
        ids = [memory.id for memory in one.namespace("app", "ab"[at // _BATCH % 2]).remember_many(drafts)]
        second.write([record for record in first.read(ids) if record is not None])
        progress("fill", min(at + _BATCH, n), n)
    asked = source.vectors(queries)
    unit = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    nearest = [(_search(first, vector, k), _search(second, vector, k)) for vector in unit]
    texts = [f"order {7 * at} of person {at % 997} on day {at % 365}" for at in range(queries)]
    recalled = []
    for at, text in enumerate(texts):
        recalled.append((_recall(one, text, k), _recall(other, text, k)))
        progress("ask", at + 1, queries)
    return {
        "n": n,
        "queries": queries,
        "k": k,
        "vectors": asdict(Agreement.of(nearest)),
        "texts": asdict(Agreement.of(recalled)),
    }


def _search(store: Store, vector: Scores, k: int) -> Answer:
    return [(memory.id, score) for memory, score in store.search(vector, Where(archived=False), k)]


def _recall(memory: Memoria, text: str, k: int) -> Answer:
    return [(hit.memory.id, hit.score) for hit in memory.recall(text, k=k)]
