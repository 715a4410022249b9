"""Models behind an OpenAI-compatible endpoint, through OpenAI's own client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from memoria.errors import ModelFailed
from memoria.extras import extra
from memoria.models.chat import Message, Piece, Tool, ToolCall, as_openai, tool_as_openai
from memoria.models.counting import Estimating

with extra("openai"):
    import httpx
    import openai

MEANINGS = {
    400: "did not take the request: the prompt may be too long, or the model unknown",
    401: "wants another key: set OPENAI_API_KEY",
    403: "does not allow this key to use the model",
    404: "has no such model, or is no OpenAI-compatible endpoint",
    413: "finds the request too large",
    429: "has too many requests, or the account has no credit left: say it again later",
    500: "failed",
    502: "is not ready",
    503: "is overloaded, or loads the model: say it again later",
}
"""What an endpoint says by its status, in words."""


class OpenAI(Estimating):
    """A chat model behind an endpoint, streamed as chat completions.

    Args:
        model: name of the model.
        base_url: URL of the endpoint, which is also asked without a key; None is OpenAI's, or that in OPENAI_BASE_URL.
        api_key: its key; None is that in OPENAI_API_KEY.

    Raises:
        ModelFailed: there is no key for OpenAI.
    """

    def __init__(self, model: str, *, base_url: str | None = None, api_key: str | None = None) -> None:
        own = base_url is not None or bool(os.environ.get("OPENAI_BASE_URL"))
        key = api_key or os.environ.get("OPENAI_API_KEY") or ("none" if own else None)
        self.model = model
        try:
            self._client = openai.OpenAI(base_url=base_url, api_key=key)
        except openai.OpenAIError as error:
            raise ModelFailed(f"{model}: {error}") from error

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call.

        Yields:
            The pieces of the reply, as the endpoint sends them.

        Raises:
            ModelFailed: the endpoint did not answer.
        """
        asked: dict[str, Any] = {"model": self.model, "messages": [_sent(one) for one in messages], "stream": True}
        if tools:
            asked["tools"] = [tool_as_openai(one) for one in tools]
        try:
            with self._client.chat.completions.create(**asked) as chunks:
                yield from _pieces(chunks)
        except (openai.OpenAIError, httpx.HTTPError, ValueError, AttributeError, TypeError) as error:
            raise ModelFailed(f"{self.model}: {self._plainly(error)}") from error

    def _plainly(self, error: Exception) -> str:
        """What went wrong, and what to do, without the body of an answer, which may repeat what was sent."""
        place = str(self._client.base_url)
        if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
            return f"{place} did not answer in time"
        if isinstance(error, openai.APIConnectionError | httpx.HTTPError):
            return f"Connection error: {place} cannot be reached, or broke off: is it running?"
        if isinstance(error, openai.APIStatusError):
            return f"{place} {MEANINGS.get(error.status_code, 'refused')} (HTTP {error.status_code})"
        return f"{place} does not answer as an OpenAI-compatible endpoint does"


def _sent(message: Message) -> dict[str, Any]:
    """A message as it is sent: the arguments of calls are text."""
    plain = as_openai(message)
    for call in plain.get("tool_calls", ()):
        call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return plain


def _pieces(chunks: Iterable[Any]) -> Iterator[Piece]:
    """Text as it comes; calls, whose arguments come in parts, once they are whole."""
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        for choice in chunk.choices[:1]:
            if choice.delta.content:
                yield choice.delta.content
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] = part.id or call["id"]
                call["name"] += (part.function and part.function.name) or ""
                call["arguments"] += (part.function and part.function.arguments) or ""
    for at, call in sorted(calls.items()):
        yield ToolCall(id=call["id"] or f"call-{at}", name=call["name"], arguments=_read(call["arguments"]))


def _read(text: str) -> dict[str, Any]:
    """Arguments as the model wrote them; anything but a JSON object becomes one that no tool accepts."""
    try:
        found = json.loads(text or "{}")
    except json.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": text}


__all__ = ["OpenAI"]
