"""MemoriaStorage, in a real crew with a scripted model, and by itself."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "OTEL_SDK_DISABLED": "true"}  # before it is imported

from crewai.memory.storage.backend import EmbeddingDimensionMismatchError, StorageBackend
from crewai.memory.types import MemoryRecord
from crewai.memory.unified_memory import Memory

import memoria
from memoria.integrations.crewai import MemoriaStorage
from memoria.sharing import Shared
from memoria.testing import HashEmbedder
from tests.apart.pages import run_page

ROOT = Path(__file__).parents[2]
DAY = datetime(2026, 5, 4, 12)  # noqa: DTZ001 - CrewAI's times have no zone


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[memoria.Memoria]:
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as opened:
        yield opened


@pytest.fixture
def storage(memory: memoria.Memoria) -> MemoriaStorage:
    return MemoriaStorage(memory)


def record(content: str, scope: str = "/", **fields: Any) -> MemoryRecord:
    embedding = [float(one) for one in HashEmbedder().embed([content])[0]]
    return MemoryRecord(content=content, scope=scope, **{"embedding": embedding, "created_at": DAY, **fields})


def ids(found: list[Any]) -> list[str]:
    return [(one[0] if isinstance(one, tuple) else one).id for one in found]


def vector(text: str) -> list[float]:
    return [float(one) for one in HashEmbedder().embed([text])[0]]


def unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [one / length for one in vector]


def test_it_is_a_backend(storage: MemoriaStorage) -> None:
    assert isinstance(storage, StorageBackend)


def test_a_record_comes_back_as_it_was(storage: MemoriaStorage, memory: memoria.Memoria) -> None:
    given = record(
        "  Ada takes tea\0 ", "/crew/tea house", id="a/1", categories=["tea", "", "tea", "=x"], importance=0.75,
        metadata={"n": [1, {"deep": None}]}, source="ada", private=True, last_accessed=DAY + timedelta(days=1),
    )  # fmt: skip
    storage.save([given, record("", id="blank"), record("no vector", id="plain", embedding=None)])
    back = storage.get_record("a/1")
    assert back is not None
    assert back.model_dump() == given.model_dump()
    assert np.dot(back.embedding or [], unit(given.embedding or [])) == pytest.approx(1, abs=1e-3)
    assert storage.get_record("blank") is not None
    assert storage.get_record("none") is None
    assert ids(storage.search(vector("no vector"), limit=1)) == ["plain"]
    (one,) = memory.list(namespace=("crewai", "crew", "tea house"))
    assert (one.salience, one.provenance.source, one.created_at) == (0.75, "ada", DAY.replace(tzinfo=UTC))
    assert memory.recall("Who takes tea?", k=1)[0].memory == one


def test_a_scope_is_a_path(storage: MemoriaStorage) -> None:
    scopes = ["/", "/a", "/a/b", "/ab", "/a%2Fb", "/A"]
    storage.save([record(f"tea {n}", scope, id=scope) for n, scope in enumerate(scopes)])
    assert set(ids(storage.list_records("/a"))) == {"/a", "/a/b"}
    assert set(ids(storage.search(vector("tea"), scope_prefix="a/", limit=9))) == {"/a", "/a/b"}
    assert storage.list_scopes() == ["/A", "/a", "/a%2Fb", "/ab"]
    assert storage.list_scopes("/a") == ["/a/b"]
    assert (storage.count(), storage.count("/a"), storage.count("/nowhere")) == (6, 2, 0)
    storage.reset("/a")
    assert set(ids(storage.list_records())) == {"/", "/ab", "/a%2Fb", "/A"}
    assert storage.list_scopes() == ["/A", "/a%2Fb", "/ab"]


def test_filters_and_limits_hold(storage: MemoriaStorage) -> None:
    for n in range(20):
        named = {"categories": ["even" if n % 2 == 0 else "odd"], "metadata": {"n": n % 4}}
        storage.save([record(f"tea number {n}", f"/{n % 3}", id=str(n), created_at=DAY + timedelta(hours=n), **named)])
    found = storage.search(vector("tea"), categories=["even"], metadata_filter={"n": 2}, limit=4)
    assert len(found) == 4
    assert all(int(one.id) % 4 == 2 for one, _ in found)
    scores = [score for _, score in storage.search(vector("tea number 3"), limit=20)]
    assert scores == sorted(scores, reverse=True)
    assert 0.99 < scores[0] <= 1.0
    assert len(storage.search(vector("tea number 3"), limit=20, min_score=0.99)) == 1
    assert storage.search(vector("tea"), limit=0) == []
    assert ids(storage.list_records(limit=2, offset=1)) == ["18", "17"]
    info = storage.get_scope_info("/1/")
    assert (info.path, info.record_count, info.categories) == ("/1", 7, ["even", "odd"])
    assert (info.oldest_record, info.newest_record) == (DAY + timedelta(hours=1), DAY + timedelta(hours=19))
    assert storage.list_categories("/1") == {"odd": 4, "even": 3}


def test_delete_forgets_what_meets_all_that_is_given(storage: MemoriaStorage, memory: memoria.Memoria) -> None:
    secret = "The pin of the tea house is 4711."
    storage.save([record(secret, "/a", id="1", categories=["pin"]), record("Two.", "/a", id="2"), record("3.", id="3")])
    assert storage.delete(record_ids=[]) == 0
    assert storage.delete(record_ids=["1"], scope_prefix="/b") == 0
    assert storage.delete(record_ids=["1", "none"], categories=["pin"], older_than=DAY) == 0
    assert storage.delete(record_ids=["1", "none"], categories=["pin"], older_than=DAY + timedelta(seconds=1)) == 1
    assert memory.scan(secret).found == ()
    storage.save([record(secret, "/a", id="4")])  # a crew may say it again
    assert storage.delete() == 3
    assert len(memory) == 0


def test_an_update_leaves_one_version_and_a_hold_the_old_one(storage: MemoriaStorage, memory: memoria.Memoria) -> None:
    storage.save([record("Ada takes tea at five.", "/a", id="1")])
    (old,) = memory.list()
    memory.pin(old.id)
    storage.update(record("Ada takes tea at six.", "/b", id="1"))
    (new,) = memory.list()
    assert (new.text, memory.trace(new.id).pinned) == ("Ada takes tea at six.", True)
    assert memory.scan("Ada takes tea at five.").found == ()
    memory.hold(new.id, reason="law")
    with pytest.raises(memoria.Held):
        storage.update(record("Ada takes coffee.", id="1"))
    assert memory.list() == [new]
    with pytest.raises(TypeError, match="not JSON serializable"):
        storage.save([record("fine", id="2"), record("wrong", id="3", metadata={"x": {1}})])
    assert memory.list() == [new]


def test_vectors_of_another_length_are_refused(storage: MemoriaStorage) -> None:
    for act in (lambda: storage.save([record("x", embedding=[1.0])]), lambda: storage.search([1.0, 0.0])):
        with pytest.raises(EmbeddingDimensionMismatchError):
            act()
    assert storage.count() == 0


def test_a_recall_is_a_use(storage: MemoriaStorage, memory: memoria.Memoria) -> None:
    storage.save([record("Ada takes tea.", id="1")])
    storage.search(vector("tea"))
    assert memory.trace(memory.list()[0].id).retrievals == 0
    storage.touch_records(["1", "none"])
    back = storage.get_record("1")
    assert back is not None
    assert back.last_accessed > DAY + timedelta(days=1)
    assert memory.trace(memory.list()[0].id).retrievals == 1


def test_awaited_it_does_the_same(storage: MemoriaStorage) -> None:
    async def use() -> list[Any]:
        await storage.asave([record("Ada takes tea.", id="1")])
        found = await storage.asearch(vector("tea"), limit=5)
        return [ids(found), await storage.adelete(record_ids=["1"]), await storage.asearch(vector("tea"))]

    assert asyncio.run(use()) == [["1"], 1, []]


def test_a_copy_writes_to_the_same_store(tmp_path: Path) -> None:
    storage = MemoriaStorage(Shared(tmp_path / "b.memoria", embedder=HashEmbedder()))
    kept = Memory(llm="scripted", storage=copy.deepcopy(storage), embedder=copy.deepcopy(storage.embed))
    kept.remember("Ada takes tea.", scope="/a", categories=["tea"], importance=0.5)
    assert [one.content for one in storage.list_records("/a")] == ["Ada takes tea."]
    assert kept.forget(scope="/a") == 1


def test_the_example_holds_its_claim(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("crewai_crew", ROOT / "examples" / "crewai_crew.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    said = "The tea house in Oslo opens at seven."
    assert example.run(tmp_path) == {
        "told": [False, True], "records": [(said, "/places", ["tea"])], "left": 0, "residue": 0
    }  # fmt: skip


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page("crewai") == "Ada takes her tea without sugar.\n0\n"
