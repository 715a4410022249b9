"""Facts to distil and to ask for: made up ones, and Memora's; general questions and text to see what is kept."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memoria.distill.dataset import HELD_OUT, Example
from memoria.remember import Draft

_SYLLABLES = "ba be bo da de di fa fe ga ka ke la le li lo ma me mi na ne no ra re ri sa se so ta te to va ve vo za zo"
_VALUES = {
    "home town": "Tromso Cusco Salzburg Nairobi Busan Valparaiso Lund Tbilisi Perth Quebec Windhoek Galway",
    "favourite dish": "ramen paella moussaka goulash pierogi ceviche borscht risotto tagine laksa fondue biryani",
    "instrument": "oboe banjo cello harp accordion sitar trombone lute bassoon ukulele marimba bagpipe",
    "dog": "Biscuit Pepper Rocket Waffle Mango Ziggy Pixel Noodle Bandit Olive Comet Tango",
    "car": "Volvo Subaru Fiat Skoda Toyota Peugeot Mazda Citroen Honda Lancia Dacia Saab",
    "locker code": "",
    "employer": "Norvane Tellabright Quorvik Osmire Pentaroo Dovelink Gravitex Lumora Brantley Ximeda Vasterholm Karvo",
    "hobby": "falconry origami beekeeping fencing pottery archery caving birdwatching juggling rowing astronomy curling",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A memory to learn, what answers it, and questions that are held out of training.

    examples: what it is trained on; () leaves that to the rules.
    """

    draft: Draft
    value: str
    asked: tuple[str, ...]
    home: tuple[str, ...]
    examples: tuple[Example, ...] = ()


def synthetic(count: int, seed: int = 0) -> list[Fact]:
    """`count` facts about people who do not exist, four a person, one namespace a person."""
    rng = np.random.default_rng(seed)
    people = _names(rng, -(-count // 4))
    facts: list[Fact] = []
    for who in people:
        for what in rng.choice(sorted(_VALUES), 4, replace=False):
            words = _VALUES[what].split()
            value = str(rng.choice(words)) if words else str(rng.integers(1000, 10000))
            draft = Draft(text=f"{who}'s {what} is {value}.", subject=who)
            asked = tuple(one.format(who=who, what=what) for one in HELD_OUT)
            facts.append(Fact(draft=draft, value=value, asked=asked, home=("people", who)))
    return facts[:count]


def _names(rng: np.random.Generator, count: int) -> list[str]:
    syllables, names = _SYLLABLES.split(), dict[str, None]()
    while len(names) < count:
        first, last = ("".join(rng.choice(syllables, 3)).capitalize() for _ in range(2))
        names[f"{first} {last}"] = None
    return list(names)
