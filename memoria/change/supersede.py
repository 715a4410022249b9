"""supersede: a new fact replaces an old one from some time on. Both are kept, each valid for its own time.

Bi-temporal after R. T. Snodgrass, Developing Time-Oriented Database Applications in SQL, 1999: valid time is
[valid_from, valid_to); recorded time is that at which a memory was observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from memoria.derived.lineage import memories
from memoria.derived.records import Records
from memoria.errors import InvalidQuery
from memoria.protocols import Change, Store
from memoria.remember import Draft, admit, prepare
from memoria.retention.reinforce import Reinforcer
from memoria.types import Link, Memory, Namespace, Record


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

    at: when it begins to be valid; by default its `valid_from`, or else when it was observed. Changes nothing when it
    raises: InvalidQuery for an old memory that has ended already, MemoryNotFound, or what `remember` raises.
    """
    # With a time of its own, a fact that is true again is stored anew, not taken for a repetition of a recalled one.
    dated = replace(draft, created_at=draft.created_at or now)
    records.set_apart(old)
    record = _prepared(records, traces, namespace, dated, now)
    start = at or dated.valid_from or record.memory.created_at
    memory = replace(record.memory, valid_from=start)
    store = records.store
    with store.alone():
        before = check_ends(store, old, start)
        links = [Link(parent=one.id, child=memory.id, relation="supersedes", was=one.valid_to) for one in before]
        new = replace(record, memory=memory)
        store.revise(Change(add=(new,), ends=dict.fromkeys(old, start), links=tuple(links)))
    return memory


def _prepared(records: Records, traces: Reinforcer, namespace: Namespace, draft: Draft, now: datetime) -> Record:
    memories, made = prepare(records, traces, namespace, [draft], now)
    admit(records.store, namespace, [draft], memories, made, readmit=False)
    traces.begin()
    (record,) = made or records.store.read([memories[0].id])
    assert record is not None
    return record


def expire(store: Store, ids: Sequence[str], at: datetime) -> None:
    """Ends memories: they are not valid from `at` on. Ends none if it raises InvalidQuery or MemoryNotFound."""
    with store.alone():
        check_ends(store, ids, at)
        store.revise(Change(ends=dict.fromkeys(ids, at)))


def check_ends(store: Store, ids: Sequence[str], at: datetime) -> list[Memory]:
    """The memories with these ids; raises InvalidQuery for one that has ended already, or begins at `at` or later."""
    found = list(memories(store, ids).values())
    violations = []
    for memory in found:
        if memory.valid_to is not None and memory.valid_to <= at:
            violations.append(f"memory {memory.id} has ended already, at {memory.valid_to}")
        if memory.valid_from is not None and memory.valid_from >= at:
            violations.append(f"memory {memory.id} begins at {memory.valid_from}, not before its end {at}")
    if violations:
        raise InvalidQuery(*violations)
    return found


def history(store: Store, id: str) -> list[Memory]:
    """The memory, all that it superseded and all that superseded it, in the order of validity."""
    found, front = {id}, [id]
    while front:
        links = [link for link in store.links(front) if link.relation == "supersedes"]
        front = list({end for link in links for end in (link.parent, link.child)} - found)
        found |= set(front)
    return sorted(
        memories(store, sorted(found)).values(), key=lambda memory: (memory.valid_from or memory.created_at, memory.id)
    )
