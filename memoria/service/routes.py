"""The verbs as routes. Each works in the view of its caller's namespace and can name nothing above or beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from memoria.change.sleep import Night
from memoria.engine.memory import Memoria
from memoria.models.chat import ChatModel
from memoria.service import shapes
from memoria.service.notes import KEY, noted
from memoria.service.pool import Pool, check_mine, mine
from memoria.service.problems import MEDIA, Problematic
from memoria.service.ready import once_ready
from memoria.service.tokens import OWNER, Caller
from memoria.types import Memory, Namespace

_TITLES = {
    400: "Not JSON",
    401: "No such token",
    403: "Not within the scopes of the token, or not for a reader",
    404: "No such memory, or none of yours",
    409: "Forgotten before, or the key is taken",
    413: "Body too long",
    422: "Not of the schema, or against a rule",
    423: "Under a hold",
    429: "Too many requests",
    503: "Not ready, or busy",
    504: "Too slow",
    502: "The model did not answer",
    507: "No space left",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _TITLES[status], "content": content} for status in statuses}


_bearer = HTTPBearer(auto_error=False, description="A token of `memoria serve token NAMESPACE`.")


def caller(
    request: Request, needed: SecurityScopes, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Who asks, as the door knows them, by a token or the session of a page; refused where a scope is lacking."""
    found: Caller | None = request.scope[KEY].caller
    if found is None:
        raise Problematic(401, _TITLES[401], headers={"WWW-Authenticate": "Bearer"})
    check_scopes(found, *needed.scopes)
    return found


def check_scopes(asking: Caller, *needed: str) -> None:
    """Answers 403 where a token lacks a scope that is needed."""
    if lacking := asking.lacks(needed):
        raise Problematic(403, "Not within the scopes of the token", f"it lacks: {', '.join(lacking)}")


def pool(request: Request) -> Pool:
    """The store that is served."""
    found = request.app.state.pool
    if not isinstance(found, Pool):
        raise Problematic(503, "Not ready", headers={"Retry-After": "1"})
    return found


Asking = Annotated[Caller, Security(caller, scopes=["read"])]
Writing = Annotated[Caller, Security(caller, scopes=["write"])]
Changing = Annotated[Caller, Security(caller, scopes=["read", "write"])]
"""Who writes, and is told what was there."""
Forgetting = Annotated[Caller, Security(caller, scopes=["forget"])]
Operating = Annotated[Caller, Security(caller, scopes=["operate"])]
Metering = Annotated[Caller, Security(caller, scopes=["metrics"])]
Serving = Annotated[Pool, Depends(pool)]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of a memory.")]
ALWAYS = (401, 403, 422, 429, 503, 504)
SENT = (400, 413)

verbs = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
learning = APIRouter(prefix="/v1", responses=problems(*ALWAYS))
"""Routes that need a model."""
health = APIRouter(prefix="/health")


def _shown(memories: Sequence[Memory], prefix: Namespace) -> shapes.Memories:
    return shapes.Memories(memories=[shapes.Remembered.of(one, prefix) for one in memories if one.under(prefix)])


@verbs.post("/memories", status_code=201, responses=problems(*SENT, 404, 409, 507))
async def remember(body: shapes.Remember, asking: Writing, pool: Serving) -> shapes.Remembered:
    """Stores a memory; durable when this answers."""
    (found,) = await _remember(pool, asking, body.namespace, [body.memory], readmit=body.readmit)
    return shapes.Remembered.of(found, asking.namespace)


@verbs.post("/memories/batch", status_code=201, responses=problems(*SENT, 404, 409, 507))
async def remember_many(body: shapes.RememberMany, asking: Writing, pool: Serving) -> shapes.Memories:
    """Stores memories, all or none."""
    found = await _remember(pool, asking, body.namespace, body.memories, readmit=body.readmit)
    return _shown(found, asking.namespace)


async def _remember(
    pool: Pool, asking: Caller, namespace: Sequence[str], said: Sequence[shapes.Said], *, readmit: bool
) -> list[Memory]:
    def work(view: Memoria) -> list[Memory]:
        check_mine(view, [id for one in said for id in one.derived_from])
        return view.namespace(*namespace).remember_many([one.draft() for one in said], readmit=readmit)

    return await pool.write(asking, work, texts=[one.text for one in said])


@verbs.post("/recall", responses=problems(*SENT))
async def recall(body: shapes.Recall, asking: Asking, pool: Serving) -> shapes.Hits:
    """Finds memories by meaning, words and times, best first."""
    more: dict[str, Any] = {
        "k": body.k,
        "as_of": body.as_of,
        "zone": body.zone,
        "include": tuple(body.include),
        "at_least": body.at_least,
    }
    hits = await once_ready(
        pool, asking.below(body.namespace), lambda view: view.recall(body.query, **more, **body.asked())
    )
    found = [shapes.Found.of(hit, asking.namespace, explain=body.explain) for hit in hits]
    return shapes.Hits(hits=found, known=hits.known)


@verbs.post("/list", responses=problems(*SENT))
async def list_(body: shapes.List, asking: Asking, pool: Serving) -> shapes.Listed:
    """A page of the memories that meet the filters, oldest first; `left` and `after` say whether and how to go on."""
    page = await pool.read(
        asking.below(body.namespace),
        lambda view: view.list(limit=body.limit, after=body.after, newest=body.newest, **body.asked()),
    )
    return shapes.Listed.of(page, asking.namespace)


@learning.post("/learn", responses=problems(*SENT, 502, 507))
async def learn(request: Request, body: shapes.Learn, asking: Writing, pool: Serving) -> shapes.Lesson:
    """Stores what users say, and the facts that the model of the service finds in it; send it again after a failure."""
    model: ChatModel = request.app.state.model
    found = await pool.think(
        asking.below(body.namespace), lambda view: view.learn(body.given(), model=model, **body.how())
    )
    return shapes.Lesson.of(found, asking.namespace)


@verbs.get("/memories/{id}", responses=problems(404))
async def get(id: Id, asking: Asking, pool: Serving) -> shapes.Remembered:
    """One memory."""
    found = await pool.read(asking, lambda view: view.get(id))
    return shapes.Remembered.of(found, asking.namespace)


@verbs.patch("/memories/{id}", responses=problems(*SENT, 404, 409, 423, 507))
async def amend(id: Id, body: shapes.Amend, asking: Changing, pool: Serving) -> shapes.Remembered:
    """Replaces parts of a memory under the same id."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    texts = [body.text] if "text" in changes else []
    found = await pool.write(asking, lambda view: view.amend(id, **changes), texts=texts)
    return shapes.Remembered.of(found, asking.namespace)


@verbs.delete("/memories/{id}", responses=problems(404, 423))
async def forget_one(id: Id, asking: Forgetting, pool: Serving) -> shapes.Gone:
    """Forgets one memory and what was made from it, exactly and for ever."""
    return await pool.write(asking, lambda view: _forgotten(view, view, (id,), {}))


@verbs.get("/memories/{id}/history", responses=problems(404))
async def history(id: Id, asking: Asking, pool: Serving) -> shapes.Memories:
    """What a memory superseded and what superseded it, in the order of validity."""
    return _shown(await pool.read(asking, lambda view: view.history(id)), asking.namespace)


@verbs.post("/memories/{id}/supersede", status_code=201, responses=problems(*SENT, 404, 409, 423, 507))
async def supersede(id: Id, body: shapes.Supersede, asking: Writing, pool: Serving) -> shapes.Remembered:
    """Remembers what is so now in the place of what was so; it lies where the old one lies."""

    def work(view: Memoria) -> Memory:
        check_mine(view, body.memory.derived_from)
        home = view.get(id).namespace[len(view.prefix) :]
        return view.namespace(*home).supersede(id, body.memory.draft(), at=body.at)

    return shapes.Remembered.of(await pool.write(asking, work, texts=[body.memory.text]), asking.namespace)


@verbs.post("/expire", status_code=204, responses=problems(*SENT, 404, 423))
async def expire(body: shapes.Expire, asking: Writing, pool: Serving) -> None:
    """Ends memories: they no longer hold."""
    await pool.write(asking.below(body.namespace), lambda view: view.expire(*body.ids, at=body.at))
    if (note := noted.get()) is not None:
        note.ids = len(body.ids)


@verbs.post("/doubts", responses=problems(*SENT, 404))
async def doubts(body: shapes.Doubts, asking: Asking, pool: Serving) -> shapes.Doubted:
    """What later statements make doubtful, and what they ended, in whole or in part."""
    found = await pool.read(asking.below(body.namespace), lambda view: view.doubts(*body.ids))
    return shapes.Doubted.of(found, asking.namespace)


@verbs.post("/memories/{id}/settle", responses=problems(*SENT, 404, 423))
async def settle(id: Id, body: shapes.Settle, asking: Changing, pool: Serving) -> shapes.Doubted:
    """The user's word: the memory holds beside the statements against it, or is over; answers what was settled."""
    found = await pool.write(asking, lambda view: view.settle(id, keep=body.keep, by=body.by))
    return shapes.Doubted.of(found, asking.namespace)


@verbs.post("/forget", responses=problems(*SENT, 404, 423))
async def forget(body: shapes.Forget, asking: Forgetting, pool: Serving) -> shapes.Gone:
    """Forgets what meets every criterion, and what was made from it, exactly and for ever."""
    if body.dry_run:
        check_scopes(asking, "read")
    guard: dict[str, Any] = {"guard": body.guard, "guard_days": body.guard_days}
    asked: dict[str, Any] = {**body.asked(), "mentions": body.mentions, **guard}
    if body.everything:
        asked["namespace"] = ()
    if body.standing:
        asked |= {"standing": True, "on_match": body.on_match}

    def work(top: Memoria) -> shapes.Gone:
        view = top.namespace(*body.namespace)
        if not body.dry_run:
            return _forgotten(top, view, tuple(body.ids), asked)
        found = view.forget(*body.ids, dry_run=True, **asked)
        going = [shapes.Remembered.of(one, top.prefix) for one in found if one.under(top.prefix)]
        near = [shapes.Remembered.of(one, top.prefix) for one in found.near if one.under(top.prefix)]
        return shapes.Gone(dry_run=True, would=going, near=near, rewritten=sorted(mine(top, found.rewritten)))

    return await pool.write(asking, work)


def _forgotten(top: Memoria, view: Memoria, ids: tuple[str, ...], asked: dict[str, Any]) -> shapes.Gone:
    """The receipt, of which ids in namespaces of others are left out."""
    going = view.forget(*ids, dry_run=True, **asked)
    receipt = view.forget(*ids, **asked)
    return shapes.Gone.of(receipt, {one.id for one in going if one.under(top.prefix)} | mine(top, receipt.rewritten))


@verbs.get("/standing")
async def standing(asking: Asking, pool: Serving) -> list[shapes.Order]:
    """The standing orders below the token's namespace; what they keep out is nowhere."""
    found = await pool.read(asking, lambda view: view.standing())
    return [shapes.Order.of(one) for one in found]


@verbs.delete("/standing/{id}", responses=problems(404))
async def lift(id: Id, asking: Forgetting, pool: Serving) -> shapes.Order:
    """Ends a standing order: what it kept out may be stored again."""
    return shapes.Order.of(await pool.write(asking, lambda view: view.lift_standing(id)))


@verbs.post("/sleep", responses=problems(*SENT, 507))
async def sleep(body: shapes.Sleep, asking: Writing, pool: Serving) -> shapes.Slept:
    """Consolidates what is below the namespace: settles changes, gathers gists; told to, archives what has faded."""

    if body.prune:
        check_scopes(asking, "forget")

    def work(view: Memoria) -> shapes.Slept:
        night = view.sleep(dry_run=body.dry_run, fade=body.fade, prune=body.prune)
        return _slept(night, mine(view, [id for id, _ in night.gists if id]))

    return await pool.write(asking.below(body.namespace), work)


def _slept(night: Night, known: set[str]) -> shapes.Slept:
    """A pass takes up what a killed one has left, of other namespaces too; that is not told."""
    return shapes.Slept(
        dry_run=night.dry_run,
        replayed=night.replayed,
        settled=len(night.settled),
        skipped=len(night.skipped),
        gists=[shapes.Gist(id=id, joined=len(members)) for id, members in night.gists if not id or id in known],
        faded=list(night.faded),
        pruned=list(night.pruned),
        capped=night.capped,
        unaccepted=len(night.unaccepted),
    )


@verbs.get("/stats")
async def stats(asking: Asking, pool: Serving) -> shapes.Counts:
    """How much is below the token's namespace."""
    return await pool.read(asking, lambda view: shapes.Counts(memories=len(view), namespaces=len(view.namespaces())))


@health.get("/live")
async def live() -> shapes.Health:
    """The process answers."""
    return shapes.Health(status="live")


@health.get("/ready", responses=problems(503, 504))
async def ready(request: Request, pool: Serving) -> shapes.Health:
    """The store answers; asked at most once a second, for this is open to all."""
    await request.app.state.readiness.asked(lambda: pool.read(OWNER, lambda view: view.store.note("schedule")))
    return shapes.Health(status="ready")
