"""Claude: `conversations.json` of "Export data": a list of conversations, each with its `chat_messages` in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from memoria.remember import Draft
from memoria.transfer.foreign.items import (
    Found,
    Item,
    Options,
    Skipped,
    an_object,
    guarded,
    key_of,
    known,
    name_of,
    need,
    origin,
    take,
    when,
)
from memoria.transfer.foreign.parts import Part
from memoria.transfer.foreign.stream import rows

WANTED = re.compile(r"conversations(?:-\d+)?\.json")
_SPEAKERS = {"human": "user"}
_UNSHOWN = {"thinking": "thinking", "tool_use": "call of a tool", "tool_result": "output of a tool"}


def read(part: Part, options: Options) -> Found:
    """The messages of each conversation in order, and what was attached to them as text."""
    for number, row in rows(part, ("conversations",)):
        place = f"conversation {number}"
        yield from guarded(place, _conversation(row, place, options))


def _conversation(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    session = name_of(row, "uuid")
    title = take(row, "name", str)
    last = when(row.get("created_at"), options.zone, "created_at")
    for number, message in enumerate(need(row, "chat_messages", list), 1):
        where = f"{place}, message {number}"
        for one in guarded(where, _message(message, where, last, options)):
            if isinstance(one, Item):
                last = one.draft.created_at
                one = _in(one, session, title)
            yield one


def _in(item: Item, session: str | None, title: str | None) -> Item:
    """An item in its conversation."""
    draft = item.draft
    made = replace(
        draft,
        key=draft.key or key_of("claude", session or "", str(draft.created_at), draft.text),
        provenance=replace(draft.provenance, session=session),
        metadata={**known(title=title), **(draft.metadata or {})},
    )
    return replace(item, draft=made)


def _message(given: Any, place: str, before: datetime | None, options: Options) -> Found:
    """What one message says, thinks and brings. before: the time of the message before, for one without."""
    row = an_object(given)
    id = name_of(row, "uuid")
    sender = name_of(row, "sender") or "unknown"
    time = when(row.get("created_at"), options.zone, "created_at") or before
    empty = True
    for name, why, text, metadata in _pieces(row):
        if why is not None and not options.everything:
            yield Skipped(place=place, why=why)
        elif text.strip():
            key = None if id is None else key_of("claude", id + name)
            told = origin("claude", _SPEAKERS.get(sender, sender))
            yield Item(
                draft=Draft(text=text, created_at=time, key=key, provenance=told, metadata=metadata), place=place
            )
        else:
            continue
        empty = False
    if empty:
        yield Skipped(place=place, why="no text: empty, or only images or files")


def _pieces(row: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str, dict[str, Any]]]:
    """(addition to the id, why it is left out, text, metadata) of what is in a message: first what it says."""
    blocks = [an_object(block) for block in take(row, "content", list) or ()]
    said = [take(block, "text", str) or "" for block in blocks if block.get("type") == "text"]
    # Beside blocks, `text` repeats them, with remarks of the page where it shows none of them.
    yield "", None, "\n".join(said) if blocks else take(row, "text", str) or "", {}
    for number, block in enumerate(blocks):
        why = _UNSHOWN.get(str(block.get("type")))
        if why is not None:
            yield f"/{number}", why, _inside(block), known(tool=name_of(block, "name"))
    for number, attached in enumerate(take(row, "attachments", list) or ()):
        file = an_object(attached)
        yield (
            f"/attachment {number}",
            None,
            take(file, "extracted_content", str) or "",
            known(file=name_of(file, "file_name")),
        )


def _inside(block: Mapping[str, Any]) -> str:
    """The text of a block that is not shown as one."""
    if block.get("type") == "thinking":
        return take(block, "thinking", str) or ""
    if block.get("type") == "tool_use":
        given = take(block, "input", dict) or {}
        return "\n".join(f"{name}: {value}" for name, value in given.items())
    told = block.get("content")
    if isinstance(told, str):
        return told
    inner = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return "\n".join(str(one["text"]) for one in inner if isinstance(one.get("text"), str))
