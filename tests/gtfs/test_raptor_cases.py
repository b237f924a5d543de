"""A curriculum: each case adds one difficulty. Read from A01 on."""

from collections.abc import Callable
from datetime import date

import pytest

from gtfs.journey import Journey, Query, between, search, search_latest
from gtfs.service_time import parse_clock
from gtfs.text import text_of, timetable_from_text
from gtfs.timetable import Timetable

WEDNESDAY = date(2026, 11, 25)


def journeys(
    text: str,
    start: str,
    end: str,
    clock: str,
    *,
    day: date = WEDNESDAY,
    find: Callable[[Timetable, Query], tuple[Journey, ...]] = search,
    max_transfers: int = 7,
) -> list[str]:
    timetable = timetable_from_text(text)
    sign, clock = (-1, clock[1:]) if clock.startswith("-") else (1, clock)
    query = between(timetable, start, end, day, sign * parse_clock(f"{clock}:00"), max_transfers)
    return [text_of(timetable, journey) for journey in find(timetable, query)]


def test_a01_one_ride():
    assert journeys("1: A 08:00 B 08:10", "A", "B", "07:50") == [
        "08:00 | 1 A 08:00 B 08:10 | 08:10"
    ]


def test_a02_a_bus_that_leaves_at_that_second_is_caught():
    assert journeys("1: A 08:00 B 08:10", "A", "B", "08:00") != []


def test_a03_a_bus_that_has_left_is_not_until_tomorrow():
    assert journeys("1: A 08:00 B 08:10", "A", "B", "08:01") == [
        "32:00 | 1 A 32:00 B 32:10 | 32:10"
    ]


def test_a04_nothing_runs_backwards():
    assert journeys("1: A 08:00 B 08:10", "B", "A", "07:00") == []


def test_a05_the_next_departure_of_a_line():
    text = "every 10 1: A 08:00..09:00 B +5"
    assert journeys(text, "A", "B", "08:11") == ["08:20 | 1 A 08:20 B 08:25 | 08:25"]


def test_a06_a_change():
    text = """
        1: A 08:00 B 08:10
        2: B 08:15 C 08:20
    """
    assert journeys(text, "A", "C", "07:00") == [
        "08:00 | 1 A 08:00 B 08:10 | 2 B 08:15 C 08:20 | 08:20"
    ]


def test_a07_a_change_takes_its_time():
    text = """
        1: A 08:00 B 08:10
        2: B 08:15 C 08:20
        2: B 08:25 C 08:30
        change B 301
    """
    assert journeys(text, "A", "C", "07:00") == [
        "08:00 | 1 A 08:00 B 08:10 | 2 B 08:25 C 08:30 | 08:30"
    ]


def test_a08_the_first_ride_needs_no_change_time():
    assert len(journeys("1: A 08:00 B 08:10\nchange A 600", "A", "B", "08:00")) == 1


def test_a09_slow_and_direct_or_fast_with_a_change():
    text = """
        1: A 08:00 C 09:00
        2: A 08:00 B 08:10
        3: B 08:15 C 08:30
    """
    assert journeys(text, "A", "C", "08:00") == [
        "08:00 | 1 A 08:00 C 09:00 | 09:00",
        "08:00 | 2 A 08:00 B 08:10 | 3 B 08:15 C 08:30 | 08:30",
    ]


def test_a10_a_change_that_gains_nothing_is_left_out():
    text = """
        1: A 08:00 B 08:10 C 08:30
        2: B 08:15 C 08:30
    """
    assert journeys(text, "A", "C", "08:00") == ["08:00 | 1 A 08:00 C 08:30 | 08:30"]


def test_a11_walking_between_two_rides():
    text = """
        1: A 08:00 B 08:10
        2: C 08:15 D 08:20
        walk B C 240
    """
    assert journeys(text, "A", "D", "08:00") == [
        "08:00 | 1 A 08:00 B 08:10 | walk B 08:10 C 08:14 | 2 C 08:15 D 08:20 | 08:20"
    ]


def test_a12_walking_before_the_first_ride_as_late_as_possible():
    text = "1: B 08:00 C 08:10\nwalk A B 120"
    assert journeys(text, "A", "C", "07:00") == [
        "07:58 | walk A 07:58 B 08:00 | 1 B 08:00 C 08:10 | 08:10"
    ]


def test_a13_walking_after_the_last_ride():
    text = "1: A 08:00 B 08:10\nwalk B C 90"
    assert journeys(text, "A", "C", "07:00") == [
        "08:00 | 1 A 08:00 B 08:10 | walk B 08:10 C 08:11:30 | 08:11:30"
    ]


def test_a14_only_walking_and_faster_than_the_bus():
    text = "1: A 08:00 B 08:10\nwalk A B 300"
    assert journeys(text, "A", "B", "07:57") == ["07:57 | walk A 07:57 B 08:02 | 08:02"]


def test_a15_the_bus_beats_the_walk():
    text = "1: A 08:00 B 08:10\nwalk A B 1800"
    assert journeys(text, "A", "B", "07:57") == [
        "07:57 | walk A 07:57 B 08:27 | 08:27",
        "08:00 | 1 A 08:00 B 08:10 | 08:10",
    ]


def test_a16_being_there_already():
    assert journeys("1: A 08:00 B 08:10", "A", "A", "07:00") == ["07:00 | 07:00"]


def test_a17_no_two_footpaths_in_a_row_beyond_the_longest_named():
    text = """
        1: A 08:00 B 08:10
        walk B C 300
        walk C D 300
    """
    assert journeys(text, "A", "D", "08:00") == []


def test_a18_a_stop_reached_on_foot_first_still_lets_a_later_ride_walk_on():
    """On foot one is at X at 08:12; only the ride that gets there at 08:14 may walk to D."""
    text = """
        1: A 08:00 B 08:10 X 08:14
        walk B X 120
        walk X D 120
    """
    assert journeys(text, "A", "D", "08:00") == [
        "08:00 | 1 A 08:00 X 08:14 | walk X 08:14 D 08:16 | 08:16"
    ]


def test_a19_a_line_that_overtakes_itself():
    text = """
        1: A 08:00 B 09:00
        1: A 08:10 B 08:30
    """
    assert journeys(text, "A", "B", "08:00") == ["08:10 | 1 A 08:10 B 08:30 | 08:30"]


def test_a20_boarding_the_earlier_trip_downstream():
    text = """
        1: A 08:00 B 08:10 C 08:20
        1: A 08:30 B 08:40 C 08:50
        2: A 08:02 B 08:05
    """
    assert journeys(text, "A", "C", "08:01") == [
        "08:30 | 1 A 08:30 C 08:50 | 08:50",
        "08:02 | 2 A 08:02 B 08:05 | 1 B 08:10 C 08:20 | 08:20",
    ]


def test_a21_a_loop_that_calls_twice():
    text = "1: A 08:00 B 08:10 A 08:20 C 08:30"
    assert journeys(text, "B", "C", "08:00") == ["08:10 | 1 B 08:10 C 08:30 | 08:30"]
    assert journeys(text, "A", "C", "08:05") == ["08:20 | 1 A 08:20 C 08:30 | 08:30"]


def test_a22_no_boarding_where_only_alighting_is_allowed():
    text = "1: A 08:00 B:out 08:10 C 08:20"
    assert journeys(text, "B", "C", "08:00") == []
    assert len(journeys(text, "A", "B", "08:00")) == 1


def test_a23_no_alighting_where_only_boarding_is_allowed():
    text = "1: A 08:00 B:in 08:10 C 08:20"
    assert journeys(text, "A", "B", "08:00") == []
    assert len(journeys(text, "B", "C", "08:00")) == 1


def test_a24_after_midnight_yesterdays_bus_still_runs():
    text = "N fri: A 24:30 B 24:50"
    saturday = date(2026, 11, 28)
    assert journeys(text, "A", "B", "00:10", day=saturday) == ["00:30 | N A 00:30 B 00:50 | 00:50"]


def test_a24_a_train_that_left_days_ago_still_runs():
    text = "T wed: A 20:00 B 80:00 C 100:00"
    saturday, sunday = date(2026, 11, 28), date(2026, 11, 29)
    assert journeys(text, "B", "C", "07:50", day=saturday) == ["08:00 | T B 08:00 C 28:00 | 28:00"]
    assert journeys(text, "B", "C", "05:00", day=sunday, find=search_latest) == [
        "-16:00 | T B -16:00 C 04:00 | 04:00"
    ]


def test_a25_before_midnight_tomorrows_bus_is_seen():
    text = "1 sat: A 05:00 B 05:20"
    friday = date(2026, 11, 27)
    assert journeys(text, "A", "B", "23:50", day=friday) == ["29:00 | 1 A 29:00 B 29:20 | 29:20"]


def test_a26_from_yesterdays_trip_into_todays():
    text = """
        N fri: A 24:30 B 24:50
        1 sat: B 01:00 C 01:10
    """
    assert journeys(text, "A", "C", "00:10", day=date(2026, 11, 28)) == [
        "00:30 | N A 00:30 B 00:50 | 1 B 01:00 C 01:10 | 01:10"
    ]


def test_a27_a_service_that_does_not_run_today():
    assert journeys("1 sat: A 08:00 B 08:10", "A", "B", "07:00") == []


def test_a28_fewer_transfers_allowed_than_needed():
    text = "1: A 08:00 B 08:10\n2: B 08:15 C 08:20"
    assert journeys(text, "A", "C", "08:00", max_transfers=0) == []


def test_a29_any_platform_of_a_station():
    text = """
        1: A 08:00 S1 08:10
        2: S2 08:20 B 08:30
        walk S1 S2 60
        station S S1 S2
    """
    assert journeys(text, "S", "B", "08:00") == ["08:20 | 2 S2 08:20 B 08:30 | 08:30"]
    assert journeys(text, "A", "S", "08:00") == ["08:00 | 1 A 08:00 S1 08:10 | 08:10"]


SPRING = "days 2027-03-20..2027-04-03 Europe/Berlin\n"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2027, 3, 27), "24:30 | N A 24:30 B 26:10 | 1 B 26:20 C 26:30 | 26:30"),
        (date(2027, 3, 28), "01:30 | N A 01:30 B 03:10 | 1 B 03:20 C 03:30 | 03:30"),
    ],
)
def test_a30_the_night_the_clocks_go_forward(day: date, expected: str):
    """Saturday's 24:30 leaves at 00:30 and runs 100 real minutes: it ends at 03:10 summer time."""
    text = (
        SPRING
        + """
        N 2027-03-27: A 24:30 B 26:10
        1 2027-03-28: B 03:20 C 03:30
    """
    )
    clock = "24:00" if day.day == 27 else "01:00"
    assert journeys(text, "A", "C", clock, day=day) == [expected]


def test_a31_the_night_the_clocks_go_back():
    """Saturday's 26:10 is 02:10 summer time, the first of two; Sunday's 02:20 is the second."""
    text = """
        days 2027-10-25..2027-11-05 Europe/Berlin
        N 2027-10-30: A 24:30 B 26:10
        1 2027-10-31: B 02:20 C 02:30
    """
    assert journeys(text, "A", "C", "24:00", day=date(2027, 10, 30)) == [
        "24:30 | N A 24:30 B 26:10 | 1 B 27:20 C 27:30 | 27:30"
    ]
    assert journeys(text, "A", "C", "-00:45", day=date(2027, 10, 31)) == [
        "-00:30 | N A -00:30 B 01:10 | 1 B 02:20 C 02:30 | 02:30"
    ]


def test_b01_arriving_by_takes_the_last_bus_that_makes_it():
    text = "every 10 1: A 08:00..09:00 B +5"
    assert journeys(text, "A", "B", "08:24", find=search_latest) == [
        "08:10 | 1 A 08:10 B 08:15 | 08:15"
    ]


def test_b02_arriving_by_with_more_changes_leaves_later():
    text = """
        1: A 08:00 C 09:00
        2: A 08:20 B 08:30
        3: B 08:35 C 08:50
    """
    assert journeys(text, "A", "C", "09:00", find=search_latest) == [
        "08:00 | 1 A 08:00 C 09:00 | 09:00",
        "08:20 | 2 A 08:20 B 08:30 | 3 B 08:35 C 08:50 | 08:50",
    ]


def test_b03_arriving_by_does_not_wait_on_the_way_without_need():
    text = """
        1: A 08:00 B 08:10
        every 10 2: B 08:15..08:45 C +5
    """
    assert journeys(text, "A", "C", "09:00", find=search_latest) == [
        "08:00 | 1 A 08:00 B 08:10 | 2 B 08:15 C 08:20 | 08:20"
    ]


def test_b04_arriving_by_early_in_the_morning_starts_the_evening_before():
    text = "N: A 23:50 B 24:10"
    assert journeys(text, "A", "B", "01:00", find=search_latest) == [
        "-00:10 | N A -00:10 B 00:10 | 00:10"
    ]


def test_b05_arriving_by_looks_back_one_day():
    assert journeys("1 mon: A 08:00 B 08:10", "A", "B", "08:10", find=search_latest) == []


def test_b06_arriving_by_keeps_boarding_rules_and_change_times():
    text = """
        1: A 08:00 B 08:10
        2: B 08:15 C 08:20
        3: B:out 08:20 C 08:25
        4: B 08:12 C:in 08:18
        change B 300
    """
    assert journeys(text, "A", "C", "08:30", find=search_latest) == [
        "08:00 | 1 A 08:00 B 08:10 | 2 B 08:15 C 08:20 | 08:20"
    ]


def test_where_changing_takes_longer_than_walking_away_and_riding_back():
    text = """
        1: A 08:00 B 08:10
        2: C 08:15 D 08:20
        3: D 08:22 C 08:30
        4: B 08:40 E 08:50
        4: B 11:00 E 11:10
        walk B C 60
        change B 7200
    """
    assert journeys(text, "A", "E", "08:00") == [
        "08:00 | 1 A 08:00 B 08:10 | 4 B 11:00 E 11:10 | 11:10",
        (
            "08:00 | 1 A 08:00 B 08:10 | walk B 08:10 C 08:11 | 2 C 08:15 D 08:20 | "
            "3 D 08:22 C 08:30 | walk C 08:30 B 08:31 | 4 B 08:40 E 08:50 | 08:50"
        ),
    ]
