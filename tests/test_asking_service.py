"""POST /v1/ask and the tool `ask`: whose answer it is, and that weights of others never answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from mcp.client.client import Client

import memoria
from memoria.distill.model import DistilledModel
from memoria.distill.unlearn import manifests
from memoria.engine.memory import Memoria
from memoria.integrations.mcp import server
from memoria.service.app import application
from memoria.service.tokens import Tokens, mint
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from tests import tiny_model
from tests.tiny_model import RECIPE

QUESTION = "What is Ada's badge?"
ADA, BOB = "Ada's badge is tag 41.", "Ada's badge is tag 87."


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(tmp_path: Path, tiny: Path) -> Path:
    """A store in which two namespaces have each learnt an answer to one question."""
    with opened(tmp_path / "a.memoria") as memory:
        memory.namespace("app", "ada").remember(ADA)
        memory.namespace("app", "bob").remember(BOB)
        memory.distill(tiny, recipe=RECIPE)
    return tmp_path / "a.memoria"


def opened(path: Path) -> Memoria:
    return memoria.open(path, embedder=HashEmbedder())


@pytest.fixture
def acted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Which shards the model has answered with, answer by answer; it says the memory of the first."""
    used: list[tuple[str, ...]] = []

    def say(model: DistilledModel, prompts: Any, active: Any, *, most: int = 32) -> list[str]:
        used.append(tuple(active))
        there = [name for name in active if name in model._shards]
        return [model.memory(model._shards[there[0]].ids[0]).text if there else "base" for _ in prompts]

    monkeypatch.setattr(DistilledModel, "answer", say)
    return used


class Service:
    """The application of a store in this process, and a token for each name."""

    def __init__(self, store: Path) -> None:
        tokens = store.with_name("tokens")
        self.tokens = {name: mint(tokens, tuple(name.split("/"))) for name in ("app/ada", "app/bob", "app", "none")}
        self.tokens["reader"] = mint(tokens, ("app", "ada"), "eva")
        self._client = TestClient(application(lambda: opened(store), Tokens(tokens)), raise_server_exceptions=False)

    def __enter__(self) -> Service:
        self._client.__enter__()
        return self

    def __exit__(self, *how: Any) -> None:
        self._client.__exit__(*how)

    def ask(self, who: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self._client.post("/v1/ask", json={"question": QUESTION, **body}, headers=headers)


@pytest.fixture
def service(store: Path) -> Iterator[Service]:
    with Service(store) as found:
        yield found


def ids(store: Path) -> dict[str, str]:
    with memoria.open(store, mode="r", embedder=HashEmbedder()) as memory:
        return {one.text: one.id for one in memory.list()}


def test_each_namespace_is_answered_by_its_own_weights(
    service: Service, store: Path, acted: list[tuple[str, ...]]
) -> None:
    known = ids(store)
    names = {one.ids[0]: path.stem for path, one in manifests(store / "adapters").items() if one is not None}
    for who, text in (("app/ada", ADA), ("app/bob", BOB), ("app/ada", ADA)):
        told = service.ask(who).json()
        assert (told["text"], told["source"], told["memories"]) == (text, "weights", [known[text]])
        assert told["tokens"] > 0
        assert told["saved"] > 0
        assert acted[-1] == (names[known[text]],)
    assert service.ask("app", namespace=["bob"]).json()["text"] == BOB


def test_weights_of_others_answer_no_other_namespace_and_no_reader(
    service: Service, acted: list[tuple[str, ...]]
) -> None:
    said = service.ask("none", base=False)
    assert said.json() == {"text": said.json()["text"], "source": "store", "memories": [], "tokens": 0, "saved": 0}
    assert "tag" not in said.text
    service.ask("none")
    service.ask("app/ada", namespace=["deeper"])
    assert set(acted) <= {()}
    refused = service.ask("reader")
    assert (refused.status_code, refused.json()["title"]) == (403, "Not for a reader")


def test_what_is_no_longer_for_everybody_is_in_no_weights(store: Path, acted: list[tuple[str, ...]]) -> None:
    known = ids(store)
    with opened(store) as memory:
        before = manifests(store / "adapters")
        memory.amend(known[ADA], visible_to=["hr"])
        left = [one for one in manifests(store / "adapters").values() if one is not None]
        assert len(left) == len(before) - 1
        assert not any(one.names([known[ADA]]) for one in left)
        assert memory.relearn().trained == ()
        assert memory.namespace("app", "ada").distilled().shards == ()
    with Service(store) as service:
        assert service.ask("app/ada").json()["source"] == "store"
    assert acted == []


def test_questions_are_checked_and_a_model_that_is_not_there_is_said(
    service: Service, store: Path, tmp_path: Path
) -> None:
    for wrong in ({"question": " "}, {"k": 0}, {"most": 0}, {"base": "yes"}, {"namespace": ["a/b"]}, {"more": 1}):
        assert service.ask("app/ada", **wrong).status_code == 422
    chosen = store / "adapters" / "chosen.json"
    chosen.write_text(re.sub(r"tiny\d+", "gone", chosen.read_text()))
    missing = service.ask("app/ada")
    assert (missing.status_code, missing.json()["title"]) == (503, "The model is not there")
    assert "badge" not in missing.text


def test_the_tool_answers_of_its_namespace_and_never_from_the_base(store: Path, acted: list[tuple[str, ...]]) -> None:
    async def told(*parts: str) -> Any:
        shared = Shared(store, namespace=parts, embedder=HashEmbedder())
        async with Client(server(shared)) as client:
            result = await client.call_tool("ask", {"question": QUESTION})
            return result.structured_content

    ada, bob, none = (asyncio.run(told(*parts)) for parts in (("app", "ada"), ("app", "bob"), ("none",)))
    assert (ada["text"], ada["source"]) == (ADA, "weights")
    assert (bob["text"], bob["source"]) == (BOB, "weights")
    assert (none["source"], none["memories"]) == ("store", [])
    assert () not in acted
