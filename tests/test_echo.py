"""What a reply says again of what the model was shown: recorded, kept in every store, and gone when it has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import memoria
from memoria import Draft, Memory, Provenance
from memoria.agent import Agent
from memoria.engine.memory import Memoria
from memoria.errors import InvalidMemory
from memoria.models.chat import Message
from memoria.recall.echo import used
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Hit, Where
from tests.test_agent import Clock

# What was told, what was asked later, what the model answered, what has changed, and the word that is old since.
TALKS = (
    ("I live in Graz.", "Where do I live?", "You live in Graz.", "I live in Ghent now.", "Graz"),
    (
        "My landlord is Mr Aske.",
        "Who is my landlord?",
        "Mr Aske is your landlord. Need his number?",
        "My landlord is Ms Quill.",
        "Aske",
    ),
    (
        "My desk is on the third floor.",
        "Where is my desk?",
        "Your desk is on the third floor!",
        "My desk is on the ninth floor.",
        "third",
    ),
    (
        "The gym opens at six.",
        "When does the gym open?",
        "It opens at six, early birds welcome.",
        "The gym opens at eight.",
        "six",
    ),
    (
        "My dentist is Dr Brock.",
        "Who is my dentist?",
        "As you told me, your dentist is Dr Brock.",
        "My dentist is Dr Sloane.",
        "Brock",
    ),
    (
        "The wifi password is heron-77.",
        "What is the wifi password?",
        "The wifi password is heron-77.",
        "The wifi password is egret-12.",
        "heron",
    ),
    (
        "My son plays the oboe.",
        "What does my son play?",
        "He plays the oboe, your son.",
        "My son plays the cello.",
        "oboe",
    ),
    (
        "I drive a blue Skoda.",
        "What do I drive?",
        "A blue Skoda. Shall I find a garage?",
        "I drive a grey Volvo.",
        "Skoda",
    ),
    (
        "My flight leaves at 14:20.",
        "When does my flight leave?",
        "Your flight leaves at 14:20. Safe travels!",
        "My flight leaves at 17:45.",
        "14:20",
    ),
    (
        "The rent is 940 euros.",
        "How much is the rent?",
        "The rent is 940 euros a month.",
        "The rent is 1010 euros.",
        "940",
    ),
    (
        "My thesis is about lichens.",
        "What is my thesis about?",
        "Your thesis is about lichens, a fine subject.",
        "My thesis is about mosses.",
        "lichens",
    ),
    (
        "Our cat is called Biscuit.",
        "What is our cat called?",
        "Biscuit is what your cat is called.",
        "Our cat is called Pepper.",
        "Biscuit",
    ),
    (
        "The picnic is in Holm Park.",
        "Where is the picnic?",
        "The picnic is in Holm Park. Bring a blanket.",
        "The picnic is at the pier.",
        "Holm",
    ),
    (
        "I take the 31 tram to work.",
        "Which tram do I take to work?",
        "You take the 31 tram to work.",
        "I take the 5 tram to work.",
        "31",
    ),
    (
        "My sister studies law.",
        "What does my sister study?",
        "She studies law, your sister does.",
        "My sister studies botany.",
        "law",
    ),
    (
        "My manager is Ulrike.",
        "Who is my manager?",
        "That would be Ulrike, your manager.",
        "My manager is Farid.",
        "Ulrike",
    ),
    (
        "The deadline is the twelfth.",
        "When is the deadline?",
        "The deadline is the twelfth. Are you on track?",
        "The deadline is the twentieth.",
        "twelfth",
    ),
    (
        "I am allergic to walnuts.",
        "What am I allergic to?",
        "Walnuts: you are allergic to them.",
        "I am allergic to sesame.",
        "walnuts",
    ),
    (
        "My favourite tea is sencha.",
        "What is my favourite tea?",
        "Sencha is your favourite tea.",
        "My favourite tea is rooibos.",
        "sencha",
    ),
    (
        "The key is under the fern.",
        "Where is the key?",
        "You keep the key under the fern.",
        "The key is in the shed.",
        "fern",
    ),
    (
        "My brother works at a bakery.",
        "Where does my brother work?",
        "At a bakery, where your brother works.",
        "My brother works at a bank.",
        "bakery",
    ),
    (
        "I read with the Tuesday club.",
        "Which club do I read with?",
        "You read with the Tuesday club.",
        "I read with the Sunday club.",
        "Tuesday",
    ),
    (
        "The meeting room is Aurora.",
        "Which is the meeting room?",
        "Aurora is the meeting room, on your left.",
        "The meeting room is Borealis.",
        "Aurora",
    ),
    ("My shoe size is 41.", "What is my shoe size?", "Your shoe size is 41.", "My shoe size is 42.", "41"),
    ("I learn Finnish.", "Which language do I learn?", "You learn Finnish. Hyvää!", "I learn Estonian.", "Finnish"),
    (
        "The plumber comes on Monday.",
        "When does the plumber come?",
        "On Monday the plumber comes.",
        "The plumber comes on Thursday.",
        "Monday",
    ),
    (
        "My bike is chained to the railing.",
        "Where is my bike?",
        "It is chained to the railing, your bike.",
        "My bike is in the cellar.",
        "railing",
    ),
    (
        "Our team uses Trello.",
        "What does our team use?",
        "Your team uses Trello. Want a template?",
        "Our team uses Jira.",
        "Trello",
    ),
    (
        "My aunt lives in Bergen.",
        "Where does my aunt live?",
        "Your aunt lives in Bergen.",
        "My aunt lives in Molde.",
        "Bergen",
    ),
    (
        "The choir sings Fauré.",
        "What does the choir sing?",
        "The choir sings Fauré this season.",
        "The choir sings Elgar.",
        "Fauré",
    ),
    ("I park in lot C.", "Where do I park, which lot?", "You park in lot C.", "I park in lot F.", "lot C"),
    (
        "My doctor is at the harbour clinic.",
        "Where is my doctor?",
        "At the harbour clinic, that is where your doctor is.",
        "My doctor is at the hill surgery.",
        "harbour",
    ),
    (
        "The alarm code is 5190.",
        "What is the alarm code?",
        "The alarm code is 5190. Keep it safe.",
        "The alarm code is 7724.",
        "5190",
    ),
    (
        "My nephew collects stamps.",
        "What does my nephew collect?",
        "Stamps! Your nephew collects them.",
        "My nephew collects coins.",
        "tamps",
    ),
    (
        "I bank with Northgate.",
        "Whom do I bank with?",
        "You bank with Northgate.",
        "I bank with Southfield.",
        "Northgate",
    ),
    (
        "The printer is in room 12.",
        "Where is the printer?",
        "The printer is in room 12, as you said.",
        "The printer is in room 30.",
        "room 12",
    ),
    (
        "My wife's train arrives at noon.",
        "When does my wife's train arrive?",
        "Your wife's train arrives at noon.",
        "My wife's train arrives at three.",
        "noon",
    ),
    (
        "We holiday in Crete.",
        "Where do we holiday?",
        "You holiday in Crete: lucky you.",
        "We holiday in Malta.",
        "Crete",
    ),
    (
        "My tutor is called Odile.",
        "What is my tutor called?",
        "Your tutor is called Odile.",
        "My tutor is called Sanna.",
        "Odile",
    ),
    (
        "The backup runs at two.",
        "When does the backup run?",
        "The backup runs at two, every night. OK?",
        "The backup runs at four.",
        "two",
    ),
)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder(64), clock=Clock()) as memory:
        yield memory


def speak(memory: Memoria, text: str, answers: Mapping[str, str] | None = None, *, k: int = 10) -> memoria.Reply:
    """Says something in a conversation of its own, to a model that knows some answers."""

    def model(messages: Sequence[Message]) -> str:
        return (answers or {}).get(messages[-1].asked or "", "Noted.")

    return Agent(memory, model, user="ada", settle=False, extract=None, k=k).say(text)


def texts(hits: Sequence[Hit]) -> set[str]:
    return {hit.memory.text for hit in hits}


@pytest.mark.parametrize("at", range(len(TALKS)), ids=lambda at: TALKS[at][4])
def test_a_reply_that_says_an_ended_value_again_ends_with_it_and_no_other_reply_does(at: int) -> None:
    told, asked, echo, change, old = TALKS[at]
    other, also, kept, *_ = TALKS[(at + 1) % len(TALKS)]
    with memoria.open(":memory:", embedder=HashEmbedder(64), clock=Clock()) as memory:
        first = speak(memory, told)
        speak(memory, other)
        replies = [speak(memory, question, {asked: echo, also: kept}).said for question in (asked, also, asked)]
        assert first.heard is not None
        memory.supersede(first.heard.id, Draft(text=change, provenance=first.heard.provenance))
        found = [hit.memory for hit in memory.recall(f"{asked} {also} {echo}", k=50)]
        assert [one.text for one in found if old in one.text] == []
        assert {one.text for one in found} >= {other, kept, change, asked, "Noted."}
        again = {hit.memory.text for hit in speak(memory, asked).hits}
        assert change in again
        assert echo not in again
        # Forgetting goes by all that was shown.
        for one in (replies[0], replies[2]):
            assert one is not None
            assert first.heard.id in one.provenance.derived_from
            assert first.heard.id in (one.provenance.used or ())


def test_a_reply_to_a_reply_ends_too(memory: Memoria) -> None:
    home = memory.remember("I live in Graz.", provenance=Provenance(source="chat", speaker="ada", session="1"))

    def said(text: str, *sources: Memory) -> Memory:
        ids = tuple(one.id for one in sources)
        origin = Provenance(source="chat", speaker="assistant", session="1", derived_from=ids, used=ids)
        return memory.remember(text, provenance=origin)

    first = said("You live in Graz, a town in Styria.", home)
    second = said("Graz is where you live. Shall I go on?", first)
    aside = said("Styria is a fine country.", first)
    assert {one.text for one in (first, second, aside)} <= texts(memory.recall("Graz", k=9))
    memory.expire(home.id)
    assert texts(memory.recall("Graz Styria", k=9)) == {aside.text}
    assert {first.text, second.text} <= texts(memory.recall("Graz", k=9, include=("expired",)))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("You live in Lisbon.", "ae"),
        ("Lisbon.", "ae"),
        ("You work at the mill, and you live in Lisbon with two cats.", "abe"),
        ("Do you live in Lisbon?", ""),
        ("You live in Lisbon. Do you work at the mill?", "ae"),
        ("Noted, thanks for telling me.", ""),
        ("", ""),
    ],
)
def test_what_a_reply_uses(reply: str, expected: str) -> None:
    shown = {
        "a": "I live in Lisbon.",
        "b": "I work at the mill.",
        "c": "My sister sings in the choir of St Mary.",
        "d": "Hello!",
        "e": "Where is Lisbon?",
    }
    assert used(reply, shown) == tuple(expected)


def test_what_was_used_is_kept_by_export_import_copy_and_amend(memory: Memoria, tmp_path: Path) -> None:
    one = memory.remember("I live in Graz.")
    two = memory.remember("I have a cat.")
    for again in ((one.id,), (), None):
        origin = Provenance(source="chat", derived_from=(one.id, two.id), used=again)
        memory.remember(f"You live in Graz, {again}.", provenance=origin)
    with memoria.open(tmp_path / "b.memoria", embedder=HashEmbedder(64)) as other:
        import_lines(other.store, other.embedder, export(memory.store, Where()))
        assert [two.provenance for two in other.list()] == [one.provenance for one in memory.list()]
    with pytest.raises(InvalidMemory, match="is not in derived_from"):
        memory.remember("x", provenance=Provenance(derived_from=(one.id,), used=(two.id,)))
    with pytest.raises(InvalidMemory, match="used is str"):
        memory.remember("x", provenance=Provenance(used=one.id))  # type: ignore[arg-type]  # so


def test_a_gist_that_is_taken_apart_leaves_what_was_used(memory: Memoria) -> None:
    parts = memory.remember_many([f"The red house in {name} Street has a green door." for name in ("Alder", "Birch")])
    memory.sleep(like=0.3)
    (gist,) = (one for one in memory.list() if one.parts)
    origin = Provenance(source="chat", speaker="assistant", derived_from=(gist.id,), used=(gist.id,))
    told = memory.remember("The house in Alder Street has a green door.", provenance=origin)
    memory.supersede(parts[0].id, "The red house in Birch Street has a blue door.")
    assert told.text not in texts(memory.recall("green door", k=9))
    memory.expire(parts[1].id)
    ids = (parts[1].id, parts[0].id)
    assert memory.get(told.id).provenance == replace(origin, derived_from=ids, used=ids)


def test_the_sentence_of_the_user_stands_in_the_prompt_however_often_it_was_asked_for() -> None:
    missing = []
    with memoria.open(":memory:", embedder=HashEmbedder(64), clock=Clock()) as memory:
        for told, asked, echo, *_ in TALKS[:30]:
            speak(memory, told)
            for wording in (asked, f"Tell me: {asked}", asked):
                reply = speak(memory, wording, {wording: echo}, k=2)
            if told not in [hit.shown for hit in reply.hits]:
                missing.append(asked)
    assert missing == []
