"""Which places lie near a position: points sorted by latitude, measured within a band."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import EARTH_RADIUS_M, LatLon
from mobility.planning.places.nearest import find_nearest
from mobility.planning.places.rows import KnownPlace, PlaceRow

F64 = NDArray[np.float64]
_M_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


class Points:
    """Points on the earth, by the order they were given in. Immutable."""

    def __init__(self, lats: Sequence[float], lons: Sequence[float]) -> None:
        """Sort them once."""
        self.lats = np.array(lats, np.float64)
        self.lons = np.array(lons, np.float64)
        self._radians = np.radians(np.stack([self.lats, self.lons]))
        self._cosines = np.cos(self._radians[0])
        self._order = np.argsort(self.lats, kind="stable")
        self._sorted = self.lats[self._order]

    def metres(self, position: LatLon, of: NDArray[np.int32] | NDArray[np.int64]) -> F64:
        """Great-circle distances of the points ``of`` from a position."""
        lat, lon = math.radians(position.lat), math.radians(position.lon)
        lats, lons = self._radians[0][of], self._radians[1][of]
        h = np.sin((lats - lat) / 2) ** 2
        h += math.cos(lat) * self._cosines[of] * np.sin((lons - lon) / 2) ** 2
        away: F64 = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(h))
        return away

    def within(self, position: LatLon, metres: float) -> tuple[NDArray[np.int64], F64]:
        """The points at most so far from a position, nearest first, and how far each is."""
        band = (metres + 1) / _M_PER_DEGREE
        low = self._sorted.searchsorted(position.lat - band)
        high = self._sorted.searchsorted(position.lat + band, side="right")
        some = self._order[low:high]
        away = self.metres(position, some)
        near = away <= metres
        some, away = some[near], away[near]
        if len(some) < 2:
            return some, away
        order = np.lexsort((some, away))
        return some[order], away[order]

    def nearest(self, position: LatLon, metres: float) -> int | None:
        """The nearest point, if it is at most so far away; of equally near the first."""
        found = find_nearest(
            position.lat,
            position.lon,
            (metres + 1) / _M_PER_DEGREE,
            math.sin(metres / (2 * EARTH_RADIUS_M)) ** 2,
            self._sorted,
            self._order,
            self._radians,
        )
        return None if found < 0 else found


class Around:
    """Places by where their rows lie. Immutable."""

    def __init__(self, places: Iterable[KnownPlace]) -> None:
        """Take every row of every place: a stop and a sight of one name each have a position.

        Where they share it, the sight's name goes before the stop's.
        """
        self._rows = [(i, row) for i, place in enumerate(places) for row in reversed(place.rows)]
        self._points = Points(
            [row.lat for _, row in self._rows], [row.lon for _, row in self._rows]
        )

    def nearest(self, position: LatLon, metres: float) -> PlaceRow | None:
        """The nearest row, if it is at most so far away."""
        found = self._points.nearest(position, metres)
        return None if found is None else self._rows[found][1]

    def list_within(
        self, position: LatLon, metres: float, limit: int, kinds: Collection[str] | None
    ) -> list[tuple[PlaceRow, float]]:
        """The nearest so many within so many metres, each place by its nearest row."""
        found: list[tuple[PlaceRow, float]] = []
        seen: set[int] = set()
        for i, away in zip(*self._points.within(position, metres), strict=True):
            if len(found) >= limit:
                break
            place, row = self._rows[i]
            if place not in seen and (kinds is None or row.kind in kinds):
                seen.add(place)
                found.append((row, float(away)))
        return found
