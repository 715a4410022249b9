"""MemoriaSession, in real agents of the SDK with its own scripted model."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Runner, SQLiteSession, function_tool, set_tracing_disabled
from agents.memory import Session, SessionSettings
from agents.testing import ScriptedModel
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

import memoria
from memoria.integrations.openai_agents import MemoriaSession
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from tests.waiting import PATIENCE

set_tracing_disabled(True)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


def says(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[], logprobs=[])
    return ResponseOutputMessage(id="m", type="message", role="assistant", content=[content], status="completed")


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def contents(items: Sequence[Any]) -> list[str]:
    return [item["content"] for item in items]


def test_it_is_a_session(memory: memoria.Memoria) -> None:
    assert isinstance(MemoriaSession("a", memory), Session)


def test_an_agent_goes_on_where_it_was(memory: memoria.Memoria, tmp_path: Path) -> None:
    @function_tool
    def weather(city: str) -> str:
        """The weather."""
        return f"rain in {city}"

    model = ScriptedModel()
    model.enqueue(
        [ResponseFunctionToolCall(call_id="c", name="weather", arguments='{"city":"Oslo"}', type="function_call")]
    )
    model.enqueue([says("It rains in Oslo.")])
    model.enqueue([says("You asked about Oslo.")])
    agent = Agent(name="a", model=model, tools=[weather])

    async def talk() -> list[Any]:
        await Runner.run(agent, "What is the weather in Oslo?", session=MemoriaSession("one", memory))
        await Runner.run(agent, "What did I ask?", session=MemoriaSession("one", memory))
        return list(await MemoriaSession("one", memory).get_items())

    items = asyncio.run(talk())
    assert [item.get("role") or item["type"] for item in items] == [
        "user", "function_call", "function_call_output", "assistant", "user", "assistant"
    ]  # fmt: skip
    hit = memory.recall("Which city did it rain in?", k=1)[0].memory
    assert "Oslo" in hit.text
    assert hit.provenance.session == "one"


def test_a_cleared_session_is_nowhere(memory: memoria.Memoria) -> None:
    async def use() -> None:
        private, other = MemoriaSession("private/1", memory), MemoriaSession("private", memory)
        await private.add_items([user("my pin is 4711 and nobody knows"), user("second")])
        await other.add_items([user("stays")])
        assert await private.pop_item() == user("second")
        await private.clear_session()
        assert await private.get_items() == []
        assert await private.pop_item() is None
        assert await other.get_items() == [user("stays")]

    asyncio.run(use())
    assert memory.scan("my pin is 4711 and nobody knows", "private/1").found == ()


def test_order_holds_when_the_clock_is_set_back() -> None:
    times = (datetime(2030, 1, 1, tzinfo=UTC) - timedelta(hours=n) for n in itertools.count())

    async def use(memory: memoria.Memoria) -> list[str]:
        session = MemoriaSession("a", memory)
        for n in range(3):
            await session.add_items([user(f"{n}a"), user(f"{n}b")])
        return contents(await session.get_items())

    with memoria.open(":memory:", embedder=HashEmbedder(), clock=lambda: next(times)) as memory:
        assert asyncio.run(use(memory)) == ["0a", "0b", "1a", "1b", "2a", "2b"]


def test_a_cancelled_caller_knows_what_happened() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            begun.set()
            assert go_on.wait(PATIENCE)
            return super().embed(texts)

    async def use(memory: memoria.Memoria) -> list[Any]:
        session = MemoriaSession("a", memory)
        adding = asyncio.create_task(session.add_items([user("once")]))
        await asyncio.to_thread(begun.wait)
        for _ in range(2):
            adding.cancel()
            await asyncio.sleep(0)
        assert not adding.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await adding
        return list(await session.get_items())

    with memoria.open(":memory:", embedder=Slow()) as memory:
        assert asyncio.run(use(memory)) == [user("once")]


ITEMS = st.sampled_from(
    [user("tea"), user(""), {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]
)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(ITEMS, max_size=3)),
    st.tuples(st.just("get"), st.one_of(st.none(), st.integers(-1, 4))),
    st.tuples(st.just("pop"), st.none()),
    st.tuples(st.just("clear"), st.none()),
)


@given(steps=st.lists(STEPS, max_size=15), limit=st.one_of(st.none(), st.integers(0, 3)))
def test_it_answers_as_their_session_does(steps: list[tuple[str, Any]], limit: int | None) -> None:
    async def answers(session: Any) -> list[Any]:
        found = []
        for what, value in steps:
            if what == "add":
                found.append(await session.add_items(value))
            elif what == "get":
                found.append(await session.get_items(value))
            else:
                found.append(await (session.pop_item() if what == "pop" else session.clear_session()))
        return found

    settings = SessionSettings(limit=limit)
    theirs = SQLiteSession("a", session_settings=settings)
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        ours = MemoriaSession("a", memory, session_settings=settings)
        assert asyncio.run(answers(ours)) == asyncio.run(answers(theirs))
    theirs.close()


def test_two_openers_take_turns_on_a_store(tmp_path: Path) -> None:
    async def use() -> list[str]:
        first = MemoriaSession("a", Shared(tmp_path / "s.memoria", embedder=HashEmbedder()))
        second = MemoriaSession("a", Shared(tmp_path / "s.memoria", embedder=HashEmbedder()))
        await first.add_items([user("one")])
        await second.add_items([user("two")])
        return contents(await first.get_items())

    assert asyncio.run(use()) == ["one", "two"]


def call(id: str, what: str) -> Any:
    return {"type": "function_call", "call_id": id, "name": "look_up", "arguments": f'{{"what": "{what}"}}'}


def output(id: str, found: str) -> Any:
    return {"type": "function_call_output", "call_id": id, "output": found}


def assistant(text: str) -> Any:
    return {"role": "assistant", "content": text}


TURN = [user("What is in box 7?"), call("a", "box 7"), call("b", "keys"), output("a", "a lamp"), output("b", "none")]


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("box 7?", ["Hello.", "Hello, Ada.", "Thank you."]),
        ("a lamp", ["Hello.", "Hello, Ada.", "What is in box 7?", "b", "b", "Thank you."]),
        ('"keys"', ["Hello.", "Hello, Ada.", "What is in box 7?", "a", "a", "Thank you."]),
        ("Thank you.", ["Hello.", "Hello, Ada.", "What is in box 7?", "a", "b", "a", "b", "A lamp."]),
    ],
)
def test_what_a_turn_led_to_goes_with_it_and_halves_of_a_call_go_together(
    memory: memoria.Memoria, gone: str, left: list[str]
) -> None:
    session = MemoriaSession("s", memory)

    async def talk() -> None:
        await session.add_items([user("Hello."), assistant("Hello, Ada.")])
        await session.add_items(TURN[:3])
        await session.add_items([*TURN[3:], assistant("A lamp."), user("Thank you.")])

    asyncio.run(talk())
    (one,) = [one for one in memory.list() if gone in one.text]
    memory.forget(one.id)
    found: Any = asyncio.run(session.get_items())
    assert [item.get("call_id") or item["content"] for item in found] == left


def test_thoughts_without_what_they_led_to_are_left_out(memory: memoria.Memoria) -> None:
    session = MemoriaSession("s", memory)
    thought: Any = {"type": "reasoning", "id": "r", "summary": []}
    asyncio.run(session.add_items([user("What is in box 7?"), thought, call("a", "box 7"), output("a", "a lamp")]))
    assert len(asyncio.run(session.get_items())) == 4
    assert asyncio.run(session.get_items(limit=1)) == [output("a", "a lamp")]
    memory.forget(next(one.id for one in memory.list() if "look_up" in one.text))
    assert asyncio.run(session.get_items()) == [user("What is in box 7?")]


LONG = "A" * 1_500_000
IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{LONG}"}
# What a model or a tool may hand over, of which a memory cannot hold some.
ODD: dict[str, list[Any]] = {
    "half an emoji": [user("half \ud83d")],
    "half an emoji alone": [user("\ud83d")],
    "half an emoji in names": [{"role": "us\ud83d", "content": "x", "\udc00": 1}],
    "a whole emoji and invisible letters": [user("\U0001f600\u200d\x1b[31m\u202e\0")],
    "an image": [{"role": "user", "content": [IMAGE, {"type": "input_text", "text": "What is it?"}]}],
    "an image alone": [{"role": "user", "content": [IMAGE]}],
    "a long output": [call("a", "box"), output("a", f"{LONG} the end")],
    "long arguments": [call("a", LONG), output("a", "x")],
    "an image as output": [call("a", "x"), {"type": "function_call_output", "call_id": "a", "output": [IMAGE]}],
    "a made image": [user("paint"), {"type": "image_generation_call", "id": "i", "result": LONG}],
    "a screenshot": [
        {"type": "computer_call", "call_id": "c", "action": {"type": "screenshot"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"image_url": f"data:{LONG}"}},
    ],
    "a shell": [
        {"type": "local_shell_call", "call_id": "c", "id": "i", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "c", "output": "x"},
    ],
    "numbers": [{"role": "user", "content": "x", "n": [float("nan"), float("inf"), 10**40]}],
    "deep": [{"role": "user", "content": json.loads("[" * 200 + "]" * 200)}],
    "keys that are numbers, and tuples": [{"role": "user", "content": ("a", "b"), 1: 2}],
    "roles": [{"role": role, "content": "x"} for role in (5, None, "", "a\0b", "r" * 3000)],
    "ids of calls": [call(3, "x"), output(3, "x"), call([4], "x"), output([4], "x")],  # type: ignore[arg-type]
    "no items at all": ["text", None, [1], 7, {}],
    "blank": [user(" \n"), user("\u200d")],
}


@pytest.mark.parametrize("items", ODD.values(), ids=ODD)
def test_whatever_their_session_takes_is_taken(memory: memoria.Memoria, items: list[Any]) -> None:
    async def answers(session: Any) -> list[Any]:
        await session.add_items([user("before")])
        await session.add_items(items)
        found = [await session.get_items(), await session.get_items(1), await session.get_items(2)]
        return found + [await session.pop_item() for _ in range(len(items) + 2)]

    theirs = SQLiteSession("a")
    # NaN is not equal to itself.
    assert repr(asyncio.run(answers(MemoriaSession("a", memory)))) == repr(asyncio.run(answers(theirs)))
    theirs.close()


@pytest.mark.parametrize("wrong", [object(), {1}, b"x"])
def test_what_their_session_refuses_is_refused_before_anything_is_stored(memory: memoria.Memoria, wrong: Any) -> None:
    theirs = SQLiteSession("a")
    for session in (theirs, MemoriaSession("a", memory)):
        with pytest.raises(TypeError):
            asyncio.run(session.add_items([user("Hello."), {"role": "user", "content": wrong}]))
        assert asyncio.run(session.get_items()) == []
    theirs.close()


def test_a_call_that_waits_for_its_output_is_read_when_it_is_there(memory: memoria.Memoria) -> None:
    """Here theirs differs: it gives half of a call, which the API refuses."""
    session = MemoriaSession("s", memory)
    asyncio.run(session.add_items([user("What is in box 7?"), call("a", "box 7")]))
    assert asyncio.run(session.get_items()) == [user("What is in box 7?")]
    asyncio.run(session.add_items([output("a", "a lamp")]))
    assert len(asyncio.run(session.get_items())) == 3


def test_a_long_item_is_found_forgotten_and_cleared_whole(tmp_path: Path) -> None:
    with memoria.open(tmp_path / "b.memoria", embedder=HashEmbedder()) as memory:
        session = MemoriaSession("s/1", memory)
        number = "DE00123400005678000000"
        asyncio.run(session.add_items([user("Look it up."), call("a", "x"), output("a", f"{LONG} {number} {LONG}")]))
        assert any(number in hit.memory.text for hit in memory.recall(number, k=5))
        memory.forget(mentions=number)
        assert asyncio.run(session.get_items()) == [user("Look it up.")]
        assert memory.scan(number).found == ()
        asyncio.run(session.add_items([user("Look again."), call("b", "x"), output("b", f"{LONG} {number}")]))
        assert len(asyncio.run(session.get_items())) == 4
        head = [one for one in memory.list() if "parts" in one.metadata][-1]
        memory.forget(head.id)
        left = {one.key for one in memory.namespace("session parts").list()}
        assert left.isdisjoint(head.metadata["parts"])
        asyncio.run(session.clear_session())
        assert (len(memory), memory.namespaces()) == (0, [])
        assert memory.scan(number, "s/1", "s%2F1").found == ()
