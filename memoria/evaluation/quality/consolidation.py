"""What nights of sleep save and cost: bytes and evidence recall against a memory that never sleeps.

Recall is counted by parts: a hit on a gist finds the part that it returns, and no other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from memoria.engine.change import SleepOptions
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.retrieval import DEPTH, measured, summed
from memoria.protocols import Embedder, Progress
from memoria.recall.context import pack
from memoria.remember import Draft
from memoria.types import Hits

LIKES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
TOKENS = (500, 1000, 2000)
_ALL = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """How a memory sleeps. name: of its row. how: options of each pass; None never sleeps. nightly: after each day."""

    name: str
    how: SleepOptions | None = None
    nightly: bool = False


def regimes(likes: Sequence[float], most: int | None = None) -> list[Regime]:
    """Awake, one night as it comes, once and nightly without settling, and once for each other `like`."""
    alone: SleepOptions = {"cap": _ALL, "detector": None}
    if most is not None:
        alone["most"] = most
    found = [Regime(name="awake"), Regime(name="sleep()", how={})]
    found += [Regime(name="once", how=alone), Regime(name="nightly", how=alone, nightly=True)]
    return [*found, *(Regime(name=f"once, {like:g}", how={**alone, "like": like}) for like in likes)]


def evaluate(
    conversations: Sequence[Conversation], embedder: Embedder, progress: Progress, chosen: Sequence[Regime]
) -> list[dict[str, Any]]:
    """A row for each regime; the first is what the others are compared with.

    bytes: slots and sealed rows. on_disk: every file, after rebuild. erased, archived: turns that are evidence of some
    question and are gone, or out of recall. recall@k: share of evidence in the first k hits. within: share of evidence
    in as many hits as so many tokens hold. tokens@10: of the first ten hits.
    """
    asked = [one for one in conversations if one.asked]
    rows: list[dict[str, Any]] = []
    for done, regime in enumerate(chosen, 1):
        found = [_slept(one, embedder, regime) for one in asked]
        rows.append(_row(regime, found, rows[0] if rows else None))
        progress("regimes", done, len(chosen))
    return rows


def _slept(one: Conversation, embedder: Embedder, regime: Regime) -> dict[str, Any]:
    """One conversation remembered, slept over and asked about."""
    # Times of one conversation are those of its days: what is asked is asked the day after.
    now = one.until + timedelta(days=1)
    with (
        tempfile.TemporaryDirectory(prefix="memoria-eval-") as folder,
        open_memoria(Path(folder) / "a", embedder=embedder, clock=lambda: now, reinforce="never") as memory,
    ):
        place = _lived(memory, one, regime)
        memory.rebuild()
        hits = memory.recall_many([asked.text for asked in one.asked], k=DEPTH)
        there = _standing(memory)
        evidence = {at for asked in one.asked for places in asked.relevant for at in places}
        ids = {at: id for id, at in place.items()}
        return {
            "memories": len(memory),
            "bytes": size(memory),
            "on_disk": memory.stats().bytes_on_disk,
            "erased": sum(ids[at] not in there for at in evidence),
            "archived": sum(there.get(ids[at], False) for at in evidence),
            "tokens": [sum(len(hit.memory.text) for hit in some[:10]) / 4 for some in hits],
            "rows": [
                (asked.category, _measures(asked, some, place)) for asked, some in zip(one.asked, hits, strict=True)
            ],
        }


def _lived(memory: Memoria, one: Conversation, regime: Regime) -> dict[str, int]:
    """Remembers a conversation and sleeps as the regime says; returns the place of each draft by id."""
    view = memory.namespace("one")
    place: dict[str, int] = {}
    for at, drafts in _days(one) if regime.nightly else [(one.until, list(enumerate(one.drafts)))]:
        made = view.remember_many([draft for _, draft in drafts])
        place |= {memory_.id: n for memory_, (n, _) in zip(made, drafts, strict=True)}
        if regime.how is not None:
            how: SleepOptions = {**regime.how, "at": at + timedelta(days=1), "relearn": False}
            memory.sleep(**how)
    return place


def _days(one: Conversation) -> Iterator[tuple[datetime, list[tuple[int, Draft]]]]:
    """The drafts of each day, with their places, and when the last of them was said."""
    said = [(n, draft) for n, draft in enumerate(one.drafts)]
    for _, some in groupby(said, key=lambda pair: _at(pair[1], one).date()):
        drafts = list(some)
        yield _at(drafts[-1][1], one), drafts


def _at(draft: Draft, one: Conversation) -> datetime:
    return (draft.created_at or one.until).astimezone(UTC)


def _standing(memory: Memoria) -> dict[str, bool]:
    """For each memory that is there, and each part of a gist, whether it is archived."""
    records = [one for one in memory.store.read([one.id for one in memory.list()]) if one is not None]
    return {one.id: record.trace.archived for record in records for one in record.memory.parts or (record.memory,)}


def size(memory: Memoria) -> int:
    """Bytes of all slots and sealed rows in use."""
    return sum(int(memory.store.holdings(name)[2].sum()) for name in memory.namespaces())


def _measures(asked: Asked, hits: Hits, place: Mapping[str, int]) -> dict[str, float]:
    rank = _ranks(hits, place)
    row = measured(asked, rank, DEPTH)
    for tokens in TOKENS:
        row[f"within {tokens}"] = measured(asked, _ranks(pack(hits, tokens), place), DEPTH)[f"recall@{DEPTH}"]
    return row


def _ranks(hits: Hits, place: Mapping[str, int]) -> dict[int, int]:
    """The rank of each draft among hits; what is none of them, such as the text of a settled change, has none."""
    return {place[hit.memory.id]: at for at, hit in enumerate(hits) if hit.memory.id in place}


def _row(regime: Regime, found: Sequence[dict[str, Any]], first: dict[str, Any] | None) -> dict[str, Any]:
    counted = ("memories", "bytes", "on_disk", "erased", "archived")
    row: dict[str, Any] = {name: sum(one[name] for one in found) for name in counted}
    tokens = [tokens for one in found for tokens in one["tokens"]]
    return {
        "regime": regime.name,
        **row,
        "bytes_left": row["bytes"] / (first or row)["bytes"],
        "on_disk_left": row["on_disk"] / (first or row)["on_disk"],
        "tokens@10": sum(tokens) / len(tokens),
        "quality": summed([row for one in found for row in one["rows"]]),
    }
