"""Fitting recovers what it should and takes nothing from noise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import memoria
from memoria.policies import FSRS6, Exponential, Never
from memoria.policies.registry import OURS, make
from memoria.retention.fit import Fit, fit, maximum_likelihood, simulate, with_parameters
from memoria.testing import HashEmbedder
from memoria.types import Recalled

START = datetime(2026, 1, 1, tzinfo=UTC)
TRUE = {"stability": 3.0, "growth": 1.5, "loss": 0.7}
# Far enough from the defaults that a few hundred recalls can tell.
FAR = {"stability": 1.0, "growth": 0.8, "loss": 0.9}


def test_known_parameters_are_recovered_by_their_intervals() -> None:
    """Thirty simulated logs: each 95 % interval holds the truth in at least 25 of them (p = .003 to have fewer)."""
    held = dict.fromkeys(TRUE, 0)
    for seed in range(30):
        log = simulate(Exponential(**TRUE), 60, 8, START, np.random.default_rng(seed))
        found, intervals = maximum_likelihood(Exponential(), log)
        for name, true in TRUE.items():
            assert intervals[name][0] <= found[name] <= intervals[name][1]
            held[name] += intervals[name][0] <= true <= intervals[name][1]
    assert min(held.values()) >= 25, held


@pytest.mark.parametrize("seed", range(4))
def test_a_better_fit_is_better_and_noise_is_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    log = simulate(Exponential(**FAR), 200, 8, START, rng)
    assert fit("exponential", Exponential(), log, rng).better
    noise = [
        (memory, tuple(Recalled(id=one.id, at=one.at, found=bool(rng.random() < 0.6)) for one in lines))
        for memory, lines in log
    ]
    report = fit("exponential", Exponential(), noise, rng)
    assert not report.better
    assert "Not better" in report.summary()


def test_the_truth_is_not_beaten_by_its_own_fit() -> None:
    rng = np.random.default_rng(3)
    report = fit("exponential", Exponential(), simulate(Exponential(), 100, 8, START, rng), rng)
    assert not report.better


def test_one_place_of_a_tuple_can_be_fitted() -> None:
    changed = with_parameters(FSRS6(), {"w[2]": 5.0, "w[20]": 0.2})
    assert (changed.w[2], changed.w[20], changed.w[:2]) == (5.0, 0.2, FSRS6().w[:2])
    with pytest.raises(memoria.InvalidQuery, match="no parameters"):
        maximum_likelihood(Never(), [])
    for name in OURS:
        for parameter, (low, high) in getattr(make(name), "fitted", {}).items():
            for value in (low, high):
                assert with_parameters(make(name), {parameter: value})


def test_a_store_learns_from_its_own_log_and_opens_with_what_it_adopted(tmp_path: Path) -> None:
    path, embedder = tmp_path / "a.memoria", HashEmbedder(64)
    rng = np.random.default_rng(0)
    true = Exponential(**FAR)

    def clock() -> datetime:
        return START

    with memoria.open(path, embedder=embedder, clock=clock) as memory:
        with pytest.raises(memoria.InvalidQuery, match="too few"):
            memory.fit()
        made = memory.remember_many([f"fact {n}" for n in range(120)])
        for one in made:
            trace, at = true.encode(one), START
            for _ in range(6):
                at += timedelta(days=float(10 ** rng.uniform(-0.5, 1.9)))
                found = bool(rng.random() < true.retrievability(trace, at))
                trace = true.reinforce(trace, at, recalled=found)
                memory.reinforce(one.id, recalled=found, at=at)
        report: Fit = memory.fit(adopt=True)
        assert report.adopted, report.summary()
    with memoria.open(path, embedder=embedder, clock=clock) as memory:
        assert memory.policy == with_parameters(Exponential(), report.parameters)
        memory.forget(namespace=())
        assert memory.store.recalls(()) == []
