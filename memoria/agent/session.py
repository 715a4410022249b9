"""A conversation. Its turns are memories: it continues after a restart, and forgotten turns are gone from it too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memoria.derived.lineage import living, memories
from memoria.engine.memory import Memoria
from memoria.recall.outdated import CHAT
from memoria.types import Memory, Provenance, Where

ANSWERED_BY = "answered_by"
"""In the metadata of a message: id of the memory that was the reply, word for word, and so was not stored again."""
# The last conversation is looked for among so many of the newest memories, then among more.
LOOK_BACK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of a conversation.

    Attributes:
        id: of the memory that holds it; None when none does.
        unstored: the turn itself, without an id, when no memory holds it.
        speaker: who said it, when the memory that holds it is of another speaker; None is that of the memory.
    """

    id: str | None = None
    unstored: Memory | None = None
    speaker: str | None = None

    @property
    def sources(self) -> Sequence[str]:
        """Ids of what has to be there, so that the turn is."""
        origin = () if self.unstored is None else self.unstored.provenance.derived_from
        return origin if self.id is None else (self.id, *origin)

    def shown(self, there: Mapping[str, Memory]) -> Memory | None:
        """The turn, when all of its sources are in `there`."""
        if not there.keys() >= set(self.sources):
            return None
        memory = self.unstored if self.id is None else there[self.id]
        if memory is None or self.speaker is None:
            return memory
        return replace(memory, provenance=replace(memory.provenance, speaker=self.speaker))


class Session:
    """The turns of one conversation, in the order they were said.

    Args:
        memory: where they are.
        id: of the conversation; None begins one.
        name: who replies.
    """

    def __init__(self, memory: Memoria, id: str | None = None, *, name: str = "assistant") -> None:
        self._memory = memory
        self.name = name
        self.id = new_id() if id is None else id
        self._turns = [] if id is None else list(self._resumed())

    def _resumed(self) -> Iterator[Turn]:
        """The turns that are there, with the replies that were memories already."""
        for one in _said_in(self._memory, self.id):
            yield Turn(id=one.id)
            if isinstance(reply := one.metadata.get(ANSWERED_BY), str):
                yield Turn(id=reply, speaker=self.name)

    def turns(self, latest: int) -> list[Memory]:
        """The latest turns that are still there, oldest first, as they were said; one without an id is not stored."""
        asked = self._turns[-latest:]
        there = living(self._memory.store, {id for turn in asked for id in turn.sources})
        return [one for turn in asked if (one := turn.shown(there)) is not None]

    def said(self, turn: Memory) -> None:
        """Adds a turn."""
        self._turns.append(Turn(id=turn.id))

    def repeated(self, memory: Memory) -> None:
        """Adds a reply that was a memory word for word."""
        self._turns.append(Turn(id=memory.id, speaker=self.name))

    def unstored(self, text: str, at: datetime, origin: Provenance) -> None:
        """Adds a turn that may not be stored: it is kept in RAM, as long as this object and its sources are there."""
        turn = Memory(id="", namespace=self._memory.prefix, text=text, created_at=at, provenance=origin)
        self._turns.append(Turn(unstored=turn))

    def __len__(self) -> int:
        return len(self._turns)


def new_id() -> str:
    """A random id for a new conversation."""
    return uuid.uuid4().hex[:12]


def latest(memory: Memoria) -> str | None:
    """The id of the last conversation; None when there was none."""
    limit = LOOK_BACK
    while True:
        page = memory.list(limit=limit, newest=True)
        found = sorted((one for one in _apart(page) if one.provenance.source == CHAT), key=lambda one: one.id)
        if found or not page.left:
            return found[-1].provenance.session if found else None
        limit *= 4


def _said_in(memory: Memoria, session: str) -> list[Memory]:
    """The turns of a conversation, however long ago it was, in order; not what they were reworded to later."""
    store = memory.store
    ids = store.select(Where(namespace=memory.prefix, session=session, restricted=False, kept_at=memory.now()))
    said = [one for one in _apart(list(memories(store, ids).values())) if _is_turn(one, session)]
    reworded = {link.child for link in store.links([one.id for one in said]) if link.relation == "supersedes"}
    return sorted((one for one in said if one.id not in reworded), key=lambda one: one.id)


def _is_turn(memory: Memory, session: str) -> bool:
    return memory.provenance.source == CHAT and memory.provenance.session == session


def _apart(memories: Sequence[Memory]) -> Iterator[Memory]:
    """Memories, and in the place of a gist its parts."""
    for memory in memories:
        yield from memory.parts or (memory,)
