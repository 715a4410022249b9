"""Scenarios: what happens to a memory, step by step, and what must then be gone, stay, or be valid as of a time.

A case is data, made before anything runs; anything with the few verbs of `Engine` can play it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from memoria.canonical import canonical
from memoria.errors import Held, MemoriaError, MemoryNotFound, Refused
from memoria.forget.erase import Guard
from memoria.remember import Draft
from memoria.types import Namespace, Provenance

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
NOW = START + timedelta(days=100)
# A well-formed id that no memory has.
UNKNOWN = "0" * 12 + "7" + "0" * 19


def day(number: int) -> datetime:
    """The time of a day of a scenario; `NOW` is day 100."""
    return START + timedelta(days=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to forget: these ids, or what meets every criterion given. space: a whole namespace."""

    ids: tuple[str, ...] = ()
    subject: str | None = None
    mentions: str | None = None
    space: Namespace | None = None
    guard: Guard = "exact"


class Engine(Protocol):
    """A memory, as far as the suite needs one. Raises memoria's errors: Refused, Held, MemoryNotFound."""

    def remember(self, drafts: Sequence[Draft], space: Namespace) -> list[str]:
        """Stores all or none; returns their ids."""
        ...

    def gather(self, ids: Sequence[str]) -> str:
        """Makes one memory of several; returns its id."""
        ...

    def supersede(self, old: str, new: Draft, at: datetime) -> str:
        """A new fact takes the place of an old one at a time; returns its id."""
        ...

    def amend(self, id: str, text: str) -> None:
        """Replaces the text of a memory."""
        ...

    def hold(self, ids: Sequence[str]) -> None:
        """Holds memories: nothing may erase them until they are released."""
        ...

    def release(self, ids: Sequence[str]) -> None:
        """Ends holds."""
        ...

    def forget(self, asked: Asked) -> int:
        """Forgets what is asked and what was made from it; returns how many memories that was."""
        ...

    def sleep(self, meanwhile: Callable[[], None]) -> None:
        """Runs a pass of consolidation in the background, and `meanwhile` during it."""
        ...

    def recall(self, query: str, at: datetime | None, *, everything: bool) -> list[str]:
        """What the ten best say, as of a time if given. everything: also expired, upcoming and archived ones."""
        ...

    def list(self) -> list[str]:
        """All content of all memories: texts, parts, names, labels."""
        ...

    def has(self, id: str) -> bool:
        """Whether an id leads to a memory, or to a part of one."""
        ...

    def export(self) -> Sequence[str]:
        """Everything, as lines."""
        ...

    def take_in(self, lines: Sequence[str]) -> None:
        """Imports lines, except those that are refused."""
        ...

    def watch(self, ids: Sequence[str]) -> None:
        """Notes the bytes that must be in no file once these are forgotten."""
        ...

    def residue(self) -> int:
        """How many of the noted bytes are still in a file."""
        ...


@dataclass(slots=True)
class Stage:
    """The state of a case: the engine, the ids by label, and the last export."""

    engine: Engine
    ids: dict[str, str] = field(default_factory=dict)
    exported: Sequence[str] = field(default_factory=list)

    def named(self, labels: Sequence[str]) -> list[str]:
        return [self.ids[label] for label in labels]


class Step(Protocol):
    """One action or check of a case."""

    def do(self, stage: Stage) -> list[str]:
        """What is wrong; empty when all is well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something to remember. label: its name in the case. ask: a question for it. value: a word that no other fact has.

    day: when it is observed; None is now, as an agent says things. sources: labels of what it is derived from.
    """

    label: str
    text: str
    ask: str
    value: str = ""
    subject: str | None = None
    space: Namespace = ()
    day: int | None = 0
    speaker: str | None = None
    session: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def draft(self, stage: Stage) -> Draft:
        """The fact as it is remembered."""
        return Draft(
            text=self.text,
            subject=self.subject,
            created_at=None if self.day is None else day(self.day),
            metadata=self.metadata,
            provenance=Provenance(
                speaker=self.speaker, session=self.session, derived_from=tuple(stage.named(self.sources))
            ),
        )


@dataclass(frozen=True, slots=True)
class Say:
    """Facts of one namespace are remembered, each by itself or all at once. again: they may be refused."""

    facts: tuple[Fact, ...]
    at_once: bool = True
    again: bool = False

    def do(self, stage: Stage) -> list[str]:
        batches = [self.facts] if self.at_once else [(fact,) for fact in self.facts]
        for batch in batches:
            try:
                made = stage.engine.remember([fact.draft(stage) for fact in batch], batch[0].space)
            except (Refused, MemoryNotFound):
                if not self.again:
                    raise
            else:
                stage.ids |= {fact.label: id for fact, id in zip(batch, made, strict=True)}
        return []


@dataclass(frozen=True, slots=True)
class Gather:
    """Memories become one gist."""

    label: str
    labels: tuple[str, ...]

    def do(self, stage: Stage) -> list[str]:
        stage.ids[self.label] = stage.engine.gather(stage.named(self.labels))
        return []


@dataclass(frozen=True, slots=True)
class Supersede:
    """A fact takes the place of another on a day."""

    old: str
    new: Fact
    day: int

    def do(self, stage: Stage) -> list[str]:
        stage.ids[self.new.label] = stage.engine.supersede(stage.ids[self.old], self.new.draft(stage), day(self.day))
        return []


@dataclass(frozen=True, slots=True)
class Amend:
    """A memory gets another text."""

    label: str
    text: str

    def do(self, stage: Stage) -> list[str]:
        stage.engine.amend(stage.ids[self.label], self.text)
        return []


@dataclass(frozen=True, slots=True)
class Hold:
    """Memories are held, or released."""

    labels: tuple[str, ...]
    held: bool = True

    def do(self, stage: Stage) -> list[str]:
        verb = stage.engine.hold if self.held else stage.engine.release
        verb(stage.named(self.labels))
        return []


Outcome = Literal["done", "held", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Something is forgotten, or must not be. count: how many memories must go, when that is checked."""

    labels: tuple[str, ...] = ()
    subject: str | None = None
    mentions: str | None = None
    space: Namespace | None = None
    guard: Guard = "exact"
    outcome: Outcome = "done"
    count: int | None = None

    def do(self, stage: Stage) -> list[str]:
        ids = tuple(stage.ids.get(label, UNKNOWN) for label in self.labels)
        asked = Asked(ids=ids, subject=self.subject, mentions=self.mentions, space=self.space, guard=self.guard)
        outcome: Outcome = "done"
        gone = 0
        try:
            gone = stage.engine.forget(asked)
        except Held:
            outcome = "held"
        except MemoryNotFound:
            outcome = "unknown"
        if outcome != self.outcome:
            return [f"forget: {outcome}, not {self.outcome}"]
        wrong = self.count is not None and gone != self.count
        return [f"forget: {gone} memories went, not {self.count}"] if wrong else []


@dataclass(frozen=True, slots=True)
class Export:
    """All is exported, for later."""

    def do(self, stage: Stage) -> list[str]:
        stage.exported = stage.engine.export()
        return []


@dataclass(frozen=True, slots=True)
class Import:
    """The last export is taken in."""

    def do(self, stage: Stage) -> list[str]:
        stage.engine.take_in(stage.exported)
        return []


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pass of sleep, and what happens while it is under way."""

    meanwhile: tuple[Step, ...] = ()

    def do(self, stage: Stage) -> list[str]:
        wrong: list[str] = []
        stage.engine.sleep(lambda: wrong.extend(one for step in self.meanwhile for one in step.do(stage)))
        return wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What must be gone: nothing that is found or listed says it, and its ids lead nowhere. at: as of a day alone."""

    says: tuple[str, ...]
    query: str
    labels: tuple[str, ...] = ()
    at: int | None = None

    def do(self, stage: Stage) -> list[str]:
        when = None if self.at is None else day(self.at)
        places = {"recalled": stage.engine.recall(self.query, when, everything=self.at is None)}
        if self.at is None:
            places["listed"] = stage.engine.list()
        wrong = [
            f"{where}, though gone: {one!r}"
            for one in self.says
            for where, texts in places.items()
            if any(says(text, one) for text in texts)
        ]
        there = [label for label in self.labels if label in stage.ids and stage.engine.has(stage.ids[label])]
        return wrong + [f"there, though gone: {label}" for label in there]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a recall must bring back, or must not. at: as of a day; today without."""

    says: str
    query: str
    at: int | None = None
    found: bool = True

    def do(self, stage: Stage) -> list[str]:
        when = None if self.at is None else day(self.at)
        there = any(says(text, self.says) for text in stage.engine.recall(self.query, when, everything=False))
        if there == self.found:
            return []
        asked = "today" if self.at is None else f"as of day {self.at}"
        return [f"{'not ' if self.found else ''}found {asked}: {self.says!r}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario. It passes when no step of it finds anything wrong."""

    id: str
    category: str
    steps: tuple[Step, ...]

    def doomed(self) -> list[str]:
        """Labels of the facts that must be gone at the end."""
        return [label for step in self.steps if isinstance(step, Gone) for label in step.labels]

    def by_chance(self) -> bool:
        """Whether the outcome depends on the key of a store, under which the similarity of texts is estimated."""
        return any(isinstance(step, Forget) and step.guard == "near" for step in self.steps)


def play(case: Case, engine: Engine) -> list[str]:
    """Plays a case; returns what went wrong. A step that raises ends it."""
    stage, wrong = Stage(engine=engine), list[str]()
    doomed, watched = case.doomed(), set[str]()
    for step in case.steps:
        if isinstance(step, Forget | Amend | Sleep):
            new = [label for label in doomed if label in stage.ids and label not in watched]
            engine.watch(stage.named(new))
            watched |= set(new)
        try:
            wrong += step.do(stage)
        except (MemoriaError, KeyError) as error:
            return [*wrong, f"{type(step).__name__.lower()} raised {type(error).__name__}: {error}"]
    left = engine.residue()
    return [*wrong, f"{left} secrets still stand in a file"] if left else wrong


def says(text: str, words: str) -> bool:
    """Whether a text contains these words as whole words, in canonical form."""
    return re.search(rf"(?<!\w){re.escape(canonical(words))}(?!\w)", canonical(text)) is not None
