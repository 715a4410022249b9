"""The deletion graph: what was made from what, and what therefore has to change when something is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter

from memoria.gist import without
from memoria.protocols import Change, Store
from memoria.types import Link, Memory, Record

Remake = Callable[[Memory, Record | None], Record]
"""From a memory that is made anew, and the record that it replaces if any, to its record with vector and trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What follows from forgetting some memories and changing others.

    gone: ids that go, parts of gists among them. changed: gists, or parts, as they are afterwards.
    freed: last parts of gists that are dissolved, memories of their own again. ends: who is valid again, until when.
    """

    gone: frozenset[str]
    changed: Mapping[str, Memory] = field(default_factory=dict)
    freed: tuple[Memory, ...] = ()
    ends: Mapping[str, datetime | None] = field(default_factory=dict)


def consequences(store: Store, gone: Collection[str], changed: Iterable[Memory] = ()) -> Consequences:
    """Follows every link downwards, parents before children, so that each descendant is decided once.

    A gist is made again from the parts that are left; one with fewer than two left is dissolved. Anything else that was
    derived from what goes or changes is gone, for nobody can take the lost part out of it.
    """
    lost, new = set(gone), {memory.id: memory for memory in changed}
    links = _downwards(store, [*lost, *new])
    freed: list[Memory] = []
    for id in _in_order(links, lost | new.keys()):
        if id in lost:
            continue
        (record,) = store.read([id])
        if record is None or not _touched(id, links, lost, new):
            continue
        if not record.memory.parts:
            lost.add(id)
            continue
        made = without(record.memory, lost, list(new.values()))
        if made is None:
            lost.add(id)
            freed += [new.get(part.id, part) for part in record.memory.parts if part.id not in lost]
        else:
            new[id] = made
    here = {record.memory.id for record in store.read([part.id for part in freed]) if record is not None}
    return Consequences(
        gone=frozenset(lost),
        changed=new,
        freed=tuple(part for part in freed if part.id not in here),
        ends=_reinstated(store, lost),
    )


def _downwards(store: Store, ids: Sequence[str]) -> list[Link]:
    """Every link of derivation below `ids`."""
    found: dict[Link, None] = {}
    seen, front = set(ids), list(ids)
    while front:
        below = [link for link in store.links(front) if link.relation == "derived" and link.parent in seen]
        found |= dict.fromkeys(below)
        front = list({link.child for link in below} - seen)
        seen |= set(front)
    return list(found)


def _in_order(links: Sequence[Link], roots: Iterable[str]) -> list[str]:
    graph: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(roots), ()))
    for link in links:
        graph.add(link.child, link.parent)
    return list(graph.static_order())


def _touched(id: str, links: Sequence[Link], lost: Collection[str], new: Mapping[str, Memory]) -> bool:
    return any(link.child == id and (link.parent in lost or link.parent in new) for link in links)


def _reinstated(store: Store, lost: Collection[str]) -> dict[str, datetime | None]:
    """Memories that one of the lost had superseded, and until when they were valid before."""
    found = [link for link in store.links(list(lost)) if link.relation == "supersedes"]
    return {link.parent: link.was for link in found if link.child in lost and link.parent not in lost}


def change(store: Store, effects: Consequences, remake: Remake, roots: Sequence[Record] = ()) -> Change:
    """What the store has to do for these consequences: parts that live in no row of their own are seen to by gists.

    roots: the records that were changed to begin with, as they will be.
    """
    given = {record.memory.id: record for record in roots}
    touched = [*effects.gone, *effects.changed]
    live = {record.memory.id: record for record in store.read(touched) if record is not None}
    return Change(
        erase=tuple(sorted(id for id in effects.gone if id in live)),
        replace=tuple(
            given.get(id) or remake(memory, live[id]) for id, memory in effects.changed.items() if id in live
        ),
        add=tuple(remake(part, None) for part in effects.freed),
        ends=effects.ends,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Everything that a memory was made from or superseded, and that was made from it or superseded it.

    memories: by id, parts of gists among them; an id without one is of what was pruned. links: parents before children.
    """

    of: str
    memories: Mapping[str, Memory]
    links: tuple[Link, ...]

    def text(self, width: int = 60) -> str:
        """The graph as an indented tree, ancestors first; what was drawn before is named by its id alone."""
        below: dict[str, list[Link]] = {}
        for link in self.links:
            below.setdefault(link.parent, []).append(link)
        roots = sorted({link.parent for link in self.links} - {link.child for link in self.links}) or [self.of]
        drawn: set[str] = set()
        return "\n".join(line for root in roots for line in self._branch(root, below, drawn, 0, "", width))

    def _branch(
        self, id: str, below: Mapping[str, list[Link]], drawn: set[str], depth: int, how: str, width: int
    ) -> list[str]:
        lines = ["  " * depth + how + self._label(id, width if id not in drawn else 0)]
        if id in drawn:
            return lines
        drawn.add(id)
        for link in below.get(id, ()):
            how = "-> " if link.relation == "derived" else "superseded by "
            lines += self._branch(link.child, below, drawn, depth + 1, how, width)
        return lines

    def _label(self, id: str, width: int) -> str:
        mark = "*" if id == self.of else " "
        memory = self.memories.get(id)
        said = "(pruned)" if memory is None else " / ".join(memory.text.splitlines())
        short = said if len(said) <= width else said[: max(width - 1, 0)] + "\N{HORIZONTAL ELLIPSIS}" * (width > 0)
        return f"{mark}{id} {short}".rstrip()


def lineage(store: Store, id: str) -> Lineage:
    """The graph around a memory: all above it, and all below."""
    links = {*_reach(store, id, "parent"), *_reach(store, id, "child")}
    ids = sorted({id, *(end for link in links for end in (link.parent, link.child))})
    live = {record.memory.id: record.memory for record in store.read(ids) if record is not None}
    parts = {part.id: part for memory in live.values() for part in memory.parts}
    known = {one: memory for one, memory in {**parts, **live}.items() if one in ids}
    return Lineage(of=id, memories=known, links=tuple(sorted(links, key=lambda link: (link.parent, link.child))))


def _reach(store: Store, id: str, towards: str) -> set[Link]:
    """Every link passed when walking from a memory towards its parents, or its children."""
    away = "child" if towards == "parent" else "parent"
    found: set[Link] = set()
    front = [id]
    while front:
        passed = {link for link in store.links(front) if getattr(link, away) in front} - found
        found |= passed
        front = list({getattr(link, towards) for link in passed})
    return found
