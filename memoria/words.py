"""Words: what of a text counts for matching. Stop words out, stems by Snowball's English stemmer (Porter 2).

Nothing here remembers a word: the stemmer runs without its cache, so that a forgotten text leaves none behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

# Grammar only. A longer list, with "get", "like" or "really", costs a point of recall on conversations.
STOP_WORDS = frozenset(
    """a an and are as at be been but by did do does for from had has have he her his how i if in into is it its me my
    of on or she that the their them they this to us was we were what when where which who whom why will with would
    you your""".split()  # noqa: SIM905 - a list of words reads as words
)
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_APOSTROPHE = re.compile(r"['\u2019]")
_SENTENCE = re.compile(r"(?:^|[.!?]\s+)\W*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as the lexical index sees it.

    words: distinct stems without stop words, in order. spoken: every word, in lower case, to find whom it names.
    entities: the stems among `words` that were written with a capital inside a sentence.
    """

    words: tuple[str, ...]
    spoken: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()


def plain_words(text: str) -> list[str]:
    """Words in lower case, what follows an apostrophe cut: "Ada's teas" gives ada, teas."""
    return [_APOSTROPHE.split(word)[0] for word in _WORD.findall(text.casefold())]


def stems(text: str) -> list[str]:
    """Stems of the words that are not stop words, in order, with repeats: "Ada drank teas" gives ada, drank, tea."""
    words = [word for word in plain_words(text) if word not in STOP_WORDS]
    return cast("list[str]", _stemmer().stemWords(words))


def question(text: str) -> Question:
    """The question a query text asks."""
    starts = {match.end() for match in _SENTENCE.finditer(text)}
    named = [word.group() for word in _WORD.finditer(text) if word.group()[0].isupper() and word.start() not in starts]
    words = dict.fromkeys(stems(text))
    entities = frozenset(stems(" ".join(named))) & set(words)
    return Question(words=tuple(words), spoken=frozenset(plain_words(text)), entities=entities)


@cache
def _stemmer() -> Any:
    import Stemmer

    # The cache of the stemmer would keep words of texts that have been forgotten.
    return Stemmer.Stemmer("english", 0)
