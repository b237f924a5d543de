"""One service day as the kernels see it: flat int32 arrays with the days around merged in.

A search never thinks about days: trips of the days before that still run and of the day after
stand in the same patterns, moved by the elapsed time between the days' zeros, so the nights when
the clocks change are right. No trip of a pattern overtakes another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Any, cast
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import distances_m
from gtfs.lanes import INF, classes_of, fill, lanes_of, runs_of
from gtfs.service_time import DAY_S, days_apart_s
from gtfs.stands import Stands, with_stands
from gtfs.through import Throughs, with_throughs
from gtfs.timetable import Timetable
from gtfs.trip_based import ROOM, Workspace
from gtfs.trip_based_kept import find_kept
from gtfs.trip_based_transfers import Transfers, find_transfers

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

SECTIONS = (
    "positions", "trips", "stop0", "trip0", "event0", "stops", "arrivals", "departures",
    "serving0", "serving_pattern", "serving_position", "walk0", "walk_to", "walk_s",
    "back0", "back_to", "back_s", "change_s", "pattern_of",
    "alighting0", "alighting_pattern", "alighting_position", "event_of", "timetable_trip",
    "day_offset", "hop_s",
)  # fmt: skip
"""Order of the arrays in `DayNetwork.data`: the contract with the kernels' first lines.

Patterns are lanes here. `arrivals` run trip by trip, `departures` position by position; `event_of`
is the first arrival of each trip; `serving` and `alighting` list where one may board and alight;
`hop_s` is the least ride to each call of a pattern from the call before.
"""

_KEPT_NETWORKS = 12


class View(Enum):
    """Which part of time a network covers, and in which direction it is read."""

    AHEAD = "departing"
    AROUND = "departing, the day before included"
    MIRRORED = "time and travel reversed, for arriving by"


_DAYS_BEFORE = {View.AHEAD: 1, View.AROUND: 2, View.MIRRORED: 2}
_ENDING_FROM_S = {View.AHEAD: -7_200, View.AROUND: -93_600, View.MIRRORED: -93_600}
_CLOCKS_S = 3_600


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a timetable a search may use.

    `without_routes` are left out. With `wheelchair` trips and stops that are known not to be
    accessible are left out; what is unknown stays. Footpaths of more than `max_footpath_m` are left
    out, in metres as the crow flies between their stops; None leaves none out.
    """

    without_routes: frozenset[int] = frozenset()
    wheelchair: bool = False
    max_footpath_m: float | None = None


EVERYTHING = Usable()


@dataclass(frozen=True, eq=False)
class DayNetwork:
    """Flat arrays of one day; `trip` and `day_offset` translate its trips to the timetable's.

    What is no trip's number in `trip` is one of `throughs`, which has the trips it is made of; what
    is no stop's number in `stops` is one of `stands`, which `n_stops` counts too.
    """

    data: I32
    offsets: I64
    n_stops: int
    n_patterns: int
    throughs: Throughs
    stands: Stands
    planned: DayNetwork | None = None
    """The network of the planned timetable that this one differs from in part of the day."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _transfers: dict[bool, Transfers] = field(default_factory=dict)
    _spare: tuple[list[Workspace], list[Workspace]] = field(default_factory=lambda: ([], []))

    def section(self, name: str) -> I32:
        """One of `SECTIONS`."""
        place = SECTIONS.index(name)
        return self.data[self.offsets[place] : self.offsets[place + 1]]

    @cached_property
    def trip(self) -> list[int]:
        """The timetable's number of each trip, or that of a through-trip."""
        return cast("list[int]", self.section("timetable_trip").tolist())

    @cached_property
    def day_offset(self) -> list[int]:
        """The day of each trip, counted from the network's."""
        return cast("list[int]", self.section("day_offset").tolist())

    def transfers(self, *, walk_at_ends: bool) -> Transfers:
        """The transfers worth taking in searches of that kind, found once."""
        found = self._transfers.get(walk_at_ends)
        if found is None:
            with self._lock:
                found = self._transfers.get(walk_at_ends)
                if found is None:
                    found = self._find_transfers(walk_at_ends)
                    self._transfers[walk_at_ends] = found
        return found

    def _find_transfers(self, walk_at_ends: bool) -> Transfers:  # noqa: FBT001
        planned = self.planned
        if planned is None:
            return find_transfers(self.data, self.offsets, walk_at_ends)
        network, before = (self.data, self.offsets), (planned.data, planned.offsets)
        kept = find_kept(network, before, planned.throughs.first)
        like = planned.transfers(walk_at_ends=walk_at_ends)
        return find_transfers(*network, walk_at_ends, (like, kept))

    def borrow(self, walk_at_ends: bool) -> Workspace:  # noqa: FBT001 - for each search
        """What one search of that kind needs, in this thread alone; give it back."""
        try:
            return self._spare[walk_at_ends].pop()
        except IndexError:
            return self.workspace(walk_at_ends, ROOM)

    def workspace(self, walk_at_ends: bool, room: int) -> Workspace:  # noqa: FBT001
        """A new one, with room for an answer of so many numbers."""
        parts = [self.data[a:b] for a, b in pairwise(self.offsets.tolist())]
        return Workspace(parts, self.transfers(walk_at_ends=walk_at_ends), room)

    def give_back(self, workspace: Workspace, walk_at_ends: bool) -> None:  # noqa: FBT001
        """Keep it for the next search."""
        self._spare[walk_at_ends].append(workspace)


def flat(parts: Sequence[I32]) -> tuple[I32, I64]:
    """One array of all parts, and where each begins (and the last ends)."""
    offsets = np.cumsum(np.array([0, *(len(part) for part in parts)], np.int64))
    return np.concatenate(parts), offsets


class Known:
    """What is remembered of one timetable: its networks, and the ends of queries by stop id."""

    __slots__ = ("ends", "latest", "lock", "networks", "planned")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.networks: OrderedDict[tuple[date, View, Usable], DayNetwork] = OrderedDict()
        self.latest: tuple[date, View, Usable, DayNetwork] | None = None
        self.ends: dict[str, Any] = {}
        self.planned: Known | None = None
        """Of the timetable that realtime made this one of."""


_memory: WeakKeyDictionary[Timetable, Known] = WeakKeyDictionary()
_latest: tuple[ref[Timetable], Known] | None = None
_lock = threading.Lock()


def network_of(
    timetable: Timetable, day: date, view: View = View.AHEAD, usable: Usable = EVERYTHING
) -> DayNetwork:
    """The network of a day; the dozen used last of each timetable are kept."""
    known = known_of(timetable)
    latest = known.latest
    if latest is not None and latest[0] == day and latest[1] is view and latest[2] == usable:
        return latest[3]
    key = (day, view, usable)
    with known.lock:
        network = known.networks.get(key)
        if network is None:
            planned = known.planned.networks.get(key) if known.planned else None
            network = prepare(timetable, day, view, usable, planned)
            known.networks[key] = network
            while len(known.networks) > _KEPT_NETWORKS:
                known.networks.popitem(last=False)
        known.networks.move_to_end(key)
        known.latest = (*key, network)
    return network


def known_of(timetable: Timetable) -> Known:
    """The memory of a timetable, which goes when it goes."""
    global _latest  # noqa: PLW0603 - a look-up of a weak key costs more than a short search's setup
    latest = _latest
    if latest is not None and latest[0]() is timetable:
        return latest[1]
    with _lock:
        known = _memory.get(timetable)
        if known is None:
            known = _memory[timetable] = Known()
        _latest = (ref(timetable), known)
    return known


def days_around(timetable: Timetable, view: View) -> range:
    """The days whose trips a network holds, counted from its own: as far back as some still run."""
    longest_s = int(classes_of(timetable).last_s.max(initial=0))
    still_run = (longest_s + _CLOCKS_S - _ENDING_FROM_S[view]) // DAY_S
    return range(-max(_DAYS_BEFORE[view], still_run), 2)


def prepare(
    timetable: Timetable,
    day: date,
    view: View,
    usable: Usable = EVERYTHING,
    planned: DayNetwork | None = None,
) -> DayNetwork:
    """Compile one day; prefer `network_of`, which remembers.

    `planned` is the same of the timetable that realtime made this one of.

    Raises:
        ValueError: more calls in these days than a 32-bit index counts.
    """
    mirrored = view is View.MIRRORED
    offsets = days_around(timetable, view)
    around = [day + timedelta(days=offset) for offset in offsets]
    shifts = [days_apart_s(day, other, timetable.tz) for other in around]
    may_run = _may_run(timetable, usable)
    days = [
        (shift, timetable.active_services(other)[timetable.trips.service] & may_run)
        for shift, other in zip(shifts, around, strict=True)
    ]
    runs, stands = with_stands(timetable, runs_of(timetable, days, _ENDING_FROM_S[view]))
    runs, throughs = with_throughs(timetable, runs, stands.stop, around[0], offsets)
    lanes, calls = lanes_of(runs, mirrored=mirrored), runs.calls
    positions = calls.size[lanes.class_of]
    stop0, trip0 = starts(positions), starts(lanes.size)
    event0 = np.cumsum([0, *(positions.astype(np.int64) * lanes.size)])
    if event0[-1] >= 1 << 31:
        raise ValueError(f"{event0[-1]} calls around {day} are more than a search can count")
    lane, place = _ragged(positions)
    first = calls.call0[lanes.class_of][lane]
    call = first + (positions[lane] - 1 - place if mirrored else place)
    boards, alights = calls.boards[call], calls.alights[call]
    if mirrored:
        boards, alights = alights, boards
    stops = calls.stops[call]
    if usable.wheelchair:
        reachable = timetable.stop_table.wheelchair[stands.stop[stops]] != 2
        boards, alights = boards & reachable, alights & reachable
    arrivals, departures, hop_s = fill(
        runs.arrivals,
        runs.departures,
        runs.event0[lanes.run],
        runs.shift[lanes.run],
        trip0,
        stop0,
        boards,
        alights,
        mirrored,
    )
    n_stops = len(stands.stop)
    boardable, alightable = boards & (place < positions[lane] - 1), alights & (place > 0)
    lane_of, place_in_lane = _ragged(lanes.size)
    data, section0 = flat(
        [
            positions,
            lanes.size,
            stop0,
            trip0,
            event0.astype(np.int32),
            stops,
            arrivals,
            departures,
            *grouped(stops[boardable], n_stops, lane[boardable], place[boardable]),
            *_footpaths(timetable, stands, usable, mirrored=mirrored),
            stands.change_s,
            lane_of,
            *grouped(stops[alightable], n_stops, lane[alightable], place[alightable]),
            (event0[lane_of] + place_in_lane * positions[lane_of]).astype(np.int32),
            runs.trip[lanes.run].astype(np.int32),
            np.array(offsets, np.int32)[runs.day[lanes.run]],
            hop_s,
        ]
    )
    return DayNetwork(data, section0, n_stops, len(lanes.size), throughs, stands, planned)


def _may_run(timetable: Timetable, usable: Usable) -> NDArray[np.bool_]:
    trips = timetable.trips
    may_run = np.ones(len(trips.route), np.bool_)
    if usable.without_routes:
        may_run &= ~np.isin(trips.route, list(usable.without_routes))
    if usable.wheelchair:
        may_run &= trips.wheelchair != 2
    return may_run


def _footpaths(
    timetable: Timetable, stands: Stands, usable: Usable, *, mirrored: bool
) -> tuple[I32, ...]:
    """Footpaths by where they start, then by where they end."""
    start, end, seconds, n = stands.walk_from, stands.walk_to, stands.walk_s, len(stands.stop)
    if usable.max_footpath_m is not None:
        lat, lon = timetable.stop_table.lat, timetable.stop_table.lon
        ends = (stands.stop[start], stands.stop[end])
        metres = distances_m(*(of[stop] for stop in ends for of in (lat, lon)))
        near = metres <= usable.max_footpath_m
        start, end, seconds = start[near], end[near], seconds[near]
    ahead, back = grouped(start, n, end, seconds), grouped(end, n, start, seconds)
    return (*back, *ahead) if mirrored else (*ahead, *back)


def _ragged(sizes: I32) -> tuple[I32, I32]:
    """Rows and columns of a table whose rows have these sizes."""
    row = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    return row, (np.arange(len(row), dtype=np.int64) - starts(sizes)[row]).astype(np.int32)


def grouped(key: I32, n_keys: int, *columns: I32) -> tuple[I32, ...]:
    """Columns sorted by key, after the array of where each key's rows begin."""
    order = np.argsort(key, kind="stable")
    return (
        starts(np.bincount(key, minlength=n_keys)),
        *(np.ascontiguousarray(column[order], np.int32) for column in columns),
    )


def starts(sizes: NDArray[Any]) -> I32:
    """Where each part begins, and the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int32)


__all__ = [
    "EVERYTHING", "INF", "SECTIONS", "DayNetwork", "Usable", "View", "days_around", "network_of",
    "prepare",
]  # fmt: skip
