"""Scripts: which letters are written without spaces between words, and the letters that matching reads as one.

Matching is laxer than the canonical form (canonical.py), which makes labels and fingerprints and so can never change:
vowel signs that Arabic and Hebrew writers leave out, the hamza on an alef, the dots of a Russian yo and those that
tell the two Turkish i apart in one case only make no other word.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\uff70"
"""Letters of scripts without spaces between words, as the inside of a set; the sign of long vowels is in no script."""
# Dotless i; alef with a hamza, a madda or a wasla; yo.
_SAME = str.maketrans({"\u0131": "i", **dict.fromkeys("\u0623\u0625\u0622\u0671", "\u0627"), "\u0451": "\u0435"})
# The dot of a capital Turkish i that case folding sets apart; vowel signs and the stroke that only stretches a word.
_LEFT_OUT = regex.compile(r"(?<=i)\u0307|[\u064b-\u0652\u0670\u0640\u05b0-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
_DOT = "\u0307"
_THOUSANDS = regex.compile(r"(?<![\w.,])\d{1,3}(?:[,'\u2019]\d{3})+(?![,'\u2019]?\d)")
_NO_DIGIT = regex.compile(r"\D")


def folded(text: str) -> str:
    """A text that is case folded, with letters that matching reads as one made the same."""
    return text if text.isascii() else _LEFT_OUT.sub("", text.translate(_SAME))


def script(letter: str) -> str:
    """The first word of a letter's Unicode name, such as LATIN, CYRILLIC or CJK; "" for none."""
    return unicodedata.name(letter, "").partition(" ")[0]


class Letters(NamedTuple):
    """A text as names are looked up in it.

    Attributes:
        low: folded.
        raw: for each character of `low` the one that it was folded from, so that capitals can be told.
    """

    low: str
    raw: str


def letters(seen: str) -> Letters:
    """A visible text (canonical.py) with its letters folded one by one, and thousands in numbers without separators."""
    seen = _THOUSANDS.sub(lambda number: _NO_DIGIT.sub("", number[0]), seen)
    if seen.isascii():
        return Letters(seen.casefold(), seen)
    low, raw = "", ""
    for letter in seen:
        made = "" if letter == _DOT and low.endswith("i") else folded(letter.casefold())
        low, raw = low + made, raw + letter * len(made)
    return Letters(low, raw)
