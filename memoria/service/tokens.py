"""Tokens: each gives access to one namespace, and there to what one reader sees, if it names one.

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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memoria.access.sight import Named
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery, StoreNotFound
from memoria.types import Namespace
from memoria.validate import check_namespace, check_reader

_PREFIX = "memoria_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The owner of a token.

    digest: SHA-256 of the token, in hexadecimal. namespace: the prefix that it may see. reader: as whom; None sees all
    that is there. roles: of the reader; none leaves them to the memory that is served.
    """

    digest: str
    namespace: Namespace
    reader: str | None = None
    roles: tuple[str, ...] = ()

    def below(self, parts: Sequence[str]) -> Caller:
        """The same, seeing only what is in a namespace below."""
        return replace(self, namespace=(*self.namespace, *parts))

    def view(self, memory: Memoria) -> Memoria:
        """What it may see of a whole memory."""
        view = memory.namespace(*self.namespace)
        if self.reader is None:
            return view
        return view.reading_as(self.reader, roles=Named(self.roles) if self.roles else None)


OWNER = Caller(digest="", namespace=())
"""The service itself."""


def mint(path: Path, namespace: Namespace, reader: str | None = None, roles: Sequence[str] = ()) -> str:
    """Makes a token for a prefix and writes its hash into `path`, whole or not at all; makes the file if it is new.

    reader, roles: as whom it sees what is there; None sees all of it.
    """
    check_namespace(namespace)
    if reader is None and roles:
        raise InvalidQuery("roles are those of a reader: name one")
    named = (() if reader is None else (check_reader(reader),)) + tuple(map(check_reader, roles))
    if not namespace:
        raise InvalidQuery("a token needs a namespace: one for all of them would undo what tokens are for")
    token = _PREFIX + secrets.token_urlsafe(32)
    known = [
        *(read(path) if path.exists() else ()),
        Caller(digest=digest(token), namespace=namespace, reader=reader, roles=named[1:]),
    ]
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump({"tokens": list(map(_entry, known))}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return token


def _entry(caller: Caller) -> dict[str, object]:
    entry: dict[str, object] = {"namespace": caller.namespace, "sha256": caller.digest}
    return entry if caller.reader is None else entry | {"reader": caller.reader, "roles": caller.roles}


def _caller(entry: dict[str, Any]) -> Caller:
    """Raises KeyError, TypeError and InvalidQuery for what is no entry: one that is misread would see too much."""
    reader, roles = entry.get("reader"), entry.get("roles", ())
    if not set(entry) <= {"namespace", "sha256", "reader", "roles"} or isinstance(roles, str):
        raise TypeError
    return Caller(
        digest=str(entry["sha256"]),
        namespace=tuple(entry["namespace"]),
        reader=None if reader is None else check_reader(reader),
        roles=tuple(map(check_reader, roles)),
    )


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
    """The tokens of a file, read again when it changes, so that a removed one is refused at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._seen = self._stamp()
        self._callers = read(path)

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return found.st_mtime_ns, found.st_size, found.st_ino

    def caller(self, token: str) -> Caller | None:
        """The caller with this token, or None. Compares with every token in full, so that timing reveals nothing."""
        with self._mutex:
            given = digest(token)
            found = [one for one in self._current() if hmac.compare_digest(one.digest.encode(), given.encode())]
        return found[0] if found else None

    def knows(self, hashed: str) -> bool:
        """Whether a token with this SHA-256 is still in the file."""
        with self._mutex:
            return any(hmac.compare_digest(one.digest, hashed) for one in self._current())

    def _current(self) -> tuple[Caller, ...]:
        stamp = self._stamp()
        if stamp != self._seen:
            self._callers = read(self._path) if self._path.exists() else ()
            self._seen = stamp
        return self._callers
