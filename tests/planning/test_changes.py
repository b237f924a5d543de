"""Changes that the timetable rules for two lines, as a rider sees them."""

from dataclasses import replace
from itertools import pairwise

from mobility.planning.door_to_door import DoorToDoor
from mobility.planning.itinerary import Itinerary
from providers.values import Mode
from tests.planning.test_via import ACROSS, TOWN, rides, search, town
from tests.planning.world import NOW, berlin

WAITS = TOWN + "3: W 08:10  B 08:16\nrule V W 1 3 timed\nrule V W 1 3-3 never"


def joined(way: Itinerary) -> bool:
    """Whether each leg begins where and when the one before has ended."""
    return all(
        before.destination == after.origin and before.arrives_at <= after.departs_at
        for before, after in pairwise(way.legs)
    )


def test_a_bus_that_waits_at_the_other_platform_is_caught_and_the_way_there_is_shown():
    planner = town(WAITS)
    plain = [way for way in search(ACROSS, planner=planner).itineraries if way.has_transit]
    assert rides(plain[0]) == ["1 A 08:00 V 08:10", "3 W 08:10 B 08:16"]
    assert all(map(joined, plain))
    with_all = DoorToDoor(planner, replace(ACROSS, modes=frozenset(Mode)), NOW)
    with_all.measure_doors()
    found = with_all.all_ways.ask(int(berlin("07:50").timestamp()), 7200)
    everything = [with_all.drawn(one) for one in found]
    assert rides(plain[0]) in map(rides, everything)
    assert all(map(joined, everything))
