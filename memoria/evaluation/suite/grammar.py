"""The small grammars that the cases of the suite are made from: people, facts, and ways of writing the same name."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from memoria.evaluation.suite.scenario import Fact, Found, Gone, Say

if TYPE_CHECKING:
    import numpy as np

_T = TypeVar("_T")
FIRST = [
    "Astrid",
    "Bruno",
    "Celine",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ingrid",
    "Jonas",
    "Katja",
    "Leif",
    "Mirjam",
    "Nikolai",
    "Olga",
    "Pedro",
    "Quentin",
    "Rosa",
    "Stefan",
    "Tamsin",
    "Umberto",
    "Viktor",
    "Wanda",
    "Xenia",
    "Yusuf",
    "Zora",
]
LAST = [
    "Abbott",
    "Brandt",
    "Castell",
    "Dorsey",
    "Eklund",
    "Fontaine",
    "Grimaldi",
    "Hartwig",
    "Ivanov",
    "Jansen",
    "Kowalski",
    "Lindgren",
    "Moreau",
    "Novak",
    "Ortega",
    "Petrov",
    "Quist",
    "Rasmussen",
    "Sandoval",
    "Tveit",
    "Ulrich",
    "Vasquez",
    "Whitlock",
    "Yilmaz",
    "Zamora",
]
# Each topic: a statement about a person, a question for it, and distinct values.
TOPICS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "{who} is allergic to {what}.",
        "What is {who} allergic to?",
        ("penicillin", "shellfish", "peanuts", "latex", "pollen", "ibuprofen", "hazelnuts"),
    ),
    (
        "{who} lives in {what}.",
        "Where does {who} live?",
        ("Utrecht", "Salzburg", "Tromsø", "Valletta", "Coimbra", "Gdansk", "Ravenna"),
    ),
    (
        "{who} works as a {what}.",
        "What does {who} work as?",
        ("welder", "notary", "beekeeper", "cartographer", "midwife", "locksmith", "glazier"),
    ),
    (
        "{who} plays the {what} on Sundays.",
        "What does {who} play on Sundays?",
        ("cello", "bassoon", "accordion", "harpsichord", "trombone", "mandolin", "oboe"),
    ),
    (
        "{who} drinks {what} every morning.",
        "What does {who} drink every morning?",
        ("espresso", "rooibos", "kefir", "lemonade", "cocoa", "matcha", "buttermilk"),
    ),
    (
        "{who} is learning {what} this year.",
        "What is {who} learning this year?",
        ("Basque", "Swahili", "welding", "archery", "calligraphy", "fencing", "Estonian"),
    ),
    (
        "The doctor treated {who} for {what}.",
        "What did the doctor treat {who} for?",
        ("asthma", "anaemia", "sciatica", "migraine", "eczema", "bronchitis", "gout"),
    ),
    (
        "{who} owes the bank {what} euros.",
        "How much does {who} owe the bank?",
        ("4150", "8275", "12930", "23460", "31780", "560", "970"),
    ),
)
GENERAL = tuple(
    f"{thing} {rule}."
    for thing, rule in zip(
        [
            "The pool",
            "The library",
            "Room 7",
            "The north gate",
            "Parking deck C",
            "The canteen",
            "The archive",
            "The lift",
            "The old boiler",
            "The ferry",
            "The market",
            "The roof garden",
        ],
        [
            "closes at nine",
            "needs a card",
            "seats forty",
            "is painted green",
            "floods in spring",
            "serves soup first",
            "opens on demand",
            "holds eight",
            "rattles in winter",
            "leaves from pier two",
            "sells honey",
            "has no railing",
        ],
        strict=True,
    )
)
GENERAL_LABEL = "general"
Write = Callable[[str], str]


@dataclass(slots=True)
class World:
    """Draws people and facts for a case; no name and no value of a topic is drawn twice."""

    rng: np.random.Generator
    _drawn: set[str] = field(default_factory=set)
    _count: int = 0

    def pick(self, some: Sequence[_T]) -> _T:
        """One of several."""
        return some[int(self.rng.integers(len(some)))]

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def new(self, some: Sequence[str]) -> str:
        """One of several that was not drawn yet."""
        chosen = self.pick([one for one in some if one not in self._drawn])
        self._drawn.add(chosen)
        return chosen

    def person(self) -> str:
        return f"{self.new(FIRST)} {self.new(LAST)}"

    def fact(self, who: str, *, topic: int | None = None, written: Write | None = None, **fields: Any) -> Fact:
        """Something about somebody. topic: which. written: how the name is written in it."""
        said, ask, values = TOPICS[topic if topic is not None else self.number(0, len(TOPICS) - 1)]
        self._count += 1
        name = who if written is None else written(who)
        value = self.new(values)
        return Fact(
            label=f"fact {self._count}",
            text=said.format(who=name, what=value),
            ask=ask.format(who=who),
            value=value,
            **fields,
        )

    def facts(self, who: str, low: int = 1, high: int = 3, **fields: Any) -> tuple[Fact, ...]:
        """Some facts about somebody, each of another topic."""
        topics = self.rng.permutation(len(TOPICS))[: self.number(low, high)].tolist()
        return tuple(self.fact(who, topic=topic, **fields) for topic in topics)

    def thought(self, text: str, ask: str, *sources: str, **fields: Any) -> Fact:
        """A fact derived from others."""
        self._count += 1
        return Fact(label=f"thought {self._count}", text=text, ask=ask, sources=sources, **fields)

    def noise(self, **fields: Any) -> Say:
        """Some general knowledge, which nothing may forget."""
        texts = self.rng.permutation(len(GENERAL))[: self.number(2, len(GENERAL))].tolist()
        return Say(tuple(Fact(label=f"{GENERAL_LABEL} {n}", text=GENERAL[n], ask=GENERAL[n], **fields) for n in texts))


def labels(facts: Sequence[Fact]) -> tuple[str, ...]:
    return tuple(fact.label for fact in facts)


def gone(*facts: Fact, at: int | None = None) -> Gone:
    """None of these facts may be found."""
    return Gone(says=tuple(fact.text for fact in facts), query=facts[0].ask, labels=labels(facts), at=at)


def stay(*facts: Fact, at: int | None = None) -> tuple[Found, ...]:
    """Each of these facts must be found."""
    return tuple(Found(says=fact.text, query=fact.ask, at=at) for fact in facts)


def out(fact: Fact, at: int | None = None) -> Found:
    """This fact does not hold, and so must not be found."""
    return Found(says=fact.text, query=fact.ask, at=at, found=False)


def wide(text: str) -> str:
    """In full-width forms."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


def bold(text: str) -> str:
    """In mathematical bold letters and digits."""
    kinds = (("A", "Z", 0x1D400), ("a", "z", 0x1D41A), ("0", "9", 0x1D7CE))
    for first, last, start in kinds:
        text = "".join(chr(start + ord(one) - ord(first)) if first <= one <= last else one for one in text)
    return text


def decomposed(text: str) -> str:
    """With accents as characters of their own."""
    return unicodedata.normalize("NFD", text)


def strewn(text: str, mark: str) -> str:
    """With an invisible character between every two."""
    return mark.join(text)


def spelt(text: str, joint: str) -> str:
    """Letter by letter."""
    return joint.join(text.replace(" ", ""))
