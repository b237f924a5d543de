"""Compile a feed into a timetable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.feed import Feed, FeedError, FeedStop, FeedTrip
from gtfs.geo import LatLon
from gtfs.tables import (
    AgencyTable,
    EventTable,
    FootpathTable,
    PathTable,
    PatternTable,
    RouteTable,
    ServiceTable,
    StationTable,
    StopTable,
    Strings,
    TripTable,
)
from gtfs.timetable import Timetable
from gtfs.transfers import Blocked, WalkRules, footpaths

type_of_pattern = tuple[tuple[str, ...], tuple[bool, ...], tuple[bool, ...]]


def build(
    feed: Feed,
    *,
    walk_speed_mps: float = 1.2,
    walk_detour: float = 1.3,
    max_footpath_m: float = 400.0,
    change_s: int = 0,
    blocked: Blocked | None = None,
) -> Timetable:
    """Compile a feed.

    Footpaths come from transfers.txt; where it names none, straight lines times `walk_detour`, up
    to `max_footpath_m` metres, at `walk_speed_mps`, unless `blocked(a, b)`; see
    `transfers.footpaths`. 0 m generates none. `change_s` is the least time to change at one stop.

    Raises:
        FeedError: nothing runs on any day.
    """
    platforms = [stop for stop in feed.stops if not stop.is_station]
    rules = WalkRules(walk_speed_mps, walk_detour, max_footpath_m, change_s, blocked)
    walks, change = footpaths(platforms, feed.transfers, rules)
    trips, pattern_of = _by_pattern(feed.trips)
    first_day, services = _services(feed.services)
    patterns = _patterns(trips, pattern_of, {stop.id: i for i, stop in enumerate(platforms)})
    call_paths = _Paths(feed, platforms)
    return Timetable(
        tz_name=feed.tz_name,
        first_day=first_day,
        last_day=first_day + timedelta(days=services.active.shape[1] - 1),
        agencies=AgencyTable(
            Strings.of(a.id for a in feed.agencies),
            Strings.of(a.name for a in feed.agencies),
            Strings.of(a.url for a in feed.agencies),
        ),
        stations=_stations(feed),
        stop_table=_stops(feed, platforms, change),
        routes=_routes(feed),
        services=services,
        patterns=patterns,
        trips=_trips(feed, trips, pattern_of, call_paths),
        events=EventTable(
            _int32([t for trip in trips for t in trip.arrivals]),
            _int32([t for trip in trips for t in trip.departures]),
            _int32([n for t in trips for n in (t.sequences or range(len(t.stop_ids)))]),
        ),
        footpaths=_footpaths(len(platforms), walks),
        paths=call_paths.table(),
    )


def _int32(values: Sequence[int]) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def _starts(sizes: Sequence[int]) -> NDArray[np.int32]:
    return np.cumsum(np.array([0, *sizes], np.int64)).astype(np.int32)


def _pattern_key(trip: FeedTrip) -> type_of_pattern:
    return (trip.stop_ids, trip.boards, trip.alights)


def _by_pattern(trips: Sequence[FeedTrip]) -> tuple[list[FeedTrip], list[int]]:
    """Trips with patterns as neighbours, each pattern's in time order; and their patterns."""
    groups: dict[type_of_pattern, list[FeedTrip]] = {}
    for trip in trips:
        groups.setdefault(_pattern_key(trip), []).append(trip)
    ordered: list[FeedTrip] = []
    pattern_of: list[int] = []
    for number, group in enumerate(groups.values()):
        group.sort(key=lambda trip: (trip.departures[0], sum(trip.arrivals), trip.id))
        ordered += group
        pattern_of += [number] * len(group)
    return ordered, pattern_of


def _patterns(
    trips: Sequence[FeedTrip], pattern_of: Sequence[int], stop_index: Mapping[str, int]
) -> PatternTable:
    firsts = [i for i in range(len(trips)) if i == 0 or pattern_of[i] != pattern_of[i - 1]]
    sizes = [b - a for a, b in zip(firsts, [*firsts[1:], len(trips)], strict=True)]
    leads = [trips[i] for i in firsts]
    return PatternTable(
        stop0=_starts([len(trip.stop_ids) for trip in leads]),
        trip0=_starts(sizes),
        event0=_starts([n * len(trip.stop_ids) for n, trip in zip(sizes, leads, strict=True)]),
        stops=_int32([stop_index[stop] for trip in leads for stop in trip.stop_ids]),
        boards=np.array([b for trip in leads for b in trip.boards], np.bool_),
        alights=np.array([a for trip in leads for a in trip.alights], np.bool_),
    )


def _services(services: Mapping[str, frozenset[date]]) -> tuple[date, ServiceTable]:
    days = frozenset[date]().union(*services.values())
    if not days:
        raise FeedError("no service of the feed runs on any day; check calendar.txt")
    first, n_days = min(days), (max(days) - min(days)).days + 1
    active = np.zeros((len(services), n_days), np.bool_)
    for row, running in enumerate(services.values()):
        for day in running:
            active[row, (day - first).days] = True
    return first, ServiceTable(Strings.of(services), active)


def _stations(feed: Feed) -> StationTable:
    stations = [stop for stop in feed.stops if stop.is_station]
    return StationTable(
        Strings.of(stop.id for stop in stations),
        Strings.of(stop.name for stop in stations),
        np.array([stop.position.lat for stop in stations], np.float64),
        np.array([stop.position.lon for stop in stations], np.float64),
    )


def _stops(feed: Feed, platforms: Sequence[FeedStop], change: Sequence[int]) -> StopTable:
    stations = [stop.id for stop in feed.stops if stop.is_station]
    index = {station: i for i, station in enumerate(stations)}
    return StopTable(
        Strings.of(stop.id for stop in platforms),
        Strings.of(stop.name for stop in platforms),
        Strings.of(stop.zone_id for stop in platforms),
        np.array([stop.position.lat for stop in platforms], np.float64),
        np.array([stop.position.lon for stop in platforms], np.float64),
        _int32([index.get(stop.parent_id or "", -1) for stop in platforms]),
        np.array([stop.wheelchair for stop in platforms], np.int8),
        _int32(change),
    )


def _routes(feed: Feed) -> RouteTable:
    agencies = {agency.id: i for i, agency in enumerate(feed.agencies)}
    return RouteTable(
        Strings.of(route.id for route in feed.routes),
        _int32([agencies[route.agency_id] for route in feed.routes]),
        Strings.of(route.short_name for route in feed.routes),
        Strings.of(route.long_name for route in feed.routes),
        Strings.of(route.color for route in feed.routes),
        Strings.of(route.text_color for route in feed.routes),
        _int32([route.type for route in feed.routes]),
    )


def _trips(
    feed: Feed, trips: Sequence[FeedTrip], pattern_of: Sequence[int], call_paths: _Paths
) -> TripTable:
    routes = {route.id: i for i, route in enumerate(feed.routes)}
    services = {service: i for i, service in enumerate(feed.services)}
    return TripTable(
        id=Strings.of(trip.id for trip in trips),
        headsign=Strings.of(trip.headsign for trip in trips),
        note=Strings.of(trip.note for trip in trips),
        route=_int32([routes[trip.route_id] for trip in trips]),
        service=_int32([services[trip.service_id] for trip in trips]),
        pattern=_int32(pattern_of),
        direction=np.array([trip.direction for trip in trips], np.int8),
        wheelchair=np.array([trip.wheelchair for trip in trips], np.int8),
        path=_int32([call_paths.lay(trip) for trip in trips]),
        bikes=np.array([trip.bikes for trip in trips], np.int8),
    )


def _footpaths(n_stops: int, walks: Mapping[tuple[int, int], int]) -> FootpathTable:
    rows = sorted((a, b, seconds) for (a, b), seconds in walks.items())
    table = np.array(rows, np.int32).reshape(-1, 3)
    counts = np.bincount(table[:, 0], minlength=n_stops).tolist()
    return FootpathTable(
        _starts(counts), np.ascontiguousarray(table[:, 1]), np.ascontiguousarray(table[:, 2])
    )


class _Paths:
    """Shapes laid along the calls of trips, each combination once."""

    def __init__(self, feed: Feed, platforms: Sequence[FeedStop]) -> None:
        self._positions = {stop.id: stop.position for stop in platforms}
        self._shapes = feed.shapes
        self._shape_row = {shape: i for i, shape in enumerate(feed.shapes)}
        self._rows: dict[tuple[str, tuple[str, ...]], int] = {}
        self._calls: list[list[int]] = []
        self._shape_of: list[int] = []

    def lay(self, trip: FeedTrip) -> int:
        """The row of the trip's path, -1 if it has no shape."""
        if trip.shape_id not in self._shapes:
            return -1
        key = (trip.shape_id, trip.stop_ids)
        if key not in self._rows:
            self._rows[key] = len(self._rows)
            self._shape_of.append(self._shape_row[trip.shape_id])
            self._calls.append(
                points_of_calls(
                    [self._positions[stop] for stop in trip.stop_ids], self._shapes[trip.shape_id]
                )
            )
        return self._rows[key]

    def table(self) -> PathTable:
        """All paths laid so far."""
        points = [point for shape in self._shapes.values() for point in shape]
        return PathTable(
            call0=_starts([len(calls) for calls in self._calls]),
            call_point=_int32([point for calls in self._calls for point in calls]),
            shape=_int32(self._shape_of),
            shape_point0=_starts([len(shape) for shape in self._shapes.values()]),
            lat=np.array([point.lat for point in points], np.float64),
            lon=np.array([point.lon for point in points], np.float64),
        )


def points_of_calls(calls: Sequence[LatLon], shape: Sequence[LatLon]) -> list[int]:
    """The shape point of each call: never backwards, least sum of squared distances (exact DP)."""
    scale = np.array([1.0, np.cos(np.radians(calls[0].lat))])
    line = np.array([(p.lat, p.lon) for p in shape]) * scale
    best: NDArray[np.float64] = np.zeros(len(shape))
    choices: list[NDArray[np.int64]] = []
    for call in calls:
        offset: NDArray[Any] = line - np.array([call.lat, call.lon]) * scale
        reach = np.minimum.accumulate(best)
        new_minimum = np.r_[True, best[1:] < reach[:-1]]
        choices.append(np.maximum.accumulate(np.where(new_minimum, np.arange(len(best)), 0)))
        best = reach + (offset**2).sum(axis=1)
    at = int(np.argmin(best))
    points: list[int] = []
    for choice in reversed(choices):
        points.append(at)
        at = int(choice[at])
    return points[::-1]
