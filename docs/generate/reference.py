"""docs/reference: one page per public module, from signatures and docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import griffe

from docs.generate import public
from docs.generate.public import Entry

FOLDER = "reference"
_WIDTH = 100
_KIND = griffe.DocstringSectionKind
_STARS = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}


def render() -> dict[str, str]:
    """The text of each page, by its path under docs/."""
    pages = {f"{FOLDER}/{page(name)}": "\n\n".join(_page(name)) + "\n" for name in public.MODULES}
    return {f"{FOLDER}/index.md": "\n\n".join(_index()) + "\n", **pages}


def page(module: str) -> str:
    """The file of a module."""
    return f"{module.removeprefix('memoria.')}.md"


def _index() -> Iterator[str]:
    yield "# Reference"
    yield "Every public name, from the source. Made by `make docs`."
    for module in public.MODULES:
        lines = [_listed(one) for one in public.entries() if one.module == module]
        yield f"## [{module}]({page(module)})"
        yield _first(public.module(module))
        if lines:
            yield "\n".join(lines)


def _listed(one: Entry) -> str:
    """A name with its link, and the first sentence about it."""
    sentence = re.split(r"(?<=[.;:]) ", _first(one.what))[0].rstrip(".;:")
    return f"- [{_plain(one.name)}]({page(one.module)}#{one.anchor}): {sentence}."


def _plain(name: str) -> str:
    """A name of which Markdown makes no bold one."""
    return name.replace("__", r"\_\_")


def _page(module: str) -> Iterator[str]:
    yield f"# {module}"
    yield "Made by `make docs`."
    yield public.summary(public.module(module))
    here = [one for one in public.entries() if one.module == module]
    yield from _elsewhere(module, {one.name for one in here})
    for entry in here:
        yield from _entry(entry)


def _elsewhere(module: str, here: set[str]) -> Iterator[str]:
    """Names that an earlier page describes."""
    known = {one.what.path: one for one in public.entries()}
    for name in public.exported(module):
        if name not in here:
            one = known[public.definition(public.module(module)[name]).path]
            yield f"`{name}` is described in [{one.module}]({page(one.module)}#{one.anchor})."


def _first(what: griffe.Object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(public.summary(what).split("\n\n")[0].split())


def _entry(entry: Entry) -> Iterator[str]:
    yield f"## {_plain(entry.name)}"
    if isinstance(entry.what, griffe.Class):
        yield from _class(entry, entry.what)
    elif isinstance(entry.what, griffe.Function):
        yield from _function(entry.what)
    elif isinstance(entry.what, griffe.Attribute):
        typed = "" if entry.what.annotation is None else f": {entry.what.annotation}"
        yield _code(f"{entry.name}{typed} = {entry.what.value}")
        yield public.summary(entry.what)


def _class(entry: Entry, kind: griffe.Class) -> Iterator[str]:
    made = kind.members.get("__init__")
    listed = public.fields(kind)
    bases = [_base(name) for name in public.bases(kind)]
    if bases:
        yield "A kind of " + ", ".join(bases) + "."
    if isinstance(made, griffe.Function) and not listed:
        yield _code(signature(made, name=entry.name, returns=False))
    yield public.summary(kind)
    yield from _fields(kind, listed)
    yield from _sections(kind, _KIND.parameters, _KIND.raises)
    if entry.module == public.STORES:
        contract = next(one for one in public.entries() if one.what.path == "memoria.protocols.Store")
        yield f"Its methods, most of which are described in [Store]({page(contract.module)}#{contract.anchor}):"
        yield _code("\n".join(_signatures(kind)))
        return
    yield from _methods(entry, kind)


def _base(name: str) -> str:
    """A base, with a link to where it is described."""
    for entry in public.entries():
        if entry.name == name:
            return f"[{name}]({page(entry.module)}#{entry.anchor})"
    return f"`{name}`"


def _fields(kind: griffe.Class, listed: Sequence[griffe.Attribute]) -> Iterator[str]:
    """Fields with type, default and what they are."""
    said = public.named(kind, _KIND.attributes)
    types = {one.name: f" (`{one.annotation}`{_default(one)})" for one in listed}
    if said or types:
        yield "**Fields**"
        yield "\n".join(
            f"- `{name}`{types.get(name, '')}: {' '.join(said.get(name, '').split())}".rstrip()
            for name in {**types, **said}
        )


def _default(one: griffe.Attribute) -> str:
    text = None if one.value is None else str(one.value)
    return "" if text is None or text.startswith("field(") else f", `{text}` by default"


def _signatures(kind: griffe.Class) -> Iterator[str]:
    for member in public.methods(kind):
        if isinstance(member, griffe.Function):
            yield signature(member)


def _methods(entry: Entry, kind: griffe.Class) -> Iterator[str]:
    shown = list(public.methods(kind))
    new = [one for one in shown if public.inherited(kind, one) is None]
    for member in new:
        yield f"### {entry.name}.{member.name}"
        if isinstance(member, griffe.Function):
            yield from _function(member)
        else:
            yield _code(f"{member.name}: {member.annotation}")
            yield public.summary(member)
            yield from _sections(member, _KIND.raises)
    names = [f"`{one.name}`" for one in shown if one not in new]
    if names:
        yield "As in its base: " + ", ".join(names) + "."


def _function(function: griffe.Function) -> Iterator[str]:
    yield _code("\n".join(signature(one) for one in (function.overloads or [function])))
    yield public.summary(function)
    yield from _sections(function, _KIND.parameters, _KIND.returns, _KIND.yields, _KIND.raises)


def _sections(what: griffe.Object, *kinds: griffe.DocstringSectionKind) -> Iterator[str]:
    titles = {_KIND.parameters: "Args", _KIND.returns: "Returns", _KIND.yields: "Yields", _KIND.raises: "Raises"}
    for section in public.sections(what):
        if section.kind in kinds:
            yield f"**{titles[section.kind]}**"
            yield "\n".join(_line(one) for one in section.value)


def _line(one: griffe.DocstringElement) -> str:
    text = " ".join(one.description.split())
    name = getattr(one, "name", None)
    if isinstance(one, griffe.DocstringRaise):
        name = str(one.annotation)
    return f"- `{name}`: {text}" if name else text


def signature(function: griffe.Function, *, name: str | None = None, returns: bool = True) -> str:
    """A call as the source declares it, over several lines when one is too short."""
    given = list(_parameters(function))
    end = f" -> {function.returns}" if returns and function.returns is not None else ""
    head = name or function.name
    short = f"{head}({', '.join(given)}){end}"
    if len(short) <= _WIDTH:
        return short
    return "\n".join([f"{head}(", *(f"    {one}," for one in given), f"){end}"])


def _parameters(function: griffe.Function) -> Iterator[str]:
    """Parameters without `self`, with the marks of those that go by place or by name alone."""
    keywords = positional = False
    for one in function.parameters:
        if one.name in ("self", "cls"):
            continue
        if positional and one.kind is not griffe.ParameterKind.positional_only:
            yield "/"
        if one.kind is griffe.ParameterKind.keyword_only and not keywords:
            yield "*"
        positional = one.kind is griffe.ParameterKind.positional_only
        keywords = keywords or one.kind in (griffe.ParameterKind.keyword_only, griffe.ParameterKind.var_positional)
        yield _parameter(one)
    if positional:
        yield "/"


def _parameter(one: griffe.Parameter) -> str:
    stars = _STARS.get(one.kind, "") if one.kind is not None else ""
    text = stars + one.name + (f": {one.annotation}" if one.annotation is not None else "")
    if one.default is None or stars:
        return text
    return f"{text} = {one.default}" if one.annotation is not None else f"{text}={one.default}"


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
