"""Policies: what they are, curves of several side by side, and the report of the lab."""

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
from memoria.service.routes import ALWAYS, SENT, Asking, Operating, Serving, problems
from memoria.types import Memory

fading = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_PLAIN = {"never", "fifo", "lru", "lfu", "random"}
# The report is a file of the operator's, so a page of nobody's: it may draw, and run, fetch and send nothing. Only a
# page of this service has it in a frame.
_REPORT = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
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
        raise Problematic(404, "No report", "`memoria policies compare` makes one; name it when the service is started")
    return Response(path.read_bytes(), media_type="text/html", headers=_REPORT)
