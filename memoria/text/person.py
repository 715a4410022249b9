"""Which memories are about a person: by subject, by speaker, by a name in what was said; and which only may be.

A person has a name and other names. Subject and speaker must be one of them, in canonical form. In a text a name counts
as `mentions.py` says; but one word with another capitalised word behind it ("Ada Lovelace", for Ada) may be somebody
else, and so may any text of a memory whose subject is a longer name. What may be the person or another one is near.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import regex

from memoria.canonical import canonical, visible
from memoria.text.endings import Grade
from memoria.text.mentions import Name
from memoria.text.scripts import letters
from memoria.types import Memory

By = Literal["subject", "speaker", "mention"]
"""A way by which a memory is about a person."""
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_MORE = regex.compile(r"\s\p{Lu}[\p{L}\p{M}]*")
# Words of names that are in the names of many.
_SHARED = frozenset("van von der den del dos des bin ibn abu the and".split())  # noqa: SIM905 - a list of words
_SHORTEST, _MISSPELT = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a memory has to do with a person.

    Attributes:
        ways: how it is about the person; none where it is not.
        near: whether it may be about the person or another one; never where there are ways.
    """

    ways: tuple[By, ...] = ()
    near: bool = False


class Person:
    """Somebody by name, whom memories are searched for.

    Args:
        names: the name, and others of the same person; at least one.
        by: the ways that count.
    """

    def __init__(self, names: Sequence[str], by: Sequence[By]) -> None:
        self._by = frozenset(by)
        self._known = {canonical(name) for name in names}
        self._names = [(Name(name), _alone(name)) for name in names]
        words = {word for name in self._known for word in name.split()}
        self._words = sorted(word for word in words if len(word) >= _SHORTEST and word not in _SHARED)
        self._parts = [Name(word) for word in self._words if word not in self._known]

    def judge(self, memory: Memory) -> Judged:
        """How a memory is about the person, by itself; its parts are judged one by one.

        Args:
            memory: the memory, or a part of a gist.

        Returns:
            The ways, or that it is near.
        """
        speaker = memory.provenance.speaker
        namesake = self._resembles(memory.subject)
        said = max((self._grade(text) for text in spoken(memory)), default=Grade.NONE)
        found: dict[By, bool] = {
            "subject": self._is(memory.subject),
            "speaker": self._is(speaker),
            "mention": said is Grade.MET and not namesake,
        }
        ways = tuple(way for way, so in found.items() if so and way in self._by)
        if ways:
            return Judged(ways=ways)
        near = namesake or said is not Grade.NONE or self._resembles(speaker) or self._misspelt(memory.text)
        return Judged(near=near and not any(found.values()))

    def _is(self, name: str | None) -> bool:
        return name is not None and canonical(name) in self._known

    def _resembles(self, name: str | None) -> bool:
        """Whether this may be another name of the person, or that of somebody else."""
        if name is None or self._is(name):
            return False
        return any(one.grade(name) is not Grade.NONE for one, _ in self._names) or self._shares(name)

    def _shares(self, text: str) -> bool:
        return any(part.grade(text) is not Grade.NONE for part in self._parts)

    def _grade(self, text: str) -> Grade:
        best = max(_graded(text, name, alone) for name, alone in self._names)
        return Grade.NEAR if best is Grade.NONE and self._shares(text) else best

    def _misspelt(self, text: str) -> bool:
        """Whether a capitalised word differs from a word of the name by one letter."""
        long = [word for word in self._words if len(word) >= _MISSPELT]
        if not long:
            return False
        found = {one[0].casefold() for one in _WORD.finditer(visible(text)) if one[0][0].isupper()}
        return any(_one_off(word, other) for other in found for word in long)


def spoken(memory: Memory) -> Iterator[str]:
    """Every text of a memory in which a person may be named, except its subject and its speaker.

    Args:
        memory: the memory; its parts are left out.

    Yields:
        Its text, tags, key, source, session, and all names and values in its metadata.
    """
    origin = memory.provenance
    for text in (memory.text, *memory.tags, memory.key, origin.source, origin.session):
        if text is not None:
            yield text
    yield from words_of(memory.metadata)


def words_of(value: Any) -> Iterator[str]:
    """Every name and value in a JSON value, at any depth, as text.

    Args:
        value: the JSON value.

    Yields:
        The texts.
    """
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from (key, *words_of(one))
    elif isinstance(value, list):
        for one in value:
            yield from words_of(one)
    else:
        yield str(value)


def _alone(name: str) -> regex.Pattern[str] | None:
    """What finds a name of one word where it stands as it is; None for other names."""
    low = letters(visible(name)).low
    return regex.compile(rf"(?<!\w){regex.escape(low)}(?!\w)") if _WORD.fullmatch(low) else None


def _graded(text: str, name: Name, alone: regex.Pattern[str] | None) -> Grade:
    """As `Name.grade`; NEAR where each place is the beginning of a longer name."""
    grade = name.grade(text)
    if grade is not Grade.MET or alone is None:
        return grade
    read = letters(visible(text))
    ends = [match.end() for match in alone.finditer(read.low)]
    longer = bool(ends) and all(_MORE.match(read.raw, end) for end in ends)
    return Grade.NEAR if longer else Grade.MET


def _one_off(one: str, other: str) -> bool:
    """Whether two words differ by one letter that is put in, left out, changed, or swapped with its neighbour."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    swapped = len(rest) == len(other_rest) >= 2 and rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or rest[1:] == other_rest or rest == other_rest[1:] or rest[1:] == other_rest[1:]
