"""A memory without a value: the text around it stays, and what names the memory by it goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from memoria.standing.matching import Book, Break, merged
from memoria.standing.orders import Rule
from memoria.types import Memory

ERASED = "[erased]"
"""What stands in the place of the value."""
_ROUNDS = 4
Finds = Callable[[str], list[Break]]


def broken(book: Book, memory: Memory) -> dict[str, Rule]:
    """The orders that a memory breaks, by id: in its text, its names, its metadata, or its namespace."""
    found = [one.rule for text in _said(memory) for one in book.breaks(text)]
    for part in memory.parts:
        found += broken(book, part).values()
    return {rule.order.id: rule for rule in found}


def in_namespace(book: Book, memory: Memory) -> bool:
    """Whether the namespace of a memory holds a value, from where nothing can take it."""
    return bool(memory.namespace) and bool(book.breaks(" ".join(memory.namespace)))


def redacted(book: Book, memory: Memory) -> Memory:
    """A memory without the values of a book, and likewise its parts."""
    origin = memory.provenance
    free = _kept(book)
    tags = tuple(tag for tag in memory.tags if free(tag))
    if book.breaks(" ".join(tags)):  # a value in pieces
        tags = ()
    return replace(
        memory,
        text=without(book, memory.text),
        subject=memory.subject if free(memory.subject) else None,
        tags=tags,
        key=memory.key if free(memory.key) else None,
        metadata=_emptied(book, memory.metadata),
        provenance=replace(
            origin,
            source=origin.source if free(origin.source) else None,
            speaker=origin.speaker if free(origin.speaker) else None,
            session=origin.session if free(origin.session) else None,
        ),
        parts=tuple(redacted(book, part) for part in memory.parts),
    )


def without(book: Book, text: str) -> str:
    """A text with a mark in the place of each value."""
    for _ in range(_ROUNDS):
        spans = merged(span for one in book.breaks(text) for span in one.spans)
        if not spans:
            break
        for start, end in reversed(spans):
            text = text[:start] + ERASED + text[end:]
    return text


def _kept(book: Book) -> Callable[[str | None], bool]:
    return lambda text: text is None or not book.breaks(text)


def _said(memory: Memory) -> Iterator[str]:
    """Everything in a memory that may hold a value; tags, and what is in its metadata, also in one."""
    origin = memory.provenance
    named = (memory.subject, *memory.tags, memory.key, origin.source, origin.speaker, origin.session)
    yield memory.text
    yield from (one for one in named if one is not None)
    if len(memory.tags) > 1:
        yield " ".join(memory.tags)
    if memory.namespace:
        yield " ".join(memory.namespace)
    if memory.metadata:
        yield from _told(memory.metadata)
        yield " ".join(_leaves(memory.metadata))


def _told(value: Any, name: str = "") -> Iterator[str]:
    """Names and values in a JSON value, at any depth, each with the name before it."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield key
            yield from _told(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _told(one, name)
    elif value is not None and not isinstance(value, bool):
        yield f"{name}: {value}" if name else str(value)
        inside = _json(value)
        if inside is not None:
            yield from _told(inside, name)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _emptied(book: Book, metadata: Mapping[str, Any]) -> dict[str, Any]:
    if not metadata:
        return dict(metadata)
    out: dict[str, Any] = _clean(book, dict(metadata))
    # A value in pieces: first name here, last name there.
    if book.breaks(" ".join(_leaves(out))):
        out = _marked(book, out)
    return out


def _clean(book: Book, value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        cleaned: dict[str, Any] = {}
        for key, one in value.items():
            named = without(book, key)
            cleaned[named if named not in cleaned else f"{named} {len(cleaned)}"] = _clean(book, one, named)
        return cleaned
    if isinstance(value, list):
        return [_clean(book, one, name) for one in value]
    if value is None or isinstance(value, bool):
        return value
    inside = _json(value)
    if inside is not None:
        cleaned_inside = _clean(book, inside, name)
        return value if cleaned_inside == inside else json.dumps(cleaned_inside, ensure_ascii=False)
    if isinstance(value, str):
        left = without(book, value)
        return ERASED if name and book.breaks(f"{name}: {left}") else left
    return ERASED if book.breaks(str(value)) or (name and book.breaks(f"{name}: {value}")) else value


def _marked(book: Book, value: dict[str, Any]) -> dict[str, Any]:
    """Metadata whose values hold what is kept out only together: those that it stands in are marked."""
    leaves = list(_leaves(value))
    spans = merged(span for one in book.breaks(" ".join(leaves)) for span in one.spans)
    hit, at = set[str](), 0
    for leaf in leaves:
        if any(start < at + len(leaf) and at < end for start, end in spans):
            hit.add(leaf)
        at += len(leaf) + 1

    def walk(one: Any) -> Any:
        if isinstance(one, Mapping):
            return {key: walk(inner) for key, inner in one.items()}
        if isinstance(one, list):
            return [walk(inner) for inner in one]
        return ERASED if not isinstance(one, bool | None) and str(one) in hit else one

    return dict(walk(value))


def _json(value: Any) -> Any:
    """What a text in metadata is as JSON, where it is an object or a list."""
    if not isinstance(value, str) or value[:1] not in "{[" or not value:
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None
