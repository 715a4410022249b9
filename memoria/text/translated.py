"""Times in other languages: names of months and weekdays, "yesterday", "three weeks ago", in dateparser's words.

Out of its words for a language one pattern is made; the days are then counted as for English. That takes a thousandth
of the time that its own parser takes for each text, which is why its parser is not called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from memoria.text import calendar
from memoria.text.calendar import Days, Unit

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS: tuple[Unit, ...] = ("day", "week", "month", "year")
# "Last" and "next" beside a weekday, a month or a unit.
_BESIDE: Mapping[str, tuple[str, str]] = {
    "ar": ("الماضي|الماضية", "القادم|القادمة|المقبل|المقبلة"),
    "de": (r"letzte[nrsm]?|vorige[nrsm]?|vergangene[nrsm]?", r"nächste[nrsm]?|kommende[nrsm]?"),
    "es": (r"pasad[oa]|últim[oa]", r"próxim[oa]|que viene"),
    "fr": (r"derni(?:er|ère)|passée?", r"prochaine?"),
    "hi": ("पिछला|पिछले|पिछली", "अगला|अगले|अगली"),
    "it": (r"scors[oa]|passat[oa]", r"prossim[oa]"),
    "ja": ("先週の?", "来週の?"),
    "ko": ("지난 ?주 ?|지난 ?", "다음 ?주 ?|다음 ?"),
    "nl": (r"vorige?|afgelopen", r"volgende?|komende?"),
    "pl": (r"zeszł\w+|ubiegł\w+", r"przyszł\w+|następn\w+"),
    "pt": (r"passad[oa]", r"próxim[oa]|que vem"),
    "ru": (r"прошл\w+", r"следующ\w+|будущ\w+"),
    "sv": (r"förra", r"nästa"),
    "tr": (r"geçen", r"gelecek|önümüzdeki"),
    "uk": (r"минул\w+", r"наступн\w+"),
    "zh": ("上个?", "下个?"),
}
# What ends a month or a day in a case that dateparser has no words for: what goes, and what comes.
_CASES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pl": ((r"ń$", "niu"), (r"(?<=[cj])$", "u"), (r"a$", "ę")),
    "ru": ((r"[ьй]$", "е"), (r"(?<=т)$", "е"), (r"а$", "у")),  # noqa: RUF001 - Cyrillic letters
    "uk": ((r"ень$", "ні"), (r"а$", "у"), (r"я$", "ю")),  # noqa: RUF001 - Cyrillic letters
}
# One to ten, where dateparser reads figures only.
_NUMBERS: Mapping[str, str] = {
    "ar": "واحد اثنين ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة",
    "es": "un dos tres cuatro cinco seis siete ocho nueve diez",
    "fr": "un deux trois quatre cinq six sept huit neuf dix",
    "hi": "एक दो तीन चार पांच छह सात आठ नौ दस",
    "it": "un due tre quattro cinque sei sette otto nove dieci",
    "ja": "一 二 三 四 五 六 七 八 九 十",
    "nl": "een twee drie vier vijf zes zeven acht negen tien",
    "pl": "jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć",
    "pt": "um dois três quatro cinco seis sete oito nove dez",
    "sv": "en två tre fyra fem sex sju åtta nio tio",
    "tr": "bir iki üç dört beş altı yedi sekiz dokuz on",  # noqa: RUF001 - a letter of Turkish
    "zh": "一 两 三 四 五 六 七 八 九 十",
}
_UNSPACED = frozenset({"ja", "th", "zh"})
# Languages whose words have particles after them.
_OPEN = _UNSPACED | {"ko", "hu", "fi", "tr"}
_COUNT = r"(\d++[.,]?\d*+)"
_GAP = r"[\s\u00a0]+(?:de[ls]?\s+|di\s+)?"
# A shorter name than so much of the longest one is an abbreviation, which is a word of its own too often.
_FULL = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What the words of one language mean, and the pattern that finds them."""

    pattern: re.Pattern[str]
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    units: Mapping[str, Unit]
    numbers: tuple[tuple[re.Pattern[str], int], ...]
    relative: Mapping[str, tuple[tuple[int, Unit], ...]]
    counted: tuple[tuple[re.Pattern[str], int, Unit], ...]
    last: re.Pattern[str]
    by_week: bool


def day_first(code: str) -> bool:
    """Whether the day comes before the month in dates in figures of a language."""
    order = str(_info(code).get("date_order", "DMY"))
    return order.index("D") < order.index("M")


def found(text: str, on: date, code: str) -> Iterator[tuple[tuple[int, int], Days]]:
    """Each phrase in a text of a language that names a time: where it is, and the days."""
    words = _words(code)
    for match in words.pattern.finditer(text.lower()):
        for days in _meant(match, on, words):
            yield match.span(), days


def _meant(match: re.Match[str], on: date, words: _Words) -> list[Days]:
    try:
        return _days(match, on, words)
    except (ValueError, OverflowError):
        return []


def _days(match: re.Match[str], on: date, words: _Words) -> list[Days]:
    plain = match.group()
    if plain in words.relative:
        return [calendar.moved(on, by, unit) for by, unit in words.relative[plain]]
    if match["month"]:
        return [_dated(match, on, words.months[match["month"]])]
    if match["weekday"]:
        return [calendar.day(_nearest(on, words.weekdays[match["weekday"]]))]
    thing = match["thing"] or match["other"]
    if thing is None:
        return _counted(plain, on, words)
    return [_beside(thing, -1 if words.last.fullmatch(match["before"] or match["after"]) else 1, on, words)]


def _beside(thing: str, by: int, on: date, words: _Words) -> Days:
    """Last or next weekday, month, week or year."""
    if thing in words.weekdays:
        number = words.weekdays[thing]
        if words.by_week:
            return calendar.day(calendar.moved(on, by, "week")[0] + timedelta(days=number))
        return calendar.day(calendar.weekday(on, number, after=by > 0))
    if thing in words.units:
        return calendar.moved(on, by, words.units[thing])
    month = words.months[thing]
    some = [calendar.months(on.year + more, month) for more in (-1, 0, 1)]
    return [days for days in some if days[1] < on][-1] if by < 0 else next(days for days in some if days[0] > on)


def _nearest(on: date, number: int) -> date:
    return next(one for by in (0, 1, -1, 2, -2, 3, -3) if (one := on + timedelta(days=by)).weekday() == number)


def _counted(plain: str, on: date, words: _Words) -> list[Days]:
    for pattern, sign, unit in words.counted:
        match = pattern.fullmatch(plain)
        if match is not None:
            count = match[1]
            number = int(count) if count.isdecimal() else next(n for one, n in words.numbers if one.fullmatch(count))
            return [calendar.moved(on, sign * number, unit)]
    return []


def _dated(match: re.Match[str], on: date, month: int) -> Days:
    """A month, or a day of it, in the year that is named or else the nearest one."""
    number, found = int(match["day"] or 0), []
    for year in [int(match["year"])] if match["year"] else [on.year - 1, on.year, on.year + 1]:
        first, last = calendar.months(year, month)
        if number <= last.day:
            found.append(calendar.day(first.replace(day=number)) if match["day"] else (first, last))
    if not found:
        raise ValueError("no year has this day")
    return min(found, key=lambda days: max((days[0] - on).days, (on - days[1]).days))


def _info(code: str) -> Mapping[str, Any]:
    from dateparser.languages import default_loader

    info: Mapping[str, Any] = default_loader.get_locale({"no": "nb"}.get(code, code)).info
    return info


@lru_cache(maxsize=8)
def _words(code: str) -> _Words:
    info = _info(code)
    months, weekdays = _named(info, _MONTHS, code), _named(info, _WEEKDAYS, code)
    units = {name.lower(): unit for unit in _UNITS[1:] for name in info.get(unit, ()) if len(name) > 1}
    numbers = _numbers(info, code)
    counted = tuple(_counts(info, [one.pattern for one, _ in numbers]))
    relative = _relative(info)
    last, coming = _BESIDE.get(code, ("(?!)", "(?!)"))
    spaced = code not in _UNSPACED
    return _Words(
        pattern=_pattern(
            phrases=[
                *map(re.escape, _longest(relative)),
                *(one.pattern.replace(r"(\d", r"(?:\d", 1) for one, _, _ in counted),
            ],
            months=_longest(months),
            weekdays=_longest(weekdays),
            things=_longest([*weekdays, *units, *months]),
            beside=f"{last}|{coming}",
            gap=_GAP if spaced else "",
            edges=(r"(?<!\w)" if spaced else "", "" if code in _OPEN else r"(?!\w)"),
        ),
        months=months,
        weekdays=weekdays,
        units=units,
        numbers=numbers,
        relative=relative,
        counted=counted,
        last=re.compile(last),
        by_week=code in ("ja", "ko", "zh"),
    )


def _pattern(
    *,
    phrases: Iterable[str],
    months: Iterable[str],
    weekdays: Iterable[str],
    things: Iterable[str],
    beside: str,
    gap: str,
    edges: tuple[str, str],
) -> re.Pattern[str]:
    """One pattern for a language, longer forms before shorter ones."""
    month, weekday, thing = ("|".join(map(re.escape, names)) or "(?!)" for names in (months, weekdays, things))
    forms = [
        rf"(?P<before>{beside}){gap}(?P<thing>{thing})",
        rf"(?P<other>{thing}){gap}(?P<after>{beside})",
        *phrases,
        rf"(?:(?P<day>\d{{1,2}})(?:\.|er|º|ª)?{gap or '(?!)'})?(?P<month>{month})"
        rf"(?:\.?,?{gap or '(?!)'}(?P<year>(?:19|20)\d\d))?",
        rf"(?P<weekday>{weekday})",
    ]
    before, after = edges
    return re.compile(f"{before}(?:{'|'.join(forms)}){after}")


def _longest(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-len(name), name))


def _named(info: Mapping[str, Any], english: Iterable[str], code: str) -> dict[str, int]:
    """Numbers by name, from 0 for weekdays and 1 for months; without abbreviations."""
    numbers = {}
    for number, name in enumerate(english, 0 if "monday" in english else 1):
        given = [one.lower() for one in info.get(name, ())]
        long = [one for one in given if len(one) >= _FULL * max(map(len, given)) and one.strip("()") == one]
        cases = [re.sub(goes, comes, one) for one in long for goes, comes in _CASES.get(code, ())]
        numbers.update(dict.fromkeys([*long, *cases], number))
    return numbers


def _numbers(info: Mapping[str, Any], code: str) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Patterns of numbers in words."""
    found = {word: number for number, word in enumerate(_NUMBERS.get(code, "").split(), 1)}
    for one in info.get("simplifications", ()):
        found |= {word: int(number) for word, number in one.items() if str(number).isdecimal() and "(?" not in word}
    return tuple((re.compile(word.replace("(", "(?:")), number) for word, number in found.items())


def _relative(info: Mapping[str, Any]) -> dict[str, tuple[tuple[int, Unit], ...]]:
    """What "yesterday" and "next month" mean. A word may mean two days, as Hindi has one for yesterday and tomorrow."""
    found: dict[str, tuple[tuple[int, Unit], ...]] = {}
    for key, phrases in info.get("relative-type", {}).items():
        meaning = _step(key)
        for phrase in phrases if meaning is not None else ():
            known = found.get(phrase.lower(), ())
            if meaning not in known:
                found[phrase.lower()] = (*known, meaning)  # type: ignore[arg-type]  # not None here
    return found


def _step(key: str) -> tuple[int, Unit] | None:
    """ "2 day ago" is (-2, "day"), "in 1 week" is (1, "week"); None for hours and the like."""
    match = re.fullmatch(r"(?:in )?(\d+|\\1) (day|week|month|year)(?: ago)?", key)
    if match is None or not (key.startswith("in ") or key.endswith(" ago")):
        return None
    count = 1 if match[1] == "\\1" else int(match[1])
    unit: Unit = match[2]  # type: ignore[assignment]  # the pattern has no other
    return (count if key.startswith("in ") else -count), unit


def _counts(info: Mapping[str, Any], numbers: Iterable[str]) -> Iterator[tuple[re.Pattern[str], int, Unit]]:
    """Patterns of "3 weeks ago", each with its sign and unit, in any form of the unit."""
    number = rf"(\d{{1,4}}|{'|'.join(numbers)})" if numbers else r"(\d{1,4})"
    for key, templates in info.get("relative-type-regex", {}).items():
        step = _step(key)
        for template in templates if step is not None else ():
            sign, unit = step  # type: ignore[misc]  # not None here
            names = _longest(one.lower() for one in info.get(unit, ()) if len(one) > 1)
            before, _, after = template.lower().partition(_COUNT)
            yield re.compile(_any_unit(before, names) + number + _any_unit(after, names)), sign, unit


def _any_unit(part: str, names: list[str]) -> str:
    """A part of a template, the name of the unit in it in any of its forms."""
    is_name: Callable[[str], bool] = names.__contains__
    return "".join(
        f"(?:{'|'.join(map(re.escape, names))})" if is_name(word) else word for word in re.split(r"(\W+)", part)
    )
