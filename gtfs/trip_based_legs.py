"""Journeys written out by a Trip-Based search, their legs in travel order."""

from __future__ import annotations

from typing import Any

from gtfs.kernel_cache import compiled
from gtfs.record import int32_of
from gtfs.trip_based_layout import (
    ACCESS,
    ACCESS_FROM,
    ARRIVALS,
    CALLS,
    DAY_OFFSET,
    DEPARTURES,
    EGRESS,
    EGRESS_TO,
    ENDS,
    ENTRIES,
    EVENT0,
    FAR,
    INF,
    JOURNEY_ROW,
    LEG_ROW,
    OUT,
    QUEUE,
    SEGMENT,
    STOP0,
    STOPS,
    TIMETABLE_TRIP,
    TRIP0,
    TRIP_INFO,
    TRIPS,
    WALK0,
    WALK_S,
    WALK_TO,
)


@compiled
def walk_alone(record: Any, n_sources: int, departure: int) -> tuple[int, int]:
    """Write the journey without any ride, if there is one; numbers written, its arrival or FAR."""
    ends, egress = int32_of(record, ENDS), int32_of(record, EGRESS)
    egress_to, out = int32_of(record, EGRESS_TO), int32_of(record, OUT)
    bound, source, leaves = FAR, -1, 0
    for j in range(0, 2 * n_sources, 2):
        at = departure + ends[j + 1] + egress[ends[j]]
        if egress[ends[j]] < INF and at < bound:
            bound, source, leaves = at, ends[j], departure + ends[j + 1]
    if source < 0:
        return 0, FAR
    target = egress_to[source]
    end = JOURNEY_ROW
    if source != target:
        _write_walk(record, end, source, target, leaves)
        end += LEG_ROW
    out[0], out[1], out[2], out[3], out[4] = departure, bound, -1, source, target
    out[5] = end // LEG_ROW
    return end, bound


@compiled
def write_journey(record: Any, first: int, rides: int, last: int, entry: int) -> int:
    """Write the journey that ends with a segment at a door's entry; returns the end of `out`.

    Its legs are found from the last to the first, and moved to the front of the room they may need.
    """
    stops, stop0 = int32_of(record, STOPS), int32_of(record, STOP0)
    calls = int32_of(record, CALLS)
    queue, entries = int32_of(record, QUEUE), int32_of(record, ENTRIES)
    egress, egress_to = int32_of(record, EGRESS), int32_of(record, EGRESS_TO)
    access, access_from = int32_of(record, ACCESS), int32_of(record, ACCESS_FROM)
    info, out = int32_of(record, TRIP_INFO), int32_of(record, OUT)
    end = first + JOURNEY_ROW + LEG_ROW * (2 * rides + 1)
    o, o_leg = SEGMENT * last, end
    alight, stop = entries[entry], entries[entry + 2]
    target = egress_to[stop]
    reaches = calls[2 * (queue[o] + alight) + 1]
    out[first + 1] = reaches + egress[stop]
    if stop != target:
        o_leg -= LEG_ROW
        _write_walk(record, o_leg, stop, target, reaches)
    while True:
        o_leg -= LEG_ROW
        stop = _write_ride(record, o_leg, queue[o + 5], queue[o + 1], alight)
        parent, via = queue[o + 3], queue[o + 4]
        if parent < 0:
            break
        o = SEGMENT * parent
        row, alight = queue[o], queue[o + 1] + 1
        while via >= 0 and calls[2 * (row + alight) + 2] <= via:
            alight += 1
        before = stops[stop0[info[4 * queue[o + 5] + 2]] + alight]
        if before != stop:
            o_leg -= LEG_ROW
            _write_walk(record, o_leg, before, stop, calls[2 * (row + alight) + 1])
    source, leaves = access_from[stop], out[o_leg + 6]
    out[first] = leaves - access[stop]
    if source != stop:
        o_leg -= LEG_ROW
        _write_walk(record, o_leg, source, stop, 0)
        out[o_leg + 3], out[o_leg + 4] = leaves - out[o_leg + 4], leaves
    out[first + 2], out[first + 3], out[first + 4] = rides - 1, source, target
    out[first + 5] = (end - o_leg) // LEG_ROW
    to = first + JOURNEY_ROW
    for x in range(o_leg, end):
        out[to] = out[x]
        to += 1
    return to


@compiled
def _write_ride(record: Any, o: int, trip: int, board: int, alight: int) -> int:
    """Write a leg; returns the stop where it begins."""
    stops, stop0 = int32_of(record, STOPS), int32_of(record, STOP0)
    trips, trip0 = int32_of(record, TRIPS), int32_of(record, TRIP0)
    event0, departures = int32_of(record, EVENT0), int32_of(record, DEPARTURES)
    info, out = int32_of(record, TRIP_INFO), int32_of(record, OUT)
    p = info[4 * trip + 2]
    out[o] = int32_of(record, TIMETABLE_TRIP)[trip]
    out[o + 1] = int32_of(record, DAY_OFFSET)[trip]
    out[o + 2] = stops[stop0[p] + board]
    out[o + 3] = stops[stop0[p] + alight]
    out[o + 4] = board
    out[o + 5] = alight
    out[o + 6] = departures[event0[p] + board * trips[p] + trip - trip0[p]]
    out[o + 7] = int32_of(record, ARRIVALS)[info[4 * trip] + alight]
    return int(out[o + 2])


@compiled
def _write_walk(record: Any, o: int, start: int, end: int, leaves: int) -> None:
    """Write a footpath."""
    walk0, walk_to = int32_of(record, WALK0), int32_of(record, WALK_TO)
    walk_s, out = int32_of(record, WALK_S), int32_of(record, OUT)
    out[o], out[o + 1], out[o + 2], out[o + 3] = -1, start, end, leaves
    for x in range(walk0[start], walk0[start + 1]):
        if walk_to[x] == end:
            out[o + 4] = leaves + walk_s[x]
