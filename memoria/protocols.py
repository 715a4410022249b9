"""The contracts: what a store, a policy or a model must do to be used by memoria.

`memoria.testing` has a conformance suite for stores and one for policies; subclass it to test yours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, overload, runtime_checkable

from memoria.text.passages import Bounded
from memoria.types import (
    EmbedderCard,
    LedgerEntry,
    Link,
    Memory,
    Namespace,
    Proposal,
    Recalled,
    Record,
    Remains,
    RetentionPeriod,
    Secret,
    StoreStats,
    Trace,
    Where,
)

if TYPE_CHECKING:
    from memoria.arrays import Floats, Ints, Vectors
    from memoria.proof.chain import Keyring
    from memoria.proof.keys import Signer
    from memoria.proof.lines import Entered
    from memoria.text.evidence import Evidence
    from memoria.text.fingerprints import Fingerprints, Statement
    from memoria.text.words import Question
    from memoria.traces import Traces


Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) during long work: what is being done, how many are done, of how many."""


@runtime_checkable
class Embedder(Protocol):
    """Makes vectors of texts."""

    @property
    def card(self) -> EmbedderCard:
        """Name and dimension d of its vectors. A store remembers both and refuses another embedder."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts.

        Args:
            texts: n texts.

        Returns:
            Their vectors in the same order, shape (n, d), float32; any length except zero.
        """
        ...


@runtime_checkable
class QueryEmbedder(Embedder, Protocol):
    """An embedder that embeds questions in another way than what is remembered. Optional."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embeds questions.

        Args:
            texts: n questions.

        Returns:
            Their vectors in the same order, shape (n, d), float32; any length except zero.
        """
        ...


class Generator(Protocol):
    """A language model, as far as memoria needs one."""

    def generate(self, prompt: str) -> str:
        """Answers a prompt.

        Args:
            prompt: the whole prompt as one text.

        Returns:
            The model's answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Several writes that a store does together, all or nothing.

    Attributes:
        erase: ids to erase.
        replace: records to put in the place of those with the same ids.
        add: new records.
        ends: new `valid_to` by id; None is no end.
        links: which memories supersede which others, make them doubtful, or ended them.
        unlinks: links of the same kinds to take away, before `links` are written; unknown ones are passed over.
        guarded: statements, each with its namespace, that `refused` should know, although no memory that says so is
            erased.
        until: until when `guarded` are known; None is for ever.
    """

    erase: tuple[str, ...] = ()
    replace: tuple[Record, ...] = ()
    add: tuple[Record, ...] = ()
    ends: Mapping[str, datetime | None] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    unlinks: tuple[Link, ...] = ()
    guarded: tuple[tuple[Namespace, Statement], ...] = ()
    until: datetime | None = None


class Store(Protocol):
    """Where memories are stored. A method that writes does all of it or nothing; when it returns, it is durable."""

    @property
    def embedder(self) -> EmbedderCard:
        """Name and dimension of the embedder that made the vectors."""
        ...

    @property
    def language(self) -> str | None:
        """The language of the texts in its script, as the store was made for it; None tells it by each text."""
        ...

    def write(self, records: Sequence[Record]) -> None:
        """Adds records.

        Args:
            records: records with new ids.

        Raises:
            KeyConflict: a key is that of another memory of its namespace, or of a part of one, or comes twice.
        """
        ...

    def replace(self, record: Record) -> None:
        """Replaces the record with the same id. The old text and vector are erased; its four flags stay.

        Args:
            record: the new record.

        Raises:
            MemoryNotFound: no record has this id.
            Held: the record is under a hold.
        """
        ...

    def erase(self, ids: Sequence[str], *, over_holds: bool = False, guard: bool = True) -> None:
        """Erases text, vector, key and recall log of each id.

        Args:
            ids: the memories.
            over_holds: whether to erase memories under a hold too.
            guard: whether to leave a keyed fingerprint of each text and its subject, by which `refused` knows it.

        Raises:
            MemoryNotFound: an id is unknown; nothing is erased.
            Held: a memory is under a hold, without `over_holds`; nothing is erased.
        """
        ...

    def revise(self, change: Change, *, over_holds: bool = False, guard: bool = True) -> None:
        """Makes several writes, all or nothing.

        Args:
            change: what to erase, replace, add, end and link.
            over_holds: as of `erase`.
            guard: as of `erase`.

        Raises:
            MemoryNotFound: an id to erase, replace or end is unknown.
            Held: a memory to erase or replace is under a hold, or one to end sooner than it does, without `over_holds`.
            KeyConflict: a key would be that of two memories of its namespace.
        """
        ...

    def links(self, ids: Sequence[str]) -> list[Link]:
        """Finds links by either end.

        Args:
            ids: ids of memories, which need not exist any more.

        Returns:
            Every link from or to one of them.
        """
        ...

    def refused(self, namespace: Namespace, statements: Sequence[Statement]) -> list[bool]:
        """Tells which statements were forgotten here before.

        Args:
            namespace: exactly this namespace, none below it.
            statements: n texts, each with its subject.

        Returns:
            For each, whether its canonical form was forgotten here of the same subject, or nearly the same text was
            given to `guard_near` with it; a subject that is not given, then or now, is like any other. A brief text
            (text/brief.py) is never refused.
        """
        ...

    def guard_near(
        self, namespace: Namespace, statements: Sequence[Statement], *, until: datetime | None = None
    ) -> None:
        """Lets `refused` know what is nearly the same as these, by a keyed sketch of words, names and subject.

        Args:
            namespace: exactly this namespace.
            statements: what is forgotten; brief texts are passed over.
            until: until when they are known; None is for ever.
        """
        ...

    def release_guard(self, prefix: Namespace, at: datetime) -> int:
        """Erases the fingerprints and sketches that are known only until a time, from every file.

        Args:
            prefix: of namespaces at or below this one.
            at: those that were known until this time or before.

        Returns:
            How many were erased.
        """
        ...

    def readmit(self, namespace: Namespace, statements: Sequence[Statement]) -> None:
        """Lets statements in again that `refused` knows, its own or adopted.

        Args:
            namespace: exactly this namespace.
            statements: texts, each with its subject.
        """
        ...

    def fingerprints(self, prefix: Namespace) -> Mapping[Namespace, frozenset[Fingerprints]]:
        """Everything by which `refused` knows texts.

        Args:
            prefix: namespaces at or below this one.

        Returns:
            The fingerprints of each namespace that refuses anything, with memories in it or without, its own and those
            it adopted; none of them is empty.
        """
        ...

    def adopt(self, namespace: Namespace, known: Collection[Fingerprints]) -> None:
        """Lets `refused` know what other stores knew, in the place of what was adopted before.

        Args:
            namespace: exactly this namespace; it is made when it is new. Erasing it whole erases these too.
            known: fingerprints of other stores.
        """
        ...

    def alone(self) -> AbstractContextManager[object]:
        """Makes others wait, so that what this thread reads and then writes is one step.

        A store may do so by a transaction: then others read on, nobody writes to the namespaces that were touched, and
        what was written is durable, and seen by others, from the end on, or undone when the block raises.

        Returns:
            A context; while it is open, nobody else writes to what this thread has read or written.
        """
        ...

    def erase_namespaces(self, prefix: Namespace, *, over_holds: bool = False) -> int:
        """Erases whole namespaces, names included.

        Args:
            prefix: every namespace at or below this one.
            over_holds: whether to erase memories under a hold too.

        Returns:
            How many namespaces were erased.

        Raises:
            Held: a memory is under a hold, without `over_holds`; nothing is erased.
        """
        ...

    def traces(self, ids: Sequence[str]) -> list[Trace | None]:
        """Reads traces without reading content.

        Args:
            ids: n ids.

        Returns:
            n traces in the same order; None where no memory has the id.
        """
        ...

    def retrace(self, traces: Mapping[str, Trace], recalls: Sequence[Recalled] = ()) -> None:
        """Replaces traces, except their four flags, and adds to the recall log.

        Args:
            traces: new traces by id; unknown ids are ignored.
            recalls: lines to add to the recall log.
        """
        ...

    def mark(
        self,
        ids: Sequence[str],
        *,
        archived: bool | None = None,
        pinned: bool | None = None,
        held: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        """Sets flags of memories.

        Args:
            ids: the memories.
            archived: the new flag; None leaves it.
            pinned: the new flag; None leaves it.
            held: the new flag; None leaves it.
            restricted: the new flag; None leaves it. A restricted memory is erased, replaced and ended as little as
                one under a hold, and no filter with `archived=False` meets it.

        Raises:
            MemoryNotFound: an id is unknown; nothing changes.
        """
        ...

    def due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        """Finds memories that should fade, without looking at the others.

        Args:
            prefix: in this namespace or below it.
            at: those whose `fades_at` is at this time or before.
            limit: ids to return, at most.

        Returns:
            Ids, those due first at the front. Archived, pinned and held memories are never due.
        """
        ...

    def archive_due(self, prefix: Namespace, at: datetime, limit: int) -> list[str]:
        """Archives what `due` finds.

        Args:
            prefix: as of `due`.
            at: as of `due`.
            limit: as of `due`.

        Returns:
            The ids that were archived.
        """
        ...

    def lapsed(self, where: Where, at: datetime) -> Mapping[str, frozenset[str]]:
        """Finds what is to be erased, by its own expiry or a retention period, without looking at the others.

        What was found once is found from then on, whatever a clock says later, unless it is written again or the period
        is lifted; a store that is open for reading goes by `at` alone.

        Args:
            where: in this namespace or below it, and, if given, of these ids; other criteria are not looked at.
            at: what was to be erased at this time or before.

        Returns:
            For each id of what is stored, the ids of what is to be erased of it, its own, or those of some or all parts
            of a gist; archived, pinned and held memories are among them.
        """
        ...

    def periods(self) -> list[RetentionPeriod]:
        """Reads the retention periods.

        Returns:
            All of the store, in the order of namespaces and subjects.
        """
        ...

    def set_period(self, period: RetentionPeriod) -> None:
        """Keeps a retention period, in the place of one of the same namespace and subject; for what is written after.

        Args:
            period: the order; on disk its names are encrypted.
        """
        ...

    def lift_period(self, period: RetentionPeriod) -> bool:
        """Takes a retention period away, for what is written after.

        Args:
            period: of this namespace and subject.

        Returns:
            Whether there was one.
        """
        ...

    def reschedule(self, ids: Sequence[str]) -> None:
        """Works out again when memories are to be erased, by the periods that there are now.

        Args:
            ids: the memories; unknown ones are passed over.
        """
        ...

    def holdings(self, namespace: Namespace) -> tuple[list[str], Traces, Ints]:
        """Reads all ids, traces and sizes of a namespace.

        Args:
            namespace: exactly this namespace, none below it.

        Returns:
            n ids, their traces as columns, and the bytes that each memory takes (slot and encrypted row), shape (n,).
        """
        ...

    def ended(self, namespace: Namespace, at: datetime) -> list[str]:
        """Finds what does not hold any more, without reading content.

        Args:
            namespace: exactly this namespace, none below it.
            at: those whose `valid_to` is at this time or before.

        Returns:
            Ids, sorted; archived memories are among them.
        """
        ...

    def recalls(self, prefix: Namespace) -> list[Recalled]:
        """Reads the recall log.

        Args:
            prefix: of memories in this namespace or below it.

        Returns:
            Its lines, oldest first.
        """
        ...

    def enter(self, entry: LedgerEntry) -> None:
        """Enters a decision into the ledger, durably; on disk the reason is encrypted.

        Args:
            entry: the decision.
        """
        ...

    @property
    def erasure(self) -> str:
        """How this store erases, in the words of its receipts."""
        ...

    def deciding(self, entry: LedgerEntry) -> AbstractContextManager[object]:
        """Enters what the first verb inside erases as this line, in the commit that makes it true, or with the purge.

        When nothing inside erases anything, the line is entered at the end; when it raises, none is.

        Args:
            entry: the line; it has no reason.

        Returns:
            The block within which the erasure is carried out.
        """
        ...

    def chained(self, *, newest: int | None = None) -> list[Entered]:
        """Reads the ledger with all lines, as they are chained and signed; lines that wait are written first.

        Args:
            newest: only the last so many.

        Returns:
            The lines in their order, each with its signature if it has one.
        """
        ...

    def prove(self, line: bytes) -> bytes:
        """Signs a line on its own.

        Args:
            line: bytes of a line of this store.

        Returns:
            A COSE_Sign1 statement with the line in it.

        Raises:
            SignerUnavailable: who signs is not to be reached.
        """
        ...

    def keyring(self) -> Keyring | None:
        """Reads whose key signs the ledger.

        Returns:
            The public keys, the first one and the one of now; None before the first line.
        """
        ...

    def kept_head(self) -> str | None:
        """Reads the number and hash of the last line, as the store keeps them beside the lines.

        Returns:
            Number and hash, with a colon between; None before the first line.
        """
        ...

    def reason_key(self) -> bytes:
        """Reads the key of keyed hashes of reasons.

        Returns:
            32 bytes.
        """
        ...

    def sign_with(self, signer: Signer | None) -> None:
        """Says who signs from now on, while this store is open.

        Args:
            signer: whoever holds the key; None for the store's own.
        """
        ...

    def rotate(self, entry: LedgerEntry, signer: Signer | None = None) -> bytes:
        """Lets another key sign; the old one signs the line that says so.

        Args:
            entry: the line.
            signer: whoever has the new key; None makes one of the store's own.

        Returns:
            The new public key.

        Raises:
            SignerUnavailable: the old key is not here.
        """
        ...

    def ledger(self) -> list[LedgerEntry]:
        """Reads the decisions in the ledger: holds, releases, and all else that has a reason.

        Returns:
            All decisions, oldest first.
        """
        ...

    def alias(self, namespace: Namespace) -> str:
        """A name for a namespace that does not reveal it.

        Args:
            namespace: the namespace.

        Returns:
            A keyed hash, the same at each call.
        """
        ...

    def note(self, name: str) -> str | None:
        """Reads a setting of the engine, such as the policy that due times were computed by.

        Args:
            name: name of the setting.

        Returns:
            Its value; None when it was never written.
        """
        ...

    def write_note(self, name: str, value: str) -> None:
        """Writes a setting of the engine.

        Args:
            name: name of the setting.
            value: its new value.
        """
        ...

    def notes(self) -> dict[str, str]:
        """Reads all settings of the engine.

        Returns:
            Values by name.
        """
        ...

    def private_note(self, name: str) -> str | None:
        """Reads a setting of the engine that may hold names.

        Args:
            name: name of the setting.

        Returns:
            Its value; None when there is none.
        """
        ...

    def private_notes(self) -> dict[str, str]:
        """Reads all settings of the engine that may hold names.

        Returns:
            Values by name.
        """
        ...

    def write_private_note(self, name: str, value: str | None) -> None:
        """Writes a setting of the engine that may hold names; a store that seals its content seals it.

        Args:
            name: name of the setting.
            value: its new value; None takes it away.
        """
        ...

    def read(self, ids: Sequence[str]) -> list[Record | None]:
        """Reads records.

        Args:
            ids: n ids.

        Returns:
            n records in the same order; None where no memory has the id.
        """
        ...

    def select(self, where: Where) -> list[str]:
        """Finds ids by a filter.

        Args:
            where: the filter.

        Returns:
            All ids that match, sorted, so oldest first.
        """
        ...

    def search(self, vector: Vectors, where: Where, k: int) -> list[tuple[Memory, float]]:
        """Finds the nearest memories by cosine.

        Args:
            vector: unit vector, shape (d,).
            where: only memories that match this filter.
            k: memories to return, at most; >= 1.

        Returns:
            Memories with their cosine, best first.
        """
        ...

    def evidence(self, asked: Question, vector: Vectors, where: Where, pool: int) -> Evidence:
        """Collects candidates for a question, and what was measured of each.

        Args:
            asked: the question's words, names and times.
            vector: unit vector of the question, shape (d,).
            where: only memories that match this filter.
            pool: so many by cosine and so many by words (BM25), >= 1.

        Returns:
            The evidence for these candidates and for the turns next to them; for all that match when they are fewer
            than `pool`.
        """
        ...

    def namespaces(self, prefix: Namespace) -> list[Namespace]:
        """Lists namespaces.

        Args:
            prefix: at this namespace or below it.

        Returns:
            Those with memories, sorted.
        """
        ...

    def count(self, prefix: Namespace) -> int:
        """Counts memories.

        Args:
            prefix: in this namespace or below it.

        Returns:
            How many there are, archived ones included.
        """
        ...

    def secrets(self, ids: Sequence[str]) -> list[Secret]:
        """Every byte string that `erase(ids)` must destroy, for a scan afterwards.

        Args:
            ids: the memories.

        Returns:
            Their texts, vectors and keys, as bytes.
        """
        ...

    def bound(self, ids: Sequence[str]) -> object:
        """Remembers where memories are and what hangs on them, before they are erased.

        Args:
            ids: the memories; those that have no row are passed over.

        Returns:
            What `remains` takes; no content.
        """
        ...

    def remains(self, bound: object) -> Remains:
        """Looks for what is left of memories that were erased: rows, keys, labels, links, places in indexes.

        Args:
            bound: what `bound` returned before they were erased.

        Returns:
            How much was asked, and what is left; it is exact, whatever the memories said.
        """
        ...

    def nameless(self) -> Iterator[Path]:
        """Lists the files in which no id of an erased memory may stand.

        Yields:
            Each such file.
        """
        ...

    def strays(self) -> Iterator[Path]:
        """Lists the files that lie in the store and are none of its own.

        Yields:
            Each such file.
        """
        ...

    def common(self) -> bytes:
        """Bytes that are in the files of the store whatever was remembered, such as its schema.

        Returns:
            These bytes; a text that is part of them says nothing when it is found in a file.
        """
        ...

    def files(self) -> Iterator[Path]:
        """Lists the files of the store.

        Yields:
            Each file that may contain bytes of it.
        """
        ...

    def check(self) -> list[str]:
        """Reads everything and looks for damage.

        Returns:
            One line for each problem; empty when there is none.
        """
        ...

    def repair(self, *, dry_run: bool = False) -> list[str]:
        """Gives up what is damaged, so that the rest is sound again.

        Args:
            dry_run: changes nothing.

        Returns:
            A line for each problem that `check` names, and the problem, and what is done about it, or would be.
        """
        ...

    def rebuild(self) -> None:
        """Makes the indexes again from the stored vectors, and frees the space of forgotten memories."""
        ...

    def reembed(self, embedder: Embedder) -> None:
        """Replaces every vector, and remembers the new embedder.

        Args:
            embedder: makes the new vectors.
        """
        ...

    def stats(self) -> StoreStats:
        """Counts and sizes.

        Returns:
            Those of the whole store.
        """
        ...

    def close(self) -> None:
        """Closes the store; a second call does nothing."""
        ...


class DecayPolicy(Protocol):
    """How the strength of memories changes over time: pure arithmetic on traces, without clock or store."""

    def encode(self, memory: Memory) -> Trace:
        """The trace of a new memory.

        Args:
            memory: the memory.

        Returns:
            Its first trace, last retrieved at its `created_at`.
        """
        ...

    @overload
    def retrievability(self, traces: Trace, at: datetime) -> float: ...
    @overload
    def retrievability(self, traces: Sequence[Trace] | Traces, at: datetime) -> Floats: ...
    def retrievability(self, traces: Trace | Sequence[Trace] | Traces, at: datetime) -> float | Floats:
        """Probability that memories can be recalled.

        Args:
            traces: one trace, or n of them.
            at: when; aware.

        Returns:
            Probabilities in [0, 1], a float for one trace and an array of shape (n,) for n.
        """
        ...

    def reinforce(self, trace: Trace, at: datetime, *, recalled: bool) -> Trace:
        """The trace after the memory was looked for.

        Args:
            trace: the trace before.
            at: when; aware.
            recalled: whether the memory was found.

        Returns:
            The trace after it.
        """
        ...

    def next_below(self, trace: Trace, threshold: float) -> datetime | None:
        """When retrievability falls below a threshold if the memory is not used: the inverse of `retrievability`.

        Args:
            trace: the trace.
            threshold: a retrievability, in [0, 1].

        Returns:
            The time; None for never.
        """
        ...


class ConsolidationPolicy(Protocol):
    """Which memories sleep replays first: pure arithmetic on traces."""

    def priority(self, traces: Traces, retrievability: Floats, at: datetime) -> Floats:
        """How urgent the replay of each memory is.

        Args:
            traces: n traces as columns.
            retrievability: that of each at `at`, in [0, 1], shape (n,).
            at: when; aware.

        Returns:
            Priorities, shape (n,); 0 or less is never.
        """
        ...


class Detector(Protocol):
    """Finds what a statement changes in earlier memories. A language model can take the place of the rules here."""

    def __call__(self, statement: Memory, candidates: Sequence[Memory], /) -> list[Proposal]:
        """Reads one statement.

        Args:
            statement: the memory with the statement.
            candidates: memories that it may be about, oldest first: of its namespace, still true, and stored before
                it or in the same session.

        Returns:
            What should change; empty for nothing.
        """
        ...


class Judge(Protocol):
    """How sure one statement makes each of some memories untrue."""

    name: str

    def __call__(self, statement: str, texts: Sequence[str]) -> Sequence[float]:
        """Judges one statement.

        Args:
            statement: what was said.
            texts: n memories, few: what it may be about.

        Returns:
            The log-odds that each is untrue now, n numbers.
        """
        ...


@runtime_checkable
class KeyWrapper(Protocol):
    """Wraps the data key of a sealed store, and unwraps it: a passphrase, or a key service (KMS)."""

    name: str
    """What stands in the clear beside what it has wrapped, so that a mistake names it; the same each time."""

    def wrap(self, key: bytes) -> bytes:
        """Wraps a key.

        Args:
            key: 32 bytes.

        Returns:
            What may stand on a disk.
        """
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwraps a key.

        Args:
            wrapped: what `wrap` has returned once.

        Returns:
            The key.

        Raises:
            KeyLost: nobody can unwrap it here and now; whatever else it raises becomes that.
            WrongKey: it was wrapped under another key.
        """
        ...


__all__ = [
    "Bounded",
    "Change",
    "ConsolidationPolicy",
    "DecayPolicy",
    "Detector",
    "Embedder",
    "Generator",
    "Judge",
    "KeyWrapper",
    "Progress",
    "Store",
]
