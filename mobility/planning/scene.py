"""What searches read of one timetable, worked out once: its stops, its rides as legs show them."""

from __future__ import annotations

from dataclasses import dataclass

from gtfs.ids import RouteIdx
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.planning.accessibility import Accessibility, of_ride
from mobility.planning.itinerary import Place, Ride
from mobility.planning.lines import Lines
from mobility.planning.modes import mode_of
from mobility.planning.ways.polyline import Course
from providers.values import Mode, ProviderId

_KEPT_STRETCHES = 50_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A trip between two of its calls: all of a leg but its times and who travels."""

    mode: Mode
    origin: Place
    destination: Place
    metres: int
    course: Course
    ride: Ride
    accessibility: Accessibility
    provider_id: ProviderId | None
    grams_per_km: int
    """CO2 equivalent a passenger; 0 where no source gives one."""
    realtime: bool
    """Whether its times are live."""


class Scene:
    """One timetable with what is drawn of it. Safe to use from several threads."""

    def __init__(self, city: City, timetable: Timetable, before: Scene | None = None) -> None:
        """Take a timetable, and the scene of the one that realtime made it of."""
        self.timetable = timetable
        self.lines: Lines = Lines(timetable, before.lines if before else None)
        self.stops: tuple[Place, ...] = (
            before.stops
            if before
            else tuple(Place(stop.name, stop.position, stop.id) for stop in timetable.stops)
        )
        self._city = city
        self.planned: int = before.planned if before else len(timetable.trips.id)
        self._stretches: dict[tuple[int, int, int], Stretch] = {}
        routes = [timetable.route(RouteIdx(n)) for n in range(len(timetable.routes.id))]
        self._routes = [
            (route, mode_of(route), city.find_provider_of_agency(route.agency_id))
            for route in routes
        ]

    def routes_of(self, modes: frozenset[Mode]) -> frozenset[int]:
        """The lines that go by one of the modes."""
        if not modes:
            return frozenset()
        return frozenset(n for n, (_, mode, _) in enumerate(self._routes) if mode in modes)

    @property
    def modes(self) -> frozenset[Mode]:
        """The modes of all lines."""
        return frozenset(mode for _, mode, _ in self._routes)

    def stretch(self, trip: int, board: int, alight: int) -> Stretch:
        """A trip between two positions of its pattern."""
        key = (trip, board, alight)
        known = self._stretches.get(key)
        if known is None:
            if len(self._stretches) >= _KEPT_STRETCHES:
                self._stretches.clear()
            known = self._stretches[key] = self._make(trip, board, alight)
        return known

    def footpath_metres(self, start: int, end: int) -> int:
        """The length of a walk between two stops, whose time holds more than the way."""
        return round(self.lines.straight_m(start, end) * self._city.rules.walk_detour)

    def _make(self, number: int, board: int, alight: int) -> Stretch:
        timetable = self.timetable
        trips, patterns = timetable.trips, timetable.patterns
        route, mode, provider = self._routes[trips.route[number]]
        first = int(patterns.stop0[trips.pattern[number]])
        ends = [timetable.stops[patterns.stops[first + place]] for place in (board, alight)]
        metres = self.lines.metres(number)
        return Stretch(
            mode=mode,
            origin=self.stops[ends[0].idx],
            destination=self.stops[ends[1].idx],
            metres=int(metres[alight] - metres[board]),
            course=self.lines.course(number, board, alight),
            ride=Ride(
                trip_id=trips.id[number],
                line=route.short_name or route.long_name,
                headsign=trips.headsign[number],
                color=route.color,
                agency_id=route.agency_id,
                route_id=route.id,
                note=trips.note[number],
                board_index=board,
                alight_index=alight,
                from_zone=ends[0].zone_id or None,
                to_zone=ends[1].zone_id or None,
            ),
            accessibility=of_ride(
                int(trips.wheelchair[number]), *(stop.wheelchair for stop in ends)
            ),
            provider_id=provider.provider_id if provider else None,
            grams_per_km=self._city.emissions.find_grams_per_km(mode) or 0,
            realtime=number >= self.planned,
        )
