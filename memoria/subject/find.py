"""about: which memories are about a person, by which way, and which may be about somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from memoria.canonical import canonical
from memoria.errors import InvalidQuery, MemoryNotFound
from memoria.protocols import Progress, Store
from memoria.retention.restriction import WAYS
from memoria.text.person import By, Person
from memoria.types import Memory, Namespace, Record, Where
from memoria.validate import check_choice, is_id

Way = Literal["subject", "speaker", "mention", "near", "included", "derived"]
"""How a memory was found; "near" and "included" are those that somebody chose among the near misses."""
_BATCH = 500
Take = Callable[[Record, Memory], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked for, and where.

    Attributes:
        names: the name, and others of the same person.
        namespace: in this namespace and below.
        by: the ways that count.
        include: ids of near misses that count too.
        near: whether all near misses count.
    """

    names: tuple[str, ...]
    namespace: Namespace = ()
    by: tuple[By, ...] = WAYS
    include: tuple[str, ...] = ()
    near: bool = False

    def checked(self) -> Asked:
        """This; raises InvalidQuery for a name that is none, an unknown way, or none, and what is no id."""
        if not self.by:
            raise InvalidQuery(f"by names no way: give some of {', '.join(WAYS)}")
        for way in self.by:
            check_choice("by", way, WAYS)
        if not all(map(is_id, self.include)):
            raise InvalidQuery("include takes ids of 32 hexadecimal digits")
        if not isinstance(self.near, bool):
            raise InvalidQuery(f"near is {type(self.near).__name__}, not True or False")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A memory that was found, or a part of a gist.

    Attributes:
        id: of the memory.
        namespace: where it is.
        at: when it was observed.
        ways: how it is about the person.
        text: what it says; None where it is restricted.
        subject: whom it is said to be about.
        speaker: who said it.
        restricted: whether it is only stored.
        archived: whether recall leaves it out.
        held: whether a hold protects it from being erased.
        gist: the id of the gist that it is a part of; None for a memory of its own.
    """

    id: str
    namespace: Namespace
    at: datetime
    ways: tuple[Way, ...]
    text: str | None
    subject: str | None
    speaker: str | None
    restricted: bool
    archived: bool
    held: bool
    gist: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was found about a person.

    Attributes:
        names: who was asked for.
        namespace: where.
        found: what is about the person, oldest first.
        near: what may be about the person or another one, oldest first; nothing is done with it.
        read: how many memories were read.
    """

    names: tuple[str, ...]
    namespace: Namespace
    found: tuple[Finding, ...]
    near: tuple[Finding, ...]
    read: int

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of what is about the person."""
        return tuple(one.id for one in self.found)

    def counts(self) -> dict[str, int]:
        """How many were found by each way; one that was found by several counts for each.

        Returns:
            Counts by way, and of all that is near or restricted.
        """
        ways: Counter[str] = Counter(way for one in self.found for way in one.ways)
        restricted = sum(one.restricted for one in self.found)
        held = sum(one.held for one in self.found)
        rest = {"found": len(self.found), "near": len(self.near), "restricted": restricted, "held": held}
        return {**{way: ways[way] for way in (*WAYS, "included", "derived")}, **rest}


@dataclass(slots=True)
class _Search:
    """A search while it is made. known: others by the names of subjects and speakers, in canonical form."""

    asked: Asked
    person: Person
    found: dict[str, Finding] = field(default_factory=dict)
    near: dict[str, Finding] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)

    def take(self, record: Record, one: Memory) -> None:
        """Judges a memory, or a part of a gist."""
        judged = self.person.judge(one)
        ways: tuple[Way, ...] = judged.ways
        chosen = one.id in self.unseen
        self.unseen.discard(one.id)
        if not ways and chosen:
            ways = ("included",)
        elif not ways and judged.near:
            ways = ("near",)
        if ways:
            apart = ways == ("near",) and not self.asked.near
            (self.near if apart else self.found)[one.id] = finding(record, one, ways)


def about(store: Store, asked: Asked, progress: Progress | None = None) -> About:
    """Everything about a person, and what may be about another one.

    Raises InvalidQuery for what breaks a rule, MemoryNotFound for an id to include that is not there.
    """
    asked.checked()
    search = _Search(asked, Person(asked.names, asked.by), unseen=set(asked.include))
    with store.alone():
        read = every(store, asked.namespace, search.take, progress)
        if search.unseen:
            raise MemoryNotFound(*sorted(search.unseen))
        made = descendants(store, search.found.keys())
        for record in _records(store, sorted(made - search.found.keys())):
            if not record.memory.parts:
                search.near.pop(record.memory.id, None)
                search.found[record.memory.id] = finding(record, record.memory, ("derived",))
    return About(
        names=asked.names,
        namespace=asked.namespace,
        found=tuple(one for _, one in sorted(search.found.items())),
        near=tuple(one for _, one in sorted(search.near.items())),
        read=read,
    )


def every(store: Store, prefix: Namespace, take: Take, progress: Progress | None = None) -> int:
    """Reads every memory under a namespace, a batch at a time, parts of gists one by one; returns how many."""
    ids = store.select(Where(namespace=prefix))
    for done, record in enumerate(_records(store, ids), 1):
        for one in record.memory.parts or (record.memory,):
            take(record, one)
        if progress is not None and (done % _BATCH == 0 or done == len(ids)):
            progress("read", done, len(ids))
    return len(ids)


def _records(store: Store, ids: Sequence[str]) -> Iterator[Record]:
    for at in range(0, len(ids), _BATCH):
        yield from (one for one in store.read(ids[at : at + _BATCH]) if one is not None)


def finding(record: Record, one: Memory, ways: tuple[Way, ...]) -> Finding:
    """A memory as it was found. record: where it is stored; its own, or that of its gist."""
    trace = record.trace
    return Finding(
        id=one.id,
        namespace=one.namespace,
        at=one.created_at,
        ways=ways,
        text=None if trace.restricted else one.text,
        subject=one.subject,
        speaker=one.provenance.speaker,
        restricted=trace.restricted,
        archived=trace.archived,
        held=trace.held,
        gist=None if one.id == record.memory.id else record.memory.id,
    )


def descendants(store: Store, ids: Collection[str]) -> set[str]:
    """Ids of all that was made from these, at any depth, and these."""
    seen, front = set(ids), sorted(ids)
    while front:
        above = set(front)
        below = {link.child for link in store.links(front) if link.relation == "derived" and link.parent in above}
        front = sorted(below - seen)
        seen |= below
    return seen


@dataclass(slots=True)
class Others:
    """The people that memories name beside the one who asks: subjects and speakers of the store.

    Attributes:
        names: as they are written, by their canonical form.
    """

    names: dict[str, str] = field(default_factory=dict)

    def learn(self, memory: Memory) -> None:
        """Takes in who is in a memory."""
        for name in (memory.subject, memory.provenance.speaker):
            if name is not None:
                self.names.setdefault(canonical(name), name)

    def by_first_word(self, but: Collection[str]) -> Mapping[str, list[str]]:
        """Names, but for these in canonical form, by their first word."""
        found: dict[str, list[str]] = {}
        for known, name in self.names.items():
            if known and known not in but:
                found.setdefault(known.split()[0], []).append(name)
        return found
