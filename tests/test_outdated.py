"""A reply that says again what has ended since is left out of recall; nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria import Draft, Memory, Provenance
from memoria.engine.memory import Memoria
from memoria.testing import HashEmbedder
from tests.test_agent import Clock

EMBEDDER = HashEmbedder(64)
ADA = Provenance(source="chat", speaker="ada", session="1")


def opened() -> Memoria:
    return memoria.open(":memory:", embedder=EMBEDDER, clock=Clock(), endings="sure")


def reply(memory: Memoria, text: str, *sources: Memory, source: str = "chat") -> Memory:
    """What the agent says once it was shown the sources."""
    origin = Provenance(source=source, speaker="assistant", session="1", derived_from=tuple(one.id for one in sources))
    return memory.remember(text, provenance=origin)


def found(memory: Memoria, one: Memory, **how: object) -> bool:
    texts = memory.recall(one.text, k=50, **how)  # type: ignore[arg-type]
    by_vector = memory.recall(one.text, k=50, vector_only=True, **how)  # type: ignore[arg-type]
    seen = {one.id in {hit.memory.id for hit in hits} for hits in (texts, by_vector)}
    assert len(seen) == 1
    return seen.pop()


@pytest.mark.parametrize(
    ("said", "left_out"),
    [
        ("You live in Lisbon.", True),
        ("Lisbon.", True),
        ("Yes, you said that you live in Lisbon!", True),
        ("You do not live in Lisbon.", False),
        ("You live in Lisbon, which is the capital of Portugal.", False),
        ("You work at the mill.", False),
        ("Where do you live?", False),
        ("Noted.", False),
    ],
)
@pytest.mark.parametrize("how", ["supersede", "expire"])
def test_what_says_only_what_has_ended_is_left_out(said: str, left_out: bool, how: str) -> None:
    with opened() as memory:
        home = memory.remember("I live in Lisbon.", provenance=ADA)
        work = memory.remember("I work at the mill.", provenance=ADA)
        asked = memory.remember("Where do I live? In Lisbon?", provenance=ADA)
        told = reply(memory, said, home, work, asked)
        then = memory.now()
        assert found(memory, told)
        if how == "supersede":
            news = memory.supersede(home.id, Draft(text="I live in Madrid.", provenance=ADA))
        else:
            memory.expire(home.id)
        assert found(memory, told) != left_out
        assert found(memory, work)
        assert found(memory, asked)
        assert found(memory, told, as_of=then)
        assert found(memory, told, include=("expired",))
        assert memory.get(told.id) == told
        assert told in memory.list()
        if how == "supersede":
            # As if the news had never come.
            memory.forget(news.id)
            assert found(memory, told)


def test_what_is_still_said_elsewhere_is_kept() -> None:
    with opened() as memory:
        both = memory.remember("I live in Lisbon and work at the mill.", provenance=ADA)
        first = reply(memory, "You work at the mill.", both)
        second = reply(memory, "You live in Lisbon.", both)
        third = reply(memory, "You live in Lisbon, as I said.", second, both)
        memory.supersede(both.id, Draft(text="I work at the mill.", provenance=ADA))
        assert [found(memory, one) for one in (first, second, third)] == [True, False, False]
        again = memory.remember("I stay in Lisbon on Sundays.", provenance=ADA)
        fourth = reply(memory, "You stay in Lisbon.", both, again)
        memory.expire(again.id, at=memory.now() + timedelta(days=9))
        assert found(memory, fourth)


def test_own_words_of_the_user_count_as_they_were_reworded() -> None:
    with opened() as memory:
        both = memory.remember("I live in Lisbon and work at the mill.", provenance=ADA)
        origin = Provenance(source="chat", speaker="ada", session="1", derived_from=(both.id,))
        work = memory.supersede(both.id, Draft(text="I work at the mill.", provenance=origin))
        dance = memory.remember("I dance at the mill.", provenance=ADA)
        told = [reply(memory, text, work, dance) for text in ("You work at the mill.", "You dance at the mill.")]
        memory.expire(dance.id)
        assert [found(memory, one) for one in (*told, work)] == [True, False, True]


def test_what_denies_what_has_ended_is_kept() -> None:
    with opened() as memory:
        home = memory.remember("I live in Lisbon.", provenance=ADA)
        asked = memory.remember("Do I not live in Lisbon?", provenance=ADA)
        told = [reply(memory, text, home, asked) for text in ("You do not live in Lisbon.", "You live in Lisbon.")]
        memory.expire(home.id)
        assert [found(memory, one) for one in told] == [True, False]


def test_what_was_said_after_the_end_is_kept_until_its_own_sources_end() -> None:
    with opened() as memory:
        home = memory.remember("I live in Lisbon.", provenance=ADA)
        moved = memory.supersede(home.id, Draft(text="I live in Madrid.", provenance=ADA))
        past = reply(memory, "You live in Lisbon.", home, moved)
        now = reply(memory, "You live in Madrid.", home, moved)
        assert (found(memory, past), found(memory, now)) == (True, True)
        memory.supersede(moved.id, Draft(text="I live in Rome.", provenance=ADA))
        assert (found(memory, past), found(memory, now)) == (True, False)


def test_facts_and_words_of_the_user_are_never_left_out() -> None:
    with opened() as memory:
        told = memory.remember("I live in Lisbon.", provenance=ADA)
        fact = reply(memory, "Ada lives in Lisbon.", told, source="extracted")
        tool = reply(memory, "I live in Lisbon.", told, source="tool")
        agent = memoria.Agent(memory, lambda messages: "Noted.", user="ada", session="1")
        memory.expire(told.id)
        assert found(memory, fact)
        assert found(memory, tool)
        agent.say("My office is in Lund and my boat is in Oslo.")
        agent.say("My office is now in Rome.")
        held = [one for one in memory.list() if one.holds(memory.now()) and one.provenance.speaker == "ada"]
        assert [one for one in held if not found(memory, one)] == []


WORDS = ("boat", "mill", "violin", "harbour", "candle", "garden")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)


@settings(max_examples=60)
@given(
    facts=st.lists(TEXTS, min_size=1, max_size=5),
    said=st.lists(st.tuples(TEXTS, st.lists(st.integers(0, 4), min_size=1, max_size=5)), max_size=4),
    ending=st.sets(st.integers(0, 4)),
)
def test_only_what_rests_on_what_has_ended_alone_is_left_out(
    facts: list[list[str]], said: list[tuple[list[str], list[int]]], ending: set[int]
) -> None:
    with opened() as memory:
        told = memory.remember_many([Draft(text=" ".join(words) + ".", provenance=ADA) for words in facts])
        replies = []
        for words, places in said:
            sources = [told[at] for at in dict.fromkeys(places) if at < len(told)]
            if sources:
                replies.append((reply(memory, " ".join(words) + ".", *sources), set(words), sources))
        ended = [told[at] for at in ending if at < len(told)]
        if ended:
            memory.expire(*ended)
        for one in told:
            assert found(memory, one) == (one not in ended)
        for one, uttered, sources in replies:
            gone, kept = (
                {word for source in sources if (source in ended) == over for word in source.text[:-1].split()}
                for over in (True, False)
            )
            assert found(memory, one) != (uttered <= gone | kept and bool(uttered & (gone - kept)))
