"""A conversation. Its turns are memories: it continues after a restart, and forgotten turns are gone from it too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.types import Memory

CHAT = "chat"
"""Source of turns. What is extracted from them, or stored by a tool, has another."""
# So many of the newest memories of a conversation are read; a prompt shows fewer turns.
LOOK_BACK = 500


class Session:
    """The turns of one conversation, by id, in the order they were said."""

    def __init__(self, memory: Memoria, id: str | None = None) -> None:
        self._memory = memory
        self.id = new_id() if id is None else id
        said = _chat(memory.list(limit=LOOK_BACK, newest=True, session=self.id))
        self._turns = [one.id for one in said if one.provenance.session == self.id]

    def turns(self, latest: int) -> list[Memory]:
        """The latest turns that are still there, oldest first, as they were said."""
        asked = self._turns[-latest:]
        there = living(self._memory.store, set(asked))
        return [there[id] for id in asked if id in there]

    def said(self, turn: Memory) -> None:
        """Adds a turn."""
        self._turns.append(turn.id)

    def __len__(self) -> int:
        return len(self._turns)


def new_id() -> str:
    """A random id for a new conversation."""
    return uuid.uuid4().hex[:12]


def latest(memory: Memoria) -> str | None:
    """The id of the last conversation; None when there was none. Looks further back until a turn is found."""
    size = LOOK_BACK
    while True:
        page = memory.list(limit=size, newest=True)
        found = _chat(page)
        if found or not page.left:
            return found[-1].provenance.session if found else None
        size *= 4


def _chat(memories: Sequence[Memory]) -> list[Memory]:
    """The turns among memories, in the order they were said."""
    return sorted((one for one in _apart(memories) if one.provenance.source == CHAT), key=lambda one: one.id)


def _apart(memories: Sequence[Memory]) -> Iterator[Memory]:
    """Memories, and in the place of a gist its parts."""
    for memory in memories:
        yield from memory.parts or (memory,)
