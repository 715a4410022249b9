"""A conversation. Its turns are memories: it continues after a restart, and forgotten turns are gone from it too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from memoria.derived.lineage import living
from memoria.engine.memory import Memoria
from memoria.types import Memory

CHAT = "chat"
"""Source of turns. What is extracted from them, or stored by a tool, has another."""
# Turns of a conversation are looked for among so many of the newest memories.
LOOK_BACK = 500


class Session:
    """The turns of one conversation, by id, in the order they were said."""

    def __init__(self, memory: Memoria, id: str | None = None) -> None:
        self._memory = memory
        self.id = new_id() if id is None else id
        self._turns = [one.id for one in _chat(memory) if one.provenance.session == self.id]

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
    """The id of the last conversation; None when there was none."""
    found = [one.provenance.session for one in _chat(memory)]
    return found[-1] if found else None


def _chat(memory: Memoria) -> list[Memory]:
    turns = _apart(memory.list(limit=LOOK_BACK, newest=True))
    return sorted((one for one in turns if one.provenance.source == CHAT), key=lambda one: one.id)


def _apart(memories: Sequence[Memory]) -> Iterator[Memory]:
    """Memories, and in the place of a gist its parts."""
    for memory in memories:
        yield from memory.parts or (memory,)
