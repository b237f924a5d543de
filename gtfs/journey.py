"""Stop-to-stop journeys: Pareto sets of (arrival, transfers), and their mirror for arriving by.

The values are tuples with names: a search hands over a dozen of them in a few microseconds.
"""

from __future__ import annotations

from datetime import date
from operator import itemgetter
from typing import NamedTuple, Self

from gtfs.ids import StopIdx
from gtfs.network import EVERYTHING, DayNetwork, Usable, View, known_of, network_of
from gtfs.rides import Footpath, Ride, StayedRide, rides_of
from gtfs.service_time import DAY_S
from gtfs.stands import Met, Stands
from gtfs.timetable import Timetable
from gtfs.trip_based import MAX_RIDES, Workspace
from gtfs.trip_based_profile import FULL, profile_trips
from gtfs.trip_based_search import search_trips

__all__ = [
    "MAX_TRANSFERS",
    "Access",
    "Footpath",
    "Journey",
    "Query",
    "Ride",
    "StayedRide",
    "between",
    "profile",
    "search",
    "search_latest",
]

MAX_TRANSFERS = MAX_RIDES - 1
_FARTHEST_S = 4 * DAY_S
_NO_STOP = "the query names no stop, or one that is not of this timetable"


class Access(NamedTuple):
    """A stop and the seconds it takes from the door to it, or from it to the door."""

    stop: StopIdx
    seconds: int


class _Query(NamedTuple):
    day: date
    seconds: int
    sources: tuple[Access, ...]
    targets: tuple[Access, ...]
    max_transfers: int = 7
    walk_at_ends: bool = False
    usable: Usable = EVERYTHING
    came_by: Met | None = None
    goes_by: Met | None = None


class Query(_Query):
    """A search on the axis of a service day (`service_time.seconds_at` gives `seconds`).

    `seconds` is the earliest departure from the door, or for `search_latest` the latest arrival at
    it. Rides of the day, the days before that still run, and the day after are seen, as far as
    they are `usable`. With `walk_at_ends` a footpath of the timetable may come before the first
    ride and after the last, and a walk alone is a journey of -1 transfers: for queries from stop to
    stop. Without it the sources and targets are all there is: for doors whose surroundings were
    searched on streets. There `came_by` may name a ride after which one changes to the sources, and
    `goes_by` one to which one changes from the targets.
    """

    __slots__ = ()

    def __new__(  # noqa: D102
        cls,
        day: date,
        seconds: int,
        sources: tuple[Access, ...],
        targets: tuple[Access, ...],
        max_transfers: int = 7,
        walk_at_ends: bool = False,  # noqa: FBT001, FBT002 - its order is known to callers
        usable: Usable = EVERYTHING,
        came_by: Met | None = None,
        goes_by: Met | None = None,
    ) -> Self:
        if not 0 <= max_transfers <= MAX_TRANSFERS:
            raise ValueError(f"max_transfers is 0 to {MAX_TRANSFERS}, not {max_transfers}")
        for ends in (sources, targets):
            for _, access_s in ends:
                if not 0 <= access_s < DAY_S:
                    raise ValueError("access and egress take 0 s to 24 h")
        if not -_FARTHEST_S <= seconds <= _FARTHEST_S:
            raise ValueError(f"{seconds} s is not on {day}; use its own service day")
        rides = (came_by, goes_by)
        fields = (day, seconds, sources, targets, max_transfers, walk_at_ends, usable, *rides)
        return tuple.__new__(cls, fields)


class Journey(NamedTuple):
    """From door to door, all seconds on the axis of `day`.

    `departs_s` is the latest departure from the door that catches the first ride; `arrives_s` is at
    the other door, so that the way to `source` and from `target` is included but is no leg.
    `transfers` is the number of rides minus one, those in a vehicle that one stays in not counted.
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
    ends = known_of(timetable).ends
    sources = ends.get(from_id) or _ends(timetable, from_id)
    targets = ends.get(to_id) or _ends(timetable, to_id)
    if -_FARTHEST_S <= seconds <= _FARTHEST_S and 0 <= max_transfers <= MAX_TRANSFERS:
        fields = (day, seconds, sources, targets, max_transfers, True, EVERYTHING, None, None)
        return tuple.__new__(Query, fields)
    return Query(day, seconds, sources, targets, max_transfers, walk_at_ends=True)


def _ends(timetable: Timetable, id_: str) -> tuple[Access, ...]:
    ends = tuple(Access(stop, 0) for stop in timetable.children_of(id_))
    known_of(timetable).ends[id_] = ends
    return ends


def search(timetable: Timetable, query: Query) -> tuple[Journey, ...]:
    """The Pareto set of (arrival, transfers) that departs at `query.seconds` or later.

    Fewest transfers first, so each next journey arrives strictly earlier. Releases the GIL.

    Raises:
        ValueError: the query names no stop, or one that is not of this timetable.
    """
    return _search(timetable, network_of(timetable, query.day, View.AHEAD, query.usable), query)


def search_latest(timetable: Timetable, query: Query) -> tuple[Journey, ...]:
    """The Pareto set of (latest departure, transfers) that arrives by `query.seconds`.

    Fewest transfers first, so each next journey departs strictly later; each arrives as early as
    its departure and transfers allow. Looks back 24 h.
    """
    mirrored = query._replace(seconds=-query.seconds, sources=query.targets, targets=query.sources)
    network = network_of(timetable, query.day, View.MIRRORED, query.usable)
    journeys: list[Journey] = []
    for latest in _found(timetable, network, mirrored, backwards=True):
        departs_s, transfers = -latest.arrives_s, latest.transfers
        if departs_s < query.seconds - DAY_S:
            continue
        again = query._replace(seconds=departs_s, max_transfers=max(transfers, 0))
        view = View.AHEAD if departs_s >= 0 else View.AROUND
        found = _search(timetable, network_of(timetable, query.day, view, query.usable), again)
        journeys.append(found[-1] if transfers >= 0 else found[0])
    return tuple(journeys)


def profile(timetable: Timetable, query: Query, until_s: int) -> tuple[Journey, ...]:
    """All Pareto journeys of (departure, arrival, transfers) that leave in [seconds, until_s].

    By departure, then by transfers. A journey that leaves within the window is left out if one that
    leaves later, be it after the window, arrives no later with no more transfers: so the pages of
    a day hold what one query for the whole day does. A walk alone, which could start at any time,
    is named once, as leaving at `query.seconds`.

    Raises:
        ValueError: as for `search`; or the window ends before it begins.
    """
    if until_s < query.seconds:
        raise ValueError(f"the window ends at {until_s} s, before it begins at {query.seconds} s")
    day, seconds, sources, targets, max_transfers, walk_at_ends, usable, *_ = query
    network = network_of(timetable, day, View.AHEAD, usable)
    workspace = network.borrow(walk_at_ends)
    while True:
        written = profile_trips(
            workspace.address,
            workspace.shift,
            *_set_ends(timetable, network, workspace, query),
            seconds,
            until_s,
            max_transfers + 1,
            walk_at_ends,
        )
        if written != FULL:
            break
        workspace = network.workspace(walk_at_ends, 4 * len(workspace.out))
    rows = workspace.out[:written].tolist() if written > 0 else []
    network.give_back(workspace, walk_at_ends)
    if written < 0 or not sources or not targets:
        raise ValueError(_NO_STOP)
    journeys = _journeys(day, rows)
    return _split(timetable, network, sorted(journeys, key=itemgetter(1, 3)))


def _search(timetable: Timetable, network: DayNetwork, query: Query) -> tuple[Journey, ...]:
    return _split(timetable, network, _found(timetable, network, query))


def _found(
    timetable: Timetable, network: DayNetwork, query: Query, *, backwards: bool = False
) -> list[Journey]:
    """What the kernel finds, its rides those of the network."""
    day, seconds, _, _, max_transfers, walk_at_ends, *_ = query
    workspace = network.borrow(walk_at_ends)
    n_sources, n_targets = _set_ends(timetable, network, workspace, query, backwards=backwards)
    written = 0 if query.sources and query.targets and not n_sources * n_targets else -1
    if n_sources and n_targets:
        written = search_trips(
            workspace.address,
            workspace.shift,
            n_sources,
            n_targets,
            seconds,
            max_transfers + 1,
            walk_at_ends,
        )
    rows = workspace.out[:written].tolist() if written > 0 else []
    network.give_back(workspace, walk_at_ends)
    if written < 0:
        raise ValueError(_NO_STOP)
    return _journeys(day, rows)


def _set_ends(
    timetable: Timetable, network: DayNetwork, workspace: Workspace, query: Query, *,
    backwards: bool = False,
) -> tuple[int, int]:  # fmt: skip
    sources, targets = query.sources, query.targets
    if query.walk_at_ends or not (network.stands.at or query.came_by or query.goes_by):
        return workspace.set_ends(sources, targets)
    if backwards:
        targets, sources = sources, targets
    rides = query.came_by, query.goes_by
    starts, ends = network.stands.ends(timetable, (sources, targets), rides)
    return workspace.set_ends(ends, starts) if backwards else workspace.set_ends(starts, ends)


def _at_stops(stands: Stands, journey: Journey) -> Journey:
    """The same between stops, without walks from one stand of a stop to another."""
    stop_of = stands.stop.item
    legs = [
        leg._replace(
            from_stop=StopIdx(stop_of(leg.from_stop)), to_stop=StopIdx(stop_of(leg.to_stop))
        )
        for leg in journey.legs
    ]
    return journey._replace(
        legs=tuple(
            leg for leg in legs if not isinstance(leg, Footpath) or leg.from_stop != leg.to_stop
        ),
        source=StopIdx(stop_of(journey.source)),
        target=StopIdx(stop_of(journey.target)),
    )


def _split(timetable: Timetable, network: DayNetwork, found: list[Journey]) -> tuple[Journey, ...]:
    """The same between stops, with a leg for each trip where a ride goes on as another trip."""
    if network.stands.at:
        found = [_at_stops(network.stands, journey) for journey in found]
    if not network.throughs.parts:
        return tuple(found)
    return tuple(
        journey._replace(
            legs=tuple(
                part
                for leg in journey.legs
                for part in (rides_of(timetable, network, leg) if isinstance(leg, Ride) else (leg,))
            )
        )
        for journey in found
    )


def _journeys(day: date, rows: list[int]) -> list[Journey]:
    """What the kernel wrote, as values."""
    make = tuple.__new__
    journeys: list[Journey] = []
    at, n_rows = 0, len(rows)
    while at < n_rows:
        departs_s, arrives_s, transfers, source, target, n_legs = rows[at : at + 6]
        at += 6
        legs: list[Ride | Footpath] = []
        for _ in range(n_legs):
            if rows[at] >= 0:
                legs.append(make(Ride, rows[at : at + 8]))
            else:
                legs.append(make(Footpath, rows[at + 1 : at + 5]))
            at += 8
        fields = (day, departs_s, arrives_s, transfers, tuple(legs), source, target)
        journeys.append(make(Journey, fields))
    return journeys
