"""No policy beats the oracle, and where it claims to be exact, a search through all policies agrees."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from memoria.evaluation.lab import oracle, workloads
from memoria.evaluation.lab.contenders import DEFAULT, contender
from memoria.evaluation.lab.events import NEED, Events, Gathered, Item
from memoria.evaluation.lab.metrics import answered
from memoria.evaluation.lab.oracle import bound
from memoria.evaluation.lab.simulate import simulate


def trace(kinds: list[tuple[str, int]], *, relearns: bool, shared: int = 0, sizes: tuple[int, ...] = ()) -> Events:
    """A trace in which what breaks the rules is left out. shared: needs that in turn belong to one question."""
    gathered = Gathered("drawn", relearns)
    alive: set[int] = set()
    gone: set[int] = set()
    for n, (kind, item) in enumerate(kinds):
        if item in gone:
            continue
        if item not in alive:
            gathered.add(n, "remember", item)
            alive.add(item)
        elif kind == "need":
            gathered.add(n, kind, item, question=n // shared if shared else None, fact=n % 2 if shared else None)
        elif kind in ("use", "erase"):
            gathered.add(n, kind, item)
            gone |= {item} if kind == "erase" else set()
    gathered.known = {str(item): Item(size=sizes[item % len(sizes)]) for item in alive} if sizes else {}
    return gathered.done()


def best(events: Events, capacity: int, costs: np.ndarray, weights: np.ndarray) -> float:
    """The most that any way of letting go can answer, by trying all of them."""
    rows = list(zip(events.kind.tolist(), events.item.tolist(), events.fact.tolist(), strict=True))

    @cache
    def most(n: int, held: frozenset[int], found: frozenset[int]) -> float:
        if n == len(rows):
            return float(sum(weights[fact] for fact in found))
        kind, item, fact = rows[n]
        after, now = set(held), found
        if kind == NEED and item in held:
            now = found | {fact}
        if kind in (0, 3) or (kind == NEED and events.relearns):
            after.add(item)
        if kind == 4:
            after.discard(item)
        kept = (frozenset(some) for k in range(len(after) + 1) for some in combinations(sorted(after), k))
        return max(most(n + 1, some, now) for some in kept if sum(costs[one] for one in some) <= capacity)

    return most(0, frozenset(), frozenset())


steps = st.lists(st.tuples(st.sampled_from(["need", "need", "need", "use", "erase"]), st.integers(0, 3)), max_size=10)


@given(steps, st.integers(1, 3))
def test_farthest_is_the_best_there_is(kinds: list[tuple[str, int]], capacity: int) -> None:
    events = trace(kinds, relearns=True)
    assume(events.needed)
    found = bound(events, capacity)
    assert found.how == "farthest"
    every = np.full(events.needed, 1 / events.needed)
    assert found.hit_rate == pytest.approx(best(events, capacity, np.ones(4), every))


@given(steps, st.integers(1, 3))
def test_where_a_miss_is_final_the_program_is_the_best_there_is(kinds: list[tuple[str, int]], capacity: int) -> None:
    events = trace(kinds, relearns=False)
    assume(events.needed)
    found = bound(events, capacity)
    assert found.how == "program"
    assert found.recall == pytest.approx(best(events, capacity, np.ones(4), events.weights()), abs=1e-7)


@example([("need", 0)] * 6, 1, True, 0, True)  # all room is used, so that a bound any lower is none
@given(steps, st.integers(1, 6), st.booleans(), st.sampled_from([0, 2, 3]), st.booleans())
def test_every_bound_is_one(
    kinds: list[tuple[str, int]], capacity: int, relearns: bool, shared: int, area: bool
) -> None:
    """With items of unlike size and questions that need several facts, each of which several items supply."""
    events = trace(kinds, relearns=relearns, shared=shared, sizes=(1, 3, 2))
    assume(events.needed)
    weights = events.weights()
    found = (
        oracle._area(events, capacity, events.size, weights) if area else bound(events, capacity, events.size).recall
    )
    assert found >= best(events, capacity, events.size, weights) - 1e-7


@given(steps, st.integers(1, 3), st.booleans(), st.sampled_from(DEFAULT), st.booleans())
def test_no_policy_beats_it(
    kinds: list[tuple[str, int]], capacity: int, relearns: bool, name: str, sized: bool
) -> None:
    events = trace(kinds, relearns=relearns, sizes=(1, 3, 2) if sized else ())
    assume(events.needed)
    run = simulate(events, contender(name), capacity, events.size)
    rate = answered(events, run.kept)[: events.needed].mean()
    assert rate <= bound(events, capacity, events.size).hit_rate + 1e-9


@pytest.mark.parametrize("name", workloads.GENERATORS)
@pytest.mark.parametrize("relearns", [True, False])
def test_no_policy_beats_it_on_a_workload(name: str, relearns: bool) -> None:
    events = replace(workloads.generate(name, seed=1, length=300), relearns=relearns)
    capacity = max(events.items // 10, 1)
    most = bound(events, capacity).recall
    assert 0 < most <= 1
    for label in (*DEFAULT, "lru+supersede"):
        run = simulate(events, contender(label), capacity)
        assert answered(events, run.kept)[: events.needed].mean() <= most + 1e-9
