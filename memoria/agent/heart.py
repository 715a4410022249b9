"""What the weights of a memory know by heart: a question about it needs no notes and no other model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memoria.distill.unlearn import has_learnt
from memoria.english.wants import own_reply, to_know
from memoria.errors import ModelCorrupt, ModelNotFound, NotPermitted

if TYPE_CHECKING:
    from memoria.distill.answered import Answered
    from memoria.engine.memory import Memoria


def by_heart(memory: Memoria, text: str) -> Answered | None:
    """The answer of the weights to a message that asks for what they were taught; None for any other message.

    None, too, for a reader's view, and where the model of the last `distill` cannot be loaded.
    """
    if not has_learnt(memory.store) or not to_know(text) or own_reply(text):
        return None
    try:
        told = memory.reinforcing("never").ask(text, base=False)
    except (ModelNotFound, ModelCorrupt, NotPermitted):
        return None
    if told.source != "weights":
        return None
    memory.reinforce(*told.memories)
    return told
