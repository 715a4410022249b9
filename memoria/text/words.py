"""Words: the parts of a text used for matching, without stop words, stemmed by Snowball in the language of the text.

Words are runs of letters and digits with their marks. Where a script has no spaces between words, and in Korean, whose
particles are written on, every two neighbouring letters are a word (bigrams; Nie and Ren 1999 find them as good as a
dictionary). Nothing here keeps a word: stemmers run without their cache, so that a forgotten text leaves none behind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from enum import IntFlag
from functools import cache
from itertools import pairwise
from typing import Any, cast

import regex

from memoria.text.language import ENGLISH, SNOWBALL, runs, spoken_in, stop_words
from memoria.text.scripts import UNSPACED, folded, script

STOP_WORDS = stop_words(ENGLISH)
# Of an English question only: what people ask and tell with, and no memory is about. An index keeps these words.
ASKING_WORDS = STOP_WORDS | frozenset(
    """about ain also am any because being can could didn doesn don here hers if im isn just let ll may might mine more
    most must myself no not ours out re shall should so some such than then theirs there these those too up ve very
    yours""".split()  # noqa: SIM905 - a list of words reads as words
)
_PAIRED = rf"{UNSPACED}\p{{Hangul}}"
_SPACED = rf"(?![\p{{M}}\p{{Cf}}])(?:(?![{_PAIRED}])\w)+"
_WORD = regex.compile(rf"{_SPACED}(?:['\u2019]{_SPACED})?|(?P<paired>[{_PAIRED}][{_PAIRED}\p{{M}}]*)")
# The same words of a text in plain letters, which is most of them, at a tenth of the cost.
_PLAIN = re.compile(r"(\w+)(?:'\w+)?")
_LETTERS = regex.compile(r"\X")
_APOSTROPHE = re.compile(r"['\u2019]")

# Scripts of which an unknown word is read as an English one: letters, and digits, which have no script.
_ENGLISH = frozenset({"LATIN", "DIGIT"})


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


_SELF = frozenset("i me my we our".split())  # noqa: SIM905 - as are all lists of words here
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten once twice couple few several".split()  # noqa: SIM905
)
_TIMES = frozenset(
    """yesterday today tonight ago last next week weekend month year morning monday tuesday wednesday thursday friday
    saturday sunday january february march april june july august september october november december
    """.split()  # noqa: SIM905 - May is left out, because it is also a verb
)
_YEAR = 4
# A capitalized word that does not begin a sentence. It looks back from the capital, so that the rest is passed over.
_NAMED = re.compile(r"[A-Z](?<!^.)(?<![.!?] .)(?<!\w.)[a-z]")
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
    if text.isascii():
        return _PLAIN.findall(text.casefold())
    low = folded(unicodedata.normalize("NFKC", text.casefold()))
    return [word for found in _WORD.finditer(low) for word in _split(found)]


def _split(found: regex.Match[str]) -> Iterator[str]:
    """A word, or in a script without spaces every two neighbouring letters; a mark belongs to its letter."""
    if found["paired"] is None:
        yield _APOSTROPHE.split(found[0])[0]
        return
    letters = _LETTERS.findall(found[0])
    yield from map("".join, pairwise(letters)) if len(letters) > 1 else letters


def stems(text: str, language: str | None = None, *, asking: bool = False, said: Set[str] | None = None) -> list[str]:
    """Stems of the words that are not stop words, in order, with repeats: "Ada drank teas" gives ada, drank, tea.

    Args:
        text: in any form.
        language: of texts in its script, by its code; None tells it by each text. Other scripts tell theirs.
        asking: whether the text is a question, of which English words to ask with are left out too.
        said: its runs, when they are at hand.

    Returns:
        Stems, or pairs of letters.
    """
    words = plain_words(text)
    if text.isascii():
        return stemmed(words, spoken_in("LATIN", text, language, sure=True, said=said) or ENGLISH, asking=asking)
    by_script: dict[str, str] = {}
    found = []
    for word in words:
        written = script(word[0])
        if written not in by_script:
            by_script[written] = spoken_in(written, text, language, sure=True, said=said) or (
                ENGLISH if written in _ENGLISH else ""
            )
        found += stemmed([word], by_script[written], asking=asking)
    return found


def stemmed(words: Sequence[str], language: str, *, asking: bool = False) -> list[str]:
    """Stems of the words of one language that are not stop words; the words themselves where it has no stemmer."""
    stops = ASKING_WORDS if asking and language == ENGLISH else stop_words(language)
    kept = [word for word in words if word not in stops]
    return cast("list[str]", _stemmer(SNOWBALL[language]).stemWords(kept)) if language in SNOWBALL else kept


def question(text: str, language: str | None = None) -> Question:
    """A query text as a Question. language: as in `stems`."""
    words = tuple(dict.fromkeys(stems(text, language, asking=True) or stems(text, language)))
    return Question(words=words, spoken=frozenset(plain_words(text)), wants=_wanted(text))


def signs(text: str, said: Set[str] | None = None) -> Sign:
    """The kinds of thing that a text contains. said: its runs, when they are at hand."""
    said = runs(text) if said is None else said
    figures = [len(word) for word in said if word.isdecimal()]
    return Sign(
        Sign.ASKS * text.rstrip().endswith("?")
        | Sign.SELF * (not said.isdisjoint(_SELF))
        | Sign.NAME * (_NAMED.search(text) is not None)
        | Sign.TIME * (_YEAR in figures or not said.isdisjoint(_TIMES))
        | Sign.NUMBER * (bool(figures) or not said.isdisjoint(_NUMBERS))
    )


def _wanted(text: str) -> Sign:
    """The kinds of thing that a question asks for."""
    found = Sign.NONE
    for sign, pattern in _WANTS.items():
        if pattern.search(text):
            found |= sign
    return found


@cache
def _stemmer(algorithm: str) -> Any:
    import Stemmer

    # The cache of the stemmer would keep words of texts that have been forgotten.
    return Stemmer.Stemmer(algorithm, 0)
