"""The four-criteria search: rounds of bags (McRAPTOR) over one day, door to door.

Exact under docs/decisions/0022-four-criteria.md. A first search leaves the hour at which tickets
expire out of comparisons; only where a journey beyond the first possible expiry could still
matter, a second one, bounded by what was found, compares that too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import (
    DIRECT_S,
    EXACT,
    HINT,
    IS_FULL,
    LATEST,
    LEAST_SINGLE,
    MAX_LEGS,
    N_BAGS,
    N_FRONT,
    N_LABELS,
    N_NODES,
    N_STOPS,
    ROUND,
    SECONDS,
    TRANSFER_S,
    arrive,
    beaten,
    least_steps,
    wide,
)
from gtfs.front_legs import write_legs
from gtfs.front_moves import leave_door, leave_door_riding, rent, walk_on
from gtfs.front_rest import fill_rest
from gtfs.front_rides import ride
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

INF = 1 << 30
NEVER = 1 << 29


@compiled
def find_front(
    net: I32,
    no: I64,
    ren: I32,
    ro: I64,
    available: U8,
    takes: U8,
    access: I32,
    egress: I32,
    first_edges: I32,
    last_edges: I32,
    labels: I32,
    front: I32,
    aboard: I32,
    heads: I32,
    rest: I32,
    first: I32,
    queue: I32,
    out: I32,
    state: I64,
) -> None:
    """Fill `front` and `out`; `state[IS_FULL]` if the workspace is too small for the answer.

    `first_edges` and `last_edges` are rows (node, kind, seconds, cents, mg) from and to the doors.
    """
    state[N_LABELS] = 0
    state[N_FRONT] = 0
    state[HINT] = 0
    state[IS_FULL] = 0
    state[ROUND] = 0
    fill_rest(net, no, ren, ro, available, takes, egress, last_edges, rest, state)
    if state[DIRECT_S] < INF:
        n = wide(0)
        arrive(front, state, state[SECONDS] + state[DIRECT_S], n, n, n, n - 1, n - 1)
    for exact in range(2):
        state[EXACT] = exact
        if exact == 1 and not _can_expire(access, first_edges, front, rest, state):
            break
        heads[: state[N_BAGS]] = -1
        gap = net[no[24] : no[25]]
        state[ROUND] = 0
        since = state[N_LABELS]
        leave_door(ren, ro, labels, heads, gap, front, rest, access, state)
        while state[ROUND] < state[MAX_LEGS] and state[IS_FULL] == 0:
            until = state[N_LABELS]
            state[ROUND] += 1
            if state[ROUND] == 1:
                leave_door_riding(
                    labels, heads, gap, front, rest, egress, first_edges, takes, state
                )
            rent(
                ren, ro, available, takes, labels, heads, gap, front, rest, egress, last_edges,
                state, since, until,
            )  # fmt: skip
            ride(
                net, no, labels, front, aboard, heads, rest, egress, first, queue, state, since,
                until,
            )  # fmt: skip
            since = state[N_LABELS]
            if since == until:
                break
            if state[ROUND] < state[MAX_LEGS]:
                walk_on(net, no, ren, ro, labels, heads, front, rest, state, until, since)
    if state[IS_FULL] == 0:
        write_legs(net, no, ren, ro, egress, labels, front, out, state)


@compiled
def _can_expire(access: I32, first_edges: I32, front: I32, rest: I32, state: I64) -> bool:
    """Whether an answer may end after a ticket expires that carries two of its rides."""
    if state[IS_FULL] != 0 or state[LEAST_SINGLE] >= NEVER:
        return False
    expires = state[SECONDS] + state[TRANSFER_S]
    if expires >= state[LATEST] or state[MAX_LEGS] < 2:
        return False
    n_stops = state[N_STOPS]
    ready = 2 * n_stops + state[N_NODES]
    steps = INF
    for node in range(state[N_NODES]):
        if access[node] < INF:
            steps = min(steps, least_steps(rest, state, ready + node))
            if node < n_stops:
                steps = min(steps, least_steps(rest, state, n_stops + node))
    for d in range(0, len(first_edges), 5):
        rented = 2 * n_stops + int(first_edges[d])
        steps = min(steps, first_edges[d + 4] + least_steps(rest, state, rented))
    if steps >= INF:
        return False
    return not beaten(front, state, expires + 1, wide(2), state[LEAST_SINGLE], wide(steps))
