"""The door: who asks is looked at before anything of the body is read, and so is how much they ask.

Without a token nothing of a request is parsed but its head; its body stays where it is, and the connection ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from memoria.errors import MemoriaError
from memoria.service.limits import App, Crowd, Message, Rates, Receive, Send
from memoria.service.notes import KEY, Note, Scope, noted, verb
from memoria.service.problems import Problematic, problem
from memoria.service.tokens import Caller, Tokens

log = logging.getLogger("memoria.service")
NO_STORE = (b"cache-control", b"no-store")
CLOSE = (b"connection", b"close")
Way = Callable[[Scope], Caller | None]
"""Knows the caller of a request by its head; None for nobody."""
Told = Callable[[Scope, Note], None]
"""Is told of a request, before its answer begins."""


@dataclass(slots=True)
class Ways:
    """Who comes in.

    known: ways to know a caller, beside the token that a request brings. open: paths for which nobody has to be known;
    one that ends with a slash is of all below it, except "/", which is that page alone.
    """

    known: list[Way] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    def opens(self, path: str) -> bool:
        """Whether a path is open to all."""
        above = (one for one in self.open if one.endswith("/") and one != "/")
        return path in self.open or any(path.startswith(one) for one in above)


class Door:
    """Middleware, the outermost of ours: knows the caller, or refuses; counts requests; tells who is to be told.

    audited: is told before the answer begins. told: once it has ended.
    """

    def __init__(
        self,
        app: App,
        *,
        tokens: Tokens | None,
        ways: Ways,
        rates: Rates,
        crowd: Crowd,
        audited: Iterable[Told] = (),
        told: Iterable[Told] = (),
    ) -> None:
        self._app, self._ways, self._rates, self._crowd = app, ways, rates, crowd
        self._known: tuple[Way, ...] = () if tokens is None else (lambda scope: _bearer(scope, tokens),)
        self._audited, self._told = tuple(audited), tuple(told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = scope[KEY] = Note()
        noted.set(note)
        answer = _Answer(send, lambda: self._tell(self._audited, scope, note), note)
        try:
            refused = self._let_in(scope, note)
            if refused is None:
                await self._answer(scope, receive, answer.send, note)
            else:
                _end_unread(scope, refused)
                await refused(scope, receive, answer.send)
        except BaseException:
            note.status = note.status or 500
            raise
        finally:
            log.info("%s %d %.1f ms", verb(scope), note.status, (time.monotonic() - note.began) * 1000)
            self._tell(self._told, scope, note)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
        if note.caller is None:
            await self._app(scope, receive, send)
            return
        with self._crowd.within(note.caller.tenant):
            await self._app(scope, receive, send)

    def _let_in(self, scope: Scope, note: Note) -> Response | None:
        """None for a request that comes in; or else the answer."""
        if self._ways.opens(scope["path"]):
            return None
        try:
            note.caller = next((one for way in (*self._known, *self._ways.known) if (one := way(scope))), None)
        except Problematic as refused:  # a way knows who it is, and lets nobody in like this
            return problem(refused.status_code, refused.title, refused.said)
        except MemoriaError:  # the file of tokens is being mended
            return problem(503, "Not ready", headers={"Retry-After": "1"})
        if note.caller is None:
            return problem(401, "No such token", headers={"WWW-Authenticate": "Bearer"})
        if wait := self._rates.wait(note.caller.digest):
            return problem(429, "Too many requests", headers={"Retry-After": str(wait)})
        if self._crowd.full(note.caller.tenant):
            return problem(429, "Too many requests", "too many of them are under way", headers={"Retry-After": "1"})
        if self._crowd.packed(note.caller.tenant):
            return problem(503, "Busy", headers={"Retry-After": "1"})
        return None

    @staticmethod
    def _tell(those: Iterable[Told], scope: Scope, note: Note) -> None:
        for one in those:
            one(scope, note)


def _bearer(scope: Scope, tokens: Tokens) -> Caller | None:
    """The caller of the token in a request, which is looked for in its head alone."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return tokens.caller(token.strip()) if kind.lower() == "bearer" else None
    return None


def _end_unread(scope: Scope, answer: Response) -> None:
    """Says that the connection ends where a body was sent that nobody reads."""
    if has_body(scope):
        answer.raw_headers.append(CLOSE)


def has_body(scope: Scope) -> bool:
    """Whether a request brings a body, by its head."""
    head = dict(scope["headers"])
    return b"transfer-encoding" in head or head.get(b"content-length", b"0") != b"0"


class _Answer:
    """An answer, which nobody may store; it begins once what is to be told before it was told."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], begins: Callable[[], None], note: Note) -> None:
        self._send, self._begins, self._note = send, begins, note

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._note.status = message["status"]
            self._begins()
            headers: list[Any] = [one for one in message.get("headers", ()) if one[0] != NO_STORE[0]]
            message["headers"] = [*headers, NO_STORE]
        await self._send(message)
