"""What is public: the modules listed here and the names in their `__all__`, read from the source without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[2]
# One page each, in the order of the index. A name in several is described on the first of their pages.
MODULES = (
    "memoria",
    "memoria.protocols",
    "memoria.stores",
    "memoria.policies",
    "memoria.policies.model",
    "memoria.traces",
    "memoria.arrays",
    "memoria.embedders",
    "memoria.models",
    "memoria.models.huggingface",
    "memoria.models.openai",
    "memoria.models.judge",
    "memoria.agent",
    "memoria.aio",
    "memoria.worker",
    "memoria.review",
    "memoria.transfer.backup.verbs",
    "memoria.transfer.copying",
    "memoria.transfer.foreign",
    "memoria.integrations.langgraph",
    "memoria.integrations.mcp",
    "memoria.integrations.anthropic",
    "memoria.integrations.openai_agents",
    "memoria.integrations.pydantic_ai",
    "memoria.integrations.llama_index",
    "memoria.integrations.langchain",
    "memoria.integrations.crewai",
    "memoria.integrations.adk",
    "memoria.integrations.otel",
    "memoria.testing",
    "memoria.testing.stores",
    "memoria.testing.keys",
    "memoria.testing.policies",
    "memoria.testing.postgres",
)
# Their verbs are those of `memoria.protocols.Store`: pages show signatures alone.
STORES = "memoria.stores"
_OPTIONS: dict[str, Any] = {"returns_named_value": False, "returns_multiple_items": False, "warnings": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A public name.

    Attributes:
        module: the module whose page describes it.
        name: as it is imported from there.
        what: its definition, wherever that is.
    """

    module: str
    name: str
    what: griffe.Object

    @property
    def anchor(self) -> str:
        """Its heading on the page, as links name it."""
        return self.name.lower()


@cache
def tree() -> griffe.Object:
    """The whole package."""
    package = griffe.load(
        "memoria", search_paths=[ROOT], resolve_aliases=True, allow_inspection=False, docstring_parser="google"
    )
    assert isinstance(package, griffe.Object)
    return package


def module(name: str) -> griffe.Object:
    """A module by its full name."""
    path = name.removeprefix("memoria").removeprefix(".")
    found = tree()[path] if path else tree()
    assert isinstance(found, griffe.Object)
    return found


def exported(name: str) -> list[str]:
    """The names in the `__all__` of a module, sorted; raises KeyError for a module without one."""
    names = module(name).exports
    if not names:
        raise KeyError(f"{name} has no __all__")
    return sorted((str(one) for one in names), key=lambda one: (one.startswith("_"), one.lower()))


@cache
def entries() -> tuple[Entry, ...]:
    """Every public name once, in the order of the pages."""
    seen: dict[str, Entry] = {}
    for place in MODULES:
        for name in exported(place):
            what = definition(module(place)[name])
            seen.setdefault(what.path, Entry(module=place, name=name, what=what))
    return tuple(seen.values())


def definition(found: griffe.Object | griffe.Alias) -> griffe.Object:
    """What an import leads to in the end."""
    return found.final_target if isinstance(found, griffe.Alias) else found


def fields(kind: griffe.Class) -> list[griffe.Attribute]:
    """The public fields of a dataclass or a typed dictionary, inherited ones first."""
    if "dataclass" not in kind.labels:
        return []
    inherited = [one for base in reversed(kind.mro()) for one in fields(base)]
    own = [one for one in kind.members.values() if isinstance(one, griffe.Attribute) and _is_field(one)]
    return list({one.name: one for one in (*inherited, *own)}.values())


def _is_field(one: griffe.Attribute) -> bool:
    # Variables of the class itself have no label of an instance.
    return one.annotation is not None and "instance-attribute" in one.labels and not one.name.startswith("_")


def bases(kind: griffe.Class) -> list[str]:
    """The nearest public base, and bases from elsewhere, by name; what lies between is nobody's concern."""
    found = [entry.name for base in kind.mro() for entry in entries() if entry.what is base]
    others = [base for base in kind.bases if isinstance(base, griffe.Expr)]
    return [*found[:1], *(str(base) for base in others if not base.canonical_path.startswith("memoria."))]


def methods(kind: griffe.Class) -> Iterator[griffe.Function | griffe.Attribute]:
    """The public methods and properties of a class, inherited ones too, by name; tests of a suite are none."""
    for name, member in sorted(kind.all_members.items()):
        what = definition(member)
        if name.startswith("test_") or (name.startswith("_") and name != "__call__"):
            continue
        if isinstance(what, griffe.Function) or (isinstance(what, griffe.Attribute) and "property" in what.labels):
            yield what


def inherited(kind: griffe.Class, member: griffe.Object) -> griffe.Object | None:
    """The member of a public base that describes this one too; None for a member that is described here.

    It is that of the base itself, or overridden here without a docstring. Members of bases that are not public, such
    as the parts of `Memoria`, are described here.
    """
    public_bases = [base for base in kind.mro() if any(entry.what is base for entry in entries())]
    for base in public_bases:
        if member.parent is base or (member.docstring is None and base.members.get(member.name, member) is not member):
            found = definition(base.all_members[member.name])
            return inherited(base, found) or found
    return None


def sections(what: griffe.Object) -> list[griffe.DocstringSection]:
    """A docstring, parsed; none for what has no docstring."""
    return [] if what.docstring is None else what.docstring.parse("google", **_OPTIONS)


def named(what: griffe.Object, kind: griffe.DocstringSectionKind) -> dict[str, str]:
    """The entries of a section with a text: names without stars, and the text. Raises, too, go by name."""
    found: dict[str, str] = {}
    for section in sections(what):
        if section.kind is kind:
            for one in (each for each in section.value if each.description.strip()):
                name = getattr(one, "name", None) or str(one.annotation)
                found[name.lstrip("*")] = one.description
    return found


def summary(what: griffe.Object) -> str:
    """The text of a docstring outside its sections."""
    texts = [section.value for section in sections(what) if section.kind is griffe.DocstringSectionKind.text]
    return "\n\n".join(texts)
