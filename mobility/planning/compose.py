"""Legs made of what the kernels found: times, places, lengths and CO2.

CO2 is the city's factor in grams a passenger kilometre times the kilometres of the leg, times the
passengers in a bus or ferry and once for a rented vehicle, rounded half up to a gram a leg. A mode
without a factor counts nothing, and a notice says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from gtfs.front import GOAL, ORIGIN, FrontJourney, FrontLeg, LegKind
from gtfs.journey import Footpath, Journey
from gtfs.service_time import day_zero
from mobility.cities.city import City
from mobility.planning.door_rides import DoorRides
from mobility.planning.fleet_map import FleetView
from mobility.planning.itinerary import Accessible, Itinerary, Leg, Place, Rental
from mobility.planning.reach import StreetWays
from mobility.planning.scene import Scene
from mobility.planning.water import degrees_of, great_circle_m
from providers.values import Mode


class Composer:
    """Makes itineraries for one search: who travels, from where to where, on which day's axis."""

    def __init__(
        self, city: City, scene: Scene, streets: StreetWays, fleets: FleetView, *,
        ends: tuple[Place, Place], day: date, passengers: int, pick: int,
        wheelchair: bool = False,
    ) -> None:  # fmt: skip
        """Take what all legs of a search share; ``pick`` spreads travellers over vehicles."""
        self._city = city
        self._scene = scene
        self._streets = streets
        self._fleets = fleets
        self._ends = ends
        self._zero = day_zero(day, scene.timetable.tz)
        self._day = day
        self._passengers = passengers
        self._pick = pick
        self._wheelchair = wheelchair
        self._n_stops = len(scene.stops)

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
                legs.append(self._change(start, end, departs_at, seconds))
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

    def front(self, journey: FrontJourney, trips: Sequence[int], doors: DoorRides) -> Itinerary:
        """A journey of the four-criteria front; ``trips`` translates its network's numbers."""
        legs: list[Leg] = []
        for leg in journey.legs:
            departs_at, arrives_at = self._at(leg.departs_s), self._at(leg.arrives_s)
            if leg.kind == LegKind.RIDE:
                legs.append(
                    self._ride(trips[leg.ride], leg.board, leg.alight, departs_at, arrives_at)
                )
            elif leg.kind == LegKind.RENTAL:
                legs.append(self._rental(leg, departs_at, arrives_at, doors))
            elif leg.arrives_s > leg.departs_s:
                start, end = self._node(leg.start), self._node(leg.end)
                seconds = leg.arrives_s - leg.departs_s
                between_stops = 0 <= leg.start < self._n_stops and 0 <= leg.end < self._n_stops
                walk = self._change if between_stops else self._walk
                legs.append(walk(start, end, departs_at, seconds))
        return Itinerary(tuple(legs))

    def drawn(self, itinerary: Itinerary, on: date) -> Itinerary:
        """The same with the way through the streets on every leg that has none yet."""
        legs = tuple(leg if leg.geometry else self._draw(leg, on) for leg in itinerary.legs)
        return replace(itinerary, legs=legs)

    def _draw(self, leg: Leg, on: date) -> Leg:
        ends = (leg.origin.position, leg.destination.position)
        on_foot = leg.mode is Mode.WALK
        way = self._streets.leg(leg.mode, *ends, on, wheelchair=on_foot and self._wheelchair)
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

    def _change(self, origin: Place, destination: Place, at: datetime, seconds: int) -> Leg:
        """A footpath between stops, whose time holds more than the way."""
        ends = degrees_of([origin.position, destination.position])
        straight = float(great_circle_m(ends[0], ends[1]))
        metres = round(straight * self._city.rules.walk_detour)
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
            co2_grams=_grams(part.grams_per_km * self._passengers, part.metres),
        )

    def _rental(
        self, leg: FrontLeg, departs_at: datetime, arrives_at: datetime, doors: DoorRides
    ) -> Leg:
        edges = self._fleets.edges
        if leg.ride >= 0:
            number, slot = int(edges.kind[leg.ride]), int(edges.start[leg.ride])
            metres = int(edges.metres[leg.ride])
        else:
            number, slot = doors.kind_of(leg.ride), doors.slot_of(leg.ride)
            metres = doors.metres_of(leg.ride)
        kind = self._fleets.kinds[number]
        vehicles = self._fleets.pools[number, slot]
        vehicle = vehicles[self._pick % len(vehicles)]
        dropoff = (
            self._fleets.stations[leg.end - self._n_stops] if leg.end >= self._n_stops else None
        )
        return Leg(
            mode=kind.mode,
            origin=self._node(self._n_stops + slot),
            destination=self._node(leg.end),
            departs_at=departs_at,
            arrives_at=arrives_at,
            metres=metres,
            estimated=True,
            accessible=Accessible.NO if kind.mode is not Mode.CAR else Accessible.UNKNOWN,
            rental=Rental(vehicle, kind.type, self._fleets.stations[slot], dropoff),
            provider_id=kind.provider_id,
            co2_grams=_grams(kind.mg_per_m, metres),
        )

    def _node(self, node: int) -> Place:
        if node == ORIGIN:
            return self._ends[0]
        if node == GOAL:
            return self._ends[1]
        if node < self._n_stops:
            return self._scene.stops[node]
        slot = node - self._n_stops
        station = self._fleets.stations[slot]
        if station is not None:
            return Place(station.name, station.position)
        position = self._fleets.position(slot)
        return Place(self._scene.lines.name_near(position) or self._city.title, position)


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


def _grams(grams_per_km: int, metres: int) -> int:
    return (grams_per_km * metres + 500) // 1000
