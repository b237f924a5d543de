from datetime import UTC, datetime

from gtfs.departures import Departure, list_departures, next_departure
from gtfs.text import timetable_from_text
from gtfs.timetable import Timetable

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
    return [
        f"{d.planned.astimezone(timetable.tz):%a %H:%M} {d.line} {d.headsign}" for d in departures
    ]


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
