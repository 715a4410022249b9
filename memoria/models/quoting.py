"""A model that invents nothing of what it remembers: it quotes, word for word, with the day and who said it.

A small language model says what no note says. So this one is asked only where nothing is to be known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from memoria.english.facts import by_rules
from memoria.english.sentences import content
from memoria.english.wants import own_reply, to_know
from memoria.errors import EmbedderError, MissingExtra
from memoria.models.chat import ChatModel, Message, Note, Piece, Tool
from memoria.models.counting import Estimating
from memoria.text.words import Sign, signs

NOTHING = "I know nothing about that."
NEAREST = "I do not know that. The nearest that I remember:"
NOTED = "Noted."
SILENT = "I quote what I remember, and keep what you tell me; for more, no model is installed."
MOST = 3
"""Notes that are quoted, at most."""
SURE, LIKELY = 0.1, 0.05
"""Probabilities that a note is wanted: at which it answers, and at which it is the nearest. Set by hand, not fitted."""


class Quoting(Estimating):
    """Answers questions with what is recalled, and lets another model answer what asks for nothing.

    Args:
        talker: makes the other model, when it is first needed.
    """

    def __init__(self, talker: Callable[[], ChatModel]) -> None:
        self._make = talker
        self._talker: ChatModel | None = None

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> Iterator[Piece]:
        """Answers the last message. Closing the iterator ends the work on the reply.

        Args:
            messages: the conversation, oldest first.
            tools: is not used: nothing is called.

        Yields:
            The pieces of the reply.
        """
        last = messages[-1]
        said = last.text if last.asked is None else last.asked
        if to_know(said):
            yield answer(said, last.notes)
        elif by_rules(said):
            yield NOTED
        else:
            yield from self._talk(said)

    def _talk(self, said: str) -> Iterator[Piece]:
        """What the other model says to the message alone, without notes, of which it would make something else."""
        try:
            if self._talker is None:
                self._talker = self._make()
            yield from self._talker.reply([Message(role="user", text=said)])
        except (EmbedderError, MissingExtra):
            yield SILENT


def answer(question: str, notes: Sequence[Note]) -> str:
    """The notes that answer a question, quoted; or that nothing is known.

    Args:
        question: what is asked.
        notes: what is recalled, best first.

    Returns:
        One line for each note, at most MOST; the nearest ones are called so when none is sure.
    """
    told = [one for one in notes if not signs(one.text) & Sign.ASKS and (own_reply(question) or not one.replied)]
    words = set(content(question))
    sure = [one for one in told if _sure(one, words)]
    near = [one for one in told if one.probability is not None and one.probability >= LIKELY]
    if sure:
        return "\n".join(map(quoted, sure[:MOST]))
    return "\n".join([NEAREST, *map(quoted, near[:1])]) if near else NOTHING


def _sure(note: Note, words: set[str]) -> bool:
    shared = bool(words & set(content(note.text)))
    if note.probability is None:
        return shared
    return note.probability >= SURE or (shared and note.probability >= LIKELY)


def quoted(note: Note) -> str:
    """A note word for word, with its day and who said it.

    Args:
        note: the note.

    Returns:
        One line, or as many as the note has: `On 2026-05-04 you said: "I take my tea with milk."`
    """
    who = "I replied" if note.replied else f"{note.who} said" if note.who else "it was noted"
    doubt = " (in doubt since)" if note.doubtful else ""
    return f'On {note.day} {who}: "{note.text}"{doubt}'


__all__ = ["LIKELY", "MOST", "NEAREST", "NOTED", "NOTHING", "SILENT", "SURE", "Quoting", "answer", "quoted"]
