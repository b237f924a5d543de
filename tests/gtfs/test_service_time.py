from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtfs.service_time import (
    day_zero,
    days_apart_s,
    format_clock,
    instant,
    parse_clock,
    seconds_at,
    service_day,
)

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)


def at(text: str):
    return datetime.fromisoformat(text).astimezone(UTC)


def test_an_ordinary_day_counts_from_midnight():
    assert instant(date(2027, 1, 15), 8 * 3600, BERLIN) == at("2027-01-15T08:00+01:00")


def test_when_clocks_go_forward_the_day_counts_from_eleven_in_the_evening_before():
    assert day_zero(SPRING, BERLIN) == at("2027-03-27T23:00+01:00")
    assert instant(SPRING, parse_clock("03:30:00"), BERLIN) == at("2027-03-28T03:30+02:00")
    assert instant(SPRING, parse_clock("01:30:00"), BERLIN) == at("2027-03-28T00:30+01:00")


def test_when_clocks_go_back_the_day_counts_from_one_in_the_morning():
    assert day_zero(AUTUMN, BERLIN) == at("2027-10-31T01:00+02:00")
    assert instant(AUTUMN, parse_clock("12:00:00"), BERLIN) == at("2027-10-31T12:00+01:00")
    assert seconds_at(at("2027-10-31T00:30+02:00"), AUTUMN, BERLIN) == -1800


def test_two_in_the_morning_happens_twice_in_autumn_and_the_seconds_tell_which():
    first, second = at("2027-10-31T02:30+02:00"), at("2027-10-31T02:30+01:00")
    assert [seconds_at(i, AUTUMN, BERLIN) for i in (first, second)] == [5400, 9000]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2027, 6, 1), 24)])
def test_neighbouring_days_are_23_24_or_25_hours_apart(day: date, hours: int):
    before = date.fromordinal(day.toordinal() - 1)
    assert days_apart_s(before, day, BERLIN) == hours * 3600
    assert days_apart_s(day, before, BERLIN) == -hours * 3600


def test_a_trip_of_yesterday_passes_24_hours():
    assert instant(date(2026, 11, 27), parse_clock("25:10:00"), BERLIN) == at(
        "2026-11-28T01:10+01:00"
    )


days = st.dates(date(1995, 1, 1), date(2060, 1, 1))
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])


@given(days, st.integers(-90_000, 200_000), zones.map(ZoneInfo))
def test_an_instant_and_its_seconds_are_inverse(day: date, seconds: int, tz: ZoneInfo):
    assert seconds_at(instant(day, seconds, tz), day, tz) == seconds


@given(days, st.integers(0, 86_399), zones.map(ZoneInfo))
def test_seconds_tell_the_wall_clock_after_the_clocks_have_changed(
    day: date, seconds: int, tz: ZoneInfo
):
    if seconds >= 4 * 3600:
        local = instant(day, seconds, tz).astimezone(tz)
        assert (local.date(), local.hour * 3600 + local.minute * 60 + local.second) == (
            day,
            seconds,
        )


@given(days, zones.map(ZoneInfo))
def test_every_moment_of_a_civil_day_is_less_than_26_hours_into_it(day: date, tz: ZoneInfo):
    midnight = datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)
    assert service_day(midnight, tz) == day
    assert -3600 <= seconds_at(midnight, day, tz) <= 3600


@given(st.integers(0, 999 * 3600))
def test_clock_text_reads_back(seconds: int):
    assert parse_clock(format_clock(seconds)) == seconds


def test_negative_seconds_have_a_sign():
    assert format_clock(-1800) == "-00:30:00"


@pytest.mark.parametrize(
    "text", ["", "8", "08:00", "08:60:00", "-1:00:00", "1000:00:00", "٠٨:٠٠:٠٠x"]
)
def test_no_time_is_refused(text: str):
    with pytest.raises(ValueError, match="not a time"):
        parse_clock(text)


def test_a_naive_instant_has_no_service_day():
    with pytest.raises(ValueError, match="time zone"):
        service_day(datetime(2027, 1, 1), BERLIN)  # noqa: DTZ001 - the point
