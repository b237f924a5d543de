"""Does a straight line cross water? Segment tests on a plane around the city.

The plane is equirectangular about a centre; over a city's 30 km it stretches by less than half a
percent, and only sides are tested on it. Lengths are great-circle (``great_circle_m``).
Points are float arrays of shape (n, 2): on the plane x east and y north in metres, on the earth
latitude and longitude in degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M, LatLon
from mobility.planning.ways.sight import mark_crossed

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_METRES_PER_DEGREE = EARTH_RADIUS_M * radians(1)


def degrees_of(points: Sequence[LatLon]) -> Floats:
    """(n, 2) latitudes and longitudes."""
    return np.array([(p.lat, p.lon) for p in points], dtype=np.float64).reshape(-1, 2)


def great_circle_m(a: Floats, b: Floats) -> Floats:
    """Metres between (…, 2) degrees, which broadcast; equal to haversine within 1 cm in a city."""
    d_lat = a[..., 0] - b[..., 0]
    d_lon = (a[..., 1] - b[..., 1]) * np.cos(np.radians((a[..., 0] + b[..., 0]) / 2))
    result: Floats = _METRES_PER_DEGREE * np.hypot(d_lat, d_lon)
    return result


class Plane:
    """Degrees to metres east and north of a centre, and back."""

    __slots__ = ("_origin", "_scale", "frame")

    def __init__(self, centre: LatLon) -> None:
        self._origin = np.array([centre.lat, centre.lon])
        self._scale = np.array([1, cos(radians(centre.lat))]) * _METRES_PER_DEGREE
        self.frame = np.concatenate([self._origin, self._scale])
        """Centre and scale as ``sight`` takes them."""

    def project(self, degrees: Floats) -> Floats:
        """Metres east and north of (n, 2) degrees."""
        result: Floats = ((degrees - self._origin) * self._scale)[:, ::-1]
        return result

    def unproject(self, xy: Floats) -> Floats:
        """Degrees of (n, 2) metres."""
        result: Floats = xy[:, ::-1] / self._scale + self._origin
        return result


class Water:
    """Water lines as segments on a plane; polygons are closed lines."""

    __slots__ = ("_a", "_b")

    def __init__(self, lines: Sequence[Floats]) -> None:
        """Make it of (n, 2) metres a line."""
        self._a = np.concatenate([np.empty((0, 2)), *(line[:-1] for line in lines)])
        self._b = np.concatenate([np.empty((0, 2)), *(line[1:] for line in lines)])

    @property
    def segments(self) -> tuple[Floats, Floats]:
        """The two ends of every segment."""
        return self._a, self._b

    def crossed(self, starts: Floats, ends: Floats) -> Bools:
        """Whether each straight line from ``starts[i]`` to ``ends[i]`` meets water.

        Touching counts: the lines of one river share end points exactly, and a way through such a
        joint crosses the river. Releases the GIL.
        """
        result = np.zeros(len(starts), dtype=np.bool_)
        mark_crossed(
            np.ascontiguousarray(starts), np.ascontiguousarray(ends), self._a, self._b, result
        )
        return result

    def nearest(self, point: Floats) -> tuple[float, Floats, Floats]:
        """Metres to the nearest water, the point on it, and the unit vector along it there.

        Infinitely far, with the point itself, where there is no water at all.
        """
        if not len(self._a):
            return float("inf"), point, np.array([1.0, 0.0])
        along = self._b - self._a
        squared = np.maximum((along**2).sum(axis=1), 1e-9)
        share = np.clip(((point - self._a) * along).sum(axis=1) / squared, 0, 1)
        feet = self._a + share[:, None] * along
        distances = np.hypot(*(feet - point).T)
        best = int(distances.argmin())
        return float(distances[best]), feet[best], along[best] / np.sqrt(squared[best])


def bends(line: Floats, tolerance_m: float) -> Floats:
    """The vertices that matter within the tolerance (Ramer-Douglas-Peucker), ends included."""
    if len(line) <= 2:
        return line
    first, last = line[0], line[-1]
    base = last - first
    length = float(np.hypot(*base))
    inner = line[1:-1] - first
    if length < 1e-6:
        away = np.hypot(*inner.T)
    else:
        away = np.abs(base[0] * inner[:, 1] - base[1] * inner[:, 0]) / length
    far = int(away.argmax())
    if away[far] <= tolerance_m:
        return np.stack([first, last])
    left = bends(line[: far + 2], tolerance_m)
    return np.concatenate([left[:-1], bends(line[far + 1 :], tolerance_m)])
