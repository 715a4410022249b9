"""The words of memoria: frozen values that every layer shares.

Content and trace are apart. A `Memory` is what was said and does not change when it is used. A `Trace` is its
strength and its history of use, and is replaced at each use: a policy is arithmetic on traces and needs no text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal, get_args

from memoria.audience import Audience, sees
from memoria.canonical import same
from memoria.errors import InvalidQuery
from memoria.metadata import Scalar, asked, entries

if TYPE_CHECKING:
    from memoria.arrays import Vectors


Namespace = tuple[str, ...]
"""The path of an owner, such as ("app", "ada"). () is the root: it contains all others."""
Kind = Literal["episodic", "semantic", "procedural"]
"""What sort of memory it is: what happened, what is so, how something is done (Tulving 1972)."""
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a memory comes from.

    Attributes:
        source: the channel it came through, such as "chat" or "import".
        speaker: who said it.
        session: the conversation it was said in.
        derived_from: ids of the memories it was made from; empty for what was observed.
        used: those of `derived_from` that it says again, in whole or in part; None where that was not looked at.
    """

    source: str | None = None
    speaker: str | None = None
    session: str | None = None
    derived_from: tuple[str, ...] = ()
    used: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One thing remembered.

    Attributes:
        id: 32 hexadecimal digits of a UUIDv7 (RFC 9562); ids sort by `created_at`.
        namespace: path of the owner, such as ("app", "ada").
        text: what is remembered.
        created_at: when it was observed; aware, UTC, microseconds.
        kind: "episodic" (what happened), "semantic" (what is so), "procedural" (how it is done); Tulving 1972.
        valid_from: from when it is true; None for always.
        valid_to: until when it is true, that moment excluded; None for no end.
        salience: importance when it was stored, in [0, 1].
        judged: whether its salience was judged from its text; False where it was given.
        subject: whom or what it is about, one name; `forget(subject=...)` goes by it.
        tags: labels, sorted, without repeats.
        key: the caller's own key; storing the same key twice in a namespace stores once.
        provenance: where it comes from.
        metadata: a JSON object of the caller.
        parts: of a gist, the memories it was made from, unchanged, oldest first; empty for other memories.
        zone: the time zone where it was observed, such as "Asia/Tokyo" or "+05:45"; None for UTC, and where none was
            given.
        expires_at: from when it is erased, as if forgotten; None for never. A retention period may be sooner.
        visible_to: names of people and roles that may see it, sorted, without repeats; None for whoever reads the
            namespace, () for its owner alone. See docs/access.md.
    """

    id: str
    namespace: Namespace
    text: str
    created_at: datetime
    kind: Kind = "episodic"
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    salience: float = 0.5
    judged: bool = False
    subject: str | None = None
    tags: tuple[str, ...] = ()
    key: str | None = None
    provenance: Provenance = Provenance()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Memory, ...] = ()
    zone: str | None = None
    expires_at: datetime | None = None
    visible_to: Audience = None

    def day(self, zone: tzinfo = UTC) -> date:
        """The day on which it was observed, where it was.

        Args:
            zone: counts when the memory has no zone of its own.

        Returns:
            A date of the calendar there.
        """
        from memoria import zones

        own = None if self.zone is None else zones.known_zone(self.zone)
        return zones.day(self.created_at, own or zone)

    def holds(self, at: datetime) -> bool:
        """Whether it is true at a time.

        Args:
            at: an aware time.

        Returns:
            True from `valid_from` on and before `valid_to`.
        """
        begun = self.valid_from is None or self.valid_from <= at
        return begun and (self.valid_to is None or at < self.valid_to)

    def under(self, prefix: Namespace) -> bool:
        """Whether it is in a namespace or below it.

        Args:
            prefix: the namespace; () contains every memory.

        Returns:
            True when its own namespace begins with `prefix`.
        """
        return self.namespace[: len(prefix)] == prefix

    @property
    def last_at(self) -> datetime:
        """When it was observed; of a gist, when the newest of its parts was."""
        return max((part.created_at for part in self.parts), default=self.created_at)


Relation = Literal["derived", "supersedes", "doubts", "ends"]
"""How one memory depends on another: it was made from it, it replaced it, or it makes it doubtful."""
RELATIONS: tuple[Relation, ...] = get_args(Relation)
"""Every relation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One memory was derived from another, supersedes it, makes it doubtful, or is a statement that ended it.

    Attributes:
        parent: id of the source, or of the memory that was superseded or ended, or is doubtful.
        child: id of what was made from it, superseded it, makes it doubtful, or says that it no longer holds.
        relation: which of the four.
        was: the parent's `valid_to` before it was superseded or ended; None for no end, and for other relations.
        weight: of a doubt, the log-odds that the child makes the parent untrue, below 0 when the user says that it does
            not; None for other relations.
        judge: of a doubt and of an end, the name of what judged it, "user" for the user; None for other relations.
    """

    parent: str
    child: str
    relation: Relation
    was: datetime | None = None
    weight: float | None = None
    judge: str | None = None


RECENT = 16
"""How many uses a trace stores one by one; older ones are summed up."""
COUNT_LIMIT = (1 << 31) - 1
"""The most uses or lapses that a trace counts, what 32 bits hold: counting stops there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The strength of a memory, and how it was used. A policy reads and replaces the fields it needs.

    Attributes:
        last_retrieved: when it was last recalled; being stored counts.
        encoded_at: when it was stored; None is `last_retrieved`.
        stability: days until retrievability falls to 0.9; > 0.
        difficulty: how little a repetition adds, in [1, 10] (FSRS).
        strength: storage strength (Bjork and Bjork 1992) or synaptic weight (Tononi and Cirelli 2014); >= 0.
        interference: summed cosine of similar memories that came later; >= 0.
        retrievals: how often it was found.
        lapses: how often it was looked for and not found.
        recent: the latest presentations, oldest first, at most `RECENT`: (time, its decay rate d, 0 for none).
        older: mean decay rate of the presentations that are no longer in `recent`.
        salience: that of the memory, in [0, 1].
        kind: that of the memory.
        fades_at: when its policy expects it to fall below the threshold of fading; None is never.
        archived: whether recall leaves it out. A store changes this flag and the next three by `mark` alone.
        pinned: whether it never fades.
        held: whether a hold protects it from being erased or changed.
        restricted: whether it is only stored (GDPR, article 18): protected as if held, and in no verb but `get` and
            what is asked about a person.
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
    restricted: bool = False

    @classmethod
    def of(cls, memory: Memory, *, decay: float = 0.0, **fields: Any) -> Trace:
        """The trace of a memory that has just been stored.

        Args:
            memory: the memory.
            decay: decay rate d of this first presentation, for ACT-R; 0 for none.
            **fields: other fields of the trace, such as `stability`.

        Returns:
            A trace with one presentation, at the memory's `created_at`.
        """
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
        """When it was stored."""
        return self.last_retrieved if self.encoded_at is None else self.encoded_at

    @property
    def protected(self) -> bool:
        """Whether no policy may archive or forget it: it is pinned, held or restricted."""
        return self.pinned or self.held or self.restricted

    def found(self, at: datetime, *, decay: float = 0.0, **changes: Any) -> Trace:
        """The trace after the memory was found.

        Args:
            at: when; aware.
            decay: decay rate d of this presentation, for ACT-R; 0 for none.
            **changes: other fields that change with it, such as `stability`.

        Returns:
            A new trace that counts the use and stores its time.
        """
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
        """The trace after the memory was looked for and not found.

        Args:
            **changes: other fields that change with it, such as `stability`.

        Returns:
            A new trace that counts the lapse.
        """
        return replace(self, lapses=self.lapses + 1, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One line of the recall log, without content.

    Attributes:
        id: id of the memory that was looked for.
        at: when.
        found: whether it was found.
    """

    id: str
    at: datetime
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A decision that goes into the ledger.

    Attributes:
        at: when it was taken.
        action: "hold", "release", "forget" (in spite of a hold), "restrict", "lift", "restore", "import", and what else
            was decided.
        ids: the memories it was about.
        reason: why, in the caller's words; encrypted on disk.
        facts: what else is signed with it, in the clear: numbers, keyed hashes, names of methods, and no content.
    """

    at: datetime
    action: str
    ids: tuple[str, ...]
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriod:
    """An order of the store: how long memories are kept at most, from when they were observed.

    Attributes:
        namespace: of the memories in this namespace or below it; () for all.
        subject: only of those about this subject, whatever its case and form; None for whoever they are about.
        ttl: how long; > 0.
    """

    namespace: Namespace = ()
    subject: str | None = None
    ttl: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much one namespace may keep.

    Attributes:
        count: memories, at most; None for no limit.
        bytes: bytes of slots and encrypted rows, at most; None for no limit.
        tokens: tokens that all its texts would cost in a prompt, at most, each a line with its day and speaker, as
            `budget_tokens` of recall counts them; of a gist the lines of its parts. None for no limit.
    """

    count: int | None = None
    bytes: int | None = None
    tokens: int | None = None


MOST_PARTS = 2047
"""Of so many parts of a gist a vector is kept; further ones are found by that of the first."""
# A text has fewer characters, see `validate.MAX_TEXT_BYTES`.
_PART_BITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """Vectors of a memory beside its own: of the passages of a long text, and of the parts of a gist.

    The first passage begins at 0 and is not among them, except that of each part of a gist after the first part. Each
    ends where the next one begins.

    Attributes:
        starts: n places in the text, in characters; of a gist, in the text of the part.
        vectors: a unit vector for each, shape (n, d), float32; of a gist, rounded to a byte a number.
        parts: of a gist, which of its parts each is of, n numbers from 0, ascending; empty for the first alone.
    """

    starts: tuple[int, ...]
    vectors: Vectors
    parts: tuple[int, ...] = ()

    @property
    def owners(self) -> tuple[int, ...]:
        """For each vector, which part it is of, from 0."""
        return self.parts or (0,) * len(self.starts)

    @property
    def places(self) -> tuple[int, ...]:
        """For each vector a number that says its part and its start, ascending: for stores."""
        return tuple(part << _PART_BITS | start for part, start in zip(self.owners, self.starts, strict=True))

    @classmethod
    def placed(cls, places: Iterable[int], vectors: Vectors) -> Passages:
        """Makes them again from `places`.

        Args:
            places: n numbers.
            vectors: as of the class.

        Returns:
            The passages.
        """
        known = tuple(places)
        parts = tuple(place >> _PART_BITS for place in known)
        starts = tuple(place & ((1 << _PART_BITS) - 1) for place in known)
        return cls(starts=starts, vectors=vectors, parts=parts if any(parts) else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A memory as a store keeps it.

    Attributes:
        memory: its content.
        trace: its strength and use.
        vector: unit vector of its text, or of the first passage of a long one; of a gist, that of its first part;
            shape (d,), float32.
        passages: further vectors, of a text that one vector cannot have all of, and of a gist; None for any other.
    """

    memory: Memory
    trace: Trace
    vector: Vectors
    passages: Passages | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A filter. A memory has to meet every criterion that is given; `Where()` matches everything.

    Attributes:
        namespace: in this namespace or below it; () for any.
        ids: one of these ids; None for any.
        subject: this subject, whatever its case and Unicode form (memoria/canonical.py).
        tags: all of these tags.
        kinds: one of these kinds; () for any.
        key: this key of the caller.
        session: of this conversation, exactly as its provenance names it.
        speaker: by this speaker, exactly as its provenance names them.
        metadata: scalars by dotted path, such as {"flight.seat": "12A"}; all of these (memoria/metadata.py).
        since: created at this time or later.
        until: created before this time.
        archived: True for archived memories only, False for the others without the restricted ones, None for both.
        restricted: True for restricted memories only, False for the others, None for both.
        kept_at: without what is to be erased by this time, by its own expiry or a retention period; None for with it.
            Of a gist some parts may be; it stays as long as one part does.
        visible: visible to a reader who has these names, its own and those of its roles; () is what everybody sees,
            None is all there is.
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
    restricted: bool | None = None
    kept_at: datetime | None = None
    visible: tuple[str, ...] | None = None

    def matches(self, memory: Memory) -> bool:
        """Whether a memory, or a part of it, meets all but `archived`, `restricted` and `kept_at`. Every store agrees.

        Args:
            memory: the memory; a gist also matches by any of its parts.

        Returns:
            True when it matches.
        """
        asked = self.ids is None or memory.id in self.ids
        return asked and (self._meets(memory) or any(map(self._meets, memory.parts)))

    def meant(self, memory: Memory) -> tuple[Memory, ...]:
        """Which parts of a memory that matches are meant, `ids` and the last two criteria aside.

        Args:
            memory: the memory; one without parts is its own part. A gist of one of the `kinds` is so with all of it.

        Returns:
            These parts.
        """
        whole = replace(self, kinds=()) if memory.kind in self.kinds else self
        return tuple(one for one in memory.parts or (memory,) if whole._meets(one))

    def _meets(self, memory: Memory) -> bool:
        return (
            memory.under(self.namespace)
            and (self.visible is None or sees(self.visible, memory.visible_to))
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
        """Whether the namespace is the only criterion, so that whole namespaces are meant."""
        return self == Where(namespace=self.namespace)


class Page(list[Memory]):
    """Memories in order, oldest first, that says whether it was cut.

    Args:
        memories: those on it, oldest first.
        left: how many that meet the filters are not on it; >= 0.
        newest: whether these are the newest, so that what is left is older.

    Attributes:
        left: how many memories that meet the filters it leaves out.
    """

    def __init__(self, memories: Iterable[Memory] = (), *, left: int = 0, newest: bool = False) -> None:
        super().__init__(memories)
        self.left = left
        self._newest = newest

    @property
    def after(self) -> str | None:
        """The cursor of the next page, for `list(after=)`; None when nothing newer is left."""
        return self[-1].id if self and self.left and not self._newest else None


class Preview(list[Memory]):
    """Exactly the memories that a forget would forget, oldest first; forgetting these ids forgets the same.

    Args:
        memories: those that would go.
        rewritten: ids of gists that would be made again without them.
        near: memories that may mention the name that was asked for, or another one.
        rewrites: these gists as they would be.
        freed: parts of gists that would be memories of their own again.
        standing_again: ids of memories that would hold again.
        shards: names of adapters that would be wiped.
        exports: paths of copies of these that would be wiped.
        held: ids under a hold that stands against it.
        digest: keyed hash of all of this.
        asked: ids of those that were asked for.

    Attributes:
        rewritten: ids of gists that stay, and would be made again without what goes.
        near: memories that stay, though they may mention the name that was asked for: "Anna" may be a form of Ann.
        rewrites: the gists of `rewritten` as they would be, in the same order.
        freed: parts of gists with fewer than two left, which would be memories of their own again.
        standing_again: ids of memories that would hold again, because what ended them goes.
        shards: names of the adapters that learnt any of it, and would be wiped.
        exports: paths of known copies of these adapters outside the store, which would be wiped too.
        held: ids of what goes or changes under a hold: unless that is released or overridden, nothing is forgotten.
        digest: keyed hash of what goes and changes under this view, with its texts; `forget(agreed=)` takes it, and
            forgets nothing when it is no longer the same. "" for a standing order.
        asked: ids of those that meet the criteria; the others go because they were made from them.
    """

    def __init__(
        self,
        memories: Iterable[Memory] = (),
        *,
        rewritten: Iterable[str] = (),
        near: Iterable[Memory] = (),
        rewrites: Iterable[Memory] = (),
        freed: Iterable[Memory] = (),
        standing_again: Iterable[str] = (),
        shards: Iterable[str] = (),
        exports: Iterable[str] = (),
        held: Iterable[str] = (),
        digest: str = "",
        asked: Iterable[str] = (),
    ) -> None:
        super().__init__(memories)
        self.rewritten, self.near = tuple(rewritten), tuple(near)
        self.rewrites, self.freed, self.standing_again = tuple(rewrites), tuple(freed), tuple(standing_again)
        self.shards, self.exports, self.held, self.digest = tuple(shards), tuple(exports), tuple(held), digest
        self.asked = frozenset(asked)


class _Reported:
    """Whom to tell when a hit is used. No field of a dataclass: equality, repr and JSON leave it out."""

    __slots__ = ("_tell",)
    _tell: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(_Reported):
    """A recalled memory and why it was found.

    Attributes:
        memory: the memory. Of a gist it is the part that is wanted, with its own speaker, session and time.
        score: log-odds that it is needed now; the cosine when recall went by the vector alone.
        terms: the named parts of the score; their sum is the score.
        probability: how likely the query wants it, in [0, 1], whatever else is recalled; None by the vector alone, with
            weights of one's own, and for an embedder without constants for it.
        passage: the part of a long text that the question is about, as it stands there; None for a short text, which
            is given whole.
        in_part: whether only the passage is to be shown, because the whole text did not fit into `budget_tokens`.
        doubted_by: ids of later statements that make the memory doubtful, the weightiest first; `terms["superseded"]`
            is what they take from its score.
        gist: the gist that the memory is a part of; None for a memory of its own.
    """

    memory: Memory
    score: float
    terms: Mapping[str, float]
    probability: float | None = None
    passage: str | None = None
    in_part: bool = False
    doubted_by: tuple[str, ...] = ()
    gist: Memory | None = None

    @property
    def home(self) -> str:
        """The id under which it is stored: that of the gist of a part."""
        return self.memory.id if self.gist is None else self.gist.id

    @property
    def shown(self) -> str:
        """The text to show: the whole of it, or `... passage ...` when it is shown in part."""
        return f"... {self.passage} ..." if self.in_part else self.memory.text

    def explain(self) -> str:
        """The score as a sum of named terms, largest first.

        Returns:
            One line, such as `0.731 = similarity 0.731`; of a long text, with where the passage is in it, such as
            `0.731 = similarity 0.731, characters 512 to 760 of 1024`; of a doubtful one, with whose doubt
            it is: `0.731 = similarity 2.731 + superseded -2.000, doubted by 0190...`.
        """
        parts = sorted(self.terms.items(), key=lambda term: -abs(term[1]))
        said = f"{self.score:.3f} = " + " + ".join(f"{name} {value:.3f}" for name, value in parts)
        if self.doubted_by:
            said += f", doubted by {', '.join(self.doubted_by)}"
        if self.passage is None:
            return said
        at = self.memory.text.find(self.passage)
        return f"{said}, characters {at} to {at + len(self.passage)} of {len(self.memory.text)}"

    def used(self) -> None:
        """Reports that this memory was used, which strengthens it; does nothing without `reinforce="used"`."""
        tell = getattr(self, "_tell", None)
        if tell is not None:
            tell(self.home)

    def reporting(self, tell: Callable[[str], None]) -> Hit:
        """Makes `used` report to a callable.

        Args:
            tell: called with the id of the memory each time; of a part, with that of its gist.

        Returns:
            This same hit.
        """
        object.__setattr__(self, "_tell", tell)
        return self


class Hits(list[Hit]):
    """The hits of one query, best first, and how likely the query wants anything that is known.

    Args:
        hits: best first.
        known: see below.

    Attributes:
        known: how likely anything remembered is wanted, in [0, 1], however few of it are among the hits; None where
            the embedder has no constants for it.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, known: float | None = None) -> None:
        super().__init__(hits)
        self.known = known


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a byte scan of every file of the store found after a forget.

    Attributes:
        files: how many files were read.
        bytes_scanned: how many bytes.
        needles: how many texts, vectors and keys were looked for.
        checks: how many questions were put to the store itself: whether a row, a slot, a label, a link, a passage or a
            place of an index is left of what was forgotten.
        found: how many of these are still somewhere; 0 is a clean erasure.
        shared: vectors that are still there because another memory has the very same text; not in `found`.
        skipped: texts not looked for byte by byte, as finding them would prove nothing: shorter than 8 bytes, or words
            of the store's own schema; not in `needles`. What is bound to it is in `checks` all the same.
        left: what was found, without content: "text utf-8 in memoria.db", "row", "label", ...
        control: how many byte strings of one memory that is still there were looked for in the same pass; 0 where no
            other memory is left.
        control_found: how many of these were found: what shows that the scan sees what is in the files. Of a store that
            is sealed as a whole, none is.
    """

    files: int
    bytes_scanned: int
    needles: int
    found: int
    shared: int = 0
    skipped: int = 0
    checks: int = 0
    left: tuple[str, ...] = ()
    control: int = 0
    control_found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A receipt as a certificate of sanitisation, with the items of NIST SP 800-88 Rev. 1.

    Attributes:
        fields: values by item, in the order of the form; what only people know is to be filled in.
    """

    fields: Mapping[str, Any]

    def markdown(self) -> str:
        """The certificate for people.

        Returns:
            A table in Markdown.
        """
        rows = "".join(f"| {name} | {value} |\n" for name, value in self.fields.items())
        return f"# Certificate of sanitisation\n\n| item | value |\n|---|---|\n{rows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The signed form of a receipt.

    Attributes:
        line: its line of the ledger, deterministic CBOR.
        statement: that line, signed: COSE_Sign1.
        certificate: what it says, as a certificate.
    """

    line: bytes
    statement: bytes
    certificate: Certificate


class _Proven:
    """Who gives the signed form of a receipt. No field of a dataclass: equality, repr and JSON leave it out."""

    __slots__ = ("_proof",)
    _proof: Callable[[], Proof]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(_Proven):
    """Proof of a forget, without content: it may be stored when the memories may not.

    Attributes:
        asked: the criteria: ids and times as given, names only as "withheld".
        forgotten: ids of the memories that were asked for and are gone.
        namespaces: how many namespaces were erased whole.
        at: when.
        seconds: how long the erasure took until it was durable.
        verification: the byte scan, with `verify=True`.
        derived: ids of the memories that are gone because they were made from forgotten ones.
        rewritten: ids of gists that were made again without them.
        shards: names of the adapters that had learnt any of them and were wiped.
        exports: paths of known copies of these adapters outside the store, wiped where they still were. Copies of
            copies are unknown and stay.
        standing: id of the order that keeps the value out from now on; None when none was given.
        held: ids of memories that have the value and stay, because they are held; of a standing order alone.
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
    standing: str | None = None
    held: tuple[str, ...] = ()

    def signed(self) -> bytes:
        """The receipt as a signed statement: COSE_Sign1 over its line of the ledger, which is durable from then on.

        Returns:
            The bytes of a file that anyone can verify with the public key of the store.

        Raises:
            InvalidQuery: no store stands behind this receipt; it was read from somewhere.
            StoreError: the store is closed, or does not let anyone write.
        """
        return self._proven().statement

    @property
    def statement(self) -> bytes:
        """As `signed`."""
        return self.signed()

    def to_cbor(self) -> bytes:
        """The line of the ledger that is signed: deterministic CBOR.

        Returns:
            The payload of `signed`.
        """
        return self._proven().line

    def certificate(self) -> Certificate:
        """The receipt as a certificate of sanitisation.

        Returns:
            The items of NIST SP 800-88 Rev. 1, as far as software knows them.
        """
        return self._proven().certificate

    def proven_by(self, proof: Callable[[], Proof]) -> Receipt:
        """Makes `signed` ask a callable.

        Args:
            proof: gives the signed form.

        Returns:
            This same receipt.
        """
        object.__setattr__(self, "_proof", proof)
        return self

    def _proven(self) -> Proof:
        proof: Callable[[], Proof] | None = getattr(self, "_proof", None)
        if proof is None:
            raise InvalidQuery(
                "no store stands behind this receipt: take it from forget, or by `memoria receipts show`"
            )
        return proof()

    def summary(self) -> str:
        """The receipt for people.

        Returns:
            One paragraph.
        """
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
        if self.standing is not None:
            text += f" Standing order {self.standing} keeps it out from now on."
        if self.held:
            text += f" Held, and so still there: {', '.join(self.held)}."
        if self.verification is not None:
            seen = self.verification
            kept = f" ({seen.shared} vectors belong to kept memories with the same text)" if seen.shared else ""
            text += (
                f" Scanned {seen.files} files, {seen.bytes_scanned:,} bytes, for {seen.needles} texts, "
                f"vectors and keys: {seen.found} found{kept}."
            )
            if seen.skipped:
                text += (
                    f" Not looked for, since finding them would prove nothing: {seen.skipped} short or common texts."
                )
            if seen.control:
                text += f" Of a memory that is still there, the same scan found {seen.control_found} of {seen.control}."
            if seen.checks:
                text += f" Asked the store {seen.checks} times what is left of them."
            if seen.left:
                text += f" Found: {', '.join(seen.left)}."
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderCard:
    """Which embedder made a store's vectors.

    Attributes:
        name: its name; a store refuses an embedder of another name.
        dimension: length d of each vector.
    """

    name: str
    dimension: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Bytes that must be nowhere on disk once a memory is forgotten.

    Attributes:
        label: what they are, without content, such as "text" or "vector fp16".
        data: the bytes.
        run: so many consecutive bytes of `data` count as found; None for all of them.
    """

    label: str
    data: bytes = field(repr=False)
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a store itself says is left of memories that it erased.

    Attributes:
        checks: how many questions it answered.
        left: what is left, one name for each find: "row", "slot", "label", "link", "passage", "index", ...
    """

    checks: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStats:
    """Size of a store.

    Attributes:
        memories: how many memories it has.
        namespaces: how many namespaces they are in.
        erased: slots of forgotten memories, overwritten and not yet given back; `rebuild` does that.
        bytes_on_disk: bytes of all its files.
        embedder: which embedder made its vectors.
        format: version of its format on disk.
        language: of its texts, by its code; None is told by each text.
        keep_forgets_days: for how many days it keeps its forget log; None where it keeps none.
    """

    memories: int
    namespaces: int
    erased: int
    bytes_on_disk: int
    embedder: EmbedderCard
    format: int
    language: str | None = None
    keep_forgets_days: float | None = None


Action = Literal["update", "delete", "doubt", "erase"]
"""What a statement does to what was remembered: replaces it, takes it back, makes it doubtful, or asks to erase it."""
Endings = Literal["never", "commands", "sure"]
"""What may end a memory: nothing; only what the user tells to take out; also what a detector is sure of."""
ENDINGS: tuple[Endings, ...] = get_args(Endings)
"""Every choice of endings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one statement changes in earlier memories.

    Attributes:
        action: "update" when it says something new, "delete" when it only ends something, "doubt" when it only lowers,
            "erase" when it asks to forget, which is never done by itself.
        by: id of the memory with the statement.
        ends: ids of memories that are no longer true from `at` on.
        amends: memories that also say something else: (id, text without the part that is old).
        at: from when.
        keep: what is left of the statement, without what is old; its whole text when it stays as it is; None when
            nothing is left.
        reason: which rule read it and what it names, in plain words.
        lowers: memories that it makes doubtful: (id, log-odds that it makes them untrue).
        judge: the name of what judged it; "" for rules and callables.
        commanded: whether the user tells to take something out, rather than states a fact.
    """

    action: Action
    by: str
    ends: tuple[str, ...] = ()
    amends: tuple[tuple[str, str], ...] = ()
    at: datetime
    keep: str | None = None
    reason: str
    lowers: tuple[tuple[str, float], ...] = ()
    judge: str = ""
    commanded: bool = False

    @property
    def key(self) -> str:
        """By which it is accepted: the same for the same change, another one as soon as it would do anything else.

        Log-odds differ a little from run to run, and are not in it.
        """
        lowers = [id for id, _ in self.lowers]
        said = [self.action, self.by, self.ends, self.amends, lowers, self.at.isoformat(), self.keep]
        return hashlib.sha256(json.dumps(["settle", said]).encode()).hexdigest()[:32]


class Settled(tuple[Proposal, ...]):
    """The proposals that were carried out, or would be; what is settled already is not among them.

    Attributes:
        skipped: proposals that cannot be carried out: what they are about is gone, held, forgotten or superseded.
        unconfirmed: proposals to erase; nothing is done about them until `forget` is called for their `ends`.
        waiting: where `memoria.review` is on, proposals that nobody has accepted; nothing is done about them.
    """

    skipped: tuple[Proposal, ...]
    unconfirmed: tuple[Proposal, ...]
    waiting: tuple[Proposal, ...]

    def __new__(
        cls,
        carried: Iterable[Proposal] = (),
        skipped: Iterable[Proposal] = (),
        unconfirmed: Iterable[Proposal] = (),
        waiting: Iterable[Proposal] = (),
    ) -> Settled:
        made = super().__new__(cls, tuple(carried))
        made.skipped = tuple(skipped)
        made.unconfirmed = tuple(unconfirmed)
        made.waiting = tuple(waiting)
        return made


Outcome = Literal["lowered", "ended", "shortened"]
"""What a statement did to a memory: it ranks lower, it no longer holds, or only what is left of it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """A memory of which a statement says that it may no longer hold, or does not.

    Attributes:
        memory: what was said before.
        by: the statement.
        outcome: "lowered" when it ranks lower, "ended" when it no longer holds, "shortened" when only `left` does.
        odds: of what is lowered, the log-odds that it is untrue; None for the others.
        judge: the name of what judged it; "rules" for rules and commands, "user" for the user.
        left: of what is shortened, the memory that says the rest; None for the others.
    """

    memory: Memory
    by: Memory
    outcome: Outcome
    odds: float | None = None
    judge: str
    left: Memory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question for training, and its answer.

    Attributes:
        prompt: the question.
        answer: what the model should answer.
    """

    prompt: str
    answer: str


__all__ = [
    "COUNT_LIMIT",
    "ENDINGS",
    "KINDS",
    "RECENT",
    "RELATIONS",
    "Action",
    "Budget",
    "Certificate",
    "Doubted",
    "EmbedderCard",
    "Endings",
    "Example",
    "Hit",
    "Hits",
    "Kind",
    "LedgerEntry",
    "Link",
    "Memory",
    "Namespace",
    "Outcome",
    "Page",
    "Preview",
    "Proof",
    "Proposal",
    "Provenance",
    "Recalled",
    "Receipt",
    "Remains",
    "Passages",
    "Record",
    "Relation",
    "RetentionPeriod",
    "Secret",
    "Settled",
    "StoreStats",
    "Trace",
    "Verification",
    "Where",
]
