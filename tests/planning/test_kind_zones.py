"""Zones on the streets of an extract: what counts is the way that is drawn through them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import NOT_ALLOWED, KindZones
from mobility.planning.fleets.kinds import list_kinds
from mobility.planning.ways.water import Plane, degrees_of
from providers.zones import Zone, ZoneRule, Zones
from tests.planning.world import luebeck
from tests.providers.zone_boxes import rule, zone
from tests.streets.town import DAY, at, town

# The short way from a to d is straight on over b and c; the long one goes round by x and y.
TOWN = """
a 0,0
b 100,0
c 200,0
d 300,0
x 0,-200
y 300,-200
a-b residential
b-c {bc}
c-d residential
a-x-y-d residential
"""


def box(west: float, south: float, east: float, north: float, limits: ZoneRule) -> Zone:
    """A zone between metres from the town's origin."""
    low, high = at(west, south), at(east, north)
    return zone((low.lon, low.lat, high.lon, high.lat), limits)


def held_up(folder: Path, one: Zone, bc: str = "residential") -> int:
    """How long a bike from a to d is held up."""
    there = town(TOWN.format(bc=bc), folder)
    kind = next(k for k in list_kinds(luebeck(), there.streets) if k.type.id == "rad")
    a, d = there.points["a"], there.points["d"]
    leg = there.streets.leg(kind.mode, a, d, DAY)
    assert leg is not None
    limits = KindZones(Zones((one,)), (), kind, there.streets, Plane(LatLon(53.86, 10.68)), DAY)
    first = np.zeros(1, np.int32)
    metres = np.array([leg.metres], np.int32)
    return int(limits.held_up(degrees_of([a]), degrees_of([d]), first, first, metres)[0])


STRAIGHT, ROUND = (120, -20, 180, 20), (120, -220, 180, -180)


@pytest.mark.parametrize(
    ("bc", "where", "allowed"),
    [
        ("residential", STRAIGHT, False),
        ("residential", ROUND, True),
        ("motorway", STRAIGHT, True),
        ("motorway", ROUND, False),
    ],
)
def test_only_the_way_that_is_drawn_can_be_closed(
    tmp_path: Path, bc: str, where: tuple[int, int, int, int], allowed: bool
) -> None:
    found = held_up(tmp_path, box(*where, rule("no pass")), bc)
    assert found == (0 if allowed else NOT_ALLOWED)


@pytest.mark.parametrize(("kmh", "longer_s"), [(7, 15), (14, 0), (20, 0)])
def test_metres_in_a_zone_take_as_long_as_its_limit_says(
    tmp_path: Path, kmh: int, longer_s: int
) -> None:
    """60 m at 7 km/h take 30.9 s, at the bike's own 14 km/h 15.4 s."""
    assert held_up(tmp_path, box(*STRAIGHT, rule(kmh=kmh))) == pytest.approx(longer_s, abs=1)


def test_along_a_border_nothing_is_crossed(tmp_path: Path) -> None:
    assert held_up(tmp_path, box(120, 0.5, 180, 20, rule("no pass"))) == 0
    assert held_up(tmp_path, box(120, -20, 120.5, 20, rule("no pass"))) == 0
