"""What happened to memories, and when: the traces that the policy lab replays. Ids, times and sizes; no text.

Seven things happen. An item is remembered; it is needed; it is used without anybody judging whether it was found, as
when an agent's own recall brings it up; it is remembered as the update of an older one; it is erased on request; for a
question it is to be avoided, because it is out of date, so that bringing it back would be wrong; and it ends, because a
store found out that it no longer holds, whether or not any question ever asks.

Needs that a question has at the same time belong together. A fact is what one of several items can supply: it is found
when any of them is kept.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memoria.arrays import Floats, Ints
from memoria.errors import InvalidInput
from memoria.traces import micros

KINDS = ("remember", "need", "use", "update", "erase", "avoid", "end")
REMEMBER, NEED, USE, UPDATE, ERASE, AVOID, END = range(len(KINDS))
NONE = -1
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, before events become columns.

    time: microseconds since 1970 UTC. kind: one of KINDS. item: any name. old: the item that an update replaces.
    question: any name; needs and avoidances of one question belong together, None for one of its own. fact: within
    the question, None for one of its own.
    """

    time: int
    kind: str
    item: str
    old: str | None = None
    question: str | None = None
    fact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is known of an item. size: bytes, > 0. salience: in [0, 1]. topic: what it competes with, if anything."""

    size: int = 1
    salience: float = 0.5
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Events:
    """n events, in order of time, of m items.

    time, shape (n,): microseconds since 1970 UTC. kind: place in KINDS. item: 0 to m - 1. old: item that an update
    replaces, or -1. fact: numbered from 0, needs first, then avoidances; -1 for other kinds.
    question, shape (facts,): the question of each fact. needed: how many facts are needed, not avoided.
    ranking, shape (questions, depth): items that a search for each question brings up, best first, -1 after the last;
    shape (0, 0) where nobody searched.
    size, salience, topic, shape (m,): of each item; a topic is a number, -1 for none.
    relearns: whether a need that finds nothing shows the item again, so that it is remembered anew; else a miss is
    final.
    """

    name: str
    time: Ints
    kind: NDArray[np.int8]
    item: Ints
    old: Ints
    fact: Ints
    question: Ints
    needed: int
    size: Ints
    salience: Floats
    topic: Ints
    relearns: bool
    ranking: Ints

    def __len__(self) -> int:
        return len(self.time)

    @property
    def items(self) -> int:
        """m."""
        return len(self.size)

    def digest(self) -> str:
        """What tells two traces apart, whatever they are called."""
        made = hashlib.sha256()
        for one in fields(self):
            if one.name != "name":
                made.update(np.ascontiguousarray(getattr(self, one.name)).tobytes())
        return made.hexdigest()

    def weights(self) -> Floats:
        """What each needed fact adds to the mean recall over questions, shape (needed,); they sum to 1."""
        asked = self.question[: self.needed]
        counts = np.bincount(asked, minlength=1)
        questions = max(int(np.count_nonzero(counts)), 1)
        out: Floats = 1.0 / (counts[asked] * questions)
        return out

    def footprint(self, sizes: Ints) -> int:
        """The most that is ever to be kept when nothing is let go but what is erased; sizes: of items, shape (m,)."""
        gained = np.where(np.isin(self.kind, (REMEMBER, UPDATE)), sizes[self.item], 0)
        lost = np.where(self.kind == ERASE, sizes[self.item], 0)
        return int(np.cumsum(gained - lost).max(initial=0))


@dataclass(slots=True)
class Gathered:
    """Events in the making: names become numbers in the order in which they come."""

    name: str
    relearns: bool
    known: Mapping[str, Item] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    rankings: dict[str, list[str]] = field(default_factory=dict)

    def add(self, time: int, kind: str, item: object, **more: Any) -> None:
        """One event more; what is not text is named by its text."""
        named = {name: None if value is None else str(value) for name, value in more.items()}
        self.events.append(Event(time=time, kind=kind, item=str(item), **named))

    def done(self) -> Events:
        """The trace, events in order of time and, at the same time, in the order in which they came.

        Raises InvalidInput when an item is used before it is remembered, or after it was erased.
        """
        ordered = sorted(self.events, key=lambda one: one.time)
        problems = list(_problems(ordered))
        if problems:
            more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
            raise InvalidInput(*problems[:_SHOWN], *more)
        numbers = {name: n for n, name in enumerate(dict.fromkeys(one.item for one in ordered))}
        known = [self.known.get(name, Item()) for name in numbers]
        topics = {name: n for n, name in enumerate(dict.fromkeys(one.topic for one in known if one.topic is not None))}
        fact, question, needed, asked = _facts(ordered)
        return Events(
            name=self.name,
            time=np.array([one.time for one in ordered], np.int64),
            kind=np.array([KINDS.index(one.kind) for one in ordered], np.int8),
            item=np.array([numbers[one.item] for one in ordered], np.int64),
            old=np.array([NONE if one.old is None else numbers[one.old] for one in ordered], np.int64),
            fact=fact,
            question=question,
            needed=needed,
            size=np.array([one.size for one in known], np.int64),
            salience=np.array([one.salience for one in known], np.float64),
            topic=np.array([NONE if one.topic is None else topics[one.topic] for one in known], np.int64),
            relearns=self.relearns,
            ranking=_ranked([self.rankings.get(name.removeprefix("question "), []) for name in asked], numbers),
        )


def _ranked(rankings: Sequence[Sequence[str]], numbers: Mapping[str, int]) -> Ints:
    depth = max(map(len, rankings), default=0)
    out = np.full((len(rankings) if depth else 0, depth), NONE, np.int64)
    for row, some in zip(out, rankings, strict=False):
        row[: len(some)] = [numbers[name] for name in some]
    return out


def _problems(ordered: Sequence[Event]) -> Iterator[str]:
    """What breaks the rules."""
    state: dict[str, bool] = {}
    for one in ordered:
        if one.kind not in KINDS:
            yield f"event {one.kind!r} is not one of {', '.join(KINDS)}"
        elif one.kind in ("remember", "update"):
            if one.item in state:
                yield f"item {one.item!r} is remembered twice"
            if (one.kind == "update") != (one.old is not None) or (one.old is not None and one.old not in state):
                yield f"{one.kind} of {one.item!r}: an update, and nothing else, replaces an item that was remembered"
            state[one.item] = True
        elif one.item not in state:
            yield f"{one.kind} of {one.item!r}, which was never remembered"
        elif not state[one.item]:
            yield f"{one.kind} of {one.item!r}, which was erased"
        elif one.kind == "erase":
            state[one.item] = False


def _facts(ordered: Sequence[Event]) -> tuple[Ints, Ints, int, list[str]]:
    """fact of each event, question of each fact, how many facts are needed, and names of questions."""
    fact = np.full(len(ordered), NONE, np.int64)
    questions: dict[str, int] = {}
    asked: list[int] = []
    needed = 0
    for kind in ("need", "avoid"):
        facts: dict[tuple[str, str], int] = {}
        for n, one in enumerate(ordered):
            if one.kind == kind:
                name = f"event {n}" if one.question is None else f"question {one.question}"
                number = questions.setdefault(name, len(questions))
                key = (name, f"event {n}" if one.fact is None else f"fact {one.fact}")
                fact[n] = facts.setdefault(key, len(asked))
                if fact[n] == len(asked):
                    asked.append(number)
        needed = len(asked) if kind == "need" else needed
    return fact, np.array(asked, np.int64), needed, list(questions)


def read(path: Path, *, relearns: bool = False) -> Events:
    """The events of a CSV or JSON Lines file with fields time, event, item; old, question, fact, size, salience, topic.

    A time is ISO 8601, UTC when it names no zone, or whole microseconds since 1970. Raises InvalidInput.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows: Iterable[Mapping[str, Any]] = (
            csv.DictReader(lines) if path.suffix == ".csv" else [_parsed(path, n, line) for n, line in enumerate(lines)]
        )
        gathered = Gathered(path.stem, relearns)
        known: dict[str, Item] = {}
        for n, row in enumerate(rows):
            event, item = _row(path, n, row)
            gathered.events.append(event)
            if event.kind in ("remember", "update"):
                known[event.item] = item
    gathered.known = known
    return gathered.done()


def _parsed(path: Path, n: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path}, record {n + 1}: {error}") from None
    if not isinstance(row, dict):
        raise InvalidInput(f"{path}, record {n + 1} is no object")
    return row


def _row(path: Path, n: int, row: Mapping[str, Any]) -> tuple[Event, Item]:
    given = {name: value for name, value in row.items() if name is not None and value not in (None, "")}
    missing = [name for name in ("time", "event", "item") if name not in given]
    if missing:
        raise InvalidInput(f"{path}, record {n + 1} has no {', '.join(missing)}")
    named = {name: str(given[name]) for name in ("old", "question", "fact") if name in given}
    try:
        size, salience = int(given.get("size", 1)), float(given.get("salience", 0.5))
        event = Event(time=_time(given["time"]), kind=str(given["event"]), item=str(given["item"]), **named)
    except ValueError as error:
        raise InvalidInput(f"{path}, record {n + 1}: {error}") from None
    if size < 1 or not 0 <= salience <= 1:
        raise InvalidInput(
            f"{path}, record {n + 1}: size {size} is not at least 1, or salience {salience} not in [0, 1]"
        )
    topic = given.get("topic")
    return event, Item(size=size, salience=salience, topic=None if topic is None else str(topic))


def _time(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        time = datetime.fromisoformat(value)
        return micros(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
