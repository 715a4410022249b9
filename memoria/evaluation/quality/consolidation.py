"""What a night of sleep saves and costs: bytes against evidence recall, by how alike is enough to be gathered."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.retrieval import DEPTH, measured, summed
from memoria.protocols import Embedder, Progress
from memoria.types import Hit

LIKES = (0.9, 0.8, 0.7, 0.65, 0.6, 0.5)
TOKENS = 500
_ALL = 10**6


def curve(
    conversations: Sequence[Conversation], embedder: Embedder, progress: Progress, likes: Sequence[float] = LIKES
) -> list[dict[str, Any]]:
    """A row without sleep, and one for each `like`: memories, bytes as shares of the first, recall by hits and tokens.

    bytes: slots and sealed rows. on_disk: every file, after rebuild. recall@k: share of evidence in the first k hits;
    a gist brings back all that is in it. tokens@10: of these hits. recall@tokens: in as many hits as 500 tokens hold.
    """
    rows: list[dict[str, Any]] = []
    for done, like in enumerate([None, *likes], 1):
        found = [_night(one, embedder, like) for one in conversations if one.asked]
        rows.append(_row(like, found, rows[0] if rows else None))
        progress("nights", done, len(likes) + 1)
    return rows


def _night(one: Conversation, embedder: Embedder, like: float | None) -> dict[str, Any]:
    """One conversation remembered, slept over and asked about."""
    now = one.until + timedelta(days=1)
    with (
        tempfile.TemporaryDirectory(prefix="memoria-eval-") as folder,
        open_memoria(Path(folder) / "a", embedder=embedder, clock=lambda: now, reinforce="never") as memory,
    ):
        place = {made.id: at for at, made in enumerate(memory.namespace("one").remember_many(one.drafts))}
        if like is not None:
            memory.sleep(like=like, cap=_ALL, prune=False, detector=None)
            memory.rebuild()
        questions = [asked.text for asked in one.asked]
        hits = memory.recall_many(questions, k=DEPTH)
        packed = memory.recall_many(questions, k=DEPTH, budget_tokens=TOKENS)
        return {
            "memories": len(memory),
            "bytes": size(memory),
            "on_disk": memory.stats().bytes_on_disk,
            "tokens": [sum(len(hit.memory.text) for hit in some[:10]) / 4 for some in hits],
            "rows": [
                (asked.category, _measured(asked, some, place)) for asked, some in zip(one.asked, hits, strict=True)
            ],
            "packed": [
                _measured(asked, some, place)[f"recall@{DEPTH}"] for asked, some in zip(one.asked, packed, strict=True)
            ],
        }


def size(memory: Memoria) -> int:
    """Bytes of all slots and sealed rows in use."""
    return sum(int(memory.store.holdings(name)[2].sum()) for name in memory.namespaces())


def _measured(asked: Asked, hits: Sequence[Hit], place: dict[str, int]) -> dict[str, float]:
    """A hit brings back its own draft, or all that are in the gist."""
    rank: dict[int, int] = {}
    for at, hit in enumerate(hits):
        for one in hit.memory.parts or (hit.memory,):
            rank.setdefault(place[one.id], at)
    return measured(asked, rank, len(hits))


def _row(like: float | None, found: Sequence[dict[str, Any]], first: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {name: sum(one[name] for one in found) for name in ("memories", "bytes", "on_disk")}
    tokens = [tokens for one in found for tokens in one["tokens"]]
    within = [share for one in found for share in one["packed"]]
    return {
        "like": like,
        **row,
        "bytes_left": row["bytes"] / (first or row)["bytes"],
        "on_disk_left": row["on_disk"] / (first or row)["on_disk"],
        "tokens@10": sum(tokens) / len(tokens),
        "recall@tokens": sum(within) / len(within),
        "quality": summed([row for one in found for row in one["rows"]]),
    }
