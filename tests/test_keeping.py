"""Recall reinforces; fade archives what is due; pins and holds stand; budgets hold. Both stores."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memoria
from memoria import Budget, Memoria
from memoria.policies import Exponential, Interference, PowerLaw
from memoria.testing import HashEmbedder
from memoria.types import Record, Trace

EMBEDDER = HashEmbedder(64)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Clock:
    """Time that only the test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "a.memoria")


@pytest.fixture
def memory(place: str, clock: Clock) -> Iterator[Memoria]:
    with memoria.open(place, embedder=EMBEDDER, clock=clock) as memory:
        yield memory
        assert memory.doctor() == []


def test_recall_reinforces_what_it_returns(memory: Memoria, clock: Clock) -> None:
    one = memory.remember("tea without sugar")
    other = memory.remember("a train to Oslo")
    clock.now += 10 * DAY
    memory.recall("tea without sugar", k=1)
    assert memory.trace(one.id).retrievals == 1
    assert memory.trace(one.id).stability > 7
    assert memory.trace(one.id).last_retrieved == clock.now
    assert memory.trace(other.id).retrievals == 0
    assert [(line.id, line.found) for line in memory.store.recalls(())] == [(one.id, True)]


def test_only_what_is_used_when_the_caller_says_so(memory: Memoria, clock: Clock) -> None:
    made = memory.remember_many(["green tea", "black tea"])
    view = memory.reinforcing("used")
    hits = view.recall("tea", k=2)
    hits[0].used()
    assert memory.trace(hits[0].memory.id).retrievals == 1
    assert memory.trace(hits[1].memory.id).retrievals == 0
    for hit in memory.reinforcing("never").recall("tea", k=2):
        hit.used()
    assert sum(memory.trace(one.id).retrievals for one in made) == 1
    memory.reinforce(made[0].id, recalled=False)
    assert memory.trace(made[0].id).lapses == 1
    with pytest.raises(memoria.InvalidQuery, match="sometimes"):
        memory.reinforcing("sometimes")  # type: ignore[arg-type]  # the bad value is the point


def test_a_reader_recalls_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as writer:
        one = writer.remember("tea")
        with memoria.open(path, mode="r", embedder=EMBEDDER) as reader:
            for hit in reader.recall("tea"):
                hit.used()
            assert reader.trace(one.id).retrievals == 0


def test_what_waited_is_there_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        one = memory.remember("tea")
        for _ in range(3):
            memory.namespace().recall("tea")
    with memoria.open(path, embedder=EMBEDDER) as memory:
        assert memory.trace(one.id).retrievals == 3


def test_forgetting_waits_for_no_uses_and_drops_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        one, other = memory.remember("green tea"), memory.remember("black tea")
        assert len(memory.recall("tea", k=2)) == 2
        memory.forget(one.id)
        assert memory.store.recalls(()) == []
        memory.store.write([Record(memory=one, trace=Trace.of(one), vector=EMBEDDER.embed([one.text])[0])])
    with memoria.open(path, embedder=EMBEDDER) as memory:
        assert [line.id for line in memory.store.recalls(())] == [other.id]
        assert (memory.trace(one.id).retrievals, memory.trace(other.id).retrievals) == (0, 1)


def test_uses_are_written_before_what_they_are_of_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER) as memory:
        source = memory.remember("green tea")
        memory.remember("Ada likes green tea.", provenance=memoria.Provenance(derived_from=(source.id,)))
        other = memory.remember("black tea")
        memory.recall("tea", k=3)
        memory.forget(source.id)
        assert [line.id for line in memory.store.recalls(())] == [other.id]


def test_fade_archives_what_is_due_and_restore_brings_it_back(memory: Memoria, clock: Clock) -> None:
    old = memory.remember("old tea")
    clock.now += 100 * DAY
    new = memory.remember("new tea")
    clock.now += 60 * DAY
    assert memory.fade(dry_run=True) == (old.id,)
    assert memory.fade() == (old.id,)
    assert memory.fade() == ()
    assert [hit.memory for hit in memory.recall("tea")] == [new]
    assert {hit.memory.id for hit in memory.recall("tea", include=["archived"])} == {old.id, new.id}
    assert memory.get(old.id) == old
    memory.restore(old.id)
    assert memory.fade() == ()
    assert {hit.memory.id for hit in memory.recall("tea")} == {old.id, new.id}
    memory.archive(new.id)
    assert [hit.memory for hit in memory.recall("tea")] == [old]
    with pytest.raises(memoria.InvalidQuery, match="forgotten"):
        memory.recall("tea", include=["forgotten"])  # type: ignore[list-item]  # a wrong one is the point


def test_another_policy_gets_its_own_due_times(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.memoria"
    with memoria.open(path, embedder=EMBEDDER, clock=clock) as memory:
        one = memory.remember("tea")
    clock.now += 30 * DAY
    quick = PowerLaw(stability=0.1, psi=1.0)
    with memoria.open(path, embedder=EMBEDDER, clock=clock, policy=quick) as memory:
        later = memory.remember("later")
    with memoria.open(path, embedder=EMBEDDER, clock=clock) as memory:
        assert memory.fade() == ()
        assert memory.fade(START + 200 * DAY, dry_run=True) == (later.id, one.id)
    with memoria.open(path, embedder=EMBEDDER, clock=clock, policy=Exponential(stability=0.01)) as memory:
        third = memory.remember("third")
        assert memory.fade(START + 31 * DAY, dry_run=True) == (third.id,)


def test_pins_never_fade_and_holds_stand_against_everything(memory: Memoria, clock: Clock) -> None:
    made = memory.remember_many([f"rule {n}" for n in range(4)])
    pinned, held, faded, _ = (one.id for one in made)
    memory.pin(pinned)
    memory.hold(held, reason="case 7")
    clock.now += 3650 * DAY
    assert set(memory.fade()) == {one.id for one in made[2:]}
    with pytest.raises(memoria.Held, match=held):
        memory.forget(held)
    with pytest.raises(memoria.Held):
        memory.forget(namespace=())
    with pytest.raises(memoria.Held):
        memory.amend(held, text="changed")
    with pytest.raises(memoria.InvalidQuery, match="reason"):
        memory.forget(held, override="")
    assert set(memory.prune(below=0.05, dry_run=True).ids) == {one.id for one in made[2:]}
    assert set(memory.prune(budget=Budget(count=0)).ids) == {one.id for one in made[2:]}
    with pytest.raises(memoria.MemoryNotFound):
        memory.get(faded)
    assert len(memory) == 2
    memory.unpin(pinned)
    assert memory.fade() == (pinned,)
    assert memory.forget(held, override="the court says so").forgotten == (held,)
    assert [(entry.action, entry.ids, entry.reason) for entry in memory.ledger()] == [
        ("hold", (held,), "case 7"),
        ("forget", (held,), "the court says so"),
    ]


def test_releasing_ends_a_hold(memory: Memoria) -> None:
    one = memory.remember("x")
    memory.hold(one.id, reason="case 7")
    memory.release(one.id, reason="settled")
    assert memory.forget(one.id).forgotten == (one.id,)


def test_a_reason_is_sealed(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER) as memory:
        one = memory.remember("x")
        memory.hold(one.id, reason="an unmistakable reason")
        assert memory.scan("an unmistakable reason").found == ()


def test_prune_is_capped_and_takes_the_least_needed(memory: Memoria, clock: Clock) -> None:
    ids = []
    for n in range(10):
        clock.now = START + n * DAY
        ids.append(memory.remember(f"fact {n}").id)
    clock.now = START + 365 * DAY
    memory.fade()
    report = memory.prune(below=1.0, cap=4)
    assert report.ids == tuple(ids[:4])
    assert report.capped
    assert list(report.retrievability) == sorted(report.retrievability)
    with pytest.raises(memoria.InvalidQuery, match="cap 0"):
        memory.prune(below=1.0, cap=0)


def test_budgets_by_count_and_bytes(memory: Memoria, clock: Clock) -> None:
    ids = {}
    for name in "ab":
        for n in range(6):
            clock.now = START + n * DAY
            ids[name, n] = memory.namespace(name).remember(f"fact {n} of {name}", salience=0.5).id
    memory.pin(ids["a", 0])
    assert set(memory.evict(Budget(count=2))) == {ids["a", n] for n in range(1, 5)} | {ids["b", n] for n in range(4)}
    assert len(memory.recall("fact", k=20)) == 4
    _, _, sizes = memory.store.holdings(("b",))
    memory.namespace("b").prune(budget=Budget(bytes=int(sizes.sum()) - 1))
    assert len(memory.namespace("b")) == 5
    for wrong in (Budget(), Budget(count=-1)):
        with pytest.raises(memoria.InvalidQuery, match=r"budget|negative"):
            memory.evict(wrong)


def test_later_rivals_weaken(place: str, clock: Clock) -> None:
    policy = Interference(similar=0.5, weight=1.0)
    with memoria.open(place, embedder=EMBEDDER, clock=clock, policy=policy) as memory:
        first = memory.remember("the key is under the mat")
        memory.remember("quite another matter altogether")
        assert memory.trace(first.id).interference == 0
        memory.remember("the key is under the pot")
        assert memory.trace(first.id).interference > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_no_pinned_or_held_memory_is_lost_in_a_year(place: str, clock: Clock, seed: int) -> None:
    """Recall, fading, pruning, budgets and forgetting at random; what is protected outlives all of it."""
    rng = random.Random(seed)
    safe: set[str] = set()
    with memoria.open(place, embedder=EMBEDDER, clock=clock, policy=Exponential(stability=1.0)) as memory:
        for day in range(365):
            clock.now = START + day * DAY
            view = memory.namespace("site", rng.choice("abc"))
            made = view.remember_many([f"word{rng.randrange(50)} word{rng.randrange(50)}" for _ in range(3)])
            if day % 20 == 0:
                (memory.pin if rng.random() < 0.5 else lambda id: memory.hold(id, reason="safety"))(made[0].id)
                safe.add(made[0].id)
            acts: list[Any] = [
                lambda: memory.recall(f"word{rng.randrange(50)}", k=5),
                lambda: memory.fade(),
                lambda: memory.prune(below=1.0),
                lambda: memory.prune(budget=Budget(count=rng.randrange(30))),
                lambda: memory.evict(Budget(count=rng.randrange(30), bytes=rng.randrange(20_000))),
            ]
            rng.choice(acts)()
        assert len(memory) < 3 * 365 / 2
        assert {id for id in safe if memory.get(id)} == safe
        found = memory.store.select(memoria.Where(archived=False))
        assert safe <= set(found)
