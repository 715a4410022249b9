"""Stores by URL: its scheme names the store. Other packages add schemes in the entry point group `memoria.stores`."""

from __future__ import annotations

import re
from os import PathLike, fsdecode, fspath
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import unquote

from memoria import plugins
from memoria.errors import InvalidQuery, StoreError
from memoria.stores.guardkey import Outside

if TYPE_CHECKING:
    from memoria.protocols import KeyWrapper, Progress, Store
    from memoria.types import EmbedderCard

GROUP = "memoria.stores"
# A scheme of RFC 3986 with at least two characters, so that the letter of a Windows drive is none, and then "://", so
# that a path with a colon in it stays a path.
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")
# Up to the last "@", so that a password that should have been quoted is not shown in part.
_PASSWORD = re.compile(r"(://[^:/?#@]*:)(.*)(?=@)", re.DOTALL)
_NAMED = re.compile(r"([?&][^=&]*pass[^=&]*=)([^&]*)", re.IGNORECASE)


class StoreFactory(Protocol):
    """Opens the store that a URL names: what an entry point of the group `memoria.stores` is. A class may be one."""

    def __call__(
        self,
        url: str,
        /,
        *,
        embedder: EmbedderCard,
        mode: Literal["rw", "r"],
        timeout: float,
        progress: Progress | None,
        language: str | None = None,
        unlock: KeyWrapper | None = None,
    ) -> Store:
        """The store, made when it is not there and mode is "rw".

        url: as the caller gave it, its scheme in small letters. embedder: of the vectors of a store that is new.
        timeout: seconds to wait for whoever else writes. progress: called with (what, done, total) during long work.
        language: of the texts of a store that is new; passed on only when it is given. unlock: what unwraps
        the key under which a store is sealed, likewise.
        Raises errors of memoria alone: StoreNotFound when there is none and mode is "r", StoreLocked and others.
        """
        ...


def _postgres(
    url: str,
    /,
    *,
    embedder: EmbedderCard,
    mode: Literal["rw", "r"],
    timeout: float,
    progress: Progress | None,
    language: str | None = None,
    outside: Outside | None = None,
    unlock: KeyWrapper | None = None,
) -> Store:
    # Only who opens one needs the extra `postgres`.
    from memoria.stores.postgres import PostgresStore

    try:
        return PostgresStore(
            url,
            embedder=embedder,
            mode=mode,
            timeout=timeout,
            progress=progress,
            language=language,
            outside=outside,
            unlock=unlock,
        )
    except StoreError as error:
        if _repeats(str(error), url):
            raise StoreError(
                "PostgreSQL cannot read this URL; what it says repeats the password, which is quoted "
                "as a URL wants it: %20 for a space, %2F for a slash"
            ) from None
        raise


OURS: dict[str, StoreFactory] = {"postgresql": _postgres, "postgres": _postgres}


def is_url(path: str | PathLike[str]) -> bool:
    """Whether a store is named by a URL, known or not, and not by its directory."""
    return _URL.match(fsdecode(path)) is not None


def without_password(url: str) -> str:
    """A text as it may be printed: *** in the place of the passwords of a URL in it."""
    return _NAMED.sub(r"\1***", _PASSWORD.sub(r"\1***", url)) if "://" in url else url


def _repeats(said: str, url: str) -> bool:
    """Whether a message has a part of a password of the URL in it."""
    secrets = [found[2] for pattern in (_PASSWORD, _NAMED) for found in pattern.finditer(url)]
    pieces = (piece for secret in secrets for whole in (secret, unquote(secret)) for piece in re.split(r"[@/:]", whole))
    return any(len(piece) > 2 and piece in said for piece in pieces)


def schemes() -> list[str]:
    """Every known scheme, ours first."""
    return plugins.names(GROUP, OURS)


def open_url(
    url: str | PathLike[str],
    *,
    embedder: EmbedderCard,
    mode: Literal["rw", "r"] = "rw",
    timeout: float = 0.0,
    progress: Progress | None = None,
    language: str | None = None,
    outside: Outside | None = None,
    unlock: KeyWrapper | None = None,
) -> Store:
    """The store of a URL. Raises InvalidQuery for a scheme that nobody knows, and what opening the store raises."""
    found = _URL.match(fspath(url))
    if found is None:
        raise InvalidQuery("a store is named by a URL here, such as postgresql://...")
    scheme = found[1].lower()
    factory = plugins.find(GROUP, OURS, scheme)
    if factory is None:
        # The scheme alone: what follows it may hold a password.
        raise InvalidQuery(f"no store is known for {scheme}://, only for {', '.join(schemes())}")
    rest = fspath(url)[found.end(1) :]
    # A factory of another package may be older than the arguments.
    given = {"language": language, "outside": outside, "unlock": unlock}
    more: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return factory(scheme + rest, embedder=embedder, mode=mode, timeout=timeout, progress=progress, **more)
