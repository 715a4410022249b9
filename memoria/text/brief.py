"""Whether a text is only a few words long, as "Yes, please." is: people say such texts again and again.

What was forgotten of one "Yes." must not keep out every later one, so brief texts are never guarded. Where a script
has no spaces between words, its letters are counted: so many of them are as long as three words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from fractions import Fraction

# A text of more characters is not brief, whatever they are.
_LONGEST = 60
_WORDS = 3
# A word of more letters counts as two, for some languages write in one word what others write in three.
_LETTERS = 15
# Letters and marks that are as long as three words, by the first word of their Unicode names.
_UNSPACED = {
    "CJK": 4,
    "IDEOGRAPHIC": 4,
    "HANGUL": 6,
    "HIRAGANA": 12,
    "KATAKANA": 12,
    "KATAKANA-HIRAGANA": 12,
    "THAI": 13,
    "LAO": 13,
    "KHMER": 20,
    "MYANMAR": 20,
    "JAVANESE": 20,
    "BALINESE": 20,
    "TAI": 20,
}
_APOSTROPHES = "'\u2019"
# What makes a name, a number or an address of a few letters.
_TELLING = frozenset("@")


def brief(said: str) -> bool:
    """Tells whether a text is brief.

    Args:
        said: the text in canonical form (canonical.py).

    Returns:
        Whether it has at most three words, or letters as long as these, and neither a digit nor "@".
    """
    if len(said) > _LONGEST or any(letter.isdigit() or letter in _TELLING for letter in said):
        return False
    return sum(map(_length, _runs(said)), Fraction(0)) <= 1


def _runs(said: str) -> Iterator[str]:
    """Runs of letters, marks among them; an apostrophe belongs to the word that it is in."""
    run = ""
    for letter in said:
        if unicodedata.category(letter)[0] in "LMN":
            run += letter
        elif letter not in _APOSTROPHES:
            yield run
            run = ""
    yield run


def _length(run: str) -> Fraction:
    """How much of a brief text a run of letters takes."""
    counted = [_UNSPACED.get(unicodedata.name(letter, "").split(" ")[0]) for letter in run]
    unspaced = sum((Fraction(1, most) for most in counted if most is not None), Fraction(0))
    spaced = counted.count(None)
    return unspaced + Fraction(-(-spaced // _LETTERS), _WORDS)
