"""Words that a text must have for a pattern to match: looked for first, they cost a small part of what it does.

They are read off the pattern itself, so they cannot be out of date: of a sequence those of its rarest part, of
alternatives those of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Any

_PARSER = import_module("re._parser")
_LEAST = 2
_MANY = 200


class Sought:
    """A pattern that is searched for where its words are. pattern, flags: as `re.compile` takes them."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = re.compile(pattern, flags)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Lower case; a text in ASCII that has none of these does not match. None of them: nothing is known."""
        return needed(self.pattern)

    def search(self, text: str) -> re.Match[str] | None:
        """As of the pattern."""
        return self.pattern.search(text) if has_one(text, self.words) else None


def has_one(text: str, words: Iterable[str]) -> bool:
    """Whether a text may match a pattern of which these are needed."""
    # Outside of ASCII a letter has several lower cases, and "\u017f" matches "s".
    return not words or not text.isascii() or _is_in(text.lower(), words)


def which(text: str, sought: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """As `has_one`, for the needed words of several patterns: those of patterns that may match."""
    low = text.lower()
    plain = text.isascii()
    return {words for words in sought if not plain or not words or _is_in(low, words)}


def _is_in(low: str, words: Iterable[str]) -> bool:
    """Whether a text in lower case has one of these."""
    for word in words:  # noqa: SIM110 - half the cost of any()
        if word in low:
            return True
    return False


def needed(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The words of which each text has one that a pattern matches, in lower case; none where there are no such."""
    found = _of_all(_PARSER.parse(pattern.pattern, pattern.flags))
    return () if found is None or len(found) > _MANY else tuple(sorted(found))


def _of_all(parts: Iterable[Any]) -> frozenset[str] | None:
    """Of what has to match one after the other: the words of the part that most texts are without."""
    known = [one for one in _known(parts) if one is not None]
    return max(known, key=lambda words: (min(map(len, words)), -len(words)), default=None)


def _known(parts: Iterable[Any]) -> Iterator[frozenset[str] | None]:
    run = ""
    for kind, given in [*parts, (None, None)]:
        letter = chr(given).lower() if str(kind) == "LITERAL" else ""
        if letter.isascii() and letter:
            run += letter
            continue
        if len(run) >= _LEAST:
            yield frozenset([run])
        run = ""
        yield _of_part(str(kind), given)


def _of_part(kind: str, given: Any) -> frozenset[str] | None:
    if kind == "SUBPATTERN":
        return _of_all(given[-1])
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _of_all(given[2]) if given[0] else None
    if kind == "BRANCH":
        each = [_of_all(one) for one in given[1]]
        return None if None in each else frozenset().union(*(one for one in each if one is not None))
    return None
