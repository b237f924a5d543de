"""Who does not want to walk far does not have to between two stops either."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from gtfs.geo import LatLon
from mobility.planning.itinerary import Leg
from mobility.planning.request import SearchRequest, Via
from mobility.planning.search import Planner
from providers.values import Mode
from tests.planning.test_via import ACROSS, clock, town
from tests.planning.world import NOW, berlin, luebeck_planner

TOWN = """
    stop A 53.8660,10.6707
    stop V 53.8500,10.6850
    stop W 53.8510,10.6860
    stop B 53.8377,10.7003
    walk V W 180
    1: A 08:00  V 08:10  B 08:30
    3: W 08:14  B 08:24
    """
"""From V to W it is 168 m."""


def ways(most_m: int | None, **asked: object) -> list[list[str]]:
    request = replace(ACROSS, max_footpath_m=most_m, **asked)  # type: ignore[arg-type]
    return [
        [f"{leg.mode} {leg.destination.stop_id} {clock(leg.arrives_at)}" for leg in way.legs]
        for way in town(TOWN).search(request, NOW).itineraries
    ]


ON_FOOT = ["bus V 08:10", "walk W 08:13", "bus B 08:24"]
SEATED = ["bus B 08:30"]


@pytest.mark.parametrize("most_m", [None, 5000, 200])
def test_a_footpath_is_taken_where_it_is_not_too_far(most_m: int | None) -> None:
    assert ways(most_m) == [ON_FOOT, SEATED]


@pytest.mark.parametrize("most_m", [0, 100, 167, 199])
def test_a_footpath_that_is_too_far_is_not_taken_in_steps_of_50_m(most_m: int) -> None:
    assert ways(most_m) == [SEATED]
    by_half_past = {"depart_at": None, "arrive_by": berlin("08:30")}
    assert ways(most_m, **by_half_past) == [SEATED]
    assert ON_FOOT in ways(200, **by_half_past)


def between_stops(planner: Planner, request: SearchRequest) -> list[Leg]:
    return [
        leg
        for way in planner.search(request, NOW).itineraries
        for leg in way.legs[1:-1]
        if leg.mode is Mode.WALK and leg.origin.stop_id and leg.destination.stop_id
    ]


@pytest.mark.parametrize("backwards", [False, True])
def test_in_luebeck_no_footpath_is_longer_than_asked(*, backwards: bool) -> None:
    planner, dice = luebeck_planner(), Random(5)
    stops = planner.timetable.stops
    far = 0
    for _ in range(60):
        here, there = (dice.choice(stops).position for _ in range(2))
        door = LatLon(here.lat + 1e-3, here.lon)
        when = {"arrive_by" if backwards else "depart_at": berlin(f"{dice.randint(7, 20):02}:00")}
        asked = SearchRequest(door, there, **when)
        far += any(leg.metres > 150 for leg in between_stops(planner, asked))
        walks = between_stops(planner, replace(asked, max_footpath_m=150))
        assert all(leg.metres <= 150 for leg in walks), asked
    assert far


def test_no_walk_is_shown_to_be_a_metre_longer_than_asked() -> None:
    """All the way, to a place on the way and on from it, to and from a bus."""
    planner, start = luebeck_planner(), LatLon(53.8660, 10.6707)
    walks = []
    for step in range(40):
        there = LatLon(start.lat + 0.0038 + step * 1e-5, start.lon)
        beyond = LatLon(there.lat + 0.0038, start.lon)
        most_m = 540 + step
        asked = SearchRequest(start, beyond, berlin("08:00"), max_walk_m=most_m, via=(Via(there),))
        for request in (asked, replace(asked, destination=there, via=())):
            found = planner.search(replace(request, max_footpath_m=most_m), NOW).itineraries
            walks += [
                (leg.metres, most_m) for way in found for leg in way.legs if leg.mode is Mode.WALK
            ]
    assert any(metres == most_m for metres, most_m in walks)
    assert [pair for pair in walks if pair[0] > pair[1]] == []
