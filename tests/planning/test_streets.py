"""Ways through a city of water: round the river and over the bridges that are open."""

from __future__ import annotations

import heapq
from datetime import date
from itertools import pairwise
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.geo import LatLon, distance_m
from mobility.planning.ways.estimated import OpenCrossing, StreetProfile, Streets
from mobility.planning.ways.reach import Places
from mobility.planning.ways.water import Plane, Water, bends, degrees_of, great_circle_m
from providers.values import Mode

DAY = date(2026, 11, 25)
PROFILES = {Mode.WALK: StreetProfile(4.5, 1.25), Mode.CAR: StreetProfile(30, 1.4)}

# A river from north to south at 10.70 E, with one bridge that cars may not use.
RIVER = [LatLon(53.90, 10.70), LatLon(53.86, 10.70), LatLon(53.82, 10.70)]
BRIDGE = OpenCrossing("Stegbrücke", LatLon(53.86, 10.7001), frozenset({Mode.WALK}))
WEST, EAST = LatLon(53.865, 10.69), LatLon(53.865, 10.71)


def streets(*crossings: OpenCrossing, water: list[list[LatLon]] | None = None) -> Streets:
    return Streets([RIVER] if water is None else water, lambda _on: crossings, PROFILES)


def test_on_one_bank_the_way_is_the_straight_line_times_the_factor() -> None:
    a, b = LatLon(53.85, 10.68), LatLon(53.86, 10.69)
    leg = streets().leg(Mode.WALK, a, b, DAY)
    assert leg is not None
    assert leg.metres == round(distance_m(a, b) * 1.25)
    assert leg.seconds == pytest.approx(distance_m(a, b) * 1.25 / 4.5 * 3.6, abs=1)
    assert (leg.geometry, leg.crossings, leg.estimated) == ((a, b), (), True)


def test_the_way_over_the_river_goes_by_the_bridge() -> None:
    leg = streets(BRIDGE).leg(Mode.WALK, WEST, EAST, DAY)
    assert leg is not None
    assert leg.crossings == ("Stegbrücke",)
    assert leg.metres > 1.25 * 1.1 * distance_m(WEST, EAST)
    assert leg.geometry[0] == WEST
    assert leg.geometry[-1] == EAST


def test_a_bridge_closed_for_a_mode_is_no_way_for_it() -> None:
    assert streets(BRIDGE).leg(Mode.CAR, WEST, EAST, DAY) is None
    assert streets().leg(Mode.WALK, WEST, EAST, DAY) is None


def test_a_bridge_opens_on_its_day() -> None:
    opening = date(2029, 11, 1)
    ways = Streets([RIVER], lambda on: (BRIDGE,) if on >= opening else (), PROFILES)
    assert ways.leg(Mode.WALK, WEST, EAST, DAY) is None
    assert ways.leg(Mode.WALK, WEST, EAST, opening) is not None


def test_touching_a_joint_of_two_lines_is_crossing() -> None:
    joint = RIVER[1]
    ways = streets(water=[RIVER[:2], RIVER[1:]])
    west, east = LatLon(joint.lat, 10.69), LatLon(joint.lat, 10.71)
    assert ways.leg(Mode.WALK, west, east, DAY) is None


def test_the_way_bends_round_water_on_the_same_bank() -> None:
    hook = [LatLon(53.88, 10.69), LatLon(53.86, 10.70), LatLon(53.88, 10.71)]
    sea = [LatLon(53.95, 10.60), hook[0]]
    ways = streets(water=[[*sea, *hook[1:], LatLon(53.95, 10.80)]])
    leg = ways.leg(Mode.WALK, LatLon(53.875, 10.68), LatLon(53.875, 10.72), DAY)
    assert leg is not None
    assert leg.crossings == ()
    assert any(point.lat < 53.86 for point in leg.geometry)


def test_a_lake_has_no_way_in() -> None:
    shore = [
        LatLon(53.85, 10.65), LatLon(53.85, 10.66), LatLon(53.86, 10.66), LatLon(53.85, 10.65),
    ]  # fmt: skip
    inside = LatLon(53.8525, 10.658)
    assert streets(water=[shore]).leg(Mode.WALK, inside, WEST, DAY) is None


def test_a_crossing_far_from_any_known_water_is_a_way_point() -> None:
    meadow = OpenCrossing("Wiesenbrücke", LatLon(53.85, 10.65), frozenset({Mode.WALK}))
    leg = streets(meadow).leg(Mode.WALK, LatLon(53.85, 10.64), LatLon(53.85, 10.66), DAY)
    assert leg is not None
    assert leg.crossings == ()


def test_no_water_no_detour() -> None:
    leg = streets(water=[]).leg(Mode.WALK, WEST, EAST, DAY)
    assert leg is not None
    assert leg.geometry == (WEST, EAST)


points = st.builds(
    LatLon, st.floats(53.83, 53.89, allow_nan=False), st.floats(10.67, 10.73, allow_nan=False)
)


@given(origin=points, targets=st.lists(points, min_size=1, max_size=12), minutes=st.integers(1, 90))
@settings(max_examples=60)
def test_one_to_many_says_what_each_leg_says(
    origin: LatLon, targets: list[LatLon], minutes: int
) -> None:
    ways = streets(BRIDGE)
    limit = minutes * 60
    places = Places(degrees_of(targets))
    seconds = ways.reach(origin, Mode.WALK, places, DAY, max_seconds=limit).tolist()
    legs = [ways.leg(Mode.WALK, origin, target, DAY) for target in targets]
    for found, leg in zip(seconds, legs, strict=True):
        expected = leg.seconds if leg and leg.seconds <= limit else -1
        assert found == expected or abs(expected - limit) <= 1


@given(
    line=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=7),
    p=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    q=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_crossing_is_what_exact_arithmetic_says(
    line: list[tuple[int, int]], p: tuple[int, int], q: tuple[int, int]
) -> None:
    crossed = Water([np.array(line, dtype=float)]).crossed(
        np.array([p], dtype=float), np.array([q], dtype=float)
    )
    assert crossed[0] == any(_meet(p, q, a, b) for a, b in pairwise(line))


def _meet(p: tuple[int, int], q: tuple[int, int], a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Closed segments with whole coordinates share a point: exact, case by case."""

    def turn(o: tuple[int, int], x: tuple[int, int], y: tuple[int, int]) -> int:
        value = (x[0] - o[0]) * (y[1] - o[1]) - (x[1] - o[1]) * (y[0] - o[0])
        return (value > 0) - (value < 0)

    def within(o: tuple[int, int], x: tuple[int, int], y: tuple[int, int]) -> bool:
        """Whether y lies on the segment o-x, given that the three are in line."""
        return min(o[0], x[0]) <= y[0] <= max(o[0], x[0]) and min(o[1], x[1]) <= y[1] <= max(
            o[1], x[1]
        )

    if turn(p, q, a) != turn(p, q, b) and turn(a, b, p) != turn(a, b, q):
        return True
    return (
        (turn(p, q, a) == 0 and within(p, q, a))
        or (turn(p, q, b) == 0 and within(p, q, b))
        or (turn(a, b, p) == 0 and within(a, b, p))
        or (turn(a, b, q) == 0 and within(a, b, q))
    )


def test_ways_are_as_short_as_brute_force_finds_them() -> None:
    """Dijkstra over the same way points with sight tested pair by pair."""
    bridges = (
        BRIDGE,
        OpenCrossing("Nordbrücke", LatLon(53.88, 10.7), frozenset({Mode.WALK})),
    )
    arm = [RIVER[1], LatLon(53.861, 10.72), LatLon(53.84, 10.73)]
    ways = streets(*bridges, water=[RIVER, arm])
    graph = ways._graph(Mode.WALK, DAY)
    random = np.random.default_rng(7)
    for _ in range(40):
        a, b = (
            LatLon(float(lat), float(lon))
            for lat, lon in random.uniform((53.83, 10.68), (53.89, 10.74), (2, 2))
        )
        leg = ways.leg(Mode.WALK, a, b, DAY)
        expected = _brute_force_m(ways, graph.degrees, len(bridges), a, b)
        assert (leg is not None) == isfinite(expected)
        if leg:
            assert leg.metres == pytest.approx(expected * 1.25, abs=1)


def _brute_force_m(ways: Streets, nodes: np.ndarray, bridges: int, a: LatLon, b: LatLon) -> float:
    points = np.concatenate([degrees_of([a, b]), nodes])
    plane = ways._plane.project(points)
    best = {0: 0.0}
    queue = [(0.0, 0)]
    done = set()
    while queue:
        metres, here = heapq.heappop(queue)
        if here == 1:
            return metres
        if here in done:
            continue
        done.add(here)
        for there in range(len(points)):
            pair = sorted((here - 2, there - 2))
            bridge = pair[0] >= 0 and pair[0] % 2 == 0 and pair[1] == pair[0] + 1 < 2 * bridges
            seen = not ways._water.crossed(plane[[here]], plane[[there]])[0]
            if there in done or not (bridge or seen):
                continue
            onward = metres + float(great_circle_m(points[here], points[there]))
            if onward < best.get(there, float("inf")):
                best[there] = onward
                heapq.heappush(queue, (onward, there))
    return float("inf")


def test_bends_keep_the_ends_and_what_matters() -> None:
    line = np.array([(0, 0), (10, 1), (20, 0), (20, 100), (21, 200)], dtype=float)
    assert bends(line, 5).tolist() == [[0, 0], [20, 0], [21, 200]]


def test_the_plane_goes_there_and_back() -> None:
    plane = Plane(LatLon(53.87, 10.69))
    degrees = degrees_of([WEST, EAST])
    assert np.allclose(plane.unproject(plane.project(degrees)), degrees, atol=1e-12)
