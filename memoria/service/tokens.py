"""Tokens: each gives access to one namespace, and there to what its scopes allow and what its reader sees, if it
names one.

A file keeps their hashes; the token itself is shown once.

A token is 32 random bytes, so a plain SHA-256 of it is enough: a slow hash only helps for secrets that can be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from memoria.access.sight import Named
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, StoreNotFound
from memoria.types import Namespace
from memoria.validate import check_namespace, check_reader

_PREFIX = "memoria_"
SCOPES = {
    "read": "sees what is there: recall, list, get, history, doubts, counts",
    "write": "remembers, changes, ends, archives, learns and sleeps",
    "forget": "erases: forget, prune, shorten, and the end of a standing order",
    "operate": "asks about the whole service: what is for its operator",
    "metrics": "reads /metrics",
}
"""What a token may do, and what that is."""
DEFAULT = frozenset(("read", "write", "forget"))
"""The scopes of a token that names none: those of the verbs."""
_ID = 12
_FIELDS = {"namespace", "sha256", "reader", "roles", "label", "expires", "scopes"}
_LABEL_BYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The owner of a token.

    digest: SHA-256 of the token, in hexadecimal. namespace: the prefix that it may see. reader: as whom; None sees all
    that is there. roles: of the reader; none leaves them to the memory that is served. scopes: what it may do, names of
    `SCOPES`. label: what its maker calls it. expires: from when it is refused, aware; None is never. home: the
    namespace of the token, where this caller sees only what is below.
    """

    digest: str
    namespace: Namespace
    reader: str | None = None
    roles: tuple[str, ...] = ()
    scopes: frozenset[str] = DEFAULT
    label: str | None = None
    expires: datetime | None = None
    home: Namespace | None = None

    @property
    def id(self) -> str:
        """What it is called in lists and logs: the beginning of its hash, of which the token cannot be made."""
        return self.digest[:_ID]

    @property
    def tenant(self) -> Namespace:
        """Whose work it is, in queues: the namespace of the token, so that many tokens for it are one tenant."""
        return self.namespace if self.home is None else self.home

    def lacks(self, needed: Iterable[str]) -> list[str]:
        """Those of the needed scopes that it does not have."""
        return sorted(set(needed) - self.scopes)

    def ended(self, at: datetime) -> bool:
        """Whether it has expired by a time (aware)."""
        return self.expires is not None and self.expires <= at

    def below(self, parts: Sequence[str]) -> Caller:
        """The same, seeing only what is in a namespace below."""
        return replace(self, namespace=(*self.namespace, *parts), home=self.tenant)

    def view(self, memory: Memoria) -> Memoria:
        """What it may see of a whole memory."""
        view = memory.namespace(*self.namespace)
        if self.reader is None:
            return view
        return view.reading_as(self.reader, roles=Named(self.roles) if self.roles else None)


OWNER = Caller(digest="", namespace=(), scopes=frozenset(SCOPES))
"""The service itself."""


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def mint(
    path: Path,
    namespace: Namespace,
    reader: str | None = None,
    roles: Sequence[str] = (),
    *,
    scopes: Iterable[str] = DEFAULT,
    label: str | None = None,
    expires: datetime | None = None,
) -> str:
    """Makes a token for a prefix and writes its hash into `path`, whole or not at all; makes the file if it is new.

    reader, roles: as whom it sees what is there; None sees all of it. scopes, label, expires: as of `Caller`.
    """
    check_namespace(namespace)
    if reader is None and roles:
        raise InvalidQuery("roles are those of a reader: name one")
    named = (() if reader is None else (check_reader(reader),)) + tuple(map(check_reader, roles))
    if not namespace:
        raise InvalidQuery("a token needs a namespace: one for all of them would undo what tokens are for")
    token = _PREFIX + secrets.token_urlsafe(32)
    made = Caller(
        digest=digest(token),
        namespace=namespace,
        reader=reader,
        roles=named[1:],
        scopes=_check_scopes(scopes),
        label=_check_label(label),
        expires=_check_expires(expires),
    )
    with _alone(path):
        _write(path, [*(read(path) if path.exists() else ()), made])
    return token


def revoke(path: Path, id: str) -> Caller:
    """Ends the token of an id, at once; returns what it was. Raises InvalidQuery for the id of none."""
    with _alone(path):
        known = read(path)
        found = [one for one in known if id in (one.id, one.digest)]
        if not found:
            raise InvalidQuery("no token has this id: `memoria serve token list` names them")
        _write(path, [one for one in known if one not in found])
    return found[0]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile, so that no token is lost."""
    with FileLock(path.with_name(path.name + ".lock"), mode=0o600):
        yield


def _write(path: Path, known: Sequence[Caller]) -> None:
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump({"tokens": list(map(_entry, known))}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _entry(caller: Caller) -> dict[str, object]:
    """What the file says of a token: no more than was asked for, so that an older memoria can read most of them."""
    entry: dict[str, object] = {"namespace": caller.namespace, "sha256": caller.digest}
    if caller.reader is not None:
        entry |= {"reader": caller.reader, "roles": caller.roles}
    if caller.scopes != DEFAULT:
        entry["scopes"] = sorted(caller.scopes)
    if caller.label is not None:
        entry["label"] = caller.label
    return entry if caller.expires is None else entry | {"expires": caller.expires.isoformat()}


def _caller(entry: dict[str, Any]) -> Caller:
    """Raises KeyError, TypeError, ValueError and InvalidQuery for what is no entry: one that is misread would see too
    much.
    """
    reader, roles, scopes = entry.get("reader"), entry.get("roles", ()), entry.get("scopes", DEFAULT)
    if not set(entry) <= _FIELDS or isinstance(roles, str) or isinstance(scopes, str):
        raise TypeError
    expires = entry.get("expires")
    return Caller(
        digest=str(entry["sha256"]),
        namespace=tuple(entry["namespace"]),
        reader=None if reader is None else check_reader(reader),
        roles=tuple(map(check_reader, roles)),
        scopes=_check_scopes(scopes),
        label=_check_label(entry.get("label")),
        expires=_check_expires(None if expires is None else datetime.fromisoformat(expires)),
    )


def _check_scopes(given: Iterable[str]) -> frozenset[str]:
    found = frozenset(given)
    if not found or not found <= SCOPES.keys():
        raise InvalidQuery(f"scopes are some of {', '.join(SCOPES)}")
    return found


def _check_label(given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given.isprintable() or not given.strip() or len(given.encode()) > _LABEL_BYTES:
        raise InvalidQuery(f"a label is a text of printable characters, at most {_LABEL_BYTES} bytes of UTF-8")
    return given


def _check_expires(given: datetime | None) -> datetime | None:
    if given is not None and given.tzinfo is None:
        raise InvalidQuery("the time from which a token is refused has no zone")
    return given


def digest(token: str) -> str:
    """The SHA-256 of a token, in hexadecimal, which the file keeps."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> tuple[Caller, ...]:
    """The callers in a file of tokens. Raises StoreNotFound if it is missing, InvalidQuery if it is not such a file."""
    try:
        lines = json.loads(path.read_text())["tokens"]
        found = tuple(map(_caller, lines))
    except FileNotFoundError:
        raise StoreNotFound(f"{path} is not there: make a token with `memoria serve token NAMESPACE`") from None
    except (ValueError, KeyError, TypeError, AttributeError, InvalidQuery):
        raise InvalidQuery(f"{path} is not a file of tokens") from None
    if not all(one.namespace for one in found):
        raise InvalidQuery(f"{path} holds a token without a namespace")
    for one in found:
        check_namespace(one.namespace)
    return found


class Tokens:
    """The tokens of a file, read again when it changes, so that a removed one is refused at once.

    clock: gives the time, aware, by which tokens expire.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self.path, self._clock = path, clock
        self._mutex = threading.Lock()
        self._seen = self._stamp()
        self._callers = read(path)

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return found.st_mtime_ns, found.st_size, found.st_ino

    def caller(self, token: str) -> Caller | None:
        """The caller with this token, or None. Compares with every token in full, so that timing reveals nothing."""
        with self._mutex:
            given = digest(token)
            found = [one for one in self._current() if hmac.compare_digest(one.digest.encode(), given.encode())]
        return found[0] if found and not found[0].ended(self._clock()) else None

    def knows(self, hashed: str) -> bool:
        """Whether a token with this SHA-256 is still in the file, and has not expired."""
        with self._mutex:
            now = self._clock()
            return any(hmac.compare_digest(one.digest, hashed) and not one.ended(now) for one in self._current())

    def _current(self) -> tuple[Caller, ...]:
        stamp = self._stamp()
        if stamp != self._seen:
            self._callers = read(self.path) if self.path.exists() else ()
            self._seen = stamp
        return self._callers
