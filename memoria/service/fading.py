"""Policies: what they are, curves of several side by side, the lab's report, and why a memory is kept or goes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

from memoria.policies import registry
from memoria.protocols import DecayPolicy
from memoria.service.problems import Problematic
from memoria.service.rights import check_owner
from memoria.service.routes import ALWAYS, SENT, Asking, Id, Operating, Serving, problems
from memoria.types import Memory

fading = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_PLAIN = {"never", "fifo", "lru", "lfu", "random"}
Day = Annotated[StrictFloat | StrictInt, Field(ge=0, le=36_500)]


class Policy(BaseModel):
    """A policy of forgetting. about: what it is, its source and equations. parameters: with their defaults."""

    name: str
    about: str
    parameters: dict[str, Any]


class Curves(BaseModel):
    """policies: names. uses: days on which the memory is used after it was stored on day 0.

    days: how far the curves go. points: of each curve. salience: of the memory.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"policies": ["exponential", "fsrs"], "uses": [7.0, 14.0], "days": 60.0}]},
    )
    policies: Annotated[list[Annotated[StrictStr, Field(max_length=64)]], Field(min_length=1, max_length=8)]
    uses: Annotated[list[Day], Field(max_length=50)] = []
    days: Annotated[StrictFloat | StrictInt, Field(gt=0, le=36_500)] = 90
    points: Annotated[StrictInt, Field(ge=2, le=1000)] = 181
    salience: Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)] = 0.5


class Curve(BaseModel):
    """How retrievability, in [0, 1], falls by a policy: at each of `days`. fades_on: the day on which it would be
    archived after the last use; null for never."""

    policy: str
    retrievability: list[float]
    fades_on: float | None


class Drawn(BaseModel):
    """Curves side by side, each at the same days. below: retrievability under which a memory is archived."""

    days: list[float]
    below: float
    curves: list[Curve]


class Feature(BaseModel):
    """What a feature of the text adds to the salience."""

    name: str
    value: float
    adds: float


class Reason(BaseModel):
    """A memory that ended it, or makes it doubtful. weight: of a doubt, its log-odds."""

    id: str
    relation: str
    weight: float | None


class Kept(BaseModel):
    """Why a memory is kept under a budget, or goes. place: which it would be to go, of `count`; null where it does not.

    least: the smallest budget, in memories, under which it stays. waits_for: ids of what goes before it. protected:
    why it never goes. words: all of it, in plain words, without what is said in it.
    """

    id: str
    salience: float
    judged: bool
    features: list[Feature]
    retrievability: float
    worth: float
    keeper: str
    state: str
    reasons: list[Reason]
    waits_for: list[str]
    protected: list[str]
    archived: bool
    place: int | None
    count: int
    least: int | None
    words: str


@fading.get("/policies")
async def policies(asking: Asking) -> list[Policy]:
    """The policies that are there, those of other packages too."""
    made = {name: registry.make(name) for name in registry.names()}
    return [
        Policy(name=name, about=_about(name, one), parameters=_plain(registry.parameters(one)))
        for name, one in made.items()
    ]


def _about(name: str, policy: DecayPolicy) -> str:
    said = type(policy) if name in _PLAIN else sys.modules[type(policy).__module__]
    return inspect.getdoc(said) or name


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in values.items()}


@fading.post("/policies/curves", responses=problems(*SENT))
async def curves(body: Curves, asking: Asking, pool: Serving) -> Drawn:
    """Retrievability of one memory by several policies, computed from the policies themselves."""
    days = [body.days * step / (body.points - 1) for step in range(body.points)]

    def work(view: Any) -> Drawn:
        drawn = [_curve(name, body, days, view.fade_below) for name in dict.fromkeys(body.policies)]
        return Drawn(days=days, below=view.fade_below, curves=drawn)

    return await pool.read(asking, work)


def _curve(name: str, body: Curves, days: Sequence[float], below: float) -> Curve:
    """One curve: the policy sees the uses up to each day."""
    policy = registry.make(name)
    memory = Memory(id="0" * 32, namespace=(), text="x", created_at=_START, salience=float(body.salience))
    trace, uses, points = policy.encode(memory), sorted(body.uses), []
    for day in days:
        while uses and uses[0] <= day:
            trace = policy.reinforce(trace, _START + uses.pop(0) * _DAY, recalled=True)
        points.append(float(policy.retrievability(trace, _START + day * _DAY)))
    ends = policy.next_below(trace, below)
    return Curve(policy=name, retrievability=points, fades_on=None if ends is None else (ends - _START) / _DAY)


@fading.get(
    "/policies/report",
    response_class=Response,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page"},
        **problems(404),
    },
)
async def report(request: Request, asking: Operating) -> Response:
    """The report of the policy lab, if the operator of the service has made one and said where it is."""
    check_owner(asking, "the report")
    path: Path | None = getattr(request.app.state, "report", None)
    if path is None or not path.is_file():
        raise Problematic(404, "No report", "`memoria lab run` makes one; name it when the service is started")
    # It is a page of its own: it may draw, and fetch or run nothing.
    safe = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return Response(path.read_bytes(), media_type="text/html", headers={"Content-Security-Policy": safe})


@fading.get("/memories/{id}/retention", responses=problems(404))
async def retention(id: Id, asking: Asking, pool: Serving) -> Kept:
    """Why a memory is kept under a budget, or goes."""
    found = await pool.read(asking, lambda view: view.explain_retention(id))
    names = ("id", "salience", "judged", "retrievability", "worth", "keeper", "state", "archived", "place", "count")
    return Kept(
        **{name: getattr(found, name) for name in names},
        features=[Feature(name=one.name, value=one.value, adds=one.adds) for one in found.features],
        reasons=[Reason(id=one.id, relation=one.relation, weight=one.weight) for one in found.reasons],
        waits_for=list(found.waits_for),
        protected=list(found.protected),
        least=found.least,
        words=found.summary(),
    )
