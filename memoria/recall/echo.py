"""What a reply says again of the memories that the model was shown.

A prompt shows much that a reply does not need. A reply uses a memory when it repeats most of its telling words, or
takes most of its own from it. Questions in a reply say nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from memoria.english.sentences import content, units
from memoria.text.words import Sign, signs

ENOUGH = 0.6
"""Share of the telling words of the shorter of two texts that both must have, in (0, 1]."""


def ends_asking(text: str) -> bool:
    """Whether a text ends with a question."""
    return bool(signs(text) & Sign.ASKS)


def told(text: str) -> set[str]:
    """The telling words of a text, without those of its questions."""
    return {word for unit in units(text) if not ends_asking(unit) for word in content(unit)}


def says_again(said: Collection[str], source: Collection[str]) -> bool:
    """Whether what is said repeats a source; both by their telling words."""
    both = set(said) & set(source)
    return bool(both) and len(both) >= ENOUGH * min(len(set(said)), len(set(source)))


def used(text: str, shown: Mapping[str, str]) -> tuple[str, ...]:
    """Finds what a reply says again.

    Args:
        text: the reply.
        shown: the texts that the model was shown, by id.

    Returns:
        Ids of those that it repeats, in the order of `shown`.
    """
    said = told(text)
    return tuple(id for id, source in shown.items() if says_again(said, set(content(source))))
