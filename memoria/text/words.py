"""Words: the parts of a text used for matching, without stop words, stemmed by Snowball's English stemmer (Porter 2).

Nothing here keeps a word: the stemmer runs without its cache, so that a forgotten text leaves none behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import IntFlag
from functools import cache
from typing import Any, cast

# Grammar only. A longer list, with "get", "like" or "really", costs a point of recall on conversations.
STOP_WORDS = frozenset(
    """a an and are as at be been but by did do does for from had has have he her his how i if in into is it its me my
    of on or she that the their them they this to us was we were what when where which who whom why will with would
    you your""".split()  # noqa: SIM905 - a list of words reads as words
)
# Of a question only: what people ask and tell with, and no memory is about. An index keeps these words.
ASKING_WORDS = STOP_WORDS | frozenset(
    """about ain also am any because being can could didn doesn don here hers if im isn just let ll may might mine more
    most must myself no not ours out re shall should so some such than then theirs there these those too up ve very
    yours""".split()  # noqa: SIM905 - as above
)
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_APOSTROPHE = re.compile(r"['\u2019]")


class Sign(IntFlag):
    """Kinds of thing that a text contains, or a question asks for: a NAME of people, places or works, a TIME, a NUMBER.

    ASKS: it ends with a question mark. SELF: the speaker speaks of themselves.
    """

    NONE = 0
    ASKS = 1
    SELF = 2
    NAME = 4
    TIME = 8
    NUMBER = 16


_DATES = (
    r"yesterday|today|tonight|ago|last|next|week|weekend|month|year|morning|\d{4}"
    "|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    "|january|february|march|april|june|july|august|september|october|november|december"
)
# May is left out, because it is also a verb. A name is a capitalized word that does not begin a sentence.
_HOLDS = {
    Sign.ASKS: re.compile(r"\?\s*$"),
    Sign.SELF: re.compile(r"\b(?:i|me|my|we|our)\b", re.IGNORECASE),
    Sign.NAME: re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][a-z]+"),
    Sign.TIME: re.compile(rf"\b(?:{_DATES})\b", re.IGNORECASE),
    Sign.NUMBER: re.compile(
        r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|once|twice|couple|few|several)\b", re.IGNORECASE
    ),
}
_WANTS = {
    Sign.NAME: re.compile(r"\b(?:who|whom|whose|where|which|names?|named|called)\b", re.IGNORECASE),
    Sign.TIME: re.compile(r"\b(?:when|(?:what|which) (?:day|date|week|month|year|time))\b", re.IGNORECASE),
    Sign.NUMBER: re.compile(r"\bhow (?:many|much|long|often|old)\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as the lexical index uses it.

    words: distinct stems without words of grammar, in order, or with them if there are no others. spoken: every word,
    in lower case, to find whom it names.
    wants: the kinds of thing that it asks for.
    """

    words: tuple[str, ...]
    spoken: frozenset[str] = frozenset()
    wants: Sign = Sign.NONE


def plain_words(text: str) -> list[str]:
    """Words in lower case, without what follows an apostrophe: "Ada's teas" gives ada, teas."""
    return [_APOSTROPHE.split(word)[0] for word in _WORD.findall(text.casefold())]


def stems(text: str, without: Set[str] = STOP_WORDS) -> list[str]:
    """Stems of the words that are not stop words, in order, with repeats: "Ada drank teas" gives ada, drank, tea."""
    words = [word for word in plain_words(text) if word not in without]
    return cast("list[str]", _stemmer().stemWords(words))


def question(text: str) -> Question:
    """A query text as a Question."""
    words = tuple(dict.fromkeys(stems(text, ASKING_WORDS) or stems(text)))
    return Question(words=words, spoken=frozenset(plain_words(text)), wants=_matching(_WANTS, text))


def signs(text: str) -> Sign:
    """The kinds of thing that a text contains."""
    return _matching(_HOLDS, text)


def _matching(patterns: Mapping[Sign, re.Pattern[str]], text: str) -> Sign:
    found = Sign.NONE
    for sign, pattern in patterns.items():
        if pattern.search(text):
            found |= sign
    return found


@cache
def _stemmer() -> Any:
    import Stemmer

    # The cache of the stemmer would keep words of texts that have been forgotten.
    return Stemmer.Stemmer("english", 0)
