"""What of a message is worth keeping as a fact: by rules over English, or by the model when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from memoria.models.chat import ChatModel, Message

Extractor = Callable[[str], Sequence[str]]
"""Given what was said, returns the facts in it, each a sentence that can be understood by itself."""
PROMPT = (
    "List the facts about the user in the message that will still matter in a month, one a line, each a short sentence "
    "that can be understood by itself. Write NONE when there is none.\n\nMessage: "
)


def by_model(model: ChatModel) -> Extractor:
    """An extractor that asks a model.

    Args:
        model: is asked for the facts in a message, one a line.

    Returns:
        An extractor; it takes the model's lines as facts without checking them.
    """

    def extract(text: str) -> list[str]:
        pieces = model.reply([Message(role="user", text=PROMPT + text)])
        lines = "".join(piece for piece in pieces if isinstance(piece, str)).splitlines()
        facts = [re.sub(r"^\W*(?:\d+[.)]\s*)?", "", line).strip() for line in lines]
        return [fact for fact in dict.fromkeys(facts) if fact and fact.strip(" .").upper() != "NONE"]

    return extract
