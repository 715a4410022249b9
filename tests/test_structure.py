"""Sizes of functions and classes, and no method that only raises NotImplementedError."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
MEDIAN, LONGEST, LARGEST = 7, 50, 260
# Methods that may only raise, and why. Tests fail if one of these is no longer needed.
MAY_RAISE = {
    "policies/model.py: Model.one": "a model gives it, and the base class is built on it",
    "memoria/testing/policies.py: PolicyConformance.policy": "a fixture that a subclass of the suite gives",
    "memoria/evaluation/bench/forgetting.py: _NoEmbedder.embed": "the benchmark gives its vectors; none is made",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> dict[str, str]:
    """The text of every file, by its path; links to folders are left out."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths if path.resolve() == path}


EVERYTHING = sources("memoria", "stores", "policies")


def nodes(source: str, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds))


def sizes(files: Mapping[str, str], *kinds: type[ast.AST]) -> dict[str, int]:
    """Lines of each function or class, decorators not counted, by `path:line name`."""
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, source in files.items()
        for node in nodes(source, *kinds)
        if isinstance(node, Function | ast.ClassDef)
    }


def functions(files: Mapping[str, str]) -> dict[str, int]:
    return sizes(files, ast.FunctionDef, ast.AsyncFunctionDef)


def above(found: Mapping[str, int], limit: int) -> dict[str, int]:
    return {name: lines for name, lines in found.items() if lines > limit}


def stubs(files: Mapping[str, str]) -> list[str]:
    """Methods whose body, without its docstring, only raises NotImplementedError; of no protocol or abstract class."""
    return [
        f"{path}: {owner.name}.{method.name}"
        for path, source in files.items()
        for owner in nodes(source, ast.ClassDef)
        if isinstance(owner, ast.ClassDef) and not is_abstract(owner)
        for method in owner.body
        if isinstance(method, Function) and only_raises(method)
    ]


def is_abstract(owner: ast.ClassDef) -> bool:
    given = [*owner.bases, *(keyword.value for keyword in owner.keywords)]
    return any(name(base) in {"Protocol", "ABC", "ABCMeta"} for base in given)


def only_raises(method: Function) -> bool:
    body = method.body[1:] if ast.get_docstring(method) is not None else method.body
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc
    return name(raised.func if isinstance(raised, ast.Call) else raised) == "NotImplementedError"


def name(node: ast.expr) -> str:
    """The last name of `a.b[c]`: b."""
    named = node.value if isinstance(node, ast.Subscript) else node
    return ast.unparse(named).split(".")[-1]


def test_functions_are_short() -> None:
    found = functions(EVERYTHING)
    assert median(found.values()) <= MEDIAN
    assert above(found, LONGEST) == {}


def test_functions_of_the_local_store_are_short() -> None:
    assert median(functions(sources("stores/local")).values()) <= MEDIAN


def test_no_class_of_the_local_store_is_large() -> None:
    assert above(sizes(sources("stores/local"), ast.ClassDef), LARGEST) == {}


def test_no_method_only_says_that_it_is_missing() -> None:
    assert [stub for stub in stubs(EVERYTHING) if not stub.startswith(tuple(MAY_RAISE))] == []


@pytest.mark.parametrize("stub", MAY_RAISE)
def test_exemptions_are_needed(stub: str) -> None:
    assert [one for one in stubs(EVERYTHING) if one.startswith(stub)] != []


def test_every_room_is_looked_at() -> None:
    rooms = {"memoria/types.py", "stores/local/core.py", "stores/postgres/core.py", "policies/model.py"}
    assert rooms <= set(EVERYTHING)
    assert not [path for path in EVERYTHING if path.startswith(("memoria/stores", "memoria/policies"))]


def body(lines: int) -> str:
    return "".join(f"    x = {n}\n" for n in range(lines - 1))


def test_the_guard_sees_a_long_function() -> None:
    assert above(functions({"a.py": f"def f():\n{body(LONGEST)}"}), LONGEST) == {}
    assert above(functions({"a.py": f"def f():\n{body(LONGEST + 1)}"}), LONGEST) == {"a.py:1 f": LONGEST + 1}
    assert above(functions({"a.py": f"async def f():\n{body(LONGEST + 1)}"}), LONGEST) == {"a.py:1 f": LONGEST + 1}


def test_the_guard_sees_functions_that_are_long_by_the_median() -> None:
    written = "".join(f"def f{n}():\n{body(lines)}" for n, lines in enumerate((2, MEDIAN + 1, MEDIAN + 1)))
    assert median(functions({"a.py": written}).values()) > MEDIAN


def test_the_guard_sees_a_large_class() -> None:
    assert above(sizes({"a.py": f"class A:\n{body(LARGEST)}"}, ast.ClassDef), LARGEST) == {}
    found = above(sizes({"a.py": f"class A:\n{body(LARGEST + 1)}"}, ast.ClassDef), LARGEST)
    assert found == {"a.py:1 A": LARGEST + 1}


@pytest.mark.parametrize(
    "said",
    [
        "raise NotImplementedError",
        "raise NotImplementedError('give it')",
        '"""Doc."""\n        raise NotImplementedError',
    ],
)
def test_the_guard_sees_a_stub(said: str) -> None:
    method = f"    def f(self) -> None:\n        {said}\n"
    assert stubs({"a.py": f"class A(B):\n{method}"}) == ["a.py: A.f"]
    assert stubs({"a.py": f"class A(B):\n{method.replace('def', 'async def')}"}) == ["a.py: A.f"]
    for abstract in ("Protocol", "typing.Protocol[T]", "abc.ABC", "metaclass=ABCMeta"):
        assert stubs({"a.py": f"class A({abstract}):\n{method}"}) == []


def test_the_guard_lets_methods_do_more_than_raise() -> None:
    method = "    def f(self) -> None:\n        if self.x:\n            raise NotImplementedError\n"
    assert stubs({"a.py": f"class A:\n{method}"}) == []
    assert stubs({"a.py": "class A:\n    def f(self) -> None:\n        raise ValueError\n"}) == []
