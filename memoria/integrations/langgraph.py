"""LangGraph's `BaseStore` on memoria: items are memories, and deleting one, or letting it expire, is an exact forget.

An item is in the namespace of its labels, followed by a fixed last part, so that a look-up by key asks one place. Its
first indexed text is the text of the memory, and each further one is a memory of its own; a search takes the best of
them. An update writes the new item and then forgets the old one, so that a crash between the two loses neither.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Self

from memoria.callables import CallableEmbedder, label_of, named
from memoria.engine.memory import Memoria
from memoria.engine.opening import open as open_memoria
from memoria.errors import Held, StoreClosed, StoreLocked, StoreReadOnly
from memoria.extras import extra
from memoria.integrations.filters import matches
from memoria.integrations.names import as_part, from_part, record_key
from memoria.integrations.versions import replace, tag
from memoria.remember import Draft
from memoria.sharing import Shared, Source, lent
from memoria.types import Hit, Memory, Receipt

with extra("langgraph"):
    import orjson
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        IndexConfig,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        TTLConfig,
        ensure_embeddings,
        get_text_at_path,
        validate_op_namespace,
    )

if TYPE_CHECKING:
    from memoria.arrays import Vectors

Labels = tuple[str, ...]
# No label is ever written like this: as_part writes no bare "%".
_LEAF = "%items"
_TTL = "ttl"


class MemoriaStore(BaseStore):
    """A LangGraph store whose items are memories. Safe for threads.

    Args:
        memory: a memory, or a `Shared` store.
        index: as of the other stores. Without it no text is embedded and `query` is ignored. Without "embed" in it, the
            memory's own embedder is used; with it, "dims" has to be the memory's dimension.
        ttl: as of the other stores. An expired item is never returned, swept or not.
        reinforce: whether a read counts as a use, which refreshes a TTL; False for a store that is open for reading.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Source,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        reinforce: bool = True,
    ) -> None:
        super().__init__()
        self.memory = memory
        self.index_config = index
        self.ttl_config = ttl
        embed = None if index is None else index.get("embed")
        self.embeddings = None if embed is None else ensure_embeddings(embed)
        self._reinforce = reinforce
        self._sweeper: threading.Thread | None = None
        self._stop = threading.Event()

    @classmethod
    @contextmanager
    def from_conn_string(
        cls,
        path: str | PathLike[str],
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        shared: bool = False,
        **options: Any,
    ) -> Iterator[Self]:
        """Opens a store with the embedder of `index`, until the end of a `with` block.

        Args:
            path: directory of the store, or ":memory:".
            index: as of the class.
            ttl: as of the class.
            shared: whether it is opened for each batch, so that other processes can write between.
            **options: other arguments of `memoria.open`.

        Yields:
            The store.
        """
        if index is not None and "embed" in index:
            options["embedder"] = _embedder(index)
        reinforce = options.get("mode") != "r"
        opened: AbstractContextManager[Source] = (
            nullcontext(Shared(path, **options)) if shared else open_memoria(fspath(path), **options)
        )
        with opened as memory:
            store = cls(memory, index=index, ttl=ttl, reinforce=reinforce)
            try:
                yield store
            finally:
                store.stop_ttl_sweeper()

    def setup(self) -> None:
        """Does nothing: the store is made when it is opened. Other stores need this call, so programs make it."""

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Does operations together: first all reads, then the last put of each key.

        Args:
            ops: the operations. The puts of one namespace are written all or nothing.

        Returns:
            One result for each operation, in order; None for a put.
        """
        todo = [*ops]
        texts = self._texts(todo)
        if self.embeddings is None or not texts:
            return self._run(todo, texts, None)
        return self._run(todo, texts, self.embeddings.embed_documents(texts))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Runs `batch` in a worker thread, with the async embedding function where there is one.

        Args:
            ops: as of `batch`.

        Returns:
            As of `batch`.
        """
        todo = [*ops]
        texts = self._texts(todo)
        if self.embeddings is None or not texts:
            return await asyncio.to_thread(self._run, todo, texts, None)
        vectors = await self.embeddings.aembed_documents(texts)
        return await asyncio.to_thread(self._run, todo, texts, vectors)

    def delete_namespace(self, namespace_prefix: Labels) -> Receipt:
        """Erases whole namespaces, names included, with all memories in them, items or not.

        Args:
            namespace_prefix: every namespace at or below these labels; () is the whole memory of this store.

        Returns:
            What was erased.
        """
        with lent(self.memory) as memory:
            return memory.forget(namespace=_encoded(namespace_prefix))

    def sweep_ttl(self) -> int:
        """Forgets every item that has expired.

        Returns:
            How many items.
        """
        with lent(self.memory) as memory:
            return self._sweep(memory, ())

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweeps from time to time, in a thread.

        Args:
            sweep_interval_minutes: minutes between two sweeps; None is what the configuration says, or 5.
        """
        if self._sweeper is not None:
            return
        configured = (self.ttl_config or {}).get("sweep_interval_minutes")
        seconds = 60.0 * (sweep_interval_minutes or configured or 5)
        self._stop.clear()
        self._sweeper = threading.Thread(target=self._sweep_at, args=(seconds,), daemon=True, name="ttl-sweeper")
        self._sweeper.start()

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Ends the thread that sweeps.

        Args:
            timeout: seconds to wait for it; None waits until it has ended.

        Returns:
            False when it still runs.
        """
        self._stop.set()
        if self._sweeper is not None:
            self._sweeper.join(timeout)
            if self._sweeper.is_alive():
                return False
        self._sweeper = None
        return True

    def _sweep_at(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                self.sweep_ttl()
            except StoreLocked:
                continue  # another process keeps the lock for longer than we wait; the next round does it
            except StoreClosed:
                return

    # -- one batch --

    def _texts(self, ops: Sequence[Op]) -> list[str]:
        """Every text that the batch needs a vector of, once each."""
        if self.index_config is None:
            return []
        found: dict[str, None] = {}
        for op in ops:
            if isinstance(op, PutOp) and op.value is not None:
                found |= dict.fromkeys(self._indexed(op))
            elif isinstance(op, SearchOp) and op.query:
                found[op.query] = None
        return list(found)

    def _indexed(self, op: PutOp) -> list[str]:
        """The texts of an item that are searched."""
        if self.index_config is None or op.index is False or op.value is None:
            return []
        config: Mapping[str, Any] = self.index_config
        default = config.get("fields") or config.get("text_fields") or ["$"]
        fields = default if op.index is None else op.index
        texts = [text for field in fields for text in get_text_at_path(dict(op.value), field)]
        return [text for text in texts if text.strip()]

    def _run(self, ops: Sequence[Op], texts: Sequence[str], vectors: Sequence[Any] | None) -> list[Result]:
        for op in ops:
            validate_op_namespace(op)
        if texts and vectors is None and isinstance(self.memory, Memoria):
            vectors = list(self.memory.embedder.embed(texts))  # before the turn is taken: it is slow
        with lent(self.memory) as memory:
            if texts and vectors is None:
                vectors = list(memory.embedder.embed(texts))
            known = dict(zip(texts, vectors or (), strict=True))
            results = [self._read(memory, op, known) for op in ops]
            puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
            for labels in dict.fromkeys(labels for labels, _ in puts):
                self._put(memory, [op for op in puts.values() if op.namespace == labels], known)
            return results

    def _read(self, memory: Memoria, op: Op, vectors: Mapping[str, Vectors]) -> Result:
        if isinstance(op, GetOp):
            found = self._current(memory, op.namespace, op.key, refresh=op.refresh_ttl)
            return None if found is None else Item(**_fields(memory, found))
        if isinstance(op, SearchOp):
            wanted = op.offset + op.limit
            if op.query and self.index_config is not None:
                ranked = self._nearest(memory, op, vectors[op.query], wanted)
                if len(ranked) < wanted:
                    ranked += self._newest(memory, op, wanted, searched=False)
            else:
                ranked = self._newest(memory, op, wanted)
            page = ranked[op.offset : wanted]
            self._used(memory, [found for found, _ in page], refresh=op.refresh_ttl)
            return [SearchItem(**_fields(memory, found), score=score) for found, score in page]
        return self._listed(memory, op) if isinstance(op, ListNamespacesOp) else None

    # -- reading --

    def _current(self, memory: Memoria, labels: Labels, key: str, *, refresh: bool) -> Memory | None:
        found = self._alive(memory, _versions(memory, labels, key))
        if not found:
            return None
        self._used(memory, found[-1:], refresh=refresh)
        return found[-1]

    def _alive(self, memory: Memoria, found: Sequence[Memory]) -> list[Memory]:
        """Those that are items and have not expired; what has expired is forgotten at once, unless it is held."""
        return [one for one in found if _is_item(one) and not self._expired(memory, one)]

    def _expired(self, memory: Memoria, item: Memory) -> bool:
        if item.metadata[_TTL] is None or _due(memory, item) > memory.now():
            return False
        versions = _versions(memory, _labels(memory, item), item.metadata["key"])
        with suppress(StoreReadOnly, Held):
            memory.forget(*(version.id for version in versions), guard="none")
        return True

    def _nearest(
        self, memory: Memoria, op: SearchOp, vector: Vectors, wanted: int
    ) -> list[tuple[Memory, float | None]]:
        """The best `wanted` items by the best of their vectors; looks further while some drop out."""
        quiet, k = memory.reinforcing("never"), max(wanted, 1)
        while True:
            hits = quiet.recall(vector, k=k, namespace=_encoded(op.namespace_prefix))
            found = self._items(memory, op, hits)
            if len(found) >= wanted or len(hits) < k:
                return found
            k *= 4

    def _items(self, memory: Memoria, op: SearchOp, hits: Sequence[Hit]) -> list[tuple[Memory, float | None]]:
        best: dict[tuple[Labels, str], tuple[Memory, float | None]] = {}
        for hit in hits:
            named = (hit.memory.namespace, str(hit.memory.metadata.get("key")))
            if named in best or not hit.memory.metadata.get("searched"):
                continue
            # The hit may be another text of the item, or one that an update is about to forget.
            versions = self._alive(memory, _versions(memory, _labels(memory, hit.memory), named[1]))
            if versions and matches(versions[-1].metadata["value"], op.filter):
                best[named] = (versions[-1], hit.score)
        return list(best.values())

    def _newest(
        self, memory: Memoria, op: SearchOp, wanted: int, *, searched: bool | None = None
    ) -> list[tuple[Memory, float | None]]:
        """The `wanted` items that were put last, last first; `searched`: only those that a query can find, or not."""
        prefix, limit = _encoded(op.namespace_prefix), max(2 * wanted, 1)
        while True:
            listed = memory.list(namespace=prefix, limit=limit, newest=True)
            found: dict[tuple[Labels, Any], Memory] = {}
            for one in reversed(self._alive(memory, listed)):
                if searched in (None, one.metadata["searched"]):
                    found.setdefault((one.namespace, one.metadata["key"]), one)
            matching = [(one, None) for one in found.values() if matches(one.metadata["value"], op.filter)]
            if len(matching) >= wanted or len(listed) < limit:
                return [*matching]
            limit *= 4

    def _used(self, memory: Memoria, found: Sequence[Memory], *, refresh: bool) -> None:
        """Counts a read as a use. The trace of an item with a TTL is written at once: it says when the item expires."""
        if not (refresh and self._reinforce and found):
            return
        memory.reinforce(*(one.id for one in found))
        for one in found:
            if one.metadata[_TTL] is not None:
                memory.trace(one.id)
                break

    def _listed(self, memory: Memoria, op: ListNamespacesOp) -> list[Labels]:
        conditions = op.match_conditions or ()
        prefix = max((_literal(one) for one in conditions), key=len, default=())
        if self.ttl_config:
            with suppress(StoreReadOnly):
                self._sweep(memory, prefix)
        view = memory.namespace(*_encoded(prefix))
        found = [_decoded(space[len(memory.prefix) :]) for space in view.namespaces() if space[-1:] == (_LEAF,)]
        cut = {labels[: op.max_depth] for labels in found if all(_matches(one, labels) for one in conditions)}
        return sorted(cut)[op.offset : op.offset + op.limit]

    # -- writing --

    def _put(self, memory: Memoria, ops: Sequence[PutOp], vectors: Mapping[str, Vectors]) -> None:
        """Writes and deletes within one namespace."""
        view = memory.namespace(*_place(ops[0].namespace))
        old: list[Memory] = []
        drafts: list[Draft] = []
        for op in ops:
            versions = view.list(tags=(tag(op.key),))
            old += versions
            if op.value is not None:
                drafts += self._drafts(view, op, versions, vectors)
        new = self._remember(view, drafts)
        replace(view, old, new)

    def _remember(self, view: Memoria, drafts: Sequence[Draft]) -> list[Memory]:
        return view.remember_many(drafts, readmit=True) if drafts else []

    def _drafts(
        self, view: Memoria, op: PutOp, versions: Sequence[Memory], vectors: Mapping[str, Vectors]
    ) -> list[Draft]:
        """An item, and a memory for each further text of it."""
        # Through JSON, as other stores do: what comes back is what any reader would get.
        value = orjson.loads(orjson.dumps(dict(op.value or {})))
        texts = self._indexed(op)
        first = next((one.metadata["created_at"] for one in versions if "created_at" in one.metadata), None)
        metadata = {
            "key": op.key,
            "value": value,
            "created_at": first or view.now().isoformat(),
            _TTL: op.ttl,
            "searched": bool(texts),
        }
        tags = (tag(op.key),) if op.ttl is None else (tag(op.key), _TTL)
        text = texts[0] if texts else orjson.dumps(value).decode()
        vector = vectors[texts[0]] if texts else _unit(view.store.embedder.dimension)
        item = _draft(text, vector, tags, metadata)
        beside = {"key": op.key, "searched": True}
        return [item, *(_draft(more, vectors[more], tags[:1], beside) for more in texts[1:])]

    def _sweep(self, memory: Memoria, prefix: Labels) -> int:
        def items() -> list[Memory]:
            return [one for one in memory.list(namespace=_encoded(prefix), tags=(_TTL,)) if _is_item(one)]

        found = items()
        self._alive(memory, found)
        return len(found) - len(items())


def _draft(text: str, vector: Vectors, tags: Sequence[str], metadata: Mapping[str, Any]) -> Draft:
    # No memory may hold NUL; the value keeps it.
    plain = text.replace("\0", " ")
    return Draft(text=plain, kind="semantic", tags=tags, key=record_key(), metadata=metadata, vector=vector)


def _versions(memory: Memoria, labels: Labels, key: str) -> list[Memory]:
    """All memories of an item, oldest first: more than one version only after a crash in an update."""
    return memory.list(namespace=_place(labels), tags=(tag(key),))


def _is_item(memory: Memory) -> bool:
    """Whether it is an item, and not a further text of one, or something of somebody else's."""
    return memory.namespace[-1:] == (_LEAF,) and "value" in memory.metadata


def _due(memory: Memoria, item: Memory) -> datetime:
    """When an item with a TTL expires: that long after it was last used."""
    return memory.trace(item.id).last_retrieved + timedelta(minutes=item.metadata[_TTL])


def _fields(memory: Memoria, item: Memory) -> dict[str, Any]:
    """The arguments of an `Item`."""
    return {
        "namespace": _labels(memory, item),
        "key": item.metadata["key"],
        "value": dict(item.metadata["value"]),
        "created_at": datetime.fromisoformat(item.metadata["created_at"]),
        "updated_at": item.created_at,
    }


def _unit(dimension: int) -> Vectors:
    """A direction for what is not searched: a memory has to have one."""
    import numpy as np

    direction: Vectors = np.eye(1, dimension, dtype=np.float32)[0]
    return direction


def _embedder(index: IndexConfig) -> CallableEmbedder:
    embed: Any = index["embed"]
    found = ensure_embeddings(embed)
    name = embed if isinstance(embed, str) else label_of(embed)
    # What can only be awaited cannot be asked here, so that its name has to do.
    if isinstance(embed, str) or (hasattr(found, "afunc") and not hasattr(found, "func")):
        return named(name, found.embed_documents, index["dims"])
    return CallableEmbedder(found.embed_documents, dimension=index["dims"], label=name)


def _encoded(labels: Sequence[str]) -> Labels:
    return tuple(as_part(label) for label in labels)


def _place(labels: Sequence[str]) -> Labels:
    return (*_encoded(labels), _LEAF)


def _decoded(parts: Sequence[str]) -> Labels:
    return tuple(from_part(part) for part in parts[:-1])


def _labels(memory: Memoria, item: Memory) -> Labels:
    return _decoded(item.namespace[len(memory.prefix) :])


def _literal(condition: MatchCondition) -> Labels:
    """The labels with which every namespace begins that meets the condition, as far as they are known."""
    if condition.match_type != "prefix":
        return ()
    path = tuple(condition.path)
    return path[: path.index("*")] if "*" in path else path


def _matches(condition: MatchCondition, labels: Labels) -> bool:
    path = tuple(condition.path)
    if condition.match_type not in ("prefix", "suffix"):
        raise ValueError(f"match type {condition.match_type!r} is not prefix or suffix")
    part = labels[: len(path)] if condition.match_type == "prefix" else labels[len(labels) - len(path) :]
    return len(labels) >= len(path) and all(asked in ("*", label) for asked, label in zip(path, part, strict=True))


__all__ = ["MemoriaStore"]
