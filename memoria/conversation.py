"""Who said what in which order: speakers and sessions of the documents of one namespace, in RAM only."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from memoria.words import plain_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memoria.types import Memory

    Docs = NDArray[np.int64]

NOBODY = -1


class Conversation:
    """Turns of a session stand in the order of their ids, which is the order of time."""

    def __init__(self) -> None:
        self._sessions: dict[str, list[tuple[str, int]]] = {}
        self._place: dict[int, tuple[str, str]] = {}
        self._speaker: dict[int, str] = {}
        self._speakers: Counter[str] = Counter()

    def add(self, doc: int, memory: Memory) -> None:
        """Adds a turn; a memory without session or speaker has no neighbours or nobody who said it."""
        session, speaker = memory.provenance.session, memory.provenance.speaker
        if session is not None:
            insort(self._sessions.setdefault(session, []), (memory.id, doc))
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
        speaker = self._speaker.pop(doc, None)
        if speaker is not None:
            self._speakers[speaker] -= 1
            if not self._speakers[speaker]:
                del self._speakers[speaker]

    def neighbours(self, docs: Docs, step: int) -> Docs:
        """The document `step` turns later in the session of each (earlier when negative), -1 where there is none."""
        if not self._sessions:
            return np.full(len(docs), NOBODY, np.int64)
        return np.array([self._beside(doc, step) for doc in docs.tolist()], np.int64)

    def _beside(self, doc: int, step: int) -> int:
        place = self._place.get(doc)
        if place is None:
            return NOBODY
        turns = self._sessions[place[0]]
        at = bisect_left(turns, (place[1], doc)) + step
        return turns[at][1] if 0 <= at < len(turns) else NOBODY

    def named(self, spoken: Set[str]) -> frozenset[str]:
        """The speakers of whom a word of the name is among `spoken`, which is in lower case."""
        return frozenset(name for name in self._speakers if not spoken.isdisjoint(plain_words(name)))

    def speaks(self, docs: Docs, named: Set[str]) -> NDArray[np.float64]:
        """1 where somebody in `named` says it, -1 where somebody else does, 0 where nobody is named or known."""
        if not named:
            return np.zeros(len(docs))
        said = (self._speaker.get(doc) for doc in docs.tolist())
        return np.array([0.0 if who is None else 1.0 if who in named else -1.0 for who in said])

    def state(self) -> Mapping[str, Any]:
        """Everything held, in an order that does not tell how it came about."""
        return {
            "sessions": dict(sorted(self._sessions.items())),
            "places": dict(sorted(self._place.items())),
            "speaker": dict(sorted(self._speaker.items())),
            "speakers": dict(sorted(self._speakers.items())),
        }
