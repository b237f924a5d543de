"""The courses of lines between their stops: where they run, and how long they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from gtfs.ids import StopIdx, TripIdx
from gtfs.journey import Ride
from gtfs.rides import course
from gtfs.timetable import Timetable
from mobility.planning.ways.polyline import Course
from mobility.planning.ways.water import Floats, degrees_of, great_circle_m

NEAR_M = 400
"""A place that is farther from every stop is not called after one."""
_NOWHERE = StopIdx(-1)
_KEPT_COURSES = 50_000
_KEPT_NAMES = 4096
_KEPT_STRAIGHT = 20_000
Ints = npt.NDArray[np.int32]
_Way = int | bytes


class Lines:
    """The lines of one timetable; the same stretch is measured once.

    A timetable that realtime made of another has the same paths and stops: it takes over what was
    measured for that one.
    """

    stops: Floats
    """(n, 2) degrees of all stops."""

    def __init__(self, timetable: Timetable, before: Lines | None = None) -> None:
        """Take the timetable, and the lines of the one it was made of."""
        self._timetable = timetable
        self.courses: dict[tuple[_Way, int, int], Course] = before.courses if before else {}
        self.names: dict[LatLon, str | None] = before.names if before else {}
        self.straight: dict[tuple[int, int], float] = before.straight if before else {}
        self.measured: dict[_Way, Ints] = before.measured if before else {}
        self.stops = before.stops if before else degrees_of([s.position for s in timetable.stops])

    def name_near(self, position: LatLon) -> str | None:
        """What a place without a name is called: after the nearest stop, if one is near."""
        name = self.names.get(position, "")
        if name == "":
            if len(self.names) >= _KEPT_NAMES:
                self.names.clear()
            name = self.names[position] = self._find_name(position)
        return name

    def straight_m(self, start: int, end: int) -> float:
        """Metres between two stops as the crow flies."""
        known = self.straight.get((start, end))
        if known is None:
            if len(self.straight) >= _KEPT_STRAIGHT:
                self.straight.clear()
            known = float(great_circle_m(self.stops[start], self.stops[end]))
            self.straight[start, end] = known
        return known

    def _find_name(self, position: LatLon) -> str | None:
        metres = great_circle_m(degrees_of([position]), self.stops)
        nearest = int(metres.argmin()) if len(metres) else -1
        if nearest < 0 or metres[nearest] > NEAR_M:
            return None
        return f"bei {self._timetable.stop(StopIdx(nearest)).name}"

    def course(self, trip: int, start: int, end: int) -> Course:
        """The points between two positions of a trip."""
        key = (self._way_of(trip), start, end)
        known = self.courses.get(key)
        if known is None:
            if len(self.courses) >= _KEPT_COURSES:
                self.courses.clear()
            known = self.courses[key] = Course(self._draw(trip, start, end))
        return known

    def metres(self, trip: int) -> Ints:
        """Whole metres from a trip's first call to each, stop by stop along its course."""
        key = self._way_of(trip)
        known = self.measured.get(key)
        if known is None:
            if len(self.measured) >= _KEPT_COURSES:
                self.measured.clear()
            known = self.measured[key] = self._measure(trip)
        return known

    def _way_of(self, trip: int) -> _Way:
        """What trips that run the same way have in common: their path, or else their stops."""
        path = int(self._timetable.trips.path[trip])
        return path if path >= 0 else self._stops_of(trip).tobytes()

    def _stops_of(self, trip: int) -> Ints:
        patterns = self._timetable.patterns
        pattern = int(self._timetable.trips.pattern[trip])
        return patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]]

    def _draw(self, trip: int, start: int, end: int) -> Floats:
        ride = Ride(TripIdx(trip), 0, _NOWHERE, _NOWHERE, start, end, 0, 0)
        return course(self._timetable, ride)

    def _measure(self, trip: int) -> Ints:
        hops = [0.0]
        for start in range(len(self._stops_of(trip)) - 1):
            degrees = self._draw(trip, start, start + 1)
            hops.append(float(np.sum(great_circle_m(degrees[:-1], degrees[1:]))))
        metres: Ints = np.cumsum(hops).round().astype(np.int32)
        return metres
