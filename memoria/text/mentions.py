"""Whether a text mentions a name or an identifier: all of it, and not in the place of a longer or another one.

Letters are found as whole words, in spite of separators ("Ada-Berg", "A.d.a"), and in the forms that their language
gives a name (endings.py); in scripts without spaces they are found inside what stands around them. Numbers,
identifiers, paths and addresses end where they end: 17 is not in 1.7, and acme.io not in acme.io.uk. Signs that belong
to a name count. What may be the name or another one is near: a dry run lists it, and it is not erased.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from memoria.text.endings import Grade, grade, twin
from memoria.text.language import language
from memoria.text.names import Called, called
from memoria.text.scripts import UNSPACED, Letters, letters

_HYPHENS, _DASHES = r"\-\u2010\u2011", r"\-\u2010-\u2013\u2212"
_W = r"[^\W_]"
_LETTER = regex.compile(_W)
# What makes something else of a name behind which it stands: of any, of one that ends in a digit, of an identifier, of
# a path, of a word.
_BEHIND = regex.compile(rf"_+{_W}|#|\+(?!\p{{L}})|&{_W}|[{_HYPHENS}]\d")
_BEHIND_DIGIT = regex.compile(rf"[,:]\d|[._/\\@+{_DASHES}]{_W}")
_BEHIND_IDENTIFIER = regex.compile(rf"[._\\@+{_HYPHENS}]{_W}")
_BEHIND_PATH = regex.compile(rf"/{_W}")
_BEHIND_WORD = regex.compile(rf"\.[\p{{Ll}}\d]|[{_HYPHENS}]\p{{Lu}}")
# The same before a name.
_AHEAD = regex.compile(rf"{_W}_+$|{_W}&$|\bO['\u2019]$|(?:^|\s)\.$")
_AHEAD_DIGIT = regex.compile(rf"\d[.,:]$|{_W}[_/\\+@{_DASHES}]$|(?:^|[\s(])[\-\u2212]$")
_AHEAD_IDENTIFIER = regex.compile(rf"{_W}[._\\+{_HYPHENS}]$")
_AHEAD_PATH = regex.compile(rf"{_W}/$")
_AHEAD_WORD = regex.compile(r"[\p{Ll}\d]\.$")
_AHEAD_CAPITAL = regex.compile(rf"\p{{Lu}}{_W}*[{_HYPHENS}]$")
_COUNTRY, _WEB = regex.compile(r"\+\d{1,3}[\-. ]$"), regex.compile(r"\bwww\.$", regex.IGNORECASE)
_SEEN = 40

# -- scripts without spaces --
_KATAKANA, _HIRAGANA = regex.compile(r"[\p{Katakana}\u30fc]"), regex.compile(r"\p{Hiragana}")
_HAN, _ANY = regex.compile(r"\p{Han}"), regex.compile(f"[{UNSPACED}]")
# Vowels and marks that belong to the syllable before them, and vowels that belong to the one behind them.
_GOES_ON = regex.compile(r"[\p{M}\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebc\u3005]")
_BEGUN = regex.compile(r"[\u0e40-\u0e44\u0ec0-\u0ec4]$")
_JAPANESE_BEHIND = regex.compile(
    r"(?:さん|ちゃん|くん|さま|たん|せんせい|たち|は|が|を|に|と|の|も|で|へ|から|まで|より|って|です|なら"
    r"|だ(?:よ|ね|った|って|ろう|から|けど)|[だやらか](?!\p{Hiragana}))"
)
_JAPANESE_AHEAD = regex.compile(r"(?:は|が|を|に|と|の|も|で|へ|や|から|まで|より|って|この|その)$")
# Where a name of a place is the end of another one.
_INSIDE = {"京都": regex.compile("東(?=京都)")}


class Name:
    """A name or an identifier that texts are searched for."""

    def __init__(self, name: str) -> None:
        self._called = called(name)

    def grade(self, text: str) -> Grade:
        """How surely a text mentions the name.

        Args:
            text: in any form.

        Returns:
            MET if it does, NEAR if it may mention the name or another one, else NONE.
        """
        if not self._called.may_be_in(text):
            return Grade.NONE
        read = letters(self._called.seen(text))
        if not self._called.words:
            return Grade.MET if self._called.plain in read.low else Grade.NONE
        best = Grade.NONE
        for found in self._places(read, text):
            best = max(best, found)
            if best is Grade.MET:
                break
        return best

    def _places(self, read: Letters, text: str) -> Iterator[Grade]:
        """How surely each place that looks like the name is it."""
        for pattern, most in self._called.written:
            for match in pattern.finditer(read.low, overlapped=True):
                yield min(most, _alone(self._called, read, *match.span()))
        if self._called.inflected is not None:
            spoken = language(text)
            for match in self._called.inflected.finditer(read.low):
                yield min(_form(self._called, read, match, spoken), _alone(self._called, read, *match.span()))


def mentions(text: str, name: str) -> bool:
    """Whether a text certainly mentions a name.

    Args:
        text: in any form.
        name: a name, a number, an address, a path or any identifier.

    Returns:
        Whether `Name.grade` is MET.
    """
    return Name(name).grade(text) is Grade.MET


def _form(name: Called, read: Letters, match: regex.Match[str], spoken: str | None) -> Grade:
    """How surely words are forms of those of a name."""
    grades, twins = [], []
    for at, word in enumerate(name.words, 1):
        start, end = match.span(at)
        found = grade(word, match[at], spoken, capital=read.raw[start].isupper(), behind=read.raw[end:])
        twins.append(found is Grade.NEAR and twin(word, match[at]))
        grades.append(found)
    if Grade.FORM in grades:
        # "Ивана Иванова": the case of one word tells that of the other.
        grades = [Grade.FORM if same else found for found, same in zip(grades, twins, strict=True)]
    least = min(grades)
    return Grade.MET if least is Grade.FORM else least if Grade.NEAR in grades or least is Grade.NONE else Grade.NONE


def _alone(name: Called, read: Letters, start: int, end: int) -> Grade:
    """MET where nothing around a place makes something else of it, else NEAR."""
    cased = not name.initials or read.raw[start:end].upper() == read.raw[start:end]
    whole = cased and not _goes_on(name, read.raw, end) and not _comes_from(name, read.raw, start)
    return Grade.MET if whole and _fits(read.low, start, end) else Grade.NEAR


def _goes_on(name: Called, raw: str, end: int) -> bool:
    """Whether what stands behind a place makes something else of it."""
    behind = [_BEHIND]
    if raw[end - 1].isdigit():
        behind.append(_BEHIND_DIGIT)
    if name.identifier:
        behind += [_BEHIND_IDENTIFIER] if name.place else [_BEHIND_IDENTIFIER, _BEHIND_PATH]
    else:
        behind.append(_BEHIND_WORD)
    if not _LETTER.match(raw[end - 1]):
        behind.append(_LETTER)
    return any(pattern.match(raw, end) for pattern in behind)


def _comes_from(name: Called, raw: str, start: int) -> bool:
    """Whether what stands before a place makes something else of it."""
    before, first = raw[max(0, start - _SEEN) : start], raw[start]
    if _COUNTRY.search(before) or _WEB.search(before):
        return False
    if not _LETTER.match(first) and first != "#" and _LETTER.match(before[-1:]):
        return True
    ahead = [_AHEAD]
    if first.isdigit():
        ahead.append(_AHEAD_DIGIT)
    if name.identifier:
        ahead += [_AHEAD_IDENTIFIER] if name.place else [_AHEAD_IDENTIFIER, _AHEAD_PATH]
    elif not first.isdigit():
        ahead.append(_AHEAD_CAPITAL if first.isupper() else _AHEAD_WORD)
    return any(pattern.search(before) for pattern in ahead)


def _fits(low: str, start: int, end: int) -> bool:
    """Whether a name in a script without spaces is cut out of no longer word."""
    before, behind = low[max(0, start - _SEEN) : start], low[end : end + _SEEN]
    first, last = low[start], low[end - 1]
    if _ANY.match(first) is None and _ANY.match(last) is None:
        return True
    if _GOES_ON.match(behind) or _BEGUN.search(before):
        return False
    inside = _INSIDE.get(low[start:end])
    if inside is not None and inside.search(low[max(0, start - 1) : end]):
        return False
    if end - start == 1 and (_ANY.match(behind) or _ANY.search(before[-1:])):
        return False
    return _japanese(before, first, last, behind)


def _japanese(before: str, first: str, last: str, behind: str) -> bool:
    """Katakana are one word as far as they go; behind Hiragana stands a particle."""
    if (_KATAKANA.match(first) and _KATAKANA.match(before[-1:])) or (_KATAKANA.match(last) and _KATAKANA.match(behind)):
        return False
    if _HIRAGANA.match(last) and _HIRAGANA.match(behind) and not _JAPANESE_BEHIND.match(behind):
        return False
    return not (_HIRAGANA.match(first) and _HIRAGANA.match(before[-1:]) and not _JAPANESE_AHEAD.search(before))
