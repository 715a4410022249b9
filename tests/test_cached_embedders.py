"""What an evaluation has embedded is kept, questions apart where the embedder tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from memoria.arrays import Vectors
from memoria.evaluation.quality import retrieval
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.evaluation.quality.keeping import Cached
from memoria.recall.need import Need
from memoria.remember import Draft
from memoria.testing import HashEmbedder

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Counting(HashEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__(16)
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        return super().embed(texts)


class Asking(Counting):
    """Embeds a question as what it is marked as."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed([f"query: {text}" for text in texts])


TEXTS = ["tea", "milk", *(f"cup {n}" for n in range(300)), "tea"]


def test_no_text_is_embedded_twice_whatever_it_stands_beside(tmp_path: Path) -> None:
    inner = Counting()
    first = Cached(inner, tmp_path / "made").embed(TEXTS)
    assert len(inner.seen) == 302
    again = Cached(inner, tmp_path / "made")
    assert np.array_equal(again.embed(TEXTS[::-1]), first[::-1])
    assert np.array_equal(again.embed_queries(TEXTS), first)
    assert again.embed([]).shape == (0, 16)
    assert len(inner.seen) == 302


def test_questions_are_kept_apart_where_they_are_embedded_in_another_way(tmp_path: Path) -> None:
    cached = Cached(Asking(), tmp_path)
    said, asked = cached.embed(["tea"]), cached.embed_queries(["tea"])
    assert not np.allclose(said, asked)
    assert np.array_equal(asked, Asking().embed_queries(["tea"]))
    assert np.array_equal(cached.embed(["tea"]), said)


def test_the_evaluation_asks_as_recall_does(tmp_path: Path) -> None:
    drafts = tuple(Draft(text=text) for text in ("query: tea", "tea", "milk"))
    one = Conversation(
        name="one", drafts=drafts, asked=(Asked(text="tea", category="c", relevant=(frozenset({0}),)),), until=NOW
    )
    found = retrieval.answers(one, Cached(Asking(), tmp_path), {"need": Need(weights={"similarity": 1.0})})
    assert found["vectors"][0][0] == found["need"][0][0] == 0
    [(columns, right, _)] = retrieval.design(one, Cached(Asking(), tmp_path))
    assert columns["similarity"][right > 0] == pytest.approx([1.0], abs=1e-5)
