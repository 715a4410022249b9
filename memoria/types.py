"""The words of memoria: frozen values that every layer shares.

Content and trace are apart. A `Memory` is what was said and never changes by being used; a `Trace` is how
well it is held and is replaced at each use, so that a policy is arithmetic on traces and needs no text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from memoria.canonical import same
from memoria.metadata import Scalar, asked, entries

if TYPE_CHECKING:
    from memoria.arrays import Vectors


Namespace = tuple[str, ...]
Kind = Literal["episodic", "semantic", "procedural"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a memory comes from.

    source: the channel it came through, such as "chat" or "import".
    speaker: who said it.
    session: the conversation it was said in.
    derived_from: ids of the memories it was made from; empty for what was observed.
    """

    source: str | None = None
    speaker: str | None = None
    session: str | None = None
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One thing remembered.

    id: 32 hexadecimal digits of a UUIDv7 (RFC 9562); ids sort by `created_at`.
    namespace: path of the owner, such as ("app", "ada").
    kind: "episodic" (what happened), "semantic" (what is so), "procedural" (how it is done); Tulving 1972.
    created_at: when it was observed; aware, UTC, microseconds.
    valid_from, valid_to: when it holds in the world, half open [from, to); None is unbounded.
    salience: importance at encoding, in [0, 1].
    subject: whom or what it is about; one exact name, the unit of "forget everything about".
    tags: labels, sorted, without repeats.
    key: the caller's own key; remembering the same key twice stores once.
    metadata: JSON object of the caller.
    parts: of a gist, the memories it was made of, oldest first, as they were; empty for all others.
    """

    id: str
    namespace: Namespace
    text: str
    created_at: datetime
    kind: Kind = "episodic"
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    salience: float = 0.5
    subject: str | None = None
    tags: tuple[str, ...] = ()
    key: str | None = None
    provenance: Provenance = Provenance()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Memory, ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether it holds in the world at a time."""
        begun = self.valid_from is None or self.valid_from <= at
        return begun and (self.valid_to is None or at < self.valid_to)

    def under(self, prefix: Namespace) -> bool:
        """Whether it lies in this namespace or below it."""
        return self.namespace[: len(prefix)] == prefix

    @property
    def last_at(self) -> datetime:
        """When the latest of what it holds was observed."""
        return max((part.created_at for part in self.parts), default=self.created_at)


Relation = Literal["derived", "supersedes"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`child` was derived from `parent`, or supersedes it.

    was: until when the superseded parent was valid before; None is without end, and for what is derived.
    """

    parent: str
    child: str
    relation: Relation
    was: datetime | None = None


RECENT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How well a memory is held. A policy reads and replaces what it needs of it.

    last_retrieved: when it was last brought to mind; encoding counts. encoded_at: None is last_retrieved.
    stability: days until retrievability falls to 0.9; > 0.
    difficulty: how little a repetition adds, in [1, 10] (FSRS).
    strength: storage strength (Bjork and Bjork 1992) or synaptic weight (Tononi and Cirelli 2014); >= 0.
    interference: summed similarity of like memories that came later; >= 0.
    retrievals, lapses: how often it was found, and how often it was looked for and missed.
    recent: the latest presentations, oldest first, at most `RECENT`: (time, decay rate d that it got, 0 for none).
    older: mean decay rate of the presentations that `recent` no longer holds.
    salience, kind: those of the memory.
    fades_at: when the engine's policy expects it to fall below the engine's threshold; None is never.
    archived, pinned, held: its standing; a store changes it by `mark` alone.
    """

    last_retrieved: datetime
    encoded_at: datetime | None = None
    stability: float = 1.0
    difficulty: float = 5.0
    strength: float = 0.0
    interference: float = 0.0
    retrievals: int = 0
    lapses: int = 0
    recent: tuple[tuple[datetime, float], ...] = ()
    older: float = 0.0
    salience: float = 0.5
    kind: Kind = "episodic"
    fades_at: datetime | None = None
    archived: bool = False
    pinned: bool = False
    held: bool = False

    @classmethod
    def of(cls, memory: Memory, *, decay: float = 0.0, **fields: Any) -> Trace:
        """The trace of a memory just encoded, its one presentation decaying at `decay`."""
        return cls(
            encoded_at=memory.created_at,
            last_retrieved=memory.created_at,
            recent=((memory.created_at, decay),),
            salience=memory.salience,
            kind=memory.kind,
            **fields,
        )

    @property
    def start(self) -> datetime:
        """When it was encoded."""
        return self.last_retrieved if self.encoded_at is None else self.encoded_at

    @property
    def protected(self) -> bool:
        """Whether no policy may take it: pinned, or held."""
        return self.pinned or self.held

    def found(self, at: datetime, *, decay: float = 0.0, **changes: Any) -> Trace:
        """The trace after it was found at `at`: counted, and the presentation kept with its decay rate."""
        recent = (*(self.recent or ((self.last_retrieved, 0.0),)), (at, decay))
        dropped = recent[:-RECENT]
        count = self.retrievals + 1 - len(recent) + 1
        total = self.older * max(count, 0) + sum(rate for _, rate in dropped)
        return replace(
            self,
            last_retrieved=max(at, self.last_retrieved),
            retrievals=self.retrievals + 1,
            recent=recent[-RECENT:],
            older=total / max(count + len(dropped), 1),
            **changes,
        )

    def missed(self, **changes: Any) -> Trace:
        """The trace after it was looked for and not found."""
        return replace(self, lapses=self.lapses + 1, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One line of the recall log: a memory was looked for at `at`, and found or missed. No content."""

    id: str
    at: datetime
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A decision about a hold: what was done ("hold", "release", "forget"), to which ids, when, and why."""

    at: datetime
    action: str
    ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much one namespace may keep: so many memories, or bytes of slot and sealed row; None does not bind."""

    count: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A memory as a store holds it: content, trace, and the unit vector of its text, shape (d,)."""

    memory: Memory
    trace: Trace
    vector: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A filter. Every criterion that is given must hold; `Where()` matches everything.

    namespace: prefix; () matches all namespaces.
    ids: one of these; None does not filter.
    subject: this subject, but for case and form of writing (canonical.py).
    tags: all of these.
    kinds: one of these; () does not filter.
    key: the caller's key.
    session, speaker: those of the provenance, exactly as they are stored.
    metadata: scalars by dotted path, such as {"flight.seat": "12A"}; all of these. metadata.py says what is equal.
    since, until: `created_at` in [since, until).
    archived: only archived ones, only others, or None for both.
    """

    namespace: Namespace = ()
    ids: tuple[str, ...] | None = None
    subject: str | None = None
    tags: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    key: str | None = None
    session: str | None = None
    speaker: str | None = None
    # Left out of the hash, which a dict has none of.
    metadata: Mapping[str, Scalar] = field(default_factory=dict, hash=False)
    since: datetime | None = None
    until: datetime | None = None
    archived: bool | None = None

    def matches(self, memory: Memory) -> bool:
        """Whether `memory`, or a part of it, meets every criterion but `archived`: the definition for each store."""
        named = self.ids is None or memory.id in self.ids
        return named and (self._meets(memory) or any(map(self._meets, memory.parts)))

    def _meets(self, memory: Memory) -> bool:
        return (
            memory.under(self.namespace)
            and (self.subject is None or same(self.subject, memory.subject))
            and set(self.tags) <= set(memory.tags)
            and (not self.kinds or memory.kind in self.kinds)
            and (self.key is None or memory.key == self.key)
            and (self.session is None or memory.provenance.session == self.session)
            and (self.speaker is None or memory.provenance.speaker == self.speaker)
            and (not self.metadata or asked(self.metadata) <= entries(memory.metadata))
            and (self.since is None or memory.created_at >= self.since)
            and (self.until is None or memory.created_at < self.until)
        )

    @property
    def only_namespace(self) -> bool:
        """Whether the namespace is all that is asked, so that whole namespaces are meant."""
        return self == Where(namespace=self.namespace)


class _Reported:
    """Room for whom to tell about use; no field, so that equality, repr and JSON do not see it."""

    __slots__ = ("_tell",)
    _tell: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(_Reported):
    """A recalled memory with its score and the terms that the score is the sum of."""

    memory: Memory
    score: float
    terms: Mapping[str, float]

    def explain(self) -> str:
        """The score as a sum of named terms, largest first: `0.731 = similarity 0.731`."""
        parts = sorted(self.terms.items(), key=lambda term: -abs(term[1]))
        return f"{self.score:.3f} = " + " + ".join(f"{name} {value:.3f}" for name, value in parts)

    def used(self) -> None:
        """Says that this memory was really used, which reinforces it; nothing happens where traces are not kept."""
        tell = getattr(self, "_tell", None)
        if tell is not None:
            tell(self.memory.id)

    def reporting(self, tell: Callable[[str], None]) -> Hit:
        """This hit, telling `tell` the id when it is used."""
        object.__setattr__(self, "_tell", tell)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a byte scan of every file of the store found after a forget.

    files, bytes_scanned: what was read. needles: texts, vectors and keys that were looked for.
    found: how many of these needles still stand somewhere; 0 is a clean erasure.
    shared: vectors that stand because a memory with the very same text is kept; not counted in `found`.
    """

    files: int
    bytes_scanned: int
    needles: int
    found: int
    shared: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof of a forget, without content: it may be kept when the memories may not.

    asked: the criteria; ids and times as given, names only as "withheld".
    forgotten: ids of what was asked for and is gone. derived: ids of what is gone because it was made from that.
    rewritten: ids of gists that were made again without it. namespaces: how many were erased whole.
    at: when. seconds: how long the erasure took before it was durable.
    verification: the byte scan, when `verify=True`.
    shards: names of the adapters that had learnt any of it, wiped. exports: paths of their known copies outside the
    store, wiped where they still were; copies of those copies are beyond us.
    """

    asked: Mapping[str, str]
    forgotten: tuple[str, ...]
    namespaces: int
    at: datetime
    seconds: float
    verification: Verification | None = None
    derived: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()

    def summary(self) -> str:
        """One paragraph for people."""
        asked = ", ".join(f"{name} {value}" for name, value in self.asked.items())
        count = len(self.forgotten)
        text = (
            f"Forgot {count} {'memory' if count == 1 else 'memories'} (asked by {asked}) "
            f"at {self.at:%Y-%m-%d %H:%M:%S} UTC in {self.seconds * 1000:.2f} ms."
        )
        if self.derived or self.rewritten:
            text += f" Of what was made from them, {len(self.derived)} forgotten and {len(self.rewritten)} made again."
        if self.namespaces:
            text += f" Namespaces erased whole: {self.namespaces}."
        if self.shards:
            text += f" Shards of weights wiped: {len(self.shards)}."
        if self.exports:
            text += f" Exported copies wiped: {', '.join(self.exports)}."
        if self.verification is not None:
            seen = self.verification
            kept = f" ({seen.shared} vectors belong to kept memories with the same text)" if seen.shared else ""
            text += (
                f" Scanned {seen.files} files, {seen.bytes_scanned:,} bytes, for {seen.needles} texts, "
                f"vectors and keys: {seen.found} found{kept}."
            )
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderCard:
    """Which embedder made a store's vectors. dimension: length d of each vector."""

    name: str
    dimension: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Bytes that must be nowhere on disk once a memory is forgotten.

    label: what they are, without content, such as "text" or "vector fp16".
    data: the bytes. run: a match is any `run` consecutive bytes of `data`; the whole of it by default.
    """

    label: str
    data: bytes = field(repr=False)
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """Size of a store: live memories, their namespaces, forgotten slots not yet compacted, bytes on disk."""

    memories: int
    namespaces: int
    erased: int
    bytes_on_disk: int
    embedder: EmbedderCard
    format: int


Action = Literal["update", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one statement does to what was remembered before it.

    by: id of the memory whose statement this is. ends: ids of memories that no longer hold from `at` on.
    amends: for memories that hold other facts too, their id and their text without what is old.
    keep: what of the statement still holds, in words without what is old; its own text when it stays as it is; None
    when it has done its work. reason: in plain words, which rule read it and what it names.
    """

    action: Action
    by: str
    ends: tuple[str, ...] = ()
    amends: tuple[tuple[str, str], ...] = ()
    at: datetime
    keep: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question, and what the model is to answer."""

    prompt: str
    answer: str


__all__ = [
    "KINDS",
    "RECENT",
    "RELATIONS",
    "Budget",
    "EmbedderCard",
    "Hit",
    "Kind",
    "LedgerEntry",
    "Link",
    "Memory",
    "Namespace",
    "Provenance",
    "Recalled",
    "Receipt",
    "Record",
    "Relation",
    "Secret",
    "StoreStats",
    "Trace",
    "Verification",
    "Where",
]
