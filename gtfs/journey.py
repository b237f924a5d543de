"""Stop-to-stop journeys: Pareto sets of (arrival, transfers), and their mirror for arriving by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from gtfs.geo import LatLon
from gtfs.ids import StopIdx, TripIdx
from gtfs.network import MAX_RIDES, DayNetwork, View, Workspace, network_of
from gtfs.raptor import FRONT_ROW, LEG_ROW, LEGS_FROM, search_day
from gtfs.service_time import DAY_S
from gtfs.timetable import Timetable

MAX_TRANSFERS = MAX_RIDES - 1


@dataclass(frozen=True, slots=True)
class Access:
    """A stop and the seconds it takes from the door to it, or from it to the door."""

    stop: StopIdx
    seconds: int


@dataclass(frozen=True, slots=True)
class Query:
    """A search on the axis of a service day (`service_time.seconds_at` gives `seconds`).

    `seconds` is the earliest departure from the door, or for `search_latest` the latest arrival at
    it. Rides of the day, the days before that still run, and the day after are seen. With
    `walk_at_ends` a footpath of the timetable may come before the first ride and after the last,
    and a walk alone is a journey of -1 transfers: for queries from stop to stop. Without it the
    sources and targets are all there is: for doors whose surroundings were searched on streets.
    """

    day: date
    seconds: int
    sources: tuple[Access, ...]
    targets: tuple[Access, ...]
    max_transfers: int = 7
    walk_at_ends: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_transfers <= MAX_TRANSFERS:
            raise ValueError(f"max_transfers is 0 to {MAX_TRANSFERS}, not {self.max_transfers}")
        if any(not 0 <= end.seconds < DAY_S for end in (*self.sources, *self.targets)):
            raise ValueError("access and egress take 0 s to 24 h")
        if abs(self.seconds) > 4 * DAY_S:
            raise ValueError(f"{self.seconds} s is not on {self.day}; use its own service day")


@dataclass(frozen=True, slots=True)
class Ride:
    """A part of one trip; positions count its calls from 0; `day_offset` -1: yesterday's trip."""

    trip: TripIdx
    day_offset: int
    from_stop: StopIdx
    to_stop: StopIdx
    from_position: int
    to_position: int
    departs_s: int
    arrives_s: int


@dataclass(frozen=True, slots=True)
class Footpath:
    """A walk between two stops."""

    from_stop: StopIdx
    to_stop: StopIdx
    departs_s: int
    arrives_s: int


@dataclass(frozen=True, slots=True)
class Journey:
    """From door to door, all seconds on the axis of `day`.

    `departs_s` is the latest departure from the door that catches the first ride; `arrives_s` is at
    the other door, so that the way to `source` and from `target` is included but is no leg.
    `transfers` is the number of rides minus one.
    """

    day: date
    departs_s: int
    arrives_s: int
    transfers: int
    legs: tuple[Ride | Footpath, ...]
    source: StopIdx
    target: StopIdx


def between(
    timetable: Timetable,
    from_id: str,
    to_id: str,
    day: date,
    seconds: int,
    max_transfers: int = 7,
) -> Query:
    """The query from stop to stop, or station to station. Raises KeyError for an unknown id."""
    return Query(
        day,
        seconds,
        tuple(Access(stop, 0) for stop in timetable.children_of(from_id)),
        tuple(Access(stop, 0) for stop in timetable.children_of(to_id)),
        max_transfers,
        walk_at_ends=True,
    )


def search(timetable: Timetable, query: Query) -> tuple[Journey, ...]:
    """The Pareto set of (arrival, transfers) that departs at `query.seconds` or later.

    Fewest transfers first, so each next journey arrives strictly earlier. Releases the GIL.
    """
    return _search(timetable, query, View.AHEAD)


def search_latest(timetable: Timetable, query: Query) -> tuple[Journey, ...]:
    """The Pareto set of (latest departure, transfers) that arrives by `query.seconds`.

    Fewest transfers first, so each next journey departs strictly later; each arrives as early as
    its departure and transfers allow. Looks back 24 h.
    """
    network = network_of(timetable, query.day, View.MIRRORED)
    mirrored = replace(query, seconds=-query.seconds, sources=query.targets, targets=query.sources)
    workspace = network.borrow()
    n_journeys = _run(network, workspace, mirrored)
    rows = workspace.out[: FRONT_ROW * n_journeys].tolist()
    network.give_back(workspace)
    journeys: list[Journey] = []
    for at in range(0, len(rows), FRONT_ROW):
        departs_s, rides = -rows[at], rows[at + 1]
        if departs_s < query.seconds - DAY_S:
            continue
        again = replace(query, seconds=departs_s, max_transfers=max(rides - 1, 0))
        found = _search(timetable, again, View.AROUND)
        journeys.append(found[-1] if rides else found[0])
    return tuple(journeys)


def _search(timetable: Timetable, query: Query, view: View) -> tuple[Journey, ...]:
    network = network_of(timetable, query.day, view)
    workspace = network.borrow()
    n_journeys = _run(network, workspace, query)
    front = workspace.out[: FRONT_ROW * n_journeys].tolist()
    rows = workspace.out[LEGS_FROM : LEGS_FROM + LEG_ROW * sum(front[2::FRONT_ROW])].tolist()
    network.give_back(workspace)
    journeys: list[Journey] = []
    at = 0
    for j in range(0, len(front), FRONT_ROW):
        arrives_s, rides, n_legs, source, target = front[j : j + FRONT_ROW]
        end = at + LEG_ROW * n_legs
        access_s = _access_s(query, source)
        order = range(end - LEG_ROW, at - LEG_ROW, -LEG_ROW)
        departs_s = _first_departure(rows, order, query.seconds + access_s)
        journeys.append(
            Journey(
                query.day,
                departs_s - access_s,
                arrives_s,
                rides - 1,
                _legs(network, rows, order, departs_s),
                source,
                target,
            )
        )
        at = end
    return tuple(journeys)


def _run(network: DayNetwork, workspace: Workspace, query: Query) -> int:
    ends: list[int] = []
    for end in query.sources:
        ends += (end.stop, end.seconds)
    for end in query.targets:
        ends += (end.stop, end.seconds)
    stops = ends[::2]
    if not stops or min(stops) < 0 or max(stops) >= network.n_stops:
        raise ValueError("the query names no stop, or one that is not of this timetable")
    return search_day(
        network.data,
        network.offsets,
        workspace.data,
        workspace.offsets,
        np.array(ends, np.int32),
        len(query.sources),
        query.seconds,
        query.max_transfers + 1,
        query.walk_at_ends,
        workspace.out,
    )


def _access_s(query: Query, source: int) -> int:
    if len(query.sources) == 1:
        return query.sources[0].seconds
    return min(end.seconds for end in query.sources if end.stop == source)


def _first_departure(rows: list[Any], order: range, at_once_s: int) -> int:
    """When one leaves the first stop: in time for the first ride, a walk alone at once."""
    if order and rows[order[0]] >= 0:
        return int(rows[order[0] + 5])
    if len(order) > 1:
        return int(rows[order[1] + 5] - rows[order[0] + 5])
    return at_once_s


def _legs(
    network: DayNetwork, rows: list[Any], order: range, departs_s: int
) -> tuple[Ride | Footpath, ...]:
    """Legs in travel order; footpaths after a ride start without waiting."""
    legs: list[Ride | Footpath] = []
    now_s = departs_s
    for at in order:
        trip, start, end, board, alight, leaves_s, reaches_s = rows[at : at + LEG_ROW]
        if trip < 0:
            legs.append(Footpath(start, end, now_s, now_s + leaves_s))
            now_s += leaves_s
        else:
            day_offset = network.day_offset[trip]
            trip = network.trip[trip]
            legs.append(Ride(trip, day_offset, start, end, board, alight, leaves_s, reaches_s))
            now_s = reaches_s
    return tuple(legs)


def calls_of(timetable: Timetable, ride: Ride) -> tuple[StopIdx, ...]:
    """The stops of a ride in order, both ends included."""
    patterns = timetable.patterns
    first = int(patterns.stop0[timetable.trips.pattern[ride.trip]])
    stops = patterns.stops[first + ride.from_position : first + ride.to_position + 1]
    return tuple(StopIdx(stop) for stop in stops.tolist())


def intermediate_stops(timetable: Timetable, ride: Ride) -> tuple[StopIdx, ...]:
    """The stops between boarding and alighting."""
    return calls_of(timetable, ride)[1:-1]


def geometry(timetable: Timetable, ride: Ride) -> tuple[LatLon, ...]:
    """The way of a ride: its part of the trip's shape, else straight from stop to stop."""
    positions = [timetable.stop(stop).position for stop in calls_of(timetable, ride)]
    path = int(timetable.trips.path[ride.trip])
    if path < 0:
        return tuple(positions)
    table = timetable.paths
    calls = table.call_point[table.call0[path] : table.call0[path + 1]]
    first = int(table.shape_point0[table.shape[path]])
    points = slice(first + int(calls[ride.from_position]), first + int(calls[ride.to_position]) + 1)
    between = zip(table.lat[points].tolist(), table.lon[points].tolist(), strict=True)
    line = [positions[0], *(LatLon(lat, lon) for lat, lon in between), positions[-1]]
    return tuple(p for i, p in enumerate(line) if i == 0 or p != line[i - 1])
