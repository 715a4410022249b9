"""The canonical form of a text, in which ways of writing the same characters are one (Unicode NFKC, UAX 15)."""

from __future__ import annotations

import re
import unicodedata

_SPACE = re.compile(r"\s+")
# Characters that are not seen beside those of category Cf (Unicode 15, Default_Ignorable_Code_Point).
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def canonical(text: str) -> str:
    """NFKC and case folded, without invisible characters (category Cf and alike), with single spaces."""
    if text.isascii():  # nothing in it is invisible, or written in two ways
        return " ".join(text.casefold().split())
    # Twice, for folding can undo composition.
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", visible(text).casefold())).strip()


def visible(text: str) -> str:
    """NFKC without invisible characters, with single spaces: the canonical form but for the case of letters."""
    if text.isascii():
        return " ".join(text.split())
    # Invisible ones first, for they keep a letter and its accent apart.
    seen = "".join(letter for letter in _UNSEEN.sub("", text) if unicodedata.category(letter) != "Cf")
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", seen)).strip()


def same(one: str, other: str | None) -> bool:
    """Whether two names are one in canonical form."""
    return other is not None and (one == other or canonical(one) == canonical(other))
