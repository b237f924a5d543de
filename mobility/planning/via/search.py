"""A search by way of other places, in the order asked for: section by section, joined.

*Scheduled ways.* Each way to the first place that is on its section's front goes on with the front
of the next one, from when the stay and the time to change are over; for arrive-by from the last
section back. With no stay the rider may go on in the vehicle she came in, and ways of the search
without ``via`` that pass the stops anyhow count as well; with a stay she gets off. A page of
departures (arrive-by: arrivals) holds what leaves (arrives) in its window and nothing else: pages
neither skip nor repeat. What is on no section's front may be missed: a slower vehicle that spares a
change at the stop is found only where it is on the front without ``via``.

*All other ways* (``via_vehicles``) are the best of each section's front of everything. A rented
vehicle is given back at the end of its section; another one may be rented for the next.

Fares are chosen over the whole journey, so one ticket may cover what lies before and after a stop.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from gtfs.front import FAR, GOAL, ORIGIN, FrontJourney, FrontLeg, LegKind
from gtfs.geo import distance_m
from gtfs.network import Usable
from gtfs.service_time import seconds_at, service_day
from mobility.planning.candidate import Candidate, candidate, cents_of
from mobility.planning.door_to_door import HERE_M, DoorToDoor
from mobility.planning.errors import BadSearchError
from mobility.planning.ground import Door, Ground
from mobility.planning.itinerary import Itinerary, Leg
from mobility.planning.joined import joined
from mobility.planning.plain import PlainWays
from mobility.planning.request import Notice, SearchRequest
from mobility.planning.scheduled import PlainPage
from mobility.planning.via.sections import Part, Section
from mobility.planning.via.vehicles import VehicleWays
from mobility.planning.via.ways import ViaWay, ViaWays


class ViaSearch(DoorToDoor):
    """One search from door to door by way of one place or more."""

    def __init__(self, ground: Ground, request: SearchRequest, now: datetime) -> None:
        """Raises UnknownStopError, BadSearchError."""
        super().__init__(ground, request, now)
        points = (request.origin, *(via.place for via in request.via), request.destination)
        self._stays = [int(via.stay.total_seconds()) for via in request.via]
        names = pairwise(("Start", *["Zwischenhalt"] * len(request.via), "Ziel"))
        self._searches = [
            DoorToDoor(
                ground,
                replace(request, origin=start, destination=end, via=(), page=None),
                now,
                names=called,
            )
            for (start, end), called in zip(pairwise(points), names, strict=True)
        ]
        if any(_same(search.origin, search.destination) for search in self._searches):
            raise BadSearchError("via: two places in a row are the same one; leave one out")

    def measure_doors(self) -> None:
        """What all questions begin with, section by section."""
        self._whole = Section(DoorToDoor(self.ground, replace(self.request, via=()), self.now))
        self._sections = [Section(search) for search in self._searches]
        on_foot = [section.on_foot_s for section in self._sections]
        whole_s = FAR if FAR in on_foot else sum(on_foot) + sum(self._stays)
        self.doors = self._whole.search.doors._replace(direct_s=whole_s)

    def refused(self) -> Notice | None:
        """Why nothing is searched: a place outside the city."""
        return next(filter(None, (search.refused() for search in self._searches)), None)

    def _plain_ways(self, usable: Usable) -> PlainWays:
        return ViaWays(self._whole, self._sections, self._stays, usable, backwards=self.backwards)

    def _priced_plain(self, one: Candidate) -> Candidate:
        found: ViaWay = one.found
        legs = [leg for part in found.parts for leg in _legs(part)]
        way = joined(self.ground.pricer, legs, self.request)
        return one._replace(
            cents=cents_of(way),
            co2_grams=way.co2_grams,
            walk_seconds=way.walk_seconds,
            found=way,
        )

    def _everything(self, page: PlainPage) -> tuple[list[Candidate], list[Candidate]]:
        moment = page.until if self.backwards else page.first
        fits: list[Candidate] = []
        rivals: list[Candidate] = []
        vehicles = VehicleWays(self._sections, self._stays, backwards=self.backwards)
        for legs in vehicles.ask(moment):
            one = _candidate_of(joined(self.ground.pricer, legs, self.request))
            if not one.has_transit:
                (rivals if self.page else fits).append(one)
            elif one.has_rental:
                edge = one.arrives - 1 if self.backwards else one.departs
                if page.first <= edge < page.until:
                    fits.append(one)
        return fits, rivals

    def _hidden(self) -> list[Itinerary]:
        return []


def _same(one: Door, other: Door) -> bool:
    near = distance_m(one.place.position, other.place.position) < HERE_M
    return near or not set(one.stops).isdisjoint(other.stops)


def _legs(part: Part) -> tuple[Leg, ...]:
    search, section = part.section.search, part.section
    if part.journey is not None:
        source, target = part.journey.source, part.journey.target
        ends_s = (int(section.access[source]), int(section.egress[target]))
        return search.composer.plain(part.journey, *ends_s).legs
    leaves = datetime.fromtimestamp(part.departs, UTC)
    day = service_day(leaves, search.timetable.tz)
    departs_s = seconds_at(leaves, day, search.timetable.tz)
    arrives_s = departs_s + part.arrives - part.departs
    walk = FrontLeg(LegKind.WALK, ORIGIN, GOAL, departs_s, arrives_s, -1, -1, -1)
    journey = FrontJourney(departs_s, arrives_s, -1, 0, 0, 0, (walk,))
    return search.composer.front(journey, day, None, search.doors.rides).legs


def _candidate_of(way: Itinerary) -> Candidate:
    return candidate(
        departs=int(way.departs_at.timestamp()),
        arrives=int(way.arrives_at.timestamp()),
        transfers=way.transfers,
        cents=cents_of(way),
        co2_grams=way.co2_grams,
        kind=way.kind,
        walk_seconds=way.walk_seconds,
        key=way.key,
        found=way,
    )
