"""CrewAI's `StorageBackend` on memoria: records are memories in the namespace of their scope; deleting one is a forget.

CrewAI searches by vectors that its own embedder makes, so that a crew needs the embedder of the memory: `embed` here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from memoria.engine.memory import Memoria
from memoria.extras import extra
from memoria.integrations.messages import as_text
from memoria.integrations.names import as_part, from_part, record_key
from memoria.integrations.threads import settled
from memoria.integrations.versions import replace, tag
from memoria.remember import Draft
from memoria.sharing import Source, lent
from memoria.types import Memory, Namespace, Provenance, Record

with extra("crewai"):
    from crewai.memory.storage.backend import EmbeddingDimensionMismatchError
    from crewai.memory.types import MemoryRecord, ScopeInfo

if TYPE_CHECKING:
    from memoria.arrays import Vectors

_ROOM = "crewai"
_ANY_ID = "0" * 32


class MemoriaStorage:
    """Where a crew's memory is: `Memory(storage=storage, embedder=storage.embed)`. Safe for threads.

    Scopes are paths: `/crew/a` has what is in it and below, and nothing of `/crew/ab`. All criteria that are given must
    hold, and an empty list of ids is no record.

    Args:
        memory: a memory, or a `Shared` store. Records are in its namespace "crewai".
    """

    def __init__(self, memory: Source) -> None:
        self.memory = memory

    def __deepcopy__(self, _: Mapping[int, Any]) -> MemoriaStorage:
        """CrewAI copies the memory of a crew for each of its runs; the store is one."""
        return self

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts by the embedder of the memory: what `Memory(embedder=...)` takes.

        Args:
            texts: what to embed.

        Returns:
            A vector for each.
        """
        with lent(self.memory) as memory:
            return [[float(one) for one in vector] for vector in memory.embedder.embed(list(texts))]

    def save(self, records: list[MemoryRecord]) -> None:
        """Stores records, all or nothing within a scope; one whose id is there replaces what was.

        Args:
            records: a record without an embedding, or with one of zeros, gets that of its content.

        Raises:
            EmbeddingDimensionMismatchError: an embedding is not of the memory's dimension.
            TypeError: metadata are not JSON.
        """
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            drafts = [(_parts(record.scope), _draft(view, record)) for record in records]
            for parts, draft in drafts:  # what cannot be stored is refused before anything is
                draft.memory(_ANY_ID, (*view.prefix, *parts), draft.created_at or view.now())
            old = [one for record in records for one in view.list(tags=(tag(record.id),))]
            new: list[Memory] = []
            for parts in dict.fromkeys(parts for parts, _ in drafts):
                some = [draft for place, draft in drafts if place == parts]
                new += view.namespace(*parts).remember_many(some, readmit=True)
            replace(view, old, new)

    def search(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """The records nearest to a vector.

        Args:
            query_embedding: by the embedder that made those of the records.
            scope_prefix: only in this scope and below.
            categories: only with one of these.
            metadata_filter: only with all of these values.
            limit: how many at most.
            min_score: only from this score on, which is the cosine, and 0 below that.

        Returns:
            Records and scores, best first.

        Raises:
            EmbeddingDimensionMismatchError: the vector is not of the memory's dimension.
        """
        fits = _fits(categories, metadata_filter)
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            _check_dimension(view, query_embedding)
            if limit < 1 or not any(query_embedding):
                return []
            found = _nearest(view, query_embedding, _parts(scope_prefix), fits, limit)
            records = _records(view, [one for one, _ in found])
            scored = [(record, score) for record, (_, score) in zip(records, found, strict=True)]
            return [(record, score) for record, score in scored if score >= min_score]

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Forgets the records that meet all that is given; without anything, all of them.

        Args:
            scope_prefix: in this scope and below.
            categories: with one of these.
            record_ids: with one of these ids.
            older_than: created before this time; without a zone it is UTC.
            metadata_filter: with all of these values.

        Returns:
            How many records were forgotten.

        Raises:
            Held: a hold protects one of them.
        """
        fits = _fits(categories, metadata_filter)
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            found = list(_all(view, _parts(scope_prefix), record_ids))
            before = None if older_than is None else _aware(older_than)
            going = [one for one in found if fits(one) and (before is None or one.created_at < before)]
            if going:
                view.forget(*going)
            return len({one.metadata["record"]["id"] for one in going})

    def update(self, record: MemoryRecord) -> None:
        """Replaces the record with the same id.

        Args:
            record: the new one.

        Raises:
            EmbeddingDimensionMismatchError: its embedding is not of the memory's dimension.
            TypeError: its metadata are not JSON.
            Held: a hold protects the old one.
        """
        self.save([record])

    def touch_records(self, record_ids: list[str]) -> None:
        """Counts a recall as a use, which strengthens the memories.

        Args:
            record_ids: ids of records; unknown ones are passed over.
        """
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            found = list(_all(view, (), record_ids))
            if found:
                view.reinforce(*found)

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """Reads a record.

        Args:
            record_id: its id.

        Returns:
            The record; None when there is none.
        """
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            return next(iter(_records(view, list(_all(view, (), [record_id])))), None)

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """The records of a scope and below, newest first.

        Args:
            scope_prefix: the scope; None is all.
            limit: how many at most.
            offset: how many are passed over.

        Returns:
            Records.
        """
        if limit < 1 or offset < 0:
            return []
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            listed = view.list(namespace=_parts(scope_prefix), limit=offset + limit, newest=True)
            return _records(view, list(_newest_first(listed))[offset : offset + limit])

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """What is in a scope and below.

        Args:
            scope: the scope.

        Returns:
            Its count of records, categories, first and last time, and the scopes directly below.
        """
        with lent(self.memory) as memory:
            view = memory.namespace(_ROOM)
            found = list(_all(view, _parts(scope), None))
            times = [_time(one.metadata["record"]["created_at"]) for one in found]
            return ScopeInfo(
                path=scope.rstrip("/") or "/",
                record_count=len(found),
                categories=sorted({name for one in found for name in one.metadata["record"]["categories"]}),
                oldest_record=min(times, key=_aware, default=None),
                newest_record=max(times, key=_aware, default=None),
                child_scopes=_children(view, _parts(scope)),
            )

    def list_scopes(self, parent: str = "/") -> list[str]:
        """The scopes directly below one.

        Args:
            parent: the scope.

        Returns:
            Paths, sorted.
        """
        with lent(self.memory) as memory:
            return _children(memory.namespace(_ROOM), _parts(parent))

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """How many records of a scope have each category.

        Args:
            scope_prefix: the scope; None is all.

        Returns:
            Counts by category.
        """
        with lent(self.memory) as memory:
            found = _all(memory.namespace(_ROOM), _parts(scope_prefix), None)
            return dict(Counter(name for one in found for name in one.metadata["record"]["categories"]))

    def count(self, scope_prefix: str | None = None) -> int:
        """How many records a scope has, and those below.

        Args:
            scope_prefix: the scope; None is all.

        Returns:
            The count.
        """
        with lent(self.memory) as memory:
            return len(list(_all(memory.namespace(_ROOM), _parts(scope_prefix), None)))

    def reset(self, scope_prefix: str | None = None) -> None:
        """Erases a scope and those below, names included.

        Args:
            scope_prefix: the scope; None is all.

        Raises:
            Held: a hold protects a record.
        """
        with lent(self.memory) as memory:
            memory.namespace(_ROOM).forget(namespace=_parts(scope_prefix), guard="none")

    async def asave(self, records: list[MemoryRecord]) -> None:
        """Runs `save` in a worker thread.

        Args:
            records: as there.
        """
        await settled(self.save, records)

    async def asearch(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        """Runs `search` in a worker thread.

        Args:
            query_embedding: as there.
            scope_prefix: as there.
            categories: as there.
            metadata_filter: as there.
            limit: as there.
            min_score: as there.

        Returns:
            As there.
        """
        return await settled(self.search, query_embedding, scope_prefix, categories, metadata_filter, limit, min_score)

    async def adelete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Runs `delete` in a worker thread.

        Args:
            scope_prefix: as there.
            categories: as there.
            record_ids: as there.
            older_than: as there.
            metadata_filter: as there.

        Returns:
            As there.
        """
        return await settled(self.delete, scope_prefix, categories, record_ids, older_than, metadata_filter)

    def close(self) -> None:
        """Does nothing: the memory is yours to close. CrewAI makes this call at the end."""


# -- scopes --


def _parts(scope: str | None) -> Namespace:
    return tuple(as_part(name) for name in (scope or "").split("/") if name)


def _children(view: Memoria, parts: Namespace) -> list[str]:
    depth = len(view.prefix) + len(parts)
    below = {space[: depth + 1] for space in view.namespace(*parts).namespaces() if len(space) > depth}
    return sorted("/" + "/".join(map(from_part, space[len(view.prefix) :])) for space in below)


# -- records --


def _draft(view: Memoria, record: MemoryRecord) -> Draft:
    embedding = record.embedding if record.embedding and any(record.embedding) else None
    if embedding is not None:
        _check_dimension(view, embedding)
    text = as_text(record.content, "(empty)")
    named = {
        "id": record.id,
        "scope": record.scope,
        "categories": record.categories,
        # Through JSON, as other storages do: what comes back is what any reader would get.
        "metadata": json.loads(json.dumps(record.metadata)),
        "created_at": record.created_at.isoformat(),
        "last_accessed": record.last_accessed.isoformat(),
        "importance": record.importance,
        "source": record.source,
        "private": record.private,
    }
    return Draft(
        text=text,
        kind="semantic",
        created_at=_aware(record.created_at),
        salience=record.importance,
        tags=(tag(record.id), *(name for name in record.categories if name.strip())),
        key=record_key(),
        provenance=Provenance(source=record.source if record.source and record.source.strip() else _ROOM),
        metadata={"record": named, "written": view.now().isoformat()}
        | ({} if text == record.content else {"content": record.content}),
        vector=None if embedding is None else _vector(embedding),
    )


def _records(view: Memoria, found: Sequence[Memory]) -> list[MemoryRecord]:
    if not found:
        return []
    view.trace(found[0].id)  # writes all uses up to now
    stored = view.store.read([one.id for one in found])
    return [_record(one, kept) for one, kept in zip(found, stored, strict=True)]


def _record(memory: Memory, kept: Record | None) -> MemoryRecord:
    named = {**memory.metadata["record"]}
    last = _time(named.pop("last_accessed"))
    used = memory.created_at if kept is None else kept.trace.last_retrieved
    later = used if last.tzinfo is not None else used.replace(tzinfo=None)
    return MemoryRecord(
        **{**named, "created_at": _time(named["created_at"])},
        content=memory.metadata.get("content", memory.text),
        last_accessed=max(last, later),
        embedding=None if kept is None else [float(one) for one in kept.vector],
    )


def _all(view: Memoria, parts: Namespace, ids: Sequence[str] | None) -> Iterator[Memory]:
    """Records in a scope and below, with one of the ids if there are any given."""
    if ids is None:
        return _newest_first(view.list(namespace=parts))
    named = [one for id in dict.fromkeys(ids) for one in view.list(namespace=parts, tags=(tag(id),))]
    return _newest_first([one for one in named if _is_record(one) and one.metadata["record"]["id"] in set(ids)])


def _newest_first(listed: Sequence[Memory]) -> Iterator[Memory]:
    """The records among memories, newest first, and of each record the version that was written last."""
    latest: dict[str, Memory] = {}
    for one in filter(_is_record, listed):
        id = one.metadata["record"]["id"]
        if id not in latest or latest[id].metadata["written"] <= one.metadata["written"]:
            latest[id] = one
    return iter(sorted(latest.values(), key=lambda one: one.id, reverse=True))


def _is_record(memory: Memory) -> bool:
    """Whether it is a record, and not something of somebody else's."""
    return "record" in memory.metadata and "written" in memory.metadata


def _nearest(
    view: Memoria, query: Sequence[float], parts: Namespace, fits: Callable[[Memory], bool], limit: int
) -> list[tuple[Memory, float]]:
    """The best that fit; looks further while some drop out."""
    quiet, k = view.reinforcing("never"), limit
    while True:
        hits = quiet.recall(_vector(query), k=k, namespace=parts)
        scores = {hit.memory.id: min(max(float(hit.score), 0.0), 1.0) for hit in hits}
        current = {one.id for one in _newest_first([hit.memory for hit in hits])}
        found = [(hit.memory, scores[hit.memory.id]) for hit in hits if hit.memory.id in current and fits(hit.memory)]
        if len(found) >= limit or len(hits) < k:
            return found[:limit]
        k *= 4


def _fits(categories: Sequence[str] | None, metadata: Mapping[str, Any] | None) -> Callable[[Memory], bool]:
    def fit(memory: Memory) -> bool:
        record = memory.metadata["record"]
        named = not categories or any(name in record["categories"] for name in categories)
        return named and all(record["metadata"].get(name) == value for name, value in (metadata or {}).items())

    return fit


def _check_dimension(view: Memoria, embedding: Sequence[float]) -> None:
    dimension = view.store.embedder.dimension
    if len(embedding) != dimension:
        raise EmbeddingDimensionMismatchError(dimension, len(embedding))


def _vector(embedding: Sequence[float]) -> Vectors:
    import numpy as np

    vector: Vectors = np.asarray(embedding, dtype=np.float32)
    return vector


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _aware(time: datetime) -> datetime:
    """CrewAI's times have no zone, and are in UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


__all__ = ["MemoriaStorage"]
