"""The canonical form of a text, in which ways of writing the same characters are one (Unicode NFKC, UAX 15).

Also whether a text mentions a name or an identifier: as whole words, so that "Ann" is not found in "Anna", and in
spite of separators, so that "555-123" is found in "(555) 123".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(r"[^\W_]+")
# What people put between the parts of a number or the letters of a name.
_JOINT = re.compile(r"[\s._()/+@:\-\u2010-\u2015]{1,3}")


def canonical(text: str) -> str:
    """NFKC and case folded, without invisible characters (category Cf), with single spaces."""
    # Twice, for folding can undo the composition.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
    return _SPACE.sub(" ", seen).strip()


def same(one: str, other: str | None) -> bool:
    """Whether two names are one in canonical form."""
    return other is not None and (one == other or canonical(one) == canonical(other))


def mentions(text: str, name: str) -> bool:
    """Whether `text` holds `name` as whole words.

    One that holds a digit is found however it is cut up; letters are found whole, or spelt one by one ("A.n.n").
    """
    seen = canonical(text)
    wanted = _TOKEN.findall(canonical(name))
    if not wanted:
        return canonical(name) in seen
    whole, free = "".join(wanted), any(map(str.isdigit, "".join(wanted)))
    return any(_cut(pieces, wanted, free=free) for pieces in _runs(seen, whole))


def _runs(text: str, whole: str) -> Iterator[list[str]]:
    """Runs of neighbouring tokens that spell `whole`."""
    tokens = list(_TOKEN.finditer(text))
    for first in range(len(tokens)):
        spelt, last = "", first
        while last < len(tokens) and whole.startswith(spelt + tokens[last].group()):
            spelt += tokens[last].group()
            if spelt == whole:
                yield [token.group() for token in tokens[first : last + 1]]
                break
            joint = text[tokens[last].end() : tokens[last + 1].start()] if last + 1 < len(tokens) else ""
            if not _JOINT.fullmatch(joint):
                break
            last += 1


def _cut(pieces: list[str], wanted: list[str], *, free: bool) -> bool:
    """Whether a name may be written in these pieces."""
    return free or pieces in (wanted, ["".join(wanted)]) or all(len(piece) == 1 for piece in pieces)
