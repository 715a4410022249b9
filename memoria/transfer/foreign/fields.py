"""Rows of tables and of JSON lines: which of their fields is which of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from memoria.errors import InvalidMemory, InvalidQuery, shown
from memoria.remember import Draft
from memoria.transfer.foreign.items import (
    Found,
    Item,
    Options,
    Skipped,
    called,
    digest,
    key_of,
    name_of,
    origin,
    take,
    when,
)
from memoria.types import KINDS, Kind

# Of each of our fields, how others call it; the first that is there counts.
NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "content", "memory", "message", "body", "note"),
    "time": ("time", "created_at", "timestamp", "date", "datetime", "at"),
    "speaker": ("speaker", "role", "author", "sender"),
    "session": ("session", "session_id", "conversation", "conversation_id", "thread"),
    "id": ("id", "uuid", "key"),
    "subject": ("subject",),
    "kind": ("kind",),
    "tags": ("tags",),
    "salience": ("salience",),
    "valid_from": ("valid_from",),
    "valid_to": ("valid_to",),
    "expires_at": ("expires_at",),
    "metadata": ("metadata",),
}
_OURS = {"trace", "embedder", "vector"}


def check_columns(columns: Mapping[str, str]) -> None:
    """Raises InvalidQuery for a name that is none of our fields."""
    for name in columns:
        if name not in NAMES:
            raise InvalidQuery(f"columns has {shown(name)}, which is none of {', '.join(NAMES)}")


def chosen(there: Mapping[str, Any] | list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """For each of our fields that a row has, the name that it has there; a column "" is none."""
    lower = {name.strip().casefold(): name for name in there}
    found = {}
    for ours, others in NAMES.items():
        asked = (columns[ours],) if ours in columns else others
        names = [lower[name.strip().casefold()] for name in asked if name.strip().casefold() in lower]
        if names:
            found[ours] = names[0]
    return found


def item(source: str, row: Mapping[str, Any], names: Mapping[str, str], place: str, options: Options) -> Found:
    """The item of a row. names: for each of our fields, that of the row; all other fields are metadata."""
    if row.keys() >= _OURS:
        raise InvalidMemory("this is an export of memoria: import it without naming another source")
    if "text" not in names:
        raise InvalidMemory("text is missing")
    given = {ours: row[theirs] for ours, theirs in names.items() if row[theirs] not in (None, "")}
    text = take(given, "text", str) or ""
    if not text.strip():
        yield Skipped(place=place, why="no text")
        return
    others = {name: value for name, value in row.items() if name not in names.values() and value not in (None, "")}
    draft = Draft(
        text=text,
        kind=_kind(given.get("kind")),
        created_at=_time(given, "time", options),
        valid_from=_time(given, "valid_from", options),
        valid_to=_time(given, "valid_to", options),
        expires_at=_time(given, "expires_at", options),
        salience=_number(given.get("salience")),
        subject=name_of(given, "subject"),
        tags=_tags(given.get("tags")),
        key=_key(source, given, others),
        provenance=origin(source, name_of(given, "speaker"), name_of(given, "session")),
        metadata={**others, **(take(given, "metadata", dict) or {})},
    )
    yield Item(draft=draft, place=place)


def _key(source: str, given: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """By the id of a row; a row without one is known by all that it says, so that equal rows are one."""
    return key_of(source, name_of(given, "id") or digest([given, others]))


def _time(given: Mapping[str, Any], name: str, options: Options) -> datetime | None:
    return when(given.get(name), options.zone, name)


def _kind(given: object) -> Kind:
    if given is None:
        return "episodic"
    if given not in KINDS:
        raise InvalidMemory(f"kind is {called(given)} that is not one of {', '.join(KINDS)}")
    return given


def _number(given: object) -> float | None:
    try:
        return None if given is None else float(given)  # type: ignore[arg-type]  # what is no number is refused below
    except (TypeError, ValueError):
        raise InvalidMemory(f"salience is {called(given)}, not a number from 0 to 1") from None


def _tags(given: object) -> list[str]:
    """Tags as a list, or as a text that commas or semicolons divide."""
    if isinstance(given, str):
        given = given.replace(";", ",").split(",")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        raise InvalidMemory(f"tags is {called(given)}, not a list of texts")
    return [tag.strip() for tag in given if tag.strip()]
