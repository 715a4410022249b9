"""Sights: which memories of a store are to be seen, by a reader or for one audience alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from memoria.audience import Audience, sees
from memoria.errors import InvalidQuery
from memoria.types import Memory
from memoria.validate import check_reader

Roles = Callable[[str], Iterable[str]]
"""Takes the name of a reader and gives the names of its roles; called at each verb, so that what is revoked counts."""


def check_roles(given: object) -> None:
    """Raises InvalidQuery for what cannot be asked for roles."""
    if given is not None and not callable(given):
        raise InvalidQuery(f"roles is {type(given).__name__}, not a callable")


@dataclass(frozen=True, slots=True)
class Named:
    """The same roles at each asking, such as a token has. Equal for equal names, so that what is in RAM is found."""

    names: tuple[str, ...]

    def __call__(self, reader: str) -> tuple[str, ...]:
        return self.names


class Sight(Protocol):
    """Which memories are seen."""

    @property
    def by_names(self) -> bool:
        """Whether a store that looks for the names finds just what is seen, and nothing besides."""
        ...

    def names(self) -> tuple[str, ...]:
        """The names by which a store looks for them; everybody's memories are found with any."""
        ...

    def sees(self, memory: Memory) -> bool:
        """Whether a memory is seen."""
        ...

    def own(self, audience: Audience) -> Audience:
        """Who may see what is made of memories for this audience: somebody who sees them all is among them."""
        ...


class Reader:
    """Who reads: a name, and its roles as they are when a verb begins."""

    by_names = True

    def __init__(self, name: str, roles: Roles | None = None) -> None:
        self.name = check_reader(name)
        self._roles = roles
        self._during = threading.local()

    def names(self) -> tuple[str, ...]:
        held: tuple[str, ...] | None = getattr(self._during, "names", None)
        return self._asked() if held is None else held

    def sees(self, memory: Memory) -> bool:
        return memory.visible_to is None or sees(self.names(), memory.visible_to)

    def own(self, audience: Audience) -> Audience:
        return audience if sees(self.names(), audience) else (self.name,)

    @contextmanager
    def during(self) -> Iterator[None]:
        """Asks for the roles once, for all that this thread does within."""
        if getattr(self._during, "names", None) is not None:
            yield
            return
        self._during.names = self._asked()
        try:
            yield
        finally:
            self._during.names = None

    def _asked(self) -> tuple[str, ...]:
        if self._roles is None:
            return (self.name,)
        roles = self._roles(self.name)
        if isinstance(roles, str) or not isinstance(roles, Iterable):
            raise InvalidQuery(f"roles gives {type(roles).__name__}, not a collection of names")
        return tuple(sorted({self.name, *map(check_reader, roles)}))


@dataclass(frozen=True, slots=True)
class Only:
    """What is for exactly one audience."""

    audience: Audience

    @property
    def by_names(self) -> bool:
        return not self.audience

    def names(self) -> tuple[str, ...]:
        return self.audience or ()

    def sees(self, memory: Memory) -> bool:
        return memory.visible_to == self.audience

    def own(self, audience: Audience) -> Audience:
        return audience
