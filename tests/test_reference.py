"""Every public name is documented: parameters, results and errors by name; and the generated pages are up to date."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest

from docs.generate import public
from docs.generate.__main__ import pages
from docs.generate.public import Entry
from memoria import errors

DOCS = Path(__file__).parents[1] / "docs"
# NOT CHECKED for Returns and Raises: their docstrings are shown to language models, as descriptions of tools.
SHOWN_TO_MODELS = {
    f"memoria.integrations.pydantic_ai.MemoryCapability.{name}" for name in ("remember", "recall", "forget")
}
KIND = griffe.DocstringSectionKind
ENTRIES = public.entries()


def faults(what: griffe.Object) -> list[str]:
    """What is missing or wrong in the documentation of a public name."""
    if isinstance(what, griffe.Class):
        return [*in_class(what), *(fault for one in public.methods(what) for fault in in_method(what, one))]
    return in_member(what)


def in_method(kind: griffe.Class, method: griffe.Function | griffe.Attribute) -> list[str]:
    """A method is described here, or on a base that is described itself, and then has the same parameters."""
    base = public.inherited(kind, method)
    return in_member(method) if base is None else in_override(method, base)


def in_override(method: griffe.Object, base: griffe.Object) -> list[str]:
    if not isinstance(method, griffe.Function) or not isinstance(base, griffe.Function):
        return []
    return differences(f"{method.path}: parameter", parameters(method), parameters(base))


def parameters(function: griffe.Function) -> set[str]:
    return {one.name for one in function.parameters} - {"self", "cls"}


def in_member(what: griffe.Object) -> list[str]:
    found = in_text(what)
    if isinstance(what, griffe.Function):
        found += [*in_args(what, what), *in_raises(what, what)]
        if what.path not in SHOWN_TO_MODELS:
            found += in_returns(what)
    return found


def in_text(what: griffe.Object) -> list[str]:
    text = public.summary(what)
    if not text:
        return [f"{what.path}: no docstring"]
    return [f"{what.path}: raises, outside of Raises"] if "raises" in text.lower().split() else []


def in_class(kind: griffe.Class) -> list[str]:
    """Fields are listed, or the parameters of the constructor, in the docstring of the class."""
    found = in_text(kind)
    fields = {one.name for one in public.fields(kind)}
    if fields:
        found += differences(f"{kind.path}: field", fields, set(public.named(kind, KIND.attributes)))
    for name in ("__init__", "__post_init__"):
        made = kind.members.get(name)
        if isinstance(made, griffe.Function):
            found += [] if fields else in_args(made, kind)
            found += in_raises(made, kind)
    return found


def in_args(function: griffe.Function, documented: griffe.Object) -> list[str]:
    told = set(public.named(documented, KIND.parameters))
    return differences(f"{documented.path}: parameter", parameters(function), told)


def differences(what: str, given: set[str], told: set[str]) -> list[str]:
    missing = [f"{what} {name} is not described" for name in sorted(given - told)]
    return missing + [f"{what} {name} is described and not there" for name in sorted(told - given)]


def in_returns(function: griffe.Function) -> list[str]:
    told = [one for part in public.sections(function) if part.kind in (KIND.returns, KIND.yields) for one in part.value]
    gives = str(function.returns) not in ("None", "NoReturn")
    if bool(told) != gives:
        return [f"{function.path}: {'Returns is missing' if gives else 'returns nothing, and says otherwise'}"]
    # A colon in its first words makes the parser take them for a type.
    types = [str(one.annotation) for one in told]
    return [f"{function.path}: {one!r} is read as a type" for one in types if one not in str(function.returns)]


def in_raises(function: griffe.Function, documented: griffe.Object) -> list[str]:
    told = set(public.named(documented, KIND.raises))
    found = [f"{documented.path}: raises {name}, undocumented" for name in sorted(raised(function) - told)]
    return found + [f"{documented.path}: {name} is no error" for name in sorted(told) if not is_error(name, documented)]


def raised(function: griffe.Function) -> set[str]:
    """The errors that the body of a function raises itself, by name."""
    body = ast.parse(textwrap.dedent(function.source)).body  # empty for what a dataclass makes itself
    names = {name_of(one.exc) for node in body for one in walk(node) if isinstance(one, ast.Raise)}
    return names - {"", "NotImplementedError"}


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of functions inside."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from walk(child)


def name_of(raised: ast.expr | None) -> str:
    called = raised.func if isinstance(raised, ast.Call) else raised
    return called.id if isinstance(called, ast.Name) else ""


def is_error(name: str, documented: griffe.Object) -> bool:
    """Whether it is one of ours, of Python's, or of the framework that the module imports it from."""
    imported = documented.module.imports.get(name, "memoria")
    return name in errors.__all__ or hasattr(builtins, name) or not imported.startswith("memoria")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.module}.{entry.name}")
def test_is_documented(entry: Entry) -> None:
    if entry.module == public.STORES:
        assert in_text(entry.what) == []
        pytest.skip("NOT CHECKED: the parameters of stores; their verbs are those of memoria.protocols.Store")
    assert faults(entry.what) == []


def test_what_is_shown_to_models_says_no_more_than_its_arguments() -> None:
    """Whoever adds a Returns there changes what the model reads, and finds this list."""
    package = public.tree()
    found = [package[path.removeprefix("memoria.")] for path in sorted(SHOWN_TO_MODELS)]
    assert [one.path for one in found if public.named(one, KIND.returns) or public.named(one, KIND.raises)] == []


def test_every_integration_and_conformance_suite_has_a_page() -> None:
    helpers = {
        "confirming",
        "criteria",
        "documents",
        "filters",
        "graph",
        "items",
        "messages",
        "names",
        "threads",
        "versions",
    }
    modules = {f"memoria.integrations.{path.stem}" for path in (DOCS.parent / "memoria/integrations").glob("[a-z]*.py")}
    assert modules - set(public.MODULES) == {f"memoria.integrations.{name}" for name in helpers}
    assert {one.what.path for one in ENTRIES} >= {f"memoria.errors.{name}" for name in errors.__all__}


def test_generated_pages_have_not_drifted() -> None:
    made = pages()
    drifted = [path for path, text in made.items() if (DOCS / path).read_text() != text]
    assert drifted == [], "run `make docs`"
    there = {f"reference/{path.name}" for path in (DOCS / "reference").iterdir()}
    assert there == {path for path in made if path.startswith("reference/")}, "a page of no module is left"


SOUND = '''
def f(a: int, *rest: str, b: float = 0.0) -> int:
    """Adds.

    Args:
        a: one number.
        *rest: texts.
        b: another number, in [0, 1].

    Returns:
        The sum.

    Raises:
        InvalidQuery: b is not in [0, 1].
    """
    if b > 1:
        raise InvalidQuery("b")
    return 0
'''


def function(source: str) -> griffe.Object:
    module = griffe.visit("m", Path("m.py"), source)
    found = module["f"]
    assert isinstance(found, griffe.Object)
    module.lines_collection[Path("m.py")] = source.splitlines()
    return found


def test_a_sound_docstring_passes() -> None:
    assert faults(function(SOUND)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("        b: another number, in [0, 1].\n", "", "m.f: parameter b is not described"),
        ("        *rest: texts.\n", "", "m.f: parameter rest is not described"),
        ("        a: one number.", "        a:", "m.f: parameter a is not described"),
        ("        b: another", "        c: another", "m.f: parameter c is described and not there"),
        ("    Returns:\n        The sum.\n", "", "m.f: Returns is missing"),
        ("-> int:", "-> None:", "m.f: returns nothing, and says otherwise"),
        ("The sum.", "The sum: a + b.", "m.f: 'The sum' is read as a type"),
        ("The sum.", "In [0, 1]: the sum.", "m.f: 'In[0, 1]' is read as a type"),
        (
            "    Raises:\n        InvalidQuery: b is not in [0, 1].\n",
            "",
            "m.f: raises InvalidQuery, undocumented",
        ),
        ("        InvalidQuery: b is", "        NoSuchError: b is", "m.f: NoSuchError is no error"),
        ("Adds.", "Adds, and raises InvalidQuery.", "m.f: raises, outside of Raises"),
    ],
)
def test_the_guard_sees(old: str, new: str, fault: str) -> None:
    assert SOUND.count(old) == 1
    assert fault in faults(function(SOUND.replace(old, new)))


def test_the_guard_sees_a_field_without_a_word() -> None:
    text = '"""Two.\n\n    Attributes:\n        a: one.\n    """'
    source = f"from dataclasses import dataclass\n@dataclass\nclass f:\n    {text}\n    a: int\n    b: int\n"
    assert faults(function(source)) == ["m.f: field b is not described"]


def test_the_guard_sees_a_parameter_that_an_override_renames() -> None:
    model = public.module("memoria.policies.model")["Model"]
    renamed = function(SOUND.replace("a: int, *rest: str, b: float = 0.0", "trace: int, when: int"))
    assert isinstance(renamed, griffe.Function)
    assert in_override(renamed, model.members["one"]) == [
        "m.f: parameter when is not described",
        "m.f: parameter at is described and not there",
    ]
