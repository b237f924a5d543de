"""From door to door by all that a city has: bus and ferry, on foot, rented bike and car, combined.

Plain bus is searched first and for itself, so that nothing else drives it out; then rides with a
rented vehicle before or after the bus; then everything without a timetable. All of it is priced,
then ranked. A page holds the scheduled journeys that leave (arrive-by: arrive) within a window;
windows touch, so turning pages neither skips nor repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from gtfs.geo import LatLon, distance_m
from gtfs.ids import RouteIdx, StopIdx
from gtfs.journey import Journey
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.planning import notices, wishes
from mobility.planning.access import Access
from mobility.planning.candidate import candidate_of
from mobility.planning.compose import Composer, Lines, Way, mode_of
from mobility.planning.errors import UnknownStopError
from mobility.planning.itinerary import TRANSIT, Accessible, Itinerary, Place, Reason
from mobility.planning.place_rows import PlaceRow
from mobility.planning.places import PlaceIndex
from mobility.planning.pricing import Pricer
from mobility.planning.rank import rank
from mobility.planning.reach import StreetWays
from mobility.planning.rental import Fleet
from mobility.planning.request import Notice, Page, SearchRequest, SearchResult
from mobility.planning.scheduled import (
    PlainPage,
    Ways,
    doors,
    list_combined,
    list_plain,
    stops_of,
)
from mobility.planning.streets import streets_of
from mobility.planning.transit import departs_at
from providers.mirror import Mirror
from providers.port import Provider
from providers.values import Mode, ProviderId

NEAREST_STOPS = 80
WALK_ONLY_SECONDS = 4500
"""A longer walk is not offered as a journey."""
HERE_M = 15
"""Start and goal closer than this are one place."""
LAST_GAP = timedelta(hours=2, minutes=30)
EVENING_FROM, MORNING_AT = 19, 5


@dataclass(frozen=True, slots=True)
class Door:
    """One end of a journey: where it is, and the stops that are at it."""

    place: Place
    stops: tuple[StopIdx, ...] = ()


class Planner:
    """Searches one city. Synchronous; safe to call from several threads."""

    def __init__(
        self,
        city: City,
        timetable: Timetable,
        mirror: Mirror,
        providers: Mapping[ProviderId, Provider],
        current: Callable[[], Timetable] | None = None,
        streets: StreetWays | None = None,
        addresses: Iterable[PlaceRow] = (),
    ) -> None:
        """Take the city, its compiled timetable, what is available, and who sells it.

        ``current`` gives the timetable with realtime in it; no ``streets``: they are estimated.
        """
        self.city = city
        self.timetable = timetable
        self.current = current or (lambda: timetable)
        self.mirror = mirror
        self.streets = streets or streets_of(city.water, city.crossings, city.rules)
        self.access = Access(self.streets, [stop.position for stop in timetable.stops])
        self.pricer = Pricer(city, providers)
        self.lines = Lines(timetable)
        self.places = PlaceIndex(city, timetable, addresses)
        self.modes_here = _modes_of(city, timetable)

    def warm_up(self, now: datetime) -> None:
        """Measure the ways that all searches share, so that the first one need not wait."""
        on = now.astimezone(self.city.timezone).date()
        middle, beside = self.city.centre, LatLon(self.city.centre.lat, self.city.centre.lon + 0.05)
        for mode in self.streets.modes():
            self.streets.leg(mode, middle, beside, on)
        request = SearchRequest(middle, LatLon(middle.lat + 0.01, middle.lon + 0.01))
        self.search(request, now)
        self.search(replace(request, arrive_by=now + timedelta(hours=1)), now)

    def search(self, request: SearchRequest, now: datetime) -> SearchResult:
        """All ways worth showing, priced and ranked.

        Raises:
            UnknownStopError, UnknownPassError, BadSearchError
        """
        request.check(now)
        self.pricer.check_passes(request.passes)
        return _Search(self, request, now).run()

    def name_near(self, position: LatLon) -> str:
        """What a place without a name is called."""
        return self.lines.name_near(position) or self.city.title

    def get_stop(self, idx: StopIdx) -> Place:
        """A stop of the timetable as a place."""
        stop = self.timetable.stop(idx)
        return Place(stop.name, stop.position, stop.id)

    def get_door(self, end: LatLon | str, name: str) -> Door:
        """A position, or the stops of a stop or station id.

        A position goes by the name of the place or stop it is at, or else by ``name``.

        Raises:
            UnknownStopError: no such id.
        """
        if isinstance(end, LatLon):
            at = self.places.find_at(end)
            return Door(Place(at.name if at else name, end))
        try:
            children = self.timetable.children_of(end)
        except KeyError as error:
            raise UnknownStopError(f"there is no stop or station {end[:80]!r}") from error
        station = self.timetable.station_index.get(end)
        if station is not None:
            return Door(Place(station.name, station.position, end), children)
        stop = self.timetable.stop(children[0])
        return Door(Place(stop.name, stop.position, end), children)

    def list_fleets(self, now: datetime) -> tuple[list[Fleet], list[Notice]]:
        """What can be rented now, and which providers are left out because they are stale."""
        fleets, stale = [], []
        for stanza in self.city.providers:
            if not stanza.vehicle_type:
                continue
            provider_id = stanza.provider_id
            if not self.mirror.fresh(provider_id, now):
                stale.append(notices.left_out(provider_id, stanza.name))
                continue
            fleets.append(
                Fleet(
                    provider_id,
                    {kind.id: kind for kind in stanza.vehicle_types()},
                    self.mirror.list_vehicles(provider_id),
                    self.mirror.list_stations(provider_id),
                )
            )
        return fleets, stale


class _Search:
    """One search: what it was asked, and what it needs at every turn."""

    def __init__(self, planner: Planner, request: SearchRequest, now: datetime) -> None:
        self.planner = planner
        self.city = planner.city
        self.request = request
        self.now = now
        self.timetable = planner.current()
        self.backwards = request.arrive_by is not None
        self.at = _whole_second(
            request.arrive_by or request.depart_at or now, up=not self.backwards
        )
        self.page = Page.read(request.page, now) if request.page else None
        self.on: date = self.at.astimezone(self.city.timezone).date()
        self.origin = planner.get_door(request.origin, "Start")
        self.destination = planner.get_door(request.destination, "Ziel")
        self.ends = (self.origin.place, self.destination.place)
        self.positions = (self.ends[0].position, self.ends[1].position)
        walk_m = self.city.rules.walk_max_m if request.max_walk_m is None else request.max_walk_m
        self.walk_seconds = planner.streets.seconds(Mode.WALK, walk_m)
        self.fleets, self.stale = planner.list_fleets(now)
        self.composer = Composer(
            self.city,
            self.timetable,
            planner.streets,
            planner.lines,
            passengers=request.passengers,
        )
        self.pick = int(now.timestamp() * 1000)
        self.hidden: list[Itinerary] = []
        """Plain journeys that go by a mode that was not asked for."""

    def run(self) -> SearchResult:
        """The whole answer."""
        if distance_m(*self.positions) < HERE_M:
            here = Notice("already_there", "Start und Ziel sind derselbe Ort.")
            return SearchResult((), (here,), None, None)
        if any(position not in self.city.bounds for position in self.positions):
            text = f"Start oder Ziel liegt außerhalb des Gebiets von {self.city.title}."
            return SearchResult((), (Notice("outside_area", text),), None, None)
        walk = self._walk()
        page, plain, combined = self._scheduled(walk)
        direct = self._priced(self._direct(walk))
        found = self._priced([*plain, *combined])
        ranked = rank(
            map(candidate_of, found if self.page else [*found, *direct]),
            rivals=map(candidate_of, direct if self.page else ()),
            latest_first=self.backwards,
        )
        shown = tuple(
            self.composer.drawn(replace(one.found, reasons=one.reasons), self.on) for one in ranked
        )
        return SearchResult(
            itineraries=shown,
            notices=tuple(self._notices(page, plain, shown)),
            earlier=Page(earlier=True, at=page.first).token(),
            later=Page(earlier=False, at=page.until).token(),
        )

    def _priced(self, found: Iterable[Itinerary]) -> list[Itinerary]:
        passes, passengers = self.request.passes, self.request.passengers
        return [self.planner.pricer.priced(i, passes, passengers) for i in found]

    # Without a timetable

    def _walk(self) -> Itinerary | None:
        way = self.planner.streets.leg(Mode.WALK, *self.positions, self.on)
        if way is None or not 0 < way.seconds <= WALK_ONLY_SECONDS:
            return None
        leaves = self.at - timedelta(seconds=way.seconds) if self.backwards else self.at
        return self.composer.walk(*self.ends, leaves, way.seconds)

    def _direct(self, walk: Itinerary | None) -> list[Itinerary]:
        result = [walk] if walk is not None and Mode.WALK in self.request.modes else []
        for mode in (Mode.BIKE, Mode.SCOOTER, Mode.CAR):
            for fleet in self._usable(mode):
                ways = self.planner.access.rentals_direct(
                    fleet, mode, self.positions, self.on, self.walk_seconds
                )
                for way in ways:
                    if walk is not None and walk.seconds <= way.seconds + 60:
                        continue
                    leaves = self.at - timedelta(seconds=way.seconds * self.backwards)
                    legs = self.composer.rental(way, *self.ends, leaves, self.pick)
                    result.append(Itinerary(legs))
        return result

    def _usable(self, mode: Mode) -> list[Fleet]:
        """The fleets of a mode, where these travellers could use one of their vehicles."""
        if mode not in self.request.modes:
            return []
        if mode is not Mode.CAR and (self.request.wheelchair or self.request.passengers > 1):
            return []
        return [
            fleet
            for fleet in self.fleets
            if any(
                kind.mode is mode and kind.seats >= self.request.passengers
                for kind in fleet.types.values()
            )
        ]

    # With a timetable

    def _scheduled(
        self, walk: Itinerary | None
    ) -> tuple[PlainPage, list[Itinerary], list[Itinerary]]:
        timetable = self.timetable
        out, back = self._on_foot(self.origin), self._on_foot(self.destination)
        page = list_plain(
            timetable,
            doors(out, back),
            at=self.at,
            width=self.request.window,
            page=self.page,
            backwards=self.backwards,
        )
        plain = self._composed(page.journeys, out, back, walk)
        combined = [
            itinerary
            for ways in self._with_bike(out, back)
            for itinerary in self._composed(
                list_combined(timetable, doors(*ways), page, backwards=self.backwards), *ways, walk
            )
        ]
        return page, self._with_last_way(plain, page), combined

    def _on_foot(self, door: Door) -> dict[int, Way]:
        walks = self.planner.access.stops_on_foot(
            door.place.position, self.on, self.walk_seconds, NEAREST_STOPS
        )
        return {**walks, **stops_of(door.stops)}

    def _with_bike(self, out: Ways, back: Ways) -> list[tuple[Ways, Ways]]:
        """The ways with a rented vehicle to the first stop, and from the last."""
        pairs: list[tuple[Ways, Ways]] = []
        for mode in (Mode.BIKE, Mode.SCOOTER):
            for fleet in self._usable(mode):
                by_bike = [
                    self.planner.access.stops_by_bike(
                        fleet, mode, position, self.on, self.walk_seconds, outward=outward
                    )
                    for position, outward in zip(self.positions, (True, False), strict=True)
                ]
                pairs += [(by_bike[0], back), (out, by_bike[1])]
        return pairs

    def _composed(
        self, journeys: Iterable[Journey], out: Ways, back: Ways, walk: Itinerary | None
    ) -> list[Itinerary]:
        """The journeys from door to door that are allowed and quicker than walking all the way.

        Those that are not allowed for their modes alone are kept in ``hidden``.
        """
        wanted = self.request.modes | {Mode.WALK}
        result = []
        for journey in journeys:
            itinerary = self.composer.scheduled(
                journey, self.ends, out[journey.source], back[journey.target], self.pick
            )
            if walk is not None and itinerary.seconds >= walk.seconds:
                continue
            if self.request.wheelchair and any(
                leg.accessible is Accessible.NO for leg in itinerary.legs
            ):
                continue
            if all(leg.mode in wanted for leg in itinerary.legs):
                result.append(itinerary)
            elif not itinerary.has_rental:
                self.hidden.append(itinerary)
        return result

    def _with_last_way(self, plain: list[Itinerary], page: PlainPage) -> list[Itinerary]:
        """Mark the last bus of the evening: after it, none goes for hours."""
        if not plain or self.backwards or page.jumped or not self._ends_the_night(plain, page):
            return plain
        last = max(itinerary.departs_at for itinerary in plain)
        return [
            replace(i, reasons=(Reason.LAST_WAY_HOME,)) if i.departs_at == last else i
            for i in plain
        ]

    def _ends_the_night(self, plain: list[Itinerary], page: PlainPage) -> bool:
        last = max(itinerary.departs_at for itinerary in plain)
        hour = last.astimezone(self.city.timezone).hour
        if page.beyond is None or not (hour >= EVENING_FROM or hour < MORNING_AT):
            return False
        return departs_at(page.beyond, self.timetable) - last > LAST_GAP

    # What else there is

    def _notices(
        self, page: PlainPage, plain: list[Itinerary], shown: tuple[Itinerary, ...]
    ) -> list[Notice]:
        asked_for_transit = bool(self.request.modes & TRANSIT)
        last_day = self.timetable.last_day
        found: list[Notice] = []
        nothing_soon = page.jumped or not page.journeys
        if asked_for_transit and page.jumped and plain:
            found.append(
                notices.next_departure(plain[0], self.city, self.at, backwards=self.backwards)
            )
        elif asked_for_transit and not page.journeys:
            found.append(notices.no_departure(last_day, self.on, stops_near=page.stops_near))
        if nothing_soon or not shown:
            car = self.planner.streets.leg(Mode.CAR, *self.positions, self.on)
            if car is not None:
                found += notices.taxi(self.city, car.metres, self.request.passengers)
            found += notices.on_demand(self.city, self.at)
        if self.page is None:
            found += wishes.quicker_by(self.hidden, shown, self.request, self.city, self.at)
        found += wishes.not_here(self.request, self.city, self.planner.modes_here)
        found += wishes.too_many(self.request, self.fleets)
        found += self.stale
        found += notices.of_journeys(shown, self.city, self.now, wheelchair=self.request.wheelchair)
        if any(itinerary.has_transit for itinerary in shown):
            found += [
                Notice("fare_change_announced", text)
                for text in self.planner.pricer.list_notices(self.on)
            ]
            found += [
                Notice("pass", text)
                for text in self.planner.pricer.explain_passes(self.request.passes)
            ]
        return found


def _modes_of(city: City, timetable: Timetable) -> frozenset[Mode]:
    routes = (timetable.route(RouteIdx(n)) for n in range(len(timetable.routes.id)))
    rented = {kind.mode for stanza in city.providers for kind in stanza.vehicle_types()}
    return frozenset({Mode.WALK, *rented, *map(mode_of, routes)})


def _whole_second(at: datetime, *, up: bool) -> datetime:
    """Timetables know whole seconds: nobody may leave earlier, or arrive later, than asked."""
    down = at.astimezone(UTC).replace(microsecond=0)
    return down + timedelta(seconds=1) if up and down < at else down
