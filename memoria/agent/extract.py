"""What of a message is worth keeping as a fact: by rules over English, or by the model when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memoria.extraction.asking import answer, facts_in
from memoria.models.chat import ChatModel

Extractor = Callable[[str], Sequence[str]]
"""Given what was said, returns the facts in it, each a sentence that can be understood by itself."""


def by_model(model: ChatModel) -> Extractor:
    """An extractor that asks a model, with the prompt of `Memoria.learn`.

    Args:
        model: is asked for the facts in a message.

    Returns:
        An extractor; it takes what the model lists as facts without checking it, as `learn` does not.
    """
    return lambda text: facts_in(answer(model, text))
