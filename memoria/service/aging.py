"""Routes about time: what held at a moment, how a memory fades under its policy, what fades next, what never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt

from memoria.engine.memory import Memoria
from memoria.protocols import DecayPolicy
from memoria.recall.search import Request as Asked
from memoria.recall.search import standing
from memoria.service.browsing import Browse, Browsed, Seen, Standing, meant, page, seen, whole
from memoria.service.routes import ALWAYS, SENT, Asking, Id, Serving, problems
from memoria.service.shapes import Body, Time
from memoria.types import RECENT, Memory, Namespace, Trace, Where

aging = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
# Points of each half of a curve.
_POINTS = 60
_SAME = 1e-3
_DAY = timedelta(days=1)


class AsOf(Browse):
    """A page of what was recorded by a time and held then, as it was then, newest first. It is asked page by page."""

    at: Time


class Point(BaseModel):
    """A point of a curve."""

    at: datetime
    retrievability: float


class Forgetting(BaseModel):
    """How a memory fades. policy: with its parameters; threshold: below it a memory is archived.

    due: when that is, if it is not used before; null for never. uses: the latest, oldest first, the first is when it
    was stored; retrievals and lapses count all. past: its curve up to now, worked out again from all its uses; empty
    where these are not known one by one, or where something besides uses has changed it. future: from now on.
    """

    id: str
    policy: str
    threshold: float
    now: datetime
    retrievability: float
    due: datetime | None
    standing: Standing
    uses: list[datetime]
    retrievals: int
    lapses: int
    past: list[Point]
    future: list[Point]


class Fading(Body):
    """What fades within some days. limit: so many at most, those due first at the front."""

    days: Annotated[float, Field(strict=True, ge=0, le=3650)] = 7.0
    limit: Annotated[StrictInt, Field(ge=1, le=1000)] = 100


class Due(BaseModel):
    """A memory that fades, and when; it may be overdue."""

    memory: Seen
    due: datetime | None
    retrievability: float


class Fades(BaseModel):
    """What fades. more: whether there is more than the limit."""

    due: list[Due]
    more: bool


class Protected(Body):
    """Which flag: what never fades, or what nothing may erase or change."""

    flag: Literal["pinned", "held"] = "pinned"
    limit: Annotated[StrictInt, Field(ge=1, le=1000)] = 100


class Kept(BaseModel):
    """What is pinned or held. reasons: by id, why it is held, as the ledger has it."""

    memories: list[Seen]
    reasons: dict[str, str]
    more: bool


class Reason(BaseModel):
    """What ended a memory, or makes it doubtful."""

    id: str
    relation: str
    weight: float | None


class Why(BaseModel):
    """Why a memory is kept under a budget, or goes: in words, and in numbers as `explain_retention` has them."""

    id: str
    summary: str
    salience: float
    judged: bool
    features: dict[str, float]
    retrievability: float
    worth: float
    keeper: str
    state: str
    reasons: list[Reason]
    place: int | None
    count: int


@aging.post("/as_of", responses=problems(*SENT))
async def as_of(body: AsOf, asking: Asking, pool: Serving) -> Browsed:
    """What was known and true at a time, without what had ended by then."""

    def work(view: Memoria) -> Browsed:
        found: list[Seen] = []
        cursor = body.before
        while len(found) < body.limit:
            ids = page(view, _until(meant(view, body, body.state), body.at), body.limit + 1, cursor, oldest=body.oldest)
            cursor = ids[body.limit - 1] if len(ids) > body.limit else None
            found += _then(view, ids[: body.limit], body, asking.namespace)
            if cursor is None:
                break
        return Browsed(memories=found, next=cursor)

    return await pool.read(asking.below(body.namespace), work)


def _until(where: Where, at: datetime) -> Where:
    after = at + datetime.resolution
    return replace(where, until=after if where.until is None else min(where.until, after))


def _then(view: Memoria, ids: list[str], body: AsOf, prefix: Namespace) -> list[Seen]:
    """Memories as they were at the time, without those that did not hold."""
    records = {one.memory.id: one for one in view.store.read(ids) if one is not None}
    asked = Asked(where=Where(namespace=view.prefix), k=1, at=view.now(), as_of=body.at)
    held = standing(view.store, whole(view, [one.memory for one in records.values()]), asked)
    return [Seen.of(one, records[one.id].trace, prefix, body.cut) for one in held if one.under(prefix)]


@aging.get("/memories/{id}/forgetting", responses=problems(404))
async def forgetting(id: Id, asking: Asking, pool: Serving) -> Forgetting:
    """The forgetting curve of a memory under its policy, with its uses, and when it is due to fade."""

    def work(view: Memoria) -> Forgetting:
        return _forgetting(view, view.get(id), view.trace(id))

    return await pool.write(asking, work)


def _forgetting(view: Memoria, memory: Memory, trace: Trace) -> Forgetting:
    policy, now = view.policy, view.now()
    level = float(policy.retrievability(trace, now))
    due = None if trace.protected or trace.archived else policy.next_below(trace, view.fade_below)
    return Forgetting(
        id=memory.id,
        policy=repr(policy),
        threshold=view.fade_below,
        now=now,
        retrievability=level,
        due=due,
        standing=Standing.of(trace),
        uses=[at for at, _ in trace.recent],
        retrievals=trace.retrievals,
        lapses=trace.lapses,
        past=_past(policy, memory, trace, now, level),
        future=_points(lambda at: float(policy.retrievability(trace, at)), now, _horizon(trace, now, due)),
    )


def _horizon(trace: Trace, now: datetime, due: datetime | None) -> datetime:
    """Until when a curve is drawn: past when it is due, or as far ahead as the memory is old, a month at least."""
    ahead = max(30 * _DAY, now - trace.start, timedelta() if due is None else 1.2 * (due - now))
    return now + min(ahead, 3650 * _DAY)


def _past(policy: DecayPolicy, memory: Memory, trace: Trace, now: datetime, level: float) -> list[Point]:
    """The curve from the first use on, played again. Empty where it does not end where the memory is now."""
    uses = [at for at, _ in trace.recent]
    if trace.retrievals + 1 != len(uses) or len(uses) >= RECENT or trace.lapses or not uses:
        return []
    steps = [policy.encode(memory)]
    for at in uses[1:]:
        steps.append(policy.reinforce(steps[-1], at, recalled=True))
    if abs(float(policy.retrievability(steps[-1], now)) - level) > _SAME:
        return []
    found: list[Point] = []
    for step, start, end in zip(steps, uses, [*uses[1:], now], strict=True):
        found += _points(lambda at, step=step: float(policy.retrievability(step, at)), start, max(end, start))  # type: ignore[misc]  # bound at once
    return found


def _points(level: Callable[[datetime], float], start: datetime, end: datetime) -> list[Point]:
    times = [start + (end - start) * step / _POINTS for step in range(_POINTS + 1)]
    return [Point(at=at, retrievability=level(at)) for at in times]


@aging.post("/fading", responses=problems(*SENT, 507))
async def fading(body: Fading, asking: Asking, pool: Serving) -> Fades:
    """What fades within some days if it is not used before; nothing is archived."""

    def work(view: Memoria) -> Fades:
        ids = view.fade(view.now() + body.days * _DAY, limit=body.limit + 1, dry_run=True)
        shown = seen(view, ids[: body.limit], asking.namespace, 300)
        traces = view.store.traces([one.memory.id for one in shown])
        return Fades(due=[_due(view, *both) for both in zip(shown, traces, strict=True)], more=len(ids) > body.limit)

    return await pool.write(asking.below(body.namespace), work)


def _due(view: Memoria, shown: Seen, trace: Trace | None) -> Due:
    level = 0.0 if trace is None else float(view.policy.retrievability(trace, view.now()))
    return Due(memory=shown, due=None if trace is None else trace.fades_at, retrievability=level)


@aging.post("/kept", responses=problems(*SENT))
async def kept(body: Protected, asking: Asking, pool: Serving) -> Kept:
    """What is pinned, or held with the reason."""

    def work(view: Memoria) -> Kept:
        ids = _flagged(view, body.flag)
        shown = seen(view, ids[: body.limit], asking.namespace, 300)
        here = {one.memory.id for one in shown}
        said = view.ledger() if body.flag == "held" else []
        reasons = {id: one.reason for one in said if one.action == "hold" for id in one.ids if id in here}
        return Kept(memories=shown, reasons=reasons, more=len(ids) > body.limit)

    return await pool.read(asking.below(body.namespace), work)


def _flagged(view: Memoria, flag: str) -> list[str]:
    """Ids with a flag, newest first. A store may know them (`flagged`); of any other, all traces are read."""
    flagged: Callable[[Where, str], list[str]] | None = getattr(view.store, "flagged", None)
    if flagged is not None:
        return flagged(meant(view), flag)
    found: list[str] = []
    for name in view.store.namespaces(view.prefix):
        ids, traces, _ = view.store.holdings(name)
        found += [ids[at] for at in getattr(traces, flag).nonzero()[0].tolist()]
    return sorted(found, reverse=True)


@aging.get("/memories/{id}/retention", responses=problems(404))
async def retention(id: Id, asking: Asking, pool: Serving) -> Why:
    """Why a memory is kept under a budget, or goes. It looks at all memories of its namespace."""

    def work(view: Memoria) -> Why:
        found = view.explain_retention(id)
        return Why(
            id=found.id,
            summary=found.summary(),
            salience=found.salience,
            judged=found.judged,
            features={one.name: one.adds for one in found.features},
            retrievability=found.retrievability,
            worth=found.worth,
            keeper=found.keeper,
            state=found.state,
            reasons=[Reason(id=one.id, relation=one.relation, weight=one.weight) for one in found.reasons],
            place=found.place,
            count=found.count,
        )

    return await pool.write(asking, work)
