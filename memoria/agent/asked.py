"""What a model would do with a tool, as the user is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, overload

from memoria.errors import InvalidQuery
from memoria.types import Memory, Preview

Allowed = Literal["remember", "supersede"]
"""A tool of the model that may be allowed without asking."""
ALLOWED: tuple[Allowed, ...] = ("remember", "supersede")
"""Every tool that may be allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Sequence[Memory]):
    """What a tool would do: memories that would go or end by it, oldest first, as a sequence; and what it would store.

    Attributes:
        tool: its name, such as "remember", "supersede", "forget"; "settle" asks whether memories are over, "keep"
            whether they hold.
        memories: what would be forgotten, or no longer hold.
        text: what would be stored; None for nothing.
        rewritten: ids of gists that would be made again without what goes.
    """

    tool: str
    memories: tuple[Memory, ...] = ()
    text: str | None = None
    rewritten: tuple[str, ...] = ()

    @overload
    def __getitem__(self, at: int) -> Memory: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Memory]: ...
    def __getitem__(self, at: int | slice) -> Memory | Sequence[Memory]:
        return self.memories[at]

    def __len__(self) -> int:
        return len(self.memories)


Confirm = Callable[[Asked], bool]
"""Is shown exactly what a tool of the model would do; returns whether it may."""


def to_forget(going: Preview) -> Asked:
    """What forgetting would do, by its dry run."""
    return Asked(tool="forget", memories=tuple(going), rewritten=going.rewritten)


def agreed(asked: Asked, confirm: Confirm | None, allow: Collection[str] = ()) -> bool:
    """Whether a tool may do what it would: it is allowed, or the user agrees; without `confirm` the user does not."""
    return asked.tool in allow or (confirm is not None and bool(confirm(asked)))


def checked(allow: Collection[str]) -> frozenset[str]:
    """Names of tools that are allowed without asking; raises InvalidQuery for others, `forget` among them."""
    wrong = [allow] if isinstance(allow, str) else sorted(set(allow) - set(ALLOWED))
    if wrong:
        raise InvalidQuery(f"allow holds {', '.join(map(repr, wrong))}, and takes a set of {', '.join(ALLOWED)}")
    return frozenset(allow)
