from datetime import UTC, datetime

from gtfs.departures import Departure, list_departures, next_departure
from gtfs.realtime_live import Live
from gtfs.text import timetable_from_text
from gtfs.timetable import Timetable
from tests.gtfs.realtime_text import live

TOWN = """
    days 2026-11-23..2026-11-29 Europe/Berlin
    every 30 1: A 08:00..09:00 M +5 B +9
    2 sat,sun: A 08:00 C 08:30
    N fri: A 24:30 B 24:50
    3: X 07:00 A:out 07:30 B 07:40
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def board(departures: tuple[Departure, ...], timetable: Timetable) -> list[str]:
    return [f"{d.at.astimezone(timetable.tz):%a %H:%M} {d.line} {d.headsign}" for d in departures]


def departures(stop: str, moment: str, limit: int) -> list[str]:
    town = timetable_from_text(TOWN)
    return board(list_departures(town, [town.stop_index[stop]], at(moment), limit), town)


def test_the_next_ones_soonest_first():
    assert departures("A", "2026-11-25T08:10+01:00", 3) == [
        "Wed 08:30 1 B",
        "Wed 09:00 1 B",
        "Thu 08:00 1 B",
    ]


def test_one_that_leaves_now_is_listed_and_one_that_left_is_not():
    assert departures("A", "2026-11-25T08:30:00+01:00", 1) == ["Wed 08:30 1 B"]
    assert departures("A", "2026-11-25T08:30:00.5+01:00", 1) == ["Wed 09:00 1 B"]


def test_after_midnight_yesterdays_trips_are_listed_before_todays():
    assert departures("A", "2026-11-28T00:10+01:00", 3) == [
        "Sat 00:30 N B",
        "Sat 08:00 1 B",
        "Sat 08:00 2 C",
    ]


def test_the_end_of_a_line_and_a_stop_to_alight_have_no_departures():
    assert departures("B", "2026-11-25T00:00+01:00", 5) == []
    assert "3" not in {d.split()[2] for d in departures("A", "2026-11-25T07:00+01:00", 9)}


def test_several_stops_at_once():
    town = timetable_from_text(TOWN)
    stops = [town.stop_index["A"], town.stop_index["M"], town.stop_index["A"]]
    found = list_departures(town, stops, at("2026-11-25T08:00+01:00"), 3)
    assert [(town.stop(d.stop).id, d.position, d.seconds) for d in found] == [
        ("A", 0, 28_800),
        ("M", 1, 29_100),
        ("A", 0, 30_600),
    ]


def test_when_the_next_bus_goes_even_days_later():
    town = timetable_from_text(TOWN)
    found = next_departure(town, [town.stop_index["A"]], at("2026-11-20T02:00+01:00"))
    assert found is not None
    assert board((found,), town) == ["Mon 08:00 1 B"]


def test_after_the_timetables_end_there_is_none():
    town = timetable_from_text(TOWN)
    assert next_departure(town, [town.stop_index["A"]], at("2026-12-01T00:00+01:00")) is None
    assert list_departures(town, [], at("2026-11-25T00:00+01:00"), 3) == ()
    assert list_departures(town, [town.stop_index["A"]], at("2026-11-25T00:00+01:00"), 0) == ()


def live_board(stop: str, moment: str, limit: int, *messages: str) -> list[str]:
    now = live(timetable_from_text(TOWN), *messages)
    found = list_departures(now, [now.timetable.stop_index[stop]], at(moment), limit)
    return [live_line(d, now) for d in found]


def live_line(d: Departure, now: Live) -> str:
    def clock(moment: datetime | None) -> str:
        return f"{moment.astimezone(now.timetable.tz):%H:%M}" if moment else "unplanned"

    what = f"cancelled {clock(d.planned)}" if d.cancelled else clock(d.at)
    known = f" planned {clock(d.planned)} {d.delay_s}" if d.realtime and not d.cancelled else ""
    return f"{what} {d.line}{known}"


def test_late_departures_stand_where_they_leave_now_with_their_plan_and_delay():
    assert live_board("A", "2026-11-25T08:10+01:00", 3, "1-1 2026-11-25: A=+2100") == [
        "08:30 1",
        "08:35 1 planned 08:00 2100",
        "09:00 1",
    ]


def test_what_is_cancelled_or_skipped_stands_where_it_was_planned():
    messages = "cancel 1-2 2026-11-25\n1-3 2026-11-25: A=skip M=+60"
    assert live_board("A", "2026-11-25T08:00+01:00", 4, messages) == [
        "08:00 1",
        "cancelled 08:30 1",
        "cancelled 09:00 1",
        "08:00 1",
    ]
    assert live_board("M", "2026-11-25T08:30+01:00", 2, messages) == [
        "cancelled 08:35 1",
        "09:06 1 planned 09:05 60",
    ]


def test_what_is_deleted_is_not_shown_at_all():
    assert live_board("A", "2026-11-25T08:00+01:00", 2, "delete 1-1 2026-11-25") == [
        "08:30 1",
        "09:00 1",
    ]


def test_where_the_feed_knows_nothing_a_time_is_not_live():
    assert live_board("M", "2026-11-25T08:00+01:00", 1, "1-1 2026-11-25: A=+60 M=?") == ["08:05 1"]


def test_a_trip_that_was_not_planned_has_no_plan():
    message = "new X route=2 2026-11-25: A=08:10 C=08:20"
    assert live_board("A", "2026-11-25T08:05+01:00", 1, message) == [
        "08:10 2 planned unplanned None"
    ]


def test_the_next_bus_is_one_that_goes():
    now = live(timetable_from_text(TOWN), "cancel 1-1 2026-11-25")
    found = next_departure(now, [now.timetable.stop_index["A"]], at("2026-11-25T07:50+01:00"))
    assert found is not None
    assert live_line(found, now) == "08:30 1"
