"""Rides to the goal's own door take and cost what streets and tariff say, one by one."""

import numpy as np
import pytest

from gtfs.geo import LatLon
from mobility.planning.fleets.door_rides import door_rides
from mobility.planning.fleets.kinds import FREE_ENDS, LOCK_SECONDS, UNLOCK_SECONDS
from providers.tariff import price
from providers.values import Usage
from tests.planning.world import NOW, TODAY, luebeck_planner


@pytest.mark.parametrize(
    "goal", [LatLon(53.8900, 10.7000), LatLon(53.8400, 10.6500), LatLon(53.9600, 10.8700)]
)
def test_every_free_vehicle_that_reaches_the_door_is_ridden_there_at_its_price(
    goal: LatLon,
) -> None:
    planner = luebeck_planner(NOW)
    view = planner.fleets.view(TODAY)
    expected = {}
    for number, slot in np.argwhere(view.available).tolist():
        kind = view.kinds[number]
        if kind.type.return_rule not in FREE_ENDS:
            continue
        way = planner.streets.leg(kind.mode, view.position(slot), goal, TODAY)
        assert way is not None
        metres = planner.streets.metres(kind.mode, way.seconds)
        if metres <= view.ranges.get((number, slot), kind.longest_m):
            seconds = UNLOCK_SECONDS + way.seconds + LOCK_SECONDS
            cents = price(kind.plan, Usage(-(-seconds // 60), metres)).minor
            mg = metres * kind.mg_per_m
            expected[number, slot] = (seconds, cents, -(-mg // 50_000), mg, metres)
    rides = door_rides(planner.streets, view, frozenset(range(len(view.kinds))), goal, TODAY)
    found = {
        (rides.kind_of(~ride), rides.slot_of(~ride)): (*row, rides.metres_of(~ride))
        for ride, row in enumerate(rides.edges.rows[:, [2, 3, 4, 6]].tolist())
    }
    assert found == expected
