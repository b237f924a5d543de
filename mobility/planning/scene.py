"""What searches read of one timetable, worked out once: its stops, its rides as legs show them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gtfs.ids import RouteIdx
from gtfs.timetable import Route, Timetable
from mobility.cities.city import City
from mobility.planning.accessibility import Accessibility, of_ride
from mobility.planning.itinerary import Place, Ride
from mobility.planning.lines import Lines
from mobility.planning.modes import mode_of
from mobility.planning.ways.polyline import Course
from mobility.planning.ways.water import great_circle_m
from providers.values import Mode, ProviderId

FOOTPATH_STEP_M = 50
_KEPT_STRETCHES = 50_000
_KEPT_RUNS = 20_000


class Stretch(NamedTuple):
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


class _Run(NamedTuple):
    """A trip: what its stretches have in common."""

    route: Route
    mode: Mode
    trip_id: str
    headsign: str
    note: str
    wheelchair: int
    calls: list[int]
    """Its stops in order."""
    metres: list[int]
    """From the first call to each."""
    provider_id: ProviderId | None
    grams_per_km: int


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
        self.longest_footpath_m: float = (
            before.longest_footpath_m if before else self._find_longest_footpath_m()
        )
        """As the crow flies."""
        self._stretches: dict[tuple[int, int, int], Stretch] = {}
        self._runs: dict[int, _Run] = {}
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

    def footpaths_within(self, metres: int) -> float | None:
        """Which footpaths are at most so long, for ``Usable``; None where all of them are.

        In steps, as each is a network of its own.
        """
        most = metres // FOOTPATH_STEP_M * FOOTPATH_STEP_M
        within = (most + 0.5) / self._city.rules.walk_detour  # as lengths are shown, rounded
        return None if within >= self.longest_footpath_m else within

    def footpath_metres(self, start: int, end: int) -> int:
        """The length of a walk between two stops, whose time holds more than the way."""
        return round(self.lines.straight_m(start, end) * self._city.rules.walk_detour)

    def _find_longest_footpath_m(self) -> float:
        paths, degrees = self.timetable.footpaths, self.lines.stops
        start = np.repeat(np.arange(len(degrees)), np.diff(paths.from0))
        return float(great_circle_m(degrees[start], degrees[paths.to]).max(initial=0))

    def _make(self, number: int, board: int, alight: int) -> Stretch:
        run = self._run(number)
        start, end = (self.timetable.stops[run.calls[place]] for place in (board, alight))
        route = run.route
        return Stretch(
            mode=run.mode,
            origin=self.stops[start.idx],
            destination=self.stops[end.idx],
            metres=run.metres[alight] - run.metres[board],
            course=self.lines.course(number, board, alight),
            ride=Ride(
                trip_id=run.trip_id,
                line=route.short_name or route.long_name,
                headsign=run.headsign,
                color=route.color,
                agency_id=route.agency_id,
                route_id=route.id,
                note=run.note,
                board_index=board,
                alight_index=alight,
                from_zone=start.zone_id or None,
                to_zone=end.zone_id or None,
            ),
            accessibility=of_ride(run.wheelchair, start.wheelchair, end.wheelchair),
            provider_id=run.provider_id,
            grams_per_km=run.grams_per_km,
            realtime=number >= self.planned,
        )

    def _run(self, number: int) -> _Run:
        known = self._runs.get(number)
        if known is None:
            if len(self._runs) >= _KEPT_RUNS:
                self._runs.clear()
            known = self._runs[number] = self._read(number)
        return known

    def _read(self, number: int) -> _Run:
        trips, patterns = self.timetable.trips, self.timetable.patterns
        route, mode, provider = self._routes[trips.route[number]]
        first, after = patterns.stop0[trips.pattern[number] :][:2].tolist()
        return _Run(
            route=route,
            mode=mode,
            trip_id=trips.id[number],
            headsign=trips.headsign[number],
            note=trips.note[number],
            wheelchair=int(trips.wheelchair[number]),
            calls=patterns.stops[first:after].tolist(),
            metres=self.lines.metres(number).tolist(),
            provider_id=provider.provider_id if provider else None,
            grams_per_km=self._city.emissions.find_grams_per_km(mode) or 0,
        )
