"""Imports go down only, in every room; nothing is in a circle; a module that no rank names fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up. Names on one line are neighbours: none of them imports another.
FLOORS = (
    (
        "memoria.audience",
        "memoria.canonical",
        "memoria.errors",
        "memoria.arrays",
        "memoria.metadata",
        "memoria.version",
    ),
    ("memoria.zones",),
    ("memoria.types", "memoria.extras", "memoria.plugins", "memoria.process", "memoria.ranking"),
    ("memoria.traces", "memoria.validate", "memoria.identity", "memoria.callables", "memoria.encoders"),
    ("memoria.periods",),
    ("memoria.proof", "memoria.text"),
    ("memoria.protocols",),
    ("memoria.english", "memoria.embedders", "memoria.stores", "memoria.policies"),
    ("memoria.access", "memoria.retention", "memoria.learnt"),
    ("memoria.derived",),
    ("memoria.standing",),
    ("memoria.remember", "memoria.recall"),
    ("memoria.change",),
    ("memoria.distill",),
    ("memoria.forget", "memoria.models"),
    ("memoria.extraction", "memoria.subject"),
    ("memoria.observe",),
    ("memoria.engine",),
    ("memoria.data", "memoria.transfer", "memoria.sharing", "memoria.worker", "memoria.testing", "memoria.review"),
    ("memoria.agent",),
    ("memoria.aio", "memoria.integrations"),
    ("memoria.service", "memoria.evaluation"),
    ("memoria.warm", "memoria.console"),
    ("memoria.cli",),
    ("memoria.command",),
)
RANKS = {name: rank for rank, floor in enumerate(FLOORS) for name in floor}


def room(module: str) -> str:
    """The file or folder directly under `memoria` that a module is, or is in."""
    return ".".join(module.split(".")[:2])


def modules() -> dict[str, Path]:
    found = {}
    for folder, prefix in (("memoria", ""), ("stores", "memoria."), ("policies", "memoria.")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = prefix + ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if prefix or not name.startswith(("memoria.stores", "memoria.policies")):
                found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(source: str) -> Iterator[str]:
    """Every module of ours that `source` imports, wherever in it, for types alone too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def wrong(module: str, source: str) -> Iterator[str]:
    """Imports in `source` that go up, or aside, or to a module without a rank."""
    if room(module) not in RANKS:
        yield f"{module} has no rank"
        return
    for target in imported(source):
        if target.split(".")[0] in {"stores", "policies"}:
            yield f"{module}: bare import of {target}"
        elif target.split(".")[0] == "memoria" and room(target) != room(module):
            if room(target) not in RANKS:
                yield f"{module} -> {target}, which has no rank"
            elif RANKS[room(target)] >= RANKS[room(module)]:
                yield f"{module} -> {target}"


@pytest.mark.parametrize("module", [name for name in MODULES if name != "memoria"])
def test_imports_go_down(module: str) -> None:
    assert list(wrong(module, MODULES[module].read_text())) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {target for target in imported(path.read_text()) if target in MODULES and target not in (name, "memoria")}
        for name, path in MODULES.items()
        if name != "memoria"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


def test_every_rank_is_of_something() -> None:
    assert set(RANKS) == {room(name) for name in MODULES if name != "memoria"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("memoria.types", "from memoria.engine.memory import Memoria"),
        ("memoria.types", "if TYPE_CHECKING:\n    from memoria.protocols import Store"),
        ("memoria.stores.local", "def f():\n    from memoria.recall import search"),
        ("memoria.stores.local", "import memoria.policies"),
        ("memoria.recall.search", "from memoria.cli.app import app"),
        ("memoria.recall.search", "import stores"),
        ("memoria.novelty", "import os"),
        ("memoria.cli.app", "from memoria.novelty import thing"),
    ],
)
def test_the_guard_sees(module: str, source: str) -> None:
    assert list(wrong(module, source))
