"""How far one gets without a timetable: stops on foot, stops and goals by rented vehicle.

A rented ride is walk, vehicle, walk. Between the stations of one provider the ways do not change
with the traveller, so they are measured once a day and kept as matrices; who has vehicles and free
docks just now is only a mask over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.reach import Places, StreetWays, between
from mobility.planning.rental import (
    FREE_ENDS,
    STATION_ENDS,
    Fleet,
    RentalWay,
    at_stations,
    list_stations,
    taking,
)
from mobility.planning.water import degrees_of
from providers.values import Mode, Vehicle

UNLOCK_SECONDS = 60
LOCK_SECONDS = 60
RIDE_SECONDS = 5400
"""The longest ride on a rented vehicle that is considered."""
_FAR = 1 << 30

Seconds = npt.NDArray[np.int64]


class Access:
    """The ways to and from the stops of one timetable. Safe to use from several threads."""

    def __init__(self, streets: StreetWays, stops: Sequence[LatLon]) -> None:
        """Take the stops in the order of the timetable."""
        self.streets = streets
        self.stops = Places(degrees_of(stops))
        self._places = lru_cache(maxsize=64)(lambda positions: Places(degrees_of(positions)))
        self._between = lru_cache(maxsize=16)(self._measure_rides)
        self._to_stops = lru_cache(maxsize=16)(self._measure_walks)

    def stops_on_foot(
        self, position: LatLon, on: date, max_seconds: int, limit: int | None = None
    ) -> dict[int, int]:
        """Seconds to the stops within reach, the nearest ``limit`` of them first."""
        seconds = self.streets.reach(position, Mode.WALK, self.stops, on, max_seconds=max_seconds)
        near = np.flatnonzero(seconds >= 0)
        near = near[np.argsort(seconds[near], kind="stable")][:limit]
        return {int(stop): int(seconds[stop]) for stop in near}

    def walks(
        self, position: LatLon, places: Sequence[LatLon], on: date, max_seconds: int,
        *, outward: bool = True,
    ) -> Seconds:  # fmt: skip
        """Seconds on foot to each place, or from it; ``_FAR`` where out of reach."""
        return _far(
            self.streets.reach(
                position, Mode.WALK, self._places(tuple(places)), on,
                max_seconds=max_seconds, outward=outward,
            )
        )  # fmt: skip

    def rentals_direct(
        self, fleet: Fleet, mode: Mode, ends: tuple[LatLon, LatLon], on: date, walk_seconds: int
    ) -> list[RentalWay]:
        """The quickest way per kind of vehicle from door to door."""
        if mode not in self.streets.modes():
            return []
        ways = [
            *self._free_ended(fleet, mode, ends, on, walk_seconds),
            *self._between_stations(fleet, mode, ends, on, walk_seconds),
        ]
        best: dict[str, RentalWay] = {}
        for way in sorted(ways, key=lambda way: way.seconds):
            best.setdefault(way.type.id, way)
        return list(best.values())

    def stops_by_bike(
        self, fleet: Fleet, mode: Mode, position: LatLon, on: date, walk_seconds: int,
        *, outward: bool,
    ) -> dict[int, RentalWay]:  # fmt: skip
        """The quickest rental way to each stop (``outward``) or from each stop to a goal.

        Only stops to which the vehicle is three minutes quicker than walking.
        """
        stations = list_stations(fleet)
        if not stations or mode not in self.streets.modes():
            return {}
        by_station = at_stations(fleet, mode, STATION_ENDS)
        pickup = np.array([station.id in by_station for station in stations])
        dropoff = taking(stations)
        positions = tuple(station.position for station in stations)
        rides = self._between(mode, positions, self.streets.like(on))
        door = self.walks(position, positions, on, walk_seconds, outward=outward)
        walks = self._to_stops(positions, self.streets.like(on), walk_seconds)
        to_stops = walks[0 if outward else 1]
        first, last = (pickup, dropoff) if outward else (dropoff, pickup)
        legs = np.where(first, door, _FAR)[:, None] + (rides if outward else rides.T)
        door_station = legs.argmin(axis=0)
        by_last = np.where(last, legs.min(axis=0), _FAR)
        total = by_last[:, None] + to_stops
        stop_station = total.argmin(axis=0)
        seconds = total.min(axis=0)
        on_foot = _far(
            self.streets.reach(
                position, Mode.WALK, self.stops, on,
                max_seconds=RIDE_SECONDS // 2, outward=outward,
            )
        )  # fmt: skip
        worth = np.flatnonzero((seconds < RIDE_SECONDS // 3) & (seconds + 180 <= on_foot))
        result = {}
        for stop in worth[np.argsort(seconds[worth], kind="stable")]:
            far_end = int(stop_station[stop])
            near_end = int(door_station[far_end])
            start, end = (near_end, far_end) if outward else (far_end, near_end)
            here, there = int(door[near_end]), int(to_stops[far_end, stop])
            vehicles = by_station[stations[start].id]
            result[int(stop)] = RentalWay(
                vehicles=vehicles,
                type=fleet.types[vehicles[0].type_id],
                pickup=stations[start],
                dropoff=stations[end],
                walk_to_seconds=here if outward else there,
                ride_seconds=int(rides[start, end]),
                walk_from_seconds=there if outward else here,
            )
        return result

    def _free_ended(
        self, fleet: Fleet, mode: Mode, ends: tuple[LatLon, LatLon], on: date, walk_seconds: int
    ) -> Iterable[RentalWay]:
        vehicles = [v for v in fleet.free(mode) if fleet.types[v.type_id].return_rule in FREE_ENDS]
        if not vehicles:
            return
        positions = tuple(vehicle.position for vehicle in vehicles)
        walks = self.walks(ends[0], positions, on, walk_seconds)
        rides = _far(
            self.streets.reach(
                ends[1], mode, self._places(positions), on,
                max_seconds=RIDE_SECONDS, outward=False,
            )
        )  # fmt: skip
        stations = {station.id: station for station in fleet.stations}
        for index in np.flatnonzero(walks < _FAR):
            vehicle, ride = vehicles[index], rides[index]
            if ride < _FAR and self._reaches(vehicle, mode, int(ride)):
                yield RentalWay(
                    vehicles=(vehicle,),
                    type=fleet.types[vehicle.type_id],
                    pickup=stations.get(vehicle.station_id) if vehicle.station_id else None,
                    dropoff=None,
                    walk_to_seconds=int(walks[index]),
                    ride_seconds=int(ride) + UNLOCK_SECONDS + LOCK_SECONDS,
                    walk_from_seconds=0,
                )

    def _between_stations(
        self, fleet: Fleet, mode: Mode, ends: tuple[LatLon, LatLon], on: date, walk_seconds: int
    ) -> Iterable[RentalWay]:
        stations = list_stations(fleet)
        by_station = at_stations(fleet, mode, STATION_ENDS)
        if not stations or not by_station:
            return
        positions = tuple(station.position for station in stations)
        given = np.array([station.id in by_station for station in stations])
        out = np.where(given, self.walks(ends[0], positions, on, walk_seconds), _FAR)
        home = self.walks(ends[1], positions, on, walk_seconds, outward=False)
        back = np.where(taking(stations), home, _FAR)
        total = out[:, None] + self._between(mode, positions, self.streets.like(on)) + back[None, :]
        start, end = divmod(int(total.argmin()), len(stations))
        if total[start, end] >= _FAR:
            return
        vehicles = by_station[stations[start].id]
        yield RentalWay(
            vehicles=vehicles,
            type=fleet.types[vehicles[0].type_id],
            pickup=stations[start],
            dropoff=stations[end],
            walk_to_seconds=int(out[start]),
            ride_seconds=int(self._between(mode, positions, self.streets.like(on))[start, end]),
            walk_from_seconds=int(back[end]),
        )

    def _reaches(self, vehicle: Vehicle, mode: Mode, ride_seconds: int) -> bool:
        return vehicle.range_m is None or vehicle.range_m >= self.streets.metres(mode, ride_seconds)

    def _measure_rides(self, mode: Mode, positions: tuple[LatLon, ...], on: date) -> Seconds:
        """(n, n) seconds between stations, unlocking and locking included; no ride to itself."""
        places = self._places(positions)
        seconds = between(self.streets, mode, places, places, on, max_seconds=RIDE_SECONDS)
        result = _far(seconds) + UNLOCK_SECONDS + LOCK_SECONDS
        np.fill_diagonal(result, _FAR)
        return result

    def _measure_walks(
        self, positions: tuple[LatLon, ...], on: date, walk_seconds: int
    ) -> tuple[Seconds, Seconds]:
        """(stations, stops) seconds on foot from the stations to the stops, and back."""
        stations, ways = self._places(positions), self.streets
        out = between(ways, Mode.WALK, stations, self.stops, on, max_seconds=walk_seconds)
        back = between(ways, Mode.WALK, self.stops, stations, on, max_seconds=walk_seconds)
        return _far(out), _far(back.T)


def _far(seconds: npt.NDArray[np.int32]) -> Seconds:
    return np.where(seconds < 0, _FAR, seconds).astype(np.int64)
