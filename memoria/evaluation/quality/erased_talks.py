"""Talks in which a value is erased and said again: the lines, the values and how these may be written.

Every wording and every way of writing was set down before there was anything to find them, and is dealt by a seed to
one of two halves: what finds values may be mended by looking at the tuned half, and is only counted on the held one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from memoria.evaluation.quality import erased_words as words

Half = Literal["tuned", "held"]
HALVES: tuple[Half, ...] = ("tuned", "held")
Ways = Mapping[str, Callable[[str], str]]
"""How a value may be written, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that is said.

    Attributes:
        text: the line.
        written: the value as this line has it; "" where it has none.
        way: how it is written, by name.
        frame: the line without the value.
    """

    text: str
    written: str = ""
    way: str = ""
    frame: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One talk.

    Attributes:
        kind: what the value is.
        half: whose wordings it is made of.
        order: what is to be forgotten.
        before: lines with the value, said before it is erased.
        after: lines with it, said afterwards.
        others: lines with other values of the same kind, and lines with none.
    """

    kind: str
    half: Half
    order: str
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    others: tuple[Line, ...]


def talks(count: int, *, seed: int = 7) -> list[Talk]:
    """So many talks, half of them of each half; the same for the same seed."""
    dealt = random.Random(seed)
    frames = {half: list[str]() for half in HALVES}
    for at, frame in enumerate(_shuffled(words.AGAIN, dealt)):
        frames[HALVES[at % 2]].append(frame)
    ways = {kind: _halves(one.ways, dealt) for kind, one in KINDS.items()}
    made = []
    for at in range(count):
        half, kind = HALVES[at % 2], list(KINDS)[at // 2 % len(KINDS)]
        made.append(_talk(kind, half, frames[half], ways[kind][half], random.Random(f"{seed} {at}")))
    return made


def _halves(ways: Ways, dealt: random.Random) -> dict[Half, list[str]]:
    named = _shuffled(sorted(ways), dealt)
    return {"tuned": named[::2], "held": named[1::2]}


def _shuffled(given: Sequence[str], dealt: random.Random) -> list[str]:
    found = list(given)
    dealt.shuffle(found)
    return found


def _talk(kind: str, half: Half, frames: Sequence[str], ways: Sequence[str], drawn: random.Random) -> Talk:
    one = KINDS[kind]
    value, others = one.draw(drawn)
    label = drawn.choice(one.labels)
    usable = [way for way in ways if one.ways[way](value)]
    after = [
        _line(frame, value, drawn.choice(usable), one.ways, label)
        for frame in drawn.sample(frames, min(6, len(frames)))
    ]
    told = [_line(frame, value, "plain", one.ways, label) for frame in drawn.sample(list(words.TOLD), 2)]
    said = [
        Line(text=frame.format(v=other, label=label))
        for other, frame in zip(others, drawn.sample(list(words.OTHERS), len(others)), strict=True)
    ]
    said += [Line(text=text) for text in drawn.sample(list(words.PLAIN), 3)]
    order = drawn.choice(one.orders).format(v=value, label=label)
    return Talk(kind=kind, half=half, order=order, before=tuple(told), after=tuple(after), others=tuple(said))


def _line(frame: str, value: str, way: str, ways: Ways, label: str) -> Line:
    written = ways[way](value)
    return Line(
        text=frame.format(v=written, label=label), written=written, way=way, frame=frame.format(v=" ", label=label)
    )


# -- ways of writing --


def spelled(digits: str, names: Sequence[str]) -> str:
    """Digit by digit, in words."""
    return " ".join(names[int(digit)] for digit in digits)


def paired(digits: str) -> str:
    """In pairs, in English words; "" where there are none."""
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return "" if len(digits) % 2 else " ".join(_pair(one) for one in pairs)


def _pair(two: str) -> str:
    return f"oh {words.DIGITS['en'][int(two[1])]}" if two[0] == "0" else cardinal(int(two))


def cardinal(number: int) -> str:
    """In English words, under a million."""
    if number >= 1000:
        rest = number % 1000
        joint = " " if rest >= 100 else " and "
        return f"{cardinal(number // 1000)} thousand" + (joint + cardinal(rest) if rest else "")
    if number >= 100:
        rest = number % 100
        return f"{words.DIGITS['en'][number // 100]} hundred" + (f" and {cardinal(rest)}" if rest else "")
    if number < 20:
        return (*words.DIGITS["en"], *words.TEENS)[number]
    tens, unit = divmod(number, 10)
    return words.TENS[tens - 2] + (f"-{words.DIGITS['en'][unit]}" if unit else "")


def shifted(digits: str, zero: str) -> str:
    """In the digits of another script."""
    return "".join(chr(ord(zero) + int(one)) if one.isdigit() else one for one in digits)


def _doubled(digits: str) -> str:
    """ "double seven four one"; "" where no digit comes twice in a row."""
    out, at = list[str](), 0
    while at < len(digits):
        twice = digits[at : at + 2] == digits[at] * 2
        out.append(("double " if twice else "") + words.DIGITS["en"][int(digits[at])])
        at += 2 if twice else 1
    said = " ".join(out)
    return said if "double" in said else ""


def _grouped(digits: str, size: int, joint: str) -> str:
    return joint.join(digits[at : at + size] for at in range(0, len(digits), size))


_CODE: Ways = {
    "plain": str,
    "pairs": lambda v: _grouped(v, 2, " "),
    "dashes": lambda v: "-".join(v),
    "single": lambda v: " ".join(v),
    "dots": lambda v: ".".join(v),
    "commas": lambda v: ", ".join(v),
    "full width": lambda v: shifted(v, "\uff10"),
    "arabic": lambda v: shifted(v, "\u0660"),
    "devanagari": lambda v: shifted(v, "\u0966"),
    "words": lambda v: spelled(v, words.DIGITS["en"]),
    "capital words": lambda v: spelled(v, words.DIGITS["en"]).upper(),
    "hyphened words": lambda v: spelled(v, words.DIGITS["en"]).replace(" ", "-"),
    "pairs of words": paired,
    "cardinal": lambda v: "" if v[0] == "0" or len(v) > 4 else cardinal(int(v)),
    "thousands": lambda v: "" if v[0] == "0" else f"{int(v):,}",
    "double": _doubled,
    "german": lambda v: spelled(v, words.DIGITS["de"]),
    "french": lambda v: spelled(v, words.DIGITS["fr"]),
    "spanish": lambda v: spelled(v, words.DIGITS["es"]),
    "chinese": lambda v: "".join(words.DIGITS["zh"][int(one)] for one in v),
    "bold": lambda v: f"**{v}**",
    "set": lambda v: f"code={v}",
    "hash": lambda v: f"#{v}",
    "joined": lambda v: f"code{v}",
    "broken line": lambda v: v[:2] + "\n" + v[2:],
    "zero width": lambda v: v[:2] + "\u200b" + v[2:],
    "oh": lambda v: spelled(v, ("oh", *words.DIGITS["en"][1:])) if "0" in v else "",
}


def _national(phone: str) -> str:
    parts = phone.split()
    return " ".join(parts[1:]) if parts[0] == "+1" else "0" + " ".join(parts[1:])


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())


_PHONE: Ways = {
    "plain": str,
    "solid": lambda v: v.replace(" ", ""),
    "zeros": lambda v: "00" + v[1:],
    "national": _national,
    "national solid": lambda v: _national(v).replace(" ", ""),
    "dashes": lambda v: v.replace(" ", "-"),
    "dots": lambda v: _national(v).replace(" ", "."),
    "slash": lambda v: _national(v).replace(" ", "/", 1),
    "brackets": lambda v: "({}) {}".format(*_national(v).split(" ", 1)),
    "zero in brackets": lambda v: v.replace(" ", " (0) ", 1),
    "words": lambda v: spelled(_digits(_national(v)), words.DIGITS["en"]),
    "full width": lambda v: shifted(v, "\uff10"),
    "other groups": lambda v: _grouped(_digits(_national(v)), 3, " "),
    "tel": lambda v: "tel:" + v.replace(" ", ""),
}

_PERSON: Ways = {
    "plain": str,
    "lower": str.lower,
    "upper": str.upper,
    "turned": lambda v: ", ".join(reversed(v.split())),
    "turned without a comma": lambda v: " ".join(reversed(v.split())),
    "possessive": lambda v: v + "'s",
    "curly possessive": lambda v: v + "\u2019s",
    "joined": lambda v: v.replace(" ", "_").lower(),
    "handle": lambda v: "@" + v.replace(" ", "").lower(),
    "initial between": lambda v: v.replace(" ", " M. "),
    "initial": lambda v: f"{v[0]}. {v.split()[1]}",
    "hyphen": lambda v: v.replace(" ", "-"),
    "broken line": lambda v: v.replace(" ", "\n"),
    "quoted": lambda v: f'"{v}"',
    "title": lambda v: f"Dr. {v}",
    "dotted": lambda v: v.replace(" ", ".").lower(),
}

_ADDRESS: Ways = {
    "plain": str,
    "upper": str.upper,
    "turned": lambda v: "{1} {2}, {0}".format(*v.split(" ")),
    "turned without a comma": lambda v: "{1} {2} {0}".format(*v.split(" ")),
    "comma": lambda v: v.replace(" ", ", ", 1),
    "short": lambda v: v.replace("Street", "St.").replace("Road", "Rd.").replace("Avenue", "Ave"),
    "no": lambda v: "{1} {2} no. {0}".format(*v.split(" ")),
    "words": lambda v: "{} {} {}".format(cardinal(int(v.split()[0])), *v.split()[1:]),
    "house": lambda v: "house {} on {} {}".format(*v.split(" ")),
    "broken line": lambda v: v.replace(" ", "\n", 1),
    "lower": str.lower,
}

_MEDICAL: Ways = {
    "plain": str,
    "upper": str.upper,
    "title": str.title,
    "hyphen": lambda v: v.replace(" ", "-"),
    "possessive": lambda v: v + "'s",
    "plural": lambda v: "" if v.endswith("s") else v + "s",
    "of": lambda v: "{1} of the {0}".format(*v.split(" ")),
    "broken line": lambda v: v.replace(" ", "\n"),
    "quoted": lambda v: f"\u201c{v}\u201d",
    "hash": lambda v: "#" + v.replace(" ", ""),
    "joined": lambda v: v.replace(" ", "_"),
}

_EMAIL: Ways = {
    "plain": str,
    "upper": str.upper,
    "mailto": lambda v: f"mailto:{v}",
    "angles": lambda v: f"<{v}>",
    "at dot": lambda v: v.replace("@", " at ").replace(".", " dot "),
    "brackets": lambda v: v.replace("@", " (at) ").replace(".", " (dot) "),
    "square": lambda v: v.replace("@", "[at]").replace(".", "[dot]"),
    "only at": lambda v: v.replace("@", " AT "),
    "full width": lambda v: v.replace("@", "\uff20"),
    "spaces": lambda v: v.replace("@", " @ "),
}


def _day(text: str) -> date:
    return date.fromisoformat(text)


_DATE: Ways = {
    "plain": lambda v: f"{_day(v).day} {words.MONTHS['en'][_day(v).month - 1]} {_day(v).year}",
    "iso": str,
    "american": lambda v: f"{words.MONTHS['en'][_day(v).month - 1]} {_day(v).day}, {_day(v).year}",
    "short": lambda v: f"{_day(v).day} {words.MONTHS['en'][_day(v).month - 1][:3]} {_day(v).year}",
    "slashes": lambda v: f"{_day(v).month}/{_day(v).day}/{_day(v).year % 100:02}",
    "day first": lambda v: f"{_day(v):%d/%m/%Y}",
    "dots": lambda v: f"{_day(v):%d.%m.%Y}",
    "short dots": lambda v: f"{_day(v).day}.{_day(v).month}.{_day(v).year % 100:02}",
    "iso slashes": lambda v: v.replace("-", "/"),
    "compact": lambda v: v.replace("-", ""),
    "ordinal": lambda v: f"{_ordinal(_day(v).day)} of {words.MONTHS['en'][_day(v).month - 1]}, {_day(v).year}",
    "american ordinal": lambda v: f"{words.MONTHS['en'][_day(v).month - 1]} {_ordinal(_day(v).day)}, {_day(v).year}",
    "german": lambda v: f"{_day(v).day}. {words.MONTHS['de'][_day(v).month - 1]} {_day(v).year}",
    "french": lambda v: f"{_day(v).day} {words.MONTHS['fr'][_day(v).month - 1]} {_day(v).year}",
    "spanish": lambda v: f"{_day(v).day} de {words.MONTHS['es'][_day(v).month - 1]} de {_day(v).year}",
    "chinese": lambda v: f"{_day(v).year}\u5e74{_day(v).month}\u6708{_day(v).day}\u65e5",
}


def _ordinal(day: int) -> str:
    end = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th") if day not in (11, 12, 13) else "th"
    return f"{day}{end}"


def _sum(text: str) -> int:
    return int(_digits(text))


_AMOUNT: Ways = {
    "plain": str,
    "sign": lambda v: f"\u20ac{_sum(v):,}",
    "sign behind": lambda v: f"{_sum(v):,}\u20ac".replace(",", "."),
    "iso": lambda v: f"EUR {_sum(v)}",
    "solid": lambda v: f"{_sum(v)} euros",
    "k": lambda v: f"{_sum(v) // 1000}k" if _sum(v) % 1000 == 0 else "",
    "thousand": lambda v: f"{_sum(v) // 1000} thousand euros" if _sum(v) % 1000 == 0 else "",
    "words": lambda v: f"{cardinal(_sum(v))} euros",
    "cents": lambda v: f"{_sum(v):,}.00 euros",
    "spaces": lambda v: f"{_sum(v):,} EUR".replace(",", " "),
    "swiss": lambda v: f"{_sum(v):,} EUR".replace(",", "'"),
}

_IBAN: Ways = {
    "plain": str,
    "solid": lambda v: v.replace(" ", ""),
    "lower": str.lower,
    "dashes": lambda v: v.replace(" ", "-"),
    "full width": lambda v: shifted(v, "\uff10"),
    "broken line": lambda v: v[:14] + "\n" + v[15:],
}

_CHINESE: Ways = {
    "plain": str,
    "spaces": " ".join,
    "quoted": lambda v: f"\u300c{v}\u300d",
    "title": lambda v: f"{v}\u5148\u751f",
    "inside": lambda v: f"\u6211\u770b\u89c1{v}\u4e86",
}


# -- values --


def _code(drawn: random.Random) -> tuple[str, list[str]]:
    digits = "".join(str(drawn.randrange(10)) for _ in range(drawn.choice((4, 4, 5, 6))))
    next_to = str((int(digits) + 1) % 10 ** len(digits)).zfill(len(digits))
    other = "".join(str((int(one) + 3) % 10) for one in digits)
    return digits, [next_to, digits + "0", "1" + digits, other]


def _phone(drawn: random.Random) -> tuple[str, list[str]]:
    def number() -> str:
        return drawn.choice(words.LINES).format(*(drawn.randrange(100, 1000) for _ in range(3)))

    value = number()
    last = str((int(value[-1]) + 1) % 10)
    return value, [value[:-1] + last, number(), value + "7"]


def _person(drawn: random.Random) -> tuple[str, list[str]]:
    firsts, lasts = drawn.sample(words.FIRST, 3), drawn.sample(words.LAST, 3)
    return f"{firsts[0]} {lasts[0]}", [
        f"{firsts[0]} {lasts[1]}", f"{firsts[1]} {lasts[0]}", f"{firsts[2]} {lasts[2]}", firsts[0],
    ]  # fmt: skip


def _address(drawn: random.Random) -> tuple[str, list[str]]:
    number, names, ends = drawn.randrange(2, 99), drawn.sample(words.STREETS, 2), drawn.sample(words.ENDS, 2)
    return f"{number} {names[0]} {ends[0]}", [
        f"{number + 1} {names[0]} {ends[0]}",
        f"{number} {names[1]} {ends[1]}",
        f"{names[0]} {ends[0]}",
    ]


def _medical(drawn: random.Random) -> tuple[str, list[str]]:
    one, two, three = drawn.sample(words.CONDITIONS, 3)
    return one, [two, three, one.split()[1]]


def _email(drawn: random.Random) -> tuple[str, list[str]]:
    first, last = drawn.choice(words.PLAIN_FIRST).lower(), drawn.choice(words.PLAIN_LAST).lower()
    host = drawn.choice(words.HOSTS)
    return f"{first}.{last}@{host}", [
        f"{first}.{last}@other-{host}",
        f"{last}@{host}",
        f"{first}.{last}2@{host}",
        f"{first}.{last}@{host}.uk",
    ]


def _date(drawn: random.Random) -> tuple[str, list[str]]:
    def day() -> str:
        return f"{drawn.randrange(1930, 2020)}-{drawn.randrange(1, 13):02}-{drawn.randrange(13, 28):02}"

    value = day()
    other = _day(value).replace(day=_day(value).day + 1)
    return value, [_DATE["plain"](str(other)), str(_day(value).replace(year=2021)), _DATE["american"](day())]


def _amount(drawn: random.Random) -> tuple[str, list[str]]:
    value = drawn.choice((drawn.randrange(10, 99) * 1000, drawn.randrange(1010, 99990, 10)))
    return f"{value:,} euros", [f"{value + 10:,} euros", f"{value * 10:,} euros", f"{value // 7 + 3:,} dollars"]


def _iban(drawn: random.Random) -> tuple[str, list[str]]:
    def number() -> str:
        groups = [f"{drawn.randrange(10000):04}" for _ in range(4)]
        return f"DE{drawn.randrange(10, 99)} {' '.join(groups)} {drawn.randrange(100):02}"

    value = number()
    return value, [number(), value[:-1] + str((int(value[-1]) + 1) % 10)]


def _chinese(drawn: random.Random) -> tuple[str, list[str]]:
    one, two, three = drawn.sample(words.CHINESE, 3)
    return one, [two, three]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value. draw: a value, and others of its kind. labels, orders: what it is called, how it is asked."""

    draw: Callable[[random.Random], tuple[str, list[str]]]
    ways: Ways
    labels: Sequence[str]
    orders: Sequence[str] = ("{v}",)


KINDS: Mapping[str, Kind] = {
    "code": Kind(
        draw=_code, ways=_CODE, labels=("gate code", "alarm code", "PIN", "locker code"), orders=("{v}", "{label} {v}")
    ),
    "phone": Kind(draw=_phone, ways=_PHONE, labels=("phone number", "mobile"), orders=("{v}", "{label} {v}")),
    "person": Kind(draw=_person, ways=_PERSON, labels=("contact", "sister's friend")),
    "address": Kind(draw=_address, ways=_ADDRESS, labels=("address", "old flat")),
    "medical": Kind(draw=_medical, ways=_MEDICAL, labels=("diagnosis", "illness")),
    "e-mail": Kind(draw=_email, ways=_EMAIL, labels=("e-mail", "login"), orders=("{v}", "{label} {v}")),
    "date": Kind(draw=_date, ways=_DATE, labels=("birthday", "date of birth"), orders=("{v}", "{label} {v}")),
    "amount": Kind(draw=_amount, ways=_AMOUNT, labels=("salary", "debt"), orders=("{v}", "{label} of {v}")),
    "iban": Kind(draw=_iban, ways=_IBAN, labels=("IBAN", "account")),
    "chinese name": Kind(draw=_chinese, ways=_CHINESE, labels=("\u5ba2\u6237", "\u670b\u53cb")),
}
"""Every kind of value that the talks have."""
