"""Numbers in a text, however they are grouped or said: windows over what stands for digits, and none inside another.

"77 41", "7-7-4-1" and "seven seven four one" are 7741, and so are 7,741 and 7741.00; 17741, 7741-22 and 1 7 7 4 1 are
other numbers. Of telephones, the number without country and leading zeros counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from memoria.text.values.folding import Folded, listed
from memoria.text.values.spoken import Piece
from memoria.text.values.spots import Shapes, Spot

_SEPARATED = regex.compile(r"[\s\-\u2010-\u2015\u2212.\u00b7\u2022_,/:;()\[\]{}*'\u2019\"|~\u3001+\\]{0,4}")
_TIGHT = regex.compile(r"[\-\u2010-\u2015\u2212./:_,@+\\]")
_SPOKEN_JOINTS = {"dash", "hyphen", "minus", "point", "dot", "slash", "space", "then", "bindestrich", "punkt", "strich"}
_ONE = frozenset({"1", "7"})
_TWO = listed(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98"
)
_LABELS = {"pin", "tan", "key", "pw", "no", "nr", "id", "tel"}
_UNITS = {"eur", "usd", "gbp", "chf", "km", "kg", "st", "nd", "rd", "th", "k"}
_NO_WORD = 3


def numbers(read: Folded, said: Sequence[Piece], shapes: Shapes) -> Iterator[Spot]:
    """The numbers and telephones of a text that are of the lengths that are looked for.

    said: all that stands for digits in it.
    """
    most = max((*shapes.numbers, *(length + 6 for length in shapes.phones)), default=0)
    if not most:
        return
    for run in _runs(read, said):
        for first in range(len(run)):
            digits = ""
            for last in range(first, len(run)):
                digits += run[last].digits
                if len(digits) > most:
                    break
                if _wanted(len(digits), shapes) and _free(read, run, first, last):
                    behind = last + (last + 1 < len(run) and _cents(read, run, last))
                    span = read.tokens[run[first].first].start, read.tokens[run[behind].last].end
                    yield from _spots(read, span, digits, shapes)


def _wanted(length: int, shapes: Shapes) -> bool:
    return length in shapes.numbers or any(more <= length <= more + 6 for more in shapes.phones)


def _spots(read: Folded, span: tuple[int, int], digits: str, shapes: Shapes) -> Iterator[Spot]:
    start, end = span
    if len(digits) in shapes.numbers:
        yield Spot(f"n:{digits}", start, end)
    plus = read.low[:start].endswith("+")
    for form in {national(digits, plus=plus), digits.lstrip("0")}:
        if len(form) in shapes.phones:
            yield Spot(f"p:{form}", start - plus, end)


def national(digits: str, *, plus: bool) -> str:
    """A number of a telephone without country and leading zeros. plus: whether a sign before it says a country."""
    if not plus and digits.startswith("00"):
        plus, digits = True, digits[2:]
    if plus:
        digits = digits[country(digits) :]
    return digits.lstrip("0")


def country(digits: str) -> int:
    """How many digits the code of the country has that a number begins with."""
    return 1 if digits[:1] in _ONE else 2 if digits[:2] in _TWO else 3


def _runs(read: Folded, said: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces with nothing but separators between them."""
    run = list[Piece]()
    for piece in said:
        if run and not _follows(read, run[-1], piece):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _follows(read: Folded, one: Piece, other: Piece) -> bool:
    between = read.tokens[one.last + 1 : other.first]
    if any(token.text not in _SPOKEN_JOINTS for token in between):
        return False
    tokens = (read.tokens[one.last], *between, read.tokens[other.first])
    return all(_SEPARATED.fullmatch(read.gap(*pair)) for pair in pairwise(tokens))


def _gap(read: Folded, run: Sequence[Piece], at: int) -> str:
    """What stands between a piece of a run and the one before it."""
    return read.low[read.tokens[run[at - 1].last].end : read.tokens[run[at].first].start]


def _free(read: Folded, run: Sequence[Piece], first: int, last: int) -> bool:
    """Whether the pieces are a number of their own, and not a part of a longer one or of an identifier."""
    group, inside = run[first : last + 1], {_gap(read, run, at) for at in range(first + 1, last + 1)}
    if first and _joined(_gap(read, run, first), run[first - 1], group, inside):
        return False
    ahead = last + 1 < len(run) and not _cents(read, run, last)
    if ahead and _joined(_gap(read, run, last + 1), run[last + 1], group, inside):
        return False
    return _clear_before(read, run[first]) and _clear_behind(read, run[last])


def _joined(gap: str, outer: Piece, group: Sequence[Piece], inside: set[str]) -> bool:
    """Whether a piece outside goes on the group: tied to it, or grouped as it is."""
    if _TIGHT.fullmatch(gap) or gap == "":
        return True
    sizes = [len(one.digits) for one in group]
    grouped = set(sizes[1:]) == {len(outer.digits)} == {3} and sizes[0] <= 3  # 7 741 200
    alike = (grouped or {*sizes} == {len(outer.digits)}) and outer.spoken == group[0].spoken
    if group[0].spoken and not inside:
        return alike
    return alike and gap in inside


def _cents(read: Folded, run: Sequence[Piece], last: int) -> bool:
    return run[last + 1].digits in ("0", "00") and _gap(read, run, last + 1) in (".", ",")


def _clear_before(read: Folded, piece: Piece) -> bool:
    if piece.first == 0:
        return True
    before, here = read.tokens[piece.first - 1], read.tokens[piece.first]
    gap = read.gap(before, here)
    if before.kind != "w" or piece.spoken:
        return True
    if gap == "":
        return len(before.text) > _NO_WORD or before.text in _LABELS
    if _TIGHT.fullmatch(gap) and gap not in (":", "_"):
        return len(before.text) > _NO_WORD or before.text in _LABELS
    return True


def _clear_behind(read: Folded, piece: Piece) -> bool:
    if piece.last + 1 == len(read.tokens):
        return True
    here, behind = read.tokens[piece.last], read.tokens[piece.last + 1]
    gap = read.gap(here, behind)
    if behind.kind != "w" or piece.spoken:
        return True
    if gap == "" or (_TIGHT.fullmatch(gap) and gap != ":"):
        return len(behind.text) > _NO_WORD or behind.text in _UNITS
    return True
