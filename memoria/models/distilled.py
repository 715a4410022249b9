"""A distilled model in a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memoria.distill.model import DistilledModel
from memoria.models.chat import Drawn, Message, Piece, Tool
from memoria.models.huggingface import HuggingFace


class Distilled:
    """Asks the weights the last message alone, without notes, as they were trained, when they know about it; else the
    base answers the whole conversation, to the bit as if nothing had been learnt."""

    def __init__(self, model: DistilledModel) -> None:
        self.model = model
        self._base = HuggingFace(model.base)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """The reply; what it knows from weights names the memories that the weights learnt it from."""
        last = messages[-1]
        asked = last.text if last.asked is None else last.asked
        ids = self.model.sources(asked) if last.role == "user" else ()
        if not ids:
            yield from self._base.reply(messages, tools)
            return
        yield Drawn(ids=ids)
        yield self.model.generate(asked)

    def count(self, text: str) -> int:
        """Tokens by the base's own tokenizer."""
        return self._base.count(text)
