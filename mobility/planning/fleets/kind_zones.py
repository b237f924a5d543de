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
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree

from gtfs.geo import LatLon
from mobility.planning.fleets.kinds import RIDE_SECONDS, Kind
from mobility.planning.fleets.zone_ways import ZoneWays
from mobility.planning.ways.polyline import Course
from mobility.planning.ways.reach import StreetWays
from mobility.planning.ways.water import Floats, Plane, degrees_of
from providers.values import Mode
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
        self._passing = ZoneWays.of(self._limits.may_pass, self._flat)
        self._speeds = ZoneWays.of(self._limits.max_kmh, self._flat)
        self._outpaced = OUTPACED.get(kind.mode, HARDLY_OUTPACED)
        self._fastest_kmh = kmh = kind.longest_m / RIDE_SECONDS * 3.6 * self._outpaced
        passing, speeds = self._passing.layer, self._speeds.layer
        self._closed: Flags = passing.values == False  # noqa: E712 - of each
        self._slow: Flags = speeds.values < kmh
        self._slows = bool(self._slow.any()) or speeds.default is not None
        self._hinders = STRtree(
            [*self._passing.boxes(self._closed), *self._speeds.boxes(self._slow)]
        )
        self._closes = bool(self._closed.any()) or passing.default is False
        self._everywhere = passing.default is False or (
            speeds.default is not None and speeds.default < kmh
        )
        self.hinders = self._everywhere or len(self._hinders) > 0
        """Whether limits forbid or lengthen any ride."""
        self._held_up = lru_cache(REMEMBERED)(self._find_held_up)
        self.may_be_left_at = lru_cache(DOORS)(self._may_be_left_at)
        """Whether a vehicle may be left at a door."""

    def may_start(self, degrees: Floats, *, docked: bool) -> Flags:
        """Whether a ride may begin at each of (n, 2) latitudes and longitudes, or at a station."""
        limits = self._limits
        starts = limits.docked_start if docked else limits.may_start
        return ~starts.holds(degrees, value=False)

    def may_end(self, degrees: Floats, *, docked: bool) -> Flags:
        """Whether a vehicle may be left at each, at a station there or outside of one."""
        ends = self._limits.docked_end if docked else self._limits.may_end
        closed = ends.holds(degrees, value=False)
        stations = self._limits.only_stations.holds(degrees, value=True, surely=docked)
        return ~closed | stations if docked else ~closed & ~stations

    def _may_be_left_at(self, at: LatLon) -> bool:
        limits = self._limits
        return not (
            limits.may_end.holds_at(at, value=False)
            or limits.only_stations.holds_at(at, value=True)
        )

    def held_up(
        self, starts: Floats, ends: Floats, row: Indices, column: Indices, metres: Ints
    ) -> Ints:
        """Seconds by which limits of speed lengthen rides; ``NOT_ALLOWED`` where none may go.

        Each ride leads from one of the (n, 2) ``starts`` to one of the ``ends``, in degrees.
        """
        held = np.zeros(len(metres), np.int32)
        if not len(metres) or not self.hinders:
            return held
        away = self._away(starts)[row] + self._away(ends)[column]
        for ride in np.flatnonzero(away <= self._outpaced * metres).tolist():
            lat, lon = starts[row[ride]].tolist()
            held[ride] = self._held_up((lat, lon), tuple(ends[column[ride]].tolist()))
        return held

    def slowest_on(self, way: Sequence[LatLon]) -> tuple[int, str] | None:
        """The lowest limit of speed on a drawn way, kilometres an hour, and its zone's name."""
        if not self._slows:
            return None
        found = [
            stretch
            for stretch in self._speeds.along(self._drawn(way))
            if stretch.metres > ACROSS_M and 0 < stretch.value < self._fastest_kmh
        ]
        if not found:
            return None
        slowest = min(found, key=attrgetter("value"))
        lat, lon = self._plane.unproject(slowest.middle)[0].tolist()
        return slowest.value, self._name(LatLon(lat, lon), lambda rule: rule.max_kmh is not None)

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
        line, ends = self._drawn(way.geometry), degrees_of([a, b])
        length = float(np.hypot(*np.diff(line, axis=0).T).sum())
        if not length or not way.metres:
            return 0
        pace, stretch = way.seconds / way.metres, way.metres / length
        held_s = 0.0
        for may_pass, zone, metres, _ in self._passing.along(line) if self._closes else ():
            if not may_pass and metres > ACROSS_M and not self._passing.layer.reaches(zone, ends):
                return NOT_ALLOWED
        for kmh, zone, metres, _ in self._speeds.along(line):
            if kmh:
                held_s += metres * stretch * max(3.6 / kmh - pace, 0)
            elif metres > ACROSS_M and not self._speeds.layer.reaches(zone, ends):
                return NOT_ALLOWED
        return ceil(held_s)

    def _drawn(self, way: Sequence[LatLon]) -> Floats:
        return self._plane.project(way.degrees if isinstance(way, Course) else degrees_of(way))

    def _away(self, degrees: Floats) -> Floats:
        """Metres to the nearest zone that may hinder a ride, or less."""
        metres = np.zeros(len(degrees))
        if not self._everywhere:
            points = shapely.points(self._plane.project(degrees))
            (point, _), near = self._hinders.query_nearest(
                points, return_distance=True, all_matches=False
            )
            metres[point] = near
            metres[self._passing.layer.within(degrees, self._closed)] = 0
            metres[self._speeds.layer.within(degrees, self._slow)] = 0
        return metres

    def _flat(self, lon_lat: Floats) -> Floats:
        return self._plane.project(lon_lat[:, ::-1])
