"""Points on the earth found by where they are: a hash grid in which moving one costs O(1)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from math import cos, floor, radians
from typing import Generic, TypeVar

from gtfs.geo import LatLon, distance_m

CELL_DEGREES = 0.01
METRES_PER_DEGREE = 111_195
MAX_RADIUS_M = 100_000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Cell = tuple[int, int]


class Grid(Generic[K, V]):
    """Values by key, each at a position; cells are about 1.1 km high."""

    def __init__(self) -> None:
        self._values: dict[K, tuple[LatLon, V]] = {}
        self._cells: dict[Cell, set[K]] = {}

    def put(self, key: K, position: LatLon, value: V) -> None:
        """Add or move."""
        self.remove(key)
        self._values[key] = (position, value)
        self._cells.setdefault(_cell(position), set()).add(key)

    def remove(self, key: K) -> None:
        """Forget; unknown keys are forgotten already."""
        found = self._values.pop(key, None)
        if found is None:
            return
        cell = _cell(found[0])
        self._cells[cell].discard(key)
        if not self._cells[cell]:
            del self._cells[cell]

    def find(self, key: K) -> V | None:
        """The value of a key."""
        found = self._values.get(key)
        return found[1] if found else None

    def near(self, position: LatLon, radius_m: float) -> list[V]:
        """The values within ``radius_m`` metres (at most 100 km), nearest first."""
        radius_m = min(radius_m, MAX_RADIUS_M)
        d_lat = radius_m / METRES_PER_DEGREE
        d_lon = d_lat / max(0.01, cos(radians(min(89.0, abs(position.lat) + d_lat))))
        found = []
        for where, value in self._box(
            position.lat - d_lat, position.lon - d_lon, position.lat + d_lat, position.lon + d_lon
        ):
            away = distance_m(position, where)
            if away <= radius_m:
                found.append((away, value))
        return [value for _, value in sorted(found, key=lambda pair: pair[0])]

    def within(self, south: float, west: float, north: float, east: float) -> list[V]:
        """The values in a box of degrees, edges included."""
        return [value for _, value in self._box(south, west, north, east)]

    def _box(
        self, south: float, west: float, north: float, east: float
    ) -> Iterator[tuple[LatLon, V]]:
        low_lat, low_lon = floor(south / CELL_DEGREES), floor(west / CELL_DEGREES)
        high_lat, high_lon = floor(north / CELL_DEGREES), floor(east / CELL_DEGREES)
        if (high_lat - low_lat + 1) * (high_lon - low_lon + 1) > len(self._cells):
            cells = [
                cell
                for cell in self._cells
                if low_lat <= cell[0] <= high_lat and low_lon <= cell[1] <= high_lon
            ]
        else:
            cells = [
                (lat, lon)
                for lat in range(low_lat, high_lat + 1)
                for lon in range(low_lon, high_lon + 1)
            ]
        for cell in cells:
            for key in self._cells.get(cell, ()):
                where, value = self._values[key]
                if south <= where.lat <= north and west <= where.lon <= east:
                    yield where, value


def _cell(position: LatLon) -> Cell:
    return floor(position.lat / CELL_DEGREES), floor(position.lon / CELL_DEGREES)
