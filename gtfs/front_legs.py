"""The legs of every journey of the front, written back from the goal."""

from __future__ import annotations

from typing import Any

from gtfs.front_labels import (
    ALIGHT,
    BOARD,
    BY_DOOR,
    BY_FIRST_EDGE,
    BY_RENTAL,
    BY_RIDE,
    HOW,
    NODE,
    PARENT,
    TIME,
    WHAT,
)
from gtfs.front_layout import (
    DEPARTURES,
    DIRECT_S,
    DOOR_ROW,
    EDGE,
    EDGE_MG,
    EGRESS,
    EVENT0,
    F_DEPARTS,
    F_EDGE,
    F_LABEL,
    F_LEG0,
    F_MG,
    F_TIME,
    FIRST_EDGES,
    IS_FULL,
    LABEL_ROW,
    LABELS,
    LAST_EDGES,
    LEG_ROW,
    METRES,
    MG_PER_M,
    N_FRONT,
    OUT,
    POSITIONS,
    SECONDS,
    STOP0,
    STOPS,
    TRIP0,
    TRIP_OF,
    TRIPS,
)
from gtfs.front_memory import (
    front_rows,
    ints,
    size_of,
    wide,
)
from gtfs.kernel_cache import compiled, inlined

ORIGIN, GOAL = -1, -2
WALK, RIDE, RENTAL = 0, 1, 2
MOST_LEGS = 48
"""Rows of a journey at most: twelve vehicles, a walk before each and one at the end."""


@compiled
def write_legs(state: Any) -> None:
    """Write legs to `out`, each journey's last leg first, and where they begin to the front.

    All that comes before the first ride is as late as it can be for it.
    """
    labels, front = ints(state, LABELS), front_rows(state)
    egress, out = ints(state, EGRESS), ints(state, OUT)
    n, walk, rental, door, goal = wide(0), wide(WALK), wide(RENTAL), wide(ORIGIN), wide(GOAL)
    for f in range(state[N_FRONT]):
        front[f, F_LEG0] = n
        if LEG_ROW * (n + MOST_LEGS) > size_of(state, OUT):
            state[IS_FULL] = 1
            return
        x, time = wide(front[f, F_LABEL]), wide(front[f, F_TIME])
        if x < 0:
            _write(out, n, walk, door, goal, time - state[DIRECT_S], time, door)
            front[f, F_MG] = 0
            n += 1
        else:
            edge, node = wide(front[f, F_EDGE]), wide(labels[LABEL_ROW * x + NODE])
            if edge >= 0:
                _write(
                    out, n, rental, node, goal, wide(labels[LABEL_ROW * x + TIME]), time, -1 - edge
                )
            else:
                _write(out, n, walk, node, goal, time - egress[node], time, door)
            n = _write_back(state, n + 1, x)
            front[f, F_MG] = _mg_of(state, x)
            if edge >= 0:
                front[f, F_MG] += ints(state, LAST_EDGES)[DOOR_ROW * edge + 6]
        _be_late(out, front[f, F_LEG0], n)
        front[f, F_DEPARTS] = out[LEG_ROW * (n - 1) + 3]
    if state[N_FRONT] < len(front):
        front[state[N_FRONT], F_LEG0] = n


@inlined
def _write(
    out: Any, n: int, kind: int, start: int, end: int, departs: int, arrives: int, what: int
) -> None:
    o = LEG_ROW * n
    out[o] = kind
    out[o + 1] = start
    out[o + 2] = end
    out[o + 3] = departs
    out[o + 4] = arrives
    out[o + 5] = what
    out[o + 6] = -1
    out[o + 7] = -1


@compiled
def _write_back(state: Any, n: int, x: int) -> int:
    """Write how one came to label x; returns the number of legs."""
    labels, out, edges = ints(state, LABELS), ints(state, OUT), ints(state, EDGE)
    stop0, trip0, event0 = ints(state, STOP0), ints(state, TRIP0), ints(state, EVENT0)
    stops, trips, departures = ints(state, STOPS), ints(state, TRIPS), ints(state, DEPARTURES)
    trip = ints(state, TRIP_OF)
    walk, rental, door = wide(WALK), wide(RENTAL), wide(ORIGIN)
    while x >= 0:
        node, time = wide(labels[LABEL_ROW * x + NODE]), wide(labels[LABEL_ROW * x + TIME])
        how, before = labels[LABEL_ROW * x + HOW], wide(labels[LABEL_ROW * x + PARENT])
        row = LABEL_ROW * max(before, wide(0))
        came_from, since = wide(labels[row + NODE]), wide(labels[row + TIME])
        if how == BY_DOOR:
            _write(out, n, walk, door, node, state[SECONDS], time, door)
            n += 1
        elif how == BY_FIRST_EDGE:
            _write(
                out, n, rental, door, node, state[SECONDS], time, -1 - labels[LABEL_ROW * x + WHAT]
            )
            n += 1
        elif how == BY_RENTAL:
            edge = wide(edges[labels[LABEL_ROW * x + WHAT]])
            _write(out, n, rental, came_from, node, since, time, edge)
            n += 1
        elif how == BY_RIDE:
            t = wide(labels[LABEL_ROW * x + WHAT])
            p = _pattern_of(state, t)
            board = labels[LABEL_ROW * x + BOARD]
            size = trips[p]
            departs = wide(departures[event0[p] + board * size + t - trip0[p]])
            start = wide(stops[stop0[p] + board])
            _write(out, n, wide(RIDE), start, node, departs, time, wide(trip[t]))
            out[LEG_ROW * n + 6] = board
            out[LEG_ROW * n + 7] = labels[LABEL_ROW * x + ALIGHT]
            n += 1
        elif came_from != node:
            _write(out, n, walk, came_from, node, since, time, door)
            n += 1
        x = before
    return n


@inlined
def _pattern_of(state: Any, trip: int) -> int:
    """The pattern of a trip."""
    trip0 = ints(state, TRIP0)
    low, high = wide(0), size_of(state, POSITIONS)
    while high - low > 1:
        middle = (low + high) >> 1
        if trip0[middle] <= trip:
            low = middle
        else:
            high = middle
    return low


@compiled
def _mg_of(state: Any, x: int) -> int:
    """Milligrams on the way to label x."""
    labels, edge_mg, door = ints(state, LABELS), ints(state, EDGE_MG), ints(state, FIRST_EDGES)
    stop0, metres, mg_per_m = ints(state, STOP0), ints(state, METRES), ints(state, MG_PER_M)
    mg = wide(0)
    while x >= 0:
        row = LABEL_ROW * x
        how, what = labels[row + HOW], wide(labels[row + WHAT])
        if how == BY_RIDE:
            p = _pattern_of(state, what)
            first = stop0[p]
            way = metres[first + labels[row + ALIGHT]] - metres[first + labels[row + BOARD]]
            mg += wide(mg_per_m[p]) * way
        elif how == BY_RENTAL:
            mg += edge_mg[what]
        elif how == BY_FIRST_EDGE:
            mg += door[DOOR_ROW * what + 6]
        x = wide(labels[row + PARENT])
    return mg


@compiled
def _be_late(out: Any, since: int, until: int) -> None:
    """Move the legs before the first ride to just before it."""
    ride = until - 1
    while ride >= since and out[LEG_ROW * ride] != RIDE:
        ride -= 1
    if ride < since:
        return
    time = out[LEG_ROW * ride + 3]
    for y in range(ride + 1, until):
        lasts = out[LEG_ROW * y + 4] - out[LEG_ROW * y + 3]
        out[LEG_ROW * y + 4] = time
        out[LEG_ROW * y + 3] = time - lasts
        time -= lasts
