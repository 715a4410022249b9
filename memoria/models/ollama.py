"""Models of an Ollama on this machine, or where OLLAMA_HOST says, by its own protocol: no package is needed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from memoria.errors import InvalidQuery, ModelFailed
from memoria.models.chat import Message, Piece, Tool, ToolCall, tool_as_openai
from memoria.models.counting import Estimating

PORT = 11434
# Seconds for a list of models; and for the next piece of a reply, the first of which loads the model.
_SOON, _PATIENCE = 1.0, 300.0


class Ollama(Estimating):
    """A chat model of an Ollama.

    Args:
        model: its name, as `ollama list` shows it.
        host: where Ollama listens, as in OLLAMA_HOST; None is that variable, or 127.0.0.1:11434.

    Raises:
        InvalidQuery: `host` is no address.
    """

    def __init__(self, model: str, *, host: str | None = None) -> None:
        self.model = model
        self.url = address(host)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call; a model that cannot is asked without them.

        Yields:
            The pieces of the reply, as Ollama sends them.

        Raises:
            ModelFailed: Ollama did not answer.
        """
        asked: dict[str, Any] = {"model": self.model, "messages": _sent(messages), "stream": True}
        with _answer(self.url, "POST", "/api/chat", asked | _offered(tools)) as answer:
            if answer.status == 400 and tools:
                answer.read()
            else:
                yield from self._read(answer)
                return
        with _answer(self.url, "POST", "/api/chat", asked) as answer:
            yield from self._read(answer)

    def _read(self, answer: HTTPResponse) -> Iterator[Piece]:
        """The pieces of an answer, one line of JSON each; it is whole when one says that it is done."""
        if answer.status != 200:
            raise ModelFailed(f"{self.model}: {_meaning(self.url, answer.status)}")
        count = 0
        for line in answer:
            said = _object(line)
            if said is None or "error" in said:
                break
            message = said.get("message") or {}
            if message.get("content"):
                yield str(message["content"])
            for call in message.get("tool_calls") or ():
                yield _call(call, count)
                count += 1
            if said.get("done"):
                return
        raise ModelFailed(f"{self.model}: {self.url} broke off the reply")


def address(host: str | None = None) -> str:
    """The URL of an Ollama.

    Args:
        host: as in OLLAMA_HOST: a host, `host:port`, `:port`, or a URL; None is that variable, or 127.0.0.1:11434.

    Returns:
        A URL without a path. An address that stands for all of a machine's own becomes 127.0.0.1.

    Raises:
        InvalidQuery: it is no address.
    """
    given = (os.environ.get("OLLAMA_HOST", "") if host is None else host).strip().rstrip("/")
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port or ({"http": 80, "https": 443}.get(parts.scheme) if "://" in given else PORT)
    except ValueError:
        raise InvalidQuery("OLLAMA_HOST is no address: give HOST:PORT, or http://HOST:PORT") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidQuery("OLLAMA_HOST is no address: give HOST:PORT, or http://HOST:PORT")
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def models(url: str) -> list[str]:
    """The models that an Ollama has on its own machine, the newest first; those that it only passes on are left out.

    Args:
        url: of the Ollama, as `address` gives it.

    Returns:
        Their names; none when nothing answers as an Ollama does.
    """
    try:
        with _answer(url, "GET", "/api/tags", seconds=_SOON) as answer:
            said = _object(answer.read()) if answer.status == 200 else None
    except ModelFailed:
        return []
    found = said.get("models") if said else None
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    own = [one for one in listed if not one.get("remote_host") and isinstance(one.get("name"), str)]
    return [one["name"] for one in own if "embed" not in one["name"]]


@contextmanager
def _answer(
    url: str, method: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = _PATIENCE
) -> Iterator[HTTPResponse]:
    """The answer to a request, no proxy asked; raises ModelFailed when there is none, or it breaks off."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=seconds)) as connection:
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, path, sent, {"Content-Type": "application/json"})
            yield connection.getresponse()
        except TimeoutError as error:
            raise ModelFailed(f"Ollama at {url} did not answer in time") from error
        except (OSError, HTTPException) as error:
            raise ModelFailed(f"Ollama at {url} cannot be reached, or broke off: is it running?") from error


def _meaning(url: str, status: int) -> str:
    known = {404: "has no such model: see `ollama list`, or `ollama pull` it", 400: "did not take the request"}
    return f"{url} {known.get(status, 'failed')} (HTTP {status})"


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _sent(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"role": one.role, "content": one.text}
        | ({"tool_calls": [_plain(call) for call in one.calls]} if one.calls else {})
        for one in messages
    ]


def _plain(call: ToolCall) -> dict[str, Any]:
    return {"function": {"name": call.name, "arguments": dict(call.arguments)}}


def _offered(tools: Sequence[Tool]) -> dict[str, Any]:
    return {"tools": [tool_as_openai(one) for one in tools]} if tools else {}


def _call(call: Any, count: int) -> ToolCall:
    """A call as Ollama sends it; arguments that are no object become one that no tool accepts."""
    function = call.get("function") if isinstance(call, dict) else None
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments")
    given = arguments if isinstance(arguments, dict) else {"unreadable": str(arguments)}
    return ToolCall(id=f"call-{count}", name=str(function.get("name", "")), arguments=given)


__all__ = ["Ollama", "address", "models"]
