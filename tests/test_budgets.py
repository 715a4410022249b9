"""Budgets of bytes and tokens, dividing them, and shortening: what is asked for is kept, and nothing else changes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Budget, Memoria
from memoria.english.shorter import shorter
from memoria.forget.residue import scan
from memoria.recall.context import costs, estimate_tokens, line
from memoria.retention.allocate import Demand, Weights, divide
from memoria.testing import HashEmbedder
from memoria.types import Provenance
from tests.clocked import Clock

EMBEDDER = HashEmbedder(64)
DAY = timedelta(days=1)
LONG = "Hi Ann, great to see you! I moved to Oslo on 3 May 2024. So cool, right? What about you?"
SHORT = "Hi Ann, great to see you! I moved to Oslo on 3 May 2024."
FILLERS = ("Wow, so cool!", "That is great.", "Really?", "What do you think about it?", "Oh well.", "Ha ha.")
TOLD = (
    "I moved to Oslo on 3 May 2024.",
    "My cat Tom is 3 years old.",
    "I never eat nuts, for I am allergic to them.",
    "We meet Dr. Lee on Friday.",
    "I paid 1,200 euros, which was too much, you know.",
)


@pytest.fixture
def memory(place: str, clock: Clock) -> Iterator[Memoria]:
    with memoria.open(place, embedder=EMBEDDER, clock=clock, reinforce="never", judge=None) as memory:
        yield memory
        assert memory.doctor() == []


def filled(memory: Memoria, clock: Clock, seed: int) -> list[str]:
    """Memories of several kinds in two namespaces: some are pinned, held, archived, in gists, or linked."""
    rng = random.Random(seed)
    ids = []
    for name in ("a", "b"):
        view = memory.namespace(name)
        for n in range(10):
            clock.now += DAY
            said = [*rng.sample(TOLD, rng.randint(1, 2)), *rng.sample(FILLERS, rng.randint(0, 3)), f"Number {n}."]
            rng.shuffle(said)
            kind: Any = rng.choice(["episodic", "episodic", "procedural"])
            key = f"k{n}" if rng.random() < 0.1 else None
            ids.append(view.remember(" ".join(said), kind=kind, key=key, salience=rng.random()).id)
        mine = ids[-10:]
        view.pin(mine[0])
        view.hold(mine[1], reason="law")
        view.archive(mine[2])
        view.remember("Ann and Tom met.", provenance=Provenance(derived_from=(mine[3],)))
        view.supersede(mine[4], "Nothing of that is so. What now? So cool.")
        plain = [id for id in mine[5:] if memory.get(id).key is None and memory.get(id).kind == "episodic"]
        if len(plain) > 1:
            view.consolidate(*plain[:2])
    return ids


def state(memory: Memoria) -> dict[str, tuple[str, Any]]:
    """By id, the text and the trace of what is stored, parts of gists too."""
    records = memory.store.read(memory.store.select(memoria.Where()))
    found = {}
    for record in records:
        assert record is not None
        for one in (record.memory, *record.memory.parts):
            found[one.id] = (one.text, record.trace)
    return found


def taken(memory: Memoria, name: str, unit: str, *, archived: bool) -> int:
    ids, traces, sizes = memory.store.holdings((name,))
    column = {"count": sizes * 0 + 1, "bytes": sizes, "tokens": costs(memory.store, ids)}[unit]
    return int(column[~traces.archived | archived].sum())


@pytest.mark.parametrize(("unit", "seed"), [("count", 0), ("bytes", 1), ("tokens", 2)])
def test_a_budget_is_kept_and_what_is_protected_stays(memory: Memoria, clock: Clock, unit: str, seed: int) -> None:
    filled(memory, clock, seed)
    before = state(memory)
    limits = {name: taken(memory, name, unit, archived=False) for name in "ab"}
    budget = Budget(**{unit: int(0.6 * max(limits.values()))})
    most = getattr(budget, unit)
    planned = memory.evict(budget, dry_run=True)
    assert state(memory) == before
    assert memory.evict(budget) == planned != ()
    for name in "ab":
        assert taken(memory, name, unit, archived=False) <= most
    protected = {id for id, (_, trace) in before.items() if trace.protected}
    assert protected.isdisjoint(planned)
    # No more than is needed: without the last one of each namespace the budget would not be kept.
    for name in "ab":
        mine = [id for id in planned if memory.get(id).namespace == (name,)]
        if mine:
            memory.restore(mine[-1])
            assert taken(memory, name, unit, archived=False) > most
            memory.archive(mine[-1])
    gone = memory.prune(budget=budget)
    for name in "ab":
        assert taken(memory, name, unit, archived=True) <= most
    assert protected <= state(memory).keys()
    assert protected.isdisjoint((*gone.ids, *gone.derived))


def test_tokens_are_those_that_recall_counts(memory: Memoria) -> None:
    made = memory.remember_many(["tea\nand milk", "I like tea.", "Tea is what I like, at 7."])
    memory.consolidate(made[1], made[2])
    (ids, _, _) = memory.store.holdings(())
    hits = memory.recall("tea", k=9)
    assert len(hits) == 3
    assert int(costs(memory.store, ids).sum()) == sum(estimate_tokens(line(hit) + "\n") for hit in hits)
    assert len(memory.recall("tea", k=9, budget_tokens=int(costs(memory.store, ids).sum()))) == 3
    assert costs(memory.store, ["0" * 32]).tolist() == [0]
    assert memory.evict(Budget(tokens=3), dry_run=True, count_tokens=lambda text: 1) == ()
    assert len(memory.evict(Budget(tokens=1), dry_run=True, count_tokens=lambda text: 1)) > 0


@pytest.mark.parametrize("by", ["bytes", "tokens"])
def test_a_budget_of_bytes_or_tokens_is_divided_and_applied(memory: Memoria, clock: Clock, by: Any) -> None:
    for name, text in (("long", LONG * 3), ("short", "A cat.")):
        for n in range(6):
            memory.namespace(name).remember(f"{text} {n}")
    whole = {name: taken(memory.namespace(), name, by, archived=False) for name in ("long", "short")}
    total = sum(whole.values()) // 2
    memory.allocate(total, by=by)
    found = memory.allocate(total, by=by, apply=True)
    assert sum(found.places().values()) == total
    assert found.by == by
    assert by in found.explain().splitlines()[0]
    for name, places in found.places().items():
        assert taken(memory, name, by, archived=False) <= places
    with pytest.raises(memoria.InvalidQuery, match=f"10 {by} are not 1 for each"):
        memory.allocate(10, by=by)
    with pytest.raises(memoria.InvalidQuery, match="mice"):
        memory.allocate(10, by="mice")  # type: ignore[arg-type]  # the bad value is the point


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=30), min_size=1, max_size=4),
    st.lists(st.integers(1, 40), min_size=1, max_size=30),
    st.integers(200, 3000),
)
@settings(deadline=None)
def test_every_token_is_given_once(uses: list[list[int]], sizes: list[int], total: int) -> None:
    demands = {str(n): Demand() for n in range(len(uses))}
    for n, ranks in enumerate(uses):
        for rank in ranks:
            demands[str(n)].add(rank)
    weights = {str(n): Weights.of(sizes[n:] or [1]) for n in range(len(uses))}
    found = divide(demands, total, by="tokens", weights=weights)
    assert sum(found.places().values()) == total
    for share in found.shares:
        taken = weights[share.name]
        assert share.places >= taken.of_first(1)
        assert taken.of_first(share.memories) <= share.places
        assert taken.within(taken.of_first(share.memories)) == share.memories
    each = divide(demands, total, weights={name: Weights.of([1] * 50) for name in demands})
    assert each.shares == divide(demands, total).shares


@pytest.mark.parametrize("seed", [0, 1])
def test_shortening_takes_only_words_away(memory: Memoria, clock: Clock, seed: int) -> None:
    filled(memory, clock, seed)
    before, archived = state(memory), seed == 1
    tokens = int(0.8 * taken(memory, "a", "tokens", archived=archived))
    budget = Budget(tokens=tokens)
    planned = memory.shorten(budget, archived=archived, dry_run=True)
    assert state(memory) == before
    done = memory.shorten(budget, archived=archived)
    after = state(memory)
    assert done == memoria.Shortening(**{**{name: getattr(planned, name) for name in FIELDS}, "dry_run": False})
    assert after.keys() == before.keys()
    inside = {part.id: id for id in done.ids for part in memory.get(id).parts}
    for id, (text, trace) in before.items():
        assert after[id][1] == trace
        if id in done.ids or id in inside:
            assert is_extract(after[id][0], text)
        else:
            assert after[id][0] == text
    assert done.ids
    assert all(two < one for one, two in zip(done.before, done.after, strict=True))
    for id in done.ids:
        one = memory.get(id)
        assert (one.key, one.kind == "procedural", after[id][1].protected) == (None, False, False)
        assert archived or not after[id][1].archived
    for name in "ab":
        if not any(memory.get(id).namespace == (name,) for id in done.beyond):
            assert taken(memory, name, "tokens", archived=archived) <= tokens
    rest = memory.prune(budget=budget).ids if archived else memory.evict(budget)
    assert set(rest) == set(done.beyond)
    assert sum(line.count for line in memory.ledger_lines() if line.action == "shorten") == len(done.ids)


FIELDS = ("ids", "before", "after", "beyond", "shards", "capped")


def is_extract(short: str, text: str) -> bool:
    """Whether each run of words between two marks stands in the text, in order and without overlap."""
    at = 0
    for piece in re.split(r"\s*(?:\u2026|\n)\s*", short):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def test_what_is_left_out_is_erased(memory: Memoria) -> None:
    one, other = memory.remember(LONG), memory.remember("Tom is here.")
    secrets = memory.store.secrets([one.id])
    done = memory.shorten(Budget(tokens=26))
    assert scan(memory.store.files(), secrets).found == ()
    assert (done.ids, done.before, done.after, done.beyond) == ((one.id,), (len(LONG),), (len(SHORT),), ())
    assert memory.get(one.id).text == SHORT
    assert memory.scan("So cool, right?").found == ()
    (hit,) = memory.recall(SHORT, k=1)
    assert hit.memory.id == one.id
    (record,) = memory.store.read([one.id])
    assert record is not None
    assert record.vector @ EMBEDDER.embed([SHORT])[0] > 0.999
    # Nobody asked to forget it: it may be said again.
    assert memory.remember(LONG).id != one.id
    assert memory.get(other.id).text == "Tom is here."


def test_what_cannot_change_alone_is_left(memory: Memoria) -> None:
    source, keyed, rule = (
        memory.remember(LONG),
        memory.remember(LONG + " Yes.", key="mine"),
        memory.remember(LONG + " No.", kind="procedural"),
    )
    pinned, held = memory.remember(LONG + " One."), memory.remember(LONG + " Two.")
    german = memory.remember("Das ist ja toll! Ich bin nach Oslo gezogen. Und was machst du so den ganzen Tag?")
    memory.remember("Ann was told.", provenance=Provenance(derived_from=(source.id,)))
    memory.pin(pinned)
    memory.hold(held, reason="law")
    assert memory.shorten(Budget(tokens=1)).ids == ()
    for one in (source, keyed, rule, pinned, held, german):
        assert memory.get(one.id) == one
    memory.release(held, reason="over")
    assert memory.shorten(Budget(tokens=1)).ids == (held.id,)


def test_nothing_is_cut_to_a_text_that_was_forgotten(memory: Memoria) -> None:
    one = memory.remember(LONG)
    memory.forget(memory.remember(SHORT).id)
    assert memory.shorten(Budget(tokens=1)).ids == ()
    assert memory.get(one.id) == one


def test_a_gist_loses_detail_of_its_parts_and_no_part(memory: Memoria, clock: Clock) -> None:
    made = memory.remember_many([LONG, "My cat Tom is 3 years old. Is that not great? So great!"])
    gist = memory.consolidate(*made)
    clock.now += DAY
    memory.reinforce(gist.id)
    trace = memory.trace(gist.id)
    done = memory.shorten(Budget(tokens=36))
    assert done.ids == (gist.id,)
    new = memory.get(gist.id)
    assert [part.text for part in new.parts] == [SHORT, "My cat Tom is 3 years old."]
    assert new.text == "\n".join(part.text for part in new.parts)
    assert [part.id for part in new.parts] == [one.id for one in made]
    assert memory.trace(gist.id) == trace
    assert memory.scan("What about you").found == ()
    assert memory.forget(made[0].id).forgotten == (made[0].id,)
    assert memory.get(made[1].id).text == "My cat Tom is 3 years old."


def test_a_text_that_somebody_wrote_for_a_gist_stays(memory: Memoria) -> None:
    made = memory.remember_many([LONG, LONG + " Four."])
    gist = memory.consolidate(*made, write=lambda parts: "Ann and Oslo.")
    assert memory.shorten(Budget(tokens=1)).ids == ()
    assert memory.get(gist.id) == gist


def test_the_cap_and_wrong_budgets(memory: Memoria) -> None:
    memory.remember_many([f"{LONG} {n}" for n in range(4)])
    some = memory.shorten(Budget(tokens=1), cap=3)
    assert (len(some.ids), some.capped) == (3, True)
    for wrong in (Budget(), Budget(count=3), Budget(tokens=-1)):
        with pytest.raises(memoria.InvalidQuery, match=r"bytes|negative"):
            memory.shorten(wrong)
    with pytest.raises(memoria.InvalidQuery, match="cap"):
        memory.shorten(Budget(tokens=1), cap=0)
    with pytest.raises(memoria.InvalidQuery, match=r"tokens 1\.5"):
        memory.evict(Budget(tokens=1.5))  # type: ignore[arg-type]  # as a caller without types


def test_nothing_is_shortened_unless_it_is_asked_for(memory: Memoria) -> None:
    memory.remember_many([f"{LONG} {n}" for n in range(4)])
    before = {id: text for id, (text, _) in state(memory).items()}
    memory.evict(Budget(tokens=30))
    memory.sleep(like=1.0)
    assert {id: text for id, (text, _) in state(memory).items()} == before


@given(st.lists(st.sampled_from([*FILLERS, *TOLD, "He said: no!", "a, b; c", "  ", "\u2026", "Ende gut."]), max_size=9))
@settings(deadline=None)
def test_an_extract_is_of_the_text_and_what_denies_stays(said: list[str]) -> None:
    text = " ".join(said) or "x"
    short = shorter(text, 14)
    assert short == text or 12 * (len(short.encode()) + 14) <= 11 * (len(text.encode()) + 14)
    assert is_extract(short, text) or short == text
    if "never eat nuts" in text:
        assert "I never eat nuts" in short
    # The more is stored beside a text, the less goes.
    assert len(shorter(text, 10_000)) >= len(short)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (LONG, SHORT),
        ("It was cold. I see. We met Eva in Bergen at 7. Really? Do you know her?", None),
        ("I like tea.", "I like tea."),
        (
            "Ich bin nach Oslo gezogen. Und du? Was machst du so?",
            "Ich bin nach Oslo gezogen. Und du? Was machst du so?",
        ),
        ("\u6211\u559c\u6b22\u8336\u3002\u4f60\u5462\uff1f", "\u6211\u559c\u6b22\u8336\u3002\u4f60\u5462\uff1f"),
    ],
)
def test_extracts(text: str, short: str | None) -> None:
    assert shorter(text, 14) == short if short is not None else is_extract(shorter(text, 14), text)


def test_what_is_kept_hangs_on_what_is_kept() -> None:
    text = "Wow, really, you saw it? It was in Oslo, on 3 May, with Eva and Tom, for 200 euros. What else?"
    assert shorter(text, 14).startswith("Wow, really")
