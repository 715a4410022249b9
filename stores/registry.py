"""Stores by URL: its scheme names the store. Other packages add schemes in the entry point group `memoria.stores`."""

from __future__ import annotations

import re
from os import PathLike, fsdecode, fspath
from typing import TYPE_CHECKING, Any, Literal, Protocol

from memoria import plugins
from memoria.errors import InvalidQuery
from memoria.stores.guardkey import Outside

if TYPE_CHECKING:
    from memoria.protocols import KeyWrapper, Progress, Store
    from memoria.types import EmbedderCard

GROUP = "memoria.stores"
# A scheme of RFC 3986 with at least two characters, so that the letter of a Windows drive is none, and then "://", so
# that a path with a colon in it stays a path.
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")


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


OURS: dict[str, StoreFactory] = {"postgresql": _postgres, "postgres": _postgres}


def is_url(path: str | PathLike[str]) -> bool:
    """Whether a store is named by a URL, known or not, and not by its directory."""
    return _URL.match(fsdecode(path)) is not None


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
