"""Tool calls that a model writes into its text: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, as the
chat templates of Hermes, Qwen and SmolLM2 have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from memoria.models.chat import Piece, ToolCall

OPEN, CLOSE = "<tool_call>", "</tool_call>"


def read(texts: Iterable[str]) -> Iterator[Piece]:
    """Text as it comes, and calls as calls, wherever the pieces are cut; a call that cannot be read stays text."""
    buffer, count = "", 0
    for text in texts:
        buffer += text
        while (call := _first(buffer)) is not None:
            before, inside, buffer = call
            if before:
                yield before
            yield _parsed(inside, count)
            count += 1
        if OPEN not in buffer:
            ready = len(buffer) - _begun(buffer)
            if ready:
                yield buffer[:ready]
            buffer = buffer[ready:]
    if buffer:
        yield buffer


def _first(text: str) -> tuple[str, str, str] | None:
    """The text before the first whole call, inside it, and after it."""
    before, opened, rest = text.partition(OPEN)
    inside, closed, after = rest.partition(CLOSE)
    return (before, inside, after) if opened and closed else None


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of a call."""
    return next((n for n in range(len(OPEN) - 1, 0, -1) if text.endswith(OPEN[:n])), 0)


def _parsed(inside: str, count: int) -> Piece:
    try:
        said = json.loads(inside)
        name, arguments = said["name"], said.get("arguments", {})
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        return f"{OPEN}{inside}{CLOSE}"
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return f"{OPEN}{inside}{CLOSE}"
    return ToolCall(id=f"call-{count}", name=name, arguments=arguments)
