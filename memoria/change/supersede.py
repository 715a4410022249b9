"""supersede: a new fact replaces an old one from some time on. Both are kept, each valid for its own time.

Bi-temporal after R. T. Snodgrass, Developing Time-Oriented Database Applications in SQL, 1999: valid time is
[valid_from, valid_to); recorded time is that at which a memory was observed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from memoria.audience import tidy
from memoria.change.settled import joined, retracted
from memoria.derived.audience import successor
from memoria.derived.lineage import living, unrestricted
from memoria.derived.records import Records, ending
from memoria.derived.undoing import ended_by_hand
from memoria.errors import InvalidQuery, KeyConflict, MemoryNotFound
from memoria.protocols import Change, Store
from memoria.remember import TRIES, Draft, admit, look_again, obeying, prepare
from memoria.retention.reinforce import Reinforcer
from memoria.retention.restriction import ordered
from memoria.types import Link, Memory, Namespace, Record
from memoria.validate import check_audience, check_memory


def supersede(
    records: Records,
    traces: Reinforcer,
    namespace: Namespace,
    draft: Draft,
    old: Sequence[str],
    now: datetime,
    *,
    at: datetime | None = None,
) -> Memory:
    """Remembers `draft` and ends the old memories when it begins to be valid, all at once; returns the new memory.

    at: when it begins to hold; its `valid_from`, else when it was observed, by default. Raises InvalidQuery for what
    has ended already or is superseded already, MemoryNotFound, and what `remember` raises; then nothing is changed.
    """
    # With a time of its own, a fact that is true again is stored anew, not taken for a repetition of a recalled one.
    audience = successor(records.store, check_audience(tidy(draft.visible_to)), old)
    dated = replace(draft, created_at=draft.created_at or now, visible_to=audience)
    memories, made = prepare(records, traces, namespace, [dated], now)
    traces.begin()
    tries = count(1)
    while True:
        start = at or dated.valid_from or memories[0].created_at
        try:
            with records.store.alone():
                admit(records.store, namespace, [dated], memories, made, readmit=False, at=now)
                memories, made = obeying(records, memories, made)
                change, memory = _succession(records, memories[0], ordered(records.store, made), old, start)
                records.store.revise(change, guard=False)
        except KeyConflict:
            if next(tries) == TRIES:
                raise
            memories, made = look_again(records.store, memories, made)
        else:
            return memory


def _succession(
    records: Records, memory: Memory, made: Sequence[Record], old: Sequence[str], start: datetime
) -> tuple[Change, Memory]:
    """The change by which a memory takes the place of others. made: its record, unless it is there under its key."""
    if memory.id in old:
        raise InvalidQuery(f"memory {memory.id} has the key of the draft: it cannot supersede itself")
    before = check_ends(records.store, old, start)
    check_current(records.store, old)
    successor(records.store, memory.visible_to, [] if memory.visible_to is None else old)
    begun = check_memory(replace(memory, valid_from=start))
    change = records.apart([*old, memory.id])
    if made:
        change = replace(change, add=(*change.add, replace(made[0], memory=begun)))
    else:
        change = _begun(records.store, change, begun)
    change = succeeded(change, dict.fromkeys(old, start), dict.fromkeys(old, begun.id), before)
    return joined(change, retracted(records.store, old, start, begun.id)), begun


def _begun(store: Store, change: Change, memory: Memory) -> Change:
    """A change that also puts `memory`, which is there, in its own place."""
    if any(record.memory.id == memory.id for record in change.add):
        added = (replace(one, memory=memory) if one.memory.id == memory.id else one for one in change.add)
        return replace(change, add=tuple(added))
    (record,) = store.read([memory.id])
    if record is None:
        raise MemoryNotFound(memory.id)
    return replace(change, replace=(*change.replace, replace(record, memory=memory)))


def succeeded(
    change: Change, ends: Mapping[str, datetime], heirs: Mapping[str, str], before: Mapping[str, Memory]
) -> Change:
    """A change that also ends memories, some of which others supersede.

    heirs: by the id of what is superseded, that of what supersedes it. before: memories as they were.
    """
    links = [Link(parent=id, child=heir, relation="supersedes", was=before[id].valid_to) for id, heir in heirs.items()]
    return ending(replace(change, links=(*change.links, *links)), ends)


def expire(records: Records, ids: Sequence[str], at: datetime) -> None:
    """Ends memories at `at`: from then on they do not hold. Raises InvalidQuery, MemoryNotFound; then, nothing.

    What had ended them before is no reason any more, and what they had ended stands again.
    """
    store, ends = records.store, dict.fromkeys(ids, at)
    with store.alone():
        check_ends(store, ids, at)
        by_hand = ended_by_hand(store, ends)
        change = joined(ending(records.apart(ids), ends), Change(links=by_hand.links, unlinks=by_hand.unlinks))
        store.revise(joined(change, retracted(store, ids, at)), guard=False)


def check_ends(store: Store, ids: Sequence[str], at: datetime) -> dict[str, Memory]:
    """The memories that would end, parts of gists among them; raises MemoryNotFound, and InvalidQuery for what ended
    before, or would end before it began."""
    found = living(store, ids)
    if len(found) < len(set(ids)):
        raise MemoryNotFound(*(id for id in ids if id not in found))
    violations = []
    for memory in found.values():
        if memory.valid_to is not None and memory.valid_to <= at:
            violations.append(f"memory {memory.id} has ended already, at {memory.valid_to}")
        if memory.valid_from is not None and memory.valid_from >= at:
            violations.append(f"memory {memory.id} begins at {memory.valid_from}, not before its end {at}")
    if violations:
        raise InvalidQuery(*violations)
    return found


def heirs_of(store: Store, ids: Sequence[str]) -> dict[str, list[str]]:
    """By id, what supersedes each of the memories that are superseded."""
    found: dict[str, list[str]] = {}
    for link in store.links(ids):
        if link.relation == "supersedes" and link.parent in ids:
            found.setdefault(link.parent, []).append(link.child)
    return found


def check_current(store: Store, ids: Sequence[str]) -> None:
    """Raises InvalidQuery for what is superseded already: two that did so at once would both be in force."""
    taken = heirs_of(store, ids)
    if taken:
        raise InvalidQuery(*(f"memory {id} is superseded already, by {heirs[0]}" for id, heirs in taken.items()))


def history(store: Store, id: str) -> list[Memory]:
    """The memory, all that it superseded, ended or doubts, and all that did so to it, in the order of validity."""
    found, front = {id}, [id]
    while front:
        links = [link for link in store.links(front) if link.relation != "derived" and (link.weight or 1) > 0]
        front = list({end for link in links for end in (link.parent, link.child)} - found)
        found |= set(front)
    there = unrestricted(store, living(store, found))
    return sorted(there.values(), key=lambda memory: (memory.valid_from or memory.created_at, memory.id))
