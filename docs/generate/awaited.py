"""Writes memoria/aio/memory.py from the source of Memoria: each public verb, awaited.

What a verb takes, returns and says is copied; a verb that returns a view (`Self`) is not awaited.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from memoria.engine import opening
from memoria.engine.memory import Memoria

TARGET = Path(__file__).parents[2] / "memoria" / "aio" / "memory.py"
HEAD = '''"""AsyncMemoria: the verbs of Memoria, awaited.

Generated from memoria/engine by docs/generate/awaited.py (`make docs`): change the verbs there, not here.
"""

from __future__ import annotations
'''
CLASS = '''@spelled
class AsyncMemoria(AsyncView):
    """A memory whose verbs are awaited, each in a worker thread; see docs/async.md.

    Made by `memoria.aio.open`. `namespace`, `reinforcing` and `reading_as` give other views at once, without `await`.
    Cancelling the task that awaits a verb does not stop a verb that has begun: its thread finishes it.

    Wherever a verb takes ids, it takes memories as well.
    """
'''


# So many arguments that are named make a call long; they are passed in these then.
_MANY = 7
_GATHERED = ("how", "more", "rest")


class Origin(NamedTuple):
    """Where a name is defined. typing_only: whether it is imported for annotations alone."""

    module: str
    name: str
    typing_only: bool = False


OWN = {
    "Any": Origin("typing", "Any"),
    "AsyncView": Origin("memoria.aio.threads", "AsyncView"),
    "Opening": Origin("memoria.aio.threads", "Opening"),
    "open_memoria": Origin("memoria.engine.opening", "open"),
    "spelled": Origin("memoria.engine.arguments", "spelled"),
}


def render() -> str:
    """The module, formatted."""
    classes = [cls for cls in Memoria.__mro__ if cls is not object]
    parts = [*map(awaited, public(classes)), opener()]
    modules = dict.fromkeys(sys.modules[cls.__module__] for cls in classes) | {opening: None}
    head = imports(names(parts) | OWN.keys(), modules)
    *verbs, function = map(ast.unparse, parts)
    verbs = [f"    {line}" for verb in verbs for line in verb.splitlines()]
    return formatted("\n".join([HEAD, head, CLASS, *verbs, function]))


def public(classes: Iterable[type]) -> Iterator[ast.FunctionDef]:
    """Public methods, overloads before what they are of; a method counts where it is found first."""
    seen: set[str] = set()
    for cls in classes:
        (node,) = ast.parse(inspect.getsource(cls)).body
        assert isinstance(node, ast.ClassDef)
        found = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
        yield from (one for one in found if one.name not in seen)
        seen |= {one.name for one in found}


def awaited(verb: ast.FunctionDef) -> ast.stmt:
    """The method of AsyncMemoria that a verb becomes."""
    kinds = {ast.unparse(one) for one in verb.decorator_list}
    returns = "" if verb.returns is None else ast.unparse(verb.returns)
    first, given = gathered(verb.args)
    call = f"self.sync.{verb.name}({given})"
    if "overload" in kinds:
        return rebuilt(verb, "...", "async def")
    if "property" in kinds:
        return rebuilt(verb, f"return self.sync.{verb.name}", "def")
    if returns == "Self":
        return rebuilt(verb, f"return self._view({call})", "def")
    work = "self._close()" if verb.name == "close" else f"self._threads.run(lambda: {call})"
    return rebuilt(verb, first + (f"await {work}" if returns == "None" else f"return await {work}"), "async def")


def opener() -> ast.stmt:
    """The function that opens."""
    (verb,) = ast.parse(inspect.getsource(opening.open)).body
    assert isinstance(verb, ast.FunctionDef)
    verb.returns = ast.parse("Opening[AsyncMemoria]", mode="eval").body
    first, given = gathered(verb.args)
    made = rebuilt(verb, f"{first}return Opening(lambda: AsyncMemoria(open_memoria({given})))", "def")
    told = made.body[0]
    assert isinstance(told, ast.Expr)
    assert isinstance(told.value, ast.Constant)
    assert isinstance(told.value.value, str)
    told.value.value = told.value.value.replace(
        "The memory; close it, or use it in a `with` block.",
        "What `await` and `async with` make a memory of; `async with` closes it too.",
    )
    return made


def rebuilt(verb: ast.FunctionDef, work: str, kind: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The same decorators, signature and docstring with another body."""
    (made,) = ast.parse(f"{kind} {verb.name}():\n    {work}").body
    assert isinstance(made, ast.FunctionDef | ast.AsyncFunctionDef)
    made.decorator_list, made.args, made.returns = verb.decorator_list, verb.args, verb.returns
    made.body = [*(verb.body[:1] if ast.get_docstring(verb) else []), *made.body]
    return made


def passed(arguments: ast.arguments) -> str:
    """The arguments of a call that passes on everything that was given."""
    given = [one.arg for one in arguments.args if one.arg != "self"]
    given += [f"*{arguments.vararg.arg}"] if arguments.vararg is not None else []
    given += [f"{one.arg}={one.arg}" for one in arguments.kwonlyargs]
    given += [f"**{arguments.kwarg.arg}"] if arguments.kwarg is not None else []
    return ", ".join(given)


def gathered(arguments: ast.arguments) -> tuple[str, str]:
    """Statements before a call that would be long, "" for most, and the arguments of the call."""
    named = [one.arg for one in arguments.kwonlyargs]
    if len(named) < _MANY:
        return "", passed(arguments)
    size = -(-len(named) // len(_GATHERED))
    first = ""
    for n, name in enumerate(_GATHERED):
        pairs = ", ".join(f"'{one}': {one}" for one in named[n * size : (n + 1) * size])
        first += f"{name}: dict[str, Any] = {{{pairs}}}\n    "
    rest = ast.arguments(**{**vars(arguments), "kwonlyargs": [], "kw_defaults": [], "kwarg": None})
    more = [f"**{name}" for name in _GATHERED]
    more += [f"**{arguments.kwarg.arg}"] if arguments.kwarg is not None else []
    return first, ", ".join([one for one in [passed(rest)] if one] + more)


def names(parts: Iterable[ast.stmt]) -> set[str]:
    """Every name that is read."""
    return {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}


def imports(used: set[str], modules: Iterable[ModuleType]) -> str:
    """The statements that import these names from where they are defined."""
    known = dict(OWN)
    for module in modules:
        for name, origin in origins(module):
            if name in used and known.setdefault(name, origin) != origin and not the_same(known[name], origin):
                raise SystemExit(f"{name} is {known[name]} and {origin}: give one of them another name")
    found = sorted((origin, name) for name, origin in known.items() if name in used)
    eager = [line(origin, name) for origin, name in found if not origin.typing_only]
    lazy = [f"    {line(origin, name)}" for origin, name in found if origin.typing_only]
    typing = ["from typing import TYPE_CHECKING", "if TYPE_CHECKING:", *lazy] if lazy else []
    return "\n".join([*eager, *typing])


def line(origin: Origin, name: str) -> str:
    """One import."""
    return f"from {origin.module} import {origin.name}" + (f" as {name}" if name != origin.name else "")


def origins(module: ModuleType) -> Iterator[tuple[str, Origin]]:
    """The names at the top of a module, and where each comes from."""
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if isinstance(node, ast.If):  # TYPE_CHECKING
            yield from (pair for one in node.body for pair in imported(one, typing_only=True))
        elif isinstance(node, ast.Assign):
            yield from ((one.id, Origin(module.__name__, one.id)) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.ClassDef):
            yield node.name, Origin(module.__name__, node.name)
        else:
            yield from imported(node, typing_only=False)


def imported(node: ast.stmt, *, typing_only: bool) -> Iterator[tuple[str, Origin]]:
    """The names that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        for one in node.names:
            yield one.asname or one.name, Origin(str(node.module), one.name, typing_only)


def the_same(one: Origin, other: Origin) -> bool:
    """Whether two modules mean the same by a name: an alias written twice, or an import for types alone."""
    return one.name == other.name and (
        one.module == other.module
        or getattr(sys.modules[one.module], one.name, one) == getattr(sys.modules[other.module], other.name, other)
    )


def formatted(text: str) -> str:
    """The text as ruff writes it, imports sorted and none unused."""
    for how in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *how, "--stdin-filename", str(TARGET), "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=TARGET.parents[2])
        if done.returncode != 0:
            raise SystemExit(done.stdout + done.stderr)
        text = done.stdout
    return text
