"""Why a memory is kept under a budget, or goes: what is said is what then happens."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import memoria
from memoria import Budget
from memoria.cli import app
from memoria.policies import Exponential
from memoria.protocols import Change
from memoria.retention.salience import FEATURES
from memoria.testing import HashEmbedder
from memoria.types import Link
from tests.clocked import Clock

DAY = timedelta(days=1)
EMBEDDER = HashEmbedder(64)


def test_a_memory_goes_at_the_budget_that_is_named_and_stays_at_the_next(clock: Clock) -> None:
    rng = random.Random(0)
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        for n in range(40):
            clock.now += DAY
            memory.remember(f"word{rng.randrange(9)} number {n}", salience=rng.random())
        ids = [one.id for one in memory.list()]
        memory.pin(ids[3])
        memory.expire(ids[30])
        memory.store.revise(Change(links=(Link(parent=ids[20], child=ids[21], relation="doubts", weight=2.0),)))
        memory.archive(ids[5])
        for id in ids:
            found = memory.explain_retention(id)
            if found.place is None:
                assert id in (ids[3],)
                assert found.least is None
                assert "never goes: it is pinned" in found.summary()
                continue
            stays, archived = found.count - found.place, id == ids[5]
            assert found.count == (40 if archived else 39)
            if not archived:
                assert id in memory.evict(Budget(count=stays), dry_run=True)
                assert id not in memory.evict(Budget(count=stays + 1), dry_run=True)
            assert id in memory.prune(budget=Budget(count=0), dry_run=True).ids
        assert memory.explain_retention(ids[30]).place == 1
        assert memory.explain_retention(ids[30]).state == "ended"
        doubted, doubter = memory.explain_retention(ids[20]), memory.explain_retention(ids[21])
        assert (doubted.place, doubted.state) == (2, "doubtful")
        assert [(one.id, one.relation, one.weight) for one in doubted.reasons] == [(ids[21], "doubts", 2.0)]
        assert f"doubted by {ids[21]}, log-odds 2.0" in doubted.summary()
        assert doubter.waits_for == (ids[20],)
        assert f"goes only after what it ended or makes doubtful: {ids[20]}" in doubter.summary()


def test_what_waits_for_what_stays_does_not_go(clock: Clock) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        old = memory.remember("Ada lives in Oslo.")
        clock.now += DAY
        new = memory.supersede(old.id, "Ada lives in Lund.")
        memory.hold(old.id, reason="law")
        found = memory.explain_retention(new)
        assert (found.place, found.least) == (None, None)
        assert "what it ended or makes doubtful stays" in found.summary()
        assert [one.relation for one in memory.explain_retention(old).reasons] == ["supersedes"]


def test_a_salience_is_told_with_what_it_was_judged_from(clock: Clock) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        plain = memory.remember("Well, you know how it is.")
        told = memory.remember("I was born in Lisbon on 4 May 1990, and we moved to Porto, in the north, in 2001.")
        given = memory.remember("The sky was grey.", salience=0.5)
        found = memory.explain_retention(told)
        assert found.judged
        assert found.salience > memory.explain_retention(plain).salience
        assert {one.name for one in found.features} <= set(FEATURES)
        assert [abs(one.adds) for one in found.features] == sorted([abs(one.adds) for one in found.features])[::-1]
        assert all(word not in found.summary() for word in ("Lisbon", "Porto", "born"))
        other = memory.explain_retention(given)
        assert (other.judged, other.features) == (False, ())
        assert "salience 0.50, given and not judged from the text" in other.summary()


def test_worth_is_by_the_policy_that_budgets_keep_by(clock: Clock) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        one = memory.remember("tea", salience=0.9)
        clock.now += 7 * DAY
        found = memory.explain_retention(one)
        assert found.retrievability == pytest.approx(0.9)
        assert found.worth == pytest.approx((0.9 + 0.5 * 0.9) / 1.5)
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock, policy=Exponential()) as memory:
        one = memory.remember("tea", salience=0.2)
        clock.now += 7 * DAY
        assert memory.explain_retention(one).worth == pytest.approx(0.9)


def test_the_command_line_says_it_too(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        ids = [memory.remember(f"fact {n}", salience=n / 3).id for n in range(3)]
        with pytest.raises(memoria.MemoryNotFound):
            memory.explain_retention("f" * 32)
    said = CliRunner().invoke(app, ["policies", "explain", ids[0], "--store", str(path)])
    assert said.exit_code == 0, said.output
    assert "number 1 of 3 to go; it stays at Budget(count=3), and goes at Budget(count=2)" in " ".join(
        said.output.split()
    )
    told = json.loads(CliRunner().invoke(app, ["policies", "explain", ids[2], "--store", str(path), "--json"]).output)
    assert (told["place"], told["count"], told["state"]) == (3, 3, "holds")
