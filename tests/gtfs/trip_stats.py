"""What a feed's trips amount to: stops, hours, kilometres, speed, as planners of networks count.

Distances follow the convention of gtfs_kit's `compute_trip_stats`: along the shape from the point
nearest to the first stop to that nearest to the last; the whole length where the shape crosses
itself or those points are not in order. Lengths are those of the ellipsoid, on
the plane around the shape's first point.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import cos, nan, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import distance_m
from gtfs.ids import StopIdx
from gtfs.timetable import Timetable

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

LOOP_M = 400.0
_SLACK_M = 100.0
_EQUATOR_M, _ECCENTRICITY_2 = 6_378_137.0, 6.694379990141e-3


@dataclass(frozen=True, slots=True)
class TripStats:
    """One trip; `pattern_name` is its direction and the rank of its stops among that line's trips.

    Times are service seconds of departure at the first and the last stop. `distance_km` is NaN
    where there is no shape. A loop ends within 400 m of its start.
    """

    trip_id: str
    route_id: str
    route_short_name: str
    route_type: int
    direction: int
    shape_id: str
    pattern_name: str
    n_stops: int
    start_s: int
    end_s: int
    start_stop_id: str
    end_stop_id: str
    is_loop: bool
    distance_km: float

    @property
    def duration_h(self) -> float:
        """Hours from first to last departure."""
        return (self.end_s - self.start_s) / 3600

    @property
    def speed_kmh(self) -> float:
        """Kilometres an hour; NaN where it takes no time."""
        return self.distance_km / self.duration_h if self.end_s > self.start_s else nan


def trip_stats(timetable: Timetable) -> list[TripStats]:
    """A row for each trip, in the order of the timetable."""
    patterns, trips, events = timetable.patterns, timetable.trips, timetable.events
    ranks = _ranks(timetable)
    lengths: dict[tuple[int, int, int], float] = {}
    stats: list[TripStats] = []
    for i, (pattern, path) in enumerate(
        zip(trips.pattern.tolist(), trips.path.tolist(), strict=True)
    ):
        stops = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]]
        size = len(stops)
        event = int(patterns.event0[pattern]) + (i - int(patterns.trip0[pattern])) * size
        first, last = (timetable.stops[StopIdx(int(stop))] for stop in (stops[0], stops[-1]))
        shape = int(timetable.paths.shape[path]) if path >= 0 else -1
        key = (shape, first.idx, last.idx)
        if key not in lengths:
            lengths[key] = _length_km(timetable, *key)
        route = int(trips.route[i])
        direction = int(trips.direction[i])
        name = f"{max(direction, 0)}-{ranks[route, direction, stops.tobytes()]}"
        stats.append(
            TripStats(
                trip_id=trips.id[i],
                route_id=timetable.routes.id[route],
                route_short_name=timetable.routes.short_name[route],
                route_type=int(timetable.routes.type[route]),
                direction=direction,
                shape_id=timetable.paths.shape_id[shape] if shape >= 0 else "",
                pattern_name=name,
                n_stops=size,
                start_s=int(events.departure[event]),
                end_s=int(events.departure[event + size - 1]),
                start_stop_id=first.id,
                end_stop_id=last.id,
                is_loop=distance_m(first.position, last.position) < LOOP_M,
                distance_km=lengths[key],
            )
        )
    return stats


def _ranks(timetable: Timetable) -> dict[tuple[int, int, bytes], int]:
    """1 for the stops that most trips of a line and direction have, and so on."""
    patterns, trips = timetable.patterns, timetable.trips
    counts: dict[tuple[int, int], Counter[bytes]] = {}
    for route, direction, pattern in zip(
        trips.route.tolist(), trips.direction.tolist(), trips.pattern.tolist(), strict=True
    ):
        stops = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]]
        counts.setdefault((route, direction), Counter())[stops.tobytes()] += 1
    return {
        (*line, stops): rank
        for line, counted in counts.items()
        for rank, (stops, _) in enumerate(counted.most_common(), start=1)
    }


def _length_km(timetable: Timetable, shape: int, first: int, last: int) -> float:
    if shape < 0:
        return nan
    paths, stops = timetable.paths, timetable.stop_table
    span = slice(int(paths.shape_point0[shape]), int(paths.shape_point0[shape + 1]))
    lat, lon = paths.lat[span], paths.lon[span]
    north, east = _metres_a_degree(float(lat[0]))
    line = np.stack([(lon - lon[0]) * east, (lat - lat[0]) * north], axis=1)
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.append(0.0, np.cumsum(steps))
    whole = float(along[-1])
    if not crosses_itself(line):
        ends = [
            _projected(
                line,
                steps,
                along,
                np.array([(stops.lon[s] - lon[0]) * east, (stops.lat[s] - lat[0]) * north]),
            )
            for s in (first, last)
        ]
        between = ends[1] - ends[0]
        if 0 < between < whole + _SLACK_M:
            return between / 1000
    return whole / 1000


def _metres_a_degree(lat: float) -> tuple[float, float]:
    """North and east, on the ellipsoid of WGS84."""
    bulge = 1 - _ECCENTRICITY_2 * sin(radians(lat)) ** 2
    across = _EQUATOR_M / sqrt(bulge)
    meridian = across * (1 - _ECCENTRICITY_2) / bulge
    return radians(meridian), radians(across) * cos(radians(lat))


def _projected(line: F64, steps: F64, along: F64, point: F64) -> float:
    """Metres along the line to its point nearest to another."""
    start, way = line[:-1], np.diff(line, axis=0)
    square = np.maximum(steps**2, 1e-12)
    share = np.clip(((point - start) * way).sum(axis=1) / square, 0.0, 1.0)
    away = ((start + way * share[:, None] - point) ** 2).sum(axis=1)
    best = int(np.argmin(away))
    return float(along[best] + share[best] * steps[best])


def crosses_itself(line: F64) -> bool:
    """Whether a line of points (n, 2) touches itself anywhere but where its two ends meet."""
    kept = np.append(True, (np.diff(line, axis=0) != 0).any(axis=1))
    line = line[kept]
    a, b = line[:-1], line[1:]
    n = len(a)
    i, j = np.triu_indices(n, k=1)
    low, high = np.minimum(a, b), np.maximum(a, b)
    near = ((low[i] <= high[j]) & (low[j] <= high[i])).all(axis=1)
    i, j = i[near], j[near]
    c, d = a[j], b[j]
    sides = [
        np.sign(_cross(b[i] - a[i], c - a[i])),
        np.sign(_cross(b[i] - a[i], d - a[i])),
        np.sign(_cross(d - c, a[i] - c)),
        np.sign(_cross(d - c, b[i] - c)),
    ]
    touch = (sides[0] * sides[1] <= 0) & (sides[2] * sides[3] <= 0)
    neighbours = j == i + 1
    ring = (i == 0) & (j == n - 1) & (line[0] == line[-1]).all()
    folded = neighbours & (sides[1] == 0) & (((b[i] - a[i]) * (d - c)).sum(axis=1) < 0)
    return bool((touch & ~neighbours & ~ring).any() or folded.any())


def _cross(u: F64, v: F64) -> F64:
    product: F64 = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return product
