"""A distilled model in a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memoria.distill.model import DistilledModel
from memoria.models.chat import Drawn, Message, Piece, Tool
from memoria.models.huggingface import HuggingFace


class Distilled:
    """A distilled model in a conversation.

    When the weights know about the last message, they answer that message alone, without notes, as they were trained.
    Otherwise the base model answers the whole conversation, as if nothing had been learnt.

    Args:
        model: the distilled model.
    """

    def __init__(self, model: DistilledModel) -> None:
        self.model = model
        self._base = HuggingFace(model.base)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers a conversation. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call, if the base model answers.

        Yields:
            The pieces of the reply, and first, of a reply from weights, which memories it comes from.
        """
        last = messages[-1]
        asked = last.text if last.asked is None else last.asked
        ids = self.model.sources(asked) if last.role == "user" else ()
        if not ids:
            yield from self._base.reply(messages, tools)
            return
        yield Drawn(ids=ids)
        yield self.model.generate(asked)

    def count(self, text: str) -> int:
        """Counts tokens.

        Args:
            text: any text.

        Returns:
            How many tokens it is for the base's own tokenizer.
        """
        return self._base.count(text)
