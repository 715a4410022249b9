"""Verbs that settle may be called again: what is settled is passed over, and what cannot be settled is skipped."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Agent, Memory, Proposal, Provenance
from memoria.testing import HashEmbedder

EMBEDDER = HashEmbedder(32)
START = datetime(2026, 5, 1, 9, tzinfo=UTC)
NOW = START + timedelta(days=1)
PLACES = ("Lisbon", "Madrid", "Oslo")
NAMES = ("Bob Ray", "Ann Lee", "Cy Fox")
TASTES = ("opera", "Thai food", "chess")
SAID = (
    *(f"I live in {place}." for place in PLACES),
    *(f"I moved from {one} to {other}." for one in PLACES for other in PLACES if one != other),
    *(f"I really like {taste}." for taste in TASTES),
    *(f"I used to like {one}, but now I prefer {other}." for one in TASTES for other in TASTES if one != other),
    *(f"I don't like {taste} any longer." for taste in TASTES),
    "The guests are Ann Lee, Bob Ray and Cy Fox.",
    *(f"Please remove '{name}' from the guests." for name in NAMES),
    *(f"The planting day is set for May {day}, tools may be shared freely." for day in (14, 21)),
    "The plan moved a little: the planting day is now May 21 instead of May 14, and the fence stays.",
    "The planting day is May 28, not May 21.",
    "The deploy is on Friday.",
    "The deploy got moved to Monday.",
    "My phone number is 555-0134.",
    "My phone number is 555-0199 now.",
)
State = list[tuple[Any, ...]]
turns = st.lists(
    st.tuples(st.sampled_from(SAID), st.sampled_from(("ada", "bob")), st.sampled_from("ab"), st.integers(0, 3)),
    min_size=2,
    max_size=9,
)


def told(memory: memoria.Memoria, talk: Sequence[tuple[str, str, str, int]]) -> None:
    """Remembers turns, some of them within one tick of the clock."""
    at = START
    for text, speaker, session, ticks in talk:
        at += ticks * datetime.resolution
        memory.remember(text, created_at=at, provenance=Provenance(speaker=speaker, session=session))


def state(memory: memoria.Memoria) -> State:
    found = [(one.id, one.text, one.valid_from, one.valid_to, one.parts, one.provenance) for one in memory.list()]
    return [
        *found,
        *((link.parent, link.child, link.relation) for link in memory.store.links([row[0] for row in found])),
    ]


def fixed() -> datetime:
    return NOW


@given(turns)
def test_reconciling_twice_is_reconciling_once(talk: Sequence[tuple[str, str, str, int]]) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        told(memory, talk)
        planned = memory.reconcile(dry_run=True)
        assert memory.reconcile()[: len(planned)] == planned
        settled = state(memory)
        assert memory.reconcile(dry_run=True) == memory.reconcile() == ()
        assert state(memory) == settled
        memory.reconcile(*memory.list())
        assert state(memory) == settled


@settings(max_examples=60)
@given(turns)
def test_sleeping_twice_is_sleeping_once(talk: Sequence[tuple[str, str, str, int]]) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        told(memory, talk)
        memory.sleep(like=0.4)
        slept = state(memory)
        night = memory.sleep(like=0.4)
        assert (night.settled, night.gists, night.faded, night.pruned) == ((), (), (), ())
        assert state(memory) == slept
        memory.reconcile()
        assert memory.doctor() == []


def any_detector(seed: int) -> Callable[[Memory, Sequence[Memory]], list[Proposal]]:
    """A detector that says anything of any candidate, by their texts; about what is not there, too."""

    def detect(statement: Memory, candidates: Sequence[Memory]) -> list[Proposal]:
        said = random.Random(f"{seed} {statement.text}")
        chances = [(one.id, random.Random(f"{seed} {statement.text} {one.text}").random()) for one in candidates]
        amended = tuple((id, f"rest of {chance:.2f}") for id, chance in chances if chance < 0.3)
        ends = tuple(id for id, chance in chances if chance > 0.6)
        gone = ("f" * 32,) if said.random() < 0.1 else ()
        at = statement.created_at + timedelta(hours=said.randrange(-3, 30))
        keep = said.choice((None, statement.text, "what is left"))
        one = Proposal(action="update", by=statement.id, ends=ends + gone, amends=amended, at=at, keep=keep, reason="")
        return [one] if ends or amended else []

    return detect


@given(turns, st.integers(0, 1 << 20))
def test_any_detector_settles_once_and_each_proposal_whole(
    talk: Sequence[tuple[str, str, str, int]], seed: int
) -> None:
    whole: dict[str, Any] = {"detector": any_detector(seed), "phrases": lambda text: [text]}
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        told(memory, talk)
        if len(memory) > 3 and seed % 2:
            memory.consolidate(*memory.list()[:3])
        before = {one.id: one for one in memory.list()}
        settled = memory.reconcile(**whole)
        after = {one.id: one for one in memory.list()}
        heirs = {link.parent for link in memory.store.links(list(after)) if link.relation == "supersedes"}
        for one in settled:
            for id in one.ends:
                assert after[id].valid_to is not None or id in heirs
        if not settled:
            assert after == before
        once = state(memory)
        again = memory.reconcile(**whole)
        assert not again
        assert state(memory) == once


def test_a_statement_reads_the_same_as_when_it_was_settled() -> None:
    """Two equal statements of one time: the second saw what the first had left, and sees it again."""
    moved = "I moved from Lisbon to Madrid."
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        told(memory, [("I live in Lisbon.", "ada", "a", 0), (moved, "ada", "a", 2), (moved, "ada", "a", 0)])
        planned = memory.reconcile(dry_run=True)
        assert len(planned) == 1
        assert memory.reconcile() == planned
        assert memory.reconcile() == ()


def test_what_a_statement_left_is_not_cut_again() -> None:
    def detect(statement: Memory, candidates: Sequence[Memory]) -> list[Proposal]:
        if statement.text != "Less of everything.":
            return []
        cut = tuple((one.id, one.text[:-1]) for one in candidates)
        at = statement.created_at
        return (
            [Proposal(action="update", by=statement.id, amends=cut, at=at, keep=statement.text, reason="")]
            if cut
            else []
        )

    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        told(memory, [("abcdef", "ada", "a", 9), ("Less of everything.", "ada", "a", 9)])
        once = memory.reconcile(detector=detect, phrases=lambda text: [text])
        assert [one.text for one in memory.list() if one.valid_to is None] == ["abcde", "Less of everything."]
        again = memory.reconcile(detector=detect, phrases=lambda text: [text])
        assert (len(once), again, again.skipped) == (1, (), ())


class _Cut(Exception):
    """The machine stops here."""


def test_what_one_statement_changes_is_one_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write but the first fails: nothing of the second statement is there, and a later pass does it all."""
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        first, guests, removed = (
            memory.remember(text, created_at=START + n * timedelta(hours=1))
            for n, text in enumerate(
                (
                    "I live in Lisbon.",
                    "The guests are Ann Lee, Bob Ray and Cy Fox.",
                    "Please remove 'Bob Ray' from the guests.",
                )
            )
        )
        gist = memory.consolidate(first, guests)
        before = state(memory)
        monkeypatch.setattr(memory.store, "revise", _raise)
        with pytest.raises(_Cut):
            memory.reconcile()
        assert state(memory) == before
        monkeypatch.undo()
        (settled,) = memory.reconcile()
        assert settled.by == removed.id
        left = "The guests are Ann Lee and Cy Fox."
        assert {one.text for one in memory.history(guests)} == {guests.text, left, removed.text}
        assert memory.get(removed.id).valid_to is not None
        with pytest.raises(memoria.MemoryNotFound):
            memory.get(gist.id)


def _raise(*arguments: Any, **named: Any) -> None:
    raise _Cut


def test_what_cannot_be_settled_is_skipped_and_said() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        one, other, said = (memory.remember(text) for text in ("I like opera.", "I like chess.", "Opera is over."))

        def detect(statement: Memory, candidates: Sequence[Memory]) -> list[Proposal]:
            if statement.id != said.id:
                return []
            ends = [Proposal(action="delete", by=said.id, ends=(id,), at=NOW, keep=said.text, reason="") for id in gone]
            return [*ends, Proposal(action="delete", by=said.id, ends=(other.id,), at=NOW, keep=said.text, reason="")]

        gone = ["e" * 32]
        settled = memory.reconcile(detector=detect)
        assert [proposal.ends for proposal in settled] == [(other.id,)]
        assert [proposal.ends for proposal in settled.skipped] == [("e" * 32,)]
        assert memory.get(one.id) == one
        night = memory.sleep(detector=detect)
        assert (night.settled, [proposal.ends for proposal in night.skipped]) == ((), [("e" * 32,)])


def test_a_forgotten_text_is_not_what_is_left() -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, clock=fixed, endings="sure") as memory:
        memory.forget(memory.remember("The guests are Ann Lee and Cy Fox."))
        memory.remember("The guests are Ann Lee, Bob Ray and Cy Fox.")
        memory.remember("Please remove 'Bob Ray' from the guests.")
        before = state(memory)
        settled = memory.reconcile()
        assert (len(settled), len(settled.skipped)) == (0, 1)
        assert state(memory) == before


def test_a_pass_that_fails_is_not_planned_twice(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a.memoria", embedder=EMBEDDER, endings="sure") as memory:
        for n in range(4):
            memory.remember(f"A cup of tea with Ann, number {n}.")
        for _ in range(3):
            with pytest.raises(_Cut):
                memory.sleep(like=0.2, write=_raise)  # type: ignore[arg-type]  # it writes nothing
        planned = memory.store.note("sleep")
        assert len(memory.sleep(like=0.2).gists) == 1
        assert planned is not None
        assert planned.count("null") == 1


@pytest.mark.parametrize("written", ["", "x" * ((1 << 20) + 1), "nul\0", 7])
def test_a_gist_that_is_no_text_is_not_made(written: Any) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, endings="sure") as memory:
        ids = [memory.remember(f"A cup of tea with Ann, number {n}.").id for n in range(3)]
        with pytest.raises(memoria.InvalidMemory, match="text"):
            memory.consolidate(*ids, write=lambda parts: written)
        assert memory.sleep(like=0.2, write=lambda parts: written).gists == ()
        assert [one.id for one in memory.list()] == ids
        assert len(memory.sleep(like=0.2).gists) == 1


class Breaks(AbstractContextManager["Breaks"]):
    """An idle agent, spoken to while it sleeps."""

    def __init__(self, memory: memoria.Memoria) -> None:
        self.agent = Agent(memory, lambda messages: "I see.", idle=0.01)

    def say(self, text: str) -> str:
        for _ in range(500):
            if self.agent._idle._sleeper is not None and not self.agent.asleep:
                break
            threading.Event().wait(0.01)
        return self.agent.say(text).text

    def __exit__(self, *error: object) -> None:
        self.agent.close()


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes of sleep fail, and what they say is content."""

    def fail(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("the red house")

    monkeypatch.setattr("memoria.change.sleep.night", fail)


@pytest.mark.usefixtures("failing")
def test_an_idle_agent_whose_sleep_fails_goes_on_answering(caplog: pytest.LogCaptureFixture) -> None:
    with memoria.open(":memory:", embedder=EMBEDDER, endings="sure") as memory, Breaks(memory) as idle:
        with caplog.at_level(logging.ERROR, "memoria.agent"):
            assert [idle.agent.say("The red house has a green door.").text, *map(idle.say, "ab")] == ["I see."] * 3
        failed = [one.getMessage() for one in caplog.records if one.name == "memoria.agent"]
        assert failed
        assert set(failed) == {"sleep while idle failed: RuntimeError"}
        assert {"The red house has a green door.", "a", "b"} < {one.text for one in memory.list()}


def test_an_idle_agent_goes_on_after_case_after_case() -> None:
    """Each message says what had changed before; each is settled at once, asleep, and by the next pass again."""
    with memoria.open(":memory:", embedder=EMBEDDER, endings="sure") as memory, Breaks(memory) as idle:
        idle.agent.say(SAID[0])
        for text in random.Random(7).sample(SAID, 12):
            assert idle.say(text) == "I see."
