"""Wheelchairs among bus and rented car, on imported streets.

A bus goes from A to B; the goal is far beyond, where no bus goes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gtfs.text import timetable_from_text
from mobility.planning.accessibility import Accessible
from mobility.planning.itinerary import Itinerary
from mobility.planning.request import SearchRequest
from mobility.planning.search import Planner
from providers.values import Mode
from tests.planning.test_fleets import car
from tests.planning.world import NOW, berlin, luebeck, mirror_of, providers_of
from tests.streets.town import town

# From bus stop b to the car at c up the stairs, or round by the ramp over d and e.
STAIRS = """
a 0,0
b 2000,0
c 2000,50
d 2200,0
e 2200,50
g 2000,3000
a-b residential
b-c steps
c-g residential
"""
RAMP = "b-d-e-c footway wheelchair=yes"
ROUGH_RAMP = "b-d-e-c footway"
FEED = """
days 2026-11-23..2026-11-29 Europe/Berlin
stop A {a.lat},{a.lon}
stop B {b.lat},{b.lon}
1: A 08:10  B 08:15
"""


def ways(folder: Path, text: str, *, wheelchair: bool) -> list[Itinerary]:
    """From a to g at eight by bus and the one car, which stands at c."""
    there = town(text, folder)
    timetable = timetable_from_text(FEED.format(**there.points))
    cars = mirror_of(luebeck(), [car("a1", there.points["c"])], [], NOW)
    sold = providers_of(luebeck())
    planner = Planner(luebeck(), timetable, cars, sold, streets=there.streets)
    ends = there.points["a"], there.points["g"]
    modes = frozenset({Mode.WALK, Mode.BUS, Mode.CAR})
    request = SearchRequest(*ends, berlin("08:00"), modes=modes, wheelchair=wheelchair)
    return [way for way in planner.search(request, NOW).itineraries if way.has_rental]


def metres_to_the_car(way: Itinerary) -> tuple[int, int, Accessible]:
    """Of the walk from the bus to the car: metres, seconds, whether a wheelchair can take it."""
    bus, walk, ride = way.legs
    assert (bus.mode, walk.mode, ride.mode) == (Mode.BUS, Mode.WALK, Mode.CAR)
    taken = walk.arrives_at - walk.departs_at
    return walk.metres, int(taken.total_seconds()), walk.accessible


@pytest.mark.parametrize(
    ("ramp", "wheelchair", "expected"),
    [
        (RAMP, False, (50, 77, Accessible.NO)),
        (RAMP, True, (450, 406, Accessible.YES)),
        (ROUGH_RAMP, True, (450, 406, Accessible.UNKNOWN)),
    ],
)
def test_a_wheelchair_is_led_to_the_car_round_the_stairs(
    tmp_path: Path, ramp: str, wheelchair: bool, expected: tuple[int, int, Accessible]
) -> None:
    (way,) = ways(tmp_path, STAIRS + ramp, wheelchair=wheelchair)
    assert metres_to_the_car(way) == expected


def test_a_car_up_the_stairs_is_not_offered_to_a_wheelchair(tmp_path: Path) -> None:
    assert ways(tmp_path, STAIRS, wheelchair=False)
    assert ways(tmp_path, STAIRS, wheelchair=True) == []
