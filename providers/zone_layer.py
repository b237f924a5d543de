"""What zones say of one thing, such as whether a ride may end: at points and along a line.

The first zone there decides; outside of all zones the default does. A zone that is in force for a
part of the time decides nothing: what it says may hold there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, STRtree
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

    areas: Sequence[BaseGeometry]
    values: npt.NDArray[Any]
    whole: Flags
    """Whether each is in force all the time that is looked at."""
    default: T | None
    tree: STRtree

    @staticmethod
    def of(stated: Sequence[tuple[BaseGeometry, Phase, T]], default: T | None) -> Layer[T]:
        """Zones in their order with their phases, and what holds elsewhere; None is nothing."""
        areas = [area for area, _, _ in stated]
        whole = np.array([phase is Phase.WHOLE for _, phase, _ in stated], np.bool_)
        values = np.array([value for _, _, value in stated])
        return Layer(areas, values, whole, default, STRtree(areas))

    def moved(self, move: Callable[[Floats], Floats]) -> Layer[T]:
        """The same with every (n, 2) x and y moved."""
        areas = [shapely.transform(area, move) for area in self.areas]
        return Layer(areas, self.values, self.whole, self.default, STRtree(areas))

    def holds(self, degrees: Floats, *, value: T, surely: bool = False) -> Flags:
        """Whether a value holds at each of (n, 2) latitudes and longitudes; nowhere (nan) not.

        At a time at which zones may be in force or not: whether it may hold, or holds ``surely``.
        """
        says: Flags = np.append(self.values == value, self.default == value)
        if not says.any():
            return np.zeros(len(degrees), np.bool_)
        points = shapely.points(degrees[:, ::-1])
        point, zone = self.tree.query(points, predicate="intersects")
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
        return bool(self.holds(np.array([[at.lat, at.lon]]), value=value)[0])

    def reaches(self, number: int, points: npt.NDArray[np.object_]) -> bool:
        """Whether one of the points lies in a zone, or outside of all."""
        if number == ELSEWHERE:
            inside = self.tree.query(points, predicate="intersects")[0]
            return len(np.unique(inside)) < len(points)
        return bool(shapely.intersects(self.areas[number], points).any())

    def along(self, line: LineString) -> Iterator[tuple[T, int, BaseGeometry]]:
        """The values on a line, each with the number of its zone and the part where it holds."""
        rest: BaseGeometry = line
        for number in sorted(self.tree.query(line, predicate="intersects").tolist()):
            area = self.areas[number]
            yield self.values[number].item(), number, rest.intersection(area)
            if self.whole[number]:
                rest = rest.difference(area)
        if self.default is not None:
            yield self.default, ELSEWHERE, rest
