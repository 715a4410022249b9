"""Times in words, against a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoria.text.times import overlap, spans

WEDNESDAY = datetime(2023, 5, 10, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("We met last Tuesday.", "2023-05-09", "2023-05-10"),
        ("last Wednesday", "2023-05-03", "2023-05-04"),
        ("Where was she in May 2023?", "2023-05-01", "2023-06-01"),
        ("in june", "2022-06-01", "2022-07-01"),
        ("two weeks ago", "2023-04-24", "2023-05-01"),
        ("on 8 May, 2023", "2023-05-08", "2023-05-09"),
        ("on May 8th, 2023", "2023-05-08", "2023-05-09"),
        ("July 3", "2022-07-03", "2022-07-04"),
        ("yesterday", "2023-05-09", "2023-05-10"),
        ("3 months ago", "2023-02-01", "2023-03-01"),
        ("in 2022", "2022-01-01", "2023-01-01"),
        ("this month", "2023-05-01", "2023-06-01"),
    ],
)
def test_spans_by_the_calendar(text: str, start: str, end: str) -> None:
    (span,) = spans(text, WEDNESDAY)
    assert [moment.date().isoformat() for moment in span] == [start, end]


@pytest.mark.parametrize("text", ["you may come", "31 June 2023", "a march of 10", "the second sun"])
def test_what_names_no_time(text: str) -> None:
    assert spans(text, WEDNESDAY) == []


def test_overlap_is_of_half_open_spans() -> None:
    day = timedelta(days=1)
    assert overlap([(WEDNESDAY, WEDNESDAY + day)], [(WEDNESDAY + day / 2, WEDNESDAY + 2 * day)])
    assert not overlap([(WEDNESDAY, WEDNESDAY + day)], [(WEDNESDAY + day, WEDNESDAY + 2 * day)])


@given(st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - zoned by `timezones`
def test_a_date_names_its_own_day(said: datetime) -> None:
    ((start, end),) = spans(f"on {said:%Y-%m-%d}", WEDNESDAY)
    assert start <= said < end
