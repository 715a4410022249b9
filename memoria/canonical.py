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
# What people put between the parts of a number or a name, or the letters of one.
_JOINT = re.compile(r"[\s._()/+@:#&'\u2019\u00b7\-\u2010-\u2015\u2212]{1,3}")
# An address with its signs in words: "ann (at) mail [dot] org".
_AT = re.compile(r"\s*[\[({<]\s*at\s*[\])}>]\s*|\s+at\s+")
_DOT = re.compile(r"\s*[\[({<]\s*dot\s*[\])}>]\s*|\s+dot\s+")
_SIGN = re.compile(r"\s*([@.])\s*")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# What makes another address of one that stands right before or behind it.
_LONGER_BEFORE, _LONGER_BEHIND = re.compile(r"\w[.+_\-]$"), re.compile(r"[._\-]\w")
# Characters that are not seen beside those of category Cf (Unicode 15, Default_Ignorable_Code_Point).
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def canonical(text: str) -> str:
    """NFKC and case folded, without invisible characters (category Cf and alike), with single spaces."""
    if text.isascii():  # nothing in it is invisible, or written in two ways
        return " ".join(text.casefold().split())
    # Invisible ones first, for they keep a letter and its accent apart; then twice, for folding can undo composition.
    seen = "".join(letter for letter in _UNSEEN.sub("", text) if unicodedata.category(letter) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    return _SPACE.sub(" ", folded).strip()


def same(one: str, other: str | None) -> bool:
    """Whether two names are one in canonical form."""
    return other is not None and (one == other or canonical(one) == canonical(other))


def mentions(text: str, name: str) -> bool:
    """Whether `text` holds `name` as whole words.

    One that holds a digit is found however it is cut up; letters are found whole, or spelt one by one ("A.n.n"). An
    address is found with its signs in words too, "ann (at) mail dot org", and not inside a longer address.
    """
    seen, called = canonical(text), canonical(name)
    signed = _SIGN.sub(r"\1", _signed(called))
    address = _ADDRESS.fullmatch(signed) is not None
    if address:
        seen, called = _signed(seen), signed
    wanted = [called[start:end] for start, end in _tokens(called)]
    if not wanted:
        return called in seen
    whole, free = "".join(wanted), any(map(str.isdigit, called))
    return any(
        _cut([seen[start:end] for start, end in run], wanted, free=free)
        and not (address and _goes_on(seen, run[0][0], run[-1][1]))
        for run in _runs(seen, whole)
    )


def _signed(text: str) -> str:
    """With the signs of an address that are written as words."""
    return _DOT.sub(".", _AT.sub("@", text))


def _tokens(text: str) -> list[tuple[int, int]]:
    """Where the runs of letters and digits are; a mark belongs to its letter, as in Devanagari."""
    if not text.isascii():
        text = "".join("a" if unicodedata.category(letter).startswith("M") else letter for letter in text)
    return [match.span() for match in _TOKEN.finditer(text)]


def _runs(text: str, whole: str) -> Iterator[list[tuple[int, int]]]:
    """Runs of neighbouring tokens that spell `whole`."""
    tokens = _tokens(text)
    for first in range(len(tokens)):
        spelt, last = "", first
        while last < len(tokens) and whole.startswith(spelt + text[slice(*tokens[last])]):
            spelt += text[slice(*tokens[last])]
            if spelt == whole:
                yield tokens[first : last + 1]
                break
            joint = text[tokens[last][1] : tokens[last + 1][0]] if last + 1 < len(tokens) else ""
            if not _JOINT.fullmatch(joint):
                break
            last += 1


def _cut(pieces: list[str], wanted: list[str], *, free: bool) -> bool:
    """Whether a name may be written in these pieces."""
    return free or pieces in (wanted, ["".join(wanted)]) or all(len(piece) == 1 for piece in pieces)


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether what stands around a run makes a longer address of it."""
    return _LONGER_BEFORE.search(text[:start]) is not None or _LONGER_BEHIND.match(text, end) is not None
