"""Legs made of what the searches found: times, places, lengths and CO2.

CO2 is the city's factor in grams a passenger kilometre times the kilometres of the leg, times the
passengers in a bus or ferry and once for a rented vehicle, rounded half up to a gram a leg. A mode
without a factor counts nothing, and a notice says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from gtfs.geo import LatLon
from gtfs.ids import StopIdx
from gtfs.journey import Footpath, Journey, geometry
from gtfs.journey import Ride as TimetableRide
from gtfs.service_time import instant
from gtfs.timetable import Route, Timetable
from mobility.cities.city import City
from mobility.planning.access import LOCK_SECONDS, UNLOCK_SECONDS
from mobility.planning.itinerary import (
    TRANSIT,
    Accessible,
    Itinerary,
    Leg,
    Place,
    Rental,
    Ride,
)
from mobility.planning.reach import StreetWays
from mobility.planning.rental import RentalWay
from mobility.planning.water import Floats, degrees_of, great_circle_m
from providers.values import Mode

KEPT_STRETCHES = 20_000
"""Courses of rides that are kept in memory."""
NEAR_M = 400
"""A place that is farther from every stop is not called after one."""
FERRY_ROUTE_TYPES = frozenset({4, *range(1000, 1100), *range(1200, 1300)})
"""routes.txt route_type of water transport, basic and extended."""
_GTFS_ACCESSIBLE = {0: Accessible.UNKNOWN, 1: Accessible.YES, 2: Accessible.NO}

Way = int | RentalWay
"""How one gets to or from a stop: seconds on foot, or a rented ride."""


def seconds_of(way: Way) -> int:
    """From door to stop, or back."""
    return way if isinstance(way, int) else way.seconds


def mode_of(route: Route) -> Mode:
    """The mode of a line; what is no ferry travels as a bus here."""
    return Mode.FERRY if route.type in FERRY_ROUTE_TYPES else Mode.BUS


class Composer:
    """Makes itineraries for one search: who travels, from where to where."""

    def __init__(
        self,
        city: City,
        timetable: Timetable,
        streets: StreetWays,
        lines: Lines,
        *,
        passengers: int,
    ) -> None:
        """Take what all legs of a search share."""
        self._city = city
        self._timetable = timetable
        self._streets = streets
        self._lines = lines
        self._passengers = passengers

    def scheduled(
        self, journey: Journey, ends: tuple[Place, Place], out: Way, back: Way, pick: int
    ) -> Itinerary:
        """A journey with its ways to the first stop and from the last."""
        tz = self._timetable.tz
        leaves = instant(journey.day, journey.departs_s, tz)
        source, target = self._stop(journey.source), self._stop(journey.target)
        rides = [self._leg(leg, journey.day) for leg in journey.legs]
        arrives = rides[-1].arrives_at
        return Itinerary(
            (
                *self.way(out, ends[0], source, leaves, pick),
                *rides,
                *self.way(back, target, ends[1], arrives, pick),
            )
        )

    def way(
        self, way: Way, origin: Place, destination: Place, departs_at: datetime, pick: int
    ) -> tuple[Leg, ...]:
        """The legs of a way without a timetable; none where one is there already."""
        if isinstance(way, int):
            return self._walk(origin, destination, departs_at, way)
        return self.rental(way, origin, destination, departs_at, pick)

    def walk(
        self, origin: Place, destination: Place, departs_at: datetime, seconds: int
    ) -> Itinerary:
        """A walk from door to door."""
        return Itinerary(self._walk(origin, destination, departs_at, seconds))

    def rental(
        self, way: RentalWay, origin: Place, destination: Place, departs_at: datetime, pick: int
    ) -> tuple[Leg, ...]:
        """Walk, ride, walk. ``pick`` spreads travellers over the vehicles of a station."""
        vehicle = way.vehicles[pick % len(way.vehicles)]
        start = (
            Place(way.pickup.name, way.pickup.position)
            if way.pickup
            else Place(
                self._lines.name_near(vehicle.position) or self._city.title, vehicle.position
            )
        )
        end = Place(way.dropoff.name, way.dropoff.position) if way.dropoff else destination
        first = self._walk(origin, start, departs_at, way.walk_to_seconds)
        begins = departs_at + timedelta(seconds=way.walk_to_seconds)
        ends = begins + timedelta(seconds=way.ride_seconds)
        moving = max(way.ride_seconds - UNLOCK_SECONDS - LOCK_SECONDS, 0)
        ride = Leg(
            mode=way.type.mode,
            origin=start,
            destination=end,
            departs_at=begins,
            arrives_at=ends,
            metres=self._streets.metres(way.type.mode, moving),
            estimated=True,
            accessible=Accessible.NO if way.type.mode is not Mode.CAR else Accessible.UNKNOWN,
            rental=Rental(vehicle, way.type, way.pickup, way.dropoff),
            provider_id=vehicle.provider_id,
        )
        ride = replace(ride, co2_grams=self._co2(ride))
        last = self._walk(end, destination, ends, way.walk_from_seconds)
        return (*first, ride, *last)

    def drawn(self, itinerary: Itinerary, on: date) -> Itinerary:
        """The same with the way through the streets on every leg that has none yet."""
        legs = tuple(leg if leg.geometry else self._draw(leg, on) for leg in itinerary.legs)
        return replace(itinerary, legs=legs)

    def _draw(self, leg: Leg, on: date) -> Leg:
        way = self._streets.leg(leg.mode, leg.origin.position, leg.destination.position, on)
        if way is None:
            return replace(leg, geometry=(leg.origin.position, leg.destination.position))
        return replace(leg, geometry=way.geometry, crossings=way.crossings)

    def _walk(
        self, origin: Place, destination: Place, departs_at: datetime, seconds: int
    ) -> tuple[Leg, ...]:
        if seconds <= 0:
            return ()
        return (
            Leg(
                mode=Mode.WALK,
                origin=origin,
                destination=destination,
                departs_at=departs_at,
                arrives_at=departs_at + timedelta(seconds=seconds),
                metres=self._streets.metres(Mode.WALK, seconds),
                estimated=True,
            ),
        )

    def _leg(self, leg: TimetableRide | Footpath, day: date) -> Leg:
        tz = self._timetable.tz
        origin, destination = self._stop(leg.from_stop), self._stop(leg.to_stop)
        departs_at, arrives_at = instant(day, leg.departs_s, tz), instant(day, leg.arrives_s, tz)
        if isinstance(leg, Footpath):
            ends = degrees_of([origin.position, destination.position])
            straight = float(great_circle_m(ends[0], ends[1]))
            return Leg(
                mode=Mode.WALK,
                origin=origin,
                destination=destination,
                departs_at=departs_at,
                arrives_at=arrives_at,
                metres=round(straight * self._city.rules.walk_detour),
                estimated=True,
            )
        trip = self._timetable.trip(leg.trip)
        route = self._timetable.route(trip.route)
        provider = self._city.find_provider_of_agency(route.agency_id)
        line, metres = self._lines.of(leg, self._timetable)
        ride = Leg(
            mode=mode_of(route),
            origin=origin,
            destination=destination,
            departs_at=departs_at,
            arrives_at=arrives_at,
            metres=metres,
            estimated=False,
            accessible=self._accessible(leg, trip.wheelchair),
            ride=Ride(
                trip_id=trip.id,
                line=route.short_name or route.long_name,
                headsign=trip.headsign,
                color=route.color,
                agency_id=route.agency_id,
                route_id=route.id,
                note=trip.note,
                board_index=leg.from_position,
                alight_index=leg.to_position,
                from_zone=self._timetable.stop(leg.from_stop).zone_id or None,
                to_zone=self._timetable.stop(leg.to_stop).zone_id or None,
            ),
            geometry=line,
            provider_id=provider.provider_id if provider else None,
        )
        return replace(ride, co2_grams=self._co2(ride))

    def _accessible(self, ride: TimetableRide, vehicle: int) -> Accessible:
        stops = (self._timetable.stop(ride.from_stop), self._timetable.stop(ride.to_stop))
        flags = {_GTFS_ACCESSIBLE[flag] for flag in (vehicle, *(stop.wheelchair for stop in stops))}
        if Accessible.NO in flags:
            return Accessible.NO
        return Accessible.YES if flags == {Accessible.YES} else Accessible.UNKNOWN

    def _stop(self, idx: StopIdx) -> Place:
        stop = self._timetable.stop(idx)
        return Place(stop.name, stop.position, stop.id)

    def _co2(self, leg: Leg) -> int:
        electric = leg.rental is not None and leg.rental.type.electric
        factor = self._city.emissions.find_grams_per_km(leg.mode, electric=electric)
        if factor is None:
            return 0
        persons = self._passengers if leg.mode in TRANSIT else 1
        grams = Decimal(factor) * leg.metres * persons / 1000
        return int(grams.quantize(Decimal(1), ROUND_HALF_UP))


class Lines:
    """The courses of rides, with their lengths; the same stretch is measured once."""

    stops: Floats
    """(n, 2) degrees of all stops."""

    def __init__(self, timetable: Timetable) -> None:
        """Keep up to ``KEPT_STRETCHES`` of them."""
        self._timetable = timetable
        self.stops = degrees_of([stop.position for stop in timetable.stops])
        self._measured: dict[tuple[int, int, int, bytes], tuple[tuple[LatLon, ...], int]] = {}

    def name_near(self, position: LatLon) -> str | None:
        """What a place without a name is called: after the nearest stop, if one is near."""
        metres = great_circle_m(degrees_of([position]), self.stops)
        nearest = int(metres.argmin()) if len(metres) else -1
        if nearest < 0 or metres[nearest] > NEAR_M:
            return None
        return f"bei {self._timetable.stop(StopIdx(nearest)).name}"

    def of(self, ride: TimetableRide, timetable: Timetable) -> tuple[tuple[LatLon, ...], int]:
        """The points between the two stops, and the metres along them.

        ``timetable`` is the one the ride was found in: this one, or one with realtime in it.
        """
        path = int(timetable.trips.path[ride.trip])
        first = int(timetable.patterns.stop0[timetable.trips.pattern[ride.trip]])
        calls = timetable.patterns.stops[
            first + ride.from_position : first + ride.to_position + 1
        ].tobytes()
        stretch = (path, ride.from_position, ride.to_position, calls)
        measured = self._measured.get(stretch)
        if measured is None:
            points = geometry(timetable, ride)
            degrees = degrees_of(points)
            measured = points, round(float(np.sum(great_circle_m(degrees[:-1], degrees[1:]))))
            if len(self._measured) >= KEPT_STRETCHES:
                self._measured.clear()
            self._measured[stretch] = measured
        return measured
