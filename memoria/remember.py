"""remember: from drafts to durable memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from memoria.embedders import unit_vectors
from memoria.errors import KeyConflict
from memoria.identity import IdSource
from memoria.protocols import DecayPolicy, Embedder, Progress, Store
from memoria.recall import embed
from memoria.types import Kind, Memory, Namespace, Provenance, Record, Where
from memoria.validate import check_memory

if TYPE_CHECKING:
    from memoria.protocols import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A memory to be: everything but its id and namespace. Fields as in `Memory`.

    created_at: None is now. vector: its embedding, shape (d,), when the caller has it already.
    """

    text: str
    kind: Kind = "episodic"
    created_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    salience: float = 0.5
    subject: str | None = None
    tags: Sequence[str] = ()
    key: str | None = None
    provenance: Provenance = Provenance()
    metadata: Mapping[str, Any] | None = None
    vector: Vectors | None = None

    def memory(self, id: str, namespace: Namespace, created_at: datetime) -> Memory:
        """The memory this draft becomes; raises InvalidMemory."""
        return check_memory(
            Memory(
                id=id,
                namespace=namespace,
                text=self.text,
                created_at=created_at,
                kind=self.kind,
                valid_from=self.valid_from,
                valid_to=self.valid_to,
                salience=self.salience,
                subject=self.subject,
                tags=self.tags if isinstance(self.tags, str) else tuple(sorted(set(self.tags))),  # type: ignore[arg-type]  # a str is refused at the door
                key=self.key,
                provenance=self.provenance,
                metadata=dict(self.metadata or {}),
            )
        )


def remember(
    store: Store,
    embedder: Embedder,
    policy: DecayPolicy,
    ids: IdSource,
    namespace: Namespace,
    drafts: Sequence[Draft],
    at: datetime,
    progress: Progress | None = None,
) -> list[Memory]:
    """Stores the drafts, all or nothing, and returns their memories in order.

    A draft whose key is taken by the same text returns the memory that is there. Raises InvalidMemory,
    InvalidVector, KeyConflict and EmbedderMismatch, and then stores nothing.
    """
    memories, fresh = [], {}
    known: dict[str, Memory] = {}
    for position, draft in enumerate(drafts):
        created_at = at if draft.created_at is None else draft.created_at
        placeholder = draft.memory("0" * 32, namespace, created_at)
        memory = _existing(store, placeholder, known)
        if memory is None:
            memory = draft.memory(ids.new(created_at), namespace, created_at.astimezone(UTC))
            fresh[position] = memory
        if memory.key is not None:
            known[memory.key] = memory
        memories.append(memory)
    vectors = _vectors(store, embedder, [drafts[position] for position in fresh], progress)
    records = [
        Record(memory=memory, trace=policy.encode(memory), vector=vector)
        for memory, vector in zip(fresh.values(), vectors, strict=True)
    ]
    if records:
        store.write(records)
    return memories


def _existing(store: Store, memory: Memory, known: Mapping[str, Memory]) -> Memory | None:
    if memory.key is None:
        return None
    found = known.get(memory.key) or _by_key(store, memory)
    if found is not None and found.text != memory.text:
        raise KeyConflict(f"key {memory.key!r} is held by memory {found.id}, which has another text")
    return found


def _by_key(store: Store, memory: Memory) -> Memory | None:
    ids = store.select(Where(namespace=memory.namespace, key=memory.key))
    records = [record for record in store.read(ids) if record is not None]
    # A namespace is a prefix in a filter; a key is unique within one exact namespace.
    return next((record.memory for record in records if record.memory.namespace == memory.namespace), None)


def _vectors(store: Store, embedder: Embedder, drafts: Sequence[Draft], progress: Progress | None) -> list[Vectors]:
    texts = [draft.text for draft in drafts if draft.vector is None]
    embedded = iter(embed(store, embedder, texts, progress) if texts else ())
    dimension = store.embedder.dimension
    return [next(embedded) if draft.vector is None else unit_vectors([draft.vector], dimension)[0] for draft in drafts]
