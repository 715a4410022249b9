"""A conversation has all of its turns: the short, the repeated, the refused; and again when it is taken up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memoria
from memoria.agent import Agent
from memoria.agent.session import latest
from memoria.agent.unstored import repeats
from memoria.engine.memory import Memoria
from memoria.models.chat import Message, Piece, ToolCall
from memoria.models.function import Function
from memoria.testing import HashEmbedder
from memoria.types import Memory, Provenance
from tests.test_agent import Clock, call

EMBEDDER = HashEmbedder(64)
CODE = "My locker code is 4821."


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memoria]:
    with memoria.open(tmp_path / "a", embedder=EMBEDDER, clock=Clock()) as memory:
        yield memory


class Script:
    """A model that says one text after the other, and keeps what it was shown."""

    def __init__(self, *said: str) -> None:
        self.said = said
        self.shown: list[list[str]] = []

    def __call__(self, messages: Sequence[Message]) -> str:
        self.shown.append([one.text if one.asked is None else one.asked for one in messages])
        return self.said[(len(self.shown) - 1) % len(self.said)]


def turns(agent: Agent) -> list[tuple[str | None, str]]:
    return [(one.provenance.speaker, one.text) for one in agent.session.turns(100)]


TEXTS = st.sampled_from(["Yes.", "No.", "Go on.", "The red house has a green door.", "What is next?", "\u597d\u7684"])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["ada", "bob"]), TEXTS, TEXTS), max_size=12), st.booleans())
def test_each_conversation_is_taken_up_with_all_of_its_turns(said: list[tuple[str, str, str]], noted: bool) -> None:
    """Two users say the same, in turns, to a model that says it again."""
    with memoria.open(":memory:", embedder=EMBEDDER) as memory:
        if noted:
            memory.remember_many(["Yes.", "The red house has a green door."])
        agents = {user: Agent(memory, Script("-"), user=user) for user in ("ada", "bob")}
        expected: dict[str, list[tuple[str, str]]] = {"ada": [], "bob": []}
        for user, text, reply in said:
            agents[user].model = Function(Script(reply))
            agents[user].say(text)
            expected[user] += [(user, text), ("assistant", reply)]
        for user, agent in agents.items():
            assert turns(agent) == expected[user]
            again = Agent(memory, Script("-"), user=user, session=agent.session.id)
            assert turns(again) == expected[user]
            assert len(again.session) == len(expected[user])


def test_an_old_conversation_is_taken_up_whatever_came_after_it(memory: Memoria) -> None:
    agent = Agent(memory, Script("Noted."), user="ada")
    for n in range(6):
        agent.say(f"The red house number {n} has a green door.")
    memory.remember_many([f"Line {n} of a long import." for n in range(700)])
    assert latest(memory) == agent.session.id
    again = Agent(memory, Script("-"), user="ada", session=agent.session.id)
    assert turns(again) == turns(agent)
    assert len(again.session) == 12
    assert latest(memory.namespace("nobody")) is None


def test_a_turn_that_was_reworded_is_one_turn(memory: Memoria) -> None:
    agent = Agent(memory, Script("Noted."), user="ada")
    for text in ("I live in Lisbon and work at the mill.", "I moved from Lisbon to Madrid."):
        agent.say(text)
    assert turns(Agent(memory, Script("-"), user="ada", session=agent.session.id)) == turns(agent)
    assert len(turns(agent)) == 4


def test_a_reply_that_is_a_memory_has_its_place_among_the_turns(memory: Memoria) -> None:
    tea = memory.remember("Ada drinks tea without sugar.", provenance=Provenance(speaker="ada"))
    model = Script(tea.text, "Yes.")
    agent = Agent(memory, model, user="ada")
    reply = agent.say("How does Ada drink tea?")
    assert (reply.said, [one.text for one in memory.list()].count(tea.text)) == (tea, 1)
    assert reply.heard is not None
    assert memory.get(reply.heard.id) == reply.heard
    expected = [("ada", "How does Ada drink tea?"), ("assistant", tea.text)]
    assert turns(agent) == turns(Agent(memory, model, user="ada", session=agent.session.id)) == expected
    agent.say("Sure?")
    assert model.shown[-1][1:] == ["How does Ada drink tea?", tea.text, "Sure?"]
    memory.forget(tea.id)
    assert tea.text not in [text for _, text in turns(agent)]
    assert tea.text not in [text for _, text in turns(Agent(memory, model, session=agent.session.id))]


@pytest.mark.parametrize("yes", ["Yes.", "\u597d\u7684", "\u0e43\u0e0a\u0e48\u0e04\u0e23\u0e31\u0e1a", "No, thanks."])
def test_a_brief_answer_is_remembered_after_one_was_forgotten(memory: Memoria, yes: str) -> None:
    model = Script("Shall I go on?", "Done.")
    first = Agent(memory, model, user="ada")
    first.say("Delete the draft of the letter?")
    heard = first.say(yes).heard
    assert heard is not None
    memory.forget(heard.id)
    later = Agent(memory, model, user="ada")
    later.say("Book the table for two?")
    reply = later.say(yes)
    assert reply.heard is not None
    assert reply.refusal is None
    later.say("And the taxi?")
    assert yes in model.shown[-1]


def test_a_refused_message_is_a_turn_of_this_conversation_and_is_not_stored(memory: Memoria) -> None:
    model = Script("Noted.", "Is it?", "The locker code is 4821.", "Good.")
    heard = Agent(memory, model, user="ada").say(CODE).heard
    assert heard is not None
    memory.forget(heard.id)
    agent = Agent(memory, model, user="ada")
    reply = agent.say(CODE)
    assert (reply.heard, reply.facts) == (None, ())
    assert "readmit" in (reply.refusal or "")
    assert CODE not in (reply.refusal or "")
    assert model.shown[-1][-1] == CODE
    for asked in ("Do you have it?", "And now?"):
        reply = agent.say(asked)
        assert reply.heard is not None
        assert CODE in model.shown[-1]
    # What repeats it stays in RAM as well; what does not is stored.
    assert [text for _, text in turns(agent)] == [
        *(CODE, "Is it?", "Do you have it?", "The locker code is 4821.", "And now?", "Good.")
    ]
    assert model.shown[-1][-2] == "The locker code is 4821."
    assert not memory.scan("4821").found
    again = Agent(memory, model, user="ada", session=agent.session.id)
    assert [text for _, text in turns(again)] == ["Is it?", "Do you have it?", "And now?", "Good."]
    assert agent.say(CODE, readmit=True).refusal is None


def test_the_same_reply_to_two_refused_messages_is_two_turns(memory: Memoria) -> None:
    other = "My bicycle code is 7713."
    for text in (CODE, other):
        memory.forget(memory.remember(text).id)
    agent = Agent(memory, Script("I see."), user="ada")
    for text in (CODE, other, "Anything?"):
        agent.say(text)
    again = Agent(memory, Script("I see."), user="ada", session=agent.session.id)
    assert [text for _, text in turns(again)] == ["I see.", "I see.", "Anything?", "I see."]


def test_what_was_made_of_a_refused_message_goes_with_its_other_sources(memory: Memoria) -> None:
    model = Script("Noted.", "Your locker code 4821 is beside the boat of Bob.")
    heard = Agent(memory, model, user="ada", extract=None).say(CODE).heard
    assert heard is not None
    memory.forget(heard.id)
    boat = memory.remember("Bob has a boat beside the locker.")
    agent = Agent(memory, model, user="ada")
    reply = agent.say(CODE)
    assert boat.id in {hit.memory.id for hit in reply.hits}
    assert reply.said is None
    assert len(turns(agent)) == 2
    memory.forget(boat.id)
    assert [text for _, text in turns(agent)] == [CODE]


@pytest.mark.parametrize("name", ["remember", "supersede"])
def test_no_tool_stores_what_was_refused(memory: Memoria, name: str) -> None:
    boat = memory.remember("Bob has a boat.")
    heard = Agent(memory, Script("Noted."), user="ada").say(CODE).heard
    assert heard is not None
    memory.forget(heard.id)
    given = {"id": boat.id} if name == "supersede" else {}
    answers: list[str] = []

    def calling(text: str) -> Callable[[Sequence[Message]], Iterable[Piece]]:
        asked: ToolCall = call(name, text=text, **given)

        def answer(messages: Sequence[Message]) -> Iterable[Piece]:
            answers.extend(one.text for one in messages if one.role == "tool")
            return ("Done.",) if messages[-1].role == "tool" else (asked,)

        return answer

    agent = Agent(memory, calling("Ada has the locker code 4821."), user="ada", confirm=lambda asked: True)
    assert agent.say(CODE).facts == ()
    assert "forgotten before" in answers[0]
    assert not memory.scan("4821").found
    agent.model = Function(calling("Bob has a yacht."))
    assert [one.text for one in agent.say("Keep that Bob has a yacht.").facts] == ["Bob has a yacht."]


@pytest.mark.parametrize(
    ("text", "stored", "found"),
    [
        ("I see.", [], False),
        ("Your code is 4821.", [], True),
        ("Which locker?", [], True),
        ("Which locker?", ["The locker is red."], False),
        ("You said: MY LOCKER CODE IS 4821", ["Locker, code, 4821."], True),
    ],
)
def test_passing_on_is_seen(text: str, stored: list[str], found: bool) -> None:
    assert repeats(text, [CODE], stored) == found
    assert not repeats(text, [], stored)


def test_two_users_who_say_the_same_have_each_said_it(memory: Memoria) -> None:
    said: list[Memory] = []
    for user in ("ada", "bob", "ada"):
        agent = Agent(memory, Script("Noted."), user=user)
        for _ in range(2):
            heard = agent.say("I will be away on Friday.").heard
            assert heard is not None
            assert heard.provenance.speaker == user
            said.append(heard)
    assert len({one.id for one in said}) == 6
