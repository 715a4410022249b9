"""A place of a recall holds the same memory whatever k is; equal ones are ordered by id, in every index."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import memoria
from memoria.engine.memory import Memoria
from memoria.ranking import best, products
from memoria.remember import Draft
from memoria.stores.local import index, space
from memoria.testing.embedders import HashEmbedder

_WORDS = ("tea", "sugar", "train", "garden", "code", "vault", "salt", "dawn")


def _filled(path: str, seed: int, n: int) -> Memoria:
    """Memories of a few texts, many of them equal."""
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(_WORDS, k=rng.randint(3, 6))) for _ in range(5)]
    memory = memoria.open(path, embedder=HashEmbedder(48), reinforce="never")
    drafts = [Draft(text=rng.choice(texts), key=str(at), salience=rng.choice((0.2, 0.5, 0.9))) for at in range(n)]
    memory.remember_many(drafts)
    return memory


@pytest.mark.parametrize("large", [False, True], ids=["flat", "rabitq"])
@pytest.mark.parametrize("where", ["memory", "local"])
@pytest.mark.parametrize("seed", range(3))
def test_fewer_hits_are_the_beginning_of_more(
    where: str, large: bool, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        _limit_flat(monkeypatch, 16)
    n = (30, 130, 700)[seed]
    with _filled(":memory:" if where == "memory" else str(tmp_path / "a"), seed, n) as memory:
        for vector_only in (False, True):
            ids = [hit.memory.id for hit in memory.recall("tea vault", k=n, vector_only=vector_only)]
            assert len(ids) == len(set(ids)) == n
            for k in {1, 2, 3, 5, 9, 10, 11, 12, 49, 50, 51, 60, n // 2, n - 1}:
                some = [hit.memory.id for hit in memory.recall("tea vault", k=min(k, n), vector_only=vector_only)]
                assert some == ids[: min(k, n)]


def _limit_flat(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    modules: tuple[ModuleType, ...] = (index, space)
    for module in modules:
        monkeypatch.setattr(module, "FLAT_LIMIT", limit)


@pytest.mark.parametrize("large", [False, True], ids=["flat", "rabitq"])
def test_equal_ones_are_found_by_id_even_beyond_what_an_index_proposes(
    large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index proposes 200; of 900 equal ones it chooses as it likes."""
    if large:
        _limit_flat(monkeypatch, 16)
    with memoria.open(str(tmp_path / "a"), embedder=HashEmbedder(48), reinforce="never") as memory:
        # The last ones written have the lowest ids.
        times = [datetime(2026, 1, 1, tzinfo=UTC) - at * timedelta(hours=1) for at in range(900)]
        drafts = [Draft(text="yes, of course", key=str(at), created_at=time) for at, time in enumerate(times)]
        made = memory.remember_many(drafts)
        for vector_only in (False, True):
            hits = memory.recall("yes, of course", k=7, vector_only=vector_only)
            assert [hit.memory.id for hit in hits] == sorted(one.id for one in made)[:7]


def test_the_score_of_a_row_does_not_depend_on_its_place() -> None:
    rng = np.random.default_rng(0)
    for d in (8, 48, 384):
        row, vector = rng.standard_normal((2, d)).astype(np.float32)
        for n in (1, 2, 3, 5, 7, 61, 200):
            assert len(np.unique(products(np.tile(row, (n, 1)), vector))) == 1


def test_best_is_a_beginning_of_one_order() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, 50).astype(np.float32)
    ids = rng.permutation(50)
    expected = sorted(range(50), key=lambda at: (-scores[at], ids[at]))
    for k in range(1, 60):
        assert best(scores, k, ids.__getitem__).tolist() == expected[:k]


@pytest.mark.parametrize("kind", ["ids", "numbers"])
@pytest.mark.parametrize("values", [1, 2, 500])
def test_many_ties_are_ordered_as_few_are(kind: str, values: int) -> None:
    """Those that come too late by id are left out of what is sorted; also where ids begin alike."""
    rng = np.random.default_rng(values)
    scores = rng.integers(0, values, 2000).astype(np.float32)
    some = np.frombuffer(rng.integers(0, 2, 16 * 2000, np.uint8).tobytes(), "S16")
    ids = some if kind == "ids" else rng.permutation(2000)
    whole = np.lexsort((ids, -scores)).tolist()
    for k in (0, 1, 2, 63, 100, 700, 1999, 2000):
        assert ids[best(scores, k, ids.__getitem__)].tolist() == ids[whole[:k]].tolist()
