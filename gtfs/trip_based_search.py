"""Trip-Based search (Witt 2015) over one day's flat arrays: Pareto (arrival, rides) with its legs.

A *segment* is a part of a trip that can be ridden: boarded at one position and worth riding to
another, behind which the trip, or an earlier one of its lane, was reached before. Round by round
the changes of all segments lead to the next segments; `reached` says from which position on each
trip is reached already. A segment that reaches a door bounds those that are found after it, and
each is followed only as far as it may lead to a door before that (`trip_based_bounds`). The changes
of a segment lie one behind the other, so that following them is one loop over one array. What the
inner loops look up by is unsigned, which spares numba the check for an index from the end.

The kernels get the address of a `record.Record`: the arrays of `network.SECTIONS`, those of
`trip_based_transfers.Transfers`, and the work arrays named here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gtfs.kernel_cache import compiled, copy_all, inlined, prefetch
from gtfs.record import int32_of, pairs_at, uint16_of, uint32_of
from gtfs.trip_based_ends import clear_ends, ends_exist, set_sources, set_targets
from gtfs.trip_based_layout import (
    ACCESS,
    ACCESS_STOPS,
    CALLS,
    CHANGE,
    DEPARTURES,
    EGRESS,
    ENTRIES,
    ENTRY_HEAD,
    EVENT0,
    FAR,
    INF,
    LEAST,
    N_ARRAYS,
    QUEUE,
    REACHED,
    RETURN0,
    RETURNS,
    SEGMENT,
    SERVING0,
    SERVING_PATTERN,
    SERVING_POSITION,
    STOP0,
    STOPS,
    TRIP0,
    TRIP_INFO,
    TRIPS,
    UNREACHED,
    ZERO,
)
from gtfs.trip_based_legs import walk_alone, write_journey


@compiled
def search_trips(
    address: int,
    shift: int,
    n_sources: int,
    n_targets: int,
    departure: int,
    max_rides: int,
    walk: bool,  # noqa: FBT001 - kernels are called by position
) -> int:
    """Search from the first `n_sources` pairs (stop, seconds) of `ends` to the next `n_targets`.

    Writes each journey and its legs in travel order to `out`, fewest rides first; returns how many
    numbers that are, -1 if a stop does not exist. With `walk` one footpath is allowed before the
    first ride and one after the last, and a walk alone is a journey of no rides.
    """
    record = pairs_at(address, N_ARRAYS)
    if not ends_exist(record, n_sources + n_targets):
        return -1
    n_egress = set_targets(record, n_sources, n_targets, walk)
    n_access = set_sources(record, n_sources, walk)
    copy_all(uint16_of(record, REACHED), uint16_of(record, UNREACHED))
    written: int = ZERO
    bound, low, rides = ZERO + FAR, ZERO, ZERO + 1
    if walk:
        written, bound = walk_alone(record, n_sources, departure)
    high = _board(record, n_access, departure)
    bound, last, entry = reach_doors(record, low, high, bound)
    while low < high:
        if last >= 0:
            written = write_journey(record, written, rides, last, entry)
        if rides == max_rides:
            break
        middle = high
        high, bound, last, entry = _follow(record, shift, low, middle, bound)
        low = middle
        rides += 1
    clear_ends(record, n_access, n_egress)
    return written


@inlined
def enqueue(
    queue: Any, info: Any, reached: Any, n: int, trip: Any, position: Any, parent: int, via: int
) -> None:
    """Add a segment, and mark its trip and the later ones of the lane as reached from there."""
    o = SEGMENT * n
    queue[o] = info[4 * trip]
    queue[o + 1] = position
    queue[o + 2] = reached[trip]
    queue[o + 3] = parent
    queue[o + 4] = via
    queue[o + 5] = trip
    end = info[4 * trip + 1]
    later = np.int64(trip)
    while later < end and reached[later] > position:
        reached[later] = position
        later += 1


@compiled
def _board(record: Any, n_access: int, departure: int) -> int:
    """The segments of the first ride; returns their number."""
    trips, trip0, event0 = (
        int32_of(record, TRIPS),
        int32_of(record, TRIP0),
        int32_of(record, EVENT0),
    )
    departures, serving0 = int32_of(record, DEPARTURES), int32_of(record, SERVING0)
    pattern, position = int32_of(record, SERVING_PATTERN), int32_of(record, SERVING_POSITION)
    access, stops = int32_of(record, ACCESS), int32_of(record, ACCESS_STOPS)
    queue, info = int32_of(record, QUEUE), int32_of(record, TRIP_INFO)
    reached = uint16_of(record, REACHED)
    n = 0
    for m in range(n_access):
        s = stops[m]
        at = departure + access[s]
        for x in range(serving0[s], serving0[s + 1]):
            p, j = pattern[x], position[x]
            column = event0[p] + j * trips[p]
            low, high = 0, trips[p]
            while low < high:
                middle = (low + high) >> 1
                if departures[column + middle] < at:
                    low = middle + 1
                else:
                    high = middle
            if low < trips[p] and j < reached[trip0[p] + low]:
                enqueue(queue, info, reached, n, trip0[p] + low, j, -1, 0)
                n += 1
    return n


@compiled
def reach_doors(record: Any, low: int, high: int, bound: int) -> tuple[int, int, int]:
    """The earliest arrival by the segments [low, high) that is before `bound`.

    Returns it with its segment and entry, or `bound`, -1, -1.
    """
    last, found = -1, -1
    for m in range(low, high):
        at, entry = reach_door(record, m, bound)
        if at < bound:
            bound, last, found = at, m, entry
    return bound, last, found


@inlined
def reach_door(record: Any, m: int, bound: int) -> tuple[int, int]:
    """The earliest arrival by a segment that is before `bound`, and its entry; or `bound`, -1."""
    calls, info = int32_of(record, CALLS), int32_of(record, TRIP_INFO)
    head, entries = int32_of(record, ENTRY_HEAD), int32_of(record, ENTRIES)
    egress, queue = int32_of(record, EGRESS), int32_of(record, QUEUE)
    o, found = SEGMENT * m, -1
    entry = head[info[4 * queue[o + 5] + 2]]
    while entry >= 0:
        i = entries[entry]
        if queue[o + 1] < i <= queue[o + 2]:
            at = calls[2 * (queue[o] + i) + 1] + egress[entries[entry + 2]]
            if at < bound:
                bound, found = at, entry
        entry = entries[entry + 1]
    return bound, found


@inlined
def worth_until(record: Any, m: int, bound: int) -> Any:
    """Up to which position a segment may lead to a door before `bound`; where it begins if not."""
    calls, info = int32_of(record, CALLS), int32_of(record, TRIP_INFO)
    stops, stop0 = int32_of(record, STOPS), int32_of(record, STOP0)
    least, queue = int32_of(record, LEAST), int32_of(record, QUEUE)
    row, board, until = queue[SEGMENT * m], queue[SEGMENT * m + 1], queue[SEGMENT * m + 2]
    stop = stop0[info[4 * queue[SEGMENT * m + 5] + 2]]
    if bound == FAR or calls[2 * (row + until) + 1] < bound - least[stops[stop + until]]:
        return until
    i = board
    while i < until:
        at = calls[2 * (row + i + 1) + 1]
        if bound - least[stops[stop + i + 1]] <= at < INF:
            break
        i += 1
    return i


@compiled
def _follow(record: Any, shift: int, low: int, high: int, bound: int) -> tuple[int, int, int, int]:
    """The segments that the changes of [low, high) lead to, and the earliest arrival by them.

    Returns the new end of the queue, and what `reach_doors` does.
    """
    calls, info = int32_of(record, CALLS), int32_of(record, TRIP_INFO)
    change, queue = uint32_of(record, CHANGE), int32_of(record, QUEUE)
    return0, returns = int32_of(record, RETURN0), uint32_of(record, RETURNS)
    reached = uint16_of(record, REACHED)
    by, mask = np.uint32(shift), np.uint32((1 << shift) - 1)
    n, last, found = high, -1, -1
    for m in range(low, high):
        ahead = SEGMENT * min(m + 4, n - 1)
        prefetch(change, np.int64(calls[2 * (queue[ahead] + queue[ahead + 1] + 1)]))
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
            if j < reached[trip]:
                enqueue(queue, info, reached, n, trip, j, m, x)
                prefetch(calls, np.int64(2 * (queue[SEGMENT * n] + j + 1)))
                at, entry = reach_door(record, n, bound)
                if entry >= 0:
                    bound, last, found = at, n, entry
                n += 1
        if len(return0) > 0:
            for x in range(return0[first], return0[first + 1]):
                trip, j = returns[x] >> by, returns[x] & mask
                if j < reached[trip]:
                    enqueue(queue, info, reached, n, trip, j, m, -1)
                    at, entry = reach_door(record, n, bound)
                    if entry >= 0:
                        bound, last, found = at, n, entry
                    n += 1
    return n, bound, last, found
