"""Legs made of what the kernels found: placed, priced and drawn at once.

CO2 is the city's factor in grams a passenger kilometre times the kilometres of the leg, times the
passengers in a bus or ferry and once for a rented vehicle, rounded half up to a gram a leg. A mode
without a factor counts nothing, and a notice says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from gtfs.front import GOAL, ORIGIN, FrontJourney, FrontLeg, LegKind
from gtfs.ids import StopIdx, TripIdx
from gtfs.journey import Footpath, Journey, StayedRide
from gtfs.journey import Ride as TimetableRide
from gtfs.network import DayNetwork
from gtfs.rides import rides_of
from gtfs.service_time import day_zero
from mobility.planning.accessibility import Accessibility, Accessible, of_path, of_rental
from mobility.planning.day_ceiling import counted
from mobility.planning.fleets.door_rides import DoorRides
from mobility.planning.fleets.view import FleetView
from mobility.planning.ground import Ground
from mobility.planning.itinerary import Itinerary, Leg, Place, Rental
from mobility.planning.paid_today import find_paid
from mobility.planning.pricing import fare_ride_of
from mobility.planning.request import SearchRequest
from mobility.planning.scene import Scene, Stretch
from mobility.streets.leg import StreetLeg
from providers.values import Mode, QuoteRequest, Usage

_RIDE, _RENTAL = LegKind.RIDE, LegKind.RENTAL
_ON_FOOT = Mode.WALK
_MINUTE = timedelta(minutes=1)


class RideTimes(NamedTuple):
    """A ride on a trip of the timetable, in seconds of its day's axis."""

    trip: int
    board: int
    alight: int
    departs_s: int
    arrives_s: int
    stays: bool
    """Whether one stayed in the vehicle of the ride before."""


def _times(ride: TimetableRide) -> RideTimes:
    return RideTimes(
        ride.trip,
        ride.from_position,
        ride.to_position,
        ride.departs_s,
        ride.arrives_s,
        isinstance(ride, StayedRide),
    )


class Composer:
    """Makes the itineraries of one search."""

    def __init__(
        self, ground: Ground, scene: Scene, fleets: FleetView, request: SearchRequest, *,
        ends: tuple[Place, Place], on: date, pick: int,
    ) -> None:  # fmt: skip
        """Take what all legs of a search share.

        ``on`` is the day whose ways are open; ``pick`` spreads travellers over vehicles.
        """
        self._ground = ground
        self._scene = scene
        self._fleets = fleets
        self._request = request
        self._on = on
        self._pick = pick
        self._n_stops = len(scene.stops)
        self._places: dict[int, Place] = {ORIGIN: ends[0], GOAL: ends[1]}
        self._walks: dict[tuple[int, int, int], Leg] = {}

    def plain(self, journey: Journey, out_s: int, back_s: int) -> Itinerary:
        """A journey of the plain kernel, with its walks at both ends."""
        zero = self._zero(journey.day)
        rows = [_times(leg) for leg in journey.legs if not isinstance(leg, Footpath)]
        rides = iter(self._rides(rows, zero))
        legs: list[Leg] = []
        if out_s:
            leaves_s = journey.departs_s
            legs.append(self._walk(ORIGIN, journey.source, leaves_s, leaves_s + out_s, zero))
        for leg in journey.legs:
            if isinstance(leg, Footpath):
                legs.append(self._walk(*leg, zero))
            else:
                legs.append(next(rides))
        if back_s:
            left_s = journey.legs[-1].arrives_s
            legs.append(self._walk(journey.target, GOAL, left_s, left_s + back_s, zero))
        return counted(Itinerary(tuple(legs)), self._request.ceilings)

    def front(
        self, journey: FrontJourney, day: date, network: DayNetwork | None, doors: DoorRides
    ) -> Itinerary:
        """A journey of the four-criteria front, whose rides are those of ``network``."""
        zero = self._zero(day)
        rows = [
            self._of_network(network, leg)
            for leg in journey.legs
            if leg.kind is _RIDE and network is not None
        ]
        rides = iter(self._rides(list(itertools.chain.from_iterable(rows)), zero))
        parts = iter(rows)
        legs: list[Leg] = []
        for leg in journey.legs:
            if leg.kind is _RIDE:
                legs += itertools.islice(rides, len(next(parts)))
            elif leg.kind is _RENTAL:
                legs.append(self._rental(leg, zero, doors))
            elif leg.arrives_s > leg.departs_s or self._joins_stops(leg):
                legs.append(self._walk(leg.start, leg.end, leg.departs_s, leg.arrives_s, zero))
        return counted(Itinerary(tuple(legs)), self._request.ceilings)

    def _joins_stops(self, leg: FrontLeg) -> bool:
        """Whether a walk leads to another stop, though a vehicle waits and it takes no time."""
        return leg.start != leg.end and all(0 <= node < self._n_stops for node in leg[1:3])

    def _of_network(self, network: DayNetwork, leg: FrontLeg) -> list[RideTimes]:
        """A ride as trips of the timetable."""
        number, day_offset = TripIdx(network.trip[leg.ride]), network.day_offset[leg.ride]
        ends = (StopIdx(leg.start), StopIdx(leg.end), leg.board, leg.alight)
        ride = TimetableRide(number, day_offset, *ends, leg.departs_s, leg.arrives_s)
        return [_times(part) for part in rides_of(self._scene.timetable, network, ride)]

    def walk(self, departs_at: datetime, seconds: int) -> Itinerary:
        """A walk from door to door."""
        return Itinerary((self._walk(ORIGIN, GOAL, 0, seconds, departs_at),))

    def _zero(self, day: date) -> datetime:
        return day_zero(day, self._scene.timetable.tz)

    def _rides(self, rows: Sequence[RideTimes], zero: datetime) -> list[Leg]:
        """The rides on lines, whose fares depend on each other."""
        if not rows:
            return []
        timed = [
            (
                self._scene.stretch(row.trip, row.board, row.alight),
                zero + timedelta(seconds=row.departs_s),
                zero + timedelta(seconds=row.arrives_s),
                row.stays,
            )
            for row in rows
        ]
        sold = [
            (part.provider_id, fare_ride_of(part.ride, departs_at, arrives_at, stays=stays))
            for part, departs_at, arrives_at, stays in timed
            if part.provider_id is not None
        ]
        passes, persons = self._request.passes, self._request.passengers
        products, unsold = self._ground.pricer.find_products(sold, passes, persons)
        chosen = iter(products)
        return [
            self._ride(*ride, None if ride[0].provider_id is None else next(chosen, None), unsold)
            for ride in timed
        ]

    def _ride(
        self,
        part: Stretch,
        departs_at: datetime,
        arrives_at: datetime,
        stays: bool,  # noqa: FBT001 - internal, always named by its variable
        product: str | None,
        unsold: str,
    ) -> Leg:
        persons = self._request.passengers
        usage = Usage(-((departs_at - arrives_at) // _MINUTE), part.metres)
        sale = self._ground.pricer.sell(
            part.provider_id,
            QuoteRequest(part.mode, departs_at, usage, product=product, passengers=persons),
            unsold,
        )
        return Leg(
            mode=part.mode,
            origin=part.origin,
            destination=part.destination,
            departs_at=departs_at,
            arrives_at=arrives_at,
            metres=part.metres,
            estimated=False,
            accessibility=part.accessibility,
            realtime=part.realtime,
            ride=part.ride,
            stay_seated=stays,
            geometry=part.course,
            provider_id=part.provider_id,
            quote=sale.quote,
            terms=sale.terms,
            product=sale.product,
            unsold=sale.unsold,
            co2_grams=grams(part.grams_per_km * persons, part.metres),
        )

    def _rental(self, leg: FrontLeg, zero: datetime, doors: DoorRides) -> Leg:
        fleets, edges = self._fleets, self._fleets.edges
        if leg.ride >= 0:
            number, slot = int(edges.kind[leg.ride]), int(edges.start[leg.ride])
            metres = int(edges.metres[leg.ride])
        else:
            number, slot = doors.kind_of(leg.ride), doors.slot_of(leg.ride)
            metres = doors.metres_of(leg.ride)
        kind = fleets.kinds[number]
        vehicles = [
            one
            for one in fleets.pools[number, slot]
            if one.range_m is None or one.range_m >= metres
        ]
        vehicle = vehicles[self._pick % len(vehicles)]
        dropoff = fleets.stations[leg.end - self._n_stops] if leg.end >= self._n_stops else None
        origin, destination = self._node(self._n_stops + slot), self._node(leg.end)
        minutes = -(-(leg.arrives_s - leg.departs_s) // 60)
        departs_at = zero + timedelta(seconds=leg.departs_s)
        request = QuoteRequest(
            kind.mode,
            departs_at,
            Usage(minutes, metres),
            kind.type.id,
            paid=find_paid(
                self._request.paid, kind.provider_id, kind.type.pricing_plan_id, departs_at
            ),
        )
        sale = self._ground.pricer.sell(kind.provider_id, request)
        ends = (origin.position, destination.position)
        way = self._ground.streets.leg(kind.mode, *ends, self._on)
        return Leg(
            mode=kind.mode,
            origin=origin,
            destination=destination,
            departs_at=departs_at,
            arrives_at=zero + timedelta(seconds=leg.arrives_s),
            metres=metres,
            estimated=True if way is None else way.estimated,
            accessibility=of_rental(carries=kind.mode is Mode.CAR),
            rental=Rental(vehicle, kind.type, fleets.stations[slot], dropoff),
            geometry=ends if way is None else way.geometry,
            crossings=() if way is None else way.crossings,
            provider_id=kind.provider_id,
            quote=sale.quote,
            terms=sale.terms,
            unsold=sale.unsold,
            co2_grams=grams(kind.mg_per_m, metres),
        )

    def _walk(self, start: int, end: int, departs_s: int, arrives_s: int, zero: datetime) -> Leg:
        """Between two nodes, or the doors; a search's journeys have many walks in common."""
        departs_at = zero + timedelta(seconds=departs_s)
        arrives_at = zero + timedelta(seconds=arrives_s)
        key = (start, end, arrives_s - departs_s)
        known = self._walks.get(key)
        if known is not None:
            return known._replace(departs_at=departs_at, arrives_at=arrives_at)
        found = self._walks[key] = self._find_walk(start, end, departs_at, arrives_at)
        return found

    def _find_walk(self, start: int, end: int, departs_at: datetime, arrives_at: datetime) -> Leg:
        """A footpath's time holds more than the way."""
        streets = self._ground.streets
        origin, destination = self._node(start), self._node(end)
        ends = (origin.position, destination.position)
        way = streets.leg(_ON_FOOT, *ends, self._on, wheelchair=self._request.wheelchair)
        all_the_way = (start, end) == (ORIGIN, GOAL)
        if way is not None and (all_the_way or not way.estimated):
            metres = way.metres
        elif 0 <= start < self._n_stops and 0 <= end < self._n_stops:
            metres = self._scene.footpath_metres(start, end)
        else:
            metres = streets.metres(_ON_FOOT, (arrives_at - departs_at).total_seconds())
        return Leg(
            mode=_ON_FOOT,
            origin=origin,
            destination=destination,
            departs_at=departs_at,
            arrives_at=arrives_at,
            metres=metres,
            estimated=True if way is None else way.estimated,
            accessibility=self._passable(way),
            geometry=ends if way is None else way.geometry,
            crossings=() if way is None else way.crossings,
        )

    def _passable(self, way: StreetLeg | None) -> Accessibility:
        """Whether a wheelchair can take a walk; where it was asked for and none is found, not."""
        if way is not None:
            return of_path(Accessible(way.accessible), way.accessible_source)
        return of_path(Accessible.NO if self._request.wheelchair else Accessible.UNKNOWN, "")

    def _node(self, node: int) -> Place:
        if 0 <= node < self._n_stops:
            return self._scene.stops[node]
        place = self._places.get(node)
        if place is None:
            place = self._places[node] = self._slot(node - self._n_stops)
        return place

    def _slot(self, slot: int) -> Place:
        """Where vehicles stand: at a station, or free."""
        station = self._fleets.stations[slot]
        if station is not None:
            return Place(station.name, station.position)
        position = self._fleets.position(slot)
        name = self._scene.lines.name_near(position)
        return Place(name or self._ground.city.title, position)


def grams(grams_per_km: int, metres: int) -> int:
    """Grams of so many metres, rounded half up."""
    return (grams_per_km * metres + 500) // 1000
