"""What zones say of one thing, such as whether a ride may end, at points.

The first zone there decides; outside of all zones the default does. A zone that is in force for a
part of the time decides nothing: what it says may hold there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from gtfs.geo import LatLon

T = TypeVar("T", bool, int)
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
ELSEWHERE = -1
"""The number of what lies outside of all zones."""


class Phase(Enum):
    """How much of a time a zone is in force."""

    OFF = "off"
    PART = "part"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True, eq=False)
class Layer(Generic[T]):
    """The zones that state one thing. Never changes; safe to use from several threads."""

    areas: npt.NDArray[np.object_]
    values: npt.NDArray[Any]
    whole: Flags
    """Whether each is in force all the time that is looked at."""
    default: T | None
    tree: STRtree
    around: tuple[float, ...]
    """West, south, east and north of all zones."""

    @staticmethod
    def of(stated: Sequence[tuple[BaseGeometry, Phase, T]], default: T | None) -> Layer[T]:
        """Zones in their order with their phases, and what holds elsewhere; None is nothing."""
        areas = np.array([area for area, _, _ in stated], np.object_)
        whole = np.array([phase is Phase.WHOLE for _, phase, _ in stated], np.bool_)
        values = np.array([value for _, _, value in stated])
        boxes: Floats = shapely.bounds(areas)
        low: Floats = boxes[:, :2].min(axis=0, initial=inf)
        high: Floats = boxes[:, 2:].max(axis=0, initial=-inf)
        around = (*low.tolist(), *high.tolist())
        return Layer(areas, values, whole, default, STRtree(areas), around)

    def holds(self, degrees: Floats, *, value: T, surely: bool = False) -> Flags:
        """Whether a value holds at each of (n, 2) latitudes and longitudes; nowhere (nan) not.

        At a time at which zones may be in force or not: whether it may hold, or holds ``surely``.
        """
        says: Flags = np.append(self.values == value, self.default == value)
        if not says.any():
            return np.zeros(len(degrees), np.bool_)
        point, zone = self._met(degrees)
        if not len(zone):
            elsewhere: Flags = says[-1] & ~np.isnan(degrees[:, 0])
            return elsewhere
        decides = np.full(len(degrees), len(self.values))
        always = self.whole[zone]
        np.minimum.at(decides, point[always], zone[always])
        result: Flags = says[decides] & ~np.isnan(degrees[:, 0])
        if not surely:
            first = zone < decides[point]
            result[point[first & ~always & says[zone]]] = True
        return result

    def holds_at(self, at: LatLon, *, value: T) -> bool:
        """The same of one place."""
        west, south, east, north = self.around
        if not (west <= at.lon <= east and south <= at.lat <= north):
            return self.default == value
        return bool(self.holds(np.array([[at.lat, at.lon]]), value=value)[0])

    def within(self, degrees: Floats, which: Flags) -> Flags:
        """Whether each of (n, 2) latitudes and longitudes lies in one of some zones, by number."""
        point, zone = self._met(degrees)
        result = np.zeros(len(degrees), np.bool_)
        result[point[which[zone]]] = True
        return result

    def reaches(self, number: int, degrees: Floats) -> bool:
        """Whether one of the places lies in a zone, or outside of all."""
        if number == ELSEWHERE:
            return not self.within(degrees, np.ones(len(self.areas), np.bool_)).all()
        return bool(shapely.intersects(self.areas[number], _points(degrees)).any())

    def _met(self, degrees: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """By pairs, each place and zone that it lies in."""
        points = _points(degrees)
        point, zone = self.tree.query(points)
        if not len(zone):
            return point, zone
        inside = shapely.intersects(self.areas[zone], points[point])
        return point[inside], zone[inside]


def _points(degrees: Floats) -> npt.NDArray[np.object_]:
    points: npt.NDArray[np.object_] = shapely.points(degrees[:, ::-1])
    return points
