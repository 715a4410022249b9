"""Review: where it is on, what was found in a message is used only after a yes, and goes with its message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

import memoria
from memoria import Memoria, Provenance, review
from memoria.agent.doubts import settle
from memoria.agent.tools import Done
from memoria.change.sleep import JOURNAL
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.testing import HashEmbedder
from memoria.types import Memory
from tests.listing_model import Endpoint, endpoint

SAID = "I moved to Lund in May. My sister Eva works there. What is new?"
FACTS = ["I moved to Lund in May.", "My sister Eva works there."]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def model() -> Iterator[Endpoint]:
    with endpoint() as made:
        yield made


def recalled(memory: Memoria) -> set[str]:
    return {hit.memory.text for hit in memory.recall("Lund sister Eva May", k=10)}


def test_by_default_nothing_waits(memory: Memoria, model: Endpoint) -> None:
    assert not review.is_on(memory)
    memory.learn([SAID], model=model.name)
    assert list(review.waiting(memory)) == []
    assert set(FACTS) <= recalled(memory)


def test_what_a_model_inferred_waits_and_only_a_yes_brings_it_into_use(memory: Memoria, model: Endpoint) -> None:
    review.switch(memory, True)
    lesson = memory.learn([SAID], model=model.name)
    lent, eva = lesson.learned
    assert [one.text for one in review.waiting(memory)] == FACTS
    assert recalled(memory) == {SAID}
    assert memory.trace(lent).archived
    review.keep(memory, lent.id)
    assert recalled(memory) == {SAID, FACTS[0]}
    assert memory.get(lent.id).metadata == {}
    assert review.decline(memory, eva.id).forgotten == (eva.id,)
    assert list(review.waiting(memory)) == []
    # Neither is learnt again from the same words.
    again = memory.learn([{"role": "user", "content": SAID, "id": "another"}], model=model.name)
    assert {one.reason for one in again.dropped} >= {"forgotten here", "known"}
    assert again.learned == ()
    assert memory.doctor() == []


def test_what_waits_goes_with_its_message_and_sleep_leaves_it(memory: Memoria, model: Endpoint) -> None:
    review.switch(memory, True)
    lesson = memory.learn([SAID], model=model.name)
    memory.sleep(fade=True)
    assert [one.text for one in review.waiting(memory)] == FACTS
    receipt = memory.forget(lesson.messages[0].id, verify=True)
    assert set(receipt.derived) == {one.id for one in lesson.learned}
    assert receipt.verification is not None
    assert receipt.verification.found == 0


def test_what_a_reader_stores_waits_too_and_a_reader_cannot_switch(memory: Memoria) -> None:
    review.switch(memory, True)
    seen = memory.reading_as("ada")
    seen.remember(FACTS[0], provenance=Provenance(source="extracted"))
    seen.remember("Said by hand.")
    assert recalled(memory) == {"Said by hand."}
    review.switch(seen, False)
    assert review.is_on(memory)


def test_only_what_waits_is_decided_and_it_outlives_the_process(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", embedder=HashEmbedder()) as memory:
        plain = memory.remember("Said by hand.", metadata={"review": "waiting"})
        review.switch(memory, True)
        fact = memory.remember(FACTS[0], provenance=Provenance(source="extracted"))
        for say in (review.keep, review.decline):
            with pytest.raises(InvalidQuery, match="does not wait"):
                say(memory, plain.id)
            with pytest.raises(InvalidQuery, match="no ids"):
                say(memory)
    with memoria.open(tmp_path / "a", embedder=HashEmbedder()) as memory:
        assert review.is_on(memory)
        assert [one.id for one in review.waiting(memory)] == [fact.id]
        assert recalled(memory) == {"Said by hand."}
        review.switch(memory, False)
        memory.remember(FACTS[1], provenance=Provenance(source="extracted"))
        assert FACTS[1] in recalled(memory)


class Judge:
    """Sure of one pair."""

    name = "example"

    def __call__(self, statement: str, texts: Sequence[str]) -> list[float]:
        return [4.0 if "York" in statement and "Leeds" in text else -6.0 for text in texts]


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Memoria]:
    """With a change of fact, two memories that make a gist, and review on."""
    path = tmp_path / "judged.memoria"
    with memoria.open(path, judge=Judge(), endings="sure") as opened:
        for text in ("My sister lives in Leeds.", "My sister has moved to York.", *ALIKE):
            opened.remember(text)
        review.switch(opened, True)
        yield opened


ALIKE = ("The cat sleeps on the mat.", "The cat sleeps on the mat again.")


def said(parts: Sequence[Memory]) -> str:
    """A writer that never says the same twice, as a model may."""
    return f"The cat sleeps, {next(TIMES)}: {len(parts)} times."


TIMES = count()


def test_no_change_of_fact_becomes_durable_without_a_yes(judged: Memoria) -> None:
    settled = judged.reconcile()
    assert (len(settled), judged.doubts()) == (0, [])
    (waiting,) = settled.waiting
    night = judged.sleep()
    assert [one.key for one in night.unaccepted if one.what == "settle"] == [waiting.key]
    assert (night.settled, judged.doubts()) == ((), [])
    assert all(one.valid_to is None for one in judged.list())
    # What was accepted is done, by either verb, and waits no more.
    assert len(judged.reconcile(only=[waiting.key])) == 1
    assert [one.outcome for one in judged.doubts()] == ["ended"]
    assert judged.reconcile().waiting == ()
    with pytest.raises(InvalidQuery, match="not a collection of keys"):
        judged.reconcile(only=waiting.key)


def test_what_is_refused_is_not_proposed_again(judged: Memoria) -> None:
    planned = judged.sleep(dry_run=True).choices
    assert {one.what for one in planned} == {"settle", "gather"}
    review.refuse(judged, *planned)
    again = judged.sleep()
    assert (again.unaccepted, again.gists, again.settled, judged.doubts()) == ((), (), (), [])
    assert judged.sleep(dry_run=True).choices == ()
    fading = replace(planned[0], what="archive")
    with pytest.raises(InvalidQuery, match="what is to archive is not reviewed"):
        review.refuse(judged, fading)
    with pytest.raises(MemoryNotFound):
        review.refuse(judged.namespace("other"), planned[0])
    # One more that is alike makes another gist, which is asked about.
    judged.remember("The cat sleeps on the mat at noon.")
    assert [one.what for one in judged.sleep().unaccepted] == ["gather"]
    assert judged.doctor() == []


def test_a_gist_says_what_was_accepted_and_nothing_else(judged: Memoria) -> None:
    night = judged.sleep(detector=None)
    *_, waiting = night.unaccepted
    assert (night.gists, waiting.text) == ((), "\n".join(ALIKE))
    *_, choice = judged.sleep(detector=None, dry_run=True).choices
    assert choice == waiting
    # Written by something that says it otherwise the next time: nothing of it was accepted, and nothing is stored.
    *_, other = judged.sleep(detector=None, dry_run=True, write=said).choices
    assert other.text.startswith("The cat sleeps, ")
    assert judged.sleep(detector=None, only=[other.key], write=said).gists == ()
    assert len(judged) == 4
    ((gist, members),) = judged.sleep(detector=None, only=[choice.key]).gists
    assert members == choice.ids
    assert judged.get(gist).text == choice.text
    assert choice not in judged.sleep(detector=None).unaccepted


def test_what_a_killed_pass_had_planned_is_asked_about_once_review_is_on(judged: Memoria) -> None:
    *_, choice = judged.sleep(detector=None, dry_run=True).choices
    review.switch(judged, False)
    judged.store.write_note(JOURNAL, f'[[null, "{choice.ids[0]}", "{choice.ids[1]}"]]')
    review.switch(judged, True)
    assert judged.sleep(detector=None).gists == ()
    assert choice in judged.sleep(detector=None).unaccepted
    assert len(judged) == 4


def test_a_word_of_the_user_waits_for_nobody(judged: Memoria) -> None:
    """By hand: what supersedes, ends, gathers, or settles is no inference."""
    leeds, york, one, two = (memory.id for memory in judged.list())
    assert judged.consolidate(one, two).parts
    judged.supersede(leeds, "My sister lives in Hull.")
    judged.expire(york)
    assert {memory.text for memory in judged.list() if memory.valid_to is None} >= {"My sister lives in Hull."}


def test_an_agent_asks_about_a_doubt_that_waits(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "a", judge=Judge()) as memory:
        review.switch(memory, True)
        memory.remember("My sister lives in Leeds.")
        heard = memory.remember("My sister has moved to York.")
        assert settle(memory, heard, "ask", None, done := Done()) == ()
        assert ([one.tool for one in done.declined], memory.doubts()) == (["settle"], [])
        (told,) = settle(memory, heard, "ask", lambda asked: True, Done())
        assert (told.judge, [one.outcome for one in memory.doubts()]) == ("user", ["ended"])
