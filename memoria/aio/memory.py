"""AsyncMemoria: the verbs of Memoria, awaited.

Generated from memoria/engine by docs/generate/awaited.py (`make docs`): change the verbs there, not here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from memoria.access.sight import Roles
from memoria.aio.threads import AsyncView, Opening
from memoria.change.reconcile import Phrases
from memoria.change.sleep import Night, Sleeper
from memoria.derived.gist import Writer, extract
from memoria.derived.lineage import Lineage
from memoria.embedders import EmbedderLike
from memoria.engine.arguments import Amendment, Asking, DraftFields, Filters, spelled, spelled_out
from memoria.engine.change import DetectorLike, Settlements, SleepOptions
from memoria.engine.learning import LearnOptions
from memoria.engine.memory import HitLists, Memories, Namespaces, Problems
from memoria.engine.opening import Behaviour, Mode
from memoria.engine.opening import open as open_memoria
from memoria.engine.people import Ids, PersonOptions, Restrictions
from memoria.engine.periods import TimeLimits
from memoria.engine.proving import Lines
from memoria.engine.retention import Decisions
from memoria.engine.standing import Orders
from memoria.engine.view import LEARNT, IdLike
from memoria.engine.weights import ModelPath
from memoria.english.detect import named
from memoria.extraction.learning import Lesson
from memoria.extraction.said import MessageLike
from memoria.forget.due import Erasure
from memoria.forget.erase import Guard
from memoria.forget.residue import Residue
from memoria.forget.shorten import Shortening
from memoria.models import ModelLike
from memoria.proof.checking import LedgerCheck
from memoria.proof.keys import Signer, SigningKey
from memoria.proof.lines import Line
from memoria.protocols import Progress
from memoria.recall.context import CountTokens
from memoria.remember import Draft
from memoria.retention import fade as fading
from memoria.retention.allocate import Allocation
from memoria.retention.counting import BudgetUnit
from memoria.retention.explain import Kept
from memoria.retention.fit import Fit
from memoria.retention.prune import CAP, Pruning
from memoria.retention.reinforce import Reinforcing
from memoria.standing.orders import OnMatch, StandingOrder
from memoria.stores.wrapping import UnlockLike
from memoria.subject.dossier import Dossier
from memoria.subject.find import About
from memoria.types import (
    Budget,
    Endings,
    Hits,
    Memory,
    Page,
    Preview,
    Receipt,
    RetentionPeriod,
    Settled,
    StoreStats,
    Trace,
)
from memoria.zones import ZoneLike

if TYPE_CHECKING:
    from memoria.arrays import Vectors
    from memoria.distill.answered import Answered
    from memoria.distill.audit import Audit
    from memoria.distill.base import WeightDtype
    from memoria.distill.dataset import ExampleWriter
    from memoria.distill.learn import Chooser, Learnt
    from memoria.distill.model import DistilledModel
    from memoria.distill.recipe import Recipe


@spelled
class AsyncMemoria(AsyncView):
    """A memory whose verbs are awaited, each in a worker thread; see docs/async.md.

    Made by `memoria.aio.open`. `namespace`, `reinforcing` and `reading_as` give other views at once, without `await`.
    Cancelling the task that awaits a verb does not stop a verb that has begun: its thread finishes it.

    Wherever a verb takes ids, it takes memories as well.
    """

    async def remember(
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
        return await self._threads.run(lambda: self.sync.remember(text, readmit=readmit, reader=reader, **fields))

    async def remember_many(
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
        return await self._threads.run(lambda: self.sync.remember_many(drafts, readmit=readmit, reader=reader))

    async def recall(
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
        return await self._threads.run(
            lambda: self.sync.recall(query, k=k, vector_only=vector_only, reader=reader, **asking)
        )

    async def recall_many(
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
        return await self._threads.run(
            lambda: self.sync.recall_many(queries, k=k, vector_only=vector_only, reader=reader, **asking)
        )

    async def ask(
        self, question: str, *, k: int = 10, most: int = 64, base: bool = True, examples: ExampleWriter | None = None
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
        return await self._threads.run(lambda: self.sync.ask(question, k=k, most=most, base=base, examples=examples))

    async def get(self, id: IdLike, *, reader: str | None = None) -> Memory:
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
        return await self._threads.run(lambda: self.sync.get(id, reader=reader))

    async def list(
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
        return await self._threads.run(
            lambda: self.sync.list(limit=limit, after=after, newest=newest, reader=reader, **filters)
        )

    async def amend(
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
        return await self._threads.run(lambda: self.sync.amend(id, readmit=readmit, reader=reader, **changes))

    @overload
    async def forget(
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
    async def forget(
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
    async def forget(
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
    async def forget(
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
        how: dict[str, Any] = {"dry_run": dry_run, "verify": verify, "override": override, "guard": guard}
        more: dict[str, Any] = {"guard_days": guard_days, "mentions": mentions, "reader": reader, "standing": standing}
        rest: dict[str, Any] = {"on_match": on_match, "agreed": agreed}
        return await self._threads.run(lambda: self.sync.forget(*ids, **how, **more, **rest, **filters))

    async def namespaces(self, *, reader: str | None = None) -> Namespaces:
        """Namespaces under this one that hold memories.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Whole paths, sorted.
        """
        return await self._threads.run(lambda: self.sync.namespaces(reader=reader))

    async def scan(self, *texts: str) -> Residue:
        """Looks for texts in every byte of every file of the store.

        Args:
            texts: what to look for.

        Returns:
            What was read and what was found.
        """
        return await self._threads.run(lambda: self.sync.scan(*texts))

    async def stats(self, *, reader: str | None = None) -> StoreStats:
        """Counts and sizes of the whole store.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The counts.
        """
        return await self._threads.run(lambda: self.sync.stats(reader=reader))

    async def doctor(self) -> Problems:
        """Reads everything and looks for damage, and for edits from outside that contradict what is sealed.

        Returns:
            Problems; empty when the store is sound.
        """
        return await self._threads.run(lambda: self.sync.doctor())

    async def repair(self, *, dry_run: bool = False) -> Problems:
        """Gives up what is damaged, so that all else is sound again; what was damaged is gone then.

        Look at `repair(dry_run=True)` first: an older copy of a file may hold what is damaged.

        Args:
            dry_run: only says what would be done.

        Returns:
            Each problem, and what was done about it, or would be.
        """
        return await self._threads.run(lambda: self.sync.repair(dry_run=dry_run))

    async def rebuild(self) -> None:
        """Makes indexes again from the slots and gives back the space of what was forgotten."""
        await self._threads.run(lambda: self.sync.rebuild())

    async def reembed(self, embedder: EmbedderLike) -> None:
        """Replaces every vector by another embedder's; all or nothing.

        Args:
            embedder: "mpnet", "multilingual-e5-small", a SentenceTransformer name, a callable of texts, an `Embedder`,
                or None for the default.
        """
        await self._threads.run(lambda: self.sync.reembed(embedder))

    async def close(self) -> None:
        """Closes the store, and with it every view of it; what was recalled is written down first."""
        await self._close()

    async def about(self, *names: str, **where: Unpack[PersonOptions]) -> About:
        """Which memories are about a person, by which way, and which may be about somebody else.

        Args:
            names: the name, and other names of the same person.
            where: namespace, by, include, near; see `PersonOptions`.

        Returns:
            What was found, and apart from it the near misses, with which nothing is ever done unless they are named in
            `include`. The texts of restricted memories are left out.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
        """
        return await self._threads.run(lambda: self.sync.about(*names, **where))

    async def dossier(self, *names: str, **where: Unpack[PersonOptions]) -> Dossier:
        """All that is stored about a person, word by word, with where it comes from: a copy for them.

        Archived, replaced, expired and restricted memories are in it; of each, who else it names.

        Args:
            names: as for `about`.
            where: as for `about`.

        Returns:
            The dossier; `memoria.subject.page` makes a page of it, and its `json` is for programs.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
        """
        return await self._threads.run(lambda: self.sync.dossier(*names, **where))

    @overload
    async def forget_about(
        self,
        *names: str,
        dry_run: Literal[True],
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview: ...
    @overload
    async def forget_about(
        self,
        *names: str,
        dry_run: Literal[False] = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Receipt: ...
    @overload
    async def forget_about(
        self,
        *names: str,
        dry_run: bool,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview | Receipt: ...
    async def forget_about(
        self,
        *names: str,
        dry_run: bool = False,
        verify: bool = False,
        override: str | None = None,
        guard: Guard = "exact",
        **where: Unpack[PersonOptions],
    ) -> Preview | Receipt:
        """Forgets, for ever, what is about a person, as `forget` does; restricted memories too.

        An order that restricts them goes with it, with the name that it holds.

        Args:
            names: as for `about`.
            dry_run: lists exactly what would go, and forgets nothing.
            verify: as for `forget`.
            override: as for `forget`.
            guard: as for `forget`.
            where: as for `about`.

        Returns:
            The receipt; with `dry_run`, the memories that would go.

        Raises:
            InvalidQuery: no name, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
            Held: a hold stands against it.
        """
        return await self._threads.run(
            lambda: self.sync.forget_about(
                *names, dry_run=dry_run, verify=verify, override=override, guard=guard, **where
            )
        )

    async def restrict(self, *names: str, reason: str, **where: Unpack[PersonOptions]) -> Ids:
        """Lets what is about a person only be stored, from now on and until `lift` (GDPR, article 18).

        No verb but `get`, `dossier` and an export that asks for it shows it, nothing changes, prunes or consolidates
        it, and adapters that learnt it are wiped. What is made from it is restricted too, and so is what is remembered
        later about the person. A part of a gist is a memory of its own from then on.

        Args:
            names: as for `about`.
            reason: why; kept, sealed, in the ledger.
            where: as for `about`.

        Returns:
            The ids of the memories that were not restricted before.

        Raises:
            InvalidQuery: no name, no reason, or an argument is of another type.
            MemoryNotFound: an id in `include` is not of this view.
            Held: a hold stands against taking a part out of its gist.
        """
        return await self._threads.run(lambda: self.sync.restrict(*names, reason=reason, **where))

    async def lift(self, *names: str, reason: str, namespace: Sequence[str] = ()) -> Ids:
        """Takes back the restrictions of a person: their memories are as they were before.

        Args:
            names: one of the names of the restriction, or several.
            reason: why; kept, sealed, in the ledger.
            namespace: parts below the namespace of the view; only restrictions there and below.

        Returns:
            The ids of the memories that are in use again; what another restriction covers stays.

        Raises:
            InvalidQuery: no name, no reason, or no restriction stands for it here.
        """
        return await self._threads.run(lambda: self.sync.lift(*names, reason=reason, namespace=namespace))

    async def restrictions(self) -> Restrictions:
        """The restrictions that stand here and below.

        Returns:
            The restrictions, oldest first.
        """
        return await self._threads.run(lambda: self.sync.restrictions())

    async def ledger_lines(self) -> Lines:
        """Every line of the ledger: what was erased and pruned, held and released, and all else that was decided.

        Returns:
            The lines, oldest first.
        """
        return await self._threads.run(lambda: self.sync.ledger_lines())

    async def receipts(self) -> Lines:
        """Lines of the ledger that are receipts of an erasure, or of the verification of one.

        Returns:
            The lines, oldest first.
        """
        return await self._threads.run(lambda: self.sync.receipts())

    async def receipt(self, number: int) -> bytes:
        """The signed statement of one line of the ledger, as `Receipt.signed` gives it.

        Args:
            number: of the line.

        Returns:
            A COSE_Sign1 statement.

        Raises:
            InvalidQuery: the ledger has no line of this number.
            SignerUnavailable: who signs is not to be reached.
        """
        return await self._threads.run(lambda: self.sync.receipt(number))

    async def verify_receipt(self, data: bytes) -> Line:
        """Verifies a signed receipt of this store against its ledger.

        Args:
            data: the statement.

        Returns:
            The line that it states.

        Raises:
            InvalidInput: it is no receipt, was changed, or is of another store.
            InvalidQuery: its line is not in the ledger.
        """
        return await self._threads.run(lambda: self.sync.verify_receipt(data))

    async def verify_ledger(self, *, head: str | None = None, receipts: Sequence[bytes] = ()) -> LedgerCheck:
        """Verifies every line and signature of the ledger, what the store keeps beside it, and receipts against it.

        Args:
            head: "number:hash" that was kept from an earlier verification: lines from there on must be there.
            receipts: signed receipts, which must be lines of it.

        Returns:
            Counts, the head, and each problem; without problems, the ledger is what was written.

        Raises:
            InvalidInput: the head is none.
        """
        return await self._threads.run(lambda: self.sync.verify_ledger(head=head, receipts=receipts))

    async def export_ledger(self) -> bytes:
        """The ledger as one file, for whoever has the public key and no store: docs/receipts.md shows a verifier.

        Returns:
            Public keys, lines and signatures, in deterministic CBOR. It holds no content, no name, no id and no reason.
        """
        return await self._threads.run(lambda: self.sync.export_ledger())

    async def signing_key(self) -> SigningKey:
        """The public key that signs the ledger now.

        Returns:
            The key, and the id by which statements name it.

        Raises:
            InvalidQuery: nothing was signed yet.
        """
        return await self._threads.run(lambda: self.sync.signing_key())

    async def rotate_key(self, *, signer: Signer | None = None) -> SigningKey:
        """Lets another key sign the ledger from now on; the old one signs the line that says so.

        Args:
            signer: whoever has the new key, such as a KMS; None makes one that the store keeps.

        Returns:
            The new public key.

        Raises:
            InvalidInput: the signer is none.
            SignerUnavailable: who signed until now is not to be reached.
        """
        return await self._threads.run(lambda: self.sync.rotate_key(signer=signer))

    async def standing(self, text: str | None = None) -> Orders:
        """The standing orders at or below this namespace, oldest first; what they keep out is nowhere.

        Args:
            text: lists only the orders that this text breaks here, those of namespaces above included. Nothing is
                stored, and nothing is counted.

        Returns:
            The orders.

        Raises:
            InvalidQuery: `text` is no str.
        """
        return await self._threads.run(lambda: self.sync.standing(text))

    async def lift_standing(self, id: str) -> StandingOrder:
        """Ends a standing order: what it kept out may be stored again. What was forgotten stays so.

        A text that was forgotten by the order is still refused where it comes back word for word; `readmit=True` takes
        it.

        Args:
            id: of the order.

        Returns:
            The order, as it was.

        Raises:
            OrderNotFound: no order at or below this namespace has this id.
            InvalidQuery: `id` is no str.
        """
        return await self._threads.run(lambda: self.sync.lift_standing(id))

    async def learn(self, messages: Iterable[MessageLike], *, model: ModelLike, **how: Unpack[LearnOptions]) -> Lesson:
        """Stores what users say in a conversation, and the facts that a model finds in it; see docs/learn.md.

        Each message of a user is a memory, and each fact one that is derived from it: forgetting the message forgets
        its facts. A fact whose words are not in the message is dropped. Speaker and namespace are never the model's
        choice. It may be called again with the same messages, or with more of the conversation: what was learnt from is
        passed over, and what a failure has left is taken up.

        Args:
            messages: texts of one user, or mappings with `role` and `content` as in chat completions, and if known
                `name` (the speaker), `time` (aware, or ISO 8601) and `id`; oldest first.
            model: a chat model, or what `memoria.models.as_model` makes one of, such as "openai:MODEL@URL".
            how: session, most, dry_run, readmit; see `LearnOptions`.

        Returns:
            What was learnt, and what was not, with the reason.

        Raises:
            InvalidQuery: `messages` is one message, or one has no such form; or an option is out of its range.
            InvalidMemory: a message breaks a rule of memories; nothing is stored then.
            ModelFailed: the model did not answer. What it had answered before is learnt, and the messages are stored.
            ModelNotFound: as of `as_model`, and likewise ModelCorrupt and MissingExtra.
        """
        return await self._threads.run(lambda: self.sync.learn(messages, model=model, **how))

    async def supersede(
        self, old: IdLike | Iterable[IdLike], new: Draft | str, *, at: datetime | None = None, reader: str | None = None
    ) -> Memory:
        """Remembers a new fact in the place of old ones: they hold until it begins. Both stay, each for its time.

        Recall leaves out what no longer holds, or not yet; `recall(as_of=)` finds what held at a time.

        Args:
            old: what is superseded: an id or a memory, or several.
            new: the text, or a draft.
            at: when the new fact begins to hold; its `valid_from`, else when it was observed, by default.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The new memory.

        Raises:
            Held: an old memory is under a hold.
            MemoryNotFound: an old memory is not of this view.
            InvalidQuery: an old memory has ended already, or begins only later; or `at` has no time zone.
            InvalidMemory: the draft breaks a rule.
            KeyConflict: the draft's key holds another memory.
            Refused: the text was forgotten here.
        """
        return await self._threads.run(lambda: self.sync.supersede(old, new, at=at, reader=reader))

    async def expire(self, *ids: IdLike, at: datetime | None = None, reader: str | None = None) -> None:
        """Ends memories: from then on they do not hold. They stay for `recall(as_of=)`.

        Args:
            ids: ids or memories.
            at: when they end; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            Held: one is under a hold.
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, one has ended already or begins only later, or `at` has no time zone.
        """
        await self._threads.run(lambda: self.sync.expire(*ids, at=at, reader=reader))

    async def history(self, id: IdLike, *, reader: str | None = None) -> Memories:
        """What a memory superseded, ended or doubts, and what did so to it.

        Args:
            id: of the memory, or the memory; a part of a gist too.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            These memories and itself, in the order in which they held.

        Raises:
            MemoryNotFound: the id is not of this view.
        """
        return await self._threads.run(lambda: self.sync.history(id, reader=reader))

    async def reconcile(
        self,
        *ids: IdLike,
        dry_run: bool = False,
        detector: DetectorLike = LEARNT,
        phrases: Phrases = named,
        endings: Endings | None = None,
        only: Collection[str] | None = None,
        reader: str | None = None,
    ) -> Settled:
        """Settles what statements say has changed or no longer holds; see docs/change.md.

        What is doubtful stays, lowered, as long as its statement does. What ends stays for `recall(as_of=)`; what is
        left of a memory or of a statement supersedes it. It may be called again: what is settled is passed over. All
        that one statement does is done in one go, or not at all.

        Args:
            ids: the statements; every memory of this view when none is given.
            dry_run: changes nothing.
            detector: "learnt" is commands by rule and the judge of this memory, or the rules where it has none; "rules"
                is the rules over English alone; a callable is taken at its word, unless `endings` is given.
            phrases: what to look for in other memories, from the text of a statement, for the rules or the callable.
            endings: what may end a memory; None is what this memory was opened with.
            only: keys of proposals (`Proposal.key`): only these are carried out. None, the default, is all; where
                `memoria.review` is on, none.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            What was changed, or would be, each with its reason; its `skipped` are what could not be carried out, its
            `unconfirmed` what a user asks to erase, which is done by `forget` alone, its `waiting` what waits for a
            yes where `memoria.review` is on.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: `detector` or `endings` is none of those above, or `only` is no collection of keys.
        """
        return await self._threads.run(
            lambda: self.sync.reconcile(
                *ids, dry_run=dry_run, detector=detector, phrases=phrases, endings=endings, only=only, reader=reader
            )
        )

    async def doubts(self, *ids: IdLike, reader: str | None = None) -> Settlements:
        """What statements have settled: what they make doubtful, and what they ended, in whole or in part.

        Args:
            ids: of the memories, or of the statements; every memory of this view when none is given.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Each memory with its statement, what was done with it, and by which judge; in order of statements.

        Raises:
            MemoryNotFound: an id is not of this view.
        """
        return await self._threads.run(lambda: self.sync.doubts(*ids, reader=reader))

    async def settle(
        self, id: IdLike, *, keep: bool, by: IdLike | None = None, reader: str | None = None
    ) -> Settlements:
        """The user's word on what statements have settled about a memory: both hold, or the memory is over.

        With `keep` the memory stands as before its doubts and ends, and is never settled by these statements again;
        what was left of it ends. Without, what is doubtful ends, and stays so when the statement is forgotten.

        Args:
            id: of the older memory, or the memory.
            keep: whether it holds.
            by: the statement; None is every statement about it.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            What was settled before.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: there is nothing to settle: nothing makes it doubtful, or ended it.
            Held: it would end, and is under a hold.
        """
        return await self._threads.run(lambda: self.sync.settle(id, keep=keep, by=by, reader=reader))

    async def lineage(self, id: IdLike, *, reader: str | None = None) -> Lineage:
        """What a memory was made from and what was made from it.

        Args:
            id: of the memory, or the memory; a part of a gist too.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The graph, as text and as SVG.

        Raises:
            MemoryNotFound: the id is not of this view.
        """
        return await self._threads.run(lambda: self.sync.lineage(id, reader=reader))

    async def consolidate(self, *ids: IdLike, write: Writer = extract) -> Memory:
        """Makes one gist of memories; they are its parts from then on, and each can be forgotten out of it again.

        Args:
            ids: at least two memories of one namespace.
            write: makes the text of the gist from its parts; extractive by default.

        Returns:
            The gist.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: fewer than two, of several namespaces or audiences, or one that cannot go into a gist: a gist,
                or what is bounded, derived, superseding, superseded, keyed, archived, pinned or held.
        """
        return await self._threads.run(lambda: self.sync.consolidate(*ids, write=write))

    @overload
    async def sleep(self, *, background: Literal[True], **how: Unpack[SleepOptions]) -> Sleeper: ...
    @overload
    async def sleep(self, *, background: Literal[False] = False, **how: Unpack[SleepOptions]) -> Night: ...
    @overload
    async def sleep(self, *, background: bool, **how: Unpack[SleepOptions]) -> Night | Sleeper: ...
    async def sleep(self, *, background: bool = False, **how: Unpack[SleepOptions]) -> Night | Sleeper:
        """Erases what is due, settles changes, gathers what is alike into gists, relearns; told to, it distils.

        Due is what `expires_at` or a retention period ends. It archives nothing unless it is told to fade, and forgets
        nothing else unless it is told to prune. Pinned and held memories are left alone, but what is due goes though it
        is pinned. A pass that was killed is taken up again by the next one.

        Args:
            background: in a thread, which never holds the store for longer than a step.
            how: at, dry_run, fade, prune, relearn, distil, seconds, model, recipe, write, detector, examples, replay,
                cap, like, most, only; see `SleepOptions`.

        Returns:
            What was done, or would be; with `background`, the thread, whose `wait()`, or `await`, returns it.

        Raises:
            InvalidQuery: a number out of its range, `at` without a time zone, or `distil` in a store in memory.
            ModelNotFound: `distil` is True, and the model or a package to run it is missing.
        """
        return await self._threads.run(lambda: self.sync.sleep(background=background, **how))

    def reinforcing(self, which: Reinforcing) -> Self:
        """The same view with another rule for what a recall strengthens.

        Args:
            which: all that a recall returns ("recalled"), only hits of which `used()` is called ("used"), or nothing
                ("never").

        Returns:
            A view of the same store and namespace.

        Raises:
            InvalidQuery: `which` is none of the three.
        """
        return self._view(self.sync.reinforcing(which))

    @property
    def fade_below(self) -> float:
        """Retrievability, in [0, 1), under which `fade` archives; `sleep(prune=True)` forgets under half of it."""
        return self.sync.fade_below

    @property
    def reinforces(self) -> Reinforcing:
        """What a recall through this view strengthens: "recalled", "used" or "never"."""
        return self.sync.reinforces

    async def trace(self, id: IdLike, *, reader: str | None = None) -> Trace:
        """How strong a memory is.

        Args:
            id: of the memory, or the memory.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The trace, with all uses up to now.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidQuery: `id` is neither a str nor a Memory.
        """
        return await self._threads.run(lambda: self.sync.trace(id, reader=reader))

    async def explain_retention(self, id: IdLike, *, at: datetime | None = None, reader: str | None = None) -> Kept:
        """Why a memory is kept under a budget, or goes: in words (`summary()`) and numbers.

        Args:
            id: of the memory, or the memory; of a part of a gist, what is said is about the gist.
            at: when; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            Its salience and what that is made of, its retrievability, what ended it or makes it doubtful, and its place
            among those of its namespace.

        Raises:
            MemoryNotFound: no memory of this view has this id.
            InvalidQuery: `id` is neither a str nor a Memory, or `at` without a time zone.
        """
        return await self._threads.run(lambda: self.sync.explain_retention(id, at=at, reader=reader))

    async def reinforce(
        self, *ids: IdLike, recalled: bool = True, at: datetime | None = None, reader: str | None = None
    ) -> None:
        """Notes that memories were looked for, and found or missed.

        Args:
            ids: ids or memories.
            recalled: True when they were found, False when they were missed.
            at: when; None is now.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or `at` without a time zone.
        """
        await self._threads.run(lambda: self.sync.reinforce(*ids, recalled=recalled, at=at, reader=reader))

    async def fade(self, at: datetime | None = None, *, limit: int = fading.LIMIT, dry_run: bool = False) -> Ids:
        """Archives the memories that are due, soonest first; `restore` brings them back.

        The cost is that of what is due, not of what is stored. Pinned and held memories never fade.

        Args:
            at: when; None is now.
            limit: how many at most.
            dry_run: only lists them.

        Returns:
            The ids of the memories that were archived, or would be.

        Raises:
            InvalidQuery: `at` without a time zone, or `limit` under 1.
        """
        return await self._threads.run(lambda: self.sync.fade(at, limit=limit, dry_run=dry_run))

    async def prune(
        self,
        *,
        below: float | None = None,
        budget: Budget | None = None,
        at: datetime | None = None,
        cap: int = CAP,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> Pruning:
        """Forgets, exactly and for ever, what the policy can do without: what has ended or is doubtful, then the rest.

        Within these, the least needed goes first; a memory that ended another one, or makes it doubtful, never goes
        before it. It forgets as `forget` does: what was made from a pruned memory goes or is made again without it. No
        text is refused afterwards. Pinned and held memories never go, nor does anything whose going would take or
        change one of them.

        Args:
            below: archived memories with a retrievability, in [0, 1], under this.
            budget: what each namespace may keep, archived memories included.
            at: when retrievability is taken; None is now.
            cap: how many go in one pass at most.
            dry_run: only lists them.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            What went, or would go, and what followed from it.

        Raises:
            InvalidQuery: neither `below` nor a budget, a budget that binds nothing or is negative, `cap` under 1, or
                `at` without a time zone.
        """
        return await self._threads.run(
            lambda: self.sync.prune(
                below=below, budget=budget, at=at, cap=cap, dry_run=dry_run, count_tokens=count_tokens
            )
        )

    async def archive(self, *ids: IdLike, reader: str | None = None) -> None:
        """Takes memories out of recall; `restore` brings them back.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            Held: one is under a hold.
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        await self._threads.run(lambda: self.sync.archive(*ids, reader=reader))

    async def restore(self, *ids: IdLike, reader: str | None = None) -> None:
        """Brings archived memories back, with a part its gist; that counts as a use, or `fade` would take them again.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        await self._threads.run(lambda: self.sync.restore(*ids, reader=reader))

    async def pin(self, *ids: IdLike, reader: str | None = None) -> None:
        """Pins memories: until `unpin` they never fade and are never pruned or evicted.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        await self._threads.run(lambda: self.sync.pin(*ids, reader=reader))

    async def unpin(self, *ids: IdLike, reader: str | None = None) -> None:
        """Lets pinned memories fade again.

        Args:
            ids: ids or memories.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids.
        """
        await self._threads.run(lambda: self.sync.unpin(*ids, reader=reader))

    async def hold(self, *ids: IdLike, reason: str, reader: str | None = None) -> None:
        """Holds memories (legal, safety-critical): as `pin`, and nothing forgets, changes, ends or archives them.

        Args:
            ids: ids or memories.
            reason: why; kept, sealed, in the ledger.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or no reason.
        """
        await self._threads.run(lambda: self.sync.hold(*ids, reason=reason, reader=reader))

    async def release(self, *ids: IdLike, reason: str, reader: str | None = None) -> None:
        """Ends holds.

        Args:
            ids: ids or memories.
            reason: why; kept, sealed, in the ledger.
            reader: who asks; only what this reader sees is there. None is this view's own.

        Raises:
            MemoryNotFound: an id is not of this view.
            InvalidQuery: no ids, or no reason.
        """
        await self._threads.run(lambda: self.sync.release(*ids, reason=reason, reader=reader))

    async def ledger(self, *, reader: str | None = None) -> Decisions:
        """Every decision in the ledger of this store, with its reason; `ledger_lines` has what was erased as well.

        Args:
            reader: who asks; only what this reader sees is there. None is this view's own.

        Returns:
            The decisions, oldest first.
        """
        return await self._threads.run(lambda: self.sync.ledger(reader=reader))

    async def fit(self, name: str = "exponential", *, adopt: bool = False, seed: int = 0) -> Fit:
        """Fits a policy to the recall log of this view, by maximum likelihood.

        Args:
            name: of the policy.
            adopt: lets the store open with the fitted policy from now on, only if it is better than its defaults.
            seed: of the split into training and held-out memories.

        Returns:
            Parameters with intervals, and log-loss on held-out recalls.

        Raises:
            InvalidInput: no policy has this name.
            InvalidQuery: the log is too short.
        """
        return await self._threads.run(lambda: self.sync.fit(name, adopt=adopt, seed=seed))

    async def evict(
        self,
        budget: Budget,
        *,
        at: datetime | None = None,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> tuple[str, ...]:
        """Archives the least needed memories of each namespace until what is not archived keeps its budget.

        What has ended goes first, then what is doubtful as a whole; a memory that ended another one, or makes it
        doubtful, never goes before it.

        Args:
            budget: of each namespace.
            at: when retrievability is taken; None is now.
            dry_run: only lists them.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            The ids of the memories that were archived, or would be, in the order in which they go.

        Raises:
            InvalidQuery: a budget that binds nothing or is negative, or `at` without a time zone.
        """
        return await self._threads.run(
            lambda: self.sync.evict(budget, at=at, dry_run=dry_run, count_tokens=count_tokens)
        )

    async def shorten(
        self,
        budget: Budget,
        *,
        archived: bool = False,
        at: datetime | None = None,
        cap: int = CAP,
        dry_run: bool = False,
        count_tokens: CountTokens | None = None,
    ) -> Shortening:
        """Takes detail out of the least needed memories of each namespace, for ever, until it keeps its budget.

        A text is cut to those of its sentences and clauses that tell something, word for word; the old text is erased,
        as `amend` erases it, and may be remembered again. No memory goes: what is beyond the budget even so is listed,
        and `evict` or `prune` with the same budget takes it. Parts of a gist are shortened in it, each by itself. Left
        as they are: what is pinned, held, restricted or in another language than English; what has a key or says how
        something is done; what something else was made from; statements that ended others, and what they ended.

        Args:
            budget: of each namespace, of bytes or tokens.
            archived: whether archived memories count and are shortened too, as for `prune`; `evict` counts the others.
            at: when retrievability is taken; None is now.
            cap: how many are shortened in one pass at most.
            dry_run: changes nothing, and tells what would be.
            count_tokens: counts tokens of a text, for a budget of tokens; None is about a quarter of its bytes.

        Returns:
            What was shortened, or would be, with the sizes before and after, and what is still beyond the budget.

        Raises:
            InvalidQuery: a budget without bytes and tokens, or one that is negative, `cap` under 1, or `at` without a
                time zone.
        """
        return await self._threads.run(
            lambda: self.sync.shorten(
                budget, archived=archived, at=at, cap=cap, dry_run=dry_run, count_tokens=count_tokens
            )
        )

    async def allocate(
        self, total: int, *, by: BudgetUnit = "count", apply: bool = False, count_tokens: CountTokens | None = None
    ) -> Allocation:
        """Divides a budget over the namespaces of this view by what more of it would be worth in each.

        Uses are counted from the first call on; until then the split is even.

        Args:
            total: of all namespaces together, in memories, bytes or tokens.
            by: what is divided: "count" (memories), "bytes" or "tokens", as of `Budget`.
            apply: also archives, in each namespace, what is beyond its budget.
            count_tokens: counts tokens of a text, for tokens; None is about a quarter of its bytes.

        Returns:
            The budget of each namespace, and what it is worth.

        Raises:
            InvalidQuery: `total` is not enough for a memory in each namespace, or `by` is none of the three.
        """
        return await self._threads.run(lambda: self.sync.allocate(total, by=by, apply=apply, count_tokens=count_tokens))

    async def set_ttl(self, ttl: timedelta, *, subject: str | None = None) -> RetentionPeriod:
        """Keeps a retention period over this namespace and those below it: an order of the store, until it is lifted.

        It is about what is there and what comes, from when each memory was observed. From then on nobody sees what is
        due, and the next `sleep`, worker or `erase_due` erases it, with all that was made from it. Of several periods
        the shortest counts, and no `expires_at` outlasts them.

        Args:
            ttl: how long memories are kept at most; > 0.
            subject: only those about this subject; None is whoever they are about.

        Returns:
            The period, in the place of an earlier one of this namespace and subject.

        Raises:
            InvalidQuery: `ttl` is no timedelta or not positive, or `subject` is no name.
        """
        return await self._threads.run(lambda: self.sync.set_ttl(ttl, subject=subject))

    async def lift_ttl(self, *, subject: str | None = None) -> bool:
        """Lifts the retention period of this very namespace. What was due by it and is not erased yet is seen again.

        Args:
            subject: that of the period; None is the one over all subjects.

        Returns:
            Whether there was one.

        Raises:
            InvalidQuery: `subject` is no name.
        """
        return await self._threads.run(lambda: self.sync.lift_ttl(subject=subject))

    async def ttls(self) -> TimeLimits:
        """The retention periods of this namespace, of those below it, and of those above it.

        Returns:
            The periods, in the order of namespaces and subjects.
        """
        return await self._threads.run(lambda: self.sync.ttls())

    async def erase_due(self, *, dry_run: bool = False, verify: bool = False) -> Erasure:
        """Erases every memory whose `expires_at` or retention period has passed, with all that was made from it.

        By the same way as `forget`, with receipts and an entry in the ledger. The texts leave no fingerprint: they may
        be remembered again. What is held stays, and so does that with which something held would go; it is listed.

        Args:
            dry_run: only lists them.
            verify: scans every file for what was erased.

        Returns:
            What was erased, or would be, and what is held.
        """
        return await self._threads.run(lambda: self.sync.erase_due(dry_run=dry_run, verify=verify))

    async def distill(
        self,
        model: ModelPath = None,
        *,
        select: Chooser | Iterable[IdLike] | None = None,
        examples: ExampleWriter | None = None,
        recipe: Recipe | None = None,
        device: str = "cpu",
        dtype: WeightDtype = "float32",
    ) -> Learnt:
        """Writes durable memories of this view into adapters of a model, a few memories to a shard.

        Shards that are there already stay, so a call that was killed is taken up by the next. What is not chosen any
        more goes.

        Args:
            model: folder or GGUF file of a causal model, also as `hf:PATH`; None is the small one.
            select: ids; or a callable that is given record and retrievability and says whether; None takes what is
                likely to be found again and important, repeated or pinned.
            examples: writes what a memory is trained on; None is by rules.
            recipe: how the shards are trained; None is the default `Recipe`.
            device: of torch, such as "cpu", "cuda" or "mps". Shards that another device made are trained again.
            dtype: in what the base's weights are held, "float32" or "bfloat16"; shards are always in float32.

        Returns:
            What was learnt, shard by shard.

        Raises:
            InvalidQuery: nothing was chosen, the writer of examples gave none, or the model is of a form that shards
                cannot be made for.
            ModelNotFound: there is no model, tokenizer or device, or a package to run it is missing.
            ModelCorrupt: weights are not those that were published or written.
        """
        return await self._threads.run(
            lambda: self.sync.distill(
                model, select=select, examples=examples, recipe=recipe, device=device, dtype=dtype
            )
        )

    async def relearn(self, *, examples: ExampleWriter | None = None, device: str | None = None) -> Learnt:
        """Learns again, by the recipe of the last `distill`, what wiped shards had learnt beside what was forgotten.

        The new weights are, to the bit, those of a store that never saw it.

        Args:
            examples: what `distill` was given, if it was.
            device: where, when that of the last `distill` is not here; None is that one. Shards that are there stay.

        Returns:
            What was learnt, shard by shard.

        Raises:
            InvalidQuery: nothing was distilled, or `examples` was given then and is not now.
            ModelNotFound: the model of the last `distill`, or its device, is not there.
        """
        return await self._threads.run(lambda: self.sync.relearn(examples=examples, device=device))

    async def distilled(self, *, examples: ExampleWriter | None = None) -> DistilledModel:
        """The model with what this view distilled.

        Args:
            examples: what `distill` was given; by its questions what waits to be relearnt is found meanwhile.

        Returns:
            A model that answers from its weights where a shard knows, and as the untouched base elsewhere.

        Raises:
            InvalidQuery: nothing was distilled.
            ModelNotFound: the model of the last `distill` is not there.
        """
        return await self._threads.run(lambda: self.sync.distilled(examples=examples))

    async def audit_weights(self, *, examples: ExampleWriter | None = None, retrain: int | None = None) -> Audit:
        """Measures what the weights answer, what they kept of the base, and whether training again gives the same bits.

        Args:
            examples: what `distill` was given, if it was.
            retrain: how many shards are trained again to compare bits; None is all.

        Returns:
            The figures.

        Raises:
            InvalidQuery: nothing was distilled.
            ModelNotFound: the model of the last `distill` is not there.
        """
        return await self._threads.run(lambda: self.sync.audit_weights(examples=examples, retrain=retrain))

    def reading_as(self, reader: str, *, roles: Roles | None = None) -> Self:
        """The view of a reader: every verb of it works on what this reader sees, as if there were nothing else.

        Args:
            reader: the name of who reads, as `visible_to` has it; whoever calls vouches for it.
            roles: takes this name and gives the names of its roles, at each verb; None is what this memory was opened
                with.

        Returns:
            A view of the same store and namespace.

        Raises:
            InvalidQuery: `reader` is no name, or `roles` is not a callable.
            NotPermitted: this is the view of another reader.
        """
        return self._view(self.sync.reading_as(reader, roles=roles))

    def namespace(self, *parts: str, zone: ZoneLike = None) -> Self:
        """The view of a namespace under this one.

        Args:
            parts: names, from this namespace downwards; none gives the same view.
            zone: where its days begin and end, such as "Asia/Tokyo"; None is where those of this view do.

        Returns:
            A view of the same store.

        Raises:
            InvalidQuery: a part is empty, or holds "/"; or there is no such zone.
        """
        return self._view(self.sync.namespace(*parts, zone=zone))

    @property
    def zone(self) -> tzinfo:
        """The time zone where the days of this view begin and end."""
        return self.sync.zone

    async def now(self) -> datetime:
        """The time by the clock of this memory.

        Returns:
            An aware datetime, in the zone of the view.
        """
        return await self._threads.run(lambda: self.sync.now())


@spelled_out
def open(
    path: str | PathLike[str],
    *,
    mode: Mode = "rw",
    embedder: EmbedderLike = None,
    language: str | None = None,
    timeout: float = 0.0,
    progress: Progress | None = None,
    signer: Signer | None = None,
    unlock: UnlockLike = None,
    **behaviour: Unpack[Behaviour],
) -> Opening[AsyncMemoria]:
    """Opens a store, made when it is not there and mode is "rw".

    Args:
        path: a directory; ":memory:", which keeps nothing; or a URL: "postgresql://...?keys=DIRECTORY" (docs/scale.md).
        mode: "rw" is the one writer of a directory, "r" one of many readers.
        embedder: a model's name, a callable of texts, or an `Embedder`; None is the store's own, or all-MiniLM-L6-v2.
        language: of the texts of a new store, a code of ISO 639-1; None tells it by each text, or is the store's own.
        timeout: seconds to wait for another writer to close, or for a server.
        progress: called with (what, done, total) during long work.
        signer: who signs the ledger, such as a KMS (docs/receipts.md); None is a key that the store keeps.
        unlock: a passphrase or a `KeyWrapper`; a new store is sealed when it is given (docs/sealing.md).
        behaviour: see `Behaviour`.

    Returns:
        What `await` and `async with` make a memory of; `async with` closes it too.

    Raises:
        InvalidQuery: an argument is none of those above, or nobody knows the scheme of the URL.
        StoreNotFound: nothing is there, and mode is "r".
        StoreError: it is not to be used: StoreExists, StoreLocked, StoreCorrupt, StoreReadOnly, UnlockError and others.
        EmbedderMismatch: the store's vectors come from another embedder, or from a callable that was not given.
        LanguageMismatch: the store is of another language than the one that is given.
        ModelNotFound: no model of this name is on this machine or to be had.
        MissingExtra: the packages of the embedder that is given, or of sealed stores, are not installed.
    """
    how: dict[str, Any] = {"mode": mode, "embedder": embedder, "language": language}
    more: dict[str, Any] = {"timeout": timeout, "progress": progress, "signer": signer}
    rest: dict[str, Any] = {"unlock": unlock}
    return Opening(lambda: AsyncMemoria(open_memoria(path, **how, **more, **rest, **behaviour)))
