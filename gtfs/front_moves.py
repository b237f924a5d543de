"""Rounds of the four-criteria search on rented vehicles and on foot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import (
    AREA,
    BAG,
    BOARD,
    BY_DOOR,
    BY_FIRST_EDGE,
    BY_RENTAL,
    CLOSED,
    DEAD,
    EXPIRY,
    HOW,
    LEGS,
    N_KINDS,
    N_LABELS,
    N_NODES,
    N_STOPS,
    NODE,
    ON_FOOT,
    PARENT,
    ROUND,
    SECONDS,
    STEPS,
    TIME,
    TOTAL,
    WHAT,
    arrive,
    is_hopeless,
    keep,
    least_steps,
    settle,
    wide,
)
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

INF = 1 << 30


@compiled
def leave_door(
    ren: I32,
    ro: I64,
    labels: I32,
    heads: I32,
    gap: I32,
    front: I32,
    rest: I32,
    access: I32,
    state: I64,
) -> None:
    """Walk from the door to every stop and place in reach."""
    starts_here = ren[ro[12] : ro[13]]
    n_stops, n_nodes = state[N_STOPS], state[N_NODES]
    for node in range(n_nodes):
        if access[node] >= INF:
            continue
        time = state[SECONDS] + access[node]
        if node < n_stops:
            _start(labels, state, time, node, n_stops + node, wide(BY_DOOR), wide(-1))
            _ready(labels, heads, gap, front, rest, state)
        if node >= n_stops or starts_here[node] != 0:
            _start(labels, state, time, node, 2 * n_stops + n_nodes + node, wide(BY_DOOR), wide(-1))
            _ready(labels, heads, gap, front, rest, state)


@compiled
def leave_door_riding(
    labels: I32,
    heads: I32,
    gap: I32,
    front: I32,
    rest: I32,
    egress: I32,
    door: I32,
    takes: U8,
    state: I64,
) -> None:
    """Ride from the door itself: the mirror image of rides to the goal door."""
    for d in range(0, len(door), 5):
        node, kind = wide(door[d]), door[d + 1]
        if takes[node * state[N_KINDS] + kind] == 0:
            continue
        new = state[N_LABELS]
        time = state[SECONDS] + door[d + 2]
        _start(labels, state, time, node, 2 * state[N_STOPS] + node, wide(BY_FIRST_EDGE), d // 5)
        labels[new, TOTAL] = door[d + 3]
        labels[new, CLOSED] = door[d + 3]
        labels[new, STEPS] = door[d + 4]
        settle(labels, heads, gap, front, rest, egress, state)


@compiled
def _start(labels: I32, state: I64, time: int, node: int, bag: int, how: int, what: int) -> None:
    new = state[N_LABELS]
    labels[new, TIME] = time
    labels[new, TOTAL] = 0
    labels[new, STEPS] = 0
    labels[new, CLOSED] = 0
    labels[new, AREA] = -1
    labels[new, EXPIRY] = 0
    labels[new, PARENT] = -1
    labels[new, HOW] = how
    labels[new, WHAT] = what
    labels[new, BOARD] = -1
    labels[new, NODE] = node
    labels[new, LEGS] = state[ROUND]
    labels[new, BAG] = bag
    labels[new, DEAD] = 0


@compiled
def _ready(labels: I32, heads: I32, gap: I32, front: I32, rest: I32, state: I64) -> None:
    """Take in the row behind the last label, which is ready to board or to take a vehicle."""
    new = state[N_LABELS]
    bag = wide(labels[new, BAG])
    if not is_hopeless(labels, new, front, state, rest):
        keep(labels, heads, gap, front, state, least_steps(rest, state, bag))


@compiled
def rent(
    ren: I32,
    ro: I64,
    available: U8,
    takes: U8,
    labels: I32,
    heads: I32,
    gap: I32,
    front: I32,
    rest: I32,
    egress: I32,
    door: I32,
    state: I64,
    since: int,
    until: int,
) -> None:
    """Take vehicles with the labels [since, until) that are ready to."""
    edge0, edge_to, edge_s = ren[ro[0] : ro[1]], ren[ro[1] : ro[2]], ren[ro[2] : ro[3]]
    edge_cents, edge_steps = ren[ro[3] : ro[4]], ren[ro[4] : ro[5]]
    n_kinds, rented = state[N_KINDS], 2 * state[N_STOPS]
    for x in range(since, until):
        if labels[x, BAG] < rented + state[N_NODES] or labels[x, DEAD] != 0:
            continue
        if is_hopeless(labels, x, front, state, rest):
            labels[x, DEAD] = 1
            continue
        node = wide(labels[x, NODE])
        for d in range(0, len(door), 5):
            if door[d] == node and available[node * n_kinds + door[d + 1]] != 0:
                arrive(
                    front,
                    state,
                    labels[x, TIME] + door[d + 2],
                    state[ROUND],
                    labels[x, TOTAL] + door[d + 3],
                    labels[x, STEPS] + door[d + 4],
                    x,
                    d // 5,
                )
        for kind in range(n_kinds):
            row = node * n_kinds + kind
            if available[row] == 0:
                continue
            for e in range(edge0[row], edge0[row + 1]):
                to = wide(edge_to[e])
                if takes[to * n_kinds + kind] == 0:
                    continue
                time = labels[x, TIME] + edge_s[e]
                new = state[N_LABELS]
                _follow(labels, state, x, time, to, rented + to, wide(BY_RENTAL), state[ROUND])
                labels[new, WHAT] = e
                labels[new, TOTAL] += edge_cents[e]
                labels[new, CLOSED] += edge_cents[e]
                labels[new, STEPS] += edge_steps[e]
                settle(labels, heads, gap, front, rest, egress, state)


@compiled
def _follow(
    labels: I32, state: I64, x: int, time: int, node: int, bag: int, how: int, legs: int
) -> None:
    """Write the row behind the last label: what follows label x, paying and emitting nothing."""
    new = state[N_LABELS]
    labels[new, TIME] = time
    labels[new, TOTAL] = labels[x, TOTAL]
    labels[new, STEPS] = labels[x, STEPS]
    labels[new, CLOSED] = labels[x, CLOSED]
    labels[new, AREA] = labels[x, AREA]
    labels[new, EXPIRY] = labels[x, EXPIRY]
    labels[new, PARENT] = x
    labels[new, HOW] = how
    labels[new, WHAT] = -1
    labels[new, BOARD] = -1
    labels[new, NODE] = node
    labels[new, LEGS] = legs
    labels[new, BAG] = bag
    labels[new, DEAD] = 0


@compiled
def walk_on(
    net: I32,
    no: I64,
    ren: I32,
    ro: I64,
    labels: I32,
    heads: I32,
    front: I32,
    rest: I32,
    state: I64,
    since: int,
    until: int,
) -> None:
    """Go on from the labels [since, until), which have left a vehicle: change, or one walk."""
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    change_s, gap = net[no[14] : no[15]], net[no[24] : no[25]]
    place0, place_to, place_s = ren[ro[6] : ro[7]], ren[ro[7] : ro[8]], ren[ro[8] : ro[9]]
    stop0, stop_to, stop_s = ren[ro[9] : ro[10]], ren[ro[10] : ro[11]], ren[ro[11] : ro[12]]
    starts_here = ren[ro[12] : ro[13]]
    n_stops, n_nodes = state[N_STOPS], state[N_NODES]
    ready = 2 * n_stops + n_nodes
    for x in range(since, until):
        if labels[x, DEAD] != 0:
            continue
        node, time = wide(labels[x, NODE]), wide(labels[x, TIME])
        by_ride = labels[x, BAG] < n_stops
        if node < n_stops:
            wait_s = change_s[node] if by_ride else 0
            _step(labels, heads, gap, front, rest, state, x, time + wait_s, node, n_stops + node)
            if by_ride and starts_here[node] != 0:
                _step(labels, heads, gap, front, rest, state, x, time, node, ready + node)
            for y in range(walk0[node], walk0[node + 1]):
                to, at = wide(walk_to[y]), time + walk_s[y]
                _step(labels, heads, gap, front, rest, state, x, at, to, n_stops + to)
                if by_ride and starts_here[to] != 0:
                    _step(labels, heads, gap, front, rest, state, x, at, to, ready + to)
            if by_ride:
                for y in range(place0[node], place0[node + 1]):
                    to, at = wide(place_to[y]), time + place_s[y]
                    _step(labels, heads, gap, front, rest, state, x, at, to, ready + to)
        else:
            for y in range(stop0[node], stop0[node + 1]):
                to, at = wide(stop_to[y]), time + stop_s[y]
                _step(labels, heads, gap, front, rest, state, x, at, to, n_stops + to)


@compiled
def _step(
    labels: I32,
    heads: I32,
    gap: I32,
    front: I32,
    rest: I32,
    state: I64,
    x: int,
    time: int,
    node: int,
    bag: int,
) -> None:
    _follow(labels, state, x, time, node, bag, wide(ON_FOOT), wide(labels[x, LEGS]))
    _ready(labels, heads, gap, front, rest, state)
