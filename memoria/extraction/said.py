"""Messages of a conversation as they are given: texts, mappings as of chat completions, or objects with such fields."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memoria.errors import InvalidQuery
from memoria.models.chat import Message
from memoria.validate import check_time

MessageLike = str | Message | Mapping[str, Any]
"""A message: what a user says; or `role`, `content`, and if known `name`, `time` and `id`, as in chat completions."""
USER, ASSISTANT = "user", "assistant"
ROLES = (USER, ASSISTANT, "system", "developer", "tool", "function")
"""Who may speak in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that is read.

    Attributes:
        place: its position among the messages, from 0.
        role: one of `ROLES`.
        speaker: its name; the role of one without a name.
        text: what is said; "" for none.
        at: when, aware; None is unknown.
        key: its own; equal for the same message of the same conversation when it comes again.
    """

    place: int
    role: str
    speaker: str
    text: str
    at: datetime | None
    key: str


def as_said(messages: Iterable[MessageLike], session: str | None) -> list[Said]:
    """Reads messages.

    The key of a message without an id goes by session, speaker, time and text, and by how many before it are the same:
    who says "yes" twice has said it twice, and the first of them is known when more of the conversation comes.

    Args:
        messages: a conversation, oldest first.
        session: its name; None for none.

    Returns:
        All of them, in order.

    Raises:
        InvalidQuery: `messages` is one message, or one of them has no such form; names its place, never what it says.
    """
    if isinstance(messages, str | Mapping | Message):
        raise InvalidQuery(f"messages is one {type(messages).__name__}, not a sequence of messages: put it into a list")
    if not isinstance(messages, Iterable):
        raise InvalidQuery(f"messages is {type(messages).__name__}, not a sequence of messages")
    seen: Counter[str] = Counter()
    found = []
    for place, given in enumerate(messages):
        fields = _fields(given, place)
        role, name, text = _role(fields, place), _name(fields, place), _text(fields.get("content"), place)
        at, id = _time(fields.get("time"), place), fields.get("id")
        own = [session, role, name or role, None if at is None else at.isoformat(), text, id and str(id)]
        said = json.dumps(own)
        key = hashlib.sha256(f"{said} {seen[said]}".encode()).hexdigest()[:32]
        seen[said] += 1
        found.append(Said(place=place, role=role, speaker=name or role, text=text, at=at, key=f"said {key}"))
    return found


def _fields(given: Any, place: int) -> Mapping[str, Any]:
    if isinstance(given, str):
        return {"role": USER, "content": given}
    if isinstance(given, Message):
        return {"role": given.role, "content": given.text}
    if isinstance(given, Mapping):
        return given
    if hasattr(given, "role") and hasattr(given, "content"):
        return {name: getattr(given, name, None) for name in ("role", "content", "name", "time", "id")}
    raise InvalidQuery(f"messages[{place}] is {type(given).__name__}, not a text or a mapping with role and content")


def _role(fields: Mapping[str, Any], place: int) -> str:
    role = fields.get("role", USER)
    if role not in ROLES:
        what = "not a text" if not isinstance(role, str) else f"none of {', '.join(ROLES)}"
        raise InvalidQuery(f"messages[{place}]: role is {what}")
    return str(role)


def _name(fields: Mapping[str, Any], place: int) -> str | None:
    name = fields.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidQuery(f"messages[{place}]: name is {type(name).__name__}, not a text")
    return name if name and name.strip() else None


def _text(content: Any, place: int) -> str:
    """What is said: a text, or the texts among parts; what is no text, such as an image, says nothing."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Iterable) or isinstance(content, Mapping | bytes):
        raise InvalidQuery(f"messages[{place}]: content is {type(content).__name__}, not a text or a list of parts")
    parts = [one if isinstance(one, str) else _part(one) for one in content]
    return "\n".join(one for one in parts if one)


def _part(given: Any) -> str:
    text = given.get("text") if isinstance(given, Mapping) else getattr(given, "text", None)
    return text if isinstance(text, str) else ""


def _time(given: Any, place: int) -> datetime | None:
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise InvalidQuery(f"messages[{place}]: time is not of ISO 8601") from None
    return check_time(f"messages[{place}].time", given)
