"""Night: what a pass of sleep would do, thing by thing, and only what is accepted; and what waits for a yes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from memoria import review as reviewing
from memoria.change.choosing import Choice, What
from memoria.change.sleep import Night
from memoria.engine.memory import Memoria
from memoria.service import shapes
from memoria.service.pool import mine
from memoria.service.rights import Settling, check_owner
from memoria.service.routes import ALWAYS, SENT, Asking, Operating, Serving, check_scopes, problems

nights = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
ChoiceKey = Annotated[StrictStr, Field(pattern="^[0-9a-f]{32}$")]


class PlanNight(shapes.Body):
    """fade: whether to archive what is due. prune: whether to forget what has faded, for ever."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"fade": True}]})
    fade: StrictBool = False
    prune: StrictBool = False


class Accept(PlanNight):
    """only: keys of what is accepted, of a plan with the same fade and prune."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"fade": True, "only": ["0" * 32]}]})
    only: Annotated[list[ChoiceKey], Field(min_length=1, max_length=10_000)]


class Thing(BaseModel):
    """One thing that a night would do. what: "settle" a change of fact, "gather" into a gist, "archive" what faded,
    "forget" what is pruned, "expire" what its time erases. ids: the memories. gist: the one that is joined, "" for a
    new one. by, action, reason: of a change of fact, the statement, what it does, and which rule read it. text: of a
    gist where review is on, what it would say.
    """

    key: str
    what: What
    ids: list[str]
    gist: str
    by: str
    action: str
    reason: str
    text: str

    @classmethod
    def of(cls, one: Choice) -> Thing:
        named = {name: getattr(one, name) for name in ("key", "what", "gist", "by", "action", "reason", "text")}
        return cls(**named, ids=list(one.ids))


class Planned(BaseModel):
    """What a night would do. replayed: how many memories it looked at. capped: whether more is left for another."""

    replayed: int
    things: list[Thing]
    capped: bool


class Done(BaseModel):
    """What a night did. gone: keys that were accepted, and are no longer what it would do: nothing came of them."""

    settled: int
    gists: list[shapes.Gist]
    archived: list[str]
    forgotten: list[str]
    expired: list[str]
    gone: list[str]


@nights.post("/night/plan", responses=problems(*SENT))
async def plan_night(body: PlanNight, asking: Asking, pool: Serving) -> Planned:
    """What a pass of sleep would do, each with a key by which it is accepted. Nothing is changed."""

    def work(view: Memoria) -> Planned:
        night = _dry(view, body)
        things = [Thing.of(one) for one in _own(view, night)]
        return Planned(replayed=night.replayed, things=things, capped=night.capped)

    return await pool.read(asking.below(body.namespace), work)


@nights.post("/night", responses=problems(*SENT, 507))
async def night(body: Accept, asking: Settling, pool: Serving) -> Done:
    """Does what was accepted of a plan, as far as it would still be done, and nothing else."""
    if body.prune:
        check_scopes(asking, "forget")

    def work(view: Memoria) -> Done:
        planned = {one.key for one in _own(view, _dry(view, body))}
        only = planned.intersection(body.only)
        done = view.sleep(fade=body.fade, prune=body.prune, only=only)
        return _done(view, done, sorted(set(body.only) - only))

    return await pool.write(asking.below(body.namespace), work)


class Refuse(shapes.Body):
    """only: keys of changes of fact and gists of a plan, which are not wanted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"only": ["0" * 32]}]})
    only: Annotated[list[ChoiceKey], Field(min_length=1, max_length=10_000)]


class Refused(BaseModel):
    """refused: keys that are not proposed again. gone: those that no plan has any more: nothing came of them."""

    refused: list[str]
    gone: list[str]


@nights.post("/night/refuse", responses=problems(*SENT, 404))
async def refuse_night(body: Refuse, asking: Settling, pool: Serving) -> Refused:
    """Says no to changes of fact and gists of a plan: both memories hold, and they are not proposed again."""

    def work(view: Memoria) -> Refused:
        planned = _own(view, view.sleep(dry_run=True))
        chosen = [one for one in planned if one.key in body.only and one.what in ("settle", "gather")]
        reviewing.refuse(view, *chosen)
        done = [one.key for one in chosen]
        return Refused(refused=done, gone=sorted(set(body.only) - set(done)))

    return await pool.write(asking.below(body.namespace), work)


def _dry(view: Memoria, body: PlanNight) -> Night:
    return view.sleep(dry_run=True, fade=body.fade, prune=body.prune)


def _own(view: Memoria, night: Night) -> list[Choice]:
    """What would be done with memories of the view alone."""
    found = night.choices
    own = mine(view, sorted({id for one in found for id in one.ids} | {one.by for one in found if one.by}))
    return [one for one in found if own.issuperset(one.ids) and (not one.by or one.by in own)]


def _done(view: Memoria, night: Night, gone: list[str]) -> Done:
    known = mine(view, [id for id, _ in night.gists])
    return Done(
        settled=len(night.settled),
        gists=[shapes.Gist(id=id, joined=len(members)) for id, members in night.gists if id in known],
        archived=list(night.faded),
        forgotten=list(night.pruned),
        expired=list(night.erased),
        gone=gone,
    )


class Waiting(shapes.Listed):
    """Facts that wait for a yes, a page of them. on: whether new ones wait."""

    on: bool


class Switch(BaseModel):
    """on: whether what is inferred waits from now on: facts found in messages, changes of fact, and gists."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"on": True}]})
    on: StrictBool


class Decide(BaseModel):
    """keep: facts that are so, and are used from now on. decline: facts that are forgotten, for ever."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"keep": ["0" * 32]}], "minProperties": 1}
    )
    keep: Annotated[list[shapes.Id], Field(max_length=1000)] = []
    decline: Annotated[list[shapes.Id], Field(max_length=1000)] = []


class Decided(BaseModel):
    """What became of facts: ids."""

    kept: list[str]
    declined: list[str]


@nights.get("/review")
async def waiting(
    asking: Asking,
    pool: Serving,
    after: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$", description="The last id of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> Waiting:
    """The facts that wait for a yes before anything uses them, oldest first."""

    def work(view: Memoria) -> Waiting:
        found = reviewing.waiting(view, limit=limit, after=after)
        shown: dict[str, Any] = shapes.Listed.of(found, view.prefix).model_dump()
        return Waiting(**shown, on=reviewing.is_on(view))

    return await pool.read(asking, work)


@nights.put("/review", responses=problems(*SENT))
async def switch(body: Switch, asking: Operating, pool: Serving) -> Switch:
    """Switches review on or off, for the whole store; facts that wait go on waiting."""
    check_owner(asking, "review")
    await pool.write(asking, lambda view: reviewing.switch(view, body.on))
    return body


@nights.post("/review", responses=problems(*SENT, 404, 423))
async def decide(body: Decide, asking: Settling, pool: Serving) -> Decided:
    """Says yes or no to facts that wait: they are used from now on, or forgotten."""
    if body.decline:
        check_scopes(asking, "forget")

    def work(view: Memoria) -> Decided:
        if body.keep:
            reviewing.keep(view, *body.keep)
        if body.decline:
            reviewing.decline(view, *body.decline)
        return Decided(kept=body.keep, declined=body.decline)

    return await pool.write(asking, work)
