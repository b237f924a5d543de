"""Legs made of what the kernels found: times, places, lengths and CO2.

CO2 is the city's factor in grams a passenger kilometre times the kilometres of the leg, times the
passengers in a bus or ferry and once for a rented vehicle, rounded half up to a gram a leg. A mode
without a factor counts nothing, and a notice says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from gtfs.journey import Footpath, Journey
from gtfs.service_time import day_zero
from mobility.cities.city import City
from mobility.planning.itinerary import Accessible, Itinerary, Leg, Place
from mobility.planning.reach import StreetWays
from mobility.planning.scene import Scene
from providers.values import Mode


class Composer:
    """Makes again a journey that was given out before: its rides and walks by the times of now."""

    def __init__(
        self, city: City, scene: Scene, streets: StreetWays, *,
        ends: tuple[Place, Place], day: date, passengers: int,
    ) -> None:  # fmt: skip
        """Take what all legs of a journey share."""
        self._city = city
        self._scene = scene
        self._streets = streets
        self._ends = ends
        self._zero = day_zero(day, scene.timetable.tz)
        self._day = day
        self._passengers = passengers

    def plain(self, journey: Journey, out_s: int, back_s: int) -> Itinerary:
        """A journey of the plain kernel, on this day's axis, with its walks at both ends."""
        leaves = self._at(journey.departs_s)
        stops = self._scene.stops
        legs = [self._walk(self._ends[0], stops[journey.source], leaves, out_s)] if out_s else []
        for leg in journey.legs:
            departs_at, arrives_at = self._at(leg.departs_s), self._at(leg.arrives_s)
            if isinstance(leg, Footpath):
                seconds = leg.arrives_s - leg.departs_s
                start, end = stops[leg.from_stop], stops[leg.to_stop]
                metres = self._scene.footpath_metres(leg.from_stop, leg.to_stop)
                legs.append(_walk(start, end, departs_at, seconds, metres))
            else:
                part = (leg.trip, leg.from_position, leg.to_position)
                legs.append(self._ride(*part, departs_at, arrives_at))
        if back_s:
            arrived = legs[-1].arrives_at
            legs.append(self._walk(stops[journey.target], self._ends[1], arrived, back_s))
        return Itinerary(tuple(legs))

    def walk(self, departs_at: datetime, seconds: int) -> Itinerary:
        """A walk from door to door."""
        return Itinerary((self._walk(*self._ends, departs_at, seconds),))

    def _at(self, seconds: int) -> datetime:
        return self._zero + timedelta(seconds=seconds)

    def drawn(self, itinerary: Itinerary, on: date) -> Itinerary:
        """The same with the way through the streets on every leg that has none yet."""
        legs = tuple(leg if leg.geometry else self._draw(leg, on) for leg in itinerary.legs)
        return replace(itinerary, legs=legs)

    def _draw(self, leg: Leg, on: date) -> Leg:
        ends = (leg.origin.position, leg.destination.position)
        on_foot = leg.mode is Mode.WALK
        way = self._streets.leg(leg.mode, *ends, on)
        if way is None:
            return replace(leg, geometry=ends)
        return replace(
            leg,
            geometry=way.geometry,
            crossings=way.crossings,
            estimated=way.estimated,
            accessible=Accessible(way.accessible) if on_foot else leg.accessible,
        )

    def _walk(self, origin: Place, destination: Place, at: datetime, seconds: int) -> Leg:
        metres = self._streets.metres(Mode.WALK, seconds)
        return _walk(origin, destination, at, seconds, metres)

    def _ride(
        self, trip: int, board: int, alight: int, departs_at: datetime, arrives_at: datetime
    ) -> Leg:
        part = self._scene.stretch(trip, board, alight)
        return Leg(
            mode=part.mode,
            origin=part.origin,
            destination=part.destination,
            departs_at=departs_at,
            arrives_at=arrives_at,
            metres=part.metres,
            estimated=False,
            accessible=part.accessible,
            realtime=part.realtime,
            ride=part.ride,
            geometry=part.course,
            provider_id=part.provider_id,
            co2_grams=grams(part.grams_per_km * self._passengers, part.metres),
        )


def _walk(origin: Place, destination: Place, at: datetime, seconds: int, metres: int) -> Leg:
    return Leg(
        mode=Mode.WALK,
        origin=origin,
        destination=destination,
        departs_at=at,
        arrives_at=at + timedelta(seconds=seconds),
        metres=metres,
        estimated=True,
    )


def grams(grams_per_km: int, metres: int) -> int:
    """Grams of so many metres, rounded half up."""
    return (grams_per_km * metres + 500) // 1000
