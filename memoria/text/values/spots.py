"""What a value is looked for by: features of a text, each with its place; and which of them an order needs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple


class Spot(NamedTuple):
    """A feature of a text, and where it stands in the folded text."""

    feature: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Which features there is any use in looking for.

    Attributes:
        numbers: how many digits numbers have.
        phones: how many digits numbers of telephones have, without the country.
        codes: how many letters and digits codes have.
        mails: of how many words addresses of mail are.
        names: of how many words names are.
        phrases: of how many words phrases are.
        letters: how many letters names in scripts without spaces have.
        words: 1 for single words.
        dates: 1 for dates.
    """

    numbers: frozenset[int] = frozenset()
    phones: frozenset[int] = frozenset()
    codes: frozenset[int] = frozenset()
    mails: frozenset[int] = frozenset()
    names: frozenset[int] = frozenset()
    phrases: frozenset[int] = frozenset()
    letters: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()

    def __or__(self, other: Shapes) -> Shapes:
        return Shapes(**{one.name: getattr(self, one.name) | getattr(other, one.name) for one in fields(Shapes)})
