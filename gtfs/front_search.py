"""The four-criteria search: rounds of bags (McRAPTOR) over one day, door to door.

Exact under docs/decisions/0022-four-criteria.md. A first search leaves the hour at which tickets
expire out of comparisons; only where a journey beyond the first possible expiry could still
matter, a second one, bounded by what was found, compares that too.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_goal import arrive, beaten, forget_front
from gtfs.front_labels import least_steps
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
    LEAST_RENTAL,
    LEAST_SINGLE,
    MAX_LEGS,
    MINUTE_S,
    MOST_CENTS,
    MOST_STEPS,
    N_BAGS,
    N_KINDS,
    N_LABELS,
    N_NODES,
    N_STOPS,
    NOT_THERE,
    ROUND,
    SECONDS,
    TRANSFER_S,
)
from gtfs.front_legs import write_legs
from gtfs.front_memory import (
    INF,
    fill,
    ints,
    size_of,
    wide,
)
from gtfs.front_moves import leave_door, leave_door_riding, rent, walk_on
from gtfs.front_rest import fill_rest
from gtfs.front_rides import ride
from gtfs.kernel_cache import compiled, inlined, longs_at


@compiled
def find_front(address: int) -> None:
    """Answer the question in the `state` at an address: fill the front and its journeys' legs.

    `state[IS_FULL]` if the workspace is too small for the answer, or NOT_THERE.
    """
    state = longs_at(address)
    state[N_LABELS] = 0
    forget_front(state)
    state[IS_FULL] = 0
    state[ROUND] = 0
    state[BASE_S] = state[SECONDS] // MINUTE_S * MINUTE_S
    _take_door_edges(state)
    if state[IS_FULL] != 0:
        return
    if state[DIRECT_S] < INF:
        _walk_alone(state)
    fill_rest(state)
    for exact in range(2):
        state[EXACT] = exact
        if exact == 1 and not _can_expire(state):
            break
        fill(ints(state, HEADS), state[N_BAGS], wide(-1))
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
def _walk_alone(state: Any) -> None:
    """Take the walk from door to door, which costs nothing: no later journey is an answer."""
    none = wide(-1)
    if arrive(state, state[SECONDS] + state[DIRECT_S], wide(0), none, none):
        minutes = (state[SECONDS] + state[DIRECT_S] - state[BASE_S] - 1) // MINUTE_S
        state[LATEST] = min(state[LATEST], state[BASE_S] + MINUTE_S * minutes)


@compiled
def _take_door_edges(state: Any) -> None:
    """Chain the edges to the goal door by the node they start from, and see what they cost.

    `state[IS_FULL]` becomes NOT_THERE where one of the edges names no node or kind.
    """
    head = ints(state, DOOR_HEAD)
    if size_of(state, LAST_EDGES) > 0:
        fill(head, state[N_NODES], wide(-1))
    for place in (FIRST_EDGES, LAST_EDGES):
        door = ints(state, place)
        for d in range(0, size_of(state, place), DOOR_ROW):
            node, kind = wide(door[d]), wide(door[d + 1])
            if not (0 <= node < state[N_NODES] and 0 <= kind < state[N_KINDS]):
                state[IS_FULL] = NOT_THERE
                return
            state[LEAST_RENTAL] = min(state[LEAST_RENTAL], wide(door[d + 3]))
            if place == LAST_EDGES:
                door[d + 5] = head[node]
                head[node] = d


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
    for d in range(0, size_of(state, FIRST_EDGES), DOOR_ROW):
        rented = 2 * n_stops + first_edges[d]
        steps = min(steps, first_edges[d + 4] + least_steps(state, wide(rented)))
    if steps >= MOST_STEPS:
        return False
    return not beaten(state, expires + 1, wide(2), state[LEAST_SINGLE], steps)
