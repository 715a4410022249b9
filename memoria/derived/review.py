"""Review: where it is switched on, nothing that was inferred becomes durable before somebody says yes to it.

A change of fact and a gist are proposed, and not done until they are accepted as they are shown. A fact that was found
in what somebody said waits for a yes before it is used.

Such a fact is derived from its message, so forgetting the message forgets it, waiting or not. Until somebody says yes
it is archived and marked: no recall, gist, change or prompt has it. The switch is one of the store, and off by default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memoria.protocols import Store
from memoria.types import Memory, Record

EXTRACTED = "extracted"
"""Source of facts that were found in a message."""
NOTE, ON = "review", "on"
REFUSED = "review refused"
MOST = 10_000
"""So many refused gists are known."""
MARK, WAITING = "review", "waiting"
"""What the metadata of a fact says that waits."""


def is_on(store: Store) -> bool:
    """Whether facts wait."""
    return store.note(NOTE) == ON


def switch(store: Store, on: bool) -> None:
    """Switches review on or off; what waits goes on waiting."""
    store.write_note(NOTE, ON if on else "")


def refused(store: Store) -> frozenset[str]:
    """Keys of the gists that nobody wants."""
    return frozenset(json.loads(store.note(REFUSED) or "[]"))


def refuse(store: Store, keys: Sequence[str]) -> None:
    """Notes gists that nobody wants, by their keys, so that they are not proposed again: the last of them."""
    before = json.loads(store.note(REFUSED) or "[]")
    store.write_note(REFUSED, json.dumps(list(dict.fromkeys([*before, *keys]))[-MOST:]))


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
