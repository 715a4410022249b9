"""LlamaIndex on memoria: in its own chat engines and agents, and beside its own store of messages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import BaseMemory, Memory
from llama_index.core.storage.chat_store.base_db import AsyncDBChatStore, MessageStatus
from llama_index.core.storage.chat_store.sql import SQLAlchemyChatStore

import memoria
from memoria.integrations.llama_index import MemoriaBlock, MemoriaChatStore, MemoriaMemory, MemoriaRetriever
from memoria.sharing import Shared
from memoria.testing import HashEmbedder

TEA = "I take my tea without sugar."


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def user(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.USER, content=text)


def agent(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def contents(messages: Sequence[ChatMessage]) -> list[str | None]:
    return [one.content for one in messages]


async def closed(theirs: Any) -> None:
    """Their store leaves its connections to the garbage collector."""
    if theirs._async_engine is not None:
        await theirs._async_engine.dispose()


def test_they_are_what_llama_index_takes(memory: memoria.Memoria) -> None:
    chat = MemoriaMemory.from_defaults("a", memory=memory)
    assert isinstance(chat, BaseMemory)
    assert isinstance(chat.sql_store, AsyncDBChatStore)
    assert "tea" not in str(chat.model_dump())


def test_a_chat_goes_on_and_another_one_is_told_of_it(memory: memoria.Memoria) -> None:
    async def talk(name: str, text: str) -> str:
        chat = MemoriaMemory.from_defaults(name, memory=memory)
        return str(await SimpleChatEngine.from_defaults(llm=MockLLM(), memory=chat).achat(text))

    run(talk("one", TEA))
    assert f"user: {TEA}" in run(talk("one", "What did I say?"))
    told = run(talk("two", "How do I take my tea?"))
    assert f"user: {TEA}\n" in told.split("</memory>")[0]
    one = memory.recall("tea sugar", k=1, session="one", speaker="user")[0].memory
    assert (one.text, one.provenance.speaker, one.namespace) == (TEA, "user", ("sessions", "one"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # their agents ask pydantic by an old name
def test_an_agent_keeps_its_calls_of_tools(memory: memoria.Memoria) -> None:
    def weather(city: str) -> str:
        """The weather."""
        return f"rain in {city}"

    def scripted(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        if messages[-1].role == MessageRole.TOOL:
            return agent("It rains.")
        call = ToolCallBlock(tool_call_id="c", tool_name="weather", tool_kwargs={"city": "Oslo"})
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=[call])

    async def ask() -> list[ChatMessage]:
        chat = MemoriaMemory.from_defaults("one", memory=memory)
        worker = FunctionAgent(llm=MockFunctionCallingLLM(response_generator=scripted), tools=[weather])
        await worker.run("Weather in Oslo?", memory=chat)
        return await MemoriaMemory.from_defaults("one", memory=memory).aget_all()

    messages = run(ask())
    assert [one.role.value for one in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1].blocks[0].tool_kwargs == {"city": "Oslo"}
    assert [one.text for one in memory.list()][1:3] == ['weather {"city": "Oslo"}', "rain in Oslo"]


def test_what_is_reset_is_nowhere(memory: memoria.Memoria) -> None:
    async def use() -> None:
        for name in ("private/1", "private"):
            chat = MemoriaMemory.from_defaults(name, memory=memory)
            await chat.aput_messages([user(f"My {name} pin is 4711."), agent("Noted.")])
        assert await chat.sql_store.get_keys() == ["private", "private/1"]
        await MemoriaMemory.from_defaults("private/1", memory=memory).areset()
        assert contents(await chat.aget_all()) == ["My private pin is 4711.", "Noted."]

    run(use())
    assert memory.scan("My private/1 pin is 4711.", "private/1").found == ()
    assert len(memory) == 2


def test_a_message_goes_with_what_was_answered_to_it(memory: memoria.Memoria) -> None:
    async def use() -> list[Any]:
        store = MemoriaChatStore(memory=memory)
        await store.add_messages("a", [user(TEA), agent("Tea without sugar."), user("I play chess."), agent("Nice.")])
        await store.add_message("a", agent("Chess is nice."))
        gone = [await store.delete_message("a", 0), await store.delete_message("a", 9)]
        return [gone[0] and gone[0].content, gone[1], contents(await store.get_messages("a"))]

    assert run(use()) == [TEA, None, ["I play chess.", "Nice.", "Chess is nice."]]
    assert memory.scan(TEA, "Tea without sugar.").found == ()


def test_an_image_comes_back_and_goes(memory: memoria.Memoria) -> None:
    """Its JSON is longer than the metadata of one memory."""
    message = ChatMessage(
        role="user", blocks=[TextBlock(text="\ud83d my cup\0"), ImageBlock(image=b"\x89PNG" * 300_000)]
    )

    async def use() -> list[ChatMessage]:
        store = MemoriaChatStore(memory=memory)
        await store.add_message("a", message)
        found = await store.get_messages("a")
        assert contents(await store.delete_oldest_messages("a", 1)) == [message.content]
        return found

    assert run(use()) == [message]
    assert len(memory) == 0


def test_the_queue_is_flushed_and_stays_remembered(memory: memoria.Memoria) -> None:
    async def use() -> tuple[list[ChatMessage], list[ChatMessage], str]:
        chat = MemoriaMemory.from_defaults("a", memory=memory, token_limit=200, token_flush_size=20)
        await chat.aput_messages([user(TEA), agent("Noted.")])
        for n in range(8):
            await chat.aput_messages([user(f"Number {n}. " + "word " * 20), agent("Yes.")])
        active, every = await chat.sql_store.get_messages("a"), await chat.aget_all()
        return active, every, str((await chat.aget(input="How do I take my tea?"))[0].content)

    active, every, told = run(use())
    assert len(active) < len(every) == 18
    assert TEA not in contents(active)
    assert TEA in told


def test_a_block_stores_what_leaves_another_store(memory: memoria.Memoria) -> None:
    async def use() -> str:
        block = MemoriaBlock(memory=memory, k=2)
        chat = Memory.from_defaults("a", token_limit=100, token_flush_size=20, memory_blocks=[block])
        await chat.aput(user(TEA))
        for n in range(6):
            await chat.aput_messages([user(f"Number {n}. " + "word " * 20), agent("Yes.")])
        await closed(chat.sql_store)
        return await block.aget([user("Do I take sugar in my tea?")], session_id="b")

    assert TEA in run(use())
    assert memory.list(session="a")[0].text == TEA


def test_a_block_leaves_out_what_the_prompt_has_and_keeps_its_budget(memory: memoria.Memoria) -> None:
    async def use() -> None:
        chat = MemoriaMemory.from_defaults("a", memory=memory, asking={"subject": None})
        await chat.aput(user(TEA))
        assert contents(await chat.aget(input="tea sugar")) == [TEA]
        block = MemoriaBlock(memory=memory, budget_tokens=20)
        for n in range(9):
            memory.remember(f"Tea number {n} is fine.")
        content = await block.aget([user("tea number")])
        assert 1 <= len(content.split("\n")) <= 2
        assert await block.atruncate(content, 1) == ("\n".join(content.split("\n")[:-1]) or None)
        assert await block.aget([agent("tea")]) == await block.aget([]) == await block.aget([user(" ")]) == ""

    run(use())


STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(st.sampled_from(["tea", "", "chess"]), min_size=1, max_size=3)),
    st.tuples(st.just("set"), st.lists(st.sampled_from(["tea", "go"]), max_size=2)),
    st.tuples(st.just("archive"), st.integers(0, 3)),
    st.tuples(st.just("oldest"), st.integers(0, 3)),
    st.tuples(st.just("status"), st.sampled_from([None, *MessageStatus])),
)


@settings(max_examples=15)
@given(steps=st.lists(STEPS, max_size=8), limit=st.integers(0, 3))
def test_it_answers_as_their_store_does(steps: list[tuple[str, Any]], limit: int) -> None:
    """Of messages that nothing was answered to: with an answer goes what it answers, which theirs knows nothing of."""

    async def answers(store: Any) -> list[Any]:
        found: list[Any] = []
        for what, value in steps:
            if what == "add":
                await store.add_messages("a", [user(text) for text in value])
            elif what == "set":
                await store.set_messages("a", [user(text) for text in value])
            elif what == "archive":
                found.append(await store.archive_oldest_messages("a", value))
            elif what == "oldest":
                found.append(await store.delete_oldest_messages("a", value))
            else:
                found.append(await store.get_messages("a", status=value, limit=limit, offset=limit))
                await store.delete_messages("a", status=value)
            found += [await store.count_messages("a", status=one) for one in (None, *MessageStatus)]
        return [*found, await store.get_messages("a", status=None), await store.get_keys()]

    async def both() -> tuple[list[Any], list[Any]]:
        theirs = SQLAlchemyChatStore(table_name="t")
        expected = await answers(theirs)
        await closed(theirs)
        with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
            return await answers(MemoriaChatStore(memory=memory)), expected

    ours, theirs = run(both())
    assert ours == theirs


def test_order_holds_when_the_clock_is_set_back() -> None:
    times = [datetime(2030, 1, 1, tzinfo=UTC) - timedelta(hours=n) for n in range(20)]

    async def use(memory: memoria.Memoria) -> list[str | None]:
        store = MemoriaChatStore(memory=memory)
        for n in range(3):
            await store.add_messages("a", [user(f"{n}a"), agent(f"{n}b")])
        return contents(await store.get_messages("a"))

    with memoria.open(":memory:", embedder=HashEmbedder(), clock=lambda: times.pop(0)) as memory:
        assert run(use(memory)) == ["0a", "0b", "1a", "1b", "2a", "2b"]


def test_a_cancelled_caller_knows_what_happened() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            begun.set()
            assert go_on.wait(10)
            return super().embed(texts)

    async def use(memory: memoria.Memoria) -> int:
        adding = asyncio.create_task(MemoriaChatStore(memory=memory).add_message("a", user("once")))
        await asyncio.to_thread(begun.wait)
        adding.cancel()
        await asyncio.sleep(0)
        assert not adding.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await adding
        return len(memory)

    with memoria.open(":memory:", embedder=Slow()) as memory:
        assert run(use(memory)) == 1


def test_a_hold_keeps_the_conversation(memory: memoria.Memoria) -> None:
    async def use() -> list[str | None]:
        store = MemoriaChatStore(memory=memory)
        await store.add_messages("a", [user("one"), user("two")])
        memory.hold(memory.list()[0].id, reason="law")
        for refused in (store.set_messages("a", [user("three")]), store.delete_messages("a")):
            with pytest.raises(memoria.Held):
                await refused
        return contents(await store.get_messages("a"))

    assert run(use()) == ["one", "two"]


def test_a_retriever_finds_with_filters_and_limits(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "b.memoria", embedder=HashEmbedder(), namespace=("ada",))
    with shared.lend() as memory:
        made = [memory.remember(f"Tea number {n}.", subject="ada" if n % 2 else "bob") for n in range(6)]
    retriever = MemoriaRetriever(shared, k=2, asking={"subject": "ada"})
    found = run(retriever.aretrieve("tea"))
    assert [one.metadata["subject"] for one in found] == ["ada", "ada"]
    assert {one.node.node_id for one in found} < {one.id for one in made}
    assert found[0].score >= found[1].score
    assert MemoriaRetriever(shared).retrieve("  ") == []


def test_a_mistake_is_refused_where_it_is_made(memory: memoria.Memoria) -> None:
    with pytest.raises(ValueError, match="no argument subjct"):
        MemoriaRetriever(memory, asking={"subjct": "ada"})
    for kind in (MemoriaBlock, MemoriaChatStore):
        with pytest.raises(ValueError, match="memory is int"):
            kind(memory=3)
    with pytest.raises(ValueError, match="greater than"):
        MemoriaBlock(memory=memory, k=0)
    with pytest.raises(memoria.InvalidQuery, match="k 0"):
        MemoriaRetriever(memory, k=0).retrieve("tea")
