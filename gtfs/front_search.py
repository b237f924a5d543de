"""The four-criteria search: rounds of bags (McRAPTOR) over one day, door to door.

Exact under docs/decisions/0022-four-criteria.md. A first search leaves the hour at which tickets
expire out of comparisons; only where a journey beyond the first possible expiry could still
matter, a second one, bounded by what was found, compares that too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import arrive, beaten, ints, least_steps, part_of, wide
from gtfs.front_layout import (
    ACCESS,
    BASE_S,
    DIRECT_S,
    DOOR_HEAD,
    DOOR_ROW,
    EXACT,
    FIRST_EDGES,
    HEADS,
    IS_FULL,
    LAST_EDGES,
    LATEST,
    LEAST_SINGLE,
    MAX_LEGS,
    MINUTE_S,
    MOST_CENTS,
    MOST_STEPS,
    N_BAGS,
    N_FRONT,
    N_LABELS,
    N_NODES,
    N_STOPS,
    ROUND,
    SECONDS,
    TRANSFER_S,
)
from gtfs.front_legs import write_legs
from gtfs.front_moves import leave_door, leave_door_riding, rent, walk_on
from gtfs.front_rest import fill_rest
from gtfs.front_rides import ride
from gtfs.kernel_cache import compiled, inlined

INF = 1 << 30


@compiled
def find_front(state: NDArray[np.int64]) -> None:
    """Answer the question in `state`: fill the front and the legs of its journeys.

    `state[IS_FULL]` if the workspace is too small for the answer.
    """
    state[N_LABELS] = 0
    state[N_FRONT] = 0
    state[IS_FULL] = 0
    state[ROUND] = 0
    state[BASE_S] = state[SECONDS] // MINUTE_S * MINUTE_S
    _group_door_edges(state)
    fill_rest(state)
    if state[DIRECT_S] < INF:
        none = wide(-1)
        arrive(state, state[SECONDS] + state[DIRECT_S], wide(0), none, none)
    for exact in range(2):
        state[EXACT] = exact
        if exact == 1 and not _can_expire(state):
            break
        ints(state, HEADS)[: state[N_BAGS]] = -1
        state[ROUND] = 0
        since = state[N_LABELS]
        leave_door(state)
        while state[ROUND] < state[MAX_LEGS] and state[IS_FULL] == 0:
            until = state[N_LABELS]
            state[ROUND] += 1
            if state[ROUND] == 1:
                leave_door_riding(state)
            rent(state, since, until)
            ride(state, since, until)
            since = state[N_LABELS]
            if since == until:
                break
            if state[ROUND] < state[MAX_LEGS]:
                walk_on(state, until, since)
    if state[IS_FULL] == 0:
        write_legs(state)


@inlined
def _group_door_edges(state: Any) -> None:
    """Chain the edges to the goal door by the node they start from."""
    door, head = ints(state, LAST_EDGES), ints(state, DOOR_HEAD)
    if len(door) > 0:
        head[: state[N_NODES]] = -1
    for d in range(0, len(door), DOOR_ROW):
        door[d + 5] = head[door[d]]
        head[door[d]] = d


@compiled
def _can_expire(state: Any) -> bool:
    """Whether an answer may end after a ticket expires that carries two of its rides."""
    if state[IS_FULL] != 0 or state[LEAST_SINGLE] > MOST_CENTS:
        return False
    expires = state[SECONDS] + state[TRANSFER_S]
    if expires >= state[LATEST] or state[MAX_LEGS] < 2:
        return False
    access, first_edges = ints(state, ACCESS), ints(state, FIRST_EDGES)
    n_stops = state[N_STOPS]
    ready = 2 * n_stops + state[N_NODES]
    steps = wide(MOST_STEPS)
    for node in range(state[N_NODES]):
        if access[node] < INF:
            steps = min(steps, least_steps(state, ready + node))
            if node < n_stops:
                steps = min(steps, least_steps(state, n_stops + node))
    for d in range(0, len(first_edges), DOOR_ROW):
        rented = 2 * n_stops + first_edges[d]
        steps = min(steps, first_edges[d + 4] + least_steps(state, wide(rented)))
    if steps >= MOST_STEPS:
        return False
    return not beaten(state, expires + 1, part_of(wide(2), state[LEAST_SINGLE], steps))
