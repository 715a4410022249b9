"""Public names: every type that a verb takes or returns has one, and each is found where it is said to be."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, is_typeddict

import pytest

import memoria
from memoria.engine import opening

ROOT = Path(__file__).parents[1]
ENTRIES = (memoria.Memoria, memoria.Agent, memoria.AsyncMemoria, memoria.AsyncAgent)
PUBLIC = [getattr(memoria, name) for name in memoria.__all__] + [
    getattr(module, name) for module in map(memoria.__getattr__, memoria._MODULES) for name in module.__all__
]


def origins(module: ModuleType) -> dict[str, str]:
    """The module that each name at the top of `module` comes from, names for annotations alone included."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}:{one.name}" for one in node.names}
    return found


def classes(roots: tuple[type, ...]) -> Iterator[type]:
    for root in roots:
        yield from (cls for cls in root.__mro__ if cls.__module__.startswith("memoria."))


def annotated(of: type | Callable[..., Any]) -> Iterator[ast.expr]:
    """The annotations of a function, or of the public methods of a class and of making an object."""
    (tree,) = ast.parse(inspect.getsource(of)).body
    for node in tree.body if isinstance(tree, ast.ClassDef) else [tree]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
            not node.name.startswith("_") or node.name == "__init__"
        ):
            arguments = node.args
            given = [*arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            yield from (one.annotation for one in given if one is not None and one.annotation is not None)
            if node.returns is not None:
                yield node.returns


def meant(names: Iterator[ast.expr], module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What of ours annotations name. An alias for a builtin container stands for what is in it."""
    known = origins(module)
    for name in {one.id for tree in names for one in ast.walk(tree) if isinstance(one, ast.Name)}:
        where, _, there = known.get(name, f"{module.__name__}:{name}").partition(":")
        if not where.startswith("memoria") or not hasattr(import_module(where), there):
            continue
        home = import_module(where)
        value = getattr(home, there)
        if getattr(value, "__origin__", None) in (list, tuple):
            (assigned,) = (
                node.value
                for node in ast.parse(inspect.getsource(home)).body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == there
            )
            yield from meant(iter([assigned]), home)
        else:
            yield name, value


def named() -> Iterator[tuple[str, Any]]:
    """What of ours the verbs, the functions that open, and the fields of public values name."""
    for cls in classes(ENTRIES):
        yield from meant(annotated(cls), sys.modules[cls.__module__])
    for function in (opening.open, memoria.copy, memoria.aio.open):
        yield from meant(annotated(function), sys.modules[function.__module__])
    for cls in (one for one in PUBLIC if isinstance(one, type) and dataclasses.is_dataclass(one)):
        fields = [ast.parse(str(one.type), mode="eval").body for one in dataclasses.fields(cls)]
        yield from meant(iter(fields), sys.modules[cls.__module__])
    for cls in filter(is_typeddict, PUBLIC):
        texts = (getattr(one, "__forward_arg__", str(one)) for one in cls.__annotations__.values())
        yield from meant((ast.parse(text, mode="eval").body for text in texts), sys.modules[cls.__module__])


def is_public(value: object) -> bool:
    return any(value is one for one in PUBLIC)


def test_every_type_that_a_verb_names_is_public() -> None:
    found = list(named())
    assert {"Night", "Need", "Pruning", "Recipe", "DetectorLike", "Guard", "Answer"} <= {name for name, _ in found}
    assert sorted({name for name, value in found if not is_public(value)}) == []


def test_what_is_not_public_is_seen() -> None:
    from memoria.change.consolidate import Grouping
    from memoria.engine import change

    (one,) = meant(iter([ast.parse("Grouping", mode="eval").body]), change)
    assert one == ("Grouping", Grouping)
    assert not is_public(Grouping)


def test_checkers_and_python_find_the_same_names_in_the_same_places() -> None:
    tree = ast.parse((ROOT / "memoria" / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for one in node.names:
            there = "" if one.asname is None else f":{one.name}"
            typed[one.asname or one.name] = f"{node.module}{there}"
    lazy = memoria._LAZY | dict.fromkeys(memoria._MODULES, "memoria")
    assert typed == lazy
    assert lazy.keys() <= set(memoria.__all__)


def test_no_name_is_public_twice() -> None:
    assert sorted(memoria.__all__) == sorted(set(memoria.__all__))


@pytest.mark.parametrize("name", ["Night", "stores", "AsyncMemoria"])
def test_dir_shows_what_is_loaded_late(name: str) -> None:
    assert name in dir(memoria)


def test_importing_loads_none_of_what_is_loaded_late() -> None:
    code = "import sys, memoria; print(*sorted(one for one in sys.modules if one.startswith('memoria')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [
        "memoria",
        "memoria.audience",
        "memoria.canonical",
        "memoria.errors",
        "memoria.metadata",
        "memoria.types",
        "memoria.version",
    ]


def test_importing_takes_less_than_a_third_of_a_second() -> None:
    """In time of the processor, of which others that run beside it take none; once is enough to show that it can."""
    code = "import time; start = time.process_time(); import memoria; print(time.process_time() - start)"
    command = [sys.executable, "-c", code]

    def took() -> float:
        return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    assert any(took() < 0.3 for _ in range(10))
