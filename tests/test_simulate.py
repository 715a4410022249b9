"""The replay is what independent cache simulators say it is, and its figures are what they claim to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.evaluation.lab import simulate as simulating
from memoria.evaluation.lab.contenders import contender
from memoria.evaluation.lab.events import NEED, Events, Gathered, Item
from memoria.evaluation.lab.metrics import measure
from memoria.evaluation.lab.simulate import simulate
from memoria.policies import registry
from memoria.policies.model import Model
from memoria.traces import moment

HOUR = 3_600_000_000


def requests(wanted: Sequence[int]) -> Events:
    """A cache's trace: a first request remembers, each later one needs."""
    gathered = Gathered("requests", relearns=True)
    for n, item in enumerate(wanted):
        gathered.add(n * HOUR, "need" if item in wanted[:n] else "remember", item)
    return gathered.done()


def fifo(wanted: Sequence[int], capacity: int) -> list[bool]:
    queue: list[int] = []
    hits = []
    for item in wanted:
        hits.append(item in queue)
        if item not in queue:
            queue = [*queue, item][-capacity:]
    return hits


def lru(wanted: Sequence[int], capacity: int) -> list[bool]:
    """That of the standard library, in C."""
    cached = lru_cache(maxsize=capacity)(lambda item: item)
    hits = []
    for item in wanted:
        before = cached.cache_info().hits
        cached(item)
        hits.append(cached.cache_info().hits > before)
    return hits


def lfu(wanted: Sequence[int], capacity: int) -> list[bool]:
    """Least count first, then who came in first; counts begin anew with each stay."""
    inside: dict[int, list[int]] = {}
    hits = []
    for n, item in enumerate(wanted):
        hits.append(item in inside)
        if item in inside:
            inside[item][0] += 1
            continue
        if len(inside) == capacity:
            del inside[min(inside, key=lambda one: inside[one])]
        inside[item] = [0, n]
    return hits


@pytest.mark.parametrize(("name", "independent"), [("fifo", fifo), ("lru", lru), ("lfu", lfu)])
@pytest.mark.parametrize("at_once", [False, True], ids=["heap", "scores"])
def test_caches_agree_on_a_hundred_random_traces(
    name: str, independent: Callable[[Sequence[int], int], list[bool]], at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every single hit, not only their number; by heap, and by asking the policy for retrievability."""
    if at_once:
        monkeypatch.setattr(simulating, "_ORDERS", {})
    for seed in range(100):
        rng = np.random.default_rng(seed)
        wanted = rng.zipf(1.3, 200).clip(max=40).tolist() if seed % 2 else rng.integers(0, 25, 200).tolist()
        capacity = int(rng.integers(1, 20))
        events = requests(wanted)
        found = simulate(events, contender(name), capacity, at_a_time=0)
        assert found.kept.tolist() == [
            hit and kind == NEED for hit, kind in zip(independent(wanted, capacity), events.kind, strict=True)
        ]


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 6), st.sampled_from(["random", "never", "lfu"]))
def test_a_heap_lets_go_what_scores_would(wanted: list[int], capacity: int, name: str) -> None:
    events = requests(wanted)
    with pytest.MonkeyPatch.context() as patch:
        heap = simulate(events, contender(name), capacity)
        patch.setattr(simulating, "_ORDERS", {})
        assert simulate(events, contender(name), capacity, at_a_time=0).kept.tolist() == heap.kept.tolist()


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.integers(1, 9),
    st.sampled_from([name for name in registry.OURS if name != "protect"]),
)
def test_the_least_retrievable_goes(wanted: list[int], capacity: int, name: str) -> None:
    """Against a replay of its own, by scalars, on the policy's own words."""
    policy = registry.make(name)
    held: dict[int, Any] = {}
    hits = []
    for n, item in enumerate(wanted):
        at = moment(n * HOUR)
        hits.append(item in held)
        if item in held:
            held[item] = policy.reinforce(held[item], at, recalled=True)
            continue
        if len(held) == capacity:
            scores = policy.retrievability(list(held.values()), at)
            del held[min(zip(scores.tolist(), (t.start for t in held.values()), held, strict=True))[2]]
        held[item] = policy.encode(memoria.Memory(id="0" * 32, namespace=(), text="", created_at=at))
    events = requests(wanted)
    assert simulate(events, contender(name), capacity, at_a_time=0).kept[events.kind == NEED].sum() == sum(hits)


def test_figures_of_a_small_trace() -> None:
    gathered = Gathered("small", relearns=False)
    gathered.known = {name: Item(size=100, topic="tea") for name in ("old", "new", "other")} | {"big": Item(size=1000)}
    gathered.add(0, "remember", "old")
    gathered.add(0, "remember", "other")
    gathered.add(HOUR, "update", "new", old="old")
    gathered.add(HOUR, "remember", "big")
    for item in ("new", "old"):
        gathered.add(2 * HOUR, "need" if item == "new" else "avoid", item, question="how much sugar", fact=item)
    gathered.add(2 * HOUR, "need", "other", question="how much sugar", fact="milk")
    gathered.add(3 * HOUR, "need", "other")
    gathered.add(4 * HOUR, "erase", "other")
    events = gathered.done()
    every = measure(events, simulate(events, contender("lru"), np.inf))
    assert every["recall"] == every["hit_rate"] == every["full"] == every["stale"] == 1
    assert every["precision"] == pytest.approx(1 / 3)
    assert every["peak_bytes"] == 1300
    assert every["mean_bytes"] == (200 + 3 * 1300) / 4
    assert every["operations"] == 4 + 3 + 1
    few = measure(events, simulate(events, contender("lru"), 2))
    assert few["recall"] == pytest.approx(0.25)
    assert few["hit_rate"] == pytest.approx(1 / 3)
    assert few["full"] == few["stale"] == 0
    assert few["cost"] == 0.5
    small = measure(events, simulate(events, contender("lru"), 300, events.size))
    assert small["peak_bytes"] == 300
    assert small["recall"] == 1
    assert measure(events, simulate(events, contender("lru+supersede"), np.inf))["stale"] == 0


def test_what_was_superseded_goes_first_where_a_contender_says_so() -> None:
    gathered = Gathered("updates", relearns=False)
    for at, item in enumerate("abc"):
        gathered.add(at * HOUR, "remember", item)
    gathered.add(3 * HOUR, "use", "b")
    gathered.add(4 * HOUR, "update", "d", old="b")
    gathered.add(5 * HOUR, "remember", "e")
    for at, item in enumerate("acde", 6):
        gathered.add(at * HOUR, "need", item, question=item, fact=item)
    events = gathered.done()
    needed = events.kind == NEED
    plain, first = (simulate(events, contender(f"lru{more}"), 4) for more in ("", "+ended-first"))
    assert plain.kept[needed].tolist() == [False, True, True, True]
    assert first.kept[needed].tolist() == [True, True, True, True]
    assert simulate(events, contender("lru+ended-first"), np.inf).evicted == 0
    assert contender("salience:base=fsrs+ended-first").policy == registry.make("salience", base="fsrs")


def test_what_a_search_shows_of_what_is_held() -> None:
    """Distractors that are gone let what is needed rise into the ten best; what was let go is not shown."""
    gathered = Gathered("searched", relearns=False)
    names = [f"distractor {n}" for n in range(10)]
    for name in (*names, "right", "unranked"):
        gathered.add(0, "remember", name)
    for name in ("right", "unranked", names[0], names[9]):
        gathered.add(1, "need", name, question="q", fact=name)
    gathered.rankings = {"q": [*names, "right"]}
    events = gathered.done()
    every, less, few = (simulate(events, contender("fifo"), capacity) for capacity in (12, 11, 2))
    assert every.shown[-4:].tolist() == [False, False, True, True]
    assert less.shown[-4:].tolist() == [True, False, False, True]
    assert few.shown[-4:].tolist() == [True, False, False, False]
    assert [measure(events, one)["found"] for one in (every, less, few)] == [0.5, 0.5, 0.25]
    assert np.isnan(measure(requests([0, 0]), simulate(requests([0, 0]), contender("fifo"), 1))["found"])


def test_a_policy_that_knows_interference_lets_the_outdated_go_first() -> None:
    gathered = Gathered("changed", relearns=False)
    for name in ("a", "b", "c"):
        gathered.add(0, "remember", name)
    gathered.add(1, "update", "d", old="c")
    gathered.add(2, "remember", "e")
    for name in ("a", "b", "d"):
        gathered.add(3, "need", name)
    gathered.add(3, "avoid", "c")
    events = gathered.done()
    assert measure(events, simulate(events, contender("interference"), 4))["stale"] == 0
    assert measure(events, simulate(events, contender("exponential"), 4))["stale"] == 1


def test_what_was_used_since_victims_were_chosen_is_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 0 to 3 held, 4 makes 0 go and all the others victims; 1 is used, so that for 5 the next one, 2, goes."""
    monkeypatch.setattr(simulating, "_FEW", 0)
    events = requests([0, 1, 2, 3, 4, 1, 5, 1, 2])
    found = simulate(events, contender("savings"), 4, at_a_time=1)
    assert found.kept.tolist() == [False] * 5 + [True, False, True, False]
    # Once when 4 came; and for the last, 3 goes, who was chosen then too.
    assert found.scored == 4


@dataclass(frozen=True, kw_only=True)
class Marked(Model):
    """A policy from outside, that knows salience only."""

    def one(self, trace: Any, at: Any) -> float:
        return float(trace.salience)


def test_salience_is_what_a_policy_sees() -> None:
    events = replace(requests([0, 1, 2, 3, 0, 1, 2, 3]), salience=np.array([0.9, 0.8, 0.1, 0.2]), relearns=False)
    found = simulate(events, replace(contender("never"), policy=Marked()), 3)
    assert found.kept[events.kind == NEED].tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("kinds", "rule"),
    [
        ([("need", "a")], "never remembered"),
        ([("remember", "a"), ("remember", "a")], "twice"),
        ([("remember", "a"), ("erase", "a"), ("need", "a")], "was erased"),
        ([("forget", "a")], "not one of"),
        ([("update", "a")], "replaces"),
    ],
)
def test_a_trace_that_breaks_a_rule_is_refused(kinds: list[tuple[str, str]], rule: str) -> None:
    gathered = Gathered("wrong", relearns=False)
    for n, (kind, item) in enumerate(kinds):
        gathered.add(n, kind, item)
    with pytest.raises(memoria.InvalidInput, match=rule):
        gathered.done()
