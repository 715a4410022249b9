"""A text folded letter by letter, with the place that each letter comes from, and its tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import regex

from memoria.text.scripts import UNSPACED, folded

_TOKEN = regex.compile(rf"(?P<u>[{UNSPACED}])|(?P<d>\d+)|(?P<w>(?:(?![{UNSPACED}])[^\W\d_])+)")
_MARKS = regex.compile(r"[\u0300-\u036f\u20d0-\u20ff]")
_APOSTROPHES = "'\u2019\u02bc\u2018`"
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def listed(words: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(words.split())


class Token(NamedTuple):
    """A word ("w"), a run of digits ("d"), or a letter of a script without spaces ("u"), and where it stands."""

    kind: str
    text: str
    start: int
    end: int


class Folded(NamedTuple):
    """A folded text.

    Attributes:
        low: the text, its letters without case, accents and forms of width, its digits those of ASCII.
        at: for each place in `low`, and the one behind it, where it comes from; None where it is the same.
        tokens: in order; the "s" of a possessive is none.
        given: the text as it was.
    """

    low: str
    at: Sequence[int] | None
    tokens: tuple[Token, ...]
    given: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a piece of the folded text stands in the one that was given."""
        if self.at is None:
            return start, end
        return self.at[start], self.at[end - 1] + 1 if end > start else self.at[start]

    def gap(self, one: Token, other: Token) -> str:
        """What stands between two tokens."""
        return self.low[one.end : other.start]

    def capital(self, token: Token) -> bool:
        """Whether a token begins with a capital in the text as it was given."""
        return self.given[self.span(token.start, token.start + 1)[0]].isupper()


def fold(text: str) -> Folded:
    """A text, folded."""
    low, at = (text.lower(), None) if text.isascii() else _folded(text)
    found = (Token(str(match.lastgroup), match[0], *match.span()) for match in _TOKEN.finditer(low))
    return Folded(low, at, tuple(one for one in found if not _possessive(low, one)), text)


def _folded(text: str) -> tuple[str, list[int]]:
    out, at = list[str](), list[int]()
    for place, letter in enumerate(text):
        made = letter.lower() if letter.isascii() else _letter(letter)
        out.append(made)
        at += [place] * len(made)
    return "".join(out), [*at, len(text)]


def _letter(letter: str) -> str:
    """A letter in its plainest form; "" for what is not seen, and for marks on the letter before."""
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    if letter in _UNSEEN or unicodedata.category(letter) in ("Cf", "Me") or _MARKS.match(letter):
        return ""
    if "\ufe00" <= letter <= "\ufe0f":
        return ""
    made = folded(unicodedata.normalize("NFKC", letter).casefold())
    if made < "\u0400" or "\u1e00" <= made < "\u2000":
        made = _MARKS.sub("", unicodedata.normalize("NFD", made))
    return made.replace("\u0142", "l").replace("\u00f8", "o")


def _possessive(low: str, token: Token) -> bool:
    return token.text == "s" and token.start > 1 and low[token.start - 1] in _APOSTROPHES
