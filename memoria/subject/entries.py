"""What stands in a dossier: one entry a memory, and what is around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from memoria.retention.restriction import Restriction
from memoria.subject.find import Way
from memoria.types import Kind, Namespace

FORMAT: Literal["memoria.subject"] = "memoria.subject"
VERSION = 1
"""The version of the form of a dossier: a later one only adds fields, unless its first digit differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another memory that this one hangs together with.

    Attributes:
        id: of the other memory.
        how: what the other is to this one.
        until: until when this one, or the other, was valid before; None for no end.
        weight: of a doubt, its log-odds.
        judge: who judged so.
    """

    id: str
    how: Literal["made from", "made into", "replaces", "replaced by", "doubts", "doubted by", "ends", "ended by"]
    until: datetime | None = None
    weight: float | None = None
    judge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A time when it was looked for.

    Attributes:
        at: when.
        found: whether it was found.
    """

    at: datetime
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A line of the ledger about it.

    Attributes:
        at: when it was taken.
        action: what was decided: "hold", "release", "restrict", "lift" or another.
        reason: why.
    """

    at: datetime
    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One memory about the person, with all that is known of it.

    Attributes:
        id: of the memory.
        found_by: the ways by which it is about the person.
        namespace: where it is stored.
        text: what is stored, word by word.
        kind: "episodic" (what happened), "semantic" (what is so), "procedural" (how it is done).
        observed_at: when it was said or seen.
        valid_from: from when it holds; None is unbounded.
        valid_to: until when it holds; None is unbounded.
        expired: whether it no longer holds.
        subject: whom or what it is said to be about.
        speaker: who said it.
        source: where it comes from.
        session: of which conversation it is.
        tags: its labels.
        key: the name that the program which stored it uses.
        metadata: what that program stored beside it.
        salience: how important it counts, in [0, 1].
        archived: whether it is out of use, and can be brought back.
        pinned: whether it is kept from fading.
        held: whether a hold protects it from being erased.
        restricted: whether it is only stored.
        part_of: the id of the summary that it is a part of.
        related: the memories that it hangs together with.
        used: when it was looked for.
        uses: how often it was found since it was stored.
        fades_at: when it goes out of use if nobody asks for it; None is never.
        expires_at: when it is erased by its retention period; None where it has none.
        learnt_by: names of the adapters whose weights learnt it.
        decisions: what was decided about it.
        others: other people whom it names: their rights are to be looked at before it is handed out.
    """

    id: str
    found_by: tuple[Way, ...]
    namespace: Namespace
    text: str
    kind: Kind
    observed_at: datetime
    valid_from: datetime | None
    valid_to: datetime | None
    expired: bool
    subject: str | None
    speaker: str | None
    source: str | None
    session: str | None
    tags: tuple[str, ...]
    key: str | None
    metadata: Mapping[str, Any]
    salience: float
    archived: bool
    pinned: bool
    held: bool
    restricted: bool
    part_of: str | None
    related: tuple[Related, ...]
    used: tuple[Use, ...]
    uses: int
    fades_at: datetime | None
    expires_at: datetime | None
    learnt_by: tuple[str, ...]
    decisions: tuple[Decision, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that is stored about a person.

    Attributes:
        format: what this is.
        version: of its form.
        made_at: when it was made.
        names: the person, by the names that were asked for.
        namespace: where was looked.
        counts: how many memories were found, by way.
        entries: the memories, oldest first: archived, replaced, expired and restricted ones too.
        near: ids of what may be about the person or another one, and is left out.
        restrictions: the orders that stand for these names.
    """

    made_at: datetime
    names: tuple[str, ...]
    namespace: Namespace
    counts: Mapping[str, int]
    entries: tuple[Entry, ...]
    near: tuple[str, ...]
    restrictions: tuple[Restriction, ...] = ()
    format: Literal["memoria.subject"] = FORMAT
    version: int = VERSION
