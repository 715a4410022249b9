"""Places go where they are worth most, and the split follows the task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.evaluation.bench.allocation import compare
from memoria.retention.allocate import Demand, bucket, divide, edge, from_note, to_note
from memoria.testing import HashEmbedder


@given(st.integers(0, 10**9))
def test_a_rank_lies_in_its_bucket(rank: int) -> None:
    assert edge(bucket(rank)) <= rank < edge(bucket(rank) + 1)


@given(st.lists(st.lists(st.integers(0, 200), max_size=40), min_size=1, max_size=5), st.integers(5, 300))
def test_every_place_is_given_once_and_the_curve_is_what_it_says(uses: list[list[int]], total: int) -> None:
    demands = {str(n): Demand() for n in range(len(uses))}
    for n, ranks in enumerate(uses):
        for rank in ranks:
            demands[str(n)].add(rank)
    found = divide(demands, total)
    assert sum(found.places().values()) == total
    assert min(found.places().values()) >= 1
    for share in found.shares:
        assert 0 <= share.hits <= share.uses + 1e-9
    assert from_note(to_note(demands)) == demands


def test_the_steeper_curve_gets_the_places() -> None:
    steep, flat = Demand(), Demand()
    for rank in range(50):
        steep.add(rank, 10.0)
        flat.add(rank, 1.0)
    found = divide({"steep": steep, "flat": flat}, 52)
    assert found.places()["steep"] >= 45
    assert "steep: " in found.explain().splitlines()[1]
    with pytest.raises(memoria.InvalidQuery, match="1 places"):
        divide({"steep": steep, "flat": flat}, 1)


@pytest.mark.parametrize("seed", range(5))
def test_on_shifting_tasks_it_beats_both_splits_and_comes_near_hindsight(seed: int) -> None:
    report = compare(tasks=8, phases=4, length=4000, total=600, epoch=500, seed=seed)
    assert report["to_even"] > 1.02
    assert report["to_proportional"] > 1.05
    assert report["to_hindsight"] > 0.9


def test_a_store_divides_its_budget_by_use() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    now = [start]
    with memoria.open(":memory:", embedder=HashEmbedder(64), clock=lambda: now[0]) as memory:
        texts = {
            name: [memoria.Draft(text=f"{name} {n}", salience=0.5) for n in range(40)] for name in ("busy", "idle")
        }
        ids = {name: [one.id for one in memory.namespace(name).remember_many(some)] for name, some in texts.items()}
        assert memory.allocate(20).places() == {"busy": 10, "idle": 10}
        for round in range(10):
            now[0] = start + round * timedelta(hours=1)
            memory.reinforce(*ids["busy"][:15])
        memory.reinforce(ids["idle"][0])
        found = memory.allocate(20, apply=True)
        assert found.places()["busy"] >= 15
        assert len(memory.namespace("busy").store.select(memoria.Where(archived=False))) == 20
        kept = memory.store.select(memoria.Where(namespace=("busy",), archived=False))
        assert set(kept) >= set(ids["busy"][:15])
        memory.forget(namespace=("busy",))
        assert "busy" not in str(memory.store.note("demand"))
        assert "busy" not in memory.allocate(20).places()
