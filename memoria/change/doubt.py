"""What a judge makes of a statement: which of a few memories it lowers, and which it may end.

The memories are the nearest few, so many whatever their score. Only the likeliest of them is lowered, from p = .9, and
only when it is one log-odd ahead of the next: a statement about one thing speaks a little against everything near it.

A statement that says itself that something has changed ("I used to", "no longer") makes something untrue far more often
than others. That is evidence beside the judge's, who reads only the two sentences: p = .5 of theirs is enough there,
for the likeliest and for others that are about the same thing, and it counts as p = .9 at least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log

from memoria.derived.gist import opposes
from memoria.english.changed import says_changed
from memoria.english.excise import halves, named_items
from memoria.english.sentences import content
from memoria.protocols import Judge
from memoria.types import Memory

AHEAD = 1.0
"""How many log-odds the likeliest must be ahead of the next."""
SURE = log(0.9 / 0.1)
"""From which log-odds on a memory is lowered, and may be ended: from p = .5, nine turns in 1,000 of chat among friends
lower one, and from here on none."""
LIKELY = 0.0
"""From which log-odds on a memory is lowered by a statement that says itself that something has changed."""
PARTLY = 1.0
"""The most log-odds that a memory is lowered by of which only a part is doubtful."""
_ALIKE = 0.9
_AGAIN = 0.75
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a judge found.

    Attributes:
        lowers: by id, log-odds that a memory is untrue now.
        ends: ids of those that are untrue as a whole.
        amends: by id, what is left of those of which only a part is untrue.
    """

    lowers: Mapping[str, float] = field(default_factory=dict)
    ends: tuple[str, ...] = ()
    amends: Mapping[str, str] = field(default_factory=dict)


def found(statement: str, near: Sequence[Memory], judge: Judge) -> Findings:
    """What a statement makes untrue among a few memories, oldest first.

    Args:
        statement: what its speaker says.
        near: the nearest few that it may be about.
        judge: gives the log-odds.

    Returns:
        Lowered is at most one fact, however many memories say it; `ends` and `amends` divide what is lowered.
    """
    near = [one for one in near if not _restates(statement, one.text)]
    if not near:
        return Findings()
    odds = dict(zip((one.id for one in near), judge(statement, [one.text for one in near]), strict=True))
    best = max(near, key=lambda one: (odds[one.id], one.id))
    same = [one for one in near if one is best or _says_the_same(one, best)]
    changed = says_changed(statement)
    about = [*same, *(one for one in near if changed and one not in same and _of_one_thing(statement, best, one))]
    next_ = max((odds[one.id] for one in near if one not in about), default=-float("inf"))
    bound = LIKELY if changed else SURE
    chosen = [one for one in near if one in about and odds[one.id] >= bound and odds[one.id] - next_ >= AHEAD]
    lowers: dict[str, float] = {}
    ends, amends = [], {}
    for one in chosen:
        rest = _rest(statement, one.text, judge)
        partly = rest is not None or _of_a_list(statement, one.text)
        lowers[one.id] = min(odds[one.id], PARTLY) if partly else max(odds[one.id], SURE)
        if odds[one.id] < SURE or one not in same:
            continue
        if rest is not None:
            amends[one.id] = rest
        elif not partly:
            ends.append(one.id)
    return Findings(lowers=lowers, ends=tuple(ends), amends=amends)


def _restates(statement: str, text: str) -> bool:
    """Whether a statement says a memory again, with a word more or less: nothing is put in the place of anything.

    "I used to like opera" has the telling words of "I like opera", and is no such.
    """
    if says_changed(statement) and not says_changed(text):
        return False
    mine, theirs = set(content(statement)), set(content(text))
    again = mine <= theirs or theirs <= mine
    return again and len(mine & theirs) >= _AGAIN * len(mine | theirs) > 0 and not opposes(statement, text)


def _says_the_same(one: Memory, other: Memory) -> bool:
    """Whether two memories are one fact: the one was made from the other, or they share nearly all of their words."""
    if one.id in other.provenance.derived_from or other.id in one.provenance.derived_from:
        return True
    mine, theirs = set(content(one.text)), set(content(other.text))
    return bool(mine) and len(mine & theirs) >= _ALIKE * len(mine | theirs)


def _of_one_thing(statement: str, best: Memory, other: Memory) -> bool:
    """Whether another memory is about what a statement and the likeliest memory share. Of two numbers, each is one."""
    shared = set(content(statement)) & set(content(best.text))
    there = shared & set(content(other.text))
    numbers = any(letter.isdigit() for letter in best.text + other.text)
    return bool(there) and len(there) >= _HALF * len(shared) and not numbers


def _of_a_list(statement: str, text: str) -> bool:
    """Whether a memory lists things with names, of which a statement is about some and not about others."""
    said = set(content(statement))
    about = [bool(said & set(content(name))) for name in named_items(text)]
    return any(about) and not all(about)


def _rest(statement: str, text: str, judge: Judge) -> str | None:
    """What still holds of a memory of two facts when only one of them is untrue; None when it is all one fact."""
    parts = halves(text)
    if not parts:
        return None
    odds = judge(statement, [part for part, _ in parts])
    untrue = [at for at, value in enumerate(odds) if value >= 0]
    apart = len(untrue) == 1 and all(
        odds[untrue[0]] - value >= AHEAD for at, value in enumerate(odds) if at not in untrue
    )
    return parts[untrue[0]][1] if apart else None
