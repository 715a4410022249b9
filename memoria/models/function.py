"""Any callable as a chat model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from memoria.models.chat import Message, Piece, Tool
from memoria.recall.context import estimate_tokens


class Function:
    """Answers by `answer(messages)`: the reply, whole or in pieces."""

    def __init__(self, answer: Callable[[Sequence[Message]], str | Iterable[Piece]]) -> None:
        self._answer = answer

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """What the callable returns, piece by piece; it is not told of tools, and may call them."""
        found = self._answer(messages)
        yield from (found,) if isinstance(found, str) else found

    def count(self, text: str) -> int:
        """About: one token for four bytes."""
        return estimate_tokens(text)


def transcript(messages: Sequence[Message]) -> str:
    """Messages as one text, for a model that only goes on with a text."""
    said = [f"{one.role}: {one.text}" if one.role != "system" else one.text for one in messages]
    return "\n\n".join([*said, "assistant:"])
