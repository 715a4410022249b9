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


class Conversation:
    """The turns of each session, ordered by id, which is the order of time.

    For each turn, arrays hold the one before and the one after it, so that neighbours of many are found at once.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, list[tuple[str, int]]] = {}
        self._place: dict[int, tuple[str, str]] = {}
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
            insort(turns, (memory.id, doc))
            at = bisect_left(turns, (memory.id, doc))
            self._link(_doc(turns, at - 1), doc)
            self._link(doc, _doc(turns, at + 1))
            self._place[doc] = session, memory.id
        if speaker is not None:
            self._speaker[doc] = speaker
            self._speakers[speaker] += 1

    def remove(self, doc: int) -> None:
        """Takes a turn out; those beside it become neighbours."""
        session, id = self._place.pop(doc, (None, ""))
        if session is not None:
            turns = self._sessions[session]
            del turns[bisect_left(turns, (id, doc))]
            if not turns:
                del self._sessions[session]
            self._link(int(self._before[doc]), int(self._after[doc]))
            self._before[doc] = self._after[doc] = NOBODY
        speaker = self._speaker.pop(doc, None)
        if speaker is not None:
            self._speakers[speaker] -= 1
            if not self._speakers[speaker]:
                del self._speakers[speaker]

    def _link(self, first: int, second: int) -> None:
        if first != NOBODY:
            self._after[first] = second
        if second != NOBODY:
            self._before[second] = first

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
            "sessions": {one: [(id, name(doc)) for id, doc in turns] for one, turns in sorted(self._sessions.items())},
            "before": {name(int(doc)): name(int(self._before[doc])) for doc in np.flatnonzero(self._before != NOBODY)},
            "after": {name(int(doc)): name(int(self._after[doc])) for doc in np.flatnonzero(self._after != NOBODY)},
            "places": {name(doc): self._place[doc] for doc in sorted(self._place, key=name)},
            "speaker": {name(doc): self._speaker[doc] for doc in sorted(self._speaker, key=name)},
            "speakers": dict(sorted(self._speakers.items())),
        }


def _doc(turns: Sequence[tuple[str, int]], at: int) -> int:
    return turns[at][1] if 0 <= at < len(turns) else NOBODY
