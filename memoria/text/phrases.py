"""Times in English words, such as "last Tuesday", "in two weeks", "summer 2023" or "a couple of months ago", as days.

Each form is a pattern and what its words mean, counted from the day on which they were said. A date without a year, or
the bare name of a weekday, is in the past or yet to come as the text speaks, and otherwise the nearest one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache

from memoria.text import calendar
from memoria.text.calendar import Days, Unit
from memoria.text.needed import needed, which

MONTHS: Mapping[str, int] = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)  # noqa: SIM905
}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS = {
    name: number
    for number, name in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905
        1,
    )
} | {"a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30}
# What is said of a number that nobody counted: at least, and at most.
_VAGUE = {"couple": (2, 2), "few": (2, 5), "several": (3, 7)}

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
_NUMBER = (
    r"(?:\d{1,4}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty"
    r"|(?:an? )?couple(?: of)?|(?:an? )?few|several)"
)
_UNIT = r"(?:day|night|week|weekend|fortnight|month|year|decade)s?\b"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?\b"
_YEAR = r"(?:19|20)\d\d\b"
_SEASON = r"(?:spring|summer|autumn|fall|winter)\b"
_FEAST = (
    r"(?:christmas(?: eve| day)?|new year(?:['\u2019]s|s)? (?:eve|day)|halloween|valentine(?:['\u2019]s|s)?(?: day)?"
    r"|easter|thanksgiving)\b"
)
_FEASTS: Mapping[str, Callable[[int], Days]] = {
    "christmas": lambda year: (date(year, 12, 24), date(year, 12, 26)),
    "christmas eve": lambda year: calendar.day(date(year, 12, 24)),
    "christmas day": lambda year: calendar.day(date(year, 12, 25)),
    "new year eve": lambda year: calendar.day(date(year, 12, 31)),
    "new year day": lambda year: calendar.day(date(year, 1, 1)),
    "halloween": lambda year: calendar.day(date(year, 10, 31)),
    "valentine": lambda year: calendar.day(date(year, 2, 14)),
    "easter": lambda year: (calendar.easter(year) - timedelta(days=2), calendar.easter(year) + timedelta(days=1)),
    "thanksgiving": lambda year: calendar.day(calendar.thanksgiving(year)),
}
_WHICH = r"(?P<which>last|past|previous|this|current|next|coming|upcoming)"
_LAST, _NEXT = ("last", "past", "previous"), ("next", "coming", "upcoming")

_FIGURE = re.compile(r"\d")
_COMING = re.compile(r"\b(?:will|won['\u2019]t|shall|going to|gonna|plan(?:s|ning)?|upcoming)\b|['\u2019]ll\b", re.I)
_PAST = re.compile(
    r"\b(?:did|was|were|had|have|has|been|went|came|got|took|saw|met|ate|bought|made|said|told|gave|found|felt|left"
    r"|\w{2,}ed)\b|['\u2019]ve\b",
    re.I,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """When something was said. before: whether it speaks of what is past; None where that cannot be told."""

    on: date
    before: bool | None = None

    def nearest(self, candidates: Callable[[int], Days]) -> Days:
        """Which of the days that come round once a year are meant. candidates: those of a year."""
        found = [
            days for year in (self.on.year - 1, self.on.year, self.on.year + 1) if (days := _tried(candidates, year))
        ]
        if self.before is True:
            found = [days for days in found if days[0] <= self.on] or found[:1]
            return found[-1]
        if self.before is False:
            found = [days for days in found if days[1] >= self.on] or found[-1:]
            return found[0]
        return min(found, key=lambda days: max((days[0] - self.on).days, (self.on - days[1]).days))


def _tried(candidates: Callable[[int], Days], year: int) -> Days | None:
    """The days of a year, if it has them: not all have a 29 February."""
    try:
        return candidates(year)
    except (ValueError, OverflowError):
        return None


def said(text: str, on: date) -> Said:
    """How a text speaks of time."""
    before = False if _COMING.search(text) else True if _PAST.search(text) else None
    return Said(on=on, before=before)


def month_number(name: str) -> int:
    """1 for January, by any of its names."""
    return MONTHS[name[:3].lower()]


def _day_number(text: str) -> int:
    return int(text.rstrip("stndrhSTNDRH"))


def _number(text: str) -> tuple[int, int]:
    """At least and at most, of a number in words or digits."""
    words = text.lower().split()
    vague = next((_VAGUE[word] for word in words if word in _VAGUE), None)
    if vague is not None:
        return vague
    count = int(words[0]) if words[0].isdecimal() else _NUMBERS[words[0]]
    return count, count


def _unit(text: str) -> tuple[Unit, int]:
    """The unit of the calendar that a word means, and how many of it."""
    name = text.lower().removesuffix("s")
    more: Mapping[str, tuple[Unit, int]] = {
        "week": ("week", 1),
        "weekend": ("week", 1),
        "fortnight": ("week", 2),
        "month": ("month", 1),
        "year": ("year", 1),
        "decade": ("year", 10),
    }
    return more.get(name, ("day", 1))


def _apart(match: re.Match[str], on: date, sign: int) -> Days:
    """The days so many units before or after a day."""
    low, high = _number(match["n"])
    unit, each = _unit(match["u"])
    ends = [calendar.moved(on, sign * each * count, unit) for count in (low, high)]
    if match["u"].lower().startswith("weekend"):
        ends = [calendar.weekend(first) for first, _ in ends]
    return min(first for first, _ in ends), max(last for _, last in ends)


def _since(match: re.Match[str], on: date) -> Days:
    """ "The last two weeks": from so long ago until now, or from now on."""
    _, high = _number(match["n"])
    unit, each = _unit(match["u"])
    ahead = match["which"].lower() in _NEXT
    first, last = calendar.moved(on, (1 if ahead else -1) * each * high, unit)
    if unit in ("day", "week"):
        days = timedelta(days=high * each * (7 if unit == "week" else 1))
        return (on, on + days) if ahead else (on - days, on)
    return (on, last) if ahead else (first, on)


def _which(which: str) -> int:
    """-1 for last, 0 for this, 1 for next."""
    return -1 if which.lower() in _LAST else 1 if which.lower() in _NEXT else 0


def _beside(match: re.Match[str], on: date) -> Days:
    """Last, this or next week, weekend, month, quarter, year or decade."""
    by, name = _which(match["which"]), match["u"].lower()
    if name == "quarter":
        first, _ = calendar.quarter(on)
        return calendar.quarter(calendar.moved(first, 3 * by, "month")[0])
    if name == "decade":
        return calendar.years(on.year // 10 * 10 + 10 * by, 10)
    if name == "weekend":
        inside = on + timedelta(weeks=by)
        return calendar.weekend(inside)
    units: Mapping[str, Unit] = {"week": "week", "month": "month", "year": "year"}
    return calendar.moved(on, by, units[name])


def _two_away(match: re.Match[str], on: date) -> Days:
    """The week before last, the year after next."""
    by = -2 if match["side"].lower() == "before" else 2
    if match["u"].lower() == "weekend":
        return calendar.weekend(on + timedelta(weeks=by))
    return calendar.moved(on, by, _unit(match["u"])[0])


def _part_of_day(match: re.Match[str], on: date) -> Days:
    """This morning is today; last night was yesterday."""
    return calendar.moved(on, _which(match["which"]), "day")


def _weekday_beside(match: re.Match[str], when: Said) -> Days | list[Days]:
    """The last Friday is the one before; the next one is the one that comes, or that of next week, as people differ.

    This Friday is that of the week, or on a Saturday that of the next one, if the text speaks of what is to come.
    """
    on, number = when.on, _WEEKDAYS.index(match["weekday"][:3].lower())
    by, here = _which(match["which"]), calendar.week(on)[0] + timedelta(days=number)
    if by == 0:
        return calendar.day(here + timedelta(weeks=1) if when.before is False and here < on else here)
    near = calendar.weekday(on, number, after=by > 0)
    if by > 0 and near == here and match["which"].lower() == "next":
        return [calendar.day(near), calendar.day(near + timedelta(weeks=1))]
    return calendar.day(near)


def _weekday_in_week(match: re.Match[str], on: date) -> Days:
    """ "Tuesday of last week", "Friday next week"."""
    monday, _ = calendar.moved(on, _which(match["which"]), "week")
    return calendar.day(monday + timedelta(days=_WEEKDAYS.index(match["weekday"][:3].lower())))


def _bare_weekday(match: re.Match[str], when: Said) -> Days:
    number, on = _WEEKDAYS.index(match["weekday"][:3].lower()), when.on
    before, after = (calendar.weekday(on, number, after=late) for late in (False, True))
    if when.before is None:
        return calendar.day(min((on + timedelta(days=by) for by in range(-3, 4)), key=lambda d: d.weekday() != number))
    return calendar.day(before if when.before else after)


def _yearly(by: int, when: Said, candidates: Callable[[int], Days]) -> Days:
    """Last, this or next of what comes round once a year: the last one has ended, the next one has not begun."""
    found = [days for year in range(when.on.year - 2, when.on.year + 3) if (days := _tried(candidates, year))]
    if by < 0:
        return [days for days in found if days[1] < when.on][-1]
    ahead = [days for days in found if days[0] > when.on]
    if by > 0:
        return ahead[0]
    around = [days for days in found if days[0] <= when.on <= days[1]]
    return (around or [days for days in found if days[0].year == when.on.year])[0]


def _feast(text: str) -> Callable[[int], Days]:
    name = re.sub(r"['\u2019]s\b|(?<=year|tine)s\b", "", text.lower())
    return _FEASTS[name if name in _FEASTS else name.removesuffix(" day")]


def _of_month(match: re.Match[str], when: Said) -> Days:
    """ "On the 5th": of this month, or of the one beside it."""
    number, found = _day_number(match["d"]), []
    for by in (-1, 0, 1):
        first, last = calendar.moved(when.on, by, "month")
        if number <= last.day:
            found.append(first.replace(day=number))
    if when.before is not None:
        side = [on for on in found if (on <= when.on if when.before else on >= when.on)]
        return calendar.day((side[-1] if when.before else side[0]) if side else found[0])
    return calendar.day(min(found, key=lambda on: abs((on - when.on).days)))


def _part(match: re.Match[str], days: Days) -> Days:
    """The third of some days that "early", "mid" or "late" means; all of them without such a word."""
    word = (match["part"] or "").lower().removeprefix("the ")
    third = ((days[1] - days[0]).days + 1) // 3
    if word.startswith(("early", "beginning", "start")):
        return days[0], days[0] + timedelta(days=third)
    if word.startswith("mid"):
        return days[0] + timedelta(days=third), days[1] - timedelta(days=third)
    if word.startswith(("late", "end")):
        return days[1] - timedelta(days=third), days[1]
    return days


def _dated(match: re.Match[str], when: Said) -> Days:
    """A day of a month, in the year that is named or meant; "3-5 May" is several days."""
    number = month_number(match["m"])
    first, last = _day_number(match["d"]), _day_number(match["e"] or match["d"])

    def of(year: int) -> Days:
        return date(year, number, first), date(year, number, last)

    return of(int(match["y"])) if match["y"] else when.nearest(of)


def _monthly(match: re.Match[str], when: Said) -> Days:
    number = month_number(match["m"])
    if match["y"]:
        return _part(match, calendar.months(int(match["y"]), number))
    return _part(match, when.nearest(lambda year: calendar.months(year, number)))


def _of_season(match: re.Match[str], when: Said) -> Days:
    name = match["season"].lower()
    if match["y"]:
        return calendar.season(name, int(match["y"]))
    return when.nearest(lambda year: calendar.season(name, year))


_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}


def _quarterly(match: re.Match[str], when: Said) -> Days:
    number = int(match["q"]) if match["q"] else _QUARTERS[match["ordinal"].lower()]
    year = match["y"] or match["z"]
    if year:
        return calendar.months(int(year), 3 * number - 2, 3)
    return when.nearest(lambda year: calendar.months(year, 3 * number - 2, 3))


_PART = r"(?:(?P<part>early|mid|late|(?:the )?(?:beginning|start|middle|end) of)[ -])"
_TO = rf"(?: ?(?:-|\u2013|to|and) ?(?P<e>{_DAY}))?"
Meaning = Callable[[re.Match[str], Said], Days | list[Days]]
# Longest first, because the first that matches is taken. A month's name alone needs a word before it, because "may" is
# also a verb; so does a year, because it is also a number.
_FORMS: tuple[tuple[str, Meaning], ...] = (
    (rf"(?P<d>{_DAY}){_TO}(?: of)? (?P<m>{_MONTH})(?:,? (?P<y>{_YEAR}))?", _dated),
    (rf"(?P<m>{_MONTH}) (?P<d>{_DAY}){_TO}(?:,? (?P<y>{_YEAR}))?", _dated),
    (rf"{_PART}?(?P<m>{_MONTH})(?:,| of)? (?P<y>{_YEAR})", _monthly),
    (rf"{_PART}(?P<m>{_MONTH})(?P<y>(?!))?", _monthly),
    (
        rf"(?:(?<=\bin )|(?<=\bsince )|(?<=\bduring )|(?<=\buntil )|(?<=\btill )|(?<=\bby )|(?<=\bof ))"
        rf"(?P<part>(?!))?(?P<m>{_MONTH})(?P<y>(?!))?",
        _monthly,
    ),
    (
        rf"{_WHICH} (?P<m>{_MONTH})",
        lambda m, when: _yearly(_which(m["which"]), when, lambda year: calendar.months(year, month_number(m["m"]))),
    ),
    (
        r"the (?P<u>week|weekend|month|year) (?P<side>before|after) (?:last|next)\b",
        lambda m, when: _two_away(m, when.on),
    ),
    (r"(?:the )?day before yesterday", lambda m, when: calendar.moved(when.on, -2, "day")),
    (r"(?:the )?day after tomorrow", lambda m, when: calendar.moved(when.on, 2, "day")),
    (r"yesterday", lambda m, when: calendar.moved(when.on, -1, "day")),
    (r"tomorrow", lambda m, when: calendar.moved(when.on, 1, "day")),
    (r"today|tonight", lambda m, when: calendar.day(when.on)),
    (r"the other day", lambda m, when: (when.on - timedelta(days=7), when.on - timedelta(days=1))),
    (
        rf"(?P<n>{_NUMBER})(?: and a half)? (?P<u>{_UNIT})(?: and a half)? (?:ago|back)\b",
        lambda m, when: _apart(m, when.on, -1),
    ),
    (
        rf"(?<!time )(?<!times )in (?:about |around )?(?P<n>{_NUMBER}) (?P<u>{_UNIT})(?! of\b)",
        lambda m, when: _apart(m, when.on, 1),
    ),
    (rf"(?P<n>{_NUMBER}) (?P<u>{_UNIT}) from (?:now|today)\b", lambda m, when: _apart(m, when.on, 1)),
    (rf"{_WHICH} (?P<n>{_NUMBER}) (?P<u>{_UNIT})", lambda m, when: _since(m, when.on)),
    (rf"(?P<weekday>{_WEEKDAY})(?: of)? {_WHICH} week\b", lambda m, when: _weekday_in_week(m, when.on)),
    (rf"{_WHICH} (?P<u>week|weekend|month|quarter|year|decade)\b", lambda m, when: _beside(m, when.on)),
    (r"(?P<which>this|last) (?:morning|afternoon|evening|night)\b", lambda m, when: _part_of_day(m, when.on)),
    (rf"{_WHICH} (?P<weekday>{_WEEKDAY})", _weekday_beside),
    (
        rf"{_WHICH} (?P<season>{_SEASON})",
        lambda m, when: _yearly(_which(m["which"]), when, lambda year: calendar.season(m["season"].lower(), year)),
    ),
    (rf"(?P<season>{_SEASON})(?: of)? (?P<y>{_YEAR})", _of_season),
    (r"(?:(?<=\bin the )|(?<=\bduring the ))(?P<season>spring|summer|autumn|fall|winter)\b(?P<y>(?!))?", _of_season),
    (rf"{_WHICH} (?P<feast>{_FEAST})", lambda m, when: _yearly(_which(m["which"]), when, _feast(m["feast"]))),
    (
        rf"(?P<feast>{_FEAST})(?:,? (?:of |in )?(?P<y>{_YEAR}))?",
        lambda m, when: _feast(m["feast"])(int(m["y"])) if m["y"] else when.nearest(_feast(m["feast"])),
    ),
    (
        rf"(?:(?P<z>(?:19|20)\d\d) ?)?(?:q(?P<q>[1-4])|(?:the )?(?P<ordinal>first|second|third|fourth|last) quarter)\b"
        rf"(?:(?:,| of)? (?P<y>{_YEAR}))?",
        _quarterly,
    ),
    (rf"(?<=\bon )the (?P<d>\d{{1,2}}(?:st|nd|rd|th)\b)(?!(?: of)? {_MONTH})", _of_month),
    (r"(?:(?<=\bthe )|(?<=\bin ))(?P<y>(?:19|20)\d0)s\b", lambda m, when: calendar.years(int(m["y"]), 10)),
    (
        rf"(?:(?<=\bin )|(?<=\bsince )|(?<=\bduring )|(?<=\buntil )|(?<=\bby )|(?<=\bof )|(?<=\bearly )|(?<=\blate ))"
        rf"(?P<y>{_YEAR})",
        lambda m, when: calendar.years(int(m["y"])),
    ),
    (rf"(?<!every )(?<!each )(?<!good )(?<!black )(?P<weekday>{_WEEKDAY})", _bare_weekday),
)


# No form is without one of these; looking for them takes a hundredth of what the pattern takes.
_HINTS = (
    *("day", "week", "month", "year", "decade", "night", "noon", "tomorrow", "morning", "evening", "quarter"),
    *("spring", "summer", "autumn", "fall", "winter", "christmas", "halloween", "valentine", "easter", "thanksgiving"),
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "q1", "q2", "q3", "q4"),
)


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str], Meaning, tuple[str, ...]], ...]:
    """Each form: without the names of its parts, with them, what it means, and of which words it has one."""
    found = [(form, re.compile(form, re.IGNORECASE), meaning) for form, meaning in _FORMS]
    return tuple((re.sub(r"\?P<\w+>", "?:", form), one, meaning, needed(one)) for form, one, meaning in found)


@cache
def _sought() -> frozenset[tuple[str, ...]]:
    """Of which words each form has one."""
    return frozenset(form[3] for form in _forms())


# Texts differ in which forms they may have, but not in many ways.
@lru_cache(maxsize=256)
def _whole(chosen: tuple[int, ...]) -> re.Pattern[str]:
    """One pattern that finds any of these forms, by the number of its group."""
    plain = [_forms()[number][0] for number in chosen]
    return re.compile(r"\b(?:" + "|".join(f"({form})" for form in plain) + ")", re.IGNORECASE)


def found(text: str, on: date, *, ahead: bool = False) -> Iterator[tuple[tuple[int, int], Days]]:
    """Each phrase in a text that names a time: where it is, and the days; those that no calendar has are left out.

    ahead: a date without a year, or a bare weekday, is the next one, however the text speaks.
    """
    low = text.lower()
    if not any(hint in low for hint in _HINTS) and not _FIGURE.search(text):
        return
    # Many forms need the same words.
    there = which(text, _sought())
    chosen = tuple(number for number, form in enumerate(_forms()) if form[3] in there)
    when: Said | None = None
    for match in _whole(chosen).finditer(text) if chosen else ():
        when = when or (Said(on=on, before=False) if ahead else said(text, on))
        _, pattern, meaning, _ = _forms()[chosen[(match.lastindex or 1) - 1]]
        parts = pattern.match(text, match.start())
        for days in _meant(meaning, parts, when) if parts is not None else ():
            yield match.span(), days


def _meant(meaning: Meaning, parts: re.Match[str], when: Said) -> list[Days]:
    try:
        meant = meaning(parts, when)
    except (ValueError, OverflowError, IndexError):
        return []
    return [days for days in (meant if isinstance(meant, list) else [meant]) if days[0] <= days[1]]
