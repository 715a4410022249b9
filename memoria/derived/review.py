"""Review: where it is switched on, a fact that was found in what somebody said waits for a yes before it is used.

Such a fact is derived from its message, so forgetting the message forgets it, waiting or not. Until somebody says yes
it is archived and marked: no recall, gist, change or prompt has it. The switch is one of the store, and off by default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memoria.protocols import Store
from memoria.types import Memory, Record

EXTRACTED = "extracted"
"""Source of facts that were found in a message."""
NOTE, ON = "review", "on"
MARK, WAITING = "review", "waiting"
"""What the metadata of a fact says that waits."""


def is_on(store: Store) -> bool:
    """Whether facts wait."""
    return store.note(NOTE) == ON


def switch(store: Store, on: bool) -> None:
    """Switches review on or off; what waits goes on waiting."""
    store.write_note(NOTE, ON if on else "")


def waits(memory: Memory) -> bool:
    """Whether a memory is a fact that nobody has said yes to."""
    return memory.provenance.source == EXTRACTED and memory.metadata.get(MARK) == WAITING


def put_off(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata of a fact that waits."""
    return {**(metadata or {}), MARK: WAITING}


def put_away(records: Sequence[Record]) -> list[Record]:
    """The records, those that wait archived."""
    return [replace(one, trace=replace(one.trace, archived=True)) if waits(one.memory) else one for one in records]


def settled(memory: Memory) -> dict[str, Any]:
    """The metadata of a fact that was said yes to."""
    return {name: value for name, value in memory.metadata.items() if name != MARK}
