"""On random towns: one to many is what single ways are, and both are what Dijkstra says."""

from __future__ import annotations

import heapq
from itertools import count
from math import cos, inf, pi, sin
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobility.planning.ways.reach import Places, between, renew
from mobility.planning.ways.water import degrees_of
from mobility.streets.way_tags import PUSH_KMH, WALK_KMH, Profile
from providers.values import Mode
from tests.streets.town import DAY, Town, at, town

TAGS = [
    "residential", "residential oneway=yes", "residential oneway=-1", "footway", "steps",
    "primary", "cycleway", "residential access=private", "residential cycleway=opposite oneway=yes",
]  # fmt: skip
MODES = [Mode.WALK, Mode.BIKE, Mode.CAR]
_numbers = count()


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A town of streets between points on a circle, none of which is on another's street.

    Everybody may use one of them: an extract without any is refused.
    """
    angles = draw(st.lists(st.integers(0, 23), min_size=4, max_size=10, unique=True))
    size = len(angles)
    pairs = [(i, i + 1) for i in range(size - 1)] + draw(
        st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=10)
    )
    lines = [
        f"n{i} {400 * cos(angle * pi / 12):.1f},{400 * sin(angle * pi / 12):.1f}"
        for i, angle in enumerate(angles)
    ]
    lines.append("n0-n1 residential")
    others = [(a, b) for a, b in dict.fromkeys(pairs[1:]) if a != b]
    lines += [f"n{a}-n{b} {draw(st.sampled_from(TAGS))}" for a, b in others]
    return "\n".join(lines)


def plain_seconds(there: Town, mode: Mode, start: str, end: str) -> float:
    """Dijkstra over the extract's own ways, node by node, in floating seconds."""
    profile = {Mode.WALK: Profile.WALK, Mode.BIKE: Profile.BIKE, Mode.CAR: Profile.CAR}[mode]
    links: dict[int, list[tuple[int, float]]] = {}
    for raw in there.extract.ways:
        for a, b in zip(raw.nodes[:-1], raw.nodes[1:], strict=True):
            metres = _metres(there.extract.positions[a], there.extract.positions[b])
            for tail, head, speeds in ((a, b, raw.way.forward), (b, a, raw.way.backward)):
                if speeds[profile]:
                    links.setdefault(tail, []).append((head, metres * 3.6 / speeds[profile]))
    number = {name: i + 1 for i, name in enumerate(there.points)}
    best = {number[start]: 0.0}
    queue = [(0.0, number[start])]
    while queue:
        seconds, node = heapq.heappop(queue)
        if node == number[end]:
            return seconds
        for head, more in links.get(node, ()):
            if seconds + more < best.get(head, inf):
                best[head] = seconds + more
                heapq.heappush(queue, (seconds + more, head))
    return inf


def _metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    x = (a[1] - b[1]) * np.cos(np.radians((a[0] + b[0]) / 2))
    return float(np.hypot(a[0] - b[0], x) * np.radians(1) * 6_371_008.8)


slow_io = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(built=texts(), mode=st.sampled_from(MODES), minutes=st.integers(1, 40))
@slow_io
def test_one_to_many_is_many_single_ways_is_dijkstra(
    tmp_path: Path, built: str, mode: Mode, minutes: int
) -> None:
    there, start = _written(tmp_path, built), "n0"
    places = Places(degrees_of(list(there.points.values())))
    door, limit = there.points[start], 60 * minutes
    out = there.streets.reach(door, mode, places, DAY, max_seconds=limit).tolist()
    back = there.streets.reach(door, mode, places, DAY, max_seconds=limit, outward=False).tolist()
    for index, name in enumerate(there.points):
        to, home = there.leg(mode, start, name), there.leg(mode, name, start)
        assert out[index] == (to.seconds if to and to.seconds <= limit else -1)
        assert back[index] == (home.seconds if home and home.seconds <= limit else -1)
        if all(_on_a_street(there, mode, point) for point in (start, name)):
            expected = plain_seconds(there, mode, start, name)
            assert (to is None) == (expected == inf)
            assert to is None or to.seconds == pytest.approx(expected, abs=1.1)


def _on_a_street(there: Town, mode: Mode, name: str) -> bool:
    """Whether a point is on a street that the mode may use, so that it need not walk to one."""
    spot = there.streets._spot(
        {Mode.WALK: Profile.WALK, Mode.BIKE: Profile.BIKE, Mode.CAR: Profile.CAR}[mode],
        there.points[name],
    )
    return spot is not None and spot.approach_m < 0.1


@given(
    built=texts(),
    doors=st.lists(
        st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=2, max_size=6
    ),
    moved=st.dictionaries(st.integers(0, 1), st.none() | st.just(at(97, 89)), max_size=2),
    mode=st.sampled_from(MODES),
)
@slow_io
def test_after_a_change_all_is_as_if_measured_anew(
    tmp_path: Path,
    built: str,
    doors: list[tuple[int, int]],
    moved: dict[int, object],
    mode: Mode,
) -> None:
    ways = _written(tmp_path, built).streets
    stations = Places(degrees_of([at(*door) for door in doors]))
    old = between(ways, mode, stations, stations, DAY, max_seconds=900)
    after = stations.with_changes(moved, [at(200, 200)])  # type: ignore[arg-type]
    changed = [*moved, len(doors)]
    renewed = renew(
        ways, old, mode, after, after, DAY,
        max_seconds=900, changed_origins=changed, changed_targets=changed,
    )  # fmt: skip
    fresh = Places(after.degrees)
    assert renewed.tolist() == between(ways, mode, fresh, fresh, DAY, max_seconds=900).tolist()


def _written(folder: Path, text: str) -> Town:
    """A new file for each: a mapped one must not be written over."""
    place = folder / str(next(_numbers))
    place.mkdir()
    return town(text, place)


def test_many_places_are_measured_by_two_threads_as_by_one(tmp_path: Path) -> None:
    lines = [f"n{i} {50 * i},{10 * (i % 3)}" for i in range(40)]
    lines += [f"n{i}-n{i + 1} residential" for i in range(39)]
    there = town("\n".join(lines), tmp_path)
    all_of_them = Places(degrees_of(list(there.points.values())))
    door = at(333, 40)
    found = there.streets.reach(door, Mode.WALK, all_of_them, DAY, max_seconds=3600)
    singly = [
        int(there.streets.reach(door, Mode.WALK, Places(place[None]), DAY, max_seconds=3600)[0])
        for place in all_of_them.degrees
    ]
    assert found.tolist() == singly
    assert min(singly) >= 30 * 3.6 / WALK_KMH > PUSH_KMH
