"""MCP over streamable HTTP, for one store: a token sees one namespace and has sessions of its own.

The namespace of a caller is that of its token, as in the service of verbs. Each token has a manager of sessions: the
id of a session is of no use to another. Requests whose Host or Origin is not that of the server are refused before
anything else is looked at, as the specification asks against DNS rebinding.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from memoria.service.limits import Rates
from memoria.service.tokens import DEFAULT, Caller, Tokens

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that may be listened on: what leaves the machine has to go through a proxy with TLS."""
_BODY = 4 << 20
_SESSIONS = 64
_IDLE = 1800.0


def application(
    make: Callable[[Caller], MCPServer[Any]], tokens: Tokens, port: int, *, rate: float = 50.0, burst: int = 100
) -> Starlette:
    """The server as an ASGI application.

    Args:
        make: makes the server of a caller: of its namespace, and of its reader.
        tokens: who may use it.
        port: where it listens, for the check of Host and Origin.
        rate: requests a second for each token, in the long run.
        burst: requests at once for each token.

    Returns:
        The application, with its one path.
    """
    served = _Served(make, tokens, _own(port), Rates(rate, burst))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            served.tasks = tasks
            yield
            tasks.cancel_scope.cancel()

    return Starlette(routes=[Route(PATH, endpoint=served)], lifespan=lifespan)


def _own(port: int) -> TransportSecuritySettings:
    """What Host and Origin may be: this machine by its own names, on this port."""
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts])


class _Served:
    """Finds the sessions of a request's token, after all checks."""

    def __init__(
        self,
        make: Callable[[Caller], MCPServer[Any]],
        tokens: Tokens,
        own: TransportSecuritySettings,
        rates: Rates,
    ) -> None:
        self._make, self._tokens, self._own, self._rates = make, tokens, own, rates
        self._checks = TransportSecurityMiddleware(own)
        self._managers: dict[str, StreamableHTTPSessionManager] = {}
        self._mutex = anyio.Lock()
        self.tasks: TaskGroup | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refused = await self._checks.validate_request(request)
        caller = None if refused is not None else self._caller(request)
        if refused is None and caller is None:
            refused = Response("No such token", 401, {"WWW-Authenticate": "Bearer"})
        if caller is not None and caller.lacks(DEFAULT):
            # Its sessions have tools of every kind.
            refused = Response("A token that may not read, write and forget", 403)
        elif caller is not None and (wait := self._rates.wait(caller.digest)):
            refused = Response("Too many requests", 429, {"Retry-After": str(wait)})
        if refused is not None or caller is None:
            await (refused or Response(status_code=401))(scope, receive, send)
            return
        manager = await self._manager(caller)
        await manager.handle_request(scope, receive, send)

    def _caller(self, request: Request) -> Caller | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._tokens.caller(token.strip()) if kind.lower() == "bearer" else None

    async def _manager(self, caller: Caller) -> StreamableHTTPSessionManager:
        """The sessions of a token, made when it comes for the first time."""
        async with self._mutex:
            if caller.digest not in self._managers:
                assert self.tasks is not None
                self._managers[caller.digest] = await self.tasks.start(self._run, caller)
            return self._managers[caller.digest]

    async def _run(self, caller: Caller, *, task_status: TaskStatus[StreamableHTTPSessionManager]) -> None:
        manager = StreamableHTTPSessionManager(
            self._make(caller)._lowlevel_server,
            security_settings=self._own,
            session_idle_timeout=_IDLE,
            max_request_body_size=_BODY,
            max_sessions=_SESSIONS,
        )
        async with manager.run():
            task_status.started(manager)
            await anyio.sleep_forever()
