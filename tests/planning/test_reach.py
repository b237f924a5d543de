"""From a door to many places at once: what single ways say, and the same after places changed."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.geo import LatLon
from mobility.cities.city import load_city
from mobility.planning.ways.estimated import Streets, streets_of
from mobility.planning.ways.reach import Places, between, renew
from mobility.planning.ways.water import degrees_of, great_circle_m
from providers.values import Mode

DAY = date(2026, 11, 25)
MODES = [Mode.WALK, Mode.BIKE, Mode.CAR]

# Around Lübeck's old town, which is an island: most ways go over a bridge.
points = st.builds(
    LatLon, st.floats(53.84, 53.89, allow_nan=False), st.floats(10.65, 10.72, allow_nan=False)
)


@cache
def luebeck() -> Streets:
    city = load_city("luebeck")
    return streets_of(city.water, city.crossings, city.rules)


def by_definition(
    ways: Streets, mode: Mode, door: LatLon, places: Places, max_seconds: int
) -> list[int]:
    """The straight line, or else the shortest over two way points in sight: pair by pair."""
    profile, graph = ways._profiles[mode], ways._graph(mode, DAY)
    limit = max_seconds * profile.speed_kmh / 3.6 / profile.detour_factor
    start = degrees_of([door])
    start_xy, node_xy = ways._plane.project(start), graph.xy

    def sights(xy: np.ndarray, degrees: np.ndarray) -> np.ndarray:
        metres = great_circle_m(degrees, graph.degrees)
        metres[ways._water.crossed(np.broadcast_to(xy, node_xy.shape), node_xy)] = np.inf
        return metres

    reached = (sights(start_xy, start)[:, None] + graph.metres).min(axis=0)
    found = []
    for degrees in places.degrees:
        xy = ways._plane.project(degrees[None])
        metres = great_circle_m(start[0], degrees)
        if ways._water.crossed(start_xy, xy)[0]:
            metres = (reached + sights(xy, degrees[None])).min()
        seconds = metres * profile.detour_factor * 3.6 / profile.speed_kmh
        found.append(int(np.ceil(seconds)) if metres <= limit else -1)
    return found


@given(
    door=points,
    targets=st.lists(points, min_size=1, max_size=8),
    mode=st.sampled_from(MODES),
    minutes=st.integers(1, 90),
)
@settings(max_examples=40)
def test_a_door_reaches_what_the_definition_says(
    door: LatLon, targets: list[LatLon], mode: Mode, minutes: int
) -> None:
    places = Places(degrees_of(targets))
    found = luebeck().reach(door, mode, places, DAY, max_seconds=60 * minutes)
    assert found.tolist() == by_definition(luebeck(), mode, door, places, 60 * minutes)


@given(
    door=points,
    targets=st.lists(points, min_size=3, max_size=6),
    moved=st.dictionaries(st.integers(0, 2), st.none() | points, max_size=3),
    added=st.lists(points, max_size=2),
)
@settings(max_examples=30)
def test_places_that_changed_are_as_if_they_had_always_been_there(
    door: LatLon, targets: list[LatLon], moved: dict[int, LatLon | None], added: list[LatLon]
) -> None:
    ways, before = luebeck(), Places(degrees_of(targets))
    first = ways.reach(door, Mode.BIKE, before, DAY, max_seconds=5400)
    after = before.with_changes(moved, added)
    now = [moved.get(i, place) for i, place in enumerate(targets)] + added
    expected = [
        leg.seconds if place and (leg := ways.leg(Mode.BIKE, door, place, DAY)) else -1
        for place in now
    ]
    assert ways.reach(door, Mode.BIKE, after, DAY, max_seconds=5400).tolist() == expected
    assert (ways.reach(door, Mode.BIKE, before, DAY, max_seconds=5400) == first).all()


def test_a_place_that_comes_and_goes_all_day_leaves_nothing_behind() -> None:
    ways = luebeck()
    places = Places(degrees_of([LatLon(53.866, 10.67), LatLon(53.869, 10.69)]))
    ways.prepare(places, [Mode.WALK], DAY)
    for turn in range(300):
        places = places.with_changes({1: LatLon(53.869, 10.69 + turn / 1e5)})
    (table,) = places._tables.values()
    assert len(table.rows) < 200
    assert (
        ways.reach(LatLon(53.869, 10.69299), Mode.WALK, places, DAY, max_seconds=900).tolist()[1]
        == 0
    )


def test_a_matrix_renewed_is_the_matrix_measured_anew() -> None:
    ways = luebeck()
    stations = Places(degrees_of([LatLon(53.866, 10.67), LatLon(53.869, 10.69)]))
    stops = Places(degrees_of([LatLon(53.87, 10.68), LatLon(53.86, 10.70)]))
    old = between(ways, Mode.BIKE, stations, stops, DAY, max_seconds=5400)
    more = stations.with_changes({0: None}, added=[LatLon(53.875, 10.705)])
    moved = stops.with_changes({1: LatLon(53.85, 10.66)})
    renewed = renew(
        ways, old, Mode.BIKE, more, moved, DAY, max_seconds=5400,
        changed_origins=[0, 2], changed_targets=[1],
    )  # fmt: skip
    anew = between(ways, Mode.BIKE, more, moved, DAY, max_seconds=5400)
    assert renewed.tolist() == anew.tolist()
    assert renewed[0].tolist() == [-1, -1]
    assert (renewed[1:] > 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_nowhere_to_go(mode: Mode) -> None:
    none = Places(np.empty((0, 2)))
    nothing = luebeck().reach(LatLon(53.86, 10.68), mode, none, DAY, max_seconds=60)
    assert nothing.tolist() == []
