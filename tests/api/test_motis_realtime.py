"""Delays, cancellations, left-out calls and alerts, as the MOTIS document shows them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.api.conftest import START
from tests.api.motis_world import Motis, ask, assert_fits, motis, one_bus, plan
from tests.gtfs.realtime_text import live
from tests.planning.world import luebeck_timetable

__all__ = ["motis"]

BUS = "1-0-weekday-085500"
NAME = f"20261125_08:55_luebeck_{BUS}"
STATION, UNIVERSITY = "osm-5853142168", "osm-1274897063"


@pytest.fixture
def today(motis: Motis, monkeypatch: pytest.MonkeyPatch) -> Motis:
    """The bus of 09:09 is five minutes late, the next but one is cancelled, line 9 is diverted."""
    now = live(
        luebeck_timetable(),
        f"""
        {BUS} 2026-11-25: {STATION}=+300
        cancel 1-0-weekday-092500 2026-11-25
        1-0-weekday-090300 2026-11-25: {UNIVERSITY}=skip
        alert route=1: Umleitung
        """,
        now=START,
    )
    object.__setattr__(motis.wiring, "realtime", SimpleNamespace(current=now))
    monkeypatch.setattr(motis.wiring.planner, "current", lambda: now.timetable)
    return motis


async def test_a_late_bus_says_when_it_was_planned(today: Motis) -> None:
    shown = await plan(today)
    assert_fits(shown, "/api/v6/plan")
    bus = next(leg for i in shown["itineraries"] for leg in i["legs"] if leg.get("tripId") == NAME)
    assert (bus["startTime"], bus["scheduledStartTime"]) == (
        "2026-11-25T08:14:17Z", "2026-11-25T08:09:17Z",
    )  # fmt: skip
    assert (bus["endTime"], bus["scheduledEndTime"]) == (
        "2026-11-25T08:29:54Z", "2026-11-25T08:24:54Z",
    )  # fmt: skip
    assert (bus["realTime"], bus["scheduled"], bus["cancelled"]) == (True, True, False)
    assert bus["intermediateStops"][0]["scheduledArrival"] < bus["intermediateStops"][0]["arrival"]
    assert [alert["headerText"] for alert in bus["alerts"]] == ["Umleitung"]


async def test_no_journey_rides_what_is_cancelled(today: Motis) -> None:
    shown = await plan(today, numItineraries=12)
    rides = {
        (leg["tripId"], leg["to"]["stopId"])
        for i in shown["itineraries"]
        for leg in i["legs"]
        if "tripId" in leg
    }
    assert (NAME, UNIVERSITY) in rides
    assert "20261125_09:25_luebeck_1-0-weekday-092500" not in {name for name, _ in rides}
    assert ("20261125_09:03_luebeck_1-0-weekday-090300", UNIVERSITY) not in rides


async def test_a_board_shows_what_is_late_and_what_is_cancelled(today: Motis) -> None:
    query = {"stopId": UNIVERSITY, "n": 12, "exactRadius": True, "radius": 0}
    shown = await ask(today, "/api/v6/stoptimes", **query)
    assert_fits(shown, "/api/v6/stoptimes")
    by_trip = {s["tripId"]: s for s in shown["stopTimes"]}
    late = by_trip[NAME]
    assert late["realTime"]
    assert late["place"]["departure"] > late["place"]["scheduledDeparture"]
    gone = by_trip["20261125_09:25_luebeck_1-0-weekday-092500"]
    assert (gone["cancelled"], gone["tripCancelled"]) == (True, True)
    passing = by_trip["20261125_09:03_luebeck_1-0-weekday-090300"]
    assert (passing["cancelled"], passing["tripCancelled"]) == (True, False)
    times = [s["place"]["departure"] for s in shown["stopTimes"]]
    assert times == sorted(times)
    planned = await ask(today, "/api/v6/stoptimes", **query, realtimeMode="OFF")
    assert not any(s["realTime"] or s["cancelled"] for s in planned["stopTimes"])


async def test_a_cancelled_trip_is_still_there_to_be_looked_up(today: Motis) -> None:
    name = "20261125_09:25_luebeck_1-0-weekday-092500"
    shown = await ask(today, "/api/v6/trip", tripId=name)
    assert_fits(shown, "/api/v6/trip")
    assert (shown["legs"][0]["cancelled"], shown["legs"][0]["tripId"]) == (True, name)
    late = await ask(today, "/api/v6/trip", tripId=NAME)
    assert (late["legs"][0]["tripId"], late["legs"][0]["realTime"]) == (NAME, True)


async def test_a_journey_found_before_the_delay_is_found_again_with_it(
    motis: Motis, request: pytest.FixtureRequest
) -> None:
    before = one_bus(await plan(motis))
    late: Motis = request.getfixturevalue("today")
    again = await ask(late, "/api/v6/refresh-itinerary", itineraryId=before["id"])
    assert_fits(again, "/api/v6/refresh-itinerary")
    assert (again["startTime"], again["id"]) == ("2026-11-25T08:14:17Z", before["id"])
