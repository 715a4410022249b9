"""The application: routes, errors and limits put together, and the store opened and closed with it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from memoria.engine.memory import Memoria
from memoria.errors import MemoriaError
from memoria.models.chat import ChatModel
from memoria.service import (
    aging,
    asking,
    browsing,
    budgeting,
    descent,
    explaining,
    including,
    metrics,
    problems,
    routes,
)
from memoria.service.audit import Audit
from memoria.service.door import Door, Ways
from memoria.service.lastuse import EVERY, LastUse
from memoria.service.limits import Bounds, Crowd, Rates
from memoria.service.notes import Note, Scope
from memoria.service.pool import Pool
from memoria.service.tokens import OWNER, Tokens
from memoria.version import __version__

ABOUT = (
    "The memory of an agent, which forgets exactly when told to. A token speaks for one namespace and what is below it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take.

    rate: requests a second for long, of each token. burst: at once. body: bytes. seconds: of an answer. waiting:
    requests of one tenant under way. most: of all tenants together.
    """

    rate: float = 50.0
    burst: int = 100
    body: int = 8 << 20
    seconds: float = 60.0
    waiting: int = 32
    most: int = 256


def application(
    open_memory: Callable[[], Memoria],
    tokens: Tokens | None,
    limits: Limits | None = None,
    model: ChatModel | None = None,
    audit: Audit | None = None,
    *,
    warm: bool = False,
) -> FastAPI:
    """The service of one store, which is opened when it starts and closed when it ends.

    tokens: None lets nobody in by a token. model: for `learn`, which is there with a model alone. warm: makes ready
    what searching needs, beside the first requests. audit: is written to, reopened at SIGHUP, and closed.
    `state.ways` says who comes in: other routes may add ways to know a caller, and paths that are open to all.
    """
    app = FastAPI(
        title="memoria",
        version=__version__,
        lifespan=_life(open_memory, audit, warm=warm),
        docs_url=None,
        redoc_url=None,
    )
    app.state.pool, app.state.tokens, app.state.model = None, tokens, model
    app.state.uses = None if tokens is None else LastUse(tokens.path)
    app.state.readiness = Readiness()
    app.state.ways = Ways(open={"/health/live", "/health/ready", "/openapi.json"})
    app.include_router(routes.verbs)
    app.include_router(budgeting.budgets)
    app.include_router(asking.asking)
    for router in (browsing.browsing, explaining.explaining, aging.aging, descent.descent):
        app.include_router(router)
    including.include(app)
    if model is not None:
        app.include_router(routes.learning)
    app.include_router(routes.health)
    app.include_router(metrics.metering)
    app.add_exception_handler(HTTPException, problems.of_service)
    app.add_exception_handler(RequestValidationError, problems.of_body)
    app.add_exception_handler(MemoriaError, problems.of_memoria)
    app.add_exception_handler(Exception, problems.of_us)
    _guard(app, Limits() if limits is None else limits, audit)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]  # as FastAPI's manual says
    return app


def _guard(app: FastAPI, bounds: Limits, audit: Audit | None) -> None:
    """Puts the door and the limits before the routes; what is added last comes first."""
    crowd, state = Crowd(bounds.waiting, bounds.most), app.state
    state.figures = metrics.Figures(lambda: {} if state.pool is None else state.pool.waiting, lambda: len(crowd))

    def used(_: Scope, note: Note) -> None:
        if note.caller is not None and state.uses is not None:
            state.uses.note(note.caller.id)

    app.add_middleware(Bounds, body=bounds.body, seconds=bounds.seconds)
    app.add_middleware(
        Door,
        tokens=state.tokens,
        ways=state.ways,
        rates=Rates(bounds.rate, bounds.burst),
        crowd=crowd,
        audited=() if audit is None else (audit.note,),
        told=(state.figures.note, used),
    )


def _life(open_memory: Callable[[], Memoria], audit: Audit | None, *, warm: bool) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.openapi()
        memory = open_memory()
        app.state.pool = Pool(memory)
        beside = [] if app.state.uses is None else [asyncio.create_task(_keep(app.state.uses))]
        if audit is not None and hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, audit.reopen)
        try:
            # Loads the model, so that the first client does not wait for it.
            await app.state.pool.read(OWNER, lambda view: view.embedder.embed(["ready"]))
            beside += [asyncio.create_task(_warmed(app.state.pool))] if warm else []
            yield
        finally:
            for task in beside:
                task.cancel()
            served, app.state.pool = app.state.pool, None
            served.close()
            if app.state.uses is not None:
                app.state.uses.flush()
            if audit is not None:
                audit.close()

    return lifespan


# Seconds without a request after which something is made ready: the first page goes first.
_QUIET = 1.0


async def _warmed(pool: Pool) -> None:
    """Makes ready what a store searches by, where the store can do so, in turns while nobody asks for anything."""

    def turn(view: Memoria) -> bool:
        warm = getattr(view.store, "warm", None)
        return warm is not None and bool(warm(view.prefix))

    more = True
    while more:
        quiet = time.monotonic() - pool.asked
        await asyncio.sleep(0.005 if quiet >= _QUIET else _QUIET - quiet)
        more = time.monotonic() - pool.asked < _QUIET or await pool.read(OWNER, turn)


async def _keep(uses: LastUse) -> None:
    """Writes down now and then when tokens were used."""
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(EVERY)
            await asyncio.to_thread(uses.flush)


class Readiness:
    """Whether the store answers. It is asked once a second at most, however many want to know."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[Any] | None = None
        self._at = 0.0

    async def asked(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Returns if the store has answered of late; raises what it raised."""
        if self._answer is None or (self._answer.done() and time.monotonic() - self._at > 1.0):
            self._answer, self._at = asyncio.ensure_future(_waited(ask)), time.monotonic()
        await asyncio.shield(self._answer)


async def _waited(ask: Callable[[], Awaitable[object]]) -> object:
    return await ask()


def _schema(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes, description=ABOUT)
        known = made.setdefault("components", {}).setdefault("schemas", {})
        known["Problem"] = problems.Problem.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema
