"""Days on which nothing goes: when it goes again is said, and what goes before is the last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from gtfs.text import timetable_from_text
from mobility.planning.itinerary import Reason
from mobility.planning.request import Notice, Page, SearchRequest
from providers.values import Mode
from tests.planning.test_luebeck import codes
from tests.planning.test_via import BUS, rides, town
from tests.planning.world import NOW, berlin, luebeck, planner_of

THURSDAY, FRIDAY, SATURDAY = (date(2026, 11, day) for day in (26, 27, 28))
WORKDAYS = """
    days 2026-11-23..2026-12-04 Europe/Berlin
    stop A 53.8660,10.6707
    stop B 53.8377,10.7003
    1 mon,tue,wed,thu,fri: A 07:00  B 07:30
    1 mon,tue,wed,thu,fri: A 20:00  B 20:30
"""
ACROSS = SearchRequest("A", "B", berlin("06:00", SATURDAY), modes=BUS, max_walk_m=600)


def test_on_a_weekend_without_buses_the_one_on_monday_is_shown() -> None:
    found = town(WORKDAYS).search(ACROSS, NOW)
    assert [rides(way) for way in found.itineraries] == [["1 A 07:00 B 07:30"]]
    (said,) = (notice.text for notice in found.notices if notice.code == "next_departure")
    assert said == (
        "Der nächste Bus fährt am 30.11. um 07:00 Uhr ab A (Linie 1), "
        "Ankunft am Ziel am 30.11. um 07:30 Uhr."
    )
    later = town(WORKDAYS).search(replace(ACROSS, page=found.later), NOW)
    assert [rides(way) for way in later.itineraries] == [["1 A 20:00 B 20:30"]]


def test_the_last_bus_before_such_a_weekend_is_the_last_way_home() -> None:
    found = town(WORKDAYS).search(replace(ACROSS, depart_at=berlin("19:50", FRIDAY)), NOW)
    assert [way.reasons for way in found.itineraries] == [(Reason.FASTEST, Reason.LAST_WAY_HOME)]


@pytest.mark.parametrize(
    ("page", "times", "shown"),
    [
        ("e", {"depart_at": berlin("06:00", FRIDAY)}, "1 A 20:00 B 20:30"),
        ("l", {"depart_at": None, "arrive_by": berlin("21:00", FRIDAY)}, None),
        ("l", {"depart_at": None, "arrive_by": berlin("21:00", THURSDAY)}, "1 A 07:00 B 07:30"),
    ],
)
def test_a_narrow_page_reaches_over_a_night(
    page: str, times: dict[str, datetime | None], shown: str | None
) -> None:
    at = next(filter(None, times.values()))
    asked = replace(
        ACROSS, **times, window=timedelta(minutes=5), page=Page(page == "e", at).token()
    )
    found = town(WORKDAYS).search(asked, NOW)
    assert [rides(way) for way in found.itineraries] == ([[shown]] if shown else [])
    assert ("no_departure" in codes(found)) == (shown is None)


MONDAY, SUNDAY = date(2026, 11, 30), date(2026, 11, 29)


@pytest.mark.parametrize("at", [berlin("12:00", SUNDAY), berlin("07:29", MONDAY)])
def test_who_is_to_be_there_on_such_a_weekend_is_shown_the_bus_of_friday(at: datetime) -> None:
    found = town(WORKDAYS).search(replace(ACROSS, depart_at=None, arrive_by=at), NOW)
    assert [rides(way) for way in found.itineraries] == [["1 A 20:00 B 20:30"]]
    (said,) = (notice.text for notice in found.notices if notice.code == "previous_departure")
    assert said.startswith("Der letzte Bus fährt am 27.11. um 20:00 Uhr ab A")
    earlier = town(WORKDAYS).search(
        replace(ACROSS, depart_at=None, arrive_by=at, page=found.earlier), NOW
    )
    assert [rides(way) for way in earlier.itineraries] == [["1 A 07:00 B 07:30"]]


@pytest.mark.parametrize(
    ("by", "now", "shown", "following"),
    [
        (berlin("06:59", FRIDAY), berlin("06:00", FRIDAY), [], "um 07:00 Uhr"),
        (berlin("08:01", FRIDAY), berlin("07:55", FRIDAY), [], "um 20:00 Uhr"),
        (berlin("21:00", FRIDAY), berlin("20:40", FRIDAY), [], "am 30.11. um"),
        (berlin("12:00", SUNDAY), berlin("09:00", SUNDAY), [], "am 30.11. um 07:00 Uhr"),
        (berlin("21:00", FRIDAY), berlin("19:55", FRIDAY), ["1 A 20:00 B 20:30"], None),
    ],
)
def test_where_all_that_would_be_in_time_has_gone_it_is_said_what_goes_next(
    by: datetime, now: datetime, shown: list[str], following: str | None
) -> None:
    found = town(WORKDAYS).search(replace(ACROSS, depart_at=None, arrive_by=by), now)
    assert [rides(way)[0] for way in found.itineraries] == shown
    said = [notice.text for notice in found.notices if notice.code == "next_departure"]
    assert len(said) == (following is not None)
    assert following is None or said[0].startswith(f"Der nächste Bus fährt {following}")
    assert "no_departure" not in codes(found)


def test_what_has_gone_is_on_the_page_before() -> None:
    asked = replace(ACROSS, depart_at=None, arrive_by=berlin("08:01", FRIDAY))
    now = berlin("07:55", FRIDAY)
    found = town(WORKDAYS).search(asked, now)
    assert found.itineraries == ()
    before = town(WORKDAYS).search(replace(asked, page=found.earlier), now)
    assert [rides(way) for way in before.itineraries] == [["1 A 07:00 B 07:30"]]


def test_where_nothing_goes_after_what_has_gone_that_is_said() -> None:
    now = berlin("20:40", date(2026, 12, 4))
    by = replace(ACROSS, depart_at=None, arrive_by=now + timedelta(minutes=20))
    found = town(WORKDAYS).search(by, now)
    assert found.itineraries == ()
    assert found.notices[0] == Notice(
        "no_departure",
        "Was rechtzeitig ankommt, ist schon weg; eine spätere Abfahrt ist hier nicht bekannt.",
    )


@pytest.mark.parametrize(
    ("now", "with_gone", "shown"),
    [
        ("07:25", False, [(Mode.BIKE,), (Mode.BUS,)]),
        ("08:02", False, [(Mode.BIKE,)]),
        ("08:40", False, []),
        ("08:40", True, [(Mode.BIKE,), (Mode.BUS,)]),
    ],
)
def test_once_the_buses_have_gone_only_what_can_still_be_taken_is_shown(
    now: str, *, with_gone: bool, shown: list[tuple[Mode, ...]]
) -> None:
    """By bike one leaves at 08:36."""
    at = berlin(now, FRIDAY)
    buses = timetable_from_text(WORKDAYS + "1 mon,tue,wed,thu,fri: A 07:40  B 08:10")
    asked = SearchRequest(
        "A",
        "B",
        arrive_by=berlin("09:00", FRIDAY),
        modes=BUS | {Mode.BIKE},
        max_walk_m=1000,
        with_gone=with_gone,
    )
    found = planner_of(luebeck(), buses, at).search(asked, at)
    assert [way.kind for way in found.itineraries] == shown
    assert ("next_departure" in codes(found)) == (now > "08:00")


@pytest.mark.parametrize(("now", "said"), [("07:40", True), ("07:50", False)])
def test_no_bus_that_has_gone_is_named_to_those_who_did_not_ask_for_buses(
    now: str, *, said: bool
) -> None:
    buses = town(WORKDAYS + "2 mon,tue,wed,thu,fri: A 07:45  B 07:50")
    asked = replace(
        ACROSS,
        depart_at=None,
        arrive_by=berlin("08:00", FRIDAY),
        modes=frozenset({Mode.WALK}),
    )
    assert ("other_mode" in codes(buses.search(asked, berlin(now, FRIDAY)))) == said


def test_beyond_the_timetable_nothing_is_said_of_what_goes_next() -> None:
    by = berlin("12:00", date(2026, 12, 20))
    found = town(WORKDAYS).search(replace(ACROSS, depart_at=None, arrive_by=by), NOW)
    assert {"timetable_ends", "next_departure"} & {*codes(found)} == {"timetable_ends"}


def test_where_nothing_goes_for_a_week_that_is_said() -> None:
    found = town(WORKDAYS).search(replace(ACROSS, origin="B", destination="A"), NOW)
    assert found.itineraries == ()
    assert "no_departure" in codes(found)


def test_a_connection_is_not_passed_over_for_one_that_leaves_with_it_and_waits_all_night() -> None:
    evenings = town(
        """
        stop A 53.8660,10.6707
        stop V 53.8500,10.6850
        stop W 53.8450,10.6920
        stop B 53.8377,10.7003
        1: A 22:30  V 22:40
        2: V 22:45  W 22:55
        3: W 23:00  B 23:10
        4: V 29:00  B 29:10
        """
    )
    found = evenings.search(replace(ACROSS, depart_at=berlin("20:00", THURSDAY)), NOW)
    assert [(way.departs_at, way.transfers) for way in found.itineraries] == [
        (berlin("22:30", THURSDAY), 2)
    ]
