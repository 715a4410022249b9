"""MemoriaRetriever in LangChain's own chains. LangChain's standard tests of it are in tests/apart/langchain.py."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool

import memoria
from memoria.integrations.langchain import MemoriaRetriever
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from memoria.types import Provenance
from tests.waiting import PATIENCE


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


def test_a_chain_is_given_what_is_remembered(memory: memoria.Memoria) -> None:
    memory.remember("Ada takes her tea without sugar.", subject="ada")
    seen: list[Any] = []

    def seeing(prompt: Any) -> Any:
        seen.append(prompt)
        return prompt

    prompt = ChatPromptTemplate.from_template("Known: {known}\nQuestion: {question}")
    model = GenericFakeChatModel(messages=iter([AIMessage("Without sugar.")]))
    retriever = MemoriaRetriever(memory=memory, k=1)
    chain = {"known": retriever, "question": RunnablePassthrough()} | prompt | RunnableLambda(seeing) | model
    assert chain.invoke("How does Ada take her tea?").content == "Without sugar."
    assert "Ada takes her tea without sugar." in seen[0].to_string()
    tool = create_retriever_tool(retriever, "memory", "What is remembered.")
    assert tool.invoke({"query": "How does Ada take her tea?"}) == "Ada takes her tea without sugar."


def test_what_is_known_of_a_memory_is_told(memory: memoria.Memoria) -> None:
    said = Provenance(source="chat", speaker="ada", session="s")
    at = datetime(2026, 5, 4, tzinfo=UTC)
    one = memory.remember("I take tea.", subject="tea", tags=["t"], provenance=said, created_at=at, metadata={"n": 1})
    (document,) = MemoriaRetriever(memory=memory).invoke("Who takes tea?")
    told = document.metadata.pop("memoria")
    assert document == Document(id=one.id, page_content="I take tea.", metadata={"n": 1})
    assert told.pop("score") > 0
    assert told.pop("probability", 1) is not None
    assert told == {
        "id": one.id, "created_at": at.isoformat(), "kind": "episodic", "subject": "tea", "speaker": "ada",
        "session": "s", "source": "chat", "tags": ["t"],
    }  # fmt: skip


def test_filters_and_limits_are_those_of_recall(memory: memoria.Memoria) -> None:
    for n in range(6):
        memory.remember(f"Tea number {n}.", subject="ada" if n % 2 else "bob", metadata={"n": n})
    retriever = MemoriaRetriever(memory=memory, k=2, asking={"subject": "ada"})
    assert [one.metadata["n"] % 2 for one in retriever.invoke("tea")] == [1, 1]
    assert len(retriever.invoke("tea", k=9)) == 3
    assert {one.metadata["n"] for one in retriever.invoke("tea", k=9, subject="bob")} == {0, 2, 4}
    assert [one.metadata["n"] for one in retriever.invoke("tea", metadata={"n": 3})] == [3]
    assert retriever.invoke("tea", k=9, tags=["none"]) == []
    assert retriever.invoke("  ") == []
    assert len(retriever.invoke("tea", k=9, budget_tokens=12)) == 1
    assert len(asyncio.run(retriever.abatch(["tea", "number"]))) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"memory": 3}, "memory is int"), ({"k": 0}, "greater than"), ({"asking": {"subjct": "a"}}, "no argument subjct")],
)
def test_a_mistake_is_refused_where_it_is_made(memory: memoria.Memoria, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MemoriaRetriever(**{"memory": memory, **wrong})


def test_a_mistake_in_a_call_is_refused(memory: memoria.Memoria) -> None:
    retriever = MemoriaRetriever(memory=memory)
    with pytest.raises(ValueError, match="no argument subjct"):
        retriever.invoke("tea", subjct="ada")
    with pytest.raises(memoria.InvalidQuery, match="k 0"):
        retriever.invoke("tea", k=0)
    with pytest.raises(ValueError, match="no argument batch"):
        retriever.upsert([], batch=3)
    with pytest.raises(memoria.InvalidMemory, match="JSON"):
        retriever.upsert([Document("fine"), Document("wrong", metadata={"x": {1}})])
    assert len(memory) == 0


def test_a_deleted_document_is_nowhere_and_may_come_again(memory: memoria.Memoria) -> None:
    secret = "The pin of the tea house is 4711."
    retriever = MemoriaRetriever(memory=memory)
    retriever.upsert([Document(secret, id="1"), Document("", id="2"), Document("a\0b", id="3", metadata={"source": 7})])
    assert [one.page_content for one in retriever.get(["1", "2", "3"])] == [secret, "", "a\0b"]
    native = memory.remember("Ada likes chess.")
    assert retriever.delete(["1", native.id, "none"])["succeeded"] == ["1", native.id]
    assert memory.scan(secret, "Ada likes chess.").found == ()
    retriever.upsert([Document(secret, id="1", metadata={"source": "https://tea.example"})])
    (one,) = retriever.invoke("tea house pin", k=1)
    assert one.metadata["memoria"]["source"] == "https://tea.example"
    assert "tags" not in one.metadata["memoria"]


def test_a_hold_keeps_all_of_them(memory: memoria.Memoria) -> None:
    retriever = MemoriaRetriever(memory=memory)
    retriever.upsert([Document("One cup.", id="1"), Document("Two cups.", id="2")])
    memory.hold(memory.list()[0].id, reason="law")
    with pytest.raises(memoria.Held):
        retriever.delete(["1", "2"])
    with pytest.raises(memoria.Held):
        retriever.upsert([Document("Three cups.", id="1")])
    assert [one.page_content for one in retriever.get(["1", "2"])] == ["One cup.", "Two cups."]


def test_it_reaches_nothing_above_its_view_and_works_on_a_shared_store(tmp_path: Path) -> None:
    shared = Shared(tmp_path / "b.memoria", embedder=HashEmbedder(), namespace=("ada",))
    with memoria.open(tmp_path / "b.memoria", embedder=HashEmbedder()) as memory:
        other = memory.namespace("bob").remember("Bob takes tea.")
    retriever = MemoriaRetriever(memory=shared)
    retriever.upsert([Document("Ada takes tea.", id="1")])
    assert [one.page_content for one in retriever.invoke("tea", k=9)] == ["Ada takes tea."]
    assert retriever.delete([other.id])["succeeded"] == []
    assert retriever.get([other.id]) == []


def test_a_cancelled_caller_knows_what_happened() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts: Any) -> Any:
            begun.set()
            assert go_on.wait(PATIENCE)
            return super().embed(texts)

    async def use(memory: memoria.Memoria) -> int:
        adding = asyncio.create_task(MemoriaRetriever(memory=memory).aupsert([Document("once", id="1")]))
        await asyncio.to_thread(begun.wait)
        adding.cancel()
        await asyncio.sleep(0)
        assert not adding.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await adding
        return len(memory)

    with memoria.open(":memory:", embedder=Slow()) as memory:
        assert asyncio.run(use(memory)) == 1
