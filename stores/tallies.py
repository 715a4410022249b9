"""Tallies: how many memories have a subject, a speaker, a session, a tag, a kind, a month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from memoria.canonical import canonical
from memoria.types import Memory, Namespace

NAMED = ("subject", "speaker", "session", "tag")
"""Kinds of names, as labels of stores name them."""


@dataclass(slots=True)
class Tally:
    """How many memories have each name; a gist has the names of its parts. months: of `created_at`, in UTC: "2026-05".

    A subject counts in all ways to write it, and is written in the one that is met most often.
    """

    memories: int = 0
    subject: Counter[str] = field(default_factory=Counter)
    speaker: Counter[str] = field(default_factory=Counter)
    session: Counter[str] = field(default_factory=Counter)
    tag: Counter[str] = field(default_factory=Counter)
    kind: Counter[str] = field(default_factory=Counter)
    month: Counter[str] = field(default_factory=Counter)


def names(memory: Memory) -> Iterator[tuple[str, str, str]]:
    """(kind of name, name, as it is written) of a memory and its parts; some may come twice."""
    for one in (memory, *memory.parts):
        if one.subject is not None:
            yield "subject", canonical(one.subject), one.subject
        origin = one.provenance
        if origin.speaker is not None:
            yield "speaker", origin.speaker, origin.speaker
        if origin.session is not None:
            yield "session", origin.session, origin.session
        yield from (("tag", tag, tag) for tag in one.tags)


def tallied(memories: Iterable[Memory]) -> Tally:
    """The counts of memories that were read."""
    found, ways = Tally(), Ways()
    for memory in memories:
        found.memories += 1
        found.kind[memory.kind] += 1
        found.month[f"{memory.created_at:%Y-%m}"] += 1
        for kind, name, written in set(names(memory)):
            ways.add(kind, name, written)
        for kind, name in {(kind, name) for kind, name, _ in names(memory)}:
            getattr(found, kind)[name] += 1
    return ways.told(found)


class Ways:
    """How subjects are written."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[str]] = {}

    def add(self, kind: str, name: str, written: str) -> None:
        """Notes a name; only those of subjects are written in several ways."""
        if kind == "subject":
            self._of.setdefault(name, Counter())[written] += 1

    def told(self, found: Tally) -> Tally:
        """The same counts, with subjects as they are written."""
        shown = {name: min(ways, key=lambda one: (-ways[one], one)) for name, ways in self._of.items()}
        found.subject = Counter({shown.get(name, name): n for name, n in found.subject.items()})
        return found


_Asked = tuple[Namespace, frozenset[int]]


class Kept:
    """Tallies of what did not change since, by the question. They are content: `drop` comes before any change.

    changes: how often there was one. most: so many are kept.
    """

    def __init__(self, most: int = 8) -> None:
        self.changes = 0
        self._most = most
        self._of: dict[_Asked, Tally] = {}

    def __len__(self) -> int:
        return len(self._of)

    def drop(self) -> None:
        self._of, self.changes = {}, self.changes + 1

    def get(self, asked: _Asked) -> Tally | None:
        """A copy of what is kept."""
        return deepcopy(self._of.get(asked))

    def keep(self, asked: _Asked, found: Tally, changes: int) -> None:
        """Keeps a copy, unless something has changed since there were so many changes."""
        if self.changes == changes:
            self._of = dict([*self._of.items()][1 - self._most :]) | {asked: deepcopy(found)}
