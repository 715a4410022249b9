"""What every reader of a foreign format yields, and how it takes fields, times and keys from what it reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from typing import Any, TypeVar

from memoria.errors import InvalidMemory
from memoria.remember import Draft
from memoria.types import Namespace, Provenance

T = TypeVar("T")
# A time in seconds is below this until the year 5138, one in milliseconds is above it since 1973.
_MILLISECONDS = 100_000_000_000
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_LONGEST_ID = 200
_WORDS = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
HOW_TIMES = "give ISO 8601, such as 2026-05-01T12:00:00Z, or seconds since 1970"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One memory to be, as it was found.

    Attributes:
        draft: what will be remembered; its key goes by the ids of the source, so that it is stored once.
        place: where it was found, such as "conversation 3, message 5"; never content.
        under: the namespace below the one that it is brought into; () for that one.
        there: its id where it comes from, of a bundle.
        sources: keys of what it was made from, of a bundle: it goes with them.
        parents: keys of what it cannot be without.
    """

    draft: Draft
    place: str
    under: Namespace = ()
    there: str = ""
    sources: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that becomes no memory.

    Attributes:
        place: where it was found; never content.
        why: the reason, in words that many have in common; of what is malformed, the rule that it breaks.
        bad: whether it is malformed; what is not is left out by intention.
    """

    place: str
    why: str
    bad: bool = False


Found = Iterator[Item | Skipped]
"""What a reader yields, in the order of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is read.

    Attributes:
        zone: of times that have none.
        everything: whether what people do not see in a conversation is read too.
        columns: for each of our fields, the name that it has in the file.
    """

    zone: tzinfo = UTC
    everything: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


def guarded(place: str, found: Found) -> Found:
    """What is found, up to where it is malformed, and there the rule that it breaks."""
    try:
        yield from found
    except InvalidMemory as error:
        yield Skipped(place=place, why="; ".join(error.violations), bad=True)


def take(row: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """A field of an object; None when it is missing or null. Raises InvalidMemory when it is of another type."""
    value = row.get(name)
    if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)):
        return value
    raise InvalidMemory(f"{name} is {called(value)}, not {_WORDS[kind]}")


def need(row: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """A field that has to be there; raises InvalidMemory."""
    value = take(row, name, kind)
    if value is None:
        raise InvalidMemory(f"{name} is {'null' if name in row else 'missing'}")
    return value


def an_object(value: object) -> dict[str, Any]:
    """`value` itself when it is an object of JSON; raises InvalidMemory."""
    if isinstance(value, dict):
        return value
    raise InvalidMemory(f"this is {called(value)}, not an object")


def called(value: object) -> str:
    """The type of a value in the words of JSON; of a value that is no content, the value."""
    return "null" if value is None else _WORDS.get(type(value), type(value).__name__)


def name_of(row: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields that has a text or a number, as text; None when none has."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        text = take(row, name, str)
        if text is not None and text.strip():
            return text
    return None


def when(value: object, zone: tzinfo, name: str = "time") -> datetime | None:
    """A time as people and programs write it, aware; None for none. Raises InvalidMemory for what is no time."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _written(value.strip(), zone, name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _counted(float(value), name)
    raise InvalidMemory(f"{name} is {called(value)}, not a time: {HOW_TIMES}")


def _written(text: str, zone: tzinfo, name: str) -> datetime:
    """A time in words; eight digits are a day, any other number counts seconds."""
    if _NUMBER.fullmatch(text) and len(text) != len("20260501"):
        return _counted(float(text), name)
    try:
        time = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", text.replace("/", "-")))
    except ValueError:
        raise InvalidMemory(f"{name} is a text that is no time: {HOW_TIMES}") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=zone)


def _counted(number: float, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidMemory(f"{name} is a number that is no time: {HOW_TIMES}") from None


def key_of(source: str, *ids: str) -> str:
    """The key of what has these ids in a source: readable for one short id, a digest of all others."""
    if len(ids) == 1 and ids[0].isprintable() and len(ids[0].encode(errors="replace")) <= _LONGEST_ID:
        return f"{source}:{ids[0]}"
    return f"{source}:{digest(ids)}"


def digest(value: object) -> str:
    """32 hexadecimal digits, the same for equal values of JSON: the key of what has no id."""
    told = json.dumps(value, sort_keys=True, default=str)
    return blake2b(told.encode(), digest_size=16).hexdigest()


def origin(source: str, speaker: str | None = None, session: str | None = None) -> Provenance:
    """Where an item comes from."""
    return Provenance(source=source, speaker=speaker, session=session)


def known(**metadata: Any) -> dict[str, Any]:
    """Metadata of what is there: without None, empty texts and empty lists."""
    return {name: value for name, value in metadata.items() if value not in (None, "", [], {})}
