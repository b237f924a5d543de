"""RAPTOR (Delling, Pajor, Werneck 2012) over one day's flat arrays: Pareto (arrival, rides).

Between two rides lies either a change at one stop, of at least its change time, or one footpath.
A stop has two labels a round: when a ride gets there (footpaths and egress start from it), and
from when the next ride can be boarded. So footpaths need not be transitively closed, and a stop
reached on foot does not hide a ride that reaches it later but could walk on.

What the inner loops look up by is unsigned, which spares numba the check for
an index from the end: a tenth of the time.

`net` holds the arrays of `network.SECTIONS` one behind the other, `no` their offsets; `work` and
`wo` likewise a `network.Workspace`, whose sections are

    0 best_ride  1 best_ready  2 ride  3, 4 ready (this round's and the last one's, in turn)
    5 egress     6 first marked position of a pattern        7 queue of patterns
    8, 9 marked stops (in turn)  10 stops reached by a ride  11 stops with an egress  12 its target
    13 trip  14 board position  15 walked from  16 alight position, each by round and stop
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

INF = 1 << 30
FAR = 1 << 29  # no journey yet: below INF plus any negative time
FRONT_ROW = 5  # arrival, rides, number of legs, source stop, target stop
LEG_ROW = (
    7  # trip, from, to, board and alight position, departure, arrival; -1, from, to, …, seconds
)
LEGS_FROM = FRONT_ROW * 18


@compiled
def search_day(
    net: I32,
    no: I64,
    work: I32,
    wo: I64,
    ends: I32,
    n_sources: int,
    departure: int,
    max_rides: int,
    walk_at_ends: bool,
    out: I32,
) -> int:
    """Search from `ends[:2 * n_sources]` to the rest, both (stop, seconds) pairs.

    Writes rows of the front to `out`, fewest rides first, and from `LEGS_FROM` on their legs, each
    journey's last leg first; returns the number of journeys. With `walk_at_ends` one footpath is
    allowed before the first ride and one after the last, and a walk alone is a journey of 0 rides.
    """
    n_stops = wo[1] - wo[0]
    prev, cur = work[wo[3] : wo[4]], work[wo[4] : wo[5]]
    prev_marks, cur_marks = work[wo[8] : wo[9]], work[wo[9] : wo[10]]
    egress, egress_to = work[wo[5] : wo[6]], work[wo[12] : wo[13]]
    egress_marks = work[wo[11] : wo[12]]
    work[: wo[2]] = INF  # best_ride, best_ready

    n_egress = _set_targets(net, no, work, wo, ends, n_sources, walk_at_ends)
    n_prev = _set_sources(net, no, work, wo, ends, n_sources, departure, walk_at_ends)
    bound = FAR
    n_journeys = n_legs = 0
    if walk_at_ends:
        bound, source = _walk_alone(egress, ends, n_sources, departure)
        if source >= 0:
            n_legs = _write_walk(net, no, out, n_legs, source, int(egress_to[source]))
            _write_front(out, 0, bound, 0, n_legs, source, int(egress_to[source]))
            n_journeys = 1

    k = 0
    while n_prev > 0 and k < max_rides:
        k += 1
        base = k * n_stops
        n_queue = _collect(net, no, work, wo, prev, prev_marks, n_prev, bound)
        n_cur, n_ride, bound, last = _scan(
            net, no, work, wo, prev, cur, cur_marks, n_queue, base, bound
        )
        n_cur = _walk_on(net, no, work, wo, cur, cur_marks, n_cur, n_ride, base, bound)
        for m in range(n_prev):
            prev[prev_marks[m]] = INF
        if last >= 0:
            target = int(egress_to[last])
            first_leg = n_legs
            n_legs = _write_walk(net, no, out, n_legs, last, target)
            n_legs, source = _write_rides(net, no, work, wo, out, n_legs, k, last)
            _write_front(out, n_journeys, bound, k, n_legs - first_leg, source, target)
            n_journeys += 1
        prev, cur = cur, prev
        prev_marks, cur_marks = cur_marks, prev_marks
        n_prev = n_cur

    for m in range(n_prev):
        prev[prev_marks[m]] = INF
    for m in range(n_egress):
        egress[egress_marks[m]] = INF
    return n_journeys


@compiled
def _set_targets(
    net: I32,
    no: I64,
    work: I32,
    wo: I64,
    ends: I32,
    n_sources: int,
    walk: bool,
) -> int:
    """Note the least egress of every stop; returns how many stops have one."""
    back0, back_to, back_s = net[no[14] : no[15]], net[no[15] : no[16]], net[no[16] : no[17]]
    egress, egress_to = work[wo[5] : wo[6]], work[wo[12] : wo[13]]
    marks = work[wo[11] : wo[12]]
    n = 0
    for j in range(2 * n_sources, len(ends), 2):
        target, seconds = ends[j], ends[j + 1]
        if seconds < egress[target]:
            if egress[target] == INF:
                marks[n] = target
                n += 1
            egress[target] = seconds
            egress_to[target] = target
        if walk:
            for x in range(back0[target], back0[target + 1]):
                s = back_to[x]
                if seconds + back_s[x] < egress[s]:
                    if egress[s] == INF:
                        marks[n] = s
                        n += 1
                    egress[s] = seconds + back_s[x]
                    egress_to[s] = target
    return n


@compiled
def _set_sources(
    net: I32,
    no: I64,
    work: I32,
    wo: I64,
    ends: I32,
    n_sources: int,
    departure: int,
    walk: bool,
) -> int:
    """Round 0: from when the first ride can be boarded; returns how many stops are marked."""
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    best_ready, ready = work[wo[1] : wo[2]], work[wo[3] : wo[4]]
    marks, walked = work[wo[8] : wo[9]], work[wo[15] : wo[16]]
    n = 0
    for j in range(0, 2 * n_sources, 2):
        s, at = ends[j], departure + ends[j + 1]
        if at < best_ready[s]:
            if ready[s] == INF:
                marks[n] = s
                n += 1
            best_ready[s] = at
            ready[s] = at
            walked[s] = -1
    if walk:
        for j in range(0, 2 * n_sources, 2):
            s = ends[j]
            for x in range(walk0[s], walk0[s + 1]):
                q = walk_to[x]
                at = departure + ends[j + 1] + walk_s[x]
                if at < best_ready[q]:
                    if ready[q] == INF:
                        marks[n] = q
                        n += 1
                    best_ready[q] = at
                    ready[q] = at
                    walked[q] = s
    return n


@compiled
def _walk_alone(egress: I32, ends: I32, n_sources: int, departure: int) -> tuple[int, int]:
    """The earliest arrival without any ride and the source it starts from; FAR, -1 if none."""
    bound, source = FAR, -1
    for j in range(0, 2 * n_sources, 2):
        at = departure + ends[j + 1] + egress[ends[j]]
        if egress[ends[j]] < INF and at < bound:
            bound, source = int(at), int(ends[j])
    return bound, source


@compiled
def _collect(
    net: I32, no: I64, work: I32, wo: I64, ready: I32, marks: I32, n_marks: int, bound: int
) -> int:
    """Queue the patterns to scan, each from its first marked position; returns how many."""
    serving0 = net[no[8] : no[9]]
    serving_pattern = net[no[9] : no[10]].view(np.uint32)
    serving_position = net[no[10] : no[11]]
    first, queue = work[wo[6] : wo[7]], work[wo[7] : wo[8]]
    n = 0
    for m in range(n_marks):
        s = marks[m]
        if ready[s] >= bound:
            continue
        for x in range(serving0[s], serving0[s + 1]):
            p = serving_pattern[x]
            if serving_position[x] < first[p]:
                if first[p] == INF:
                    queue[n] = p
                    n += 1
                first[p] = serving_position[x]
    return n


@compiled
def _scan(  # noqa: C901, PLR0912, PLR0915 - the innermost loops; calls would cost what they hide
    net: I32,
    no: I64,
    work: I32,
    wo: I64,
    prev: I32,
    cur: I32,
    cur_marks: I32,
    n_queue: int,
    base: int,
    bound: int,
) -> tuple[int, int, int, int]:
    """Ride every queued pattern.

    Returns the number of stops with a new `ready`, of stops reached by a ride, the bound, and the
    stop whose egress gave the bound (-1 if this round did not improve it).
    """
    n_positions, n_trips = net[no[0] : no[1]], net[no[1] : no[2]]
    stop0, trip0, event0 = net[no[2] : no[3]], net[no[3] : no[4]], net[no[4] : no[5]]
    stops = net[no[5] : no[6]].view(np.uint32)
    arrivals, departures = net[no[6] : no[7]], net[no[7] : no[8]]
    change_s = net[no[17] : no[18]]
    best_ride, best_ready = work[wo[0] : wo[1]], work[wo[1] : wo[2]]
    ride, egress = work[wo[2] : wo[3]], work[wo[5] : wo[6]]
    first, queue, ride_marks = work[wo[6] : wo[7]], work[wo[7] : wo[8]], work[wo[10] : wo[11]]
    trip_of, board_of = work[wo[13] : wo[14]], work[wo[14] : wo[15]]
    walked, alight_of = work[wo[15] : wo[16]], work[wo[16] : wo[17]]
    n_cur = n_ride = 0
    last = -1
    for y in range(n_queue):
        p = queue[y]
        board = int(first[p])
        first[p] = INF
        length, size = int(n_positions[p]), int(n_trips[p])
        cell, stop_base = int(event0[p]), int(stop0[p])
        t = size  # no trip yet
        row = cell
        for i in range(board, length):
            s = stops[np.uint64(stop_base + i)]
            if t < size:
                at = arrivals[np.uint64(row + i)]
                if at < best_ride[s] and at < bound:
                    if ride[s] == INF:
                        ride_marks[n_ride] = s
                        n_ride += 1
                    ride[s] = at
                    best_ride[s] = at
                    trip_of[base + s] = trip0[p] + t
                    board_of[base + s] = board
                    alight_of[base + s] = i
                    if at + change_s[s] < best_ready[s]:
                        if cur[s] == INF:
                            cur_marks[n_cur] = s
                            n_cur += 1
                        cur[s] = at + change_s[s]
                        best_ready[s] = at + change_s[s]
                        walked[base + s] = -1
                    if at + egress[s] < bound:
                        bound = int(at + egress[s])
                        last = int(s)
            ready = prev[s]
            if ready < INF and t > 0:
                column = cell + i * size
                if t == size:
                    low, high = 0, size
                    while low < high:
                        middle = (low + high) >> 1
                        if departures[np.uint64(column + middle)] < ready:
                            low = middle + 1
                        else:
                            high = middle
                    if low < size:
                        t, board, row = low, i, cell + low * length
                elif departures[np.uint64(column + t - 1)] >= ready:
                    t -= 1
                    while t > 0 and departures[np.uint64(column + t - 1)] >= ready:
                        t -= 1
                    board, row = i, cell + t * length
    return n_cur, n_ride, bound, last


@compiled
def _walk_on(
    net: I32,
    no: I64,
    work: I32,
    wo: I64,
    cur: I32,
    cur_marks: I32,
    n_cur: int,
    n_ride: int,
    base: int,
    bound: int,
) -> int:
    """Take the footpaths from every stop reached by a ride; returns how many stops are marked."""
    walk0, walk_s = net[no[11] : no[12]], net[no[13] : no[14]]
    walk_to = net[no[12] : no[13]].view(np.uint32)
    best_ready, ride = work[wo[1] : wo[2]], work[wo[2] : wo[3]]
    ride_marks, walked = work[wo[10] : wo[11]], work[wo[15] : wo[16]]
    for m in range(n_ride):
        s = ride_marks[m]
        at = ride[s]
        ride[s] = INF
        for x in range(walk0[s], walk0[s + 1]):
            q = walk_to[x]
            ready = at + walk_s[x]
            if ready < best_ready[q] and ready < bound:
                if cur[q] == INF:
                    cur_marks[n_cur] = q
                    n_cur += 1
                cur[q] = ready
                best_ready[q] = ready
                walked[base + q] = s
    return n_cur


@compiled
def _write_rides(
    net: I32, no: I64, work: I32, wo: I64, out: I32, n_legs: int, rides: int, last: int
) -> tuple[int, int]:
    """Write the legs back from the ride that ends at `last`; returns their number, the source."""
    n_positions, n_trips = net[no[0] : no[1]], net[no[1] : no[2]]
    stop0, trip0, event0 = net[no[2] : no[3]], net[no[3] : no[4]], net[no[4] : no[5]]
    stops, arrivals, departures = net[no[5] : no[6]], net[no[6] : no[7]], net[no[7] : no[8]]
    pattern_of = net[no[18] : no[19]]
    trip_of, board_of = work[wo[13] : wo[14]], work[wo[14] : wo[15]]
    walked, alight_of = work[wo[15] : wo[16]], work[wo[16] : wo[17]]
    n_stops = wo[1] - wo[0]
    s = last
    for r in range(rides, 0, -1):
        here = r * n_stops + s
        trip, board, alight = trip_of[here], board_of[here], alight_of[here]
        p = pattern_of[trip]
        t = trip - trip0[p]
        o = LEGS_FROM + LEG_ROW * n_legs
        out[o] = trip
        out[o + 1] = stops[stop0[p] + board]
        out[o + 2] = s
        out[o + 3] = board
        out[o + 4] = alight
        out[o + 5] = departures[event0[p] + board * n_trips[p] + t]
        out[o + 6] = arrivals[event0[p] + t * n_positions[p] + alight]
        n_legs += 1
        s = int(out[o + 1])
        before = int(walked[(r - 1) * n_stops + s])
        if before >= 0:
            n_legs = _write_walk(net, no, out, n_legs, before, s)
            s = before
    return n_legs, s


@compiled
def _write_walk(net: I32, no: I64, out: I32, n_legs: int, start: int, end: int) -> int:
    """Write a footpath, its seconds in place of the departure; returns the number of legs.

    A footpath that leads nowhere is not written.
    """
    if start == end:
        return n_legs
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    o = LEGS_FROM + LEG_ROW * n_legs
    out[o] = -1
    out[o + 1] = start
    out[o + 2] = end
    for x in range(walk0[start], walk0[start + 1]):
        if walk_to[x] == end:
            out[o + 5] = walk_s[x]
    return n_legs + 1


@compiled
def _write_front(
    out: I32, row: int, arrival: int, rides: int, legs: int, source: int, target: int
) -> None:
    o = FRONT_ROW * row
    out[o] = arrival
    out[o + 1] = rides
    out[o + 2] = legs
    out[o + 3] = source
    out[o + 4] = target
