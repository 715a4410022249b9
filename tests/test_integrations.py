"""What all integrations share: the extra that is named, pages and examples that run, filters and names."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoria.integrations.filters import holds
from memoria.integrations.names import as_part, from_part
from memoria.validate import check_namespace

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "langgraph": "langgraph",
    "mcp": "mcp",
    "anthropic": "anthropic",
    "openai_agents": "agents",
    "pydantic_ai": "pydantic_ai",
}
PAGES = [*sorted((ROOT / "docs" / "integrations").glob("*.md")), ROOT / "docs" / "sharing.md"]


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
    assert done.stdout.strip().endswith(f"pip install 'memoria[{extra}]'")
    assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()
    assert f"pip install 'memoria[{extra}]'" in (ROOT / "docs" / "integrations" / f"{extra}.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks or page.stem == "mcp"
    for block in blocks:
        # The page opens with the model that comes with memoria; here one without weights does.
        lighter = block.replace(
            '("agent.memoria"', '("agent.memoria", embedder=__import__("memoria.testing").testing.HashEmbedder()'
        )
        assert lighter != block
        exec(compile(lighter, str(page), "exec"), {"__name__": "page"})


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("langgraph_store", {"known": ["I take my tea without sugar"], "residue": 0}),
        ("claude_memory", {"residue": 0}),
        ("openai_session", {"items": 2, "recalled": "I take my tea without sugar.", "residue": 0}),
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
    assert holds({"a": 1, "s": "tea", "deep": {"x": [1, 2]}, "dotted.name": 3}, asked) is fits


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="Unsupported operator: \\$in"):
        holds({"a": 1}, {"a": {"$in": [1]}})
