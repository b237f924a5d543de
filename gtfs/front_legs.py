"""The legs of every journey of the front, written back from the goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import (
    ALIGHT,
    BOARD,
    BY_DOOR,
    BY_FIRST_EDGE,
    BY_RENTAL,
    BY_RIDE,
    DIRECT_S,
    F_DEPARTS,
    F_EDGE,
    F_LABEL,
    F_LEG0,
    F_MG,
    F_TIME,
    HOW,
    IS_FULL,
    N_FRONT,
    NODE,
    PARENT,
    SECONDS,
    TIME,
    WHAT,
    wide,
)
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

INF = 1 << 30
ORIGIN, GOAL = -1, -2
WALK, RIDE, RENTAL = 0, 1, 2
LEG_ROW = 8
"""Kind, start, end, departure, arrival, ride, position of boarding, of alighting."""
MOST_LEGS = 48
"""Rows of a journey at most: twelve vehicles, a walk before each and one at the end."""


@compiled
def write_legs(
    net: I32,
    no: I64,
    ren: I32,
    ro: I64,
    egress: I32,
    labels: I32,
    front: I32,
    out: I32,
    state: I64,
) -> None:
    """Write legs to `out`, each journey's last leg first, and where they begin to the front.

    All that comes before the first ride is as late as it can be for it.
    """
    n, walk, rental, door, goal = wide(0), wide(WALK), wide(RENTAL), wide(ORIGIN), wide(GOAL)
    for f in range(state[N_FRONT]):
        front[f, F_LEG0] = n
        if LEG_ROW * (n + MOST_LEGS) > len(out):
            state[IS_FULL] = 1
            return
        x, time = wide(front[f, F_LABEL]), wide(front[f, F_TIME])
        if x < 0:
            _write(out, n, walk, door, goal, time - state[DIRECT_S], time, door)
            front[f, F_MG] = 0
            n += 1
        else:
            edge, node = wide(front[f, F_EDGE]), wide(labels[x, NODE])
            if edge >= 0:
                _write(out, n, rental, node, goal, wide(labels[x, TIME]), time, -1 - edge)
            else:
                _write(out, n, walk, node, goal, time - egress[node], time, door)
            n = _write_back(net, no, ren, ro, labels, out, n + 1, x, state)
            front[f, F_MG] = _mg_of_rides(net, no, labels, x)
        _be_late(out, front[f, F_LEG0], n)
        front[f, F_DEPARTS] = out[LEG_ROW * (n - 1) + 3]
    if state[N_FRONT] < len(front):
        front[state[N_FRONT], F_LEG0] = n


@compiled
def _write(
    out: I32, n: int, kind: int, start: int, end: int, departs: int, arrives: int, what: int
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
def _write_back(
    net: I32,
    no: I64,
    ren: I32,
    ro: I64,
    labels: I32,
    out: I32,
    n: int,
    x: int,
    state: I64,
) -> int:
    """Write how one came to label x; returns the number of legs."""
    stop0, trip0, event0 = net[no[2] : no[3]], net[no[3] : no[4]], net[no[4] : no[5]]
    trip = net[no[20] : no[21]]
    walk, rental, door = wide(WALK), wide(RENTAL), wide(ORIGIN)
    while x >= 0:
        node, time = wide(labels[x, NODE]), wide(labels[x, TIME])
        how, before = labels[x, HOW], wide(labels[x, PARENT])
        came_from, since = wide(labels[before, NODE]), wide(labels[before, TIME])
        if how == BY_DOOR:
            _write(out, n, walk, door, node, state[SECONDS], time, door)
            n += 1
        elif how == BY_FIRST_EDGE:
            _write(out, n, rental, door, node, state[SECONDS], time, -1 - labels[x, WHAT])
            n += 1
        elif how == BY_RENTAL:
            edge = wide(ren[ro[5] + labels[x, WHAT]])
            _write(out, n, rental, came_from, node, since, time, edge)
            n += 1
        elif how == BY_RIDE:
            t = labels[x, WHAT]
            p = np.searchsorted(trip0, t, side="right") - 1
            board = labels[x, BOARD]
            size = net[no[1] + p]
            departs = wide(net[no[7] + event0[p] + board * size + t - trip0[p]])
            start = wide(net[no[5] + stop0[p] + board])
            _write(out, n, wide(RIDE), start, node, departs, time, wide(trip[t]))
            out[LEG_ROW * n + 6] = board
            out[LEG_ROW * n + 7] = labels[x, ALIGHT]
            n += 1
        elif came_from != node:
            _write(out, n, walk, came_from, node, since, time, door)
            n += 1
        x = before
    return n


@compiled
def _mg_of_rides(net: I32, no: I64, labels: I32, x: int) -> int:
    """Milligrams of all rides on the way to label x, rentals left out."""
    stop0, trip0 = net[no[2] : no[3]], net[no[3] : no[4]]
    mg = 0
    while x >= 0:
        if labels[x, HOW] == BY_RIDE:
            p = np.searchsorted(trip0, labels[x, WHAT], side="right") - 1
            first = no[17] + stop0[p]
            metres = net[first + labels[x, ALIGHT]] - net[first + labels[x, BOARD]]
            mg += net[no[16] + p] * metres
        x = wide(labels[x, PARENT])
    return mg


@compiled
def _be_late(out: I32, since: int, until: int) -> None:
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
