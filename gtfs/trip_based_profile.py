"""Every Pareto journey that leaves within a window, by one Trip-Based search (Witt 2015).

The departures of the window are taken from the latest to the earliest. What a later departure
reached with no more rides stays marked, so that each run only looks at what leaving earlier brings;
and before the window's own, one run takes what leaves after it, so that a journey is left out if
leaving later is as good.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gtfs.kernel_cache import compiled, copy_all
from gtfs.record import int32_of, int64_of, pairs_at, uint16_of, uint32_of
from gtfs.trip_based_ends import clear_ends, ends_exist, set_sources, set_targets
from gtfs.trip_based_layout import (
    ACCESS,
    ACCESS_STOPS,
    BEST,
    CALLS,
    CHANGE,
    DEPARTURES,
    EVENT0,
    FAR,
    JOURNEY_ROW,
    LEG_ROW,
    LEVELS,
    N_ARRAYS,
    OUT,
    QUEUE,
    RETURN0,
    RETURNS,
    SEGMENT,
    SERVING0,
    SERVING_PATTERN,
    SERVING_POSITION,
    START_KEYS,
    STARTS,
    TRIP0,
    TRIP_INFO,
    TRIPS,
    UNREACHED,
    ZERO,
)
from gtfs.trip_based_legs import walk_alone, write_journey
from gtfs.trip_based_search import reach_door, reach_doors, worth_until

FULL = -2


@compiled
def profile_trips(
    address: int,
    shift: int,
    n_sources: int,
    n_targets: int,
    departure: int,
    until: int,
    max_rides: int,
    walk: bool,  # noqa: FBT001 - kernels are called by position
) -> int:
    """Search as `search_trips` does for all departures in [departure, until].

    Writes the journeys to `out`, the latest departure first, of each departure the fewest rides
    first; before them the walk alone, which leaves at `departure` but could at any time. Returns
    how many numbers were written, -1 if a stop does not exist, -2 if `out` is full.
    """
    record = pairs_at(address, N_ARRAYS)
    if not ends_exist(record, n_sources + n_targets):
        return -1
    n_egress = set_targets(record, n_sources, n_targets, walk)
    n_access = set_sources(record, n_sources, walk)
    keys, best = int64_of(record, START_KEYS), int32_of(record, BEST)
    best[0] = FAR
    written, walk_s = ZERO, ZERO + FAR
    if walk:
        written, arrival = walk_alone(record, n_sources, departure)
        walk_s = arrival - departure if arrival < FAR else FAR
    levels, high = ZERO, ZERO
    n_starts = _list_starts(record, n_access, until + 1, ZERO + FAR)
    for m in range(n_starts):
        levels, high = _start(record, levels, high, m)
    written, levels = _run(
        record, shift, levels, high, max_rides, until + 1 + walk_s, written, wanted=False
    )
    n_starts = _list_starts(record, n_access, departure, until)
    keys[:n_starts].sort()
    m = n_starts - 1
    while m >= 0 and written >= 0:
        leaves, high = keys[m] >> 32, ZERO
        while m >= 0 and keys[m] >> 32 == leaves:
            levels, high = _start(record, levels, high, keys[m] & 0xFFFFFFFF)
            m -= 1
        written, levels = _run(
            record, shift, levels, high, max_rides, leaves + walk_s, written, wanted=True
        )
    clear_ends(record, n_access, n_egress)
    return written


@compiled
def _list_starts(record: Any, n_access: int, first: int, last: int) -> int:
    """List the boardings that leave the door in [first, last]; with FAR, the first of each lane.

    Each has its trip and position in `starts` and a key: departure << 32 | its place there.
    """
    trips, trip0 = int32_of(record, TRIPS), int32_of(record, TRIP0)
    event0, departures = int32_of(record, EVENT0), int32_of(record, DEPARTURES)
    serving0, pattern = int32_of(record, SERVING0), int32_of(record, SERVING_PATTERN)
    position, access = int32_of(record, SERVING_POSITION), int32_of(record, ACCESS)
    stops, starts = int32_of(record, ACCESS_STOPS), int32_of(record, STARTS)
    keys = int64_of(record, START_KEYS)
    n = 0
    for m in range(n_access):
        seconds = access[stops[m]]
        for x in range(serving0[stops[m]], serving0[stops[m] + 1]):
            p, j = pattern[x], position[x]
            column = event0[p] + j * trips[p]
            low, high = 0, trips[p]
            while low < high:
                middle = (low + high) >> 1
                if departures[column + middle] - seconds < first:
                    low = middle + 1
                else:
                    high = middle
            while low < trips[p] and departures[column + low] - seconds <= last:
                starts[2 * n], starts[2 * n + 1] = trip0[p] + low, j
                keys[n] = (np.int64(departures[column + low] - seconds) << 32) | n
                n += 1
                if last == FAR:
                    break
                low += 1
    return n


@compiled
def _start(record: Any, levels: int, n: int, place: int) -> tuple[int, int]:
    """Board at a start, if it is not reached yet; the levels and segments there are."""
    starts, reached = int32_of(record, STARTS), uint16_of(record, LEVELS)
    if levels == 0:
        levels = _add_level(record, levels)
    trip, position = starts[2 * place], starts[2 * place + 1]
    if position < reached[trip]:
        _enqueue(record, 1, levels, n, np.int64(trip), np.int64(position), -1, 0)
        n += 1
    return levels, n


@compiled
def _add_level(record: Any, levels: int) -> int:
    """Begin to tell one more ride from less: so far as much is reached with it as without."""
    unreached, reached = uint16_of(record, UNREACHED), uint16_of(record, LEVELS)
    best, n_trips = int32_of(record, BEST), len(uint16_of(record, UNREACHED))
    below = reached[(levels - 1) * n_trips : levels * n_trips] if levels > 0 else unreached
    copy_all(reached[levels * n_trips :], below)
    best[levels + 1] = best[levels]
    return levels + 1


@compiled
def _enqueue(
    record: Any, level: int, levels: int, n: int, trip: Any, position: Any, parent: int, via: int
) -> None:
    """Add a segment, and mark what it reaches on its level and those of more rides."""
    queue, info = int32_of(record, QUEUE), int32_of(record, TRIP_INFO)
    reached, n_trips = uint16_of(record, LEVELS), len(uint16_of(record, UNREACHED))
    o = SEGMENT * n
    queue[o], queue[o + 1] = info[4 * trip], position
    queue[o + 2] = reached[(level - 1) * n_trips + trip]
    queue[o + 3], queue[o + 4], queue[o + 5] = parent, via, trip
    n_later = info[4 * trip + 1] - trip
    for at in range(level - 1, levels):
        first = at * n_trips + trip
        later = first
        while later < first + n_later and reached[later] > position:
            reached[later] = position
            later += 1


@compiled
def _run(
    record: Any,
    shift: int,
    levels: int,
    high: int,
    max_rides: int,
    on_foot: int,
    written: int,
    wanted: bool,  # noqa: FBT001
) -> tuple[int, int]:
    """Search from the segments [0, high), and write what is better than anything later.

    Returns how far `out` is written (`FULL` if there is no room) and the levels there are.
    """
    best, out = int32_of(record, BEST), int32_of(record, OUT)
    low, rides = ZERO, ZERO + 1
    bound, last, entry = reach_doors(record, low, high, min(int(best[rides]), on_foot))
    while low < high:
        if last >= 0:
            for level in range(rides, levels + 1):
                best[level] = min(best[level], bound)
            if wanted:
                if written + JOURNEY_ROW + LEG_ROW * (2 * rides + 1) > len(out):
                    return FULL, levels
                written = write_journey(record, written, rides, last, entry)
        if rides == max_rides:
            break
        if rides == levels:
            levels = _add_level(record, levels)
        middle, bound = high, min(int(best[rides + 1]), on_foot)
        high, bound, last, entry = _follow(record, shift, rides + 1, levels, low, middle, bound)
        low = middle
        rides += 1
    return written, levels


@compiled
def _follow(
    record: Any, shift: int, level: int, levels: int, low: int, high: int, bound: int
) -> tuple[int, int, int, int]:
    """As `trip_based_search` does it, among the segments of a level."""
    calls, change = int32_of(record, CALLS), uint32_of(record, CHANGE)
    return0, returns = int32_of(record, RETURN0), uint32_of(record, RETURNS)
    queue, reached = int32_of(record, QUEUE), uint16_of(record, LEVELS)
    base = (level - 1) * len(uint16_of(record, UNREACHED))
    by, mask = np.uint32(shift), np.uint32((1 << shift) - 1)
    n, last, found = high, -1, -1
    for m in range(low, high):
        row, board, until = (
            queue[SEGMENT * m],
            queue[SEGMENT * m + 1],
            worth_until(record, m, bound),
        )
        if until == board:
            continue
        first, end = row + board + 1, row + until + 1
        for x in range(calls[2 * first], calls[2 * end]):
            trip, j = change[x] >> by, change[x] & mask
            if j < reached[base + trip]:
                _enqueue(record, level, levels, n, np.int64(trip), np.int64(j), m, x)
                at, entry = reach_door(record, n, bound)
                if entry >= 0:
                    bound, last, found = at, n, entry
                n += 1
        if len(return0) > 0:
            for x in range(return0[first], return0[first + 1]):
                trip, j = returns[x] >> by, returns[x] & mask
                if j < reached[base + trip]:
                    _enqueue(record, level, levels, n, np.int64(trip), np.int64(j), m, -1)
                    at, entry = reach_door(record, n, bound)
                    if entry >= 0:
                        bound, last, found = at, n, entry
                    n += 1
    return n, bound, last, found
