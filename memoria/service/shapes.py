"""What goes in and out, as JSON. Numbers, texts and times are never guessed from one another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from memoria.remember import Draft as _Draft
from memoria.types import Hit, Memory, Namespace, Provenance, Receipt

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LAST_YEAR = 2999
_DEEPEST = 32


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("not a time of RFC 3339")
    try:
        time = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a time that there is") from None
    if not 1970 <= time.year <= _LAST_YEAR:
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
Text = Annotated[StrictStr, Field(min_length=1, max_length=1 << 16, pattern=r"\S")]
Name = Annotated[StrictStr, Field(min_length=1, max_length=256, pattern=r"\S")]
Part = Annotated[StrictStr, Field(min_length=1, max_length=256, pattern=r"^[^/]*[^/\s][^/]*$")]
Id = Annotated[StrictStr, Field(pattern="^[0-9a-f]{32}$")]
Kind = Literal["episodic", "semantic", "procedural"]
Real = Annotated[float, Field(strict=True, ge=0, le=1)]
Metadata = Annotated[dict[str, Any], AfterValidator(_shallow)]
Tags = Annotated[list[Name], Field(max_length=100)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Body(BaseModel):
    """A request. namespace: parts below the token's own namespace, which is meant when there are none."""

    model_config = ConfigDict(extra="forbid")
    namespace: Annotated[list[Part], Field(max_length=16)] = []


class Said(BaseModel):
    """A memory to be. created_at is now when it is not given; key: the same key is stored once."""

    model_config = ConfigDict(extra="forbid")
    text: Text
    kind: Kind = "episodic"
    created_at: Time | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None
    salience: Real = 0.5
    subject: Name | None = None
    tags: Tags = []
    key: Name | None = None
    metadata: Metadata = {}
    source: Name | None = None
    speaker: Name | None = None
    session: Name | None = None
    derived_from: Annotated[list[Id], Field(max_length=1000)] = []

    def draft(self) -> _Draft:
        origin = {name: getattr(self, name) for name in ("source", "speaker", "session")}
        provenance = Provenance(**origin, derived_from=tuple(self.derived_from))
        plain = self.model_dump(exclude={*origin, "derived_from"})
        return _Draft(**plain, provenance=provenance)


class Remember(Body):
    """readmit: takes the text even if it was forgotten here."""

    memory: Said
    readmit: StrictBool = False


class RememberMany(Body):
    """All of them or none."""

    memories: Annotated[list[Said], Field(min_length=1, max_length=1000)]
    readmit: StrictBool = False


class Filters(Body):
    """Every filter that is given must hold. since, until: created in [since, until)."""

    subject: Name | None = None
    tags: Tags = []
    kinds: Annotated[list[Kind], Field(max_length=3)] = []
    since: Time | None = None
    until: Time | None = None

    def asked(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "tags": tuple(self.tags),
            "kinds": tuple(self.kinds),
            "since": self.since,
            "until": self.until,
        }


class Recall(Filters):
    """query: what to find. explain: shows the terms that each score is the sum of."""

    query: Annotated[StrictStr, Field(min_length=1, max_length=16_384, pattern=r"\S")]
    k: Annotated[StrictInt, Field(ge=1, le=100)] = 10
    as_of: Time | None = None
    include: Annotated[list[Literal["archived", "expired", "upcoming"]], Field(max_length=3)] = []
    explain: StrictBool = False


class List(Filters):
    """The newest `limit` that meet the filters, oldest first."""

    key: Name | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=1000)] = 100


class Amend(BaseModel):
    """What is to change; of what it was nothing stays. readmit: takes the new text even if it was forgotten here."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})
    text: Text = ""
    kind: Kind = "episodic"
    valid_from: Time | None = None
    valid_to: Time | None = None
    salience: Real = 0.5
    subject: Name | None = None
    tags: Tags = []
    metadata: Metadata = {}
    readmit: StrictBool = False


class Supersede(BaseModel):
    """memory: what holds from `at` on, in the place of the one in the path; `at` is when it was observed by default."""

    model_config = ConfigDict(extra="forbid")
    memory: Said
    at: Time | None = None


class Expire(Body):
    """ids: what no longer holds, from `at` on, now by default."""

    ids: Ids
    at: Time | None = None


class Forget(Filters):
    """What is to go, for ever. everything: all that is below the namespace. dry_run: only lists what would go.

    mentions: what names this, as whole words. guard: refuse the text when it comes back.
    """

    ids: Annotated[list[Id], Field(max_length=1000)] = []
    mentions: Name | None = None
    guard: Literal["exact", "near", "none"] = "exact"
    everything: StrictBool = False
    dry_run: StrictBool = False


class Sleep(Body):
    """dry_run: plans, and changes nothing. prune: whether what has faded is forgotten."""

    dry_run: StrictBool = False
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
    subject: str | None
    tags: list[str]
    key: str | None
    metadata: dict[str, Any]
    source: str | None
    speaker: str | None
    session: str | None
    derived_from: list[str]
    parts: list[Remembered]

    @classmethod
    def of(cls, memory: Memory, prefix: Namespace) -> Remembered:
        origin = memory.provenance
        named = {name: getattr(memory, name) for name in ("id", "text", "kind", "created_at", "valid_from", "valid_to")}
        named |= {name: getattr(memory, name) for name in ("salience", "subject", "key")}
        return cls(
            **named,
            namespace=list(memory.namespace[len(prefix) :]),
            tags=list(memory.tags),
            metadata=dict(memory.metadata),
            source=origin.source,
            speaker=origin.speaker,
            session=origin.session,
            derived_from=list(origin.derived_from),
            parts=[cls.of(part, prefix) for part in memory.parts],
        )


class Memories(BaseModel):
    """Memories in the order of the verb."""

    memories: list[Remembered]


class Found(BaseModel):
    """A hit. terms: what the score is the sum of, when it was asked for."""

    memory: Remembered
    score: float
    terms: dict[str, float] | None

    @classmethod
    def of(cls, hit: Hit, prefix: Namespace, *, explain: bool) -> Found:
        terms = dict(hit.terms) if explain else None
        return cls(memory=Remembered.of(hit.memory, prefix), score=hit.score, terms=terms)


class Hits(BaseModel):
    """Best first."""

    hits: list[Found]


class Gone(BaseModel):
    """A receipt, or with dry_run what it would say. derived: made from what was asked for; rewritten: gists without it.

    forgotten, derived, rewritten: ids, of the token's namespace only. would: what would go, when it was a dry run.
    """

    dry_run: bool
    forgotten: list[str] = []
    derived: list[str] = []
    rewritten: list[str] = []
    namespaces: int = 0
    at: datetime | None = None
    seconds: float | None = None
    would: list[Remembered] = []

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
        )


class Slept(BaseModel):
    """A night. gists: those made or grown, and how many joined each; "" when only planned."""

    dry_run: bool
    replayed: int
    settled: int
    skipped: int
    gists: list[Gist]
    faded: list[str]
    pruned: list[str]
    capped: bool


class Gist(BaseModel):
    """A gist, and how many memories joined it."""

    id: str
    joined: int


class Counts(BaseModel):
    """What is below the token's namespace, and nothing else."""

    memories: int
    namespaces: int


class Health(BaseModel):
    """Whether it is well."""

    status: Literal["live", "ready"]
