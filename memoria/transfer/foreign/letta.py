"""Letta: an agent file (`.af`, the older and the newer form), or archival passages as its API lists them, in JSON.

In an agent file the blocks of core memory and the messages are memories. What a user says is packed there as JSON with
a type; what the agent says is often the argument of a call of `send_message`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
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

WANTED = re.compile(r".+\.(?:af|jsonl?)")
_SPEAKERS = ("user", "assistant")
_SEND = "send_message"


def read(part: Part, options: Options) -> Found:
    """Blocks, messages and passages, in the order of the file."""
    for number, row in rows(part, ("passages", "archival_memory")):
        if isinstance(row, dict) and ("agents" in row or "core_memory" in row):
            yield from guarded(f"agent file {number}", _file(row, options))
        else:
            place = f"passage {number}"
            yield from guarded(place, _passage(row, place, options))


def _passage(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    text = name_of(row, "text")
    if text is None or row.get("is_deleted") is True:
        yield Skipped(place=place, why="no text" if text is None else "deleted")
        return
    draft = Draft(
        text=text,
        kind="semantic",
        created_at=when(row.get("created_at"), options.zone, "created_at"),
        tags=[str(one) for one in take(row, "tags", list) or ()],
        key=key_of("letta", name_of(row, "id") or digest([text, row.get("created_at")])),
        provenance=origin("letta"),
        metadata={**(take(row, "metadata", dict) or {}), **known(file=name_of(row, "file_name"))},
    )
    yield Item(draft=draft, place=place)


def _file(row: Mapping[str, Any], options: Options) -> Found:
    """The blocks and the messages of each agent in an agent file."""
    agents = take(row, "agents", list)
    for number, block in enumerate(take(row, "blocks" if agents is not None else "core_memory", list) or (), 1):
        place = f"block {number}"
        yield from guarded(place, _block(block, place, options))
    for number, agent in enumerate([row] if agents is None else agents, 1):
        place = f"agent {number}"
        yield from guarded(place, _agent(agent, place, options))


def _block(given: Any, place: str, options: Options) -> Found:
    """A block of core memory. Ids are counted anew in each file, so the key goes by what the block says."""
    row = an_object(given)
    text = take(row, "value", str) or ""
    if not text.strip():
        yield Skipped(place=place, why="no text")
        return
    label = name_of(row, "label")
    draft = Draft(
        text=text,
        kind="semantic",
        created_at=when(row.get("created_at"), options.zone, "created_at"),
        key=key_of("letta", digest(["block", label, text])),
        provenance=origin("letta"),
        metadata=known(block=label, description=name_of(row, "description")),
    )
    yield Item(draft=draft, place=place)


def _agent(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    name = name_of(row, "name") or ""
    last: datetime | None = None
    for number, message in enumerate(take(row, "messages", list) or (), 1):
        where = f"{place}, message {number}"
        for one in guarded(where, _message(message, where, name, last, options)):
            last = one.draft.created_at if isinstance(one, Item) else last
            yield one


def _message(given: Any, place: str, agent: str, before: datetime | None, options: Options) -> Found:
    row = an_object(given)
    role = name_of(row, "role") or "unknown"
    time = when(row.get("created_at"), options.zone, "created_at") or before
    empty = True
    for number, (why, text) in enumerate(_said(row, role)):
        empty = False
        if not text.strip():
            yield Skipped(place=place, why=why or "no text")
        elif why is not None and not options.everything:
            yield Skipped(place=place, why=why)
        else:
            key = key_of("letta", digest([agent, name_of(row, "id"), row.get("created_at"), number, text]))
            told = origin("letta", role, agent or None)
            yield Item(draft=Draft(text=text, created_at=time, key=key, provenance=told), place=place)
    if empty:
        yield Skipped(place=place, why="no text")


def _said(row: Mapping[str, Any], role: str) -> Iterator[tuple[str | None, str]]:
    """(why it is left out, text) of what is in a message."""
    content = row.get("content")
    pieces = [content] if isinstance(content, str) else [_piece(one) for one in take(row, "content", list) or ()]
    for text in filter(None, pieces):
        if role in _SPEAKERS:
            yield _unpacked(text) if role == "user" else (_thought(row), text)
        else:
            yield "output of a tool" if role == "tool" else "message of the system", text
    for call in take(row, "tool_calls", list) or ():
        function = take(an_object(call), "function", dict) or {}
        arguments = _packed(take(function, "arguments", str) or "")
        sent = arguments.get("message") if function.get("name") == _SEND else None
        yield (None, sent) if isinstance(sent, str) else ("call of a tool", str(function.get("arguments") or ""))


def _piece(given: object) -> str | None:
    block = an_object(given)
    return take(block, "text", str) if block.get("type", "text") == "text" else None


def _thought(row: Mapping[str, Any]) -> str | None:
    """Beside a call of a tool, what an agent writes is what it thinks."""
    return "thinking" if row.get("tool_calls") else None


def _unpacked(text: str) -> tuple[str | None, str]:
    """What a user said, out of its envelope; events that nobody said have another type."""
    envelope = _packed(text)
    said = envelope.get("message")
    if not isinstance(said, str):
        return ("message of the system" if "type" in envelope else None), text
    return (None if envelope.get("type", "user_message") == "user_message" else "message of the system"), said


def _packed(text: str) -> dict[str, Any]:
    """The object that a text is JSON of; an empty one when it is something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
