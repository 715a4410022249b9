"""remember: turns drafts into memories and stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from memoria.audience import Audience, tidy
from memoria.derived import review
from memoria.derived.audience import inherited
from memoria.derived.lineage import living
from memoria.derived.records import Records
from memoria.embedders import embed_whole, unit_vectors
from memoria.errors import Forbidden, InvalidQuery, KeyConflict, MemoryNotFound, Refused
from memoria.periods import after
from memoria.protocols import Store
from memoria.retention.reinforce import Reinforcer
from memoria.retention.restriction import ordered
from memoria.retention.sameness import unlike
from memoria.retention.windows import NEUTRAL
from memoria.standing.gate import cleared, passed, weighed
from memoria.text.fingerprints import Statement, stated
from memoria.types import Kind, Memory, Namespace, Passages, Provenance, Record, Where
from memoria.validate import check_memory, check_ttl, tidy_tags
from memoria.zones import zone_of

if TYPE_CHECKING:
    from memoria.arrays import Vectors

TRIES = 8
"""So often a batch is written, while others take its keys."""
Keyed = Mapping[tuple[str, Audience], Memory]
"""Memories by their key, and by the audience for which it is the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A memory to be: everything except its id and namespace.

    Attributes:
        text: what is remembered; not blank, at most 1 MiB of UTF-8.
        kind: "episodic" (what happened), "semantic" (what is so), "procedural" (how it is done).
        created_at: when it was observed, aware; None is now. Its zone is that of the memory, unless it is UTC: then the
            view's.
        valid_from: from when it holds in the world, aware; None is unbounded.
        valid_to: until when it holds, exclusive, aware; None is unbounded.
        salience: importance, in [0, 1]; None is judged from the text, beside what was remembered here of late.
        subject: whom or what it is about.
        tags: labels.
        key: the caller's own key; remembering the same key twice stores once.
        provenance: where it comes from.
        metadata: a JSON object of the caller.
        vector: its embedding, shape (d,), when the caller has it already; None lets the embedder make it.
        expires_at: from when it is erased, aware; None is never. What is derived from memories goes when the first of
            them does, if that is sooner.
        ttl: the same, as the time from `created_at`; not together with `expires_at`.
        visible_to: names of people and roles that may see it; None is whoever reads the namespace, or of what is
            derived, those who see all its sources. () is the owner of the process alone.
    """

    text: str
    kind: Kind = "episodic"
    created_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    salience: float | None = None
    subject: str | None = None
    tags: Sequence[str] = ()
    key: str | None = None
    provenance: Provenance = Provenance()
    metadata: Mapping[str, Any] | None = None
    vector: Vectors | None = None
    expires_at: datetime | None = None
    ttl: timedelta | None = None
    visible_to: Sequence[str] | None = None

    def memory(self, id: str, namespace: Namespace, created_at: datetime) -> Memory:
        """The memory that this draft becomes.

        Args:
            id: 32 hexadecimal digits.
            namespace: where it is remembered.
            created_at: when it was observed, aware.

        Returns:
            The memory, its tags sorted, its salience 0.5 until it is judged.

        Raises:
            InvalidMemory: a field breaks a rule.
        """
        given = check_ttl(self.ttl, self.expires_at)
        made = check_memory(
            Memory(
                id=id,
                namespace=namespace,
                text=self.text,
                created_at=created_at,
                kind=self.kind,
                valid_from=self.valid_from,
                valid_to=self.valid_to,
                salience=NEUTRAL if self.salience is None else self.salience,
                judged=self.salience is None,
                subject=self.subject,
                tags=tidy_tags(self.tags),
                key=self.key,
                provenance=self.provenance,
                metadata=dict(self.metadata or {}) if isinstance(self.metadata, Mapping | None) else self.metadata,
                expires_at=self.expires_at,
                visible_to=tidy(self.visible_to),
            )
        )
        return made if given is None else replace(made, expires_at=after(created_at, given))


def as_draft(given: Draft | str) -> Draft:
    """A draft of a text, or the draft itself; raises InvalidQuery for anything else."""
    if isinstance(given, str):
        return Draft(text=given)
    if not isinstance(given, Draft):
        raise InvalidQuery(f"a draft is a Draft or a str, not {type(given).__name__}")
    return given


def remember(
    records: Records,
    traces: Reinforcer,
    namespace: Namespace,
    drafts: Sequence[Draft],
    at: datetime,
    *,
    readmit: bool = False,
) -> list[Memory]:
    """Stores the drafts, all or nothing, and returns their memories in order.

    A draft whose key is taken by the same memory (sameness.py) returns the one that is there; so does a draft without
    key and time that says again what was just recalled, and nothing else. Raises InvalidMemory, InvalidVector,
    KeyConflict, EmbedderMismatch, Refused, Forbidden, and MemoryNotFound for a source that is gone, and then stores
    nothing.
    """
    drafts = _reviewed(records.store, drafts)
    memories, made = prepare(records, traces, namespace, drafts, at)
    if made:
        traces.begin()
    tries = count(1)
    while made:
        try:
            with records.store.alone():
                admit(records.store, namespace, drafts, memories, made, readmit=readmit, at=at)
                memories, made = obeying(records, memories, made)
                records.store.write(review.put_away(ordered(records.store, made)))
        except KeyConflict:
            # A store that knows nothing of audiences says so of what is for another one, however often it is asked.
            if next(tries) == TRIES:
                raise
            # Since it was looked for, somebody else has remembered something under one of the keys.
            memories, made = look_again(records.store, memories, made)
        else:
            traces.interfere(made)
            break
    return memories


def _reviewed(store: Store, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts; facts that were found in messages wait, where that is switched on."""
    found = [getattr(one.provenance, "source", None) == review.EXTRACTED for one in drafts]
    if not any(found) or not review.is_on(store):
        return list(drafts)
    return [
        replace(one, metadata=review.put_off(one.metadata)) if waits else one
        for one, waits in zip(drafts, found, strict=True)
    ]


def look_again(store: Store, memories: Sequence[Memory], made: Sequence[Record]) -> tuple[list[Memory], list[Record]]:
    """As `prepare` left it, but for what is there now under its key; raises KeyConflict when it says something else."""
    there = {one.memory.id: found for one in made if (found := _existing(store, one.memory, {})) is not None}
    kept = [record for record in made if record.memory.id not in there]
    return [there.get(memory.id, memory) for memory in memories], kept


def admit(
    store: Store,
    namespace: Namespace,
    drafts: Sequence[Draft],
    memories: Sequence[Memory],
    records: Sequence[Record],
    *,
    readmit: bool,
    at: datetime | None = None,
) -> None:
    """Raises MemoryNotFound for a source that is gone, and Refused for a text that was forgotten.

    readmit: takes forgotten texts back instead, by removing their fingerprints. at: now, as of `refused`.
    """
    check_sources(store, [record.memory for record in records])
    new = {record.memory.id for record in records}
    known = refused(store, namespace, [stated(memory) for memory in memories], at)
    back = [place for place, memory in enumerate(memories) if known[place] and memory.id in new]
    if back and not readmit:
        raise Refused(*back)
    if back:
        store.readmit(namespace, [stated(memories[place]) for place in back])


def refused(
    store: Store, namespace: Namespace, statements: Sequence[Statement], at: datetime | None = None
) -> list[bool]:
    """Which statements were forgotten here before; fingerprints that have ended by `at` are erased, and refuse none."""
    found = store.refused(namespace, statements)
    if at is not None and any(found) and store.release_guard(namespace, at):
        return store.refused(namespace, statements)
    return found


def obeying(records: Records, memories: Sequence[Memory], made: Sequence[Record]) -> tuple[list[Memory], list[Record]]:
    """As `prepare` left it, without what standing orders keep out, and judged without it.

    Raises Forbidden for drafts that they keep out whole.
    """
    try:
        passing = cleared(records.store, made)
    except Forbidden as error:
        kept_out = {made[at].memory.id for at in error.positions}
        raise Forbidden(*(at for at, memory in enumerate(memories) if memory.id in kept_out)) from None
    if any(one.memory.text != before.memory.text for one, before in zip(passing, made, strict=True)):
        passing = [
            record if memory == record.memory else replace(record, memory=memory, trace=records.trace(memory))
            for record, memory in zip(passing, weighed(records.store, [one.memory for one in passing]), strict=True)
        ]
        passed(records.store, passing)
    as_stored = {record.memory.id: record.memory for record in passing}
    return [as_stored.get(memory.id, memory) for memory in memories], passing


def check_sources(store: Store, memories: Sequence[Memory]) -> None:
    """Raises MemoryNotFound unless every source of the memories is stored, part of a gist, or one of the memories."""
    asked = {id for memory in memories for id in memory.provenance.derived_from}
    asked -= {known.id for memory in memories for known in (memory, *memory.parts)}
    if not asked:
        return
    found = set(store.select(Where(ids=tuple(asked))))
    inside = {link.parent for link in store.links(sorted(asked - found))} if asked - found else set()
    if not asked <= found | inside:
        raise MemoryNotFound(*sorted(asked - found - inside))


def prepare(
    records: Records, traces: Reinforcer, namespace: Namespace, drafts: Sequence[Draft], at: datetime
) -> tuple[list[Memory], list[Record]]:
    """The memories of the drafts, in order, and the records of those that are not stored yet."""
    store, memories, fresh = records.store, [], {}
    known: dict[tuple[str, Audience], Memory] = {}
    for position, draft in enumerate(drafts):
        created_at = at if draft.created_at is None else draft.created_at
        placeholder = inherited(store, draft.memory("0" * 32, namespace, created_at))
        memory = _existing(store, placeholder, known)
        if memory is None and draft.created_at is None and draft.key is None:
            memory = traces.echo(placeholder)
        if memory is None:
            # The placeholder was checked; what changes here needs no check.
            zone = zone_of(created_at) or zone_of(at)
            id = records.ids.new(created_at)
            memory = replace(placeholder, id=id, created_at=created_at.astimezone(UTC), zone=zone)
            memory = _no_later(store, memory)
            fresh[position] = memory
        if memory.key is not None:
            known[memory.key, memory.visible_to] = memory
        memories.append(memory)
    vectors = _vectors(records, [drafts[position] for position in fresh])
    valued = {memory.id: memory for memory in weighed(store, list(fresh.values()))}
    made = [
        Record(memory=memory, trace=records.trace(memory), vector=vector, passages=passages)
        for memory, (vector, passages) in zip(valued.values(), vectors, strict=True)
    ]
    return [valued.get(memory.id, memory) for memory in memories], made


def _no_later(store: Store, memory: Memory) -> Memory:
    """A memory that is erased no later than the first of those it is derived from: it says what they say."""
    sources = living(store, memory.provenance.derived_from).values() if memory.provenance.derived_from else ()
    times = [one.expires_at for one in (memory, *sources) if one.expires_at is not None]
    soonest = min(times, default=None)
    return memory if soonest is None else replace(memory, expires_at=soonest.astimezone(UTC))


def _existing(store: Store, memory: Memory, known: Keyed) -> Memory | None:
    if memory.key is None:
        return None
    found = known.get((memory.key, memory.visible_to)) or _by_key(store, memory)
    other = [] if found is None else ["text"] * (found.text != memory.text) or unlike(memory, found, keyed=True)
    if found is not None and other:
        raise KeyConflict(f"key {memory.key!r} is held by memory {found.id}, which has another {' and '.join(other)}")
    return found


def _by_key(store: Store, memory: Memory) -> Memory | None:
    ids = store.select(Where(namespace=memory.namespace, key=memory.key))
    # A namespace is a prefix in a filter; a key is unique within one exact namespace, for one audience. Parts of gists
    # keep their keys.
    held = (one for record in store.read(ids) if record is not None for one in (record.memory, *record.memory.parts))
    wanted = memory.namespace, memory.key, memory.visible_to
    return next((one for one in held if (one.namespace, one.key, one.visible_to) == wanted), None)


def _vectors(records: Records, drafts: Sequence[Draft]) -> list[tuple[Vectors, Passages | None]]:
    """The vector and the further passages of each draft; one that brings its vector has that alone."""
    texts = [draft.text for draft in drafts if draft.vector is None]
    embedded = iter(embed_whole(records.store, records.embedder, texts, records.progress) if texts else ())
    dimension = records.store.embedder.dimension
    return [
        next(embedded) if draft.vector is None else (unit_vectors([draft.vector], dimension)[0], None)
        for draft in drafts
    ]
