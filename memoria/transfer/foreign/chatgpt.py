"""ChatGPT: `conversations.json` of "Export data": conversations, each a tree of messages of which one branch is shown.

The form is not documented by its maker. What is taken from it: `conversation_id` or `id`, `title`, `create_time`,
`current_node`, and in `mapping` for each node `parent`, `children` and `message`, which has `id`, `author.role`,
`create_time`, `content`, `weight`, `recipient` and `metadata`. Anything else may be there or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from memoria.errors import InvalidMemory
from memoria.remember import Draft
from memoria.transfer.foreign.items import (
    Found,
    Item,
    Options,
    Skipped,
    an_object,
    called,
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
_SPEAKERS = ("user", "assistant")
_THINKING = ("thoughts", "reasoning_recap")
_CONTEXT = ("user_editable_context", "model_editable_context")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read(part: Part, options: Options) -> Found:
    """The messages of each conversation, those of the branch that is shown first."""
    for number, row in rows(part, ("conversations",)):
        place = f"conversation {number}"
        yield from guarded(place, _conversation(row, place, options))


def _conversation(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    mapping = need(row, "mapping", dict)
    session = name_of(row, "conversation_id", "id")
    begun = when(row.get("create_time"), options.zone, "create_time")
    branch = _branch(mapping, row.get("current_node"))
    shown = set(branch)
    last = begun
    for number, id in enumerate([*branch, *(id for id in mapping if id not in shown)], 1):
        where = f"{place}, message {number}"
        for one in guarded(where, _node(mapping[id], where, options, shown=id in shown)):
            if isinstance(one, Item):
                one = _placed(one, id, session, take(row, "title", str), last if id in shown else begun)
                last = one.draft.created_at
            yield one


def _branch(mapping: Mapping[str, Any], current: object) -> list[str]:
    """The ids of the nodes that are shown, first to last."""
    id = current if _among(mapping, current) else _leaf(mapping)
    found: dict[str, None] = {}
    while isinstance(id, str) and _among(mapping, id):
        if id in found:
            raise InvalidMemory("the parents of a message lead back to it")
        found[id] = None
        id = an_object(mapping[id]).get("parent")
    return [*found][::-1]


def _leaf(mapping: Mapping[str, Any]) -> str | None:
    """Where the last of the children end, when nothing says which branch is shown."""
    id = next((id for id, node in mapping.items() if not _among(mapping, an_object(node).get("parent"))), None)
    seen: set[str] = set()
    while id is not None and id not in seen:
        seen.add(id)
        children = [one for one in take(an_object(mapping[id]), "children", list) or () if _among(mapping, one)]
        if not children:
            break
        id = children[-1]
    return id


def _among(mapping: Mapping[str, Any], id: object) -> bool:
    return isinstance(id, str) and id in mapping


def _node(given: Any, place: str, options: Options, *, shown: bool) -> Found:
    """The item of a node, without what its conversation gives it; nothing for a node without a message."""
    message = take(an_object(given), "message", dict)
    if message is None:
        return
    role = name_of(take(message, "author", dict) or {}, "role") or "unknown"
    why = _left_out(message, role, shown=shown)
    text = _text(take(message, "content", dict) or {})
    if not text.strip():
        yield Skipped(place=place, why=why or "no text: null, or only images or sound")
    elif why is not None and not options.everything:
        yield Skipped(place=place, why=why)
    else:
        yield Item(
            draft=Draft(
                text=text,
                created_at=when(message.get("create_time"), options.zone, "create_time"),
                key=name_of(message, "id"),
                provenance=origin("chatgpt", role),
                metadata=known(model=name_of(take(message, "metadata", dict) or {}, "model_slug")),
            ),
            place=place,
        )


def _placed(item: Item, node: str, session: str | None, title: str | None, before: datetime | None) -> Item:
    """An item in its conversation. before: the time of the message before, for one without."""
    draft = item.draft
    id = draft.key or node
    # Only ids that are the same nowhere else are keys alone: a copy of a conversation has the messages of the first.
    key = key_of("chatgpt", id) if _UUID.fullmatch(id) else key_of("chatgpt", session or "", id)
    made = replace(
        draft,
        key=key,
        created_at=draft.created_at or before,
        provenance=replace(draft.provenance, session=session),
        metadata={**known(title=title), **(draft.metadata or {})},
    )
    return replace(item, draft=made)


def _left_out(message: Mapping[str, Any], role: str, *, shown: bool) -> str | None:
    """Why a message is not shown to people; None when it is."""
    kind = (take(message, "content", dict) or {}).get("content_type")
    marks = take(message, "metadata", dict) or {}
    if kind in _CONTEXT:
        return "custom instructions and stored facts"
    if message.get("weight") == 0 or marks.get("is_visually_hidden_from_conversation"):
        return "hidden in the conversation"
    if role not in _SPEAKERS:
        return "output of a tool" if role == "tool" else "message of the system"
    if kind in _THINKING:
        return "thinking"
    if message.get("recipient") not in (None, "all"):
        return "call of a tool"
    return None if shown else "on another branch than the one that is shown"


def _text(content: Mapping[str, Any]) -> str:
    """What a message says: its parts that are text, or the one field that its type of content has instead."""
    parts = take(content, "parts", list)
    if parts is not None:
        return "\n".join(text for text in map(_part, parts) if text)
    for name in ("text", "content", "result", "model_set_context"):
        if isinstance(content.get(name), str):
            return str(content[name])
    told = [content.get("user_profile"), content.get("user_instructions")]
    told += [thought.get("content") for thought in take(content, "thoughts", list) or () if isinstance(thought, dict)]
    return "\n".join(one for one in told if isinstance(one, str))


def _part(part: object) -> str | None:
    """Text, or what was said aloud; None for images and files."""
    if part is None or isinstance(part, str):
        return part
    if isinstance(part, dict):
        return take(part, "text", str)
    raise InvalidMemory(f"a part of content is {called(part)}, not a text or an object")
