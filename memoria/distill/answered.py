"""What may be said: an answer of weights stands only if it is what was taught, and answers what is asked.

Weights may say anything. What they say is compared with the memories that the query is near to. It stands, word for
word, if it was taught as an answer of one of them and either the shard holds a question of that kind, or it is a whole
sentence of the memory, which is true whatever was asked. Anything else they say is dropped, and the memory speaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from memoria.english.kinds import thing_told
from memoria.english.sentences import bare, units
from memoria.types import Memory

AnswerSource = Literal["weights", "store", "base"]
"""Who answers: a shard, a memory in its own words, or the untouched base model."""
# Memories that are quoted at once, when it is in doubt which is meant.
QUOTED = 2
_MARKS = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer, and whose it is.

    Attributes:
        text: what is said.
        source: "weights" when a shard said it, "store" when it is memories in their own words, one a line, "base" when
            the untouched base model did.
        memories: ids of the memories that it comes from; none of the base's, nor when nothing is remembered.
        tokens: of the prompt that a model read for it; 0 when memories say it themselves.
        saved: tokens that the recalled memories would have taken in a prompt, and did not; 0 where no memory answers.
    """

    text: str
    source: AnswerSource
    memories: tuple[str, ...] = ()
    tokens: int = 0
    saved: int = 0


def stands(
    said: str, near: Sequence[Memory], sure: Iterable[str], taught: Callable[[Memory], Iterable[str]]
) -> Memory | None:
    """The memory whose taught answer a model said, if that may stand; None if not.

    Args:
        said: what the model said.
        near: memories that the query is near to, nearest first.
        sure: ids of those of which the shard holds a question of that kind.
        taught: the answers that were taught of a memory.
    """
    same, certain = _flat(said), set(sure)
    for one in near:
        if (one.id in certain and same in map(_flat, taught(one))) or same in _whole(one):
            return one
    return None


def quotes(memory: Memory, answers: Iterable[str]) -> bool:
    """Whether answers are all whole sentences of a memory, so that none is a bare value."""
    whole = _whole(memory)
    return all(_flat(one) in whole for one in answers)


def names_thing(said: str, memory: Memory) -> bool:
    """Whether what was said has the thing in it that a memory tells of, which is what a judge of kinds looked at."""
    return _flat(thing_told(memory.text)) in _flat(said)


def _whole(memory: Memory) -> set[str]:
    """The sentences of a memory, and all of it, as they are compared."""
    return {_flat(each) for unit in units(memory.text) for each in (unit, bare(unit))} | {_flat(memory.text)}


def quoted(near: Sequence[Memory]) -> Answered:
    """The memories in their own words."""
    first = near[:QUOTED]
    return Answered(text="\n".join(one.text for one in first), source="store", memories=tuple(one.id for one in first))


def _flat(text: str) -> str:
    """A text as it is compared: without differences of spaces, of marks around words, and of the last full stop."""
    return re.sub(r"\s+", " ", text.translate(_MARKS)).strip(" .").casefold()
