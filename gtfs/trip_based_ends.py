"""The ends of a Trip-Based search: from which stops, to which, and how long it takes to them."""

from __future__ import annotations

from typing import Any

from gtfs.kernel_cache import compiled
from gtfs.record import int32_of
from gtfs.trip_based_bounds import bound_ways
from gtfs.trip_based_layout import (
    ACCESS,
    ACCESS_FROM,
    ACCESS_STOPS,
    ALIGHTING0,
    ALIGHTING_PATTERN,
    ALIGHTING_POSITION,
    BACK0,
    BACK_S,
    BACK_TO,
    CHANGE_S,
    EGRESS,
    EGRESS_STOPS,
    EGRESS_TO,
    ENDS,
    ENTRIES,
    ENTRY,
    ENTRY_HEAD,
    INF,
    WALK0,
    WALK_S,
    WALK_TO,
)


@compiled
def ends_exist(record: Any, n_ends: int) -> bool:
    """Whether every stop of `ends` is one."""
    ends = int32_of(record, ENDS)
    n_stops = len(int32_of(record, CHANGE_S))
    for j in range(0, 2 * n_ends, 2):  # noqa: SIM110 - numba compiles loops best
        if ends[j] < 0 or ends[j] >= n_stops:
            return False
    return True


@compiled
def set_sources(record: Any, n_sources: int, walk: bool) -> int:  # noqa: FBT001
    """Note the seconds from the door to where one may board; returns how many stops that are."""
    walk0, walk_to = int32_of(record, WALK0), int32_of(record, WALK_TO)
    walk_s, ends = int32_of(record, WALK_S), int32_of(record, ENDS)
    access, access_from = int32_of(record, ACCESS), int32_of(record, ACCESS_FROM)
    stops = int32_of(record, ACCESS_STOPS)
    n = 0
    for j in range(0, 2 * n_sources, 2):
        s = ends[j]
        if ends[j + 1] < access[s]:
            if access[s] == INF:
                stops[n] = s
                n += 1
            access[s] = ends[j + 1]
            access_from[s] = s
    if walk:
        for j in range(0, 2 * n_sources, 2):
            s = ends[j]
            for x in range(walk0[s], walk0[s + 1]):
                q, seconds = walk_to[x], ends[j + 1] + walk_s[x]
                if seconds < access[q]:
                    if access[q] == INF:
                        stops[n] = q
                        n += 1
                    access[q] = seconds
                    access_from[q] = s
    return n


@compiled
def set_targets(record: Any, n_sources: int, n_targets: int, walk: bool) -> int:  # noqa: FBT001
    """Note the seconds to the door from where one may alight, by stop and by pattern, and bounds.

    Returns how many stops that are.
    """
    back0, back_to = int32_of(record, BACK0), int32_of(record, BACK_TO)
    back_s, ends = int32_of(record, BACK_S), int32_of(record, ENDS)
    egress, egress_to = int32_of(record, EGRESS), int32_of(record, EGRESS_TO)
    stops = int32_of(record, EGRESS_STOPS)
    n = 0
    for j in range(2 * n_sources, 2 * (n_sources + n_targets), 2):
        s = ends[j]
        if ends[j + 1] < egress[s]:
            if egress[s] == INF:
                stops[n] = s
                n += 1
            egress[s] = ends[j + 1]
            egress_to[s] = s
        if walk:
            for x in range(back0[s], back0[s + 1]):
                q, seconds = back_to[x], ends[j + 1] + back_s[x]
                if seconds < egress[q]:
                    if egress[q] == INF:
                        stops[n] = q
                        n += 1
                    egress[q] = seconds
                    egress_to[q] = s
    alighting0 = int32_of(record, ALIGHTING0)
    pattern, position = (
        int32_of(record, ALIGHTING_PATTERN),
        int32_of(record, ALIGHTING_POSITION),
    )
    head, entries = int32_of(record, ENTRY_HEAD), int32_of(record, ENTRIES)
    o = 0
    for m in range(n):
        for x in range(alighting0[stops[m]], alighting0[stops[m] + 1]):
            entries[o] = position[x]
            entries[o + 1] = head[pattern[x]]
            entries[o + 2] = stops[m]
            head[pattern[x]] = o
            o += ENTRY
    bound_ways(record, n)
    return n


@compiled
def clear_ends(record: Any, n_access: int, n_egress: int) -> None:
    """Leave the work arrays as they were found."""
    access, access_stops = int32_of(record, ACCESS), int32_of(record, ACCESS_STOPS)
    egress, egress_stops = int32_of(record, EGRESS), int32_of(record, EGRESS_STOPS)
    alighting0, pattern = int32_of(record, ALIGHTING0), int32_of(record, ALIGHTING_PATTERN)
    head = int32_of(record, ENTRY_HEAD)
    for m in range(n_access):
        access[access_stops[m]] = INF
    for m in range(n_egress):
        s = egress_stops[m]
        egress[s] = INF
        for x in range(alighting0[s], alighting0[s + 1]):
            head[pattern[x]] = -1
