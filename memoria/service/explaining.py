"""Routes that say why: what was found for a question and what came next, and what a prompt was made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Annotated, Literal, cast

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt, StrictStr

from memoria.derived.lineage import living
from memoria.engine.arguments import Asking as Asked
from memoria.engine.memory import Memoria
from memoria.recall.context import estimate_tokens, line, prompt, shorter
from memoria.service.browsing import Seen
from memoria.service.ready import once_ready
from memoria.service.routes import ALWAYS, SENT, Asking, Id, Serving, problems
from memoria.service.shapes import Filters, Name, Time
from memoria.types import Hit, Hits, Memory, Namespace, Trace
from memoria.zones import as_zone

explaining = APIRouter(prefix="/v1", responses=problems(*ALWAYS))


class Search(Filters):
    """A question. k: hits; runners: so many more, which came after them. as_of: as it was known and held then.

    Nothing is strengthened by it. cut: so many characters of each text at most.
    """

    query: Annotated[StrictStr, Field(min_length=1, max_length=16_384, pattern=r"\S")]
    k: Annotated[StrictInt, Field(ge=1, le=100)] = 10
    runners: Annotated[StrictInt, Field(ge=0, le=50)] = 0
    as_of: Time | None = None
    zone: Annotated[Name | None, Field(description="Where the days that it names begin, such as Asia/Tokyo.")] = None
    include: Annotated[list[Literal["archived", "expired", "upcoming"]], Field(max_length=3, default_factory=list)]
    cut: Annotated[StrictInt, Field(ge=1, le=1 << 20)] = 600

    def how(self) -> Asked:
        """The options of the verb."""
        named = {"as_of": self.as_of, "zone": self.zone, "include": tuple(self.include)}
        return cast("Asked", named | dict(self.asked()))


class Scored(Seen):
    """A hit. terms: their sum is the score. passage: of a long text, what the question is about.

    home: the id under which it is stored, that of its gist for a part of one. doubted_by: ids of later statements.
    """

    home: str
    score: float
    probability: float | None
    terms: dict[str, float]
    passage: str | None
    doubted_by: list[str]

    @classmethod
    def hit(cls, hit: Hit, trace: Trace, prefix: Namespace, cut: int) -> Scored:
        shown = Seen.of(hit.memory, trace, prefix, cut)
        return cls(
            memory=shown.memory,
            length=shown.length,
            parts=shown.parts,
            standing=shown.standing,
            home=hit.home,
            score=hit.score,
            probability=hit.probability,
            terms=dict(hit.terms),
            passage=hit.passage,
            doubted_by=list(hit.doubted_by),
        )


class Searched(BaseModel):
    """Hits and runners-up, best first. known: how likely anything known is wanted; null where nothing says so."""

    hits: list[Scored]
    runners: list[Scored]
    known: float | None


class Context(Search):
    """What a prompt of so many tokens would hold for a question. budget: null takes all k hits."""

    budget: Annotated[StrictInt, Field(ge=1, le=1 << 20)] | None = None


class Note(BaseModel):
    """A memory of a prompt. line: as it is written there; tokens: of it, about a quarter of its bytes.

    in_part: only its passage. made_from: the memories that it was made from, and parts of its gist. used: of a reply's
    prompt, whether the reply says it again; null where that was not looked at.
    """

    id: str
    line: str
    tokens: int
    in_part: bool = False
    score: float | None = None
    made_from: list[str] = []
    used: bool | None = None


class Prompt(BaseModel):
    """A prompt, its notes in their order (oldest first), and what did not fit.

    gone: ids of memories that were in it and are no longer there.
    """

    text: str
    tokens: int
    budget: int | None
    notes: list[Note]
    left_out: list[Note] = []
    gone: list[str] = []


@explaining.post("/search", responses=problems(*SENT))
async def search(body: Search, asking: Asking, pool: Serving) -> Searched:
    """Hits and runners-up with the terms of their scores; unlike `recall`, it strengthens nothing."""

    def work(view: Memoria) -> Searched:
        hits = _recalled(view, body, body.k + body.runners)
        shown = _scored(view, hits, asking.namespace, body.cut)
        return Searched(hits=shown[: body.k], runners=shown[body.k :], known=hits.known)

    return await once_ready(pool, asking.below(body.namespace), work)


def _recalled(view: Memoria, body: Search, k: int) -> Hits:
    return view.reinforcing("never").recall(body.query, k=k, **body.how())


def _scored(view: Memoria, hits: Sequence[Hit], prefix: Namespace, cut: int) -> list[Scored]:
    traces = view.store.traces([hit.home for hit in hits])
    return [
        Scored.hit(hit, trace, prefix, cut)
        for hit, trace in zip(hits, traces, strict=True)
        if trace is not None and hit.memory.under(prefix)
    ]


@explaining.post("/context", responses=problems(*SENT))
async def context(body: Context, asking: Asking, pool: Serving) -> Prompt:
    """What the prompt for a question would hold under a budget of tokens, and what that was made from."""

    def work(view: Memoria) -> Prompt:
        hits = [hit for hit in _recalled(view, body, body.k) if hit.memory.under(asking.namespace)]
        return _packed(hits, body.budget, as_zone(body.zone) or view.zone)

    return await once_ready(pool, asking.below(body.namespace), work)


@explaining.get("/memories/{id}/prompt", responses=problems(404))
async def reply(id: Id, asking: Asking, pool: Serving) -> Prompt:
    """What was in the prompt of a reply that was stored with its sources, and which of that it says again."""

    def work(view: Memoria) -> Prompt:
        origin = view.get(id).provenance
        there = living(view.store, set(origin.derived_from))
        shown = sorted((one for one in there.values() if one.under(view.prefix)), key=lambda one: one.id)
        used = None if origin.used is None else frozenset(origin.used)
        hits = [Hit(memory=one, score=0.0, terms={}) for one in shown]
        notes = [_note(hit, view.zone) for hit in hits]
        told = [
            note.model_copy(update={"score": None, "used": None if used is None else note.id in used}) for note in notes
        ]
        return Prompt(
            text=prompt(hits, view.zone),
            tokens=sum(note.tokens for note in notes),
            budget=None,
            notes=told,
            gone=sorted(set(origin.derived_from) - there.keys()),
        )

    return await pool.read(asking, work)


def _packed(hits: Sequence[Hit], budget: int | None, zone: tzinfo) -> Prompt:
    """As `pack` does it: best first, in part where a text does not fit whole, past what does not fit at all."""
    taken: list[tuple[Hit, Note]] = []
    rest: list[Note] = []
    left = budget
    for hit in hits:
        ways = [(one, _note(one, zone)) for one in shorter(hit)]
        fitting = next(((one, note) for one, note in ways if left is None or note.tokens <= left), None)
        if fitting is None:
            rest.append(ways[-1][1])
            continue
        taken.append(fitting)
        left = None if left is None else left - fitting[1].tokens
    taken.sort(key=lambda one: one[0].memory.id)
    notes = [note for _, note in taken]
    text = prompt([hit for hit, _ in taken], zone)
    return Prompt(text=text, tokens=sum(note.tokens for note in notes), budget=budget, notes=notes, left_out=rest)


def _note(hit: Hit, zone: tzinfo) -> Note:
    told = line(hit, zone)
    return Note(
        id=hit.memory.id,
        line=told,
        tokens=estimate_tokens(told + "\n"),
        in_part=hit.in_part,
        score=hit.score,
        made_from=_sources(hit.memory),
    )


def _sources(memory: Memory) -> list[str]:
    return list(dict.fromkeys([*memory.provenance.derived_from, *(part.id for part in memory.parts)]))
