"""Scenes without attributes: changes by inference, talk between friends, and things that happened.

Each gives what was said, what was remembered, whether the first makes the second untrue, and a kind.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from memoria.learnt import chatter, slots

Told = tuple[str, str, bool, str]
"""Statement, memory, untrue, kind."""
# From all lines to those of the fold.
Part = Callable[[Sequence[str]], Sequence[str]]
_PETS = "Rex, Luna, Pip, Miso, Hugo, Nala"
_FORMS: Mapping[str, Mapping[str, str]] = {
    "I": {"P": "my", "O": "me", "p": "I", "s": "", "es": "", "be": "am", "have": "have", "do": "do", "was": "was"},
    "she": {"P": "her", "O": "her", "p": "she"},
    "he": {"P": "his", "O": "him", "p": "he"},
}
_THIRD = {"s": "s", "es": "es", "be": "is", "have": "has", "do": "does", "was": "was"}


def situation(line: str, other: str, named: str, pronoun: str, rng: random.Random) -> list[Told]:
    """What ends a fact without naming it as ended, what is said near it, and a fact of another situation.

    named: the subject, "I" for the speaker.
    """
    fields = {**drawn(rng), **_THIRD, **_FORMS["she" if pronoun not in _FORMS else pronoun], "S": named}
    facts, ends, keeps = (_ways(part, fields) for part in line.split(" | "))
    elsewhere, said_elsewhere, _ = (_ways(part, fields) for part in other.split(" | "))
    fact = rng.choice(facts)
    found: list[Told] = [(rng.choice(ends), fact, True, "inferred")]
    if rng.random() < 0.5:
        found.append((rng.choice(ends), rng.choice(facts), True, "inferred"))
    ways: list[Told] = [
        (rng.choice(keeps), fact, False, "near"),
        (rng.choice(keeps), fact, False, "near"),
        (rng.choice(ends), rng.choice(keeps), False, "near in memory"),
        (rng.choice(ends), rng.choice(elsewhere), False, "elsewhere"),
        (rng.choice(said_elsewhere), fact, False, "elsewhere"),
        (facts[0], facts[-1], False, "said again"),
    ]
    return [*found, *rng.sample(ways, 3)]


def friends(part: Part, rng: random.Random) -> list[Told]:
    """Two things said of one topic, or of two; now and then a topic ends."""
    topic, other = rng.sample(part(chatter.TOPICS), 2)
    fields = {**drawn(rng), "t": topic}
    said, kept = (part(one) for one in (chatter.SAID, chatter.KEPT))
    if rng.random() < 0.16:
        ended = rng.choice(part(chatter.DROPPED))
        fact = _message([rng.choice(kept)], part, fields, rng, 0.1)
        away = _message([rng.choice(kept)], part, {**fields, "t": other}, rng, 0.1)
        whole = _message([ended], part, fields, rng, 0.3)
        return [(whole, fact, True, "dropped"), (whole, away, False, "another topic")]
    lines = rng.sample(said, min(4, len(said)))
    if rng.random() < 0.4:
        lines[0] = rng.choice(kept)
    cut = rng.choice((1, 1, 2))
    memory = _message(lines[:cut], part, fields, rng, 0.35)
    if rng.random() < 0.15:
        fields = {**fields, "t": other}
    return [(_message(lines[cut : cut + rng.choice((1, 2))], part, fields, rng, 0.35), memory, False, "friends")]


def _message(lines: Sequence[str], part: Part, fields: Mapping[str, str], rng: random.Random, dressed: float) -> str:
    """Sentences one after the other, with a greeting before and a question after at the given chance."""
    parts = [filled(line, fields) for line in lines]
    if rng.random() < dressed:
        parts.insert(0, filled(rng.choice(part(chatter.OPENED)), fields))
    if rng.random() < dressed:
        parts.append(filled(rng.choice(part(chatter.CLOSED)), fields))
    ends = [one if one[-1] in "?!" else f"{one}{rng.choice('...!')}" for one in parts]
    return " ".join(f"{one[:1].upper()}{one[1:]}" for one in ends)


def happened(part: Part, rng: random.Random) -> list[Told]:
    """Two events of one kind at two times, or an event and a habit: both stay true."""
    events = part(chatter.EVENTS)
    line = rng.choice(events)
    first, second = drawn(rng), drawn(rng)
    if rng.random() < 0.4:
        second = {**first, "when": second["when"]}
    kind = rng.random()
    if kind < 0.6:
        return [(filled(line, first), filled(line, second), False, "two events")]
    if kind < 0.75:
        return [(filled(line, first), filled(rng.choice(events), second), False, "two events")]
    return [(filled(line, first), filled(rng.choice(part(chatter.HABITS)), second), False, "event and habit")]


def drawn(rng: random.Random) -> dict[str, str]:
    """A value for each slot."""
    people = rng.sample(_listed(slots.POOLS["person"]), 2)
    pools = {**slots.POOLS, **chatter.MEASURES, "pet": _PETS}
    fields = {name: rng.choice(_listed(text)) for name, text in pools.items()}
    return {**fields, "X": people[0], "Y": people[1], "when": rng.choice(chatter.WHEN)}


def filled(text: str, fields: Mapping[str, str]) -> str:
    """A line with its slots filled."""
    return re.sub(r"{(\w+)}", lambda found: fields[found[1]], text)


def _ways(part: str, fields: Mapping[str, str]) -> list[str]:
    return [filled(way.strip(), fields) for way in part.split(" / ")]


@cache
def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r",(?!\d)", text) if part.strip())
