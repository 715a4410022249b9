"""Memoria: the verbs. Each is thin and delegates to the module named after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from memoria import remember as remembering
from memoria.derived.lineage import living
from memoria.distill.unlearn import sweep
from memoria.embedders import as_embedder, check_embedder, embed
from memoria.engine.change import Evolving
from memoria.engine.retention import Keeping
from memoria.engine.weights import Distilling
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.forget import erase as erasing
from memoria.forget.residue import Residue, scan, text_secrets
from memoria.identity import IdSource
from memoria.observe import watched
from memoria.policies import Exponential
from memoria.policies.registry import adopted
from memoria.protocols import DecayPolicy, Embedder, Progress, Store
from memoria.recall import search as recalling
from memoria.recall.context import CountTokens, estimate_tokens, pack
from memoria.recall.need import Need
from memoria.recall.rerank import Rerank
from memoria.remember import Desk, Draft
from memoria.retention import fade as fading
from memoria.retention.reinforce import Reinforcer, Reinforcing
from memoria.types import EmbedderCard, Hit, Kind, Memory, Namespace, Receipt, Record, StoreStats, Trace, Where
from memoria.validate import check_memory, check_namespace, check_where, is_id

if TYPE_CHECKING:
    from memoria.arrays import Vectors

EmbedderLike = Embedder | str | Callable[[list[str]], Any] | None
Clock = Callable[[], datetime]
# Inside the class `list` is a verb, so these are named here.
Memories = list[Memory]
Hits = list[Hit]
HitLists = list[Hits]
Records = list[Record]
Namespaces = list[Namespace]
Problems = list[str]
_URLS = ("postgresql://", "postgres://")


def utc_now() -> datetime:
    """The clock of the outermost layer."""
    return datetime.now(UTC)


@watched
class Memoria(Keeping, Distilling, Evolving):
    """The memory of an agent: a view of a store, from one namespace downwards.

    Made by `memoria.open`. `namespace` narrows the view; every verb works on the view's namespace and what
    lies under it, except `remember`, which writes to the namespace itself.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        *,
        namespace: Namespace = (),
        policy: DecayPolicy | None = None,
        clock: Clock = utc_now,
        progress: Progress | None = None,
        reinforce: Reinforcing = "recalled",
        fade_below: float = fading.FADE_BELOW,
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.prefix = namespace
        self.policy = policy if policy is not None else Exponential()
        self._clock = clock
        self.progress = progress
        self._ids = IdSource()
        self._reinforcing = reinforce
        self._traces = Reinforcer(store, self.policy, fade_below)

    def namespace(self, *parts: str) -> Memoria:
        """The view of a namespace under this one; raises InvalidQuery for a bad part."""
        view = Memoria(
            self.store,
            self.embedder,
            namespace=self.prefix + check_namespace(parts),
            policy=self.policy,
            clock=self._clock,
            progress=self.progress,
            reinforce=self._reinforcing,
        )
        view._ids, view._traces = self._ids, self._traces
        return view

    def remember(self, text: str, *, readmit: bool = False, **fields: Any) -> Memory:
        """Stores one memory and returns it; durable when this returns.

        fields: those of `Draft`. readmit: takes it even if this text was forgotten here. What was just recalled and is
        said again, without key and time, is not stored anew: the memory that is there is returned, and strengthened.
        Raises InvalidMemory, InvalidVector, KeyConflict, EmbedderMismatch, Refused, and MemoryNotFound for a source
        in `derived_from` that is not there.
        """
        return self.remember_many([Draft(text=text, **fields)], readmit=readmit)[0]

    def remember_many(self, drafts: Iterable[Draft | str], *, readmit: bool = False) -> Memories:
        """Stores a batch, all or nothing, with one pass of the embedder; raises as `remember` does.

        readmit: takes back texts that were forgotten here, which are refused otherwise.
        """
        ready = [draft if isinstance(draft, Draft) else Draft(text=draft) for draft in drafts]
        return remembering.remember(self._desk(), self.prefix, ready, self._clock(), readmit=readmit)

    def _desk(self) -> Desk:
        return Desk(
            store=self.store, embedder=self.embedder, traces=self._traces, ids=self._ids, progress=self.progress
        )

    def _prepared(self, drafts: Sequence[Draft]) -> Records:
        desk, at = self._desk(), self._clock()
        memories, records = remembering.prepare(desk, self.prefix, drafts, at)
        remembering.admit(self.store, self.prefix, drafts, memories, records, readmit=False)
        self._traces.begin()
        return records or [self._record(memory.id) for memory in memories]

    def _new_id(self, at: datetime) -> str:
        return self._ids.new(at)

    def recall(self, query: str | Vectors, *, k: int = 10, vector_only: bool = False, **options: Any) -> Hits:
        """The k memories most needed for `query` that meet the filters, best first; see docs/recall.md.

        query: text; or its vector of shape (d,), and then, or with `vector_only`, the score is the cosine alone.
        options: namespace=, subject=, tags=, kinds=, since=, until= filter. as_of= leaves what was remembered by
        then and held then; without it, what has ended, or does not hold yet, is left out as archived memories are:
        include= takes some of "archived", "expired", "upcoming" in. budget_tokens= keeps the hits that fit a prompt,
        counted by count_tokens=. need= gives other weights. rerank= is a callable (query, texts) -> scores.
        Raises InvalidQuery, InvalidVector, EmbedderMismatch.
        """
        return self.recall_many([query], k=k, vector_only=vector_only, **options)[0]

    def recall_many(
        self,
        queries: Sequence[str | Vectors],
        *,
        k: int = 10,
        vector_only: bool = False,
        as_of: datetime | None = None,
        need: Need | None = None,
        rerank: Rerank | None = None,
        budget_tokens: int | None = None,
        count_tokens: CountTokens = estimate_tokens,
        namespace: Sequence[str] = (),
        tags: Sequence[str] = (),
        kinds: Sequence[Kind] = (),
        include: Sequence[str] = (),
        **names_and_times: Any,
    ) -> HitLists:
        """`recall` for each query, in order, with one pass of the embedder over all texts."""
        where = self._where(namespace, tags=tags, kinds=kinds, **names_and_times)
        where = replace(where, archived=archived_filter(include))
        request = recalling.Request(
            where=where,
            k=recalling.check_k(k),
            at=self._clock(),
            as_of=recalling.check_as_of(as_of),
            include=frozenset(include),
            need=Need() if need is None else need,
            rerank=rerank,
        )
        found = []
        for query, vector in zip(queries, recalling.embed_queries(self.store, self.embedder, queries), strict=True):
            if isinstance(query, str) and not vector_only:
                found.append(recalling.recall_text(self.store, self.policy, query, vector, request))
            else:
                found.append(recalling.recall_vector(self.store, vector, request))
        if budget_tokens is not None:
            found = [pack(hits, budget_tokens, count_tokens) for hits in found]
        return [self._reported(hits) for hits in found]

    def get(self, id: str) -> Memory:
        """The memory with this id, as it was when it stands in a gist now; raises MemoryNotFound."""
        found = living(self.store, [id]).get(id) if is_id(id) else None
        if found is None or not found.under(self.prefix):
            raise MemoryNotFound(str(id))
        return found

    def trace(self, id: str) -> Trace:
        """How well a memory is held; raises MemoryNotFound."""
        self._traces.flush()
        return self._record(id).trace

    def list(
        self,
        *,
        namespace: Sequence[str] = (),
        subject: str | None = None,
        tags: Sequence[str] = (),
        kinds: Sequence[Kind] = (),
        key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Memories:
        """Memories that meet the filters, oldest first; the newest `limit` of them when given."""
        where = self._where(namespace, subject=subject, tags=tags, kinds=kinds, key=key, since=since, until=until)
        if limit is not None and limit < 1:
            raise InvalidQuery(f"limit {limit!r} is not at least 1")
        ids = self.store.select(check_where(where))
        records = self.store.read(ids if limit is None else ids[-limit:])
        return [record.memory for record in records if record is not None]

    def amend(self, id: str, **changes: Any) -> Memory:
        """Replaces parts of a memory under the same id; of what they were nothing stays, in what was made of it either.

        changes: fields of `Draft` but created_at and key. Raises MemoryNotFound, InvalidMemory, InvalidQuery.
        """
        self._freed([id])
        old = self._record(id)
        allowed = {"text", "kind", "valid_from", "valid_to", "salience", "subject", "tags", "metadata"}
        if not changes or not set(changes) <= allowed:
            raise InvalidQuery(
                f"amend takes some of {', '.join(sorted(allowed))}, not {', '.join(changes) or 'nothing'}"
            )
        if "tags" in changes:
            changes["tags"] = tuple(sorted(set(changes["tags"])))
        memory = check_memory(replace(old.memory, **changes))
        same = memory.text == old.memory.text
        vector = old.vector if same else embed(self.store, self.embedder, [memory.text])[0]
        self._traces.flush()
        new = Record(memory=memory, trace=self._record(id).trace, vector=vector)
        erasing.amend(self.store, new, old.memory, self._remade)
        return memory

    @overload
    def forget(self, *ids: str, dry_run: Literal[True], **criteria: Any) -> Memories: ...
    @overload
    def forget(
        self,
        *ids: str,
        dry_run: Literal[False] = False,
        verify: bool = False,
        override: str | None = None,
        **criteria: Any,
    ) -> Receipt: ...
    def forget(
        self,
        *ids: str,
        dry_run: bool = False,
        verify: bool = False,
        override: str | None = None,
        guard: erasing.Guard = "exact",
        mentions: str | None = None,
        namespace: Sequence[str] | None = None,
        tags: Sequence[str] = (),
        kinds: Sequence[Kind] = (),
        **names_and_times: Any,
    ) -> Memories | Receipt:
        """Forgets by id, subject=, tags=, kinds=, since=, until=, or all under namespace=; final when it returns.

        All that was made from it goes too: gists are made again from what is left of them, and what was derived by
        others is forgotten; the receipt names each.
        mentions: only what holds this name or identifier, as whole words and however it is written (canonical.py).
        guard: a forgotten text is refused when it comes back ("exact"), so is one nearly the same ("near"), or "none".

        dry_run: lists exactly what would go, oldest first, and forgets nothing.
        verify: scans every file for what was forgotten and puts the count into the receipt.
        override: why it goes although a hold stands against it; kept, sealed, in the ledger.
        Raises MemoryNotFound for an unknown id, InvalidQuery when nothing is asked, Held against a hold; then nothing
        goes.
        """
        where = self._where(namespace or (), tags=tags, kinds=kinds, **names_and_times)
        if ids:
            where = replace(where, ids=ids)
        order = erasing.Order(where=where, mentions=mentions, verify=verify, override=override, guard=guard)
        erasing.check_order(order, whole=namespace is not None)
        if dry_run:
            return erasing.preview(self.store, order)
        self._traces.flush()
        receipt = erasing.erase(self.store, order, self._clock(), self._remade)
        if receipt.namespaces:
            self._traces.tidy()
        return receipt

    def now(self) -> datetime:
        """The time by the clock of this memory."""
        return self._clock()

    def namespaces(self) -> Namespaces:
        """Namespaces under this one that hold memories, sorted."""
        return self.store.namespaces(self.prefix)

    def scan(self, *texts: str) -> Residue:
        """Looks for texts in every byte of every file of the store."""
        return scan(self.store.files(), [secret for text in texts for secret in text_secrets(text)])

    def stats(self) -> StoreStats:
        """Counts and sizes of the whole store."""
        return self.store.stats()

    def doctor(self) -> Problems:
        """Problems found by reading everything; empty when sound."""
        return self.store.check()

    def rebuild(self) -> None:
        """Makes indexes again from the slots and gives back the space of what was forgotten."""
        self.store.rebuild()

    def reembed(self, embedder: EmbedderLike) -> None:
        """Replaces every vector by another embedder's; all or nothing."""
        self.embedder = as_embedder(embedder)
        self.store.reembed(self.embedder)

    def close(self) -> None:
        """Closes the store, and with it every view of it; what was recalled is written down first."""
        try:
            self._traces.flush_if_there_is_room()
        finally:
            self.store.close()

    def __len__(self) -> int:
        return self.store.count(self.prefix)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _record(self, id: str) -> Record:
        record = self.store.read([id])[0] if is_id(id) else None
        if record is None or not record.memory.under(self.prefix):
            raise MemoryNotFound(str(id))
        return record

    def _where(self, namespace: Sequence[str], *, tags: Sequence[str], kinds: Sequence[Kind], **rest: Any) -> Where:
        below = check_namespace(namespace)
        labels = tags if isinstance(tags, str) else tuple(tags)
        return Where(namespace=self.prefix + below, tags=labels, kinds=tuple(kinds), **rest)  # type: ignore[arg-type]  # a str is refused at the door


def open(
    path: str | PathLike[str],
    *,
    mode: Literal["rw", "r"] = "rw",
    embedder: EmbedderLike = None,
    timeout: float = 0.0,
    policy: DecayPolicy | None = None,
    reinforce: Reinforcing = "recalled",
    fade_below: float = fading.FADE_BELOW,
    clock: Clock = utc_now,
    progress: Progress | None = None,
) -> Memoria:
    """Opens the store in directory `path`, made when it is not there and mode is "rw"; ":memory:" keeps nothing.

    path: or "postgresql://..." as libpq takes it, with `keys=DIRECTORY` in its query, where data keys are; the extra
    `postgres` and docs/scale.md.
    mode: "rw" is the one writer of a directory, "r" one of many readers. timeout: seconds to wait for another writer
    to close, or for a server.
    embedder: a SentenceTransformer name, a callable of texts, or an Embedder; None is all-MiniLM-L6-v2 for a new
    store, and the store's own for an old one. policy: how memories fade; None is what was adopted, or Exponential.
    reinforce: which memories a recall strengthens: all it returns ("recalled"), those of which `hit.used()` is
    called ("used"), or none ("never"). fade_below: retrievability under which `fade` archives, in [0, 1).
    progress: called with (what, done, total) during long work.
    Raises StoreLocked, StoreNotFound, StoreCorrupt, StoreReadOnly, FormatTooNew, EmbedderMismatch.
    """
    from memoria.stores import InMemoryStore

    if mode == "r":
        reinforce = "never"

    if fspath(path) == ":memory:":
        chosen = as_embedder(embedder)
        return _view(InMemoryStore(chosen.card), chosen, policy, clock, progress, reinforce, fade_below)
    given = None if embedder is None else as_embedder(embedder)
    card = as_embedder(None).card if given is None else given.card
    store = open_store(path, card, mode, timeout, progress)
    if mode == "rw":
        sweep(store)
    if given is None:
        return _view(store, as_embedder(store.embedder.name), policy, clock, progress, reinforce, fade_below)
    try:
        check_embedder(store, given)
    except Exception:
        store.close()
        raise
    return _view(store, given, policy, clock, progress, reinforce, fade_below)


def is_url(path: str | PathLike[str]) -> bool:
    """Whether a store is named by the URL of a database, and not by its directory."""
    return fspath(path).startswith(_URLS)


def open_store(
    path: str | PathLike[str],
    card: EmbedderCard,
    mode: Literal["rw", "r"],
    timeout: float = 0.0,
    progress: Progress | None = None,
) -> Store:
    """The store alone, without verbs; card: of the embedder, when it is made. Raises as `open` does."""
    if is_url(path):
        from memoria.stores import PostgresStore

        return PostgresStore(fspath(path), embedder=card, mode=mode, timeout=timeout, progress=progress)
    from memoria.stores import LocalStore

    return LocalStore(path, embedder=card, mode=mode, timeout=timeout, progress=progress)


def _view(
    store: Store,
    embedder: Embedder,
    policy: DecayPolicy | None,
    clock: Clock,
    progress: Progress | None,
    reinforce: Reinforcing,
    fade_below: float,
) -> Memoria:
    chosen = adopted(store) if policy is None else policy
    return Memoria(
        store, embedder, policy=chosen, clock=clock, progress=progress, reinforce=reinforce, fade_below=fade_below
    )


def archived_filter(include: Sequence[str]) -> bool | None:
    """What `include` means for a filter: archived memories are left out unless named; raises InvalidQuery."""
    if isinstance(include, str) or not set(include) <= {"archived", "expired", "upcoming"}:
        raise InvalidQuery(f"include {include!r} is not a sequence of some of: archived, expired, upcoming")
    return None if "archived" in include else False
