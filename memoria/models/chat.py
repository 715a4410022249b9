"""What a chat model is: messages and tools go in, pieces of a reply come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks in a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A piece of a reply: the model calls a tool.

    Attributes:
        id: names the call; the answer to it repeats it.
        name: name of the tool.
        arguments: arguments by name, as JSON values.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A piece of a reply without text: which memories the reply was made from.

    Attributes:
        ids: ids of these memories.
    """

    ids: tuple[str, ...]


Piece = str | ToolCall | Drawn
"""A piece of a reply: text, a call of a tool, or the memories it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A recalled memory next to a message, as a person would quote it.

    Attributes:
        text: word for word.
        day: of which it is.
        who: who said it, or where else it comes from; "you" for the user, "" where nobody is named.
        replied: whether a reply of the assistant itself.
        doubtful: whether a later statement makes it doubtful.
        probability: how likely the message wants it, in [0, 1]; None where that is not known.
    """

    text: str
    day: date
    who: str = ""
    replied: bool = False
    doubtful: bool = False
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a prompt.

    Attributes:
        role: who speaks.
        text: what is said.
        calls: tools that an assistant calls.
        answers: id of the call that a tool answers.
        asked: what the user said, when `text` has notes next to it.
        notes: these notes, best first.
    """

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str | None = None
    asked: str | None = None
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that a model may call.

    Attributes:
        name: its name.
        description: what it does, for the model.
        parameters: JSON schema of the arguments, an object.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@runtime_checkable
class ChatModel(Protocol):
    """A language model that answers messages."""

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterable[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call.

        Returns:
            The pieces of the reply, as they come.

        Raises:
            ModelFailed: the model did not answer.
        """
        ...

    def count(self, text: str) -> int:
        """Counts tokens.

        Args:
            text: any text.

        Returns:
            How many tokens it is for this model.
        """
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
