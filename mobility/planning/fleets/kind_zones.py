"""What geofencing zones do to rides on one kind of vehicle.

A ride keeps to the way that is drawn for it. Where that crosses a zone closed to passing, the ride
is not offered: whether there is a way round is not known. A ride may leave the zone that it begins
in and enter the one that it ends in, where beginning and ending there is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from math import ceil
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, STRtree
from shapely.geometry.base import BaseGeometry

from gtfs.geo import LatLon
from mobility.planning.fleets.kinds import RIDE_SECONDS, Kind
from mobility.planning.ways.polyline import Course
from mobility.planning.ways.reach import StreetWays
from mobility.planning.ways.water import Floats, Plane, degrees_of
from providers.values import Mode
from providers.zone_layer import Layer, T
from providers.zones import Phases, ZoneRule, Zones

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.integer[Any]]
NOT_ALLOWED = -1
ACROSS_M = 1.0
"""Less than this within a zone is its border, not a way through it."""
OUTPACED = {Mode.CAR: 5.0}
"""How many times faster than at the city's speed of a mode a street may be ridden."""
HARDLY_OUTPACED = 1.25
REMEMBERED = 65_536
DOORS = 256
Point = tuple[float, float]


class KindZones:
    """The zones for one kind on one day. Safe to use from several threads."""

    def __init__(
        self, zones: Zones, phases: Phases, kind: Kind, streets: StreetWays, plane: Plane, on: date
    ) -> None:
        """Take the operator's zones and what of them is in force, and the streets of rides."""
        self._limits = zones.limits(kind.type.id, phases)
        self._zones = zones
        self._kind = kind
        self._streets = streets
        self._plane = plane
        self._on = on
        self._passing = self._limits.may_pass.moved(self._flat)
        self._speeds = self._limits.max_kmh.moved(self._flat)
        self._outpaced = OUTPACED.get(kind.mode, HARDLY_OUTPACED)
        self._fastest_kmh = kmh = kind.longest_m / RIDE_SECONDS * 3.6 * self._outpaced
        closed = _saying(self._passing, lambda may_pass: not may_pass)
        slow = _saying(self._speeds, lambda limit: limit < kmh)
        self._hinders = STRtree([*closed, *slow])
        elsewhere = self._speeds.default
        self._closes = bool(closed) or self._passing.default is False
        self._everywhere = self._passing.default is False or (
            elsewhere is not None and elsewhere < kmh
        )
        self._held_up = lru_cache(REMEMBERED)(self._find_held_up)
        self.may_be_left_at = lru_cache(DOORS)(self._may_be_left_at)
        """Whether a vehicle may be left at a door."""

    def may_start(self, degrees: Floats) -> Flags:
        """Whether a ride may begin at each of (n, 2) latitudes and longitudes."""
        return ~self._limits.may_start.holds(degrees, value=False)

    def may_end(self, degrees: Floats, *, docked: bool) -> Flags:
        """Whether a vehicle may be left at each, at a station there or outside of one."""
        closed = self._limits.may_end.holds(degrees, value=False)
        stations = self._limits.only_stations.holds(degrees, value=True, surely=docked)
        return ~closed | stations if docked else ~closed & ~stations

    def _may_be_left_at(self, at: LatLon) -> bool:
        return bool(self.may_end(degrees_of([at]), docked=False)[0])

    def held_up(
        self, starts: Floats, ends: Floats, row: Indices, column: Indices, metres: Ints
    ) -> Ints:
        """Seconds by which limits of speed lengthen rides; ``NOT_ALLOWED`` where none may go.

        Each ride leads from one of the (n, 2) ``starts`` to one of the ``ends``, in degrees.
        """
        held = np.zeros(len(metres), np.int32)
        if not len(metres) or not (self._everywhere or len(self._hinders)):
            return held
        away = self._away(starts)[row] + self._away(ends)[column]
        for ride in np.flatnonzero(away <= self._outpaced * metres).tolist():
            lat, lon = starts[row[ride]].tolist()
            held[ride] = self._held_up((lat, lon), tuple(ends[column[ride]].tolist()))
        return held

    def slowest_on(self, way: Sequence[LatLon]) -> tuple[int, str] | None:
        """The lowest limit of speed on a drawn way, kilometres an hour, and its zone's name."""
        found = [
            (kmh, part)
            for kmh, _, part in self._speeds.along(self._drawn(way))
            if part.length > ACROSS_M and 0 < kmh < self._fastest_kmh
        ]
        if not found:
            return None
        kmh, part = min(found, key=itemgetter(0))
        point = part.representative_point()
        lat, lon = self._plane.unproject(np.array([[point.x, point.y]]))[0].tolist()
        return kmh, self._name(LatLon(lat, lon), lambda rule: rule.max_kmh is not None)

    def no_parking_at(self, at: LatLon) -> str | None:
        """The name of the zone where a vehicle may not be left outside a station, or None."""
        if self.may_be_left_at(at):
            return None
        return self._name(at, lambda rule: not rule.may_end or bool(rule.only_stations))

    def _name(self, at: LatLon, limits: Callable[[ZoneRule], bool]) -> str:
        return self._zones.name_at(at, self._kind.type.id, limits)

    def _find_held_up(self, start: Point, end: Point) -> int:
        a, b = LatLon(*start), LatLon(*end)
        way = self._streets.leg(self._kind.mode, a, b, self._on)
        if way is None:
            return NOT_ALLOWED
        line = self._drawn(way.geometry)
        if not line.length or not way.metres:
            return 0
        ends = shapely.points(self._plane.project(degrees_of([a, b])))
        pace, stretch = way.seconds / way.metres, way.metres / line.length
        held_s = 0.0
        for may_pass, zone, part in self._passing.along(line) if self._closes else ():
            if not may_pass and part.length > ACROSS_M and not self._passing.reaches(zone, ends):
                return NOT_ALLOWED
        for kmh, zone, part in self._speeds.along(line):
            if kmh:
                held_s += part.length * stretch * max(3.6 / kmh - pace, 0)
            elif part.length > ACROSS_M and not self._speeds.reaches(zone, ends):
                return NOT_ALLOWED
        return ceil(held_s)

    def _drawn(self, way: Sequence[LatLon]) -> LineString:
        degrees = way.degrees if isinstance(way, Course) else degrees_of(way)
        return LineString(self._plane.project(degrees))

    def _away(self, degrees: Floats) -> Floats:
        """Metres to the nearest zone that may hinder a ride."""
        metres = np.zeros(len(degrees))
        if not self._everywhere:
            points = shapely.points(self._plane.project(degrees))
            (point, _), near = self._hinders.query_nearest(
                points, return_distance=True, all_matches=False
            )
            metres[point] = near
        return metres

    def _flat(self, lon_lat: Floats) -> Floats:
        return self._plane.project(lon_lat[:, ::-1])


def _saying(layer: Layer[T], what: Callable[[T], bool]) -> list[BaseGeometry]:
    return [area for area, v in zip(layer.areas, layer.values.tolist(), strict=True) if what(v)]
