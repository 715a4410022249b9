"""A night: what is alike is gathered, nothing that should stay is touched, and being cut short loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Draft, Memory
from memoria.change.consolidate import from_note
from memoria.change.sleep import JOURNAL
from memoria.evaluation.bench.background import bench_sleep
from memoria.evaluation.quality.consolidation import evaluate, regimes
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.policies import Exponential, PrioritisedReplay
from memoria.testing import HashEmbedder
from memoria.traces import Traces
from memoria.types import Trace
from tests.crash_worker import leaves
from tests.test_evolution import state

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EMBEDDER = HashEmbedder(64)
TALK = [
    "I had coffee with Ann at noon",
    "I had coffee with Ann at nine",
    "The train to Oslo was late",
    "I had coffee with Ann at four",
    "The train to Oslo was late again",
    "Green is a colour",
]


def opened(path: Path | str = ":memory:", **options: Any) -> memoria.Memoria:
    return memoria.open(
        path, embedder=EMBEDDER, clock=lambda: START + 48 * HOUR, reinforce="never", endings="sure", **options
    )


def told(memory: memoria.Memoria, texts: Sequence[str] = TALK, **fields: Any) -> list[str]:
    drafts = [Draft(text=text, created_at=START + n * HOUR, **fields) for n, text in enumerate(texts)]
    return [one.id for one in memory.remember_many(drafts)]


def test_what_is_alike_becomes_a_gist_and_the_rest_stays() -> None:
    with opened() as memory:
        ids = told(memory)
        planned = memory.sleep(dry_run=True)
        assert [members for _, members in planned.gists] == [(ids[0], ids[1], ids[3]), (ids[2], ids[4])]
        assert sorted(leaves(memory)) == sorted(ids)
        assert len(memory) == 6
        night = memory.sleep()
        assert [members for _, members in night.gists] == [members for _, members in planned.gists]
        assert sorted(one.text for one in memory.list()) == [
            "Green is a colour",
            "I had coffee with Ann at noon\nI had coffee with Ann at nine\nI had coffee with Ann at four",
            "The train to Oslo was late\nThe train to Oslo was late again",
        ]
        assert memory.sleep().gists == ()
        more = memory.remember("I had coffee with Ann at six", created_at=START + 9 * HOUR).id
        (grown,) = memory.sleep().gists
        assert grown == (night.gists[0][0], (more,))
        assert len(memory.get(grown[0]).parts) == 4
        found = memory.recall("coffee with Ann at nine", k=1)[0]
        assert found.memory == memory.get(ids[1])
        assert found.home == grown[0]
        seen = list(memory.recall("coffee with Ann", as_of=START + HOUR))
        assert sorted(hit.memory.id for hit in seen) == [ids[0], ids[1]]
        assert all(hit.gist is not None and len(hit.gist.parts) == 2 for hit in seen)


@pytest.mark.parametrize("keep", ["pin", "hold", "archive", "key", "bounds", "derived", "superseding"])
def test_what_is_protected_or_bound_is_left_alone(keep: str) -> None:
    with opened() as memory:
        first, second = told(memory, TALK[:2])
        if keep in {"pin", "archive"}:
            getattr(memory, keep)(first)
        elif keep == "hold":
            memory.hold(first, reason="a case")
        elif keep == "key":
            memory.forget(first, guard="none")
            memory.remember(TALK[0], key="k")
        elif keep == "bounds":
            memory.amend(first, valid_to=START + 1000 * HOUR)
        elif keep == "derived":
            memory.remember("made of it", provenance=memoria.Provenance(derived_from=(first,)))
        else:
            memory.supersede(first, "I had tea with Ann at noon")
        assert memory.sleep(prune=False).gists == ()
        assert len(memory.store.read([second])) == 1


def test_a_denial_is_not_gathered_with_what_it_denies() -> None:
    with opened() as memory:
        told(memory, ["I like green tea a lot", "I do not like green tea a lot", "I like green tea a lot!"])
        (gathered,) = memory.sleep(like=0.3).gists
        assert len(gathered[1]) == 2
        assert sorted(len(one.parts) for one in memory.list()) == [0, 2]


@pytest.mark.parametrize("path", [":memory:", "a.memoria"])
def test_a_pass_that_is_woken_goes_on_in_the_next(tmp_path: Path, path: str) -> None:
    place = path if path == ":memory:" else tmp_path / path
    with opened(place) as memory:
        ids = told(memory)
        writing, met = threading.Event(), []

        def write(parts: Sequence[Memory]) -> str:
            met.append(len(parts))
            writing.wait(60)
            return "a gist"

        sleeper = memory.sleep(background=True, write=write)
        sleeper.wake()
        writing.set()
        night = sleeper.wait(60)
        assert len(night.gists) == len(met) < 2
        assert len(from_note(memory.store.note(JOURNAL))) == 2 - len(met)
        assert sorted(leaves(memory)) == sorted(ids)
        assert len(memory.sleep().gists) == 2 - len(met)
        assert from_note(memory.store.note(JOURNAL)) == []
        assert len(memory) == 3


@pytest.mark.parametrize("act", ["forget", "amend", "pin"])
def test_what_changes_while_a_gist_is_written_stays_out_of_it(act: str) -> None:
    with opened() as memory:
        first, second, third = told(memory, [*TALK[:2], TALK[3]])

        def write(parts: Sequence[Memory]) -> str:
            if act == "forget":
                memory.forget(second)
            elif act == "amend":
                memory.amend(second, text="I had tea")
            else:
                memory.pin(second)
            return "secret words: " + "; ".join(part.text for part in parts)

        assert memory.sleep(write=write).gists == ()
        assert not any("secret" in one.text for one in memory.list())
        assert {first, third} <= set(leaves(memory))


def test_a_written_gist_is_extracted_again_once_it_loses_a_part() -> None:
    with opened() as memory:
        first, *_ = told(memory, [*TALK[:2], TALK[3]])
        memory.sleep(write=lambda parts: f"Coffee with Ann, {len(parts)} times.")
        (gist,) = memory.list()
        assert gist.text == "Coffee with Ann, 3 times."
        receipt = memory.forget(first)
        assert receipt.rewritten == (gist.id,)
        assert memory.get(gist.id).text == f"{TALK[1]}\n{TALK[3]}"


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_after_a_night_forgetting_one_that_leads_nobody_is_never_having_seen_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = [" ".join(rng.choice(["tea", "oslo", "ann", "green", "late", "noon"], 4)) for _ in range(12)]
    x = int(rng.integers(12))
    # What is judged beside others stays as it was judged.
    with opened(salience="alone") as saw, opened(salience="alone") as never:
        drafts = [Draft(text=text, created_at=START + n * HOUR, subject=f"s{n % 2}") for n, text in enumerate(words)]
        ids = [one.id for one in saw.remember_many(drafts)]
        never.remember_many([draft for n, draft in enumerate(drafts) if n != x])
        saw.sleep(most=100, like=0.5)
        if any(one.parts and one.parts[0].id == ids[x] for one in saw.list()):
            return
        saw.forget(ids[x])
        never.sleep(most=100, like=0.5)
        assert state(saw) == state(never)


def test_recall_answers_while_a_thread_sleeps(tmp_path: Path) -> None:
    report = bench_sleep(tmp_path, 1000, EMBEDDER_384, lambda *_: None, queries=50, seed=0)
    assert report["recalls_asleep"] > 0
    assert report["memories_after"] < report["memories_before"] == 1000


EMBEDDER_384 = HashEmbedder(384)


def test_a_pass_replays_no_more_than_its_cap_and_says_so() -> None:
    with opened() as memory:
        told(memory, [*TALK[:2], TALK[3]])
        night = memory.sleep(cap=2)
        assert (night.replayed, night.absorbed, night.capped) == (2, 2, True)
        with pytest.raises(memoria.InvalidQuery, match=r"cap 0 is not at least 1; like 2.0 .*; most 1 is"):
            memory.sleep(cap=0, like=2.0, most=1)


def test_the_cap_leaves_out_the_least_urgent_whichever_came_last() -> None:
    with opened() as memory:
        dull, keen = told(memory, TALK[:1], salience=0.1), told(memory, [TALK[1], TALK[3]], salience=0.9)
        assert dull < keen
        (gathered,) = memory.sleep(cap=2, dry_run=True).gists
        assert sorted(gathered[1]) == sorted(keen)


def test_what_faded_is_archived_and_then_pruned_in_a_sleep_that_is_told_to() -> None:
    with opened(policy=Exponential(stability=0.5)) as memory:
        ids = told(memory, [TALK[0], TALK[2]])
        late = START + 24 * 365 * HOUR
        # The clock alone takes nothing out of reach.
        assert (memory.sleep(at=late).faded, memory.sleep(at=late).pruned) == ((), ())
        assert len(memory.recall("coffee with Ann, or the train")) == 2
        # What it would archive first counts.
        assert sorted(memory.sleep(at=late, prune=True, dry_run=True).pruned) == sorted(ids)
        night = memory.sleep(at=late, fade=True)
        assert (sorted(night.faded), night.pruned) == (sorted(ids), ())
        assert sorted(memory.sleep(at=late, prune=True, dry_run=True).pruned) == sorted(ids)
        assert len(memory) == 2
        assert sorted(memory.sleep(at=late, prune=True).pruned) == sorted(ids)
        assert len(memory) == 0
        # What a policy lets go of may come again.
        told(memory, [TALK[0]])


def test_the_recent_the_salient_and_the_weakly_held_are_replayed_first() -> None:
    def made(age: float, salience: float) -> Trace:
        memory = Memory(id="0" * 32, namespace=(), text="x", created_at=START - age * HOUR, salience=salience)
        return Trace.of(memory)

    traces = [made(1, 0.5), made(100, 0.5), made(1, 0.9), made(1, 0.5), made(-5, 1.0)]
    held = np.array([0.5, 0.5, 0.5, 0.9, 0.0])
    priority = PrioritisedReplay().priority(Traces.of(traces), held, START)
    assert priority[0] > priority[1]
    assert priority[2] > priority[0] > priority[3] > 0
    assert priority[4] == 0


def test_the_cost_of_a_night_is_counted_by_parts_and_by_bytes() -> None:
    drafts = tuple(Draft(text=text, created_at=START + n * HOUR) for n, text in enumerate(TALK * 3))
    asked = Asked(
        text="coffee with Ann", category="all of it", relevant=(frozenset({0}), frozenset({1}), frozenset({3}))
    )
    talk = Conversation(name="talk", drafts=drafts, asked=(asked,), until=START + 20 * HOUR)
    awake, shipped, once, nightly, apart = evaluate([talk], EMBEDDER, lambda *_: None, regimes([1.0]))
    assert [row["regime"] for row in (awake, shipped, once, nightly, apart)][1:] == [
        "sleep()",
        "once",
        "nightly",
        "once, 1",
    ]
    assert (awake["memories"], awake["bytes_left"]) == (18, 1)
    assert once["memories"] < apart["memories"]
    for row in (shipped, once, nightly):
        assert row["memories"] < 6
        assert row["bytes_left"] < 0.7
        assert (row["archived"], row["erased"]) == (0, 0)
        assert row["tokens@10"] == awake["tokens@10"]
        for name in ("recall@10", "recall@50", "within 500"):
            assert row["quality"]["all"][name]["mean"] == awake["quality"]["all"][name]["mean"] > 0


def test_a_part_that_does_not_come_back_is_not_found_by_its_gist() -> None:
    talk = Conversation(
        name="talk",
        drafts=tuple(Draft(text=f"I had coffee with Ann at {n}", created_at=START + n * HOUR) for n in range(60)),
        asked=(Asked(text="coffee with Ann at 7", category="one", relevant=(frozenset(range(60)),)),),
        until=START + 60 * HOUR,
    )
    every = replace(talk, asked=(replace(talk.asked[0], relevant=tuple(frozenset({n}) for n in range(60))),))
    (asleep,) = evaluate([every], EMBEDDER, lambda *_: None, regimes([], most=64)[2:3])
    assert asleep["memories"] == 1
    assert asleep["quality"]["all"]["recall@10"]["mean"] == 10 / 60


def test_what_was_said_to_have_changed_is_settled_first_thing() -> None:
    with opened() as memory:
        told(memory, ["The guests are Ann Lee, Bob Ray and Cy Fox.", "Please remove 'Bob Ray' from the guests."])
        planned = memory.sleep(dry_run=True).settled
        assert "Bob" in memory.list()[0].text
        assert memory.reconcile(dry_run=True) == planned
        assert len(planned) == 1
        assert memory.sleep(detector=None).settled == ()
        assert memory.sleep().settled == planned
        assert [hit.memory.text for hit in memory.recall("guests")] == ["The guests are Ann Lee and Cy Fox."]
        assert memory.reconcile() == ()
