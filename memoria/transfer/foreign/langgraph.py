"""LangGraph: items of a store, as `Item.dict()` gives them or as the table of the PostgreSQL store has them, in JSON.

A namespace there is a namespace here. The text is the field of the value that is called so; else its only text; else
all of its fields, each on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    when,
)
from memoria.transfer.foreign.parts import Part
from memoria.transfer.foreign.stream import rows

WANTED = re.compile(r".+\.jsonl?")
_TEXTS = ("text", "content", "memory", "data")


def read(part: Part, options: Options) -> Found:
    """The items, in the order of the file."""
    for number, row in rows(part, ("items",)):
        place = f"item {number}"
        yield from guarded(place, _item(row, place, options))


def _item(given: Any, place: str, options: Options) -> Found:
    row = an_object(given)
    namespace = _namespace(row.get("namespace", row.get("prefix")))
    key = need(row, "key", str)
    value = need(row, "value", dict)
    text, rest = _text(value)
    if not text.strip():
        yield Skipped(place=place, why="no text")
        return
    draft = Draft(
        text=text,
        kind="semantic",
        created_at=when(row.get("created_at"), options.zone, "created_at"),
        key=key_of("langgraph", *namespace, key),
        provenance=origin("langgraph"),
        metadata={**rest, **known(langgraph_key=key, updated_at=name_of(row, "updated_at"))},
    )
    yield Item(draft=draft, place=place, under=tuple(map(_part, namespace)))


def _namespace(given: object) -> list[str]:
    """Its parts; the PostgreSQL store joins them with dots."""
    parts = given.split(".") if isinstance(given, str) and given else given or []
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise InvalidMemory(f"namespace is {called(given)}, not a list of texts")
    return parts


def _part(name: str) -> str:
    """A name as one part of a namespace, written as our own store for LangGraph writes it."""
    part = re.sub("[%/]", lambda found: f"%{ord(found[0]):02X}", name)
    return part if part.strip() else "".join(f"%{byte:02X}" for byte in part.encode())


def _text(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a value, and what else is in it."""
    value = dict(given)
    if isinstance(value.get("content"), dict):  # as LangMem stores what it extracts
        value |= value.pop("content")
    texts = [name for name, one in value.items() if isinstance(one, str)]
    named = [name for name in _TEXTS if name in texts] or (texts if len(texts) == 1 else [])
    if named:
        return value[named[0]], {name: one for name, one in value.items() if name != named[0]}
    told = {
        name: one for name, one in value.items() if isinstance(one, str | int | float) and not isinstance(one, bool)
    }
    return "\n".join(f"{name}: {one}" for name, one in told.items()), value
