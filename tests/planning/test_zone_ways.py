"""Lines cut by zones: against the rules one by one, and against shapes laid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Polygon

from gtfs.geo import LatLon
from mobility.planning.fleets.zone_cuts import BLOCK
from mobility.planning.fleets.zone_ways import ZoneWays, outlines_of
from mobility.planning.ways.water import Floats
from providers.zone_layer import ELSEWHERE, Layer, Phase
from providers.zones import ZoneRule, Zones
from tests.providers.test_zones import boxes, rules
from tests.providers.zone_boxes import Box, zone


def as_it_is(xy: Floats) -> Floats:
    return xy


def metres_by_zone(
    zones: Sequence[tuple[MultiPolygon, Phase]], line: Sequence[tuple[float, float]]
) -> dict[int, float]:
    """What a line has in each zone, where all zones and elsewhere state something."""
    layer = Layer.of([(area, phase, n) for n, (area, phase) in enumerate(zones)], ELSEWHERE)
    found = ZoneWays.of(layer, as_it_is).along(np.array(line, np.float64))
    return {stretch.zone: stretch.metres for stretch in found}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(boxes, rules), max_size=5),
    st.lists(rules, max_size=1),
    st.integers(0, 4),
)
def test_a_line_is_cut_as_the_rules_say(
    stated: list[tuple[Box, ZoneRule]], everywhere: list[ZoneRule], row: int
) -> None:
    zones = Zones(tuple(zone(box, its) for box, its in stated), tuple(everywhere))
    layer = zones.limits("rad", ()).max_kmh
    found: dict[int, float] = {}
    line = np.array([(0, row + 0.5), (5, row + 0.5)])
    for kmh, _, metres, middle in ZoneWays.of(layer, as_it_is).along(line):
        assert layer.holds(middle[:, ::-1], value=kmh).all()
        found[kmh] = found.get(kmh, 0) + metres
    points = [LatLon(row + 0.5, x + 0.5) for x in range(5)]
    by_point = {kmh: sum(layer.holds_at(at, value=kmh) for at in points) for kmh in (0, 6, 20)}
    assert found == pytest.approx({kmh: count for kmh, count in by_point.items() if count})


# Against the definition: shapes laid over each other. Rings that cross leave holes and parts.

corner = st.tuples(st.integers(0, 6), st.integers(0, 6))


def enclosed(ring: list[tuple[int, int]]) -> MultiPolygon:
    parts = shapely.get_parts(shapely.make_valid(Polygon(ring)))
    flat = shapely.get_parts([part for part in parts if part.area])
    return MultiPolygon([part for part in flat if isinstance(part, Polygon)])


areas = st.lists(corner, min_size=3, max_size=9).map(enclosed).filter(lambda area: area.area > 0)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(areas, st.sampled_from([Phase.WHOLE, Phase.PART])), max_size=4),
    st.lists(corner, min_size=2, max_size=6),
)
def test_a_line_is_cut_as_shapes_are(
    zones: list[tuple[MultiPolygon, Phase]], course: list[tuple[int, int]]
) -> None:
    line = [(x + 0.31 + 0.01 * n * n, y + 0.17) for n, (x, y) in enumerate(course)]
    expected: dict[int, float] = {}
    for begin, end in pairwise(line):
        rest = LineString([begin, end])
        for number, (area, phase) in enumerate(zones):
            inside = rest.intersection(area).length
            expected[number] = expected.get(number, 0) + inside
            if phase is Phase.WHOLE:
                rest = rest.difference(area)
        expected[ELSEWHERE] = expected.get(ELSEWHERE, 0) + rest.length
    found = metres_by_zone(zones, line)
    assert {n: found.get(n, 0) for n in expected} == pytest.approx(expected, abs=1e-6)


@settings(max_examples=150)
@given(areas, st.lists(corner, min_size=2, max_size=6))
def test_only_a_line_on_a_border_may_count_or_not(
    area: MultiPolygon, line: list[tuple[int, int]]
) -> None:
    """Lines and borders between the same corners: through corners, and along edges."""
    parts = [LineString(ends) for ends in pairwise(line) if ends[0] != ends[1]]
    most = sum(part.intersection(area).length for part in parts)
    on_border = area.boundary.buffer(1e-6)
    border = sum(part.intersection(on_border).length for part in parts)
    found = metres_by_zone([(area, Phase.WHOLE)], line)
    assert abs(found.get(0, 0) - most) <= border + 1e-6
    whole = sum(part.length for part in parts)
    assert sum(found.values()) == pytest.approx(whole)


def comb(teeth: int) -> MultiPolygon:
    """Teeth 1 m wide and 100 m long, 1 m apart, on a back beside them."""
    up = [(x, 100 * (n in (1, 2))) for tooth in range(teeth) for n, x in enumerate(
        (2 * tooth, 2 * tooth, 2 * tooth + 1, 2 * tooth + 1))]  # fmt: skip
    return MultiPolygon([Polygon([*up, (2 * teeth, -1), (0, -1)])])


def test_half_of_a_line_across_a_comb_is_in_its_teeth() -> None:
    found = metres_by_zone([(comb(12_000), Phase.WHOLE)], [(-1, 50), (24_001, 50)])
    assert found == pytest.approx({0: 12_000, ELSEWHERE: 12_002})


def test_edges_share_boxes_in_small_numbers_and_are_the_whole_border() -> None:
    ring = MultiPolygon([shapely.Point(50, 50).buffer(40) - shapely.Point(50, 50).buffer(9)])
    shapes = [comb(100), ring, MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(20, 0, 29, 9)])]
    of = outlines_of(np.array(shapes, np.object_), as_it_is)
    assert np.diff(of.block).max() <= BLOCK
    assert set(of.first_edge) <= set(of.block), "no block has edges of two zones"
    lengths = np.hypot(*(of.b - of.a).T)
    assert np.add.reduceat(lengths, of.first_edge[:-1]) == pytest.approx(
        [shape.length for shape in shapes]
    )
    for box, first, last in zip(of.block_boxes, of.block, of.block[1:], strict=False):
        ends = np.concatenate([of.a[first:last], of.b[first:last]])
        assert box.tolist() == [*ends.min(axis=0), *ends.max(axis=0)]
