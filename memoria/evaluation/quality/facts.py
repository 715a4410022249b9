"""Facts to distil, with questions in other words: made-up facts, and preferences from Memora."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memoria.english.questions import HELD_OUT, examples
from memoria.remember import Draft
from memoria.types import Example, Memory

_SYLLABLES = "ba be bo da de di fa fe ga ka ke la le li lo ma me mi na ne no ra re ri sa se so ta te to va ve vo za zo"
_VALUES = {
    "home town": "Tromso Cusco Salzburg Nairobi Busan Valparaiso Lund Tbilisi Perth Quebec Windhoek Galway",
    "favourite dish": "ramen paella moussaka goulash pierogi ceviche borscht risotto tagine laksa fondue biryani",
    "instrument": "oboe banjo cello harp accordion sitar trombone lute bassoon ukulele marimba bagpipe",
    "dog": "Biscuit Pepper Rocket Waffle Mango Ziggy Pixel Noodle Bandit Olive Comet Tango",
    "car": "Volvo Subaru Fiat Skoda Toyota Peugeot Mazda Citroen Honda Lancia Dacia Saab",
    "locker code": "",
    "employer": "Norvane Tellabright Quorvik Osmire Pentaroo Dovelink Gravitex Lumora Brantley Ximeda Vasterholm Karvo",
    "hobby": "falconry origami beekeeping fencing pottery archery caving juggling rowing astronomy curling chess",
}


# Memora's own labels of what a preference is about, as words.
_LABELS = {
    "already_watched_list": "film",
    "already_read_list": "book",
    "already_listened_list": "album",
    "already_visited_list": "place",
    "destination_types": "kind of destination",
}
_LEARN = (
    "Which {label} do I {like}?",
    "Tell me a {label} that I {like}.",
    "What {label} did I say I {like}?",
    "Do you know a {label} I {like}?",
    "A {label} I {like}?",
    "Complete the sentence: a {label} that I {like} is",
)
_ASK = (
    "What's a {label} I {like}?",
    "Could you remind me which {label} I {like}?",
    "I forgot which {label} I told you I {like}. Which is it?",
    "Name the {label} I mentioned that I {like}.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A memory that could be learnt. value: what a right answer holds. asked: questions that no training uses.

    home: its namespace. others: values that it could as well have had. The draft's metadata holds what `write` makes
    examples from, when the rules cannot.
    """

    draft: Draft
    value: str
    asked: tuple[str, ...]
    home: tuple[str, ...]
    others: tuple[str, ...] = ()


def synthetic(count: int, seed: int) -> tuple[list[Fact], list[Fact]]:
    """`count` facts about people who do not exist, four a person, and as many never to be learnt about the same."""
    rng = np.random.default_rng(seed)
    learnt: list[Fact] = []
    never: list[Fact] = []
    for who in _names(rng, -(-count // 4)):
        whats = rng.permutation(sorted(_VALUES))
        facts = [_made_up(rng, who, str(what)) for what in whats]
        learnt, never = learnt + facts[:4], never + facts[4:]
    return learnt[:count], never[:count]


def _made_up(rng: np.random.Generator, who: str, what: str) -> Fact:
    words = _VALUES[what].split()
    value = str(rng.choice(words)) if words else str(rng.integers(1000, 10000))
    (aside,) = rng.spawn(1)
    codes = map(str, aside.integers(1000, 10000, 11))
    others = tuple(one for one in words or codes if one != value)
    asked = tuple(one.format(who=who, what=what) for one in HELD_OUT)
    draft = Draft(text=f"{who}'s {what} is {value}.", subject=who)
    return Fact(draft=draft, value=value, asked=asked, home=("people", who), others=others)


def as_said(facts: Sequence[Fact]) -> list[Fact]:
    """The facts without their labels, so that the rules make examples from the text only."""
    return [replace(one, draft=replace(one.draft, metadata=None)) for one in facts]


def memora(folder: Path, count: int, seed: int, half: int | None = None) -> tuple[list[Fact], list[Fact]]:
    """`count` preferences of Memora's personas, as the user said them, an equal number each, and others never learnt.

    half: 0 or 1 takes every second persona, in the order of names: what is fitted on one half is tested on the other.
    What each is about and its value are the data's own labels; only one of a label and liking is taken, so that a
    question has one answer.
    """
    rng = np.random.default_rng(seed)
    learnt: list[Fact] = []
    never: list[Fact] = []
    homes = _preferences(folder)
    if half is not None:
        homes = dict(list(homes.items())[half::2])
    each = -(-count // len(homes))
    for facts in homes.values():
        mixed = [facts[n] for n in rng.permutation(len(facts))]
        learnt, never = learnt + mixed[:each], never + mixed[each:]
    return [replace(one, others=_others(one, learnt, never)) for one in learnt[:count]], never


def _others(fact: Fact, learnt: Sequence[Fact], never: Sequence[Fact]) -> tuple[str, ...]:
    """Values of the same label that chance left unlearnt, of any persona, but none that its own persona learnt."""
    label = label_of(fact)
    mine = {one.value.casefold() for one in learnt if one.home == fact.home}
    found = {one.value.casefold(): one.value for one in never if label_of(one) == label}
    return tuple(value for name, value in sorted(found.items()) if name not in mine)


def _preferences(folder: Path) -> dict[str, list[Fact]]:
    with gzip.open(folder / "weekly_sessions.jsonl.gz", "rt") as lines:
        sessions = [json.loads(line) for line in lines]
    homes: dict[str, dict[tuple[str, str], Fact]] = {}
    for one in sessions:
        said = one["operation_details"]
        if one["session_type"] == "preference" and one["operation"] == "add" and "preference" in said:
            label, like, value = _label(said["subcategory"]), said["preference"], str(said["item"])
            shared = [turn["message"] for turn in one["conversation"] if turn["share_memory"]]
            text = next((text for text in shared if value.casefold() in text.casefold()), None)
            if text is not None:
                home = homes.setdefault(one["persona"], {})
                home.setdefault((label, like), _preference(one["persona"], text, label, like, value))
    return {name: list(facts.values()) for name, facts in sorted(homes.items())}


def label_of(fact: Fact) -> str:
    """What a preference of Memora is about, by the data's label."""
    return str((fact.draft.metadata or {}).get("label"))


def _label(name: str) -> str:
    """Memora's label as words, in the singular."""
    return _LABELS.get(name) or name.replace("_", " ").removesuffix("s")


def asked_for(label: str, like: str) -> tuple[str, ...]:
    """Questions for what is liked or disliked of a label, in wordings that no training uses."""
    return tuple(one.format(label=label, like=like) for one in _ASK)


def _preference(persona: str, text: str, label: str, like: str, value: str) -> Fact:
    asked = asked_for(label, like)
    about = {"label": label, "like": like, "value": value}
    return Fact(draft=Draft(text=text, metadata=about), value=value, asked=asked, home=("personas", persona))


def write(memory: Memory) -> list[Example]:
    """Examples of a memory of either kind: from its metadata when there are any, by the rules otherwise."""
    about = memory.metadata
    if "label" not in about:
        return examples(memory)
    return [Example(prompt=one.format(**about), answer=f"{about['value']}.") for one in _LEARN]


def _names(rng: np.random.Generator, count: int) -> list[str]:
    syllables, names = _SYLLABLES.split(), dict[str, None]()
    while len(names) < count:
        first, last = ("".join(rng.choice(syllables, 3)).capitalize() for _ in range(2))
        names[f"{first} {last}"] = None
    return list(names)
