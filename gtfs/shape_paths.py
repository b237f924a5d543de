"""Shapes laid along the calls of trips, each combination of shape and stops once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.feed import FeedStop
from gtfs.geo import LatLon
from gtfs.tables import PathTable, Strings
from gtfs.trip_columns import Shapes, TripColumns

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


def paths_of(
    trips: TripColumns,
    pattern_of: I32,
    place_of: I32,
    platforms: Sequence[FeedStop],
    shapes: Shapes,
) -> tuple[PathTable, I32]:
    """The path table, and each trip's row in it (-1 where it has no shape)."""
    number_of = {shape: i for i, shape in enumerate(shapes.id)}
    numbers = np.array([number_of.get(shape, -1) for shape in [*trips.shape_ids, ""]], np.int32)
    shape_of = numbers[trips.shape]
    at = np.array([(s.position.lat, s.position.lon) for s in platforms], np.float64).reshape(-1, 2)
    drawn = np.flatnonzero(shape_of >= 0)
    n_shapes = max(len(shapes), 1)
    combined = pattern_of[drawn].astype(np.int64) * n_shapes + shape_of[drawn]
    _, first, which = np.unique(combined, return_index=True, return_inverse=True)
    rows: dict[tuple[int, bytes], int] = {}
    points: list[I64] = []
    row_of: list[int] = []
    for trip in drawn[first].tolist():
        stops = place_of[trips.stop[trips.call0[trip] : trips.call0[trip + 1]]]
        key = (int(shape_of[trip]), stops.tobytes())
        row_of.append(rows.setdefault(key, len(points)))
        if row_of[-1] == len(points):
            span = slice(int(shapes.point0[key[0]]), int(shapes.point0[key[0] + 1]))
            line = np.stack([shapes.lat[span], shapes.lon[span]], axis=1)
            points.append(_laid(at[stops], line))
    path_of = np.full(len(trips), -1, np.int32)
    path_of[drawn] = np.array(row_of, np.int32)[which]
    sizes = np.array([0, *map(len, points)], np.int64)
    return PathTable(
        call0=np.cumsum(sizes).astype(np.int32),
        call_point=np.concatenate([*points, np.zeros(0, np.int64)]).astype(np.int32),
        shape=np.array([shape for shape, _ in rows], np.int32),
        shape_point0=shapes.point0.astype(np.int32),
        lat=shapes.lat,
        lon=shapes.lon,
        shape_id=Strings.of(shapes.id),
    ), path_of


def points_of_calls(calls: Sequence[LatLon], shape: Sequence[LatLon]) -> list[int]:
    """The shape point of each call: never backwards, least sum of squared distances (exact DP)."""
    at = np.array([(point.lat, point.lon) for point in calls])
    line = np.array([(point.lat, point.lon) for point in shape])
    return [int(point) for point in _laid(at, line)]


def _laid(calls: F64, shape: F64) -> I64:
    scale = np.array([1.0, np.cos(np.radians(calls[0, 0]))])
    away = ((calls[:, None, :] - shape[None, :, :]) * scale) ** 2
    cost: NDArray[Any] = away[..., 0] + away[..., 1]
    steps = np.arange(len(shape))
    choices = np.zeros(cost.shape, np.int32)
    best = np.zeros(len(shape))
    for call in range(len(calls)):
        reach = np.minimum.accumulate(best)
        fresh = np.empty(len(shape), np.bool_)
        fresh[0] = True
        np.less(best[1:], reach[:-1], out=fresh[1:])
        np.maximum.accumulate(np.where(fresh, steps, 0), out=choices[call])
        best = reach + cost[call]
    points = np.zeros(len(calls), np.int64)
    at = int(np.argmin(best))
    for call in range(len(calls) - 1, -1, -1):
        points[call] = at
        at = int(choices[call, at])
    return points
