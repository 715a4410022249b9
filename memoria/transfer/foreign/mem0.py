"""mem0: what `get_all` returns, as JSON or JSON lines: a list of memories, or an object with the list in `results`."""

from __future__ import annotations

import re
from typing import Any

from memoria.remember import Draft
from memoria.transfer.foreign.items import (
    Found,
    Item,
    Options,
    Skipped,
    an_object,
    digest,
    guarded,
    key_of,
    known,
    name_of,
    origin,
    take,
    when,
)
from memoria.transfer.foreign.parts import Part
from memoria.transfer.foreign.stream import rows

WANTED = re.compile(r".+\.jsonl?")


def read(part: Part, options: Options) -> Found:
    """The memories, in the order of the file."""
    for number, row in rows(part, ("results", "memories")):
        place = f"memory {number}"
        yield from guarded(place, _memory(row, place, options))


def _memory(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    text = name_of(row, "memory", "data", "text")
    if text is None:
        yield Skipped(place=place, why="no text")
        return
    own = take(row, "metadata", dict) or {}
    id = name_of(row, "id")
    names = {name: name_of(row, name) for name in ("agent_id", "app_id")}
    draft = Draft(
        text=text,
        kind="procedural" if own.get("memory_type") == "procedural_memory" else "semantic",
        created_at=when(row.get("created_at"), options.zone, "created_at"),
        valid_to=when(row.get("expiration_date"), options.zone, "expiration_date"),
        subject=name_of(row, "user_id"),
        tags=[str(one) for one in take(row, "categories", list) or ()],
        key=key_of("mem0", id or digest([text, row.get("created_at"), row.get("user_id"), names])),
        provenance=origin("mem0", name_of(row, "actor_id", "role"), name_of(row, "run_id")),
        metadata={**own, **known(**names, updated_at=name_of(row, "updated_at"))},
    )
    yield Item(draft=draft, place=place)
