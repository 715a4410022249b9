"""Time zones: days are those of the people who speak, on both sides of every change of their clocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memoria
from memoria.errors import InvalidMemory, InvalidQuery
from memoria.recall.context import line
from memoria.testing import HashEmbedder
from memoria.transfer.jsonl import export, import_lines
from memoria.types import Hit, Memory, Where
from memoria.validate import check_memory
from memoria.zones import as_zone, day, known_zone, zone_of

# A zone, a time in UTC just before and just after the day changes there, and that new day; summer and winter, and the
# days on which the clocks change.
MIDNIGHTS = [
    ("America/New_York", "2026-01-15T05:00", "2026-01-15"),
    ("America/New_York", "2026-03-08T05:00", "2026-03-08"),
    ("America/New_York", "2026-03-09T04:00", "2026-03-09"),
    ("America/New_York", "2026-11-01T04:00", "2026-11-01"),
    ("America/New_York", "2026-11-02T05:00", "2026-11-02"),
    ("Europe/London", "2026-03-29T00:00", "2026-03-29"),
    ("Europe/London", "2026-03-29T23:00", "2026-03-30"),
    ("Europe/London", "2026-10-24T23:00", "2026-10-25"),
    ("Europe/London", "2026-10-26T00:00", "2026-10-26"),
    ("Europe/Berlin", "2026-03-28T23:00", "2026-03-29"),
    ("Europe/Berlin", "2026-03-29T22:00", "2026-03-30"),
    ("Europe/Berlin", "2026-10-24T22:00", "2026-10-25"),
    ("Europe/Berlin", "2026-10-25T23:00", "2026-10-26"),
    ("Australia/Sydney", "2026-04-04T13:00", "2026-04-05"),
    ("Australia/Sydney", "2026-04-05T14:00", "2026-04-06"),
    ("Australia/Sydney", "2026-10-03T14:00", "2026-10-04"),
    ("Australia/Sydney", "2026-10-04T13:00", "2026-10-05"),
    ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-04-05T13:30", "2026-04-06"),
    ("Pacific/Chatham", "2026-04-04T10:15", "2026-04-05"),
    ("Pacific/Chatham", "2026-04-05T11:15", "2026-04-06"),
    ("Pacific/Chatham", "2026-09-26T11:15", "2026-09-27"),
    ("Pacific/Chatham", "2026-09-27T10:15", "2026-09-28"),
    ("Pacific/Kiritimati", "2026-05-11T10:00", "2026-05-12"),
    ("Pacific/Honolulu", "2026-05-12T10:00", "2026-05-12"),
    ("Asia/Tokyo", "2026-05-11T15:00", "2026-05-12"),
    ("Asia/Kathmandu", "2026-05-11T18:15", "2026-05-12"),
    ("America/Sao_Paulo", "2026-05-12T03:00", "2026-05-12"),
    # The clocks of Sao Paulo went from 0:00 to 1:00 on this day, which had no midnight.
    ("America/Sao_Paulo", "2018-11-04T03:00", "2018-11-04"),
    ("Africa/Casablanca", "2026-05-11T23:00", "2026-05-12"),
]


@pytest.fixture
def now() -> list[datetime]:
    """The time that the clock tells; tests set it."""
    return [datetime(2026, 5, 14, 12, tzinfo=UTC)]


@pytest.fixture
def memory(now: list[datetime]) -> Iterator[memoria.Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder(), clock=lambda: now[0], reinforce="never") as memory:
        yield memory


def about(memory: memoria.Memoria, around: date, *, zone: str | None = None) -> list[date]:
    """Which of the five days around one the only memory is about, as the questions of a user tell."""
    asked = [around + timedelta(days=by) for by in (-2, -1, 0, 1, 2)]
    hits = memory.recall_many([f"What happened on {one:%-d %B %Y}?" for one in asked], k=1, zone=zone)
    return [one for one, (hit,) in zip(asked, hits, strict=True) if hit.terms["time"]]


@pytest.mark.parametrize(("zone", "midnight", "new"), MIDNIGHTS)
@pytest.mark.parametrize("offset", [-1, 0])
def test_yesterday_is_the_day_before_where_it_was_said(
    memory: memoria.Memoria, zone: str, midnight: str, new: str, offset: int
) -> None:
    said = datetime.fromisoformat(midnight).replace(tzinfo=UTC) + timedelta(seconds=offset)
    here = memory.namespace("ada", zone=zone)
    one = here.remember("I was at the dentist yesterday.", created_at=said)
    today = date.fromisoformat(new) + timedelta(days=offset)
    assert one.created_at == said
    assert one.day(here.zone) == today
    assert about(here, today) == [today - timedelta(days=1)]


@pytest.mark.parametrize(("zone", "midnight", "new"), MIDNIGHTS)
@pytest.mark.parametrize("offset", [-1, 0])
def test_yesterday_in_a_question_is_the_day_before_now_in_the_zone_of_the_view(
    memory: memoria.Memoria, now: list[datetime], zone: str, midnight: str, new: str, offset: int
) -> None:
    now[0] = datetime.fromisoformat(midnight).replace(tzinfo=UTC) + timedelta(seconds=offset)
    today = date.fromisoformat(new) + timedelta(days=offset)
    here = memory.namespace("ada", zone=zone)
    days = {here.remember(f"It was {today + timedelta(days=by)}").text: by for by in (-2, -1, 0)}
    hits = here.recall("What was yesterday?", k=3)
    assert [days[hit.memory.text] for hit in hits if hit.terms["time"]] == [-1]


@given(
    st.sampled_from(sorted({zone for zone, _, _ in MIDNIGHTS})),
    st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zoned by `timezones`
)
def test_a_day_is_what_the_clocks_there_show(zone: str, moment: datetime) -> None:
    shown = moment + (moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())
    assert day(moment, ZoneInfo(zone)) == shown.date()


def test_a_zone_is_that_of_the_clock_unless_one_is_given(now: list[datetime]) -> None:
    now[0] = datetime(2026, 5, 12, 8, tzinfo=ZoneInfo("Asia/Tokyo"))
    with memoria.open(":memory:", embedder=HashEmbedder(), clock=lambda: now[0]) as memory:
        assert memory.zone == ZoneInfo("Asia/Tokyo")
        assert memory.remember("Tea.").zone == "Asia/Tokyo"
        there = memory.namespace("ada", zone="America/New_York")
        assert there.zone == there.namespace("tea").zone == ZoneInfo("America/New_York")
        assert there.now() == memory.now()
        assert there.remember("Cake.").zone == "America/New_York"


def test_a_memory_keeps_the_zone_where_it_was_said(memory: memoria.Memoria) -> None:
    """Whoever moves has still said it there."""
    tokyo = memory.namespace("ada", zone="Asia/Tokyo")
    one = tokyo.remember("I was at the dentist yesterday.", created_at=datetime(2026, 5, 11, 23, tzinfo=UTC))
    moved = memory.namespace("ada", zone="America/Los_Angeles")
    assert moved.get(one).zone == "Asia/Tokyo"
    assert about(moved, date(2026, 5, 11)) == [date(2026, 5, 11)]


def test_the_zone_of_a_given_time_comes_before_that_of_the_view(memory: memoria.Memoria) -> None:
    said = datetime(2026, 5, 12, 8, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    one = memory.namespace("ada", zone="America/New_York").remember("I was there yesterday.", created_at=said)
    assert (one.zone, one.created_at, one.created_at.tzinfo) == ("+05:45", said, UTC)
    assert about(memory, date(2026, 5, 11)) == [date(2026, 5, 11)]


def test_a_memory_without_a_zone_is_read_in_that_of_the_question(memory: memoria.Memoria) -> None:
    memory.remember("I was there yesterday.", created_at=datetime(2026, 5, 12, 2, tzinfo=UTC))
    assert about(memory, date(2026, 5, 11)) == [date(2026, 5, 11)]
    assert about(memory, date(2026, 5, 11), zone="America/New_York") == [date(2026, 5, 10)]


def test_validity_is_days_of_the_zone(memory: memoria.Memoria) -> None:
    midnight = datetime(2026, 5, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
    memory.remember("Ada lives in Lyon.", valid_from=midnight, valid_to=midnight + timedelta(days=365))
    (hit,) = memory.recall("Where was she on 10 May 2026?", k=1, zone="Asia/Tokyo")
    assert hit.terms["time"]


def test_stored_zones_come_back(tmp_path: Path) -> None:
    said = datetime(2026, 5, 12, 8, tzinfo=ZoneInfo("Asia/Tokyo"))
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        one = memory.remember("Tea.", created_at=said)
        lines = list(export(memory.store, Where()))
    with memoria.open(tmp_path / "a.memoria", embedder=HashEmbedder()) as memory:
        assert memory.get(one) == one
        assert memory.get(one).zone == "Asia/Tokyo"
    # A zone tells where somebody was: it is sealed.
    assert all(b"Asia/Tokyo" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    with memoria.open(":memory:", embedder=HashEmbedder()) as other:
        import_lines(other.store, other.embedder, lines)
        assert other.get(one).zone == "Asia/Tokyo"


def test_notes_in_prompts_have_the_date_of_the_user(memory: memoria.Memoria, now: list[datetime]) -> None:
    now[0] = datetime(2026, 5, 11, 23, tzinfo=UTC)
    seen: list[str] = []

    def model(messages: Sequence[memoria.Message]) -> str:
        seen.append(messages[-1].text)
        return "Noted."

    view = memory.namespace("ada", zone="Asia/Tokyo")
    memoria.Agent(view, model, user="ada").say("I take my tea with milk.")
    memoria.Agent(view, model, user="ada").say("How do I take my tea?")
    assert "[2026-05-12]" in seen[-1]
    assert "2026-05-11" not in seen[-1]
    one = Hit(memory=memory.remember("Tea.", created_at=now[0]), score=0.0, terms={})
    assert line(one) == "- 2026-05-11: Tea."
    assert line(one, ZoneInfo("Asia/Tokyo")) == "- 2026-05-12: Tea."


@pytest.mark.parametrize("bad", ["Asia/Toyko", "", "/etc/passwd", "..", "Asia", "+25:00", "x" * 300, "a\0b", 9, b"UTC"])
def test_what_is_no_zone_is_refused_by_name(memory: memoria.Memoria, bad: str) -> None:
    for call in (
        lambda: memoria.open(":memory:", embedder=HashEmbedder(), zone=bad),
        lambda: memory.namespace("ada", zone=bad),
        lambda: memory.recall("tea", zone=bad),
    ):
        with pytest.raises(InvalidQuery, match=r"^zone "):
            call()


def test_a_flag_is_refused_by_name() -> None:
    with pytest.raises(InvalidQuery, match=r"^day_first is str"):
        memoria.open(":memory:", embedder=HashEmbedder(), day_first="yes")  # type: ignore[arg-type]


def test_day_first_is_a_setting() -> None:
    for first, month in ((True, 8), (False, 5), (None, 5)):
        with memoria.open(":memory:", embedder=HashEmbedder(), day_first=first) as memory:
            memory.remember("The dentist was on 5/8/2023.")
            found = [number for number in (5, 8) if memory.recall(f"2023-0{number}", k=1)[0].terms["time"]]
            assert found == [month]


@pytest.mark.parametrize("name", ["Asia/Tokyo", "+05:45", "-03:30", "America/Argentina/Buenos_Aires"])
def test_a_zone_is_known_again_by_its_name(name: str) -> None:
    zone = known_zone(name)
    assert zone is not None
    assert zone_of(datetime(2026, 5, 12, tzinfo=zone)) == name
    assert as_zone(name) == as_zone(zone) == zone


def test_utc_has_no_name() -> None:
    for zone in (UTC, ZoneInfo("UTC"), timezone(timedelta(0))):
        assert zone_of(datetime(2026, 5, 12, tzinfo=zone)) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu"])
def test_the_ends_of_the_calendar_have_a_day_in_every_zone(zone: str) -> None:
    assert day(datetime.max.replace(tzinfo=UTC), ZoneInfo(zone)) >= date(9999, 12, 30)
    assert day(datetime.min.replace(tzinfo=UTC), ZoneInfo(zone)) == date.min


def test_a_memory_of_an_unknown_zone_is_no_memory() -> None:
    one = Memory(id="0" * 32, namespace=(), text="Tea.", created_at=datetime(2026, 5, 12, tzinfo=UTC))
    with pytest.raises(InvalidMemory, match="zone"):
        check_memory(replace(one, zone="Asia/Toyko"))
