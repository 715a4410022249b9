"""What a store must do to be compared: the verbs that a bench calls, alike for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from memoria.arrays import Vectors

DIMENSION = 384
K = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is stored: a key of the caller's (a UUID as text), a text, and its unit vector, shape (384,), float32."""

    key: str
    text: str
    vector: Vectors


class Peer(Protocol):
    """One store, used as its own pages say: durable as it ships, one process."""

    decodes: bool
    """Whether its files say more than their bytes show: then `decoded` gives it."""

    def open(self, folder: Path) -> None:
        """Opens what is in a folder, or makes it."""

    def insert(self, rows: Sequence[Row]) -> list[str]:
        """Stores rows in as few calls as it offers; returns the ids by which it knows them."""

    def search(self, vector: Vectors, text: str) -> list[str]:
        """Ids of the K nearest to a vector. text: of the question, for stores that embed it themselves."""

    def delete(self, id: str) -> None:
        """Deletes one for good, as its pages say."""

    def compact(self) -> str:
        """Does what it offers to give space back; says what that was, "" where it offers nothing."""

    def close(self) -> None:
        """Closes it in an orderly way."""

    def keys(self, ids: Sequence[str]) -> list[bytes]:
        """The key under which each memory is sealed, where it has one of its own; else nothing."""

    def settings(self) -> str:
        """How writes reach the disk, in words."""

    def decoded(self, folder: Path) -> Iterator[bytes]:
        """What is in the files of a copy that bytes alone do not show: compressed, or sealed under a key at hand."""


class Base:
    """What most stores share."""

    decodes = False

    def compact(self) -> str:
        """Nothing is offered."""
        return ""

    def keys(self, ids: Sequence[str]) -> list[bytes]:
        """No memory has a key of its own."""
        return []

    def decoded(self, folder: Path) -> Iterator[bytes]:
        """Its files show all that they hold."""
        yield from ()
