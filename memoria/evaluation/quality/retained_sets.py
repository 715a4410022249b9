"""Sets of memories with questions, to see how much of what is asked for is kept, and which sets share their origin.

A case is a conversation or a persona. Its questions are asked at moments, of what was stored by then: at the end in
LoCoMo and Memora, again and again in RealMem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from memoria.evaluation.quality import datasets, statements
from memoria.evaluation.quality.datasets import Asked, Conversation
from memoria.remember import Draft
from memoria.retention.salience import Turn
from memoria.retention.salience_fit import Sample

LOCOMO, MEMORA, WHOLE, REALMEM = "locomo", "memora", "memora, every turn", "realmem facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Questions that are asked together. known: how many memories there are. until: when it is."""

    known: int
    asked: tuple[Asked, ...]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """drafts: the memories in order. moments: when it is asked, with questions that need something."""

    name: str
    drafts: tuple[Draft, ...]
    moments: tuple[Moment, ...]

    @property
    def turns(self) -> list[Turn]:
        """What is judged of each memory."""
        return [turn(draft) for draft in self.drafts]

    def sample(self) -> Sample:
        """What was needed of it at any moment."""
        needed = np.zeros(len(self.drafts))
        for places in (fact for moment in self.moments for asked in moment.asked for fact in asked.relevant):
            for place in places:
                needed[place] += 1 / len(places)
        return Sample(turns=self.turns, needed=needed)


def turn(draft: Draft) -> Turn:
    """A draft as salience sees it."""
    on = None if draft.created_at is None else draft.created_at.date()
    return Turn(text=draft.text, speaker=draft.provenance.speaker, session=draft.provenance.session, on=on)


def sets(locomo: Path | None, memora: Path | None, realmem: Path | None) -> dict[str, list[Case]]:
    """The sets whose files are given; evidence of Memora by session.

    Args:
        locomo: a LoCoMo JSON file.
        memora: a folder with Memora's weekly files.
        realmem: a file with RealMem's facts and messages.

    Returns:
        Cases by the name of the set, in the order of the arguments; Memora twice, the second time with every turn.
    """
    found: dict[str, list[Case]] = {}
    if locomo is not None:
        found[LOCOMO] = _at_the_end(datasets.load(locomo))
    if memora is not None:
        found[MEMORA] = _at_the_end(datasets.load(memora, strict=True))
        found[WHOLE] = _at_the_end(datasets.load(memora, strict=True, whole=True))
    if realmem is not None:
        found[REALMEM] = _at_moments(list(statements.realmem(realmem)))
    return found


def others(name: str, found: Mapping[str, Sequence[Case]]) -> dict[str, list[Sample]]:
    """The samples of all sets that share no origin with one of them."""
    return {other: [one.sample() for one in cases] for other, cases in found.items() if origin(other) != origin(name)}


def origin(name: str) -> str:
    """Where a set comes from: the first word of its name."""
    return name.split()[0].strip(",")


def _at_the_end(talks: Sequence[Conversation]) -> list[Case]:
    return [
        Case(
            name=one.name,
            drafts=one.drafts,
            moments=(Moment(known=len(one.drafts), asked=one.asked, until=one.until),),
        )
        for one in talks
        if one.asked
    ]


def _at_moments(talks: Sequence[Conversation]) -> list[Case]:
    """Conversations that are beginnings of one another, named by persona and count, as one case a persona."""
    by_name: dict[str, list[Conversation]] = {}
    for one in talks:
        if one.asked:
            by_name.setdefault(one.name.rsplit(" ", 1)[0], []).append(one)
    return [
        Case(
            name=name,
            drafts=max((one.drafts for one in some), key=len),
            moments=tuple(Moment(known=len(one.drafts), asked=one.asked, until=one.until) for one in some),
        )
        for name, some in by_name.items()
    ]
