"""MemoriaMemoryService, in a real runner of ADK with a scripted model, and beside ADK's own services."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.adk.events.event import Event
from google.adk.memory.in_memory_memory_service import InMemoryMemoryService
from google.adk.memory.memory_entry import MemoryEntry
from google.adk.sessions.session import Session
from google.genai.types import Content, Part

import memoria
from memoria.integrations.adk import MemoriaMemoryService
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from tests.apart.pages import run_page

ROOT = Path(__file__).parents[2]
ADA: dict[str, Any] = {"app_name": "tea/house", "user_id": "ada"}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def event(text: str, *, id: str, author: str = "user", at: float = 1.75e9, turn: str = "t", parts: Any = ()) -> Event:
    content = Content(role="user" if author == "user" else "model", parts=[Part(text=text), *parts])
    return Event(id=id, author=author, invocation_id=turn, timestamp=at, content=content)


def session(*events: Event, id: str = "s/1") -> Session:
    return Session(id=id, events=list(events), **ADA)


def found(service: Any, query: str, **who: str) -> list[tuple[str | None, str]]:
    answer = run(service.search_memory(query=query, **(who or ADA)))
    return [(one.author, "".join(part.text or "" for part in one.content.parts)) for one in answer.memories]


def test_what_was_said_in_a_session_is_found_by_its_user_alone(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    run(service.add_session_to_memory(session(event("I take my tea without sugar.", id="1"))))
    assert found(service, "tea") == [("user", "I take my tea without sugar.")]
    assert found(service, "tea", app_name="tea/house", user_id="bob") == []
    assert found(service, "tea", app_name="tea", user_id="house/ada") == []
    assert found(service, "  ") == []
    (one,) = memory.list()
    assert (one.provenance.session, one.provenance.speaker) == ("s/1", "user")
    assert one.created_at.timestamp() == 1.75e9


def test_a_session_that_is_added_again_adds_what_is_new(memory: memoria.Memoria) -> None:
    service, events = MemoriaMemoryService(memory), [event("Yes.", id="1"), event("Yes.", id="2")]
    for n in (1, 2, 2):
        run(service.add_session_to_memory(session(*events[:n])))
    run(service.add_events_to_memory(events=[events[1], event("No.", id="3")], session_id="s/1", **ADA))
    assert [one.text for one in memory.list()] == ["Yes.", "Yes.", "No."]


def test_words_are_found_and_all_else_comes_with_them(memory: memoria.Memoria) -> None:
    """An image is longer than the metadata of one memory; thoughts are no words; a call of a tool alone has none."""
    image = Part.from_bytes(data=bytes(range(256)) * 8_000, mime_type="image/png")
    thought = Part(text="secret thought about chess", thought=True)
    spoken = event("Look at my cup 🍵", id="1", parts=[image, thought])
    call = Part.from_function_call(name="weather", args={"city": "Oslo"})
    silent = Event(id="2", author="agent", content=Content(role="model", parts=[call]))
    service = MemoriaMemoryService(memory)
    run(service.add_session_to_memory(session(spoken, silent)))
    (entry,) = run(service.search_memory(query="cup", **ADA)).memories
    assert entry.content == spoken.content
    assert entry.timestamp == "2025-06-15T15:06:40+00:00"
    assert memory.recall("chess thought", k=5)[0].memory.text == "Look at my cup 🍵"
    run(service.delete_memory(memory_id=entry.id, **ADA))
    assert [one.text for one in memory.list()] == ["(deleted)"]


def test_deleted_is_deleted_with_its_answer_and_never_comes_back(memory: memoria.Memoria) -> None:
    """Although the agent adds its session after each turn, and however brief the text is."""
    said = [
        event("I'm pregnant.", id="1"),
        event("Congratulations on the pregnancy!", id="2", author="agent"),
        event("I play chess on Mondays.", id="3", turn="u"),
    ]
    service = MemoriaMemoryService(memory)
    run(service.add_session_to_memory(session(*said)))
    (entry,) = [one for one in run(service.search_memory(query="pregnant", **ADA)).memories if one.author == "user"][:1]
    run(service.delete_memory(memory_id=entry.id, **ADA))
    run(service.add_session_to_memory(session(*said)))
    assert found(service, "pregnant chess pregnancy") == [("user", "I play chess on Mondays.")]
    assert memory.scan("I'm pregnant.", "Congratulations on the pregnancy!").found == ()
    run(service.add_session_to_memory(session(*said, event("I'm pregnant.", id="4", turn="v"))))
    assert ("user", "I'm pregnant.") in found(service, "pregnant")  # said anew


def test_what_is_not_there_is_not_deleted(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    other = memory.remember("of somebody else")
    for id in (other.id, "0" * 32, "no id", "", None):
        run(service.delete_memory(memory_id=id, **ADA))
    assert memory.list() == [other]


def test_a_hold_keeps_it_and_leaves_no_mark(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    run(service.add_session_to_memory(session(event("I take my tea without sugar.", id="1"))))
    memory.hold(memory.list()[0].id, reason="law")
    with pytest.raises(memoria.Held):
        run(service.delete_memory(memory_id=memory.list()[0].id, **ADA))
    assert len(memory) == 1


def test_a_session_and_a_user_are_erased_by_name(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    for name in ("private", "other"):
        run(service.add_session_to_memory(session(event(f"My {name} pin is 4711.", id=name), id=name)))
    first = run(service.search_memory(query="private pin", **ADA)).memories[0].id
    run(service.delete_memory(memory_id=first, **ADA))
    run(service.delete_session(session_id="private", **ADA))
    assert found(service, "pin") == [("user", "My other pin is 4711.")]
    assert len(memory) == 1
    run(service.delete_user(**ADA))
    assert (len(memory), memory.scan("My other pin is 4711.", "tea/house").found) == (0, ())


def test_memories_that_come_from_no_session(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    entry = MemoryEntry(
        id="e", content=Content(parts=[Part(text="Ada likes chess.")]), timestamp="2026-01-02T03:04:05Z"
    )
    run(service.add_memory(memories=[entry], custom_metadata={"from": "crm"}, **ADA))
    changed = entry.model_copy(update={"content": Content(parts=[Part(text="Ada likes go.")])})
    run(service.add_memory(memories=[changed], **ADA))
    (one,) = run(service.search_memory(query="What does Ada like?", **ADA)).memories
    assert one.content.parts[0].text == "Ada likes go."
    assert one.timestamp == "2026-01-02T03:04:05+00:00"
    wrong = entry.model_copy(update={"timestamp": "yesterday"})
    with pytest.raises(ValueError, match="not ISO 8601"):
        run(service.add_memory(memories=[wrong], **ADA))


def test_nothing_is_stored_of_what_cannot_be(memory: memoria.Memoria) -> None:
    service = MemoriaMemoryService(memory)
    wrong = [event("fine", id="1"), event("when?", id="2", at=float("inf"))]
    with pytest.raises(ValueError, match="not a time"):
        run(service.add_session_to_memory(session(*wrong)))
    with pytest.raises(memoria.InvalidMemory):
        run(service.add_events_to_memory(events=wrong[:1], custom_metadata={"x": {1, 2}}, **ADA))
    assert len(memory) == 0
    with pytest.raises(memoria.InvalidQuery, match="limit"):
        MemoriaMemoryService(memory, limit=0)


def test_limits_hold(memory: memoria.Memoria) -> None:
    events = [event(f"I drank tea {n} times.", id=str(n)) for n in range(12)]
    run(MemoriaMemoryService(memory).add_session_to_memory(session(*events)))
    assert len(found(MemoriaMemoryService(memory), "tea")) == 10
    assert len(found(MemoriaMemoryService(memory, limit=3), "tea")) == 3
    assert len(found(MemoriaMemoryService(memory, budget_tokens=30), "tea")) < 4


def test_it_finds_what_their_service_in_memory_finds(memory: memoria.Memoria) -> None:
    """Where the words are the same, both find the same events, and take them back alike."""
    talk = session(*(event(text, id=text) for text in ("Ada has a cat", "Bob has a dog", "the cat sleeps")))
    ours, theirs = MemoriaMemoryService(memory), InMemoryMemoryService()
    for service in (ours, theirs):
        run(service.add_session_to_memory(talk))
    assert set(found(ours, "cat")[:2]) == set(found(theirs, "cat"))


def test_processes_share_a_store(tmp_path: Path) -> None:
    for _ in range(2):
        service = MemoriaMemoryService(Shared(tmp_path / "b.memoria", embedder=HashEmbedder()))
        run(service.add_session_to_memory(session(event("I take my tea without sugar.", id="1"))))
    assert found(service, "tea") == [("user", "I take my tea without sugar.")]


def test_the_example_holds_its_claim(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("adk_agent", ROOT / "examples" / "adk_agent.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert run(example.run(tmp_path)) == {"told": ["I take my tea without sugar."], "residue": 0, "after": []}


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page("adk") == "user: I take my tea without sugar.\n0\n"
