"""Trip statistics that others computed from the same feed come out of our timetable."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gtfs.build import build
from gtfs.load import read_feed
from gtfs.service_time import format_clock
from gtfs.text import timetable_from_text
from tests.gtfs.trip_stats import TripStats, crosses_itself, trip_stats

FEEDS = Path(__file__).parents[3] / "shared/feeds"

peer = pytest.mark.peer
skip = pytest.mark.skipif(not FEEDS.exists(), reason=f"no feeds in {FEEDS}")


def exact(row: TripStats) -> dict[str, str]:
    return {
        "trip_id": row.trip_id,
        "route_id": row.route_id,
        "route_short_name": row.route_short_name,
        "route_type": str(row.route_type),
        "direction_id": str(row.direction),
        "shape_id": row.shape_id,
        "num_stops": str(row.n_stops),
        "start_time": format_clock(row.start_s),
        "end_time": format_clock(row.end_s),
        "start_stop_id": row.start_stop_id,
        "end_stop_id": row.end_stop_id,
        "is_loop": str(int(row.is_loop)),
    }


@peer
@skip
def test_the_statistics_of_cairns_are_reproduced():
    stats = trip_stats(build(read_feed(FEEDS / "cairns.zip")[0], max_footpath_m=0))
    with (FEEDS / "cairns_trip_stats.csv").open(newline="", encoding="utf-8") as file:
        theirs = {row["trip_id"]: row for row in csv.DictReader(file)}
    assert len(stats) == len(theirs) == 1339
    names: Counter[tuple[str, str]] = Counter()
    for row in stats:
        other = theirs[row.trip_id]
        ours = exact(row)
        assert ours == {name: other[name] for name in ours}
        assert row.duration_h == pytest.approx(float(other["duration"]), abs=1e-9)
        assert row.distance_km == pytest.approx(float(other["distance"]), rel=5e-4), row.trip_id
        assert row.speed_kmh == pytest.approx(float(other["speed"]), rel=5e-4)
        names[row.route_id, row.pattern_name] += 1
    assert names == Counter((row["route_id"], row["stop_pattern_name"]) for row in theirs.values())


def test_a_trip_without_a_shape_has_no_distance():
    (row,) = trip_stats(timetable_from_text("1: A 08:00 B 08:30 A 09:00"))
    assert (row.n_stops, row.is_loop, row.duration_h, row.pattern_name) == (3, True, 1.0, "0-1")
    assert np.isnan(row.distance_km)
    assert np.isnan(row.speed_kmh)


@pytest.mark.parametrize(
    ("points", "crosses"),
    [
        ([(0, 0), (1, 0), (1, 1)], False),
        ([(0, 0), (2, 0), (1, 1), (1, -1)], True),
        ([(0, 0), (1, 0), (1, 1), (0, 0)], False),
        ([(0, 0), (1, 0), (0, 0)], True),
        ([(0, 0), (1, 0), (1, 0), (2, 0)], False),
        ([(0, 0), (2, 0), (2, 1), (1, 0)], True),
    ],
)
def test_a_line_that_touches_itself(points: list[tuple[int, int]], crosses: bool):
    assert crosses_itself(np.array(points, float)) is crosses
