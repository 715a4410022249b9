"""Who may see what is made of memories, or changes them: none who sees not all of it, and all who see any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from memoria.access.sight import Only
from memoria.access.store import SeenStore, has_audiences
from memoria.audience import Audience, common, joint, within
from memoria.derived.lineage import living, memories
from memoria.derived.records import Records
from memoria.errors import InvalidMemory, InvalidQuery
from memoria.protocols import Store
from memoria.types import Memory


def inherited(store: Store, memory: Memory) -> Memory:
    """A memory to be, seen by those at most who see all that it is derived from.

    Where nobody is named, they are; raises InvalidMemory when others are. Sources that are not there count for nothing.
    """
    if not memory.provenance.derived_from:
        return memory
    most = common(one.visible_to for one in living(store, memory.provenance.derived_from).values())
    if memory.visible_to is None:
        own: Callable[[Audience], Audience] | None = getattr(store, "own", None)
        return replace(memory, visible_to=most if own is None else own(most))
    if not within(memory.visible_to, most):
        raise InvalidMemory("visible_to names somebody who does not see all that the memory is derived from")
    return memory


def successor(store: Store, audience: Audience, old: Sequence[str]) -> Audience:
    """Who may see what supersedes these: whoever sees one of them, so that nothing ends for a reason that is not seen.

    audience: who was named; None for nobody, and then they are. Raises InvalidQuery when one who sees an old one is
    left out.
    """
    seen = joint(one.visible_to for one in living(store, old).values()) if old else None
    if audience is None:
        return seen
    if not within(seen, audience):
        raise InvalidQuery("what supersedes a memory is visible to whoever sees that memory: name all of them")
    return audience


def check_shared(store: Store, memory: Memory, audience: Audience) -> None:
    """Raises InvalidQuery when an audience does not fit what a memory was made from, what was made from it, what it
    ended, and what ended it."""
    links = [link for link in store.links([memory.id]) if memory.id in (link.parent, link.child)]
    others = living(store, {end for link in links for end in (link.parent, link.child)} - {memory.id})
    wrong = []
    for link in links:
        other = others.get(link.parent if link.child == memory.id else link.child)
        if other is None:
            continue
        parent, child = (audience, other.visible_to) if link.parent == memory.id else (other.visible_to, audience)
        fits = within(child, parent) if link.relation == "derived" else within(parent, child)
        wrong += [] if fits else [f"memory {other.id} depends on it by {link.relation!r}, and is for other people"]
    if wrong:
        raise InvalidQuery(*dict.fromkeys(wrong))


def by_audience(records: Records, given: Iterable[Memory]) -> Iterator[tuple[Records, list[Memory]]]:
    """The memories of each audience, with records of a store that has nothing else.

    What is done of itself is done so: what only some may see then leaves no mark on what others see. Where nothing is
    restricted, which most stores can tell at once, the records are those that were given.
    """
    groups: dict[Audience, list[Memory]] = {}
    for memory in given:
        groups.setdefault(memory.visible_to, []).append(memory)
    homes = {memory.namespace for some in groups.values() for memory in some}
    if groups.keys() <= {None} and not any(has_audiences(records.store, home) for home in homes):
        yield from ((records, some) for some in groups.values())
        return
    for audience in sorted(groups, key=lambda one: (one is not None, one or ())):
        yield replace(records, store=SeenStore(records.store, Only(audience))), groups[audience]


def ids_by_audience(records: Records, ids: Sequence[str]) -> Iterator[tuple[Records, Sequence[str]]]:
    """As `by_audience`, for ids of one namespace; where nothing is restricted there, none but the first is read."""
    first = memories(records.store, ids[:1])
    if not any(has_audiences(records.store, one.namespace) for one in first.values()):
        yield records, ids
        return
    for among, some in by_audience(records, memories(records.store, ids).values()):
        yield among, [one.id for one in some]
