"""Compile a feed into a timetable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from gtfs.change_rules import list_rules, rule_table
from gtfs.defects import FeedError
from gtfs.feed import Feed, FeedStop
from gtfs.in_seat import find_links
from gtfs.patterns import by_pattern, patterns_of
from gtfs.shape_paths import paths_of
from gtfs.tables import (
    AgencyTable,
    EventTable,
    FootpathTable,
    RouteTable,
    ServiceTable,
    StationTable,
    StopTable,
    Strings,
    TripTable,
)
from gtfs.timetable import Timetable
from gtfs.transfers import Walk, WalkRules, Walks, footpaths
from gtfs.trip_columns import Services, Shapes, TripColumns

I32 = NDArray[np.int32]


def build(
    feed: Feed,
    *,
    walk_speed_mps: float = 1.2,
    walk_detour: float = 1.3,
    max_footpath_m: float = 400.0,
    change_s: int = 0,
    walk: Walk | None = None,
) -> Timetable:
    """Compile a feed.

    Footpaths come from transfers.txt; where it names none, from `walk`, or else they are straight
    lines times `walk_detour`; up to `max_footpath_m` metres at `walk_speed_mps`; see
    `transfers.footpaths`. 0 m generates none. `change_s` is the least time to change at one stop.

    Raises:
        FeedError: nothing runs on any day.
    """
    platforms = [stop for stop in feed.stops if not stop.is_station]
    stop_index = {stop.id: i for i, stop in enumerate(platforms)}
    rules = WalkRules(walk_speed_mps, walk_detour, max_footpath_m, change_s, walk)
    walks, change = footpaths(platforms, feed.transfers, rules)
    services = Services.of(feed.services)
    if not services.active.any():
        raise FeedError("no service of the feed runs on any day; check calendar.txt")
    trips, pattern_of = by_pattern(TripColumns.of(feed.trips))
    place_of = _renumbered(trips.stop_ids, stop_index)
    paths, path_of = paths_of(trips, pattern_of, place_of, platforms, Shapes.of(feed.shapes))
    return Timetable(
        tz_name=feed.tz_name,
        first_day=services.first_day,
        last_day=services.first_day + timedelta(days=services.active.shape[1] - 1),
        agencies=AgencyTable(
            Strings.of(a.id for a in feed.agencies),
            Strings.of(a.name for a in feed.agencies),
            Strings.of(a.url for a in feed.agencies),
        ),
        stations=_stations(feed),
        stop_table=_stops(feed, platforms, change),
        routes=_routes(feed),
        services=ServiceTable(Strings.of(services.id), services.active),
        patterns=patterns_of(trips, pattern_of, place_of),
        trips=_trips(feed, trips, services, pattern_of, path_of),
        events=EventTable(trips.arrival, trips.departure, trips.sequence),
        footpaths=_footpaths(len(platforms), walks),
        paths=paths,
        transfer_rules=rule_table(
            list_rules(trips, services, platforms, feed.routes, feed.transfer_rules, walks=walks),
            platforms,
            walks,
            change,
            rules,
        ),
        in_seat=find_links(trips, services, platforms, feed.routes, feed.transfer_rules),
        fares=feed.fares,
    )


def _renumbered(ids: Sequence[str], index: Mapping[str, int]) -> I32:
    """The place of each id in another numbering, -1 where it has none."""
    return np.array([index.get(id_, -1) for id_ in ids], np.int32)


def _int32(values: Sequence[int]) -> I32:
    return np.array(values, np.int32)


def _stations(feed: Feed) -> StationTable:
    stations = [stop for stop in feed.stops if stop.is_station]
    return StationTable(
        Strings.of(stop.id for stop in stations),
        Strings.of(stop.name for stop in stations),
        np.array([stop.position.lat for stop in stations], np.float64),
        np.array([stop.position.lon for stop in stations], np.float64),
    )


def _stops(feed: Feed, platforms: Sequence[FeedStop], change: I32) -> StopTable:
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
        change,
        Strings.of(stop.code for stop in platforms),
        Strings.of(stop.platform_code for stop in platforms),
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
    feed: Feed, trips: TripColumns, services: Services, pattern_of: I32, path_of: I32
) -> TripTable:
    routes = {route.id: i for i, route in enumerate(feed.routes)}
    service_index = {service: i for i, service in enumerate(services.id)}
    return TripTable(
        id=Strings.of(trips.id),
        headsign=Strings.pick(trips.texts, trips.headsign),
        note=Strings.pick(trips.texts, trips.note),
        route=_renumbered(trips.route_ids, routes)[trips.route],
        service=_renumbered(trips.service_ids, service_index)[trips.service],
        pattern=pattern_of,
        direction=trips.direction,
        wheelchair=trips.wheelchair,
        path=path_of,
        bikes=trips.bikes,
        block=Strings.pick(trips.texts, trips.block),
        planned=np.arange(len(trips), dtype=np.int32),
    )


def _footpaths(n_stops: int, walks: Walks) -> FootpathTable:
    from0 = np.zeros(n_stops + 1, np.int32)
    np.cumsum(np.bincount(walks.start, minlength=n_stops), out=from0[1:])
    return FootpathTable(from0, walks.end.astype(np.int32), walks.seconds.astype(np.int32))
