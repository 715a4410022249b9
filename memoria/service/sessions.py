"""Sessions: who has signed in on a page, by a cookie that no script reads. In RAM alone: they end with the process.

A code is printed once by who starts the service, works once and for a few minutes, and is worth no more than a session
of its own. A session is 32 random bytes, of which the service keeps the SHA-256.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from fastapi import Request

from memoria.service.problems import Problematic
from memoria.service.tokens import Caller, Tokens, digest

HEADER = "memoria-console"
"""A page sends this header with each request: other origins cannot without asking, and nobody lets them."""
FRAMED = frozenset({"/v1/policies/report"})
"""What a page shows in a frame: the browser asks for it, sends no header of ours, and says itself whose frame it is."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CODE_SECONDS = 600.0
SESSION_SECONDS = 12 * 3600.0
# So many are open at once: the oldest ends for one more.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Kept:
    """Who it is for, until when, and of a session by which token it was opened, if by one."""

    caller: Caller
    until: float
    token: str | None = None


class Sessions:
    """Codes and sessions of one service.

    tokens: who may sign in by a token. hosts: names, besides those of loopback, under which pages are served.
    """

    def __init__(
        self, tokens: Tokens | None, hosts: Collection[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tokens, self._hosts, self._clock = tokens, LOOPBACK | set(hosts), clock
        self._mutex = threading.Lock()
        self._codes: dict[str, _Kept] = {}
        self._open: dict[str, _Kept] = {}
        # Cookies do not know ports: two services of one machine have two names.
        self.cookie = f"memoria-{secrets.token_hex(4)}"

    def code(self, caller: Caller) -> str:
        """A code by which one page may sign in as this caller, once, within ten minutes."""
        made = secrets.token_urlsafe(16)
        with self._mutex:
            self._codes[digest(made)] = _Kept(caller, self._clock() + CODE_SECONDS)
        return made

    def by_code(self, code: str) -> str | None:
        """The secret of a new session for a code, which is used up; None for a wrong, old or used one."""
        with self._mutex:
            kept = self._codes.pop(digest(code), None)
        if kept is None or kept.until < self._clock():
            return None
        return self._opened(kept.caller)

    def by_token(self, token: str) -> str | None:
        """The secret of a new session for a token, which ends when the token does; None for a wrong one."""
        caller = None if self._tokens is None else self._tokens.caller(token)
        return None if caller is None else self._opened(caller, caller.digest)

    def _opened(self, caller: Caller, token: str | None = None) -> str:
        secret = secrets.token_urlsafe(32)
        hashed = digest(secret)
        own = replace(caller, digest=hashed)
        with self._mutex:
            while len(self._open) >= _MOST:
                del self._open[next(iter(self._open))]
            self._open[hashed] = _Kept(own, self._clock() + SESSION_SECONDS, token)
        return secret

    def end(self, request: Request) -> None:
        """Ends the session of a request, if it has one."""
        with self._mutex:
            self._open.pop(digest(request.cookies.get(self.cookie, "")), None)

    def caller(self, request: Request) -> Caller | None:
        """Whose session a request is of; None without one. Raises Problematic for a request of another page."""
        secret = request.cookies.get(self.cookie)
        if secret is None:
            return None
        self.check_own(request)
        with self._mutex:
            kept = self._open.get(digest(secret))
        if kept is None or kept.until < self._clock() or self._over(kept):
            return None
        return kept.caller

    def _over(self, kept: _Kept) -> bool:
        """Whether the token that opened a session has been taken away."""
        return kept.token is not None and (self._tokens is None or not self._tokens.knows(kept.token))

    def check_host(self, request: Request) -> None:
        """Raises Problematic for a host that is not ours: a name of others may point here (DNS rebinding)."""
        if _host(request.headers.get("host", "")) not in self._hosts:
            raise Problematic(421, "Not served under this name")

    def check_own(self, request: Request) -> None:
        """Raises Problematic unless a page of this very service asks: a cookie comes with requests of others too."""
        self.check_host(request)
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
        own = origin is None or urlsplit(origin).netloc == request.headers["host"]
        asked = HEADER in request.headers or _framed(request)
        if not own or site not in ("same-origin", "none") or not asked:
            raise Problematic(403, "Not asked by a page of this service")


def _framed(request: Request) -> bool:
    """Whether a page of this very service asks for a frame of its own, as scripts cannot say in a browser's name."""
    said = request.headers.get
    whose = (said("sec-fetch-site"), said("sec-fetch-dest"), said("sec-fetch-mode"))
    return request.method == "GET" and request.url.path in FRAMED and whose == ("same-origin", "iframe", "navigate")


def _host(given: str) -> str | None:
    """The name in a Host header, without the port; None for what is none."""
    try:
        return urlsplit(f"//{given}").hostname
    except ValueError:
        return None
