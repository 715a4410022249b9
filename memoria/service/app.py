"""The application: routes, errors and limits put together, and the store opened and closed with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from memoria.engine.memory import Memoria
from memoria.errors import MemoriaError
from memoria.models.chat import ChatModel
from memoria.service import aging, browsing, budgeting, descent, explaining, including, problems, routes
from memoria.service.limits import Bounds, Rates
from memoria.service.pool import Pool
from memoria.service.tokens import OWNER, Tokens
from memoria.version import __version__

ABOUT = (
    "The memory of an agent, which forgets exactly when told to. A token speaks for one namespace and what is below it."
)
log = logging.getLogger("memoria.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take. rate: requests a second for long; burst: at once; body: bytes; seconds: of an answer."""

    rate: float = 50.0
    burst: int = 100
    body: int = 8 << 20
    seconds: float = 60.0


def application(
    open_memory: Callable[[], Memoria],
    tokens: Tokens | None,
    limits: Limits | None = None,
    model: ChatModel | None = None,
    *,
    warm: bool = False,
) -> FastAPI:
    """The service of one store, which is opened when it starts and closed when it ends. tokens: None lets nobody in by
    a token. model: for `learn`, which is there with a model alone. warm: makes ready what searching needs, beside the
    first requests."""
    bounds = Limits() if limits is None else limits

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.openapi()
        memory = open_memory()
        app.state.pool = Pool(memory)
        warming: asyncio.Task[None] | None = None
        try:
            # Loads the model, so that the first client does not wait for it.
            await app.state.pool.read(OWNER, lambda view: view.embedder.embed(["ready"]))
            warming = asyncio.create_task(_warmed(app.state.pool)) if warm else None
            yield
        finally:
            if warming is not None:
                warming.cancel()
            served, app.state.pool = app.state.pool, None
            served.close()

    app = FastAPI(title="memoria", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.pool, app.state.tokens, app.state.model, app.state.sessions = None, tokens, model, None
    app.state.rates = Rates(bounds.rate, bounds.burst)
    app.include_router(routes.verbs)
    app.include_router(budgeting.budgets)
    for router in (browsing.browsing, explaining.explaining, aging.aging, descent.descent):
        app.include_router(router)
    including.include(app)
    if model is not None:
        app.include_router(routes.learning)
    app.include_router(routes.health)
    app.add_exception_handler(HTTPException, problems.of_service)
    app.add_exception_handler(RequestValidationError, problems.of_body)
    app.add_exception_handler(MemoriaError, problems.of_memoria)
    app.add_exception_handler(Exception, problems.of_us)
    app.middleware("http")(_logged)
    app.add_middleware(Bounds, body=bounds.body, seconds=bounds.seconds)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]  # as FastAPI's manual says
    return app


async def _warmed(pool: Pool) -> None:
    """Makes ready what a store searches by, in short turns, where the store can do so."""

    def turn(view: Memoria) -> bool:
        warm = getattr(view.store, "warm", None)
        return warm is not None and bool(warm(view.prefix))

    while await pool.read(OWNER, turn):
        await asyncio.sleep(0.005)


async def _logged(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """A line a request: the verb, never the path or the query as they came."""
    request.state.began = time.monotonic()
    response = await answer(request)
    route = request.scope.get("route")
    name = getattr(route, "path", "-")
    elapsed = (time.monotonic() - request.state.began) * 1000
    log.info("%s %s %d %.1f ms", request.method, name, response.status_code, elapsed)
    return response


def _schema(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes, description=ABOUT)
        known = made.setdefault("components", {}).setdefault("schemas", {})
        known["Problem"] = problems.Problem.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema
