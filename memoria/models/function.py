"""Any callable as a chat model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from memoria.models.chat import Message, Piece, Tool
from memoria.recall.context import estimate_tokens

_ROLE = re.compile(r"^(?=(?:system|user|assistant|tool)\s*:)", re.I | re.M)


class Function:
    """A callable as a chat model.

    Args:
        answer: is given the messages and returns the reply, whole or in pieces.
    """

    def __init__(self, answer: Callable[[Sequence[Message]], str | Iterable[Piece]]) -> None:
        self._answer = answer

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call; the callable does not get to know them, and may call them.

        Yields:
            The pieces of the reply, as the callable returns them.
        """
        found = self._answer(messages)
        yield from (found,) if isinstance(found, str) else found

    def count(self, text: str) -> int:
        """Counts tokens, roughly.

        Args:
            text: any text.

        Returns:
            How many tokens it is, one for four bytes.
        """
        return estimate_tokens(text)


def transcript(messages: Sequence[Message]) -> str:
    """Messages as one text, for a model that only continues a text.

    Args:
        messages: the conversation, oldest first.

    Returns:
        A text that ends where the assistant speaks next.
    """
    said = [f"{one.role}: {_apart(one.text)}" if one.role != "system" else one.text for one in messages]
    return "\n\n".join([*said, "assistant:"])


def _apart(text: str) -> str:
    """A text of which no line begins as a message does."""
    return _ROLE.sub("  ", text)
