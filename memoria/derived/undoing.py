"""What stands again when the reason for its end goes: the end it had before, or the one that others still give it.

A memory may be superseded by another, and ended by statements. Each of these links knows the end that was before it;
one after the other, they lie on each other like layers. Taking one away gives back the end below it, and leaves those
above as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from memoria.protocols import Store
from memoria.types import Link

USER = "user"
"""The judge's name where the user has said whether a memory still holds."""
CLOSES = frozenset({"supersedes", "ends"})
"""Relations by which a memory has ended."""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What follows when links by which memories ended are taken away.

    Attributes:
        ends: by id, the end of validity from then on, None for no end; only what changes.
        links: links to write.
        unlinks: links in whose place they come.
    """

    ends: Mapping[str, datetime | None] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    unlinks: tuple[Link, ...] = ()


def closing(store: Store, ids: Collection[str]) -> list[Link]:
    """The links by which these memories ended, or others ended by them."""
    return [link for link in store.links(sorted(ids)) if link.relation in CLOSES] if ids else []


def judged(links: Collection[Link], by: Collection[str]) -> list[Link]:
    """Those by which one of these statements ended something, unless the user has agreed to it: it is their word."""
    return [one for one in links if one.relation == "ends" and one.child in by and one.judge != USER]


def about(links: Collection[Link], ids: Collection[str]) -> list[Link]:
    """Those by which statements ended one of these memories, unless the user has agreed to it."""
    return [one for one in links if one.relation == "ends" and one.parent in ids and one.judge != USER]


def undone(store: Store, taken: Collection[Link], lost: Collection[str] = ()) -> Undone:
    """What follows when links are taken away.

    Args:
        store: where they are.
        taken: links by which memories ended; what of them ended a lost memory has no consequence.
        lost: ids of what is forgotten at once.
    """
    parents = {link.parent for link in taken} - set(lost)
    layers: dict[str, list[Link]] = {}
    for link in closing(store, parents):
        if link.parent in parents:
            layers.setdefault(link.parent, []).append(link)
    ends: dict[str, datetime | None] = {}
    links, unlinks = list[Link](), list[Link]()
    for id, end in _ends(store, layers).items():
        found = _without(layers[id], end, set(taken), lost)
        if found.ends[id] != end:
            ends |= found.ends
        links += found.links
        unlinks += found.unlinks
    # What a lost memory takes along needs no taking away.
    unlinks += [link for link in taken if link.parent in parents and link.child not in lost]
    return Undone(ends=ends, links=tuple(links), unlinks=tuple(unlinks))


def _without(links: Sequence[Link], end: datetime | None, taken: Collection[Link], lost: Collection[str]) -> Undone:
    """The layers of one memory without those that are taken. end: its end, which the last of them gave it."""
    layers = sorted(links, key=latest, reverse=True)
    now, fresh, over = layers[0].was, list[Link](), list[Link]()
    for link, after in zip(layers, (*(one.was for one in layers[1:]), end), strict=True):
        if link not in taken:
            if link.was != now and link.child not in lost:
                over.append(link)
                fresh.append(replace(link, was=now))
            now = after
    return Undone(ends={links[0].parent: now}, links=tuple(fresh), unlinks=tuple(over))


def ended_by_hand(store: Store, ends: Mapping[str, datetime | None]) -> Undone:
    """What follows when somebody sets the ends of memories: without what ended them before, they end so all the same.

    ends: by id, the new end. Whatever statements had ended them is no reason any more.
    """
    links = [link for link in closing(store, ends) if link.parent in ends]
    moved = [one for one in links if one.relation == "supersedes" and one.was != ends[one.parent]]
    gone = [one for one in links if one.relation == "ends"]
    return Undone(links=tuple(replace(one, was=ends[one.parent]) for one in moved), unlinks=(*moved, *gone))


def _ends(store: Store, ids: Collection[str]) -> dict[str, datetime | None]:
    """The ends of those of these memories that are there; what has ended is no part of a gist."""
    return {one.memory.id: one.memory.valid_to for one in store.read(sorted(ids)) if one is not None}


def latest(link: Link) -> tuple[datetime, str]:
    """Sorts links of one memory by the ends that were before them, the last of the layers first."""
    return _NEVER if link.was is None else link.was, link.child
