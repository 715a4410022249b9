"""The order in which budgets let memories go: what has ended first, and a "no longer" never before what it ends."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Budget
from memoria.forget.prune import prune
from memoria.policies import Exponential
from memoria.protocols import Change
from memoria.retention.order import CURRENT, DOUBTFUL, ENDED, Going, Standing, going, least_first, tiers
from memoria.testing import HashEmbedder
from memoria.traces import Traces
from memoria.types import Link, Relation, Trace
from tests.clocked import Clock

START = Clock().now
DAY = timedelta(days=1)
EMBEDDER = HashEmbedder(64)


def link(parent: str, child: str, relation: Relation = "doubts", weight: float | None = 2.0) -> Link:
    return Link(parent=parent, child=child, relation=relation, weight=weight if relation == "doubts" else None)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_the_links_are_nothing_goes_before_what_it_ended(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 9))
    ids = [f"{place:032x}" for place in range(n)]
    some = st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)
    pinned, away, counted = data.draw(some), data.draw(some), data.draw(some)
    scores = np.array(data.draw(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=n, max_size=n)))
    # Ids from outside, and circles, are among the links.
    ends = st.sampled_from([*ids, "f" * 32])
    pairs = data.draw(st.sets(st.tuples(ends, ends), max_size=12))
    known = Standing(
        ended=frozenset(data.draw(st.sets(st.sampled_from(ids)))),
        doubts=dict.fromkeys(data.draw(st.sets(st.sampled_from(ids))), 2.0),
        links=tuple(link(*pair) for pair in sorted(pairs)),
    )
    traces = Traces.of([Trace(last_retrieved=START + place * DAY) for place in range(n)]).replaced(pinned=pinned)
    gone = away & ~counted
    order = [ids[place] for place in least_first(ids, traces, scores, known, counted, away=gone)]
    may = {id for id, one, two in zip(ids, counted, pinned, strict=True) if one and not two}
    assert len(order) == len(set(order))
    assert set(order) <= may
    left = {id for id in ids if id not in may and not gone[ids.index(id)]} | {"f" * 32}
    there = {pair for pair in pairs if not any(gone[ids.index(id)] for id in pair if id in ids)}
    before = {child: {one for one, two in there if two == child and one != two} for _, child in there}
    for place, id in enumerate(order):
        for parent in before.get(id, ()):
            assert parent not in left
            # Of two that wait for each other, in however many steps, one has to be the first.
            assert parent not in order[place + 1 :] or id in above(parent, before)
    held = {id for id in may if left & above(id, before)}
    assert set(order) == may - held
    tier = dict(zip(ids, tiers(ids, known).tolist(), strict=True))
    free = [id for id in order if not before.get(id)]
    own = [(tier[id], scores[ids.index(id)], ids.index(id)) for id in free]
    assert own == sorted(own)
    keys = [one.key for one in going(ids, least_first(ids, traces, scores, known, counted, away=gone), scores, known)]
    assert keys == sorted(keys)


def above(id: str, before: dict[str, set[str]]) -> set[str]:
    """All that a memory waits for, directly or not."""
    found, front = set[str](), [id]
    while front:
        fresh = before.get(front.pop(), set()) - found
        found |= fresh
        front += sorted(fresh)
    return found


def test_what_has_ended_goes_first_then_what_is_doubtful(place: str, clock: Clock) -> None:
    with memoria.open(place, embedder=EMBEDDER, clock=clock, salience="flat") as memory:
        texts = ("old fact", "doubtful", "partly doubtful", "superseded", "ended", "until noon", "doubter")
        made = {}
        for text in texts:
            clock.now += DAY
            end = clock.now + timedelta(hours=3) if text == "until noon" else None
            made[text] = memory.remember(text, valid_to=end, salience=0.5)
        clock.now += DAY
        made["new"] = memory.supersede(made["superseded"], memoria.Draft(text="new", salience=0.5))
        memory.expire(made["ended"].id)
        by = made["doubter"].id
        doubts = [link(made["doubtful"].id, by, weight=1.5), link(made["partly doubtful"].id, by, weight=1.0)]
        memory.store.revise(Change(links=tuple(doubts)))
        names = {one.id: text for text, one in made.items()}
        went = [names[id] for id in memory.evict(Budget(count=0), dry_run=True)]
        assert went == [
            *("superseded", "ended", "until noon", "doubtful"),
            *("old fact", "partly doubtful", "doubter", "new"),
        ]
        assert [names[id] for id in memory.evict(Budget(count=4))] == went[:4]
        assert [names[id] for id in memory.prune(budget=Budget(count=2)).ids] == went[:6]
        # A statement that has ended itself makes nothing doubtful any more.
        flat = [memoria.Draft(text=text, salience=0.5) for text in ("I live in Oslo.", "I live in Lund.")]
        other, new = memory.remember_many(flat)
        memory.store.revise(Change(links=(link(other.id, new.id),)))
        assert memory.evict(Budget(count=3), dry_run=True) == (other.id,)
        memory.expire(new.id)
        assert memory.evict(Budget(count=3), dry_run=True) == (made["doubter"].id,)


@pytest.mark.parametrize("protect", ["pin", "hold"])
@pytest.mark.parametrize("relation", ["supersedes", "doubts"])
def test_where_the_older_one_stays_the_later_one_stays(clock: Clock, protect: str, relation: Relation) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        old, new, other = memory.remember_many(["old", "new", "other"])
        if protect == "pin":
            memory.pin(old)
        else:
            memory.hold(old, reason="law")
        memory.store.revise(Change(links=(link(old.id, new.id, relation),)))
        clock.now += 90 * DAY
        memory.reinforce(other.id)
        assert memory.evict(Budget(count=0), dry_run=True) == (other.id,)
        assert memory.prune(budget=Budget(count=0), dry_run=True).ids == (other.id,)
        assert memory.allocate(1, apply=True).places() == {"": 1}
        assert not memory.trace(new.id).archived
        memory.archive(new.id)
        assert memory.prune(below=1.1).ids == (other.id,)
        assert memory.get(new.id) == new


def test_what_was_used_while_it_was_pruned_keeps_what_ended_it(clock: Clock) -> None:
    """The two halves of a prune, one after the other, and a use in between."""
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock) as memory:
        old, new = memory.remember_many(["old", "new"])
        memory.store.revise(Change(links=(link(old.id, new.id),)))
        clock.now += 9 * DAY
        found = [Going(id=one.id, retrievability=0.9, key=(CURRENT, 0.9)) for one in (old, new)]
        memory.reinforce(old.id)
        memory._traces.flush()
        assert prune(memory._records, found, 9, clock.now).ids == ()
        clock.now += 90 * DAY
        assert prune(memory._records, found, 1, clock.now).ids == (old.id,)
        assert prune(memory._records, found, 1, clock.now).ids == (new.id,)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_has_ended_comes_back_by_a_budget(clock: Clock, seed: int) -> None:
    """Changes, pins, uses and budgets at random: what did not hold does not hold again, and no doubt is lost."""
    rng = random.Random(seed)
    with memoria.open(":memory:", embedder=EMBEDDER, clock=clock, policy=Exponential(stability=2.0)) as memory:
        for day in range(60):
            clock.now = START + day * DAY
            made = memory.remember_many([f"word{rng.randrange(40)} word{rng.randrange(40)}" for _ in range(3)])
            change(memory, rng, made[0])
            ids = memory.store.select(memoria.Where())
            away = {id for id in ids if memory.trace(id).archived}
            links = [one for one in memory.store.links(ids) if (one.weight or 1) > 0]
            ended = {id for id in ids if not memory.get(id).holds(clock.now)}
            budget = Budget(count=rng.randrange(5, 30))
            erased = rng.random() < 0.5
            went = memory.prune(budget=budget).ids if erased else memory.evict(budget)
            gone = set(went) | (set() if erased else away)
            assert not [one for one in links if one.child in went and one.parent not in gone]
            left = [id for id in ids if erased and id not in went]
            assert {id for id in left if id in ended} == {id for id in left if not memory.get(id).holds(clock.now)}
            assert all(before in went for before, after in follows(links, went))


def follows(links: list[Link], went: tuple[str, ...]) -> list[tuple[str, str]]:
    order = {id: place for place, id in enumerate(went)}
    both = [(one.parent, one.child) for one in links if one.parent in order and one.child in order]
    assert all(order[parent] < order[child] for parent, child in both)
    return both


def change(memory: memoria.Memoria, rng: random.Random, new: memoria.Memory) -> None:
    """A random change of a random older memory, by a new one."""
    found = (one.memory for one in memory.store.read(memory.store.select(memoria.Where())) if one is not None)
    older = [one for one in found if one.id != new.id and one.valid_to is None]
    if not older:
        return
    old = rng.choice(older)
    what = rng.randrange(5)
    if what == 0:
        memory.supersede(old.id, f"instead of {old.text}")
    elif what == 1:
        memory.store.revise(Change(links=(link(old.id, new.id),)))
    elif what == 2:
        was = Link(parent=old.id, child=new.id, relation="ends", was=None, judge="tests")
        memory.store.revise(Change(links=(was,), ends={old.id: max(new.created_at, old.created_at + DAY / 24)}))
    elif what == 3:
        memory.pin(old.id)
    else:
        memory.expire(old.id)


def test_tiers_have_names_in_order() -> None:
    assert all(one < two for one, two in pairwise([ENDED, DOUBTFUL, CURRENT]))
