"""Memoria: the verbs of remembering, recalling and forgetting. Each delegates to the module named after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from memoria import remember as remembering
from memoria.audience import tidy
from memoria.derived.gist import left
from memoria.derived.lineage import homes, living
from memoria.embedders import EmbedderLike, as_embedder
from memoria.engine.arguments import Amendment, Asking, DraftFields, Filters, filters_of, spelled
from memoria.engine.people import People
from memoria.engine.proving import Proving
from memoria.engine.reading import gated
from memoria.engine.standing import Standing
from memoria.engine.view import IdLike
from memoria.errors import InvalidQuery
from memoria.forget import erase as erasing
from memoria.forget.erase import Guard
from memoria.forget.residue import Residue, scan, text_secrets
from memoria.observe import watched
from memoria.periods import ends
from memoria.recall import search as searching
from memoria.recall.context import estimate_tokens, pack
from memoria.remember import Draft, as_draft
from memoria.standing.orders import OnMatch
from memoria.text.times import Reading
from memoria.types import Hits, Memory, Namespace, Page, Preview, Receipt, StoreStats, Where
from memoria.validate import (
    check_days,
    check_flag,
    check_ids,
    check_probability,
    check_time,
    check_where,
    check_whole,
    is_id,
    tidy_tags,
)
from memoria.zones import as_zone

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.distill.answered import Answered
    from memoria.distill.dataset import ExampleWriter

# Inside a class that has a verb `list`, the types are named here.
Memories = list[Memory]
HitLists = list[Hits]
Namespaces = list[Namespace]
Problems = list[str]


@spelled
@gated
@watched
class Memoria(People, Proving, Standing):
    """The memory of an agent: a view of a store, from one namespace downwards.

    Made by `memoria.open`. `namespace` narrows the view; every verb works on the view's namespace and what
    lies under it, except `remember`, which writes to the namespace itself.

    Wherever a verb takes ids, it takes memories as well. An argument that a verb does not have is an UnknownArgument
    error, which names the verb and the nearest argument.
    """

    def remember(
        self, text: str, *, readmit: bool = False, reader: str | None = None, **fields: Unpack[DraftFields]
    ) -> Memory:
        """Stores one memory; durable when this returns.

        What was just recalled and is said again, without key and time, is not stored anew: the memory that is there is
        returned, and strengthened. Only where all is the same: text, subject, speaker, session, validity, and whatever
        else is given.

        Args:
            text: what is remembered; not blank, at most 1 MiB of UTF-8.
            readmit: takes it even if it was forgotten here.
            reader: who asks; only what this reader sees is there. None is this view's own.
            fields: those of `Draft`: kind, created_at, valid_from, valid_to, salience, subject, tags, key, provenance,
                metadata, vector, expires_at, ttl, visible_to.

        Returns:
            The memory.

        Raises:
            InvalidMemory: a field breaks a rule.
            InvalidVector: `vector` is not finite, zero, or of another length.
            KeyConflict: the key holds another memory.
            EmbedderMismatch: the store's vectors come from another embedder.
            Refused: this text was forgotten here, of this subject or where none was given.
            MemoryNotFound: a source in `provenance.derived_from` is not there.
        """
        return self.remember_many([Draft(text=text, **fields)], readmit=readmit)[0]

    def remember_many(
        self, drafts: Iterable[Draft | str], *, readmit: bool = False, reader: str | None = None
    ) -> Memories:
        """Stores a batch, all or nothing, with one pass of the embedder.

        Args:
            drafts: texts, or drafts.
            readmit: takes back texts that were forgotten here, which are refused otherwise.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The memories, in the order of `drafts`.

        Raises:
            InvalidQuery: `drafts` is one text, or holds something that is neither a text nor a draft.
            InvalidMemory: a field breaks a rule.
            InvalidVector: a `vector` is not finite, zero, or of another length.
            KeyConflict: a key holds another memory.
            EmbedderMismatch: the store's vectors come from another embedder.
            Refused: a text was forgotten here.
            MemoryNotFound: a source in `provenance.derived_from` is not there.
        """
        if isinstance(drafts, str | Draft):
            raise InvalidQuery(f"drafts is one {type(drafts).__name__}, not a sequence of drafts: use remember for one")
        ready = [as_draft(draft) for draft in drafts]
        return remembering.remember(self._records, self._traces, self.prefix, ready, self.now(), readmit=readmit)

    def recall(
        self,
        query: str | Vectors,
        *,
        k: int = 10,
        vector_only: bool = False,
        reader: str | None = None,
        **asking: Unpack[Asking],
    ) -> Hits:
        """The memories most needed for a question, best first; see docs/recall.md.

        Args:
            query: a text; or a vector of shape (d,), which is searched by cosine alone.
            k: how many at most; at least 1.
            vector_only: scores a text by the cosine of its vector alone.
            reader: who asks; only what this reader sees is there. None is this view's own.
            asking: as_of, include, need, rerank, at_least, budget_tokens, count_tokens, zone; see `Asking`. And which
                memories: namespace, subject, session, speaker, tags, kinds, key, metadata, since, until; see `Filters`.

        Returns:
            Hits, each with its score and the terms that the score is the sum of; see `Hits.known`.

        Raises:
            InvalidQuery: an argument is out of its range or of another type, or at_least without probabilities.
            InvalidVector: a vector that is not finite, zero, or of another length.
            EmbedderMismatch: the store's vectors come from another embedder.
        """
        return self.recall_many([query], k=k, vector_only=vector_only, **asking)[0]

    def recall_many(
        self,
        queries: Sequence[str | Vectors],
        *,
        k: int = 10,
        vector_only: bool = False,
        reader: str | None = None,
        **asking: Unpack[Asking],
    ) -> HitLists:
        """`recall` for several questions, with one pass of the embedder.

        Args:
            queries: texts or vectors.
            k: how many hits for each at most; at least 1.
            vector_only: as for `recall`.
            reader: who asks; only what this reader sees is there. None is this view's own.
            asking: as for `recall`.

        Returns:
            The hits of each query, in the order of `queries`.

        Raises:
            InvalidQuery: an argument is out of its range, of another type, or one str; at_least without probabilities.
            InvalidVector: a vector that is not finite, zero, or of another length.
            EmbedderMismatch: the store's vectors come from another embedder.
        """
        request = self._request(k, asking)
        found = searching.recall_all(self._records, queries, request, asking.get("need"), vector_only=vector_only)
        budget, count = asking.get("budget_tokens"), asking.get("count_tokens", estimate_tokens)
        return [self._reported(pack(self._timely(hits), budget, count, request.reading.zone)) for hits in found]

    def ask(
        self,
        question: str,
        *,
        k: int = 10,
        most: int = 64,
        base: bool = True,
        examples: ExampleWriter | None = None,
    ) -> Answered:
        """Answers a question from weights and store together.

        The weights answer what they were taught, with what they were taught; no memory is in their prompt. Otherwise
        the memories that are near the question answer in their own words. A question about the speaker, or about
        somebody who is spoken of here, to which no memory is near, is told that nothing is remembered. Any other is
        answered by the untouched base model. Nothing need be distilled: then the store alone answers.

        Args:
            question: the question; not blank.
            k: memories recalled for it, at most.
            most: tokens of an answer of a model, at most.
            base: whether the base model may answer; if not, nothing is remembered wherever no memory is near.
            examples: what `distill` was given, if it was.

        Returns:
            The answer, whose it is, and how many tokens of prompt it took and saved.

        Raises:
            InvalidQuery: the question is blank, or `k` or `most` is under 1.
            ModelNotFound: the model of the last `distill` is not there.
        """
        from memoria.distill.asking import ask

        if not isinstance(question, str) or not question.strip():
            raise InvalidQuery(f"question is {type(question).__name__}, not a text that says something")
        check_whole("most", most)
        hits = self.recall(question, k=k)
        return ask(self._question(question, hits, most, examples), base=bool(check_flag("base", base)))

    def _request(self, k: int, asking: Asking) -> searching.Request:
        include, at = asking.get("include", ()), self._clock()
        zone = as_zone(asking.get("zone")) or self.zone
        return searching.Request(
            where=self._current(filters_of(asking), searching.archived_filter(include), kept_at=at),
            k=check_whole("k", k),
            at=at,
            reading=Reading(zone=zone, day_first=self._day_first, language=self.store.language),
            as_of=check_time("as_of", asking.get("as_of")),
            include=frozenset(include),
            rerank=asking.get("rerank"),
            at_least=check_probability("at_least", asking.get("at_least")),
        )

    def _current(self, filters: Filters, archived: bool | None, kept_at: datetime) -> Where:
        """What may be recalled: nothing restricted, which `archived=False` says already, and nothing due."""
        restricted = None if archived is False else False
        return self._where(filters, archived=archived, restricted=restricted, kept_at=kept_at)

    def get(self, id: IdLike, *, reader: str | None = None) -> Memory:
        """The memory with an id, restricted or not; a part of a gist as it was when it went in.

        Args:
            id: of the memory, or the memory.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The memory.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidQuery: `id` is neither a str nor a Memory.
        """
        (asked,) = check_ids([id])
        found = living(self.store, [asked]).get(asked) if is_id(asked) else None
        if found is None or not found.under(self.prefix):
            raise self._missing(asked)
        home = asked if found.parts else homes(self.store, {asked}).get(asked, asked)
        seen = left(found, self._due([home]), self.store.language)
        if seen is None:
            raise self._missing(asked)
        return seen

    def list(
        self,
        *,
        limit: int | None = None,
        after: IdLike | None = None,
        newest: bool = False,
        reader: str | None = None,
        **filters: Unpack[Filters],
    ) -> Page:
        """Memories that meet the filters, oldest first, a page at a time when there are many.

        Args:
            limit: how many at most; None is all.
            after: the cursor of the page before: only what comes after this memory, whether it is still there or not.
            newest: cuts at the other end: the last `limit` of them.
            reader: who asks; only what this reader sees is there. None is this view's own.
            filters: namespace, subject, session, speaker, tags, kinds, key, metadata, since, until; see `Filters`.

        Returns:
            A list that knows how many it leaves out (`left`), and the cursor of the next page (`after`).

        Raises:
            InvalidQuery: a limit under 1, `after` that is no id, or a filter that no memory can meet.
        """
        where = check_where(self._where(filters, restricted=False, kept_at=self._clock()))
        size = None if limit is None else check_whole("limit", limit)
        start = None if after is None else check_ids([after])[0]
        if start is not None and not is_id(start):
            raise InvalidQuery("after is not an id of 32 hexadecimal digits")
        found = [id for id in self.store.select(where) if start is None or id > start]
        kept = found if size is None else found[-size:] if newest else found[:size]
        records = self.store.read(kept)
        memories = self._whole([record.memory for record in records if record is not None])
        return Page(memories, left=len(found) - len(kept), newest=newest)

    def amend(
        self, id: IdLike, *, readmit: bool = False, reader: str | None = None, **changes: Unpack[Amendment]
    ) -> Memory:
        """Replaces fields of a memory under the same id. The old values are erased, in what was made of it too.

        Args:
            id: of the memory, or the memory.
            readmit: takes the new text even if it was forgotten here.
            reader: who asks; only what this reader sees is there. None is this view's own.
            changes: some of text, kind, valid_from, valid_to, salience, subject, tags, metadata, expires_at, ttl,
                visible_to.

        Returns:
            The memory as it is now.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidMemory: a field breaks a rule.
            InvalidQuery: no changes.
            Held: a hold stands against it.
            Refused: the new text was forgotten here.
        """
        if not changes:
            raise InvalidQuery(f"amend takes some of {', '.join(Amendment.__annotations__)}, not nothing")
        (mine,) = self._mine([id], parts=True)
        self._traces.flush()
        return erasing.amend(self._records, mine, _amended(changes), readmit=readmit, at=self._clock())

    @overload
    def forget(
        self,
        *ids: IdLike,
        dry_run: Literal[True],
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        guard_days: float | None = None,
        mentions: str | None = None,
        reader: str | None = None,
        standing: bool = False,
        on_match: OnMatch = "refuse",
        agreed: str | None = None,
        **filters: Unpack[Filters],
    ) -> Preview: ...
    @overload
    def forget(
        self,
        *ids: IdLike,
        dry_run: Literal[False] = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        guard_days: float | None = None,
        mentions: str | None = None,
        reader: str | None = None,
        standing: bool = False,
        on_match: OnMatch = "refuse",
        agreed: str | None = None,
        **filters: Unpack[Filters],
    ) -> Receipt: ...
    @overload
    def forget(
        self,
        *ids: IdLike,
        dry_run: bool,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        guard_days: float | None = None,
        mentions: str | None = None,
        reader: str | None = None,
        standing: bool = False,
        on_match: OnMatch = "refuse",
        agreed: str | None = None,
        **filters: Unpack[Filters],
    ) -> Preview | Receipt: ...
    def forget(
        self,
        *ids: IdLike,
        dry_run: bool = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        guard_days: float | None = None,
        mentions: str | None = None,
        reader: str | None = None,
        standing: bool = False,
        on_match: OnMatch = "refuse",
        agreed: str | None = None,
        **filters: Unpack[Filters],
    ) -> Preview | Receipt:
        """Forgets memories for ever, with all that was made from them; when it returns, their bytes are gone.

        Gists are made again from what is left, and what was derived by others is forgotten; the receipt names each.

        Args:
            ids: ids or memories; with filters, those that meet these. A gist is its parts, or those named beside it.
            dry_run: lists exactly what would go, oldest first, and forgets nothing.
            verify: asks the store and scans every file for what was forgotten, and puts the counts into the receipt.
            override: why it goes although a hold stands against it; kept, sealed, in the ledger.
            guard: which text is refused when it comes back about the same subject: the very text ("exact"), a near one
                too ("near"), or none ("none"). One of up to three words without a digit never is.
            guard_days: for how many days; None is what this memory was opened with, `math.inf` is for ever.
            mentions: only what holds this name, number or identifier, whole, however it is written or inflected.
            standing: keeps what holds the value of `mentions`, in any form, out from now on, until `lift_standing`.
            on_match: whether such a thing is refused ("refuse"), or stored without the value ("redact").
            agreed: the `digest` of a dry run: what would go now, and change, must be what that showed.
            reader: who asks; only what this reader sees is there. None is this view's own.
            filters: fields of `Filters`, such as subject, tags; `namespace=()` alone is everything under this view.

        Returns:
            The receipt, which `signed()` gives as a signed statement; with `dry_run`, what would go and change.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: nothing is asked, or an argument is of another type.
            Held: a hold stands against it.
            PlanChanged: what would go is not what was agreed to; nothing is forgotten.
        """
        how: dict[str, Any] = {"guard": guard, "guard_until": self._guarded_until(guard_days), "agreed": agreed}
        how |= {"within": self.prefix, "override": override, "verify": verify}
        order = erasing.Order(where=self._meant(ids, filters), mentions=mentions, **how)
        erasing.check_order(order, whole=filters.get("namespace") is not None)
        if self._stands(standing, on_match):
            return self._stand(order, on_match, dry_run=dry_run)
        return erasing.preview(self.store, order) if dry_run else self._erased(order)

    def _guarded_until(self, days: float | None) -> datetime | None:
        """Until when what is forgotten now is refused; None is for ever. Raises InvalidQuery."""
        chosen = check_days("guard_days", days)
        return ends(self._clock(), self._guard_days if chosen is None else chosen)

    def namespaces(self, *, reader: str | None = None) -> Namespaces:
        """Namespaces under this one that hold memories.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Whole paths, sorted.
        """
        return self.store.namespaces(self.prefix)

    def scan(self, *texts: str) -> Residue:
        """Looks for texts in every byte of every file of the store.

        Args:
            texts: what to look for.

        Returns:
            What was read and what was found.
        """
        return scan(self.store.files(), [secret for text in texts for secret in text_secrets(text)])

    def stats(self, *, reader: str | None = None) -> StoreStats:
        """Counts and sizes of the whole store.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The counts.
        """
        return self.store.stats()

    def doctor(self) -> Problems:
        """Reads everything and looks for damage, and for edits from outside that contradict what is sealed.

        Returns:
            Problems; empty when the store is sound.
        """
        return self.store.check()

    def repair(self, *, dry_run: bool = False) -> Problems:
        """Gives up what is damaged, so that all else is sound again; what was damaged is gone then.

        Look at `repair(dry_run=True)` first: an older copy of a file may hold what is damaged.

        Args:
            dry_run: only says what would be done.

        Returns:
            Each problem, and what was done about it, or would be.
        """
        return self.store.repair(dry_run=dry_run)

    def rebuild(self) -> None:
        """Makes indexes again from the slots and gives back the space of what was forgotten."""
        self.store.rebuild()

    def reembed(self, embedder: EmbedderLike) -> None:
        """Replaces every vector by another embedder's; all or nothing.

        Args:
            embedder: "mpnet", "multilingual-e5-small", a SentenceTransformer name, a callable of texts, an `Embedder`,
                or None for the default.
        """
        chosen = as_embedder(embedder)
        self.store.reembed(chosen)
        self.embedder = chosen

    def close(self) -> None:
        """Closes the store, and with it every view of it; what was recalled is written down first."""
        try:
            self._traces.flush_if_there_is_room()
            self._seats.flush_if_there_is_room()
        finally:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _amended(changes: Amendment) -> dict[str, Any]:
    """The changes as fields of a memory."""
    given: dict[str, Any] = dict(changes)
    if "visible_to" in given:
        given["visible_to"] = tidy(given["visible_to"])
    return given | {"tags": tidy_tags(given["tags"])} if "tags" in given else given
