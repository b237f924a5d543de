"""Metres along lines of positions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M, LatLon

Floats = npt.NDArray[np.float64]


def lengths_along(degrees: Floats, first: npt.NDArray[np.int64]) -> Floats:
    """Metres from the start of its line to every point; line e is ``first[e]:first[e + 1]``."""
    a, b = degrees[:-1], degrees[1:]
    d_lon = (b[:, 1] - a[:, 1]) * np.cos(np.radians((a[:, 0] + b[:, 0]) / 2))
    steps = np.radians(1) * EARTH_RADIUS_M * np.hypot(b[:, 0] - a[:, 0], d_lon)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    result: Floats = total - np.repeat(total[first[:-1]], np.diff(first))
    return result


def away_m(point: LatLon, line: Floats) -> float:
    """Metres from a point to the nearest place on a line of (n, 2) degrees, two or more."""
    scale = np.array([1.0, np.cos(np.radians(point.lat))]) * np.radians(1) * EARTH_RADIUS_M
    xy = (line - (point.lat, point.lon)) * scale
    start, step = xy[:-1], np.diff(xy, axis=0)
    squares = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(-(start * step).sum(axis=1) / squares, 0, 1)
    return float(np.hypot(*(start + share[:, None] * step).T).min())
