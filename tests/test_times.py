"""Times in words, against a calendar."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest
from dateutil.easter import easter
from dateutil.relativedelta import FR, MO, relativedelta
from hypothesis import given
from hypothesis import strategies as st

from memoria.text import calendar, translated
from memoria.text.times import Reading, closeness, days, meant

WEDNESDAY = date(2023, 5, 10)
UTC_READING = Reading(zone=UTC)
DATES = st.dates(date(1971, 1, 1), date(2090, 1, 1))


def named(text: str, on: date = WEDNESDAY, day_first: bool | None = None) -> list[str]:
    """First and last days, in the form of ISO 8601."""
    return [f"{first}/{last}" for first, last in days(text, on, Reading(day_first=day_first))]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("We met last Tuesday.", "2023-05-09", "2023-05-09"),
        ("last Wednesday", "2023-05-03", "2023-05-03"),
        ("this Friday", "2023-05-12", "2023-05-12"),
        ("We met this Monday.", "2023-05-08", "2023-05-08"),
        ("We will meet this Monday.", "2023-05-15", "2023-05-15"),
        ("The race is on the 19th of June", "2023-06-19", "2023-06-19"),
        ("The race is on the 19th.", "2023-05-19", "2023-05-19"),
        ("Tuesday of last week", "2023-05-02", "2023-05-02"),
        ("I went there on Friday", "2023-05-05", "2023-05-05"),
        ("We will go there on Friday", "2023-05-12", "2023-05-12"),
        ("Dinner on Friday", "2023-05-12", "2023-05-12"),
        ("yesterday", "2023-05-09", "2023-05-09"),
        ("the day before yesterday", "2023-05-08", "2023-05-08"),
        ("tomorrow", "2023-05-11", "2023-05-11"),
        ("the day after tomorrow", "2023-05-12", "2023-05-12"),
        ("tonight", "2023-05-10", "2023-05-10"),
        ("this morning", "2023-05-10", "2023-05-10"),
        ("last night", "2023-05-09", "2023-05-09"),
        ("three days ago", "2023-05-07", "2023-05-07"),
        ("a few days ago", "2023-05-05", "2023-05-08"),
        ("two weeks ago", "2023-04-24", "2023-04-30"),
        ("in two weeks", "2023-05-22", "2023-05-28"),
        ("two weeks from now", "2023-05-22", "2023-05-28"),
        ("a couple of months ago", "2023-03-01", "2023-03-31"),
        ("3 months ago", "2023-02-01", "2023-02-28"),
        ("a year and a half ago", "2022-01-01", "2022-12-31"),
        ("the last two weeks", "2023-04-26", "2023-05-10"),
        ("last week", "2023-05-01", "2023-05-07"),
        ("the week before last", "2023-04-24", "2023-04-30"),
        ("last weekend", "2023-05-06", "2023-05-07"),
        ("this weekend", "2023-05-13", "2023-05-14"),
        ("next month", "2023-06-01", "2023-06-30"),
        ("this month", "2023-05-01", "2023-05-31"),
        ("last year", "2022-01-01", "2022-12-31"),
        ("last quarter", "2023-01-01", "2023-03-31"),
        ("Q3 2023", "2023-07-01", "2023-09-30"),
        ("the third quarter of 2022", "2022-07-01", "2022-09-30"),
        ("Where was she in May 2023?", "2023-05-01", "2023-05-31"),
        ("mid-May 2023", "2023-05-11", "2023-05-21"),
        ("the end of May", "2023-05-21", "2023-05-31"),
        ("in june", "2023-06-01", "2023-06-30"),
        ("What did she do in June?", "2022-06-01", "2022-06-30"),
        ("last August", "2022-08-01", "2022-08-31"),
        ("on 8 May, 2023", "2023-05-08", "2023-05-08"),
        ("on May 8th, 2023", "2023-05-08", "2023-05-08"),
        ("May 3-5, 2023", "2023-05-03", "2023-05-05"),
        ("July 3", "2023-07-03", "2023-07-03"),
        ("It was on July 3", "2022-07-03", "2022-07-03"),
        ("on the 5th", "2023-05-05", "2023-05-05"),
        ("in 2022", "2022-01-01", "2022-12-31"),
        ("in the 1990s", "1990-01-01", "1999-12-31"),
        ("summer 2023", "2023-06-01", "2023-08-31"),
        ("last summer", "2022-06-01", "2022-08-31"),
        ("next winter", "2023-12-01", "2024-02-29"),
        ("Christmas 2022", "2022-12-24", "2022-12-26"),
        ("last Christmas", "2022-12-24", "2022-12-26"),
        ("New Year's Eve", "2022-12-31", "2022-12-31"),
        ("Thanksgiving 2023", "2023-11-23", "2023-11-23"),
        ("2023-05", "2023-05-01", "2023-05-31"),
        ("29 February", "2024-02-29", "2024-02-29"),
    ],
)
def test_days_by_the_calendar(text: str, first: str, last: str) -> None:
    assert named(text) == [f"{first}/{last}"]


def test_next_friday_is_the_one_that_comes_or_that_of_next_week() -> None:
    assert named("next Friday") == ["2023-05-12/2023-05-12", "2023-05-19/2023-05-19"]
    assert named("next Monday") == ["2023-05-15/2023-05-15"]


@pytest.mark.parametrize(
    ("text", "month_first", "day_first"),
    [
        ("on 03/04/2023", "2023-03-04", "2023-04-03"),
        ("on 3/4/23", "2023-03-04", "2023-04-03"),
        ("on 13/02/2023", "2023-02-13", "2023-02-13"),
        ("on 02/13/2023", "2023-02-13", "2023-02-13"),
        ("on 3.4.2023", "2023-04-03", "2023-04-03"),
        ("on 2023-04-03", "2023-04-03", "2023-04-03"),
        ("on 2023/04/03", "2023-04-03", "2023-04-03"),
    ],
)
def test_a_date_in_figures_is_read_as_asked_where_both_could_be_the_month(
    text: str, month_first: str, day_first: str
) -> None:
    assert named(text, day_first=False) == [f"{month_first}/{month_first}"]
    assert named(text, day_first=True) == [f"{day_first}/{day_first}"]


def test_a_date_in_figures_goes_by_the_language_of_its_text() -> None:
    assert named("We were at the dentist on 03/04/2023") == ["2023-03-04/2023-03-04"]
    assert named("Wir waren am 03/04/2023 beim Zahnarzt") == ["2023-04-03/2023-04-03"]


@pytest.mark.parametrize(
    "text",
    [
        *("you may come", "31 June 2023", "a march of 10", "the second sun", "every Friday", "version 1.2.2023.4"),
        *("31/31/2023", "2023-13-01", "for the first time in ten years", "Good Friday", "9999 years ago", "room 2023"),
    ],
)
def test_what_names_no_time(text: str) -> None:
    assert named(text) == []


# The day before, the day after, three days ago, last week, and 8 May 2023, said on Wednesday, 10 May 2023.
IN_LANGUAGES = {
    "ar": (
        "كنت هناك أمس",
        "سأذهب غدًا",
        "قبل ثلاثة أيام",
        "الأسبوع الماضي",
        "8 مايو 2023",
    ),
    "de": (
        "Ich war gestern da",
        "Ich gehe morgen zu ihr",
        "Das war vor drei Tagen",
        "Wir waren letzte Woche da",
        "am 8. Mai 2023 war ich da",
    ),
    "es": (
        "Fui ayer",
        "Voy mañana",
        "Yo fui a la playa hace tres días",
        "Yo fui a la playa la semana pasada",
        "Fui el 8 de mayo de 2023",
    ),
    "fr": (
        "Je suis venu hier",
        "Je viens demain",
        "Je suis venu il y a trois jours",
        "La semaine dernière j'étais là",
        "J'étais là le 8 mai 2023",
    ),
    "hi": (
        "",
        "",
        "तीन दिन पहले",
        "पिछले सप्ताह",
        "8 मई 2023",
    ),
    "it": (
        "Ho visto Anna ieri",
        "Vado domani con mia zia",
        "Ho visto Anna tre giorni fa",
        "Ho visto Anna la settimana scorsa",
        "Ho visto Anna il 8 maggio 2023",
    ),
    "ja": (
        "昨日は行きました",
        "明日行きます",
        "三日前に",
        "先週は",
        "2023年5月8日に",
    ),
    "ko": (
        "어제는 갔다",
        "내일 간다",
        "3일 전에",
        "지난주에",
        "2023년 5월 8일",
    ),
    "nl": (
        "Ik was gisteren bij haar",
        "Ik ben morgen bij haar",
        "Ik was drie dagen geleden bij haar",
        "Ik was vorige week bij haar",
        "Ik was 8 mei 2023 bij haar",
    ),
    "pl": (
        "Byłem wczoraj u niej",
        "Ja nie mam jutro czasu, bo jestem u niej",
        "Byłem trzy dni temu u niej",
        "Byłem w zeszły tydzień u niej",
        "Byłem 8 maja 2023 u niej",
    ),
    "pt": (
        "Eu fui ontem",
        "Eu vou amanhã",
        "Eu fui há três dias",
        "Eu fui na semana passada",
        "Eu fui no dia 8 de maio de 2023",
    ),
    "ru": (
        "Я была там вчера",
        "Я иду завтра",
        "Я была там три дня назад",
        "Я была на прошлой неделе",
        "Я была там 8 мая 2023",
    ),
    "uk": (
        "Я була там вчора, її не було",
        "Я йду завтра до неї",
        "Її не було три дні тому",
        "Її не було минулого тижня",
        "Її не було 8 травня 2023",
    ),
    "zh": (
        "我昨天去了",
        "我明天去",
        "三天前",
        "上周",
        "2023年5月8日",
    ),
}
MEANT = (
    "2023-05-09/2023-05-09", "2023-05-11/2023-05-11", "2023-05-07/2023-05-07", "2023-05-01/2023-05-07",
    "2023-05-08/2023-05-08",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(text, expected, id=f"{code} {expected}")
        for code, texts in IN_LANGUAGES.items()
        for text, expected in zip(texts, MEANT, strict=True)
        if text
    ],
)
def test_days_in_other_languages(text: str, expected: str) -> None:
    assert named(text) == [expected]


def test_one_word_may_mean_two_days() -> None:
    # Hindi has one word for yesterday and tomorrow.
    assert named("मैं कल गया था") == ["2023-05-09/2023-05-09", "2023-05-11/2023-05-11"]


def test_every_language_that_can_be_told_has_words() -> None:
    for code in ("ar", "de", "el", "es", "fr", "he", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "th", "tr"):
        assert list(translated.found("", WEDNESDAY, code)) == []


def test_a_memory_is_about_the_day_it_was_said_on_and_the_times_it_names() -> None:
    week = (date(2023, 5, 1), date(2023, 5, 7))
    today = (WEDNESDAY, WEDNESDAY)
    assert meant("I painted the fence.", WEDNESDAY, UTC_READING) == [today]
    assert meant("We were busy last week.", WEDNESDAY, UTC_READING) == [today, week]


def test_what_was_done_yesterday_was_not_done_today() -> None:
    yesterday = WEDNESDAY - timedelta(days=1)
    assert meant("I was at the dentist yesterday.", WEDNESDAY, UTC_READING) == [(yesterday, yesterday)]


def test_closeness_is_the_root_of_the_share_that_is_asked_for() -> None:
    may = calendar.months(2023, 5)
    day = (WEDNESDAY, WEDNESDAY)
    assert closeness([day], [day]) == closeness([may], [day]) == 1
    assert closeness([day], [may]) == pytest.approx((1 / 31) ** 0.5)
    assert closeness([day], [calendar.months(2023, 6)]) == closeness([], [day]) == closeness([day], []) == 0


@given(DATES, DATES)
def test_a_date_names_its_own_day(one: date, on: date) -> None:
    for text in (
        f"{one:%Y-%m-%d}",
        f"{one:%-d %B %Y}",
        f"{one:%B %-d, %Y}",
        f"{one:%d.%m.%Y}",
        f"{one:%Y年%-m月%-d日}",
    ):
        assert days(f"on {text}", on, UTC_READING) == [(one, one)]


@given(DATES, st.integers(1, 300))
def test_what_is_counted_is_where_dateutil_says(on: date, count: int) -> None:
    for unit, grain in (
        ("day", calendar.day),
        ("week", calendar.week),
        ("month", calendar.month),
        ("year", calendar.year),
    ):
        apart = relativedelta(**{f"{unit}s": count})
        plural = unit if count == 1 else f"{unit}s"
        # A month without that day ends before it.
        assert days(f"{count} {plural} ago", on, UTC_READING) == [grain(on - apart)]
        assert days(f"in {count} {plural}", on, UTC_READING) == [grain(on + apart)]


@given(DATES)
def test_weekdays_are_where_dateutil_says(on: date) -> None:
    ((last, _),) = days("last Friday", on, UTC_READING)
    assert last == on - timedelta(days=1) + relativedelta(weekday=FR(-1))
    (near, _), *_ = days("next Monday", on, UTC_READING)
    assert near == on + timedelta(days=1) + relativedelta(weekday=MO(1))


@given(st.integers(1583, 4099))
def test_easter_is_where_dateutil_says(year: int) -> None:
    assert calendar.easter(year) == easter(year)


@given(DATES)
def test_weekends_weeks_and_months_hold_whole_days(on: date) -> None:
    assert [one.weekday() for one in calendar.week(on)] == [0, 6]
    assert [one.weekday() for one in calendar.weekend(on)] == [5, 6]
    first, last = calendar.month(on)
    assert (first.day, (last + timedelta(days=1)).day) == (1, 1)


PHRASES = (
    *("yesterday", "tomorrow", "last week", "this weekend", "next weekend", "in 400 days", "12 months ago", "last May"),
    *("next winter", "on the 31st", "the last 9 decades", "Q4", "30 decades ago", "in 9999 years", "last Christmas"),
    *("next Friday", "Friday", "29 February", "Easter", "the year after next", "previous decade", "next quarter"),
    *("vor 9999 Wochen", "letzten Freitag", "5月8日", "下周五", "in den 400 Tagen"),
)


@pytest.mark.parametrize("on", [date.min, date(1, 1, 2), date(9999, 12, 30), date.max])
@pytest.mark.parametrize("phrase", PHRASES)
def test_at_the_ends_of_the_calendar_a_phrase_has_days_or_none(phrase: str, on: date) -> None:
    for first, last in days(phrase, on, UTC_READING):
        assert date.min <= first <= last <= date.max


WORDS = st.sampled_from(
    [
        *(
            "last",
            "next",
            "this",
            "in",
            "on",
            "the",
            "a",
            "few",
            "couple",
            "of",
            "ago",
            "days",
            "weeks",
            "months",
            "years",
        ),
        *(
            "years",
            "weekend",
            "may",
            "May",
            "march",
            "31",
            "30th",
            "29",
            "2023",
            "1999",
            "-",
            "/",
            ".",
            ",",
            "Q3",
            "quarter",
        ),
        *("summer", "winter", "Christmas", "Easter", "Friday", "Monday", "morning", "night", "yesterday", "9999"),
        *(
            "vor",
            "drei",
            "Tagen",
            "letzten",
            "Freitag",
            "мая",
            "вчера",
            "昨天",
            "月",
            "日",
            "年",
            "قبل",
            "कल",
            "mañana",
        ),
    ]
)


@given(st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=80), st.dates())
def test_no_text_is_too_strange(text: str, on: date) -> None:
    for first, last in days(text, on, UTC_READING):
        assert first <= last
