"""Numbers that are written in words, as digits: English, German, French, Spanish and Chinese, 0 to under a million."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from memoria.text.values.folding import Folded, Token

_UNITS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "de": "null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn "
    "siebzehn achtzehn neunzehn",
    "fr": "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez - doce trece catorce quince dieciseis diecisiete "
    "dieciocho diecinueve",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_AND = {"en": "", "fr": "et", "es": "y"}
_MORE = {
    "oh": 0, "o": 0, "nought": 0, "nil": 0, "zwo": 2, "une": 1, "una": 1, "ein": 1, "eine": 1, "fourty": 40,
}  # fmt: skip
_SCALES = {
    "hundred": 100, "hundert": 100, "cent": 100, "cents": 100, "cien": 100, "ciento": 100,
    "thousand": 1000, "tausend": 1000, "mille": 1000, "mil": 1000, "k": 1000,
    "million": 1000000, "millionen": 1000000, "millones": 1000000, "millions": 1000000,
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_HAN = {
    **{letter: at for at, letter in enumerate("\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d")},
    "\u3007": 0, "\u4e24": 2, "\u58f9": 1, "\u8d30": 2, "\u53c1": 3, "\u8086": 4, "\u4f0d": 5, "\u9646": 6,
    "\u67d2": 7, "\u634c": 8, "\u7396": 9, "\u5e7a": 1,
}  # fmt: skip
_HAN_SCALES = {"\u5341": 10, "\u767e": 100, "\u5343": 1000, "\u4e07": 10000}
_JOINTS = {"and", "und", "et", "y"}
_LONGEST = 4
_CLOSE = frozenset({"", " ", "-", "\u2010", "\u2011", "\n", "\u00a0", ", "})


class Piece(NamedTuple):
    """Digits that stand in a text, in digits or in words, and which of its tokens they are."""

    digits: str
    first: int
    last: int
    spoken: bool


@cache
def _phrases() -> dict[tuple[str, ...], int]:
    """Every way to say a number under a hundred, in tokens."""
    found: dict[tuple[str, ...], int] = {}
    for spoken, units in _UNITS.items():
        under = units.split()
        named = {(*word.split("-"),): at for at, word in enumerate(under) if word != "-"}
        for at, word in enumerate(_TENS[spoken].split(), 2):
            named |= _from(spoken, at * 10, tuple(word.split("-")), under)
        found |= {words: number for words, number in named.items() if words not in found}
    return found | {(word,): number for word, number in _MORE.items()}


@cache
def _firsts() -> frozenset[str]:
    """The words that such a number may begin with."""
    return frozenset(words[0] for words in _phrases())


def _from(spoken: str, tens: int, words: tuple[str, ...], under: Sequence[str]) -> dict[tuple[str, ...], int]:
    """A number of tens, and those up to the next one."""
    found = {words: tens}
    if spoken == "fr":
        if tens in (70, 90):  # these are 60 and 10, 80 and 10, and go on so
            found |= {(*words[:-1], *under[at].split("-")): tens - 10 + at for at in range(11, 20)}
            return found | {(*words[:-1], "et", "onze"): tens + 1}
        found[(*words[:-1], words[-1] + "s")] = tens
    for unit in range(1, 10):
        if spoken == "de":
            found[(f"{'ein' if unit == 1 else under[unit]}und{words[0]}",)] = tens + unit
            continue
        joint = (_AND[spoken],) if spoken == "es" or (spoken == "fr" and unit == 1) else ()
        found[(*words, *joint, under[unit])] = tens + unit
        if spoken == "es" and tens == 20:
            found[(f"veinti{under[unit]}",)] = tens + unit
    return found


def pieces(read: Folded) -> list[Piece]:
    """Everything in a text that stands for digits, in order."""
    found, at = list[Piece](), 0
    while at < len(read.tokens):
        piece = _at(read, at)
        if piece is None:
            at += 1
        else:
            found.append(piece)
            at = piece.last + 1
    return found


def _at(read: Folded, at: int) -> Piece | None:
    token = read.tokens[at]
    if token.kind == "u":
        return _han(read, at)
    if token.kind == "w" and token.text in _TIMES:
        said = _simple(read, at + 1)
        once = said is not None and said[0] < 10 and said[1] == at + 1
        return Piece(str(said[0]) * _TIMES[token.text], at, at + 1, True) if said and once else None
    if token.kind == "d":
        return _scaled(read, at)
    return _cardinal(read, at)


def _simple(read: Folded, at: int) -> tuple[int, int] | None:
    """A number under a hundred, and its last token; the longest that there is."""
    tokens = read.tokens
    if at >= len(tokens) or tokens[at].text not in _firsts():
        return None
    for count in range(min(_LONGEST, len(tokens) - at), 0, -1):
        words = tokens[at : at + count]
        number = _phrases().get(tuple(one.text for one in words))
        if number is not None and all(read.gap(one, two) in _CLOSE for one, two in pairwise(words)):
            return number, at + count - 1
    return None


def _cardinal(read: Folded, at: int) -> Piece | None:
    """A number in words: of what has hundreds or thousands, its value; otherwise the next number under a hundred."""
    compound = _compound(read.tokens[at].text)
    if compound is not None:
        return Piece(str(compound), at, at, True)
    first = _simple(read, at)
    if first is None and read.tokens[at].text not in {"hundred", "thousand"}:
        return None
    total, part, last, scaled = 0, 1 if first is None else first[0], at if first is None else first[1], False
    place = at if first is None else last + 1
    while place < len(read.tokens) and (place == at or read.gap(read.tokens[place - 1], read.tokens[place]) in _CLOSE):
        word = read.tokens[place].text
        if word in _SCALES and word != "k":
            scaled, last = True, place
            total, part = (total, part * 100) if _SCALES[word] == 100 else (total + max(part, 1) * _SCALES[word], 0)
            place += 1
            continue
        ahead = place + (word in _JOINTS)
        more = _simple(read, ahead) if scaled and ahead < len(read.tokens) else None
        if more is None or (part and part % 100):
            break
        part, last, place = part + more[0], more[1], more[1] + 1
    return Piece(str(total + part) if scaled else str(first[0] if first else 0), at, last, True)


def _scaled(read: Folded, at: int) -> Piece:
    """Digits, and what they are times: "85k", "85 thousand"."""
    token = read.tokens[at]
    if at + 1 < len(read.tokens) and len(token.text) < 7:
        behind = read.tokens[at + 1]
        scale, gap = _SCALES.get(behind.text, 0), read.gap(token, behind)
        if scale >= 1000 and (gap == "" or (gap in _CLOSE and behind.text != "k")) and not _decimal(read, at):
            return Piece(str(int(token.text) * scale), at, at + 1, False)
    return Piece(token.text, at, at, False)


def _decimal(read: Folded, at: int) -> bool:
    """Whether a run of digits stands behind a decimal point."""
    return at > 0 and read.tokens[at - 1].kind == "d" and read.gap(read.tokens[at - 1], read.tokens[at]) in (".", ",")


@cache
def _compound(word: str) -> int | None:
    """A German number in one word, from a hundred on: "siebentausendsiebenhunderteinundvierzig"."""
    for scale, name in ((1000, "tausend"), (100, "hundert")):
        if name in word:
            before, _, behind = word.partition(name)
            many = _part(before) if before else 1
            rest = _part(behind.removeprefix("und")) if behind else 0
            return None if many is None or rest is None else many * scale + rest
    return None


def _part(word: str) -> int | None:
    found = _phrases().get((word,))
    return _compound(word) if found is None else found


def _han(read: Folded, at: int) -> Piece | None:
    """Chinese digits, one by one, or their value where tens, hundreds or thousands are said."""
    end = at
    while end < len(read.tokens) and read.tokens[end].text in _HAN | _HAN_SCALES and _touches(read, at, end):
        end += 1
    if end == at:
        return None
    run = read.tokens[at:end]
    if not any(one.text in _HAN_SCALES for one in run):
        return Piece(str(_HAN[run[0].text]), at, at, True)
    return Piece(str(_han_value(run)), at, end - 1, True)


def _touches(read: Folded, first: int, at: int) -> bool:
    return at == first or read.gap(read.tokens[at - 1], read.tokens[at]) == ""


def _han_value(run: Sequence[Token]) -> int:
    total = section = digit = 0
    for one in run:
        scale = _HAN_SCALES.get(one.text)
        if scale is None:
            digit = _HAN[one.text]
        elif scale == 10000:
            total, section, digit = total + (section + digit) * scale, 0, 0
        else:
            section, digit = section + max(digit, 1) * scale, 0
    return total + section + digit
