"""The trips of some days laid into lanes: same calls, and none overtakes another.

Patterns with equal stops and boarding rules are one class, in whatever rows they stand, so that
a trip which realtime moved to a pattern of its own still runs among its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled
from gtfs.timetable import Timetable

INF = 1 << 30

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Classes:
    """What is known of a timetable's patterns and trips whatever the day."""

    of_pattern: I32
    pattern: I32
    """One pattern of each class."""
    event0: I64
    """The first event of each trip."""
    length: I64
    """Its number of calls."""
    total: I64
    """The sum of all its times: who overtakes nobody has a greater one than the trip before."""
    last_s: I32
    """Its last arrival."""


_classes: WeakKeyDictionary[Timetable, Classes] = WeakKeyDictionary()


def classes_of(timetable: Timetable) -> Classes:
    """The classes of a timetable, found once."""
    known = _classes.get(timetable)
    if known is None:
        known = _classes.setdefault(timetable, _classify(timetable))
    return known


def _classify(timetable: Timetable) -> Classes:
    patterns, events = timetable.patterns, timetable.events
    calls = np.stack([patterns.stops, patterns.boards, patterns.alights], axis=1, dtype=np.int32)
    content = calls.tobytes()
    ends = (patterns.stop0.astype(np.int64) * calls.itemsize * 3).tolist()
    seen: dict[bytes, int] = {}
    of_pattern = np.array(
        [seen.setdefault(content[start:end], len(seen)) for start, end in pairwise(ends)],
        np.int32,
    )
    _, firsts = np.unique(of_pattern, return_index=True)
    row = timetable.trips.pattern
    length = np.diff(patterns.stop0).astype(np.int64)[row]
    place = np.arange(len(row), dtype=np.int64) - patterns.trip0[row]
    event0 = patterns.event0[row].astype(np.int64) + place * length
    return Classes(
        of_pattern,
        firsts.astype(np.int32),
        event0,
        length,
        _totals(events.arrival, events.departure, event0, length),
        events.arrival[event0 + length - 1] if len(row) else np.zeros(0, np.int32),
    )


@compiled
def _totals(arrivals: I32, departures: I32, event0: I64, length: I64) -> I64:
    totals = np.zeros(len(event0), np.int64)
    for t in range(len(event0)):
        for e in range(event0[t], event0[t] + length[t]):
            totals[t] += np.int64(arrivals[e]) + np.int64(departures[e])
    return totals


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of each class: `size` of them from `call0` on."""

    call0: I32
    size: I32
    stops: I32
    boards: Bool
    alights: Bool


@dataclass(frozen=True, slots=True)
class Runs:
    """What runs on some days, a row each; its times are those of its events, moved by `shift`.

    `trip` from the timetable's number of trips on counts what `through` makes of several.
    """

    trip: I64
    day: I64
    """By place in the list of days."""
    shift: I64
    event0: I64
    length: I64
    total: I64
    class_of: I32
    arrivals: I32
    departures: I32
    calls: Calls


def runs_of(timetable: Timetable, days: list[tuple[int, Bool]], ending_from_s: int) -> Runs:
    """The trips of some days.

    `days` are the seconds that a day's zero is moved by, and which trips run on it; what ends
    before `ending_from_s` is left out.
    """
    classes = classes_of(timetable)
    kept = [
        np.flatnonzero(active & (classes.last_s >= ending_from_s - shift)) for shift, active in days
    ]
    trip = np.concatenate([np.zeros(0, np.int64), *kept])
    day = np.repeat(np.arange(len(days)), [len(part) for part in kept])
    shift = np.array([shift for shift, _ in days], np.int64)[day]
    patterns, events = timetable.patterns, timetable.events
    return Runs(
        trip,
        day,
        shift,
        classes.event0[trip],
        classes.length[trip],
        classes.total[trip],
        classes.of_pattern[timetable.trips.pattern[trip]],
        events.arrival,
        events.departure,
        Calls(
            patterns.stop0[classes.pattern],
            np.diff(patterns.stop0)[classes.pattern],
            patterns.stops,
            patterns.boards,
            patterns.alights,
        ),
    )


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of some runs; those of a lane are neighbours and in order."""

    class_of: I32
    """Of each lane."""
    size: I32
    """Its number of trips."""
    run: I64
    """The row of each run, lane by lane."""


def lanes_of(runs: Runs, *, mirrored: bool) -> Lanes:
    """Lay all runs into as few lanes as first-fit finds; with `mirrored` the last one first."""
    total = runs.total + 2 * runs.shift * runs.length
    order = np.lexsort((-total if mirrored else total, runs.class_of))
    lane, lane_class = _first_fit(
        runs.arrivals,
        runs.departures,
        runs.event0[order],
        runs.length[order],
        runs.shift[order],
        runs.class_of[order],
        mirrored,
    )
    by_lane = np.argsort(lane, kind="stable")
    return Lanes(
        lane_class,
        np.bincount(lane, minlength=len(lane_class)).astype(np.int32),
        order[by_lane],
    )


@compiled
def _first_fit(
    arrivals: I32,
    departures: I32,
    event0: I64,
    length: I64,
    shift: I64,
    class_of: I32,
    mirrored: bool,  # noqa: FBT001 - kernels are called by position
) -> tuple[I32, I32]:
    """The lane of each trip, and the class of each lane; trips come by class, then in order."""
    lane = np.empty(len(event0), np.int32)
    lane_class = np.empty(len(event0), np.int32)
    last = np.empty(len(event0), np.int64)
    n_lanes = first = 0
    for t in range(len(event0)):
        if t == 0 or class_of[t] != class_of[t - 1]:
            first = n_lanes
        found = n_lanes
        for candidate in range(first, n_lanes):
            before, after = last[candidate], t
            if mirrored:
                before, after = after, before
            a, b, moved = event0[before], event0[after], shift[after] - shift[before]
            fits = True
            for i in range(length[t]):
                if (
                    arrivals[a + i] > arrivals[b + i] + moved
                    or departures[a + i] > departures[b + i] + moved
                ):
                    fits = False
                    break
            if fits:
                found = candidate
                break
        if found == n_lanes:
            lane_class[found] = class_of[t]
            n_lanes += 1
        lane[t] = found
        last[found] = t
    return lane, lane_class[:n_lanes].copy()


@compiled
def fill(
    arrivals: I32,
    departures: I32,
    event0: I64,
    shift: I64,
    trip0: I32,
    stop0: I32,
    boards: Bool,
    alights: Bool,
    mirrored: bool,  # noqa: FBT001
) -> tuple[I32, I32, I32]:
    """The times of all lanes: arrivals trip by trip, departures position by position.

    And the least seconds to each position of a lane from the position before.

    INF is an arrival at which nobody may alight, -INF a departure at which nobody may board.
    Mirrored, time and travel are reversed: a departure is an arrival.
    """
    n = 0
    for lane in range(len(trip0) - 1):
        n += (trip0[lane + 1] - trip0[lane]) * (stop0[lane + 1] - stop0[lane])
    reach, leave = np.empty(n, np.int32), np.empty(n, np.int32)
    hop = np.full(len(boards), INF, np.int32)
    cell = 0
    for lane in range(len(trip0) - 1):
        length, size = stop0[lane + 1] - stop0[lane], trip0[lane + 1] - trip0[lane]
        for t in range(size):
            trip = trip0[lane] + t
            e, moved, left = event0[trip], shift[trip], INF
            for i in range(length):
                at = stop0[lane] + i
                a, d = arrivals[e + i] + moved, departures[e + i] + moved
                if mirrored:
                    a = -(departures[e + length - 1 - i] + moved)
                    d = -(arrivals[e + length - 1 - i] + moved)
                hop[at] = min(hop[at], a - left) if i > 0 else 0
                left = d
                reach[cell + t * length + i] = a if alights[at] else INF
                leave[cell + i * size + t] = d if boards[at] else -INF
        cell += length * size
    return reach, leave, hop
