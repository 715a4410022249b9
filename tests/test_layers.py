"""Imports go down only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RANKS = {
    "memoria.canonical": 0,
    "memoria.types": 0,
    "memoria.errors": 0,
    "memoria.traces": 0,
    "memoria.words": 1,
    "memoria.sketch": 1,
    "memoria.fingerprints": 1,
    "memoria.conversation": 1,
    "memoria.lexical": 1,
    "memoria.evidence": 1,
    "memoria.protocols": 1,
    "memoria.stores": 2,
    "memoria.policies": 2,
    "memoria.agent": 4,
    "memoria.aio": 4,
    "memoria.evaluation": 4,
    "memoria.integrations": 4,
    "memoria.service": 4,
    "memoria.cli": 5,
}
VERBS = 3


def rank(module: str) -> int:
    return next((RANKS[name] for name in RANKS if module == name or module.startswith(name + ".")), VERBS)


def arrows(module: str, source: str) -> Iterator[str]:
    """Imports in `source` that go up, or sideways between stores and policies."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            targets = [
                f"{node.module}.{alias.name}" if node.module == "memoria" else str(node.module) for alias in node.names
            ]
        elif isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        else:
            continue
        for target in targets:
            sideways = rank(module) == rank(target) == 2 and module.split(".")[1] != target.split(".")[1]
            if target.split(".")[0] in {"stores", "policies"}:
                yield f"{module}: bare import of {target}"
            elif target.startswith("memoria") and (rank(target) > rank(module) or sideways):
                yield f"{module} -> {target}"


def modules() -> Iterator[tuple[str, Path]]:
    for folder, prefix in (("memoria", ""), ("stores", "memoria."), ("policies", "memoria.")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = prefix + ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if not name.startswith(("memoria.stores", "memoria.policies")) or prefix:
                yield name.removesuffix(".__init__"), path


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: str(value)[-30:])
def test_arrows_go_down(module: str, path: Path) -> None:
    if module != "memoria":
        assert list(arrows(module, path.read_text())) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("memoria.types", "from memoria.engine import Memoria"),
        ("memoria.stores.local", "def f():\n    from memoria.validate import is_id"),
        ("memoria.stores.local", "import memoria.policies"),
        ("memoria.recall", "from memoria.cli.app import app"),
        ("memoria.recall", "import stores"),
    ],
)
def test_the_guard_sees_an_arrow_that_goes_up(module: str, source: str) -> None:
    assert list(arrows(module, source))
