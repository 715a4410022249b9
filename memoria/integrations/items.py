"""Items of a conversation as memories: any JSON value comes back as it was, of whatever size.

An item that metadata can hold is there as it is. Another, with half of an emoji, a number that is none, or a whole
number beyond 64 bits, is kept as JSON text; one that is too long for that is cut into parts, memories of their own that
are derived from the first and go with it. An item of which a part was forgotten is not read any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memoria.errors import InvalidMemory
from memoria.integrations.names import record_key
from memoria.remember import Draft
from memoria.types import Memory, Provenance
from memoria.validate import MAX_NAME_BYTES

ITEM, TEXT, PARTS = "item", "json", "parts"
"""In the metadata: the item, or what of it tells whose it is; its JSON; the keys of its parts."""
_ANY_ID = "0" * 32
_HALVES = re.compile("[\ud800-\udfff]")
# Bytes of a text, letters of one that is cut, and letters of a part: less than the limits of a memory.
_FITS, _SHORT, _PART = 1_000_000, 1 << 16, 200_000
# A longer string within an item of which nothing is said, such as an image, says nothing.
_SAYS = 2_000
_TELLING = ("type", "role", "call_id", "id", "name")


@dataclass(frozen=True, slots=True)
class Written:
    """An item as memories. head: the one that is read. parts: texts and keys of the others."""

    head: Draft
    parts: tuple[tuple[str, str], ...] = ()


def write(item: Any, provenance: Provenance, **fields: Any) -> Written:
    """The memories of an item.

    Args:
        item: any value of JSON.
        provenance: where it comes from; its speaker is the role of the item.
        fields: other fields of the first memory.

    Returns:
        Drafts, and what the parts are.

    Raises:
        TypeError: the item is not of JSON; and likewise ValueError.
    """
    plain = json.loads(json.dumps(item))  # as other sessions do: what comes back is what any reader would get
    told = plain if isinstance(plain, dict) else {}
    own = Provenance(source=provenance.source, speaker=_name(told.get("role")), session=provenance.session)
    text = _text(told if told else plain)
    head = Draft(text=text, key=record_key(), provenance=own, metadata={ITEM: plain}, **fields)
    if told is plain and _may_be(head):
        return Written(head)
    said = _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(plain, ensure_ascii=False))
    shell = {name: value for name in _TELLING if (value := _name(told.get(name))) is not None}
    if len(json.dumps(said, ensure_ascii=False).encode()) <= _FITS:
        return Written(_with(head, {ITEM: shell, TEXT: said}))
    pieces = [said[at : at + _PART] for at in range(0, len(said), _PART)]
    keys = [record_key() for _ in pieces]
    return Written(_with(head, {ITEM: shell, PARTS: keys}), tuple(zip(pieces, keys, strict=True)))


def read(memory: Memory, parts: Mapping[str | None, Memory]) -> tuple[bool, Any]:
    """The item of a memory.

    Args:
        memory: the one that is read.
        parts: those of the conversation, by their keys.

    Returns:
        Whether it is whole, and it; None where it is not.
    """
    if PARTS in memory.metadata:
        found = [parts.get(key) for key in memory.metadata[PARTS]]
        pieces = [one.text for one in found if one is not None]
        return (True, json.loads("".join(pieces))) if len(pieces) == len(found) else (False, None)
    if TEXT in memory.metadata:
        return True, json.loads(memory.metadata[TEXT])
    return True, memory.metadata[ITEM]


def told(memory: Memory) -> Mapping[str, Any]:
    """What tells of an item whose it is, and of which call."""
    found: Mapping[str, Any] = memory.metadata[ITEM]
    return found


def _may_be(draft: Draft) -> bool:
    try:
        draft.memory(_ANY_ID, (), draft.created_at)  # type: ignore[arg-type]  # a session gives the time
    except InvalidMemory:
        return False
    return True


def _with(draft: Draft, metadata: Mapping[str, Any]) -> Draft:
    return Draft(
        text=draft.text, created_at=draft.created_at, key=draft.key, provenance=draft.provenance, metadata=metadata
    )


def _name(given: Any) -> str | None:
    """A field as a name of a memory may be; None for any other."""
    fits = isinstance(given, str) and given.strip() and "\0" not in given and not _HALVES.search(given)
    return given if fits and len(given.encode()) <= MAX_NAME_BYTES else None


def _text(item: Any) -> str:
    """What is said in an item, or asked of a tool, or answered by one; the item where nothing is; at most so long."""
    fields = item if isinstance(item, dict) else {}
    said = [*_said(fields.get("content")), *_said(fields.get("output"))]
    if "arguments" in fields:
        said.append(f"{fields.get('name', '')} {fields['arguments']}")
    text = _HALVES.sub("\ufffd", "\n".join(said)).replace("\0", " ")
    if not text.strip():
        text = _HALVES.sub("\ufffd", json.dumps(_brief(item), ensure_ascii=False))
    return text if len(text.encode()) <= _FITS else text[:_SHORT]


def _brief(value: Any) -> Any:
    """A value without what is too long to say anything, and no deeper than a few levels."""
    if isinstance(value, str) and len(value) > _SAYS:
        return f"{value[:20]}..."
    if isinstance(value, dict):
        return {name: _brief(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_brief(one) for one in value]
    return value


def _said(content: Any) -> Sequence[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
