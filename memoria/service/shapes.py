"""The JSON of requests and answers. Types are strict: a number is never read from a text, nor a time from a number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from memoria.engine.arguments import Filters as _Filters
from memoria.engine.learning import LearnOptions
from memoria.extraction.learning import Lesson as _Lesson
from memoria.metadata import MAX_PATH
from memoria.remember import Draft as _Draft
from memoria.standing.orders import StandingOrder
from memoria.types import Doubted as Settled
from memoria.types import Hit, Memory, Namespace, Outcome, Page, Provenance, Receipt
from memoria.validate import MAX_CRITERIA

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LAST_YEAR = 2999
_DEEPEST = 32


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("not a time of RFC 3339")
    try:
        time = datetime.fromisoformat(value.upper())
        year = time.astimezone(UTC).year
    except (ValueError, OverflowError):
        raise ValueError("not a time that there is") from None
    if not 1970 <= year <= _LAST_YEAR:
        raise ValueError(f"not in the years 1970 to {_LAST_YEAR}")
    return time


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {_DEEPEST}")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


Time = Annotated[datetime, BeforeValidator(_moment)]
Length = Annotated[float, Field(strict=True, gt=0, le=1e11)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=1 << 16, pattern=r"\S")]
Name = Annotated[StrictStr, Field(min_length=1, max_length=256, pattern=r"\S")]
Part = Annotated[StrictStr, Field(min_length=1, max_length=256, pattern=r"^[^/]*[^/\s][^/]*$")]
Id = Annotated[StrictStr, Field(pattern="^[0-9a-f]{32}$")]
Kind = Literal["episodic", "semantic", "procedural"]
Real = Annotated[float, Field(strict=True, ge=0, le=1)]
Metadata = Annotated[dict[str, Any], AfterValidator(_shallow)]
Tags = Annotated[list[Name], Field(max_length=100)]
Scalar = StrictStr | StrictBool | StrictInt | StrictFloat | None
Criteria = Annotated[
    dict[Annotated[str, Field(max_length=MAX_PATH)], Scalar],
    Field(
        max_length=MAX_CRITERIA,
        description='Values in the metadata that must be equal, by dotted path: {"flight.seat": "12A"}.',
    ),
]
Ids = Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Body(BaseModel):
    """A request. namespace: parts below the token's own namespace; [] is that namespace itself."""

    model_config = ConfigDict(extra="forbid")
    namespace: Annotated[list[Part], Field(max_length=16)] = []


class Said(BaseModel):
    """A memory to store. created_at: now by default; its offset says which day was "yesterday".

    salience: importance, in [0, 1]; judged from the text by default. key: your own; a memory with the same key, for the
    same people, is stored only once. expires_at: from when it is erased; or ttl: so many seconds after it was observed.
    visible_to: who may see it."""

    model_config = ConfigDict(extra="forbid")
    text: Text
    kind: Kind = "episodic"
    created_at: Time | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None
    salience: Real | None = None
    subject: Name | None = None
    tags: Tags = []
    key: Name | None = None
    metadata: Metadata = {}
    source: Name | None = None
    speaker: Name | None = None
    session: Name | None = None
    derived_from: Annotated[list[Id], Field(max_length=1000)] = []
    used: Annotated[list[Id] | None, Field(max_length=1000)] = None
    expires_at: Time | None = None
    ttl: Length | None = None
    visible_to: Annotated[list[Name] | None, Field(max_length=1000)] = None

    def draft(self) -> _Draft:
        origin = {name: getattr(self, name) for name in ("source", "speaker", "session")}
        used = None if self.used is None else tuple(self.used)
        provenance = Provenance(**origin, derived_from=tuple(self.derived_from), used=used)
        plain = self.model_dump(exclude={*origin, "derived_from", "used", "ttl"})
        ttl = None if self.ttl is None else timedelta(seconds=self.ttl)
        return _Draft(**plain, provenance=provenance, ttl=ttl)


class Remember(Body):
    """One memory to store. readmit: store the text even if it was forgotten here."""

    memory: Said
    readmit: StrictBool = False


class RememberMany(Body):
    """Several memories to store, all of them or none."""

    memories: Annotated[list[Said], Field(min_length=1, max_length=1000)]
    readmit: StrictBool = False


class Message(BaseModel):
    """A message. Learnt from is what a user says; name: who speaks. time: when, with its offset. id: your own."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant", "system", "developer", "tool", "function"] = "user"
    content: Annotated[StrictStr, Field(max_length=1 << 16)]
    name: Name | None = None
    time: Time | None = None
    id: Name | None = None


class Learn(Body):
    """Messages of a conversation, oldest first. most: facts of one, at most. dry_run: asks the model, stores nothing.

    readmit: takes back messages that were forgotten here.
    """

    messages: Annotated[list[Message], Field(min_length=1, max_length=100)]
    session: Name | None = None
    most: Annotated[StrictInt, Field(ge=1, le=100)] = 20
    dry_run: StrictBool = False
    readmit: StrictBool = False

    def given(self) -> list[dict[str, Any]]:
        """The messages as the verb takes them."""
        return [one.model_dump() for one in self.messages]

    def how(self) -> LearnOptions:
        """The options of the verb."""
        return {"session": self.session, "most": self.most, "dry_run": self.dry_run, "readmit": self.readmit}


class Filters(Body):
    """Filters; a memory must meet all that are given. since, until: created in [since, until)."""

    subject: Annotated[Name | None, Field(description="About this subject, whatever its case.")] = None
    session: Annotated[Name | None, Field(description="Said in this conversation.")] = None
    speaker: Annotated[Name | None, Field(description="Said by this speaker.")] = None
    tags: Annotated[Tags, Field(description="With all of these tags.")] = []
    kinds: Annotated[list[Kind], Field(max_length=3, description="Of one of these kinds.")] = []
    key: Annotated[Name | None, Field(description="With this key.")] = None
    metadata: Criteria = {}
    since: Annotated[Time | None, Field(description="Created at this time or later.")] = None
    until: Annotated[Time | None, Field(description="Created before this time.")] = None

    def asked(self) -> _Filters:
        """The filters as those of a verb, except the namespace, which is that of the view."""
        return cast("_Filters", {name: getattr(self, name) for name in Filters.model_fields if name != "namespace"})


class Recall(Filters):
    """query: what to find. zone: where the days that it names begin and end; UTC by default.

    at_least: only hits that are wanted with this probability. explain: return the terms of each score too; the score is
    their sum.
    """

    query: Annotated[StrictStr, Field(min_length=1, max_length=16_384, pattern=r"\S")]
    k: Annotated[StrictInt, Field(ge=1, le=100)] = 10
    as_of: Time | None = None
    zone: Annotated[Name | None, Field(description="Such as Asia/Tokyo, or +05:45.")] = None
    include: Annotated[list[Literal["archived", "expired", "upcoming"]], Field(max_length=3)] = []
    at_least: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None
    explain: StrictBool = False


class List(Filters):
    """A page of the memories that meet the filters, oldest first."""

    limit: Annotated[StrictInt, Field(ge=1, le=1000, description="How many at most.")] = 100
    after: Annotated[Id | None, Field(description="The `after` of the page before: only what is newer.")] = None
    newest: Annotated[StrictBool, Field(description="When there are more: the newest ones, not the oldest.")] = False


class Amend(BaseModel):
    """The fields to change; the old values are erased. salience: null judges it from the text again. readmit: takes the
    new text even if it was forgotten here."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})
    text: Text = ""
    kind: Kind = "episodic"
    valid_from: Time | None = None
    valid_to: Time | None = None
    salience: Real | None = None
    subject: Name | None = None
    tags: Tags = []
    metadata: Metadata = {}
    expires_at: Time | None = None
    visible_to: Annotated[list[Name] | None, Field(max_length=1000)] = None
    readmit: StrictBool = False


class Supersede(BaseModel):
    """memory: replaces the one in the path from `at` on. at: when the new memory was observed, by default."""

    model_config = ConfigDict(extra="forbid")
    memory: Said
    at: Time | None = None


class Expire(Body):
    """ids: memories that are no longer valid from `at` on. at: now by default."""

    ids: Ids
    at: Time | None = None


class Doubts(Body):
    """ids: of memories or statements; all below the namespace when none is given."""

    ids: Annotated[list[Id], Field(max_length=1000)] = []


class Settle(BaseModel):
    """keep: whether the memory in the path holds beside the statement. by: the statement; every one by default."""

    model_config = ConfigDict(extra="forbid")
    keep: StrictBool
    by: Id | None = None


class Forget(Filters):
    """What to forget for ever. everything: all below the namespace. dry_run: only list what would be forgotten.

    mentions: memories that have this name, as whole words. guard: which texts are refused if they come back.
    guard_days: for how many days; as the server was opened by default.
    standing: keeps what `mentions` says out from now on. on_match: refuses what holds it, or stores it without.
    """

    ids: Annotated[list[Id], Field(max_length=1000)] = []
    mentions: Name | None = None
    standing: StrictBool = False
    on_match: Literal["refuse", "redact"] = "refuse"
    guard: Literal["exact", "near", "none"] = "exact"
    guard_days: Annotated[float, Field(strict=True, gt=0)] | None = None
    everything: StrictBool = False
    dry_run: StrictBool = False


class Sleep(Body):
    """dry_run: only plan. fade: whether to archive what is due. prune: whether to forget what has faded."""

    dry_run: StrictBool = False
    fade: StrictBool = False
    prune: StrictBool = False


class Remembered(BaseModel):
    """A memory. namespace: below that of the token."""

    id: str
    namespace: list[str]
    text: str
    kind: Kind
    created_at: datetime
    valid_from: datetime | None
    valid_to: datetime | None
    salience: float
    judged: bool
    subject: str | None
    tags: list[str]
    key: str | None
    metadata: dict[str, Any]
    source: str | None
    speaker: str | None
    session: str | None
    derived_from: list[str]
    used: list[str] | None
    expires_at: datetime | None
    visible_to: list[str] | None
    parts: list[Remembered]

    @classmethod
    def of(cls, memory: Memory, prefix: Namespace) -> Remembered:
        origin = memory.provenance
        named = {name: getattr(memory, name) for name in ("id", "text", "kind", "created_at", "valid_from", "valid_to")}
        named |= {name: getattr(memory, name) for name in ("salience", "judged", "subject", "key", "expires_at")}
        return cls(
            **named,
            namespace=list(memory.namespace[len(prefix) :]),
            tags=list(memory.tags),
            metadata=dict(memory.metadata),
            source=origin.source,
            speaker=origin.speaker,
            session=origin.session,
            derived_from=list(origin.derived_from),
            used=None if origin.used is None else list(origin.used),
            visible_to=None if memory.visible_to is None else list(memory.visible_to),
            parts=[cls.of(part, prefix) for part in memory.parts],
        )


class Memories(BaseModel):
    """Memories, in the order that the request defines."""

    memories: list[Remembered]


class Doubt(BaseModel):
    """What a statement did to a memory: it is lowered, has ended, or is shortened to what is left.

    odds: of what is lowered, the log-odds that it is untrue. judge: the name of what judged it.
    """

    memory: Remembered
    by: Remembered
    outcome: Outcome
    odds: float | None
    judge: str
    left: Remembered | None


class Doubted(BaseModel):
    """What statements have settled, in the order of the statements."""

    doubts: list[Doubt]

    @classmethod
    def of(cls, found: Iterable[Settled], prefix: Namespace) -> Doubted:
        return cls(
            doubts=[
                Doubt(
                    memory=Remembered.of(one.memory, prefix),
                    by=Remembered.of(one.by, prefix),
                    outcome=one.outcome,
                    odds=one.odds,
                    judge=one.judge,
                    left=None if one.left is None else Remembered.of(one.left, prefix),
                )
                for one in found
                if one.memory.under(prefix) and one.by.under(prefix)
            ]
        )


class Unlearnt(BaseModel):
    """What was not learnt: a fact, or with null the whole message. message: its place among those sent, from 0."""

    message: int
    reason: str
    fact: str | None


class Lesson(BaseModel):
    """What was learnt. messages: of users, as they are stored. learned: facts; in a dry run their ids are "".

    known: how many messages had been learnt from before.
    """

    messages: list[Remembered]
    learned: list[Remembered]
    dropped: list[Unlearnt]
    known: int
    dry_run: bool

    @classmethod
    def of(cls, lesson: _Lesson, prefix: Namespace) -> Lesson:
        return cls(
            messages=[Remembered.of(one, prefix) for one in lesson.messages],
            learned=[Remembered.of(one, prefix) for one in lesson.learned],
            dropped=[Unlearnt(message=one.message, reason=one.reason, fact=one.fact) for one in lesson.dropped],
            known=lesson.known,
            dry_run=lesson.dry_run,
        )


class Listed(Memories):
    """A page, oldest first."""

    left: Annotated[int, Field(description="How many more meet the filters: newer ones, or with `newest` older ones.")]
    after: Annotated[str | None, Field(description="The cursor of the next page; null when nothing newer is left.")]

    @classmethod
    def of(cls, page: Page, prefix: Namespace) -> Listed:
        return cls(memories=[Remembered.of(one, prefix) for one in page], left=page.left, after=page.after)


class Found(BaseModel):
    """A hit. probability: how likely the query wants it; null where the embedder has no constants for it.

    terms: the terms whose sum is the score, if explain was set.
    """

    memory: Remembered
    score: float
    probability: float | None
    terms: dict[str, float] | None

    @classmethod
    def of(cls, hit: Hit, prefix: Namespace, *, explain: bool) -> Found:
        terms = dict(hit.terms) if explain else None
        shown = Remembered.of(hit.memory, prefix)
        return cls(memory=shown, score=hit.score, probability=hit.probability, terms=terms)


class Hits(BaseModel):
    """Hits, best first. known: how likely anything known is wanted; null where the embedder has no constants for it."""

    hits: list[Found]
    known: float | None


class Order(BaseModel):
    """A standing order, without what it keeps out. acted: how many memories it kept out, or kept the value out of."""

    id: str
    at: datetime
    kind: str
    on_match: Literal["refuse", "redact"]
    acted: int
    pending: bool

    @classmethod
    def of(cls, order: StandingOrder) -> Order:
        return cls(
            id=order.id,
            at=order.at,
            kind=order.kind,
            on_match=order.on_match,
            acted=order.acted,
            pending=order.pending,
        )


class Gone(BaseModel):
    """A receipt, or what it would say with dry_run. Ids are only those in the token's namespace.

    forgotten: ids asked for. derived: ids made from them, forgotten too. rewritten: gists made again without them.
    would: memories that would be forgotten, if it was a dry run. near: those that would stay, though they may mention
    the name that was asked for. standing: id of the order that keeps it out from now on. held: ids that stay, under a
    hold.
    """

    dry_run: bool
    standing: str | None = None
    held: list[str] = []
    forgotten: list[str] = []
    derived: list[str] = []
    rewritten: list[str] = []
    namespaces: int = 0
    at: datetime | None = None
    seconds: float | None = None
    would: list[Remembered] = []
    near: list[Remembered] = []

    @classmethod
    def of(cls, receipt: Receipt, mine: set[str]) -> Gone:
        return cls(
            dry_run=False,
            forgotten=list(receipt.forgotten),
            derived=[id for id in receipt.derived if id in mine],
            rewritten=[id for id in receipt.rewritten if id in mine],
            namespaces=receipt.namespaces,
            at=receipt.at,
            seconds=receipt.seconds,
            standing=receipt.standing,
            held=[id for id in receipt.held if id in mine],
        )


class Slept(BaseModel):
    """What a pass of sleep did. gists: those made or grown, and how many joined each; id "" if only planned.

    unaccepted: how many changes of fact and gists wait for a yes, where review is on.
    """

    dry_run: bool
    replayed: int
    settled: int
    skipped: int
    gists: list[Gist]
    faded: list[str]
    pruned: list[str]
    capped: bool
    unaccepted: int


class Gist(BaseModel):
    """A gist, and how many memories joined it."""

    id: str
    joined: int


class Counts(BaseModel):
    """Counts of memories and namespaces below the token's namespace only."""

    memories: int
    namespaces: int


class Health(BaseModel):
    """The state of the service."""

    status: Literal["live", "ready"]
