"""What a chat model is: messages and tools go in, pieces of a reply come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A piece of a reply: the model asks for a tool. id: what the answer to it is to name."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A piece of a reply without text: ids of memories that the reply comes from, for it holds what they hold."""

    ids: tuple[str, ...]


Piece = str | ToolCall | Drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a prompt. calls: tools that an assistant asks for. answers: id of the call that a tool answers.

    asked: what the user said, where `text` holds notes beside it.
    """

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str | None = None
    asked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What a model may call. parameters: JSON schema of the arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@runtime_checkable
class ChatModel(Protocol):
    """A language model that answers messages."""

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterable[Piece]:
        """The reply in pieces, as they come. Closing the iterator ends the work on it. Raises ModelFailed."""
        ...

    def count(self, text: str) -> int:
        """Tokens of `text`."""
        ...


def as_openai(message: Message) -> dict[str, Any]:
    """A message in the shape of OpenAI's chat completions, which chat templates of Hugging Face read as well."""
    plain: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        plain["tool_calls"] = [_call(one) for one in message.calls]
    if message.answers is not None:
        plain["tool_call_id"] = message.answers
    return plain


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": dict(call.arguments)}}


def tool_as_openai(tool: Tool) -> dict[str, Any]:
    """A tool in the shape of OpenAI's chat completions."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}
