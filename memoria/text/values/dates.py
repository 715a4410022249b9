"""Dates in a text, in any of the usual forms, as days of the calendar: both, where day and month may be turned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import regex

from memoria.text.values.folding import Folded, fold
from memoria.text.values.spoken import Piece, pieces
from memoria.text.values.spots import Spot

_NAMES = (
    "january januar janvier enero janner gennaio janeiro",
    "february februar fevrier febrero febbraio fevereiro",
    "march marz maerz mars marzo marco",
    "april avril abril aprile",
    "may mai mayo maggio maio",
    "june juni juin junio giugno junho",
    "july juli juillet julio luglio julho",
    "august aout agosto",
    "september septembre septiembre settembre setembro",
    "october oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "december dezember decembre diciembre dicembre dezembro",
)
_MONTHS = {name: at for at, names in enumerate(_NAMES, 1) for name in names.split()}
_MONTHS |= {name[:3]: at for name, at in _MONTHS.items() if len(name) > 3} | {"sept": 9, "jun": 6, "jul": 7}
_MONTH = "(?P<m>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?<!\d)(?P<d>\d{1,2})(?!\d)(?:\s?(?:st|nd|rd|th|er)\b|\.)?"
_YEAR = r"(?P<y>(?:\d{4}|['\u2019]?\d{2}))(?!\d)"
_OF = r"[\s,\-]*(?:(?:of|de|del|d'|the|den)\s+)?"
_THE = r"[\s,\-]*(?:the\s+)?"
_PATTERNS = tuple(
    regex.compile(one)
    for one in (
        r"(?<![\d.,/\-])(?P<y>\d{4})\s?[\-/.]\s?(?P<m>\d{1,2})\s?[\-/.]\s?(?P<d>\d{1,2})(?!\d)",
        r"(?<![\d.,/\-])(?P<d>\d{1,2})\s?[\-/.]\s?(?P<m>\d{1,2})\s?[\-/.]\s?(?P<y>\d{4}|\d{2})(?![\d])",
        r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)",
        rf"{_DAY}{_OF}{_MONTH}{_OF}{_YEAR}",
        rf"\b{_MONTH}{_THE}{_DAY}{_OF}{_YEAR}",
        rf"(?P<y>\d{{4}}){_OF}{_MONTH}{_THE}{_DAY}(?!\d)",
        r"(?P<y>\d{4})\s?\u5e74\s?(?P<m>\d{1,2})\s?\u6708\s?(?P<d>\d{1,2})\s?[\u65e5\u53f7]",
    )
)
_YEARLESS = tuple(
    regex.compile(one)
    for one in (
        rf"{_DAY}{_OF}{_MONTH}",
        rf"\b{_MONTH}{_THE}{_DAY}(?!\d)",
        r"(?P<m>\d{1,2})\s?\u6708\s?(?P<d>\d{1,2})\s?[\u65e5\u53f7]",
    )
)
_DAYS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS = {name: at for at, name in enumerate(_DAYS.split(), 1)} | {"thirtieth": 30}
_TENS = {"twenty": 20, "thirty": 30}


def dates(read: Folded, pieces: Sequence[Piece]) -> Iterator[Spot]:
    """Every date of a text: "d:1990-03-12", and "d:03-12", as which any year counts.

    pieces: all that stands for digits in it.
    """
    said = _said(read, pieces)
    for low, at in ((read.low, None), said) if said is not None else ((read.low, None),):
        for pattern in (*_PATTERNS, *_YEARLESS):
            for match in pattern.finditer(low, overlapped=True):
                start, end = match.span() if at is None else (at[match.start()], at[match.end() - 1] + 1)
                first = "y" in match.groupdict() and match.start("y") < match.start("d")
                for feature in _features(match.groupdict(), turns=not first):
                    yield Spot(feature, start, end)


def _features(found: dict[str, str], *, turns: bool) -> Iterator[str]:
    """The days that a match may mean. turns: whether of a day and a month in numbers either may be first."""
    day, month, year = found["d"], found["m"], found.get("y")
    named = _MONTHS.get(month)
    turned = [(int(day), named)] if named else [(int(day), int(month))]
    if named is None and year is not None and turns:
        turned.append((int(month), int(day)))
    for on, during in turned:
        for full in [None] if year is None else _years(year):
            try:
                real = date(2000 if full is None else full, during or 0, on)
            except ValueError:
                continue
            if full is not None:
                yield f"d:{real.isoformat()}"
            if named:
                yield f"d:{real:%m-%d}"


def _years(year: str) -> list[int]:
    digits = year.lstrip("'\u2019")
    return [int(digits)] if len(digits) == 4 else [1900 + int(digits), 2000 + int(digits)]


def _said(read: Folded, pieces: Sequence[Piece]) -> tuple[str, list[int]] | None:
    """The text with numbers in words as digits, and where each letter comes from; None where none is in words."""
    found = [one for one in pieces if one.spoken and read.tokens[one.first].kind == "w"]
    spans = [(read.tokens[one.first].start, read.tokens[one.last].end, one.digits) for one in found]
    spans += [(start, end, str(number)) for start, end, number in _ordinals(read)]
    if not spans:
        return None
    # A day of the month is read whole: "twenty-first" is 21, of which "twenty" is no number of its own.
    spans = [one for one in spans if not any(o[0] <= one[0] and one[1] <= o[1] and o != one for o in spans)]
    low, at, done = "", list[int](), 0
    for start, end, digits in sorted(spans):
        between = read.low[done:start]
        pair = done and between in (" ", "-") and len(digits) == 2 and low[-2:].isdigit() and not low[-3:-2].isdigit()
        kept = "" if pair else between
        low, at = low + kept + digits, [*at, *range(start - len(kept), start), *([end - 1] * len(digits))]
        if not kept and pair:
            at[-len(digits) :] = [end - 1] * len(digits)
        done = end
    return low + read.low[done:], [*at, *range(done, len(read.low) + 1)]


def _ordinals(read: Folded) -> Iterator[tuple[int, int, int]]:
    """Days in words: "twelfth", "twenty-first"."""
    for at, token in enumerate(read.tokens):
        number = _ORDINALS.get(token.text)
        if number is None:
            continue
        before = read.tokens[at - 1] if at else None
        if before is not None and before.text in _TENS and number < 10 and read.gap(before, token) in ("-", " "):
            yield before.start, token.end, _TENS[before.text] + number
        else:
            yield token.start, token.end, number


def days(text: str) -> list[str]:
    """The features of the dates of a text, the whole ones if there are any."""
    read = fold(text)
    found = list(dict.fromkeys(spot.feature for spot in dates(read, pieces(read))))
    whole = [one for one in found if len(one) > len("d:03-12")]
    return whole or found
