"""The log of what was forgotten: ids, and never what they were. It tells an older copy of the store what to forget.

Every line has a number, and a branch has the lines that one store wrote. A store that was restored from a copy begins
a branch of its own where the copy ended, so that two stores that come from one do not take each other's lines for
theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from memoria.stores.sealing import blind, derived
from memoria.types import Memory, Namespace

Kind = Literal["forgotten", "rewritten", "replaced", "erased"]
KINDS: tuple[Kind, ...] = ("forgotten", "rewritten", "replaced", "erased")
# Days for which lines are kept unless the note says otherwise: longer than from one yearly copy to the next.
KEEP_DAYS = 400
KEEP_NOTE = "keep_forgets_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Up to which line a store knows its log.

    branch: of the lines that come next. event: number of the last line. history: (branch, its last line) of the stores
    that this one was restored from. pruned: lines up to this one are not kept any more.
    """

    branch: str
    event: int
    history: tuple[tuple[str, int], ...] = ()
    pruned: int = 0

    def knows(self, other: Position) -> bool:
        """Whether all that was forgotten after another position is told by lines after that."""
        ends = {**dict(self.history), self.branch: self.event}
        return other.branch == self.branch or other.event <= ends.get(other.branch, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgot:
    """One line.

    event: its number. at: when it was written, microseconds since 1970. kind: "forgotten"; "rewritten", the text was
    replaced by another; "replaced", something else of it was; "erased", tokens of namespaces. ids: 16 bytes each.
    """

    event: int
    at: int
    kind: Kind
    ids: tuple[bytes, ...]


@runtime_checkable
class KeepsForgets(Protocol):
    """A store that keeps this log."""

    def log_key(self) -> bytes:
        """By which an exported log is known to be of this store."""
        ...

    def forgets_position(self) -> Position:
        """The last line that there is."""
        ...

    def forgets(self, after: int) -> Sequence[Forgot]:
        """The lines after one, oldest first."""
        ...

    def continue_forgets(self, at: Position, lines: Sequence[Forgot], branch: str) -> None:
        """Takes over the lines that a copy was told, and begins a branch after them; at once or not at all."""
        ...


def log_key(key: bytes) -> bytes:
    """The key of logs, made from the key of a store."""
    return derived(key, b"forgets", b"")


def token(key: bytes, namespace: Namespace) -> bytes:
    """By what a log names a namespace. key: of the log."""
    return blind(key, "namespace", *namespace)


def cut_ids(blob: bytes) -> tuple[bytes, ...]:
    """Ids that are joined."""
    return tuple(blob[at : at + 16] for at in range(0, len(blob), 16))


def keep_days(note: str | None) -> float:
    """For how many days lines are kept; what is no number counts as the default."""
    try:
        return KEEP_DAYS if note is None else max(0.0, float(note))
    except ValueError:
        return KEEP_DAYS


def replaced(old: Memory, new: Memory) -> Iterator[tuple[Kind, bytes]]:
    """What the log says when one memory is put in the place of another."""
    if old.parts or new.parts:
        left = {part.id for part in old.parts} - {part.id for part in new.parts}
        yield from (("forgotten", bytes.fromhex(id)) for id in sorted(left))
    else:
        yield ("replaced" if old.text == new.text else "rewritten"), bytes.fromhex(old.id)
