"""After whatever is told of a fleet, a search knows what it would know had it heard of it anew."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import pytest

from gtfs.geo import LatLon
from mobility.planning.fleets.fleet_map import FleetMap
from mobility.planning.fleets.kinds import Kind, list_kinds
from mobility.planning.fleets.view import FleetView
from mobility.planning.ways.estimated import Streets, streets_of
from providers.mirror import Mirror
from providers.values import ProviderId, Station
from providers.zones import Zones
from tests.planning.test_fleets import bike, car, station
from tests.planning.world import NOW, TODAY, luebeck, mirror_of
from tests.providers.zone_boxes import rule, zone

AUTO, RAD = ProviderId("demo-auto"), ProviderId("demo-rad")
STOPS = [LatLon(53.85, 10.66), LatLon(53.85, 10.68), LatLon(53.86, 10.70)]
SPOTS = [LatLon(53.84 + 0.004 * n, 10.63 + 0.012 * (n * 5 % 8)) for n in range(8)]
CLOSED = (10.65, 53.84, 10.67, 53.86)


def contents(view: FleetView) -> dict[str, Any]:
    """All that searches read, by position in place of slots, which are numbered as they come."""
    geometry, edges = view.geometry, view.edges
    at = [tuple(place) for place in geometry.nodes.degrees.tolist()]
    n_stops = len(geometry.stops)

    def node(number: int) -> object:
        return number if number < n_stops else at[number]

    def masked(mask: Any, first: int) -> set[object]:
        kinds, places = mask.nonzero()
        return {
            (kind, node(first + place))
            for kind, place in zip(kinds.tolist(), places.tolist(), strict=True)
        }

    def walks(columns: Any) -> set[object]:
        return {(at[n_stops + s], stop, seconds) for s, stop, seconds in zip(*columns, strict=True)}

    columns = (edges.start, edges.end, edges.kind, edges.seconds, edges.cents, edges.metres)
    return {
        "rides": sorted(
            (at[n_stops + start], str(node(end)), *more)
            for start, end, *more in zip(*(c.tolist() for c in columns), strict=True)
        ),
        "on foot": walks(geometry.walks),
        "in a wheelchair": walks(geometry.rolls),
        "available": masked(view.available, n_stops),
        "takes": masked(view.takes, 0),
        "pools": sorted(
            (kind, at[n_stops + slot], [str(vehicle) for vehicle in pool])
            for (kind, slot), pool in view.pools.items()
        ),
        "stations": {s for s in view.stations if s},
    }


def change(mirror: Mirror, random: Random) -> None:
    """Something that an operator might tell."""
    rad, auto = mirror._fleets[RAD], mirror._fleets[AUTO]
    name, spot = str(random.randrange(4)), random.choice(SPOTS)
    flag = {"reserved": random.random() < 0.3, "range_m": random.choice([None, 900, 4000])}
    here: Station = replace(
        station(name, spot, 1, random.choice([0, 3, None])), renting=random.random() < 0.8
    )
    what = random.randrange(6)
    if what == 0:
        mirror._put_stations(rad, [here])
    elif what == 1:
        mirror._drop_stations(RAD, rad, [here.id])
    elif what == 2:
        mirror._put_vehicles(rad, [bike(name, here, **flag)])
    elif what == 3:
        mirror._put_vehicles(auto, [replace(car(name, spot), **flag)])
    elif what == 4:
        mirror._drop_vehicles(auto, [car(name, spot).ref])
    else:
        mirror._drop_vehicles(rad, [bike(name, here).ref])


def fleets_on(mirror: Mirror) -> FleetMap:
    """The fleets of a mirror, as one knows them who begins to look now."""
    kinds, streets = ridden()
    return FleetMap(kinds, streets, STOPS, [0, 2], mirror, luebeck().timezone)


@cache
def ridden() -> tuple[tuple[Kind, ...], Streets]:
    """All kinds of vehicle, and the ways they go."""
    city = luebeck()
    streets = streets_of(city.water, city.crossings, city.rules)
    return list_kinds(city, streets), streets


@pytest.mark.parametrize("seed", range(8))
def test_a_search_after_changes_knows_what_one_knows_who_hears_of_all_anew(seed: int) -> None:
    random = Random(seed)
    mirror = mirror_of(luebeck(), [], [], NOW)
    kept_up = fleets_on(mirror)
    if seed % 2:
        closed, slow = (rule("no end no start"), rule("no pass", kmh=7))
        mirror._put_zones(AUTO, mirror._fleets[AUTO], Zones((zone(CLOSED, closed),)))
        mirror._put_zones(RAD, mirror._fleets[RAD], Zones((zone(CLOSED, slow),)))
    for _ in range(20):
        for _ in range(random.randrange(1, 4)):
            change(mirror, random)
        assert contents(kept_up.view(TODAY)) == contents(fleets_on(mirror).view(TODAY))
