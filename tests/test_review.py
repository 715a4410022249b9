"""Review: where it is on, what was found in a message is used only after a yes, and goes with its message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import memoria
from memoria import Memoria, Provenance, review
from memoria.errors import InvalidQuery
from memoria.testing import HashEmbedder
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
