"""The verbs of budgets as routes: archiving, shortening and forgetting what is beyond one, and dividing one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool

from memoria.engine.memory import Memoria
from memoria.service.pool import mine
from memoria.service.routes import ALWAYS, SENT, Forgetting, Serving, Writing, problems
from memoria.service.shapes import Body, Real
from memoria.types import Budget

budgets = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
Amount = Annotated[int, Field(strict=True, ge=0, le=1 << 62)]
Cap = Annotated[int, Field(strict=True, ge=1, le=1 << 31)]


class Evict(Body):
    """What each namespace may keep out of the archive, in memories, bytes or tokens of a prompt. dry_run: only list."""

    count: Amount | None = None
    bytes: Amount | None = None
    tokens: Amount | None = None
    dry_run: StrictBool = False

    def budget(self) -> Budget:
        """The budget; it may bind nothing."""
        return Budget(count=self.count, bytes=self.bytes, tokens=self.tokens)


class Shorten(Body):
    """What each namespace may keep. archived: whether archived memories count, and are shortened too."""

    bytes: Amount | None = None
    tokens: Amount | None = None
    archived: StrictBool = False
    cap: Cap = 1000
    dry_run: StrictBool = False


class Prune(Evict):
    """What each namespace may keep, archived memories included. below: archived ones with less retrievability go."""

    below: Real | None = None
    cap: Cap = 1000


class Allocate(Body):
    """A budget of all namespaces together. by: what it is counted in. apply: archive what is beyond each share."""

    total: Cap
    by: Literal["count", "bytes", "tokens"] = "count"
    apply: StrictBool = False


class Evicted(BaseModel):
    """What was archived, or would be, in the order in which it goes."""

    ids: list[str]
    dry_run: bool


class Shortened(BaseModel):
    """What was shortened, or would be, with the bytes of its text; beyond: what is over the budget even so."""

    ids: list[str]
    before: list[int]
    after: list[int]
    beyond: list[str]
    capped: bool
    dry_run: bool


class Pruned(BaseModel):
    """What was forgotten, or would be, what went with it, and the gists that were made again without it."""

    ids: list[str]
    derived: list[str]
    rewritten: list[str]
    capped: bool
    dry_run: bool


class Share(BaseModel):
    """The share of a namespace, below that of the token. places: in what the budget is counted in."""

    namespace: list[str]
    places: int
    memories: int
    hits: float
    uses: float
    next_place: float


class Divided(BaseModel):
    """A budget, divided over namespaces by what more of it would be worth in each."""

    total: int
    by: str
    shares: list[Share]


@budgets.post("/evict", responses=problems(*SENT, 507))
async def evict(body: Evict, asking: Writing, pool: Serving) -> Evicted:
    """Archives the least needed memories until each namespace keeps its budget; `restore` brings them back."""
    ids = await pool.write(asking.below(body.namespace), lambda view: view.evict(body.budget(), dry_run=body.dry_run))
    return Evicted(ids=list(ids), dry_run=body.dry_run)


@budgets.post("/shorten", responses=problems(*SENT, 403, 507))
async def shorten(body: Shorten, asking: Forgetting, pool: Serving) -> Shortened:
    """Cuts the least needed memories to what they tell, for ever, until each namespace keeps its budget."""
    budget = Budget(bytes=body.bytes, tokens=body.tokens)
    found = await pool.write(
        asking.below(body.namespace),
        lambda view: view.shorten(budget, archived=body.archived, cap=body.cap, dry_run=body.dry_run),
    )
    return Shortened(
        ids=list(found.ids),
        before=list(found.before),
        after=list(found.after),
        beyond=list(found.beyond),
        capped=found.capped,
        dry_run=found.dry_run,
    )


@budgets.post("/prune", responses=problems(*SENT, 507))
async def prune(body: Prune, asking: Forgetting, pool: Serving) -> Pruned:
    """Forgets, for ever, what is beyond the budget of each namespace, or archived and below a retrievability."""
    given = body.budget()
    budget = None if given == Budget() else given

    def work(view: Memoria) -> Pruned:
        planned = view.prune(below=body.below, budget=budget, cap=body.cap, dry_run=True)
        # Afterwards nobody knows whose they were.
        theirs = mine(view, [*planned.derived, *planned.rewritten])
        found = planned if body.dry_run else view.prune(below=body.below, budget=budget, cap=body.cap)
        return Pruned(
            ids=list(found.ids),
            derived=[id for id in found.derived if id in theirs],
            rewritten=[id for id in found.rewritten if id in theirs],
            capped=found.capped,
            dry_run=found.dry_run,
        )

    return await pool.write(asking.below(body.namespace), work)


@budgets.post("/allocate", responses=problems(*SENT, 403))
async def allocate(body: Allocate, asking: Writing, pool: Serving) -> Divided:
    """Divides a budget over the namespaces below the token's by how their memories are used, and says why."""

    def work(view: Memoria) -> Divided:
        found = view.allocate(body.total, by=body.by, apply=body.apply)
        above = len(asking.namespace)
        shares = [
            Share(
                namespace=one.name.split("/")[above:] if one.name else [],
                places=one.places,
                memories=one.memories,
                hits=one.hits,
                uses=one.uses,
                next_place=one.next_place,
            )
            for one in found.shares
        ]
        return Divided(total=found.total, by=found.by, shares=shares)

    return await pool.write(asking.below(body.namespace), work)
