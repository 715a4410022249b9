"""Self-study: examples that a model writes about a memory, as in Cartridges (Eyuboglu et al. 2025, arXiv:2506.06266).

The model reads the memory, asks about it in several ways, and answers its own questions with the memory before it. A
question is kept when one sentence of the memory, and only one, has the answer; what is taught is that sentence, in the
words of the memory, so that nothing is taught that was not said. The questions of the rules are kept beside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memoria.distill.base import Base
from memoria.distill.dataset import ExampleWriter
from memoria.distill.recipe import Recipe, same_bits
from memoria.distill.template import prompt_of
from memoria.distill.train import reminded
from memoria.english.questions import examples
from memoria.english.sentences import bare, content, units
from memoria.types import Example, Memory

# Notes with a question, one before each note to ask about: a small model follows an example better than an order. Each
# asks for something else: what it is, who it is, how it is liked.
WAYS = (
    ("I bought a red bicycle in Porto last week.", "What did I buy in Porto last week?"),
    ("My cousin Ines teaches the violin to children.", "Who teaches the violin to children?"),
    ("Speaking of food, I really can't stand olives.", "Which food can't I stand?"),
)
_ASKED = re.compile(r"[A-Z][^.?!\n]*\?")
_QUESTION, _ANSWER = 24, 32


class SelfStudy:
    """A writer of examples that asks a model. Give it as `examples=`; it writes the same for the same memory.

    Args:
        base: the model; the one that is distilled into, or a larger one.
        beside: writes the examples that are kept beside; by rules unless told.
        ways: notes with a question, an example of each way to ask.
    """

    def __init__(self, base: Base, beside: ExampleWriter = examples, ways: Sequence[tuple[str, str]] = WAYS) -> None:
        self._base, self._beside, self._ways = base, beside, tuple(ways)
        self._studied: dict[str, list[Example]] = {}

    def __call__(self, memory: Memory) -> list[Example]:
        """The examples of a memory: those beside, and what the model asks and answers from it, in that order."""
        if memory.text not in self._studied:
            self._studied[memory.text] = self.study(memory.text)
        made = [*self._beside(memory), *self._studied[memory.text]]
        return list({one.prompt: one for one in reversed(made)}.values())[::-1]

    def study(self, text: str) -> list[Example]:
        """What the model asks about a text and answers from it, each question once."""
        asked = [self._said(asking(text, *way), _QUESTION) for way in self._ways]
        questions = dict.fromkeys(found[0] for one in asked if (found := _ASKED.findall(one)))
        answered = ((one, told_by(text, self._said(reminded(text, one), _ANSWER))) for one in questions)
        return [Example(prompt=question, answer=said) for question, said in answered if said is not None]

    def _said(self, prompt: str, most: int) -> str:
        """The most likely answer, one prompt at a time: what it is does not depend on what else is asked."""
        with self._base.lock, same_bits(Recipe()):
            return self._base.say([prompt_of(self._base, prompt)], most)[0]


def asking(text: str, note: str, question: str) -> str:
    """What the model reads to ask about a text. note, question: an example of how."""
    return f"Write one question about each note.\n\nNote: {note}\nQuestion: {question}\n\nNote: {text}\nQuestion:"


def told_by(text: str, answer: str) -> str | None:
    """The one sentence of a text that has every content word of an answer; None if none has, or several do."""
    words = frozenset(content(answer))
    found = [bare(one) for one in units(text) if words and words <= frozenset(content(one))]
    return found[0] if len(found) == 1 else None
