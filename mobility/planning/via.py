"""A search by way of other places, in the order asked for: section by section, joined.

*Scheduled ways.* Each way to the first place that is on its section's front goes on with the front
of the next one, from when the stay and the time to change are over; for arrive-by from the last
section back. Ways of the search without ``via`` that pass the stops anyhow, the rider seated or
changing there, count as well. So whoever can stay aboard may, and a page of departures (arrive-by:
arrivals) holds what leaves (arrives) in its window and nothing else: pages neither skip nor repeat.

*All other ways* are the best of each section's own search. A rented vehicle is given back at the
end of its section; another one may be rented for the next.

Fares are chosen over the whole journey, so one ticket may cover what lies before and after a stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from mobility.planning.via_sections import Part, Section
from mobility.planning.via_ways import ViaWay, ViaWays

_MOST = 6
"""Ways of a section, others than scheduled ones, that are followed on."""


class ViaSearch(DoorToDoor):
    """One search from door to door by way of one place or more."""

    def __init__(self, ground: Ground, request: SearchRequest, now: datetime) -> None:
        """Raises UnknownStopError, BadSearchError."""
        super().__init__(ground, request, now)
        points = (request.origin, *(via.place for via in request.via), request.destination)
        self._stays = [int(via.stay.total_seconds()) for via in request.via]
        self._requests = [
            replace(request, origin=start, destination=end, via=(), page=None)
            for start, end in pairwise(points)
        ]
        middle = ["Zwischenhalt"] * len(request.via)
        self._names = list(pairwise(("Start", *middle, "Ziel")))
        self._searches = [
            DoorToDoor(ground, asked, now, names=names)
            for asked, names in zip(self._requests, self._names, strict=True)
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
        for way in self._combined(datetime.fromtimestamp(moment, self.city.timezone)):
            one = _candidate_of(way)
            if not one.has_transit:
                (rivals if self.page else fits).append(one)
            elif one.has_rental:
                edge = one.arrives - 1 if self.backwards else one.departs
                if page.first <= edge < page.until:
                    fits.append(one)
        return fits, rivals

    def _hidden(self) -> list[Itinerary]:
        return []

    # The sections' own searches, joined

    def _combined(self, moment: datetime) -> Iterator[Itinerary]:
        """What the sections' searches give together, with a vehicle or on foot all the way."""
        order = range(len(self._requests))
        known: dict[tuple[int, datetime], tuple[Itinerary, ...]] = {}
        ways: list[tuple[Itinerary, ...]] = [()]
        for number in reversed(order) if self.backwards else order:
            longer: list[tuple[Itinerary, ...]] = []
            for way in ways:
                at = self._goes_on(way, number) if way else moment
                if (number, at) not in known:
                    known[number, at] = self._searched(number, at)
                found = known[number, at]
                longer += [(one, *way) if self.backwards else (*way, one) for one in found]
            ways = sorted(longer, key=self._effort)[: _MOST * (2 if len(ways) > 1 else 1)]
        for way in ways:
            legs = [leg for one in self._closed_up(way) for leg in one.legs]
            vehicles = [leg.rental.vehicle.ref for leg in legs if leg.rental]
            if len(vehicles) == len(set(vehicles)):
                yield joined(self.ground.pricer, legs, self.request)

    def _goes_on(self, way: Sequence[Itinerary], number: int) -> datetime:
        if self.backwards:
            return way[0].departs_at - timedelta(seconds=self._stays[number])
        return way[-1].arrives_at + timedelta(seconds=self._stays[number - 1])

    def _searched(self, number: int, at: datetime) -> tuple[Itinerary, ...]:
        times = (None, at) if self.backwards else (at, None)
        asked = replace(self._requests[number], depart_at=times[0], arrive_by=times[1])
        names = self._names[number]
        return DoorToDoor(self.ground, asked, self.now, names=names).run().itineraries

    def _effort(self, way: Sequence[Itinerary]) -> tuple[float, int]:
        """The simplest first: by vehicle or on foot all the way, then the quickest."""
        mixed = any(i.has_transit for i in way) and not any(i.has_rental for i in way)
        until = -way[0].departs_at.timestamp() if self.backwards else way[-1].arrives_at.timestamp()
        return (until + mixed * 7200, sum(i.price.minor for i in way))

    def _closed_up(self, way: Sequence[Itinerary]) -> list[Itinerary]:
        """The same, where what needs no timetable is moved towards what follows (came before)."""
        parts = list(way)
        stays = [timedelta(seconds=stay) for stay in self._stays]
        if self.backwards:
            for n in range(1, len(parts)):
                if any(part.has_transit for part in parts[n:]):
                    continue
                parts[n] = _moved(parts[n], parts[n - 1].arrives_at + stays[n - 1])
        else:
            for n in reversed(range(len(parts) - 1)):
                if any(part.has_transit for part in parts[: n + 1]):
                    continue
                leaves = parts[n + 1].departs_at - stays[n] - timedelta(seconds=parts[n].seconds)
                parts[n] = _moved(parts[n], leaves)
        return parts


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
    return search.composer.front(journey, day, (), search.doors.rides).legs


def _moved(way: Itinerary, leaves: datetime) -> Itinerary:
    """The same at another time."""
    by = leaves - way.departs_at
    return replace(
        way,
        legs=tuple(
            leg._replace(departs_at=leg.departs_at + by, arrives_at=leg.arrives_at + by)
            for leg in way.legs
        ),
    )


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
