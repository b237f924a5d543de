"""A vehicle that goes on as another trip, as a rider and their ticket see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gtfs.build import build
from gtfs.realtime_live import Live
from gtfs.text import feed_from_text
from mobility.api.motis.itinerary_id import LegId
from mobility.api.motis.modes import MotisMode
from mobility.api.motis.refresh import Again
from mobility.api.motis.runs import Network
from mobility.planning.itinerary import Itinerary
from mobility.planning.request import SearchRequest
from mobility.planning.search import Planner
from tests.planning.test_via import BUS, clock
from tests.planning.world import NOW, berlin, luebeck, mirror_of, providers_of

TOWN = """
    stop A 53.8660,10.6707
    stop V 53.8500,10.6850
    stop B 53.8377,10.7003
    stop C 53.8277,10.7103
    1: A 08:00 V 08:10/08:11 B 08:30
"""


def planner(text: str) -> Planner:
    """Lübeck with this network alone; all trips are of one block."""
    feed = feed_from_text(TOWN + text)
    bus = "stadtverkehr-luebeck"
    timetable = build(
        replace(
            feed,
            trips=tuple(replace(trip, block_id="b") for trip in feed.trips),
            routes=tuple(replace(route, agency_id=bus) for route in feed.routes),
            agencies=tuple(replace(agency, id=bus) for agency in feed.agencies),
        ),
        max_footpath_m=0,
    )
    city = luebeck()
    return Planner(city, timetable, mirror_of(city, (), (), NOW), providers_of(city))


def rides(itinerary: Itinerary) -> list[str]:
    """Each ride as ``line, from, to, price in cents``; one that begins seated has a +."""
    return [
        f"{'+' * leg.stay_seated}{leg.ride.line} {clock(leg.departs_at)} {clock(leg.arrives_at)}"
        f" {leg.quote.price.minor if leg.quote else leg.unsold}"
        for leg in itinerary.legs
        if leg.ride is not None
    ]


def found(town: Planner) -> list[list[str]]:
    """The rides of each journey from A to C."""
    asked = SearchRequest("A", "C", berlin("07:50"), modes=BUS, max_walk_m=600)
    return [rides(itinerary) for itinerary in town.search(asked, NOW).itineraries]


def test_who_stays_seated_pays_one_ticket_and_changes_nowhere() -> None:
    assert found(planner("2: B 08:35 C 08:45")) == [["1 08:00 08:30 360", "+2 08:35 08:45 0"]]


def test_who_would_wait_for_hours_in_the_vehicle_is_told_of_no_such_journey() -> None:
    asked = SearchRequest("A", "C", berlin("07:50"), modes=BUS, max_walk_m=600)
    result = planner("2: B 10:10 C 10:20").search(asked, NOW)
    assert result.itineraries == ()
    assert "no_departure" in [notice.code for notice in result.notices]


LegText = tuple[str, str, str, str, str]


@pytest.mark.parametrize(
    ("legs", "shown"),
    [
        (
            [("1-1", "A", "B", "08:00", "08:30"), ("2-2", "B", "C", "08:35", "09:20")],
            ["1 08:00 08:30", "+2 08:35 09:20"],
        ),
        (
            [("1-1", "A", "V", "08:00", "08:10"), ("2-2", "V", "C", "08:50", "09:20")],
            ["1 08:00 08:10", "2 08:50 09:20"],
        ),
    ],
)
def test_a_refreshed_journey_stays_seated_only_where_one_trip_ends_and_the_next_begins(
    legs: Sequence[LegText], shown: list[str]
) -> None:
    town = planner("2: B 08:35 V 08:50 C 09:20")
    network = Network(Live.of(town.timetable), luebeck().name, ())
    again = Again(town, network, frozenset(), match_names=False)
    itinerary = again.itinerary([leg_id(*leg) for leg in legs])
    assert [text.rpartition(" ")[0] for text in rides(itinerary)] == shown


def leg_id(trip: str, start: str, end: str, departs: str, arrives: str) -> LegId:
    """A leg of a MOTIS itinerary's id; the trip begins when its number says."""
    begins = {"1-1": "08:00", "2-2": "08:35"}[trip]
    return LegId(
        displayName="",
        tripId=f"20261125_{begins}_{luebeck().name}_{trip}",
        fromId=start,
        fromLat=53.86,
        fromLon=10.67,
        toId=end,
        toLat=53.85,
        toLon=10.68,
        schedStart=int(berlin(departs).timestamp()),
        schedEnd=int(berlin(arrives).timestamp()),
        mode=MotisMode.BUS,
        scheduled=True,
    )
