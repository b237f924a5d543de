"""Days on which nothing goes: when it goes again is said, and what goes before is the last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mobility.planning.itinerary import Reason
from mobility.planning.request import SearchRequest
from tests.planning.test_luebeck import codes
from tests.planning.test_via import BUS, rides, town
from tests.planning.world import NOW, berlin

FRIDAY, SATURDAY = date(2026, 11, 27), date(2026, 11, 28)
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


def test_where_nothing_goes_for_a_week_that_is_said() -> None:
    found = town(WORKDAYS).search(replace(ACROSS, origin="B", destination="A"), NOW)
    assert found.itineraries == ()
    assert "no_departure" in codes(found)
