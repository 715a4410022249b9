"""What all integrations share: the extra that is named, pages and examples that run, filters and names."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.evaluation.bench.overhead import bench_langgraph
from memoria.integrations.anthropic import MemoriaMemoryTool
from memoria.integrations.filters import matches
from memoria.integrations.graph import KnowledgeGraph
from memoria.integrations.langgraph import MemoriaStore
from memoria.integrations.names import as_part, from_part
from memoria.integrations.openai_agents import MemoriaSession
from memoria.testing import HashEmbedder
from memoria.validate import check_namespace

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "langgraph": "langgraph",
    "mcp": "mcp",
    "anthropic": "anthropic",
    "openai_agents": "agents",
    "otel": "opentelemetry",
    "pydantic_ai": "pydantic_ai",
    "llama_index": "llama_index",
    "langchain": "langchain_core",
    "crewai": "crewai",
    "adk": "google",
}
# Their pages and examples are run by tests/apart.
APART = {"adk", "crewai"}
PAGES = [
    *(page for page in sorted((ROOT / "docs" / "integrations").glob("*.md")) if page.stem not in APART),
    ROOT / "docs" / "sharing.md",
]


@pytest.mark.parametrize("name", PACKAGES)
def test_without_its_package_it_names_the_command_that_installs_it(name: str) -> None:
    code = f"""
import sys
sys.modules[{PACKAGES[name]!r}] = None
import memoria
try:
    import memoria.integrations.{name}
except memoria.MissingExtra as error:
    print(isinstance(error, ImportError), error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    extra = name.replace("_", "-")
    assert done.stdout.startswith("True ")
    assert done.stdout.strip().endswith(f"pip install 'memoria-runtime[{extra}]'")
    assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()
    assert f"pip install 'memoria-runtime[{extra}]'" in (ROOT / "docs" / "integrations" / f"{extra}.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks or page.stem == "mcp"
    for block in blocks:
        # The page opens with the model that comes with memoria; here one without weights does.
        lighter = re.sub(r'\("([\w-]+\.memoria)"', r'("\1", embedder=HashEmbedder()', block)
        assert lighter != block
        exec(compile(lighter, str(page), "exec"), {"HashEmbedder": HashEmbedder})


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("langgraph_store", {"known": ["I take my tea without sugar"], "residue": 0}),
        ("claude_memory", {"residue": 0}),
        ("openai_session", {"items": 2, "recalled": "I take my tea without sugar.", "residue": 0}),
        ("traces", {"sleep_and_forget": ["upsert_memory", "delete_memory"], "content": 0}),
        ("llama_index_chat", {"told": True, "answer": "Ada takes her tea without sugar.", "left": 1, "residue": 0}),
        ("langchain_retriever", {"found": ["The tea house in Oslo opens at seven."], "residue": 0}),
        ("pydantic_ai_memory", {"second": "Ada takes her tea without sugar."}),
    ],
)
def test_an_example_holds_its_claim(name: str, claim: dict[str, Any], tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    example = importlib.util.module_from_spec(spec)
    sys.modules[name] = example  # its types are looked up there
    spec.loader.exec_module(example)
    report = example.run(tmp_path)
    report = asyncio.run(report) if inspect.iscoroutine(report) else report
    assert claim.items() <= report.items()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30))
def test_any_name_is_a_part_and_comes_back(name: str) -> None:
    part = as_part(name)
    assert check_namespace((part,)) == (part,)
    assert from_part(part) == name


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        (None, True),
        ({"a": 1}, True),
        ({"a": 1.0}, True),
        ({"a": "1"}, False),
        ({"a": {"$gt": 0, "$lt": 2}}, True),
        ({"a": {"$gt": "0"}}, False),
        ({"s": {"$gte": "tea"}}, True),
        ({"s": {"$lt": "tea"}}, False),
        ({"a": {"$ne": 1}}, False),
        ({"missing": {"$ne": 1}}, True),
        ({"missing": {"$gt": 0}}, False),
        ({"missing": None}, True),
        ({"deep.x": [1, 2]}, True),
        ({"deep": {"x": [1, 2]}}, True),
        ({"deep.x": [1]}, False),
        ({"deep.x.y": 1}, False),
        ({"dotted.name": 3}, True),
        ({"a": {"$eq": float("nan")}}, False),
    ],
)
def test_filters(asked: dict[str, Any] | None, fits: bool) -> None:
    assert matches({"a": 1, "s": "tea", "deep": {"x": [1, 2]}, "dotted.name": 3}, asked) is fits


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="Unsupported operator: \\$in"):
        matches({"a": 1}, {"a": {"$in": [1]}})


def test_the_benchmark_compares_stores_that_answer_alike(tmp_path: Path) -> None:
    steps: list[int] = []
    report = bench_langgraph(tmp_path, 200, lambda _what, done, _total: steps.append(done), rounds=20, seed=0)
    assert report["same_results"] == 1.0
    assert steps[:2] == [100, 200]
    for name in ("put", "search", "get", "update", "delete"):
        assert report[name]["ratio"] == pytest.approx(report[name]["memoria_ms"] / report[name]["sqlite_ms"])


class Records(Protocol):
    """What an adapter keeps, in its own words: texts under keys."""

    def put(self, key: str, text: str) -> None: ...
    def delete(self, key: str) -> None: ...
    def read(self) -> list[str]: ...


class Items:
    def __init__(self, memory: memoria.Memoria) -> None:
        self.store = MemoriaStore(memory, index={"fields": ["text"]})

    def put(self, key: str, text: str) -> None:
        self.store.put(("a",), key, {"text": text})

    def delete(self, key: str) -> None:
        self.store.delete(("a",), key)

    def read(self) -> list[str]:
        return sorted(item.value["text"] for item in self.store.search(("a",), limit=100))


class Files:
    def __init__(self, memory: memoria.Memoria) -> None:
        self.memory = memory
        self.tool = MemoriaMemoryTool(memory)

    def put(self, key: str, text: str) -> None:
        self.tool.call({"command": "create", "path": f"/memories/{key}", "file_text": text})

    def delete(self, key: str) -> None:
        self.tool.call({"command": "delete", "path": f"/memories/{key}"})

    def read(self) -> list[str]:
        paths = [
            line.split("\t")[1]
            for line in str(self.tool.call({"command": "view", "path": "/memories"})).split("\n")[2:]
        ]
        return sorted(str(self.tool.call({"command": "view", "path": path})).split("\t", 1)[1] for path in paths)


class Observed:
    def __init__(self, memory: memoria.Memoria) -> None:
        self.graph = KnowledgeGraph(memory)

    def put(self, key: str, text: str) -> None:
        self.graph.create_entities([{"name": key, "entityType": "thing", "observations": [text]}])

    def delete(self, key: str) -> None:
        self.graph.delete_entities([key])

    def read(self) -> list[str]:
        return sorted(text for entity in self.graph.read_graph()["entities"] for text in entity["observations"])


class Said:
    def __init__(self, memory: memoria.Memoria) -> None:
        self.memory = memory

    def session(self, key: str) -> MemoriaSession:
        return MemoriaSession(key, self.memory)

    def put(self, key: str, text: str) -> None:
        asyncio.run(self.session(key).add_items([{"role": "user", "content": text}]))

    def delete(self, key: str) -> None:
        asyncio.run(self.session(key).clear_session())

    def read(self) -> list[str]:
        found: list[Any] = []
        for key in ("one", "two", "three"):
            found += asyncio.run(self.session(key).get_items())
        return sorted(item["content"] for item in found)


@pytest.mark.parametrize("kind", [Items, Files, Observed, Said])
def test_a_record_stays_a_record(kind: Callable[[memoria.Memoria], Records]) -> None:
    """It is stored although it was just recalled, comes back after it was deleted, and no sleep puts it in a gist."""
    with memoria.open(":memory:", embedder=HashEmbedder()) as memory:
        records, text = kind(memory), "The meeting is on Monday at ten."
        records.put("one", text)
        assert text in [hit.memory.text for hit in memory.recall(text)]
        records.put("two", text)
        records.put("three", text)
        assert records.read() == [text] * 3
        records.delete("two")
        records.put("two", text)
        assert memory.sleep(at=memory.now() + timedelta(days=1)).absorbed == 0
        assert records.read() == [text] * 3
        for key in ("one", "two", "three"):
            records.delete(key)
        assert records.read() == []
        assert len(memory) == 0
