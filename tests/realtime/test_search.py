"""From door to door in a city, before and after its buses are late or do not run."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gtfs.geo import LatLon
from mobility.planning.itinerary import Itinerary, Leg
from mobility.planning.request import SearchRequest
from mobility.planning.search import Planner
from mobility.realtime.holder import LiveTimetable
from providers.values import Mode
from tests.gtfs.realtime_text import live
from tests.planning.world import luebeck_planner

STATION, UNIVERSITY = LatLon(53.865892, 10.670654), LatLon(53.837723, 10.700286)
AT = datetime.fromisoformat("2026-11-25T09:00+01:00")
REQUEST = SearchRequest(STATION, UNIVERSITY, depart_at=AT, modes=frozenset({Mode.WALK, Mode.BUS}))


@pytest.fixture(scope="module")
def planner() -> Planner:
    return luebeck_planner(AT)


def first_bus(planner: Planner, request: SearchRequest = REQUEST) -> Leg:
    """The first ride of the journey that arrives first."""
    found: list[Itinerary] = [
        itinerary for itinerary in planner.search(request, AT).itineraries if itinerary.has_transit
    ]
    best = min(found, key=lambda itinerary: itinerary.arrives_at)
    return next(leg for leg in best.legs if leg.ride)


def with_realtime(planner: Planner, *messages: str) -> Planner:
    """The same planner with these messages in its timetable."""
    holder = LiveTimetable(planner.timetable)
    if messages:
        holder.put(live(planner.timetable, *messages, now=AT))
    return Planner(
        planner.city,
        planner.timetable,
        planner.mirror,
        planner.pricer._providers,
        current=lambda: holder.current.timetable,
    )


def test_a_cancelled_bus_is_not_offered_and_a_late_one_leaves_later(planner: Planner):
    planned = first_bus(planner)
    assert planned.ride is not None
    trip = planned.ride.trip_id

    without = first_bus(with_realtime(planner, f"cancel {trip} 2026-11-25"))
    late = planner_legs(with_realtime(planner, f"{trip} 2026-11-25 late 120"), trip)

    assert without.ride is not None
    assert without.ride.trip_id != trip
    assert late
    for leg in late:
        same = next(p for p in planner_legs(planner, trip) if p.origin == leg.origin)
        assert leg.departs_at - same.departs_at == timedelta(minutes=2)
        assert leg.metres == same.metres


def planner_legs(planner: Planner, trip: str) -> list[Leg]:
    """All legs by a trip in the answer to the request, a little wider."""
    request = replace(REQUEST, depart_at=AT - timedelta(minutes=5))
    return [
        leg
        for itinerary in planner.search(request, AT).itineraries
        for leg in itinerary.legs
        if leg.ride and leg.ride.trip_id == trip
    ]
