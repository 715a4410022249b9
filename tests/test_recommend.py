"""Advice from a store's own log: the simplest that surely keeps what was recalled, or to keep everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.evaluation.lab.recommend import Recommendation, recommend
from memoria.policies import FSRS6, Exponential, Salience, registry
from memoria.testing import HashEmbedder

START = datetime(2026, 1, 1, tzinfo=UTC)


def lived(folder: Path, every: int, recalls: int = 180) -> Path:
    """A store with 60 memories, one a day, of which each so many-th is recalled: three recalls a day."""
    path = folder / f"{every}.memoria"
    now = [START]
    rng = np.random.default_rng(0)
    with memoria.open(path, embedder=HashEmbedder(64), clock=lambda: now[0]) as memory:
        made = []
        for n in range(60):
            now[0] += timedelta(hours=1)
            made.append(memory.namespace("app", str(n % 2)).remember(f"note number {n}").id)
            for _ in range(recalls // 60):
                now[0] += timedelta(hours=1)
                memory.reinforce(made[int(rng.integers(n // every + 1)) * every])
    return path


def asked(path: Path, **more: object) -> Recommendation:
    with memoria.open(path, mode="r") as memory:
        return recommend(memory.store, lambda *at: None, **more)  # type: ignore[arg-type]  # options by name


def test_where_few_are_recalled_a_small_budget_is_advised(tmp_path: Path) -> None:
    found = asked(lived(tmp_path, every=20), loss=0.02)
    assert (found.memories, found.recalls) == (60, 180)
    assert [one.budget for one in found.options] == [0.75, 0.5, 0.25, 0.1, 0.05]
    assert found.chosen is not None
    assert found.chosen.budget <= 0.25
    assert found.chosen.recall.low >= 0.98
    assert found.chosen.policy != "fifo"
    assert f"{found.chosen.policy}, with {found.chosen.places} memories" in found.summary()
    for one in found.options:
        assert one.policy in one.everyone
        assert one.policy != "random"
        assert all(mean <= one.oracle + 1e-9 for mean in one.everyone.values())
        best = max(one.everyone, key=lambda label: one.everyone[label])
        assert best in (one.policy, *one.tied, "random")


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.2])
def test_the_simplest_is_not_taken_where_it_loses_much(tmp_path: Path, loss: float) -> None:
    """Among 180 recalls, policies that are 5 points apart cannot be told apart."""
    for one in asked(lived(tmp_path, every=3), loss=loss).options:
        ours = {label: mean for label, mean in one.everyone.items() if label != "random"}
        assert ours[one.policy] >= max(ours.values()) - loss - 1e-12
        simpler = list(ours)[: list(ours).index(one.policy)]
        assert all(ours[label] < max(ours.values()) - loss or label not in one.tied for label in simpler)


def test_where_all_are_recalled_everything_is_to_be_kept(tmp_path: Path) -> None:
    path = lived(tmp_path, every=1)
    found = asked(path)
    assert found.chosen is None
    assert "keep everything" in found.summary()
    assert "180 recalls of 60 memories" in found.summary()


def test_where_only_the_newest_are_recalled_the_simplest_policy_is_taken(tmp_path: Path) -> None:
    """All policies keep the newest, so that none is better, and first in, first out is the simplest."""
    now = [START]
    path = tmp_path / "new.memoria"
    with memoria.open(path, embedder=HashEmbedder(64), clock=lambda: now[0]) as memory:
        for n in range(120):
            now[0] += timedelta(hours=1)
            id = memory.remember(f"note number {n}").id
            now[0] += timedelta(hours=1)
            memory.reinforce(id)
    found = asked(path)
    assert found.chosen is not None
    assert (found.chosen.policy, found.chosen.budget) == ("fifo", 0.05)
    assert "lru" in found.chosen.tied
    assert "no significant difference from" in found.summary()
    assert found.chosen.recall.low == 1


def test_a_policy_that_the_store_took_is_among_them(tmp_path: Path) -> None:
    path = lived(tmp_path, every=20)
    with memoria.open(path) as memory:
        registry.adopt(memory.store, "exponential", registry.make("exponential", stability=3.0))
    assert "adopted" in asked(path).options[0].everyone


def test_too_little_is_not_enough(tmp_path: Path) -> None:
    path = lived(tmp_path, every=20, recalls=60)
    with pytest.raises(memoria.InvalidQuery, match="60 recalls are too few"):
        asked(path)
    with pytest.raises(memoria.InvalidQuery, match=r"budget 2 is not"):
        asked(path, budgets=[2])
    with pytest.raises(memoria.InvalidQuery, match="loss"):
        asked(path, loss=1.0)


def test_on_the_command_line(tmp_path: Path) -> None:
    path = lived(tmp_path, every=20)
    arguments = ["policies", "recommend", "--store", str(path), "--loss", "0.1"]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "From 180 recalls of 60 memories" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [one["budget"] for one in told["options"]] == [0.75, 0.5, 0.25, 0.1, 0.05]
    part = json.loads(CliRunner().invoke(app, [*arguments, "--json", "-n", "app/0"]).stdout)
    assert part["memories"] == 30


def test_what_is_salient_is_recalled_and_salience_is_advised_and_adopted(tmp_path: Path) -> None:
    path, now = tmp_path / "a.memoria", [START]
    rng = np.random.default_rng(1)
    with memoria.open(path, embedder=HashEmbedder(64), clock=lambda: now[0]) as memory:
        made = []
        for n in range(60):
            now[0] += timedelta(hours=1)
            made.append(memory.remember(f"note number {n}", salience=0.9 if n % 6 == 0 else 0.2).id)
        for at in rng.permutation(np.repeat(np.arange(0, 60, 6), 15)):
            now[0] += timedelta(hours=9)
            memory.reinforce(made[int(at)])
    found = asked(path, budgets=[0.2])
    (advice,) = found.options
    assert advice.policy == "salience:recency=0"
    assert advice.everyone["salience:recency=0"] > advice.everyone["fifo"] + 0.05
    command = ["policies", "recommend", "--store", str(path), "--budgets", "0.2", "--adopt", "--json"]
    assert CliRunner().invoke(app, command).exit_code == 0
    with memoria.open(path, mode="r") as memory:
        assert memory._traces.keeper == Salience(recency=0.0)
        assert memory.policy == Exponential()
    with memoria.open(path, mode="r", policy="fsrs") as memory:
        assert memory._traces.keeper == FSRS6()
