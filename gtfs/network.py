"""One service day as the kernel sees it: flat int32 arrays with the days around merged in.

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
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import TripIdx
from gtfs.service_time import days_apart_s
from gtfs.timetable import Timetable

INF = 1 << 30
MAX_RIDES = 16
OUT_SIZE = 8192

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

SECTIONS = (
    "positions", "trips", "stop0", "trip0", "event0", "stops", "arrivals", "departures",
    "serving0", "serving_pattern", "serving_position", "walk0", "walk_to", "walk_s",
    "back0", "back_to", "back_s", "change_s", "pattern_of",
)  # fmt: skip
"""Order of the arrays in `DayNetwork.data`: the contract with the kernel's first lines."""

_KEPT_NETWORKS = 12


class View(Enum):
    """Which part of time a network covers, and in which direction it is read."""

    AHEAD = "departing"
    AROUND = "departing, the day before included"
    MIRRORED = "time and travel reversed, for arriving by"


_DAYS = {View.AHEAD: (-1, 0, 1), View.AROUND: (-2, -1, 0, 1), View.MIRRORED: (-2, -1, 0, 1)}
_ENDING_FROM_S = {View.AHEAD: -7_200, View.AROUND: -93_600, View.MIRRORED: -93_600}


@dataclass(frozen=True, slots=True, eq=False)
class DayNetwork:
    """Flat arrays of one day; `trip` and `day_offset` translate its trips to the timetable's."""

    data: I32
    offsets: I64
    n_stops: int
    n_patterns: int
    trip: list[TripIdx]
    day_offset: list[int]
    _workspaces: list[Workspace] = field(default_factory=list)

    def borrow(self) -> Workspace:
        """A workspace for one search in this thread; give it back."""
        try:
            return self._workspaces.pop()
        except IndexError:
            return Workspace.of(self.n_stops, self.n_patterns)

    def give_back(self, workspace: Workspace) -> None:
        """Keep a workspace for the next search."""
        self._workspaces.append(workspace)


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """What one running search writes to: the kernel leaves everything but `out` as it found it."""

    data: I32
    offsets: I64
    out: I32

    @classmethod
    def of(cls, n_stops: int, n_patterns: int) -> Workspace:
        """Fresh memory for networks of that size."""
        filled = [np.full(n_stops, INF, np.int32) for _ in range(6)]
        parts = [
            *filled,
            np.full(n_patterns, INF, np.int32),
            np.zeros(n_patterns, np.int32),
            *(np.zeros(n_stops, np.int32) for _ in range(5)),
            *(np.zeros(n_stops * (MAX_RIDES + 1), np.int32) for _ in range(4)),
        ]
        data, offsets = flat(parts)
        return cls(data, offsets, np.zeros(OUT_SIZE, np.int32))


def flat(parts: Sequence[I32]) -> tuple[I32, I64]:
    """One array of all parts, and where each begins (and the last ends)."""
    offsets = np.cumsum(np.array([0, *(len(part) for part in parts)], np.int64))
    return np.concatenate(parts), offsets


_networks: WeakKeyDictionary[Timetable, OrderedDict[tuple[date, View], DayNetwork]] = (
    WeakKeyDictionary()
)
_lock = threading.Lock()


def network_of(timetable: Timetable, day: date, view: View = View.AHEAD) -> DayNetwork:
    """The network of a day; the last dozen of each timetable are kept."""
    key = (day, view)
    known = _networks.get(timetable)
    if known is not None and (found := known.get(key)) is not None:
        return found
    prepared = prepare(timetable, day, view)
    with _lock:
        known = _networks.setdefault(timetable, OrderedDict())
        network = known.setdefault(key, prepared)
        while len(known) > _KEPT_NETWORKS:
            known.popitem(last=False)
    return network


@dataclass(slots=True)
class _Lane:
    """Trips with the same calls, none of which overtakes another."""

    stops: I32
    boards: NDArray[np.bool_]
    alights: NDArray[np.bool_]
    arrivals: I32
    departures: I32
    trip: I32
    day_offset: I32


def prepare(timetable: Timetable, day: date, view: View) -> DayNetwork:
    """Compile one day; prefer `network_of`, which remembers."""
    lanes = [
        lane
        for candidate in _running(timetable, day, view)
        for lane in _without_overtaking(candidate, mirrored=view is View.MIRRORED)
    ]
    n_stops = len(timetable.stop_table.id)
    positions = [len(lane.stops) for lane in lanes]
    trips = [len(lane.trip) for lane in lanes]
    pattern = np.repeat(np.arange(len(lanes), dtype=np.int32), positions)
    stop0 = _starts(positions)
    stops = _joined([lane.stops for lane in lanes])
    position = np.arange(len(stops), dtype=np.int32) - stop0[pattern]
    boards = np.concatenate([np.zeros(0, np.bool_), *(lane.boards for lane in lanes)])
    boardable = boards & (position < np.array([*positions, 0], np.int32)[pattern] - 1)
    walks = timetable.footpaths
    walk_from = np.repeat(np.arange(n_stops, dtype=np.int32), np.diff(walks.from0))
    ahead = grouped(walk_from, n_stops, walks.to, walks.seconds)
    back = grouped(walks.to, n_stops, walk_from, walks.seconds)
    if view is View.MIRRORED:
        ahead, back = back, ahead
    data, offsets = flat(
        [
            np.array(positions, np.int32),
            np.array(trips, np.int32),
            stop0,
            _starts(trips),
            _starts([a * b for a, b in zip(positions, trips, strict=True)]),
            stops,
            _joined([np.where(lane.alights, lane.arrivals, INF).ravel() for lane in lanes]),
            _joined([np.where(lane.boards, lane.departures, -INF).T.ravel() for lane in lanes]),
            *grouped(stops[boardable], n_stops, pattern[boardable], position[boardable]),
            *ahead,
            *back,
            timetable.stop_table.change_s,
            np.repeat(np.arange(len(lanes), dtype=np.int32), trips),
        ]
    )
    return DayNetwork(
        data,
        offsets,
        n_stops,
        len(lanes),
        _joined([lane.trip for lane in lanes]).tolist(),
        _joined([lane.day_offset for lane in lanes]).tolist(),
    )


def _running(timetable: Timetable, day: date, view: View) -> list[_Lane]:
    """All trips that run around a day, by pattern, times on that day's axis."""
    patterns, events, trips = timetable.patterns, timetable.events, timetable.trips
    days = [
        (
            offset,
            days_apart_s(day, day + timedelta(days=offset), timetable.tz),
            timetable.active_services(day + timedelta(days=offset))[trips.service],
        )
        for offset in _DAYS[view]
    ]
    lanes: list[_Lane] = []
    for p in range(len(patterns.stop0) - 1):
        stops = slice(patterns.stop0[p], patterns.stop0[p + 1])
        rows = slice(patterns.trip0[p], patterns.trip0[p + 1])
        cells = slice(patterns.event0[p], patterns.event0[p + 1])
        shape = (rows.stop - rows.start, stops.stop - stops.start)
        arrivals = events.arrival[cells].reshape(shape)
        departures = events.departure[cells].reshape(shape)
        numbers = np.arange(rows.start, rows.stop, dtype=np.int32)
        found = []
        for offset, shift, active in days:
            kept = active[rows] & (arrivals[:, -1] + shift >= _ENDING_FROM_S[view])
            if kept.any():
                n_kept = int(kept.sum())
                found.append(
                    (
                        arrivals[kept] + np.int32(shift),
                        departures[kept] + np.int32(shift),
                        numbers[kept],
                        np.full(n_kept, offset, np.int32),
                    )
                )
        if found:
            lanes.append(
                _Lane(
                    patterns.stops[stops],
                    patterns.boards[stops],
                    patterns.alights[stops],
                    *(np.concatenate(columns) for columns in zip(*found, strict=True)),
                )
            )
    return lanes


def _without_overtaking(lane: _Lane, *, mirrored: bool) -> list[_Lane]:
    """Split a pattern's trips into as few chains as first-fit finds; reverse them if mirrored."""
    if mirrored:
        arrivals, departures = -lane.departures[:, ::-1], -lane.arrivals[:, ::-1]
        stops, boards, alights = lane.stops[::-1], lane.alights[::-1], lane.boards[::-1]
    else:
        arrivals, departures = lane.arrivals, lane.departures
        stops, boards, alights = lane.stops, lane.boards, lane.alights
    both = np.concatenate([arrivals, departures], axis=1)
    order = np.argsort(both.sum(axis=1, dtype=np.int64), kind="stable")
    both = both[order]
    if (np.diff(both, axis=0) >= 0).all():
        chains: list[list[int]] = [order.tolist()]
    else:
        chains = []
        lasts: list[NDArray[Any]] = []
        for times, number in zip(both, order.tolist(), strict=True):
            for i, last in enumerate(lasts):
                if (last <= times).all():
                    chains[i].append(number)
                    lasts[i] = times
                    break
            else:
                chains.append([number])
                lasts.append(times)
    return [
        _Lane(
            stops,
            boards,
            alights,
            arrivals[chain],
            departures[chain],
            lane.trip[chain],
            lane.day_offset[chain],
        )
        for chain in chains
    ]


def grouped(key: I32, n_keys: int, *columns: I32) -> tuple[I32, ...]:
    """Columns sorted by key, after the array of where each key's rows begin."""
    order = np.argsort(key, kind="stable")
    return (
        _starts(np.bincount(key, minlength=n_keys)),
        *(np.ascontiguousarray(column[order], np.int32) for column in columns),
    )


def _starts(sizes: Sequence[int] | NDArray[Any]) -> I32:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int32)


def _joined(parts: Sequence[NDArray[Any]]) -> I32:
    return np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32)
