"""How well a model finds facts in messages: those that it lists, and those that are kept since they were said.

A small set of our own, twenty messages, of which eight hold no fact. It tells a model that can be used from one that
cannot, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memoria.english.facts import by_rules
from memoria.extraction.asking import answer, facts_in
from memoria.extraction.grounds import Ground
from memoria.models.chat import ChatModel
from memoria.protocols import Progress
from memoria.text.words import plain_words


@dataclass(frozen=True, slots=True)
class Case:
    """A message, and its facts: of each the words that a sentence has which tells it."""

    text: str
    facts: tuple[str, ...] = ()


CASES = (
    Case("Hi, I'm Marta and I live in Porto.", ("live porto",)),
    Case("I quit my job at the bakery last week.", ("quit bakery",)),
    Case("My sister Eva is allergic to peanuts, and she visits on Sunday.", ("eva allergic peanuts",)),
    Case("I don't eat meat, but I love fish.", ("meat", "love fish")),
    Case("My daughter starts school in September. What should she bring?", ("daughter school september",)),
    Case("I was born in 1984 in Split.", ("born 1984", "born split")),
    Case("I speak Danish and a bit of Thai.", ("speak danish", "speak thai")),
    Case("I'm training for a marathon. Give me a plan for this week.", ("training marathon",)),
    Case("Ich wohne in Bern und arbeite als Lehrerin.", ("wohne bern", "arbeite lehrerin")),
    Case("Mi hermano se llama Diego y toca el violín.", ("hermano diego", "toca violín")),
    Case("J'ai deux enfants, et mon mari est boulanger.", ("deux enfants", "mari boulanger")),
    Case("The wifi password at home is plum-tree-77.", ("wifi password plum tree 77",)),
    Case("Hello there, how are you today?"),
    Case("What time is it in Tokyo?"),
    Case("Please translate this into French: the house is red."),
    Case("Could I live in Oslo without a car?"),
    Case("What is the capital of Peru?"),
    Case("Ok."),
    Case("Wie spät ist es gerade?"),
    Case("Tell me a joke about cats."),
)


def evaluate(model: ChatModel | None, progress: Progress | None = None) -> dict[str, dict[str, Any]]:
    """Counts by a model, or by the rules over English for None: of all that is listed, and of what is kept."""
    counts = {name: _Counts() for name in ("listed", "kept")}
    for done, case in enumerate(CASES):
        if progress is not None:
            progress("learn", done, len(CASES))
        ground = Ground(case.text)
        found = by_rules(case.text) if model is None else facts_in(answer(model, case.text))
        counts["listed"].add(case, found)
        counts["kept"].add(case, [one for one in found if ground.fault(one) is None])
    return {name: one.report() for name, one in counts.items()}


@dataclass(slots=True)
class _Counts:
    """sentences: how many there are. right: those that tell a fact. told: facts that one tells. empty: messages without
    a fact of which nothing is listed."""

    sentences: int = 0
    right: int = 0
    told: int = 0
    empty: int = 0

    def add(self, case: Case, found: Sequence[str]) -> None:
        """Counts the sentences of one message."""
        said = [set(plain_words(one)) for one in found]
        wanted = [set(plain_words(one)) for one in case.facts]
        self.sentences += len(said)
        self.right += sum(any(one <= words for one in wanted) for words in said)
        self.told += sum(any(one <= words for words in said) for one in wanted)
        self.empty += not case.facts and not found

    def report(self) -> dict[str, Any]:
        """The counts, and what they are of."""
        facts, without = sum(len(one.facts) for one in CASES), sum(not one.facts for one in CASES)
        return {
            "sentences": self.sentences,
            "right": self.right,
            "precision": round(self.right / self.sentences, 3) if self.sentences else None,
            "facts told": f"{self.told} of {facts}",
            "left alone": f"{self.empty} of {without}",
        }
