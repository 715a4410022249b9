"""Speakers and order of turns: the sessions of the documents of one namespace, in RAM only."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.text.words import plain_words

if TYPE_CHECKING:
    from memoria.arrays import Floats, Ints
    from memoria.types import Memory


NOBODY = -1
_MILLIS = 12
"""Digits of an id that say when, to the millisecond (identity.py)."""

_Turn = tuple[str, str, int]
"""Seat, id and document of a turn."""


def seat(memory: Memory) -> str:
    """The id of the turn in whose place a memory stands: what is left of a reworded turn has the place of that turn.

    Any other memory has its own. A rewording is made from what it supersedes, is said a microsecond after it, and holds
    from a time of its own (change/reconcile.py).
    """
    sources = memory.provenance.derived_from
    if not sources or memory.valid_from is None:
        return memory.id
    first = sources[0]
    at_once = int(memory.id[:_MILLIS], 16) - int(first[:_MILLIS], 16) in (0, 1)
    return first if at_once and first < memory.id else memory.id


class Conversation:
    """The turns of each session, ordered by id, which is the order of time.

    A turn and what it was reworded to have one seat: their neighbours are those of the seat, and the turn beside a seat
    has the last of its wordings for a neighbour. For each turn, arrays hold the one before and the one after it, so
    that neighbours of many are found at once.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, list[_Turn]] = {}
        self._place: dict[int, tuple[str, str, str]] = {}
        self._before = np.zeros(0, np.int32)
        self._after = np.zeros(0, np.int32)
        self._speaker: dict[int, str] = {}
        self._speakers: Counter[str] = Counter()

    def add(self, doc: int, memory: Memory) -> None:
        """Adds a turn. A memory without a session gets no neighbours; one without a speaker was said by nobody."""
        session, speaker = memory.provenance.session, memory.provenance.speaker
        self._reserve(doc + 1)
        if session is not None:
            turns = self._sessions.setdefault(session, [])
            turn = seat(memory), memory.id, doc
            insort(turns, turn)
            self._link(turns, bisect_left(turns, turn))
            self._place[doc] = session, turn[0], memory.id
        if speaker is not None:
            self._speaker[doc] = speaker
            self._speakers[speaker] += 1

    def remove(self, doc: int) -> None:
        """Takes a turn out; those beside it become neighbours."""
        session, seat, id = self._place.pop(doc, (None, "", ""))
        if session is not None:
            turns = self._sessions[session]
            at = bisect_left(turns, (seat, id, doc))
            del turns[at]
            self._before[doc] = self._after[doc] = NOBODY
            self._link(turns, at - 1)
            self._link(turns, at)
            if not turns:
                del self._sessions[session]
        speaker = self._speaker.pop(doc, None)
        if speaker is not None:
            self._speakers[speaker] -= 1
            if not self._speakers[speaker]:
                del self._speakers[speaker]

    def _link(self, turns: Sequence[_Turn], at: int) -> None:
        """Links the seat of the turn at a place, or at either end nobody, with those beside it."""
        here = _seated(turns, at)
        before, after = _seated(turns, here.start - 1), _seated(turns, here.stop)
        for one in here:
            self._before[turns[one][2]] = _last(turns, before)
            self._after[turns[one][2]] = _last(turns, after)
        for one in before:
            self._after[turns[one][2]] = _last(turns, here or after)
        for one in after:
            self._before[turns[one][2]] = _last(turns, here or before)

    def _reserve(self, size: int) -> None:
        if size > len(self._before):
            fresh = np.full(max(size, 2 * len(self._before), 64) - len(self._before), NOBODY, np.int32)
            self._before = np.concatenate([self._before, fresh])
            self._after = np.concatenate([self._after, fresh])

    def neighbours(self, docs: Ints, step: int) -> Ints:
        """For each document, the one `step` turns later in its session (earlier if negative), -1 if there is none."""
        link = self._before if step < 0 else self._after
        for _ in range(abs(step)):
            real = (docs >= 0) & (docs < len(link))
            docs = np.where(real, link[np.where(real, docs, 0)] if len(link) else NOBODY, NOBODY)
        beside: Ints = docs.astype(np.int64)
        return beside

    def named(self, spoken: Set[str]) -> frozenset[str]:
        """The speakers with a word of their name in `spoken`, which is in lower case."""
        return frozenset(name for name in self._speakers if not spoken.isdisjoint(plain_words(name)))

    def speaks(self, docs: Ints, named: Set[str]) -> Floats:
        """For each document: 1 if its speaker is in `named`, -1 if not; 0 if `named` or the speaker is not known."""
        if not named:
            return np.zeros(len(docs))
        said = (self._speaker.get(doc) for doc in docs.tolist())
        return np.array([0.0 if who is None else 1.0 if who in named else -1.0 for who in said])

    def state(self, name: Callable[[int], Any]) -> Mapping[str, Any]:
        """All contents, in an order that does not depend on the order of additions and removals. name: of a turn."""
        return {
            "sessions": {
                one: [(seat, id, name(doc)) for seat, id, doc in turns] for one, turns in sorted(self._sessions.items())
            },
            "before": {name(int(doc)): name(int(self._before[doc])) for doc in np.flatnonzero(self._before != NOBODY)},
            "after": {name(int(doc)): name(int(self._after[doc])) for doc in np.flatnonzero(self._after != NOBODY)},
            "places": {name(doc): self._place[doc] for doc in sorted(self._place, key=name)},
            "speaker": {name(doc): self._speaker[doc] for doc in sorted(self._speaker, key=name)},
            "speakers": dict(sorted(self._speakers.items())),
        }


def _seated(turns: Sequence[_Turn], at: int) -> range:
    """The places of all turns that have the seat of the one at a place; none for a place that is none."""
    if not 0 <= at < len(turns):
        return range(max(at, 0), max(at, 0))
    first = last = at
    while first and turns[first - 1][0] == turns[at][0]:
        first -= 1
    while last + 1 < len(turns) and turns[last + 1][0] == turns[at][0]:
        last += 1
    return range(first, last + 1)


def _last(turns: Sequence[_Turn], places: range) -> int:
    return turns[places[-1]][2] if places else NOBODY
