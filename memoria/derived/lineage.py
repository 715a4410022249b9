"""The deletion graph: what was made from what, and what has to change when a memory is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from memoria.derived.gist import freed as freed_part
from memoria.derived.gist import without
from memoria.derived.undoing import Undone, about, closing, judged, undone
from memoria.protocols import Change, Store
from memoria.types import Link, Memory, Record
from memoria.validate import is_id

_ACROSS, _DOWN = 280, 56
_BATCH = 1000
_HOW = {"derived": "-> ", "supersedes": "superseded by ", "doubts": "doubted by ", "ends": "ended by "}
# A doubt that the user has denied.
_KEPT = "kept beside "
Remake = Callable[[Memory, Record | None], Record]
"""Takes a memory that is made again, and the record it replaces or None; returns its record, with vector and trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What follows from forgetting some memories and changing others.

    gone: ids to erase, parts of gists included. changed: by id, gists or parts as they are afterwards.
    freed: the last parts of dissolved gists, which become memories of their own again.
    undone: what stands again, because what ended it goes.
    """

    gone: frozenset[str]
    changed: Mapping[str, Memory] = field(default_factory=dict)
    freed: tuple[Memory, ...] = ()
    undone: Undone = field(default_factory=Undone)


def memories(store: Store, ids: Sequence[str]) -> dict[str, Memory]:
    """The stored memories with these ids, by id, in the order of `ids`. Parts of gists are not found."""
    found: dict[str, Memory] = {}
    # Each record brings its vector, so many records are read in batches.
    for at in range(0, len(ids), _BATCH):
        found |= {one.memory.id: one.memory for one in store.read(ids[at : at + _BATCH]) if one is not None}
    return found


def parts(store: Store, ids: Collection[str]) -> dict[str, Memory]:
    """The parts of gists that have these ids."""
    children = sorted({link.child for link in store.links(sorted(ids)) if link.parent in ids}) if ids else []
    return {part.id: part for gist in memories(store, children).values() for part in gist.parts if part.id in ids}


def unrestricted(store: Store, found: Mapping[str, Memory], shown: Collection[str] = ()) -> dict[str, Memory]:
    """Those of these memories, by id, that are not restricted. shown: ids that stay either way."""
    traces = zip(found, store.traces(list(found)), strict=True)
    kept = {id for id, trace in traces if trace is None or not trace.restricted}
    return {id: memory for id, memory in found.items() if id in kept or id in shown}


def homes(store: Store, ids: Collection[str]) -> dict[str, str]:
    """For those of `ids` that are parts of gists, the id of the gist."""
    children = sorted({link.child for link in store.links(sorted(ids)) if link.parent in ids}) if ids else []
    gists = memories(store, children).values()
    return {part.id: gist.id for gist in gists for part in gist.parts if part.id in ids}


def living(store: Store, ids: Collection[str]) -> dict[str, Memory]:
    """The stored memories with these ids, by id, parts of gists included."""
    found = memories(store, sorted(ids))
    return found | parts(store, set(ids) - found.keys())


def consequences(
    store: Store,
    gone: Collection[str],
    changed: Iterable[Memory] = (),
    *,
    split: Sequence[Memory] = (),
) -> Consequences:
    """Follows every link downwards, parents before children, so that each descendant is decided once.

    A gist is made again from the parts that are left; one with fewer than two left is dissolved. Anything else that was
    derived from what goes or changes is gone, for nobody can take the lost part out of it. split: gists among `gone` of
    which the parts that are not there stay. What a statement that changes had ended stands again.
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
        made = without(record.memory, lost, list(new.values()), store.language)
        if made is None:
            lost.add(id)
            freed += [_freed(store, new.get(part.id, part), record.memory, lost) for part in record.memory.parts]
        else:
            new[id] = made
    freed += [_freed(store, new.get(part.id, part), gist, lost) for gist in split for part in gist.parts]
    freed = [part for part in freed if part.id not in lost]
    here = memories(store, [part.id for part in freed])
    return Consequences(
        gone=frozenset(lost),
        changed=new,
        freed=tuple(part for part in freed if part.id not in here),
        undone=_reinstated(store, lost, new),
    )


def _freed(store: Store, part: Memory, gist: Memory, lost: Collection[str]) -> Memory:
    """A part that its gist leaves behind, ended as that was, unless what had ended it goes too."""
    if gist.valid_to is None or any(link.child in lost for link in closing(store, {gist.id})):
        return part
    return freed_part(part, gist)


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


def _reinstated(store: Store, lost: Collection[str], changed: Collection[str]) -> Undone:
    """What was superseded by one of `lost`, or ended by a statement that is lost or changes, stands again.

    So does a memory that changes and was ended by a statement: the statement was read beside what it was.
    """
    found = closing(store, {*lost, *changed})
    taken = [link for link in found if link.child in lost and link.relation == "supersedes"]
    return undone(store, [*taken, *judged(found, lost), *judged(found, changed), *about(found, changed)], lost)


def change(store: Store, effects: Consequences, remake: Remake, roots: Sequence[Record] = ()) -> Change:
    """What the store has to do for these consequences. A part without a row of its own changes with its gist.

    roots: the records whose change caused them, as they will be.
    """
    given = {record.memory.id: record for record in roots}
    touched = [*effects.gone, *effects.changed]
    live = {record.memory.id: record for record in store.read(touched) if record is not None}
    ends = effects.undone.ends
    changed = {id: replace(memory, valid_to=ends.get(id, memory.valid_to)) for id, memory in effects.changed.items()}
    return Change(
        erase=tuple(sorted(id for id in effects.gone if id in live)),
        replace=tuple(given.get(id) or remake(memory, live[id]) for id, memory in changed.items() if id in live),
        add=tuple(remake(part, None) for part in effects.freed),
        ends={id: end for id, end in ends.items() if id not in live or id not in changed or id in given},
        links=effects.undone.links,
        unlinks=effects.undone.unlinks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Everything that a memory was made from, superseded or doubts, and that was made from it, superseded or doubts it.

    Attributes:
        of: the id that was asked about.
        memories: memories of the graph by id, parts of gists among them; none for an id that was forgotten.
        links: parents before children.
    """

    of: str
    memories: Mapping[str, Memory]
    links: tuple[Link, ...]

    def text(self, width: int = 60) -> str:
        """The graph as an indented tree, ancestors first; what was drawn before is named by its id alone.

        Args:
            width: characters of each text that are shown.

        Returns:
            Lines of text.
        """
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
            how = _HOW[link.relation] if (link.weight or 1) > 0 else _KEPT
            lines += self._branch(link.child, below, drawn, depth + 1, how, width)
        return lines

    def svg(self) -> str:
        """The graph as a drawing: a column for each generation, sources on the left.

        Returns:
            An SVG document.
        """
        column = self._generations()
        rows: dict[int, int] = {}
        place: dict[str, tuple[int, int]] = {}
        for id in sorted(column, key=lambda one: (column[one], one)):
            place[id] = column[id] * _ACROSS + 10, rows.setdefault(column[id], 0) * _DOWN + 10
            rows[column[id]] += 1
        arrows = "".join(_arrow(place[link.parent], place[link.child], link.relation) for link in self.links)
        boxes = "".join(self._box(id, *at) for id, at in place.items())
        width, height = (max(column.values()) + 1) * _ACROSS, max(rows.values()) * _DOWN + 10
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            'font-size="11"><defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" '
            f'markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>{arrows}{boxes}</svg>\n'
        )

    def _generations(self) -> dict[str, int]:
        """For each id, the number of links on the longest way up to a memory without parents."""
        graph: TopologicalSorter[str] = TopologicalSorter({self.of: ()})
        parents: dict[str, list[str]] = {}
        for link in self.links:
            graph.add(link.child, link.parent)
            parents.setdefault(link.child, []).append(link.parent)
        column: dict[str, int] = {}
        for id in graph.static_order():
            column[id] = 1 + max((column[parent] for parent in parents.get(id, ())), default=-1)
        return column

    def _box(self, id: str, x: int, y: int) -> str:
        from xml.sax.saxutils import escape

        width = _ACROSS - 40
        edge = "#0072B2" if id == self.of else "#444"
        said = escape(self._label(id, 0).strip("* "))
        text = escape(self._label(id, 34)[34:].strip())
        return (
            f'<rect x="{x}" y="{y}" width="{width}" height="{_DOWN - 14}" rx="4" fill="#fff" stroke="{edge}"/>'
            f'<text x="{x + 6}" y="{y + 15}" fill="#666">{said[:32]}</text>'
            f'<text x="{x + 6}" y="{y + 31}">{text}</text>'
        )

    def _label(self, id: str, width: int) -> str:
        mark = "*" if id == self.of else " "
        memory = self.memories.get(id)
        said = "(pruned)" if memory is None else " / ".join(memory.text.splitlines())
        short = said if len(said) <= width else said[: max(width - 1, 0)] + "\N{HORIZONTAL ELLIPSIS}" * (width > 0)
        return f"{mark}{id} {short}".rstrip()


def _arrow(start: tuple[int, int], end: tuple[int, int], relation: str) -> str:
    """An arrow from the right edge of one box to the left edge of another; dashed unless it is of derivation."""
    dash = {"derived": "", "doubts": ' stroke-dasharray="1 3"'}.get(relation, ' stroke-dasharray="4 3"')
    (x0, y0), (x1, y1) = (start[0] + _ACROSS - 40, start[1] + _DOWN // 2 - 7), (end[0] - 2, end[1] + _DOWN // 2 - 7)
    return f'<path d="M{x0} {y0}L{x1} {y1}" stroke="#444" fill="none" marker-end="url(#tip)"{dash}/>'


def lineage(store: Store, id: str) -> Lineage:
    """The graph around a memory: all its ancestors and all its descendants."""
    links = {*_reach(store, id, "parent"), *_reach(store, id, "child")}
    ids = sorted({id, *(end for link in links for end in (link.parent, link.child))})
    live = unrestricted(store, memories(store, ids))
    apart = {part.id: part for memory in live.values() for part in memory.parts if part.id in ids}
    return Lineage(of=id, memories=apart | live, links=tuple(sorted(links, key=lambda link: (link.parent, link.child))))


def _reach(store: Store, id: str, towards: str) -> set[Link]:
    """Every link from a memory up to its ancestors, or down to its descendants. towards: "parent" or "child"."""
    away = "child" if towards == "parent" else "parent"
    found: set[Link] = set()
    front = [id]
    while front:
        passed = {link for link in store.links(front) if getattr(link, away) in front} - found
        found |= passed
        front = list({getattr(link, towards) for link in passed})
    return found


def find_part(store: Store, id: str) -> Memory | None:
    """The part of a gist that has this id, or None."""
    return parts(store, {id}).get(id) if is_id(id) else None
