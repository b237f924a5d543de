"""A question written into the `state` of the four-criteria kernel, in one call."""

from __future__ import annotations

from typing import Any

from gtfs.front_layout import (
    ACCESS,
    ARRAYS_AT,
    DIRECT_S,
    EGRESS,
    FIRST_EDGES,
    LAST_EDGES,
    LATEST,
    LEAST_RENTAL,
    MAX_LEGS,
    MOST_CENTS,
    N_BAGS,
    N_KINDS,
    N_NODES,
    N_STOPS,
    RENTING_LEGS,
    RENTS_ONCE,
    SECONDS,
)
from gtfs.kernel_cache import compiled, inlined


@compiled
def pose(
    state: Any,
    access: Any,
    egress: Any,
    first_edges: Any,
    last_edges: Any,
    n_kinds: int,
    least_rental: int,
    seconds: int,
    horizon_s: int,
    direct_s: int,
    max_rides: int,
    rents_once: int,
    beside: int,
) -> None:
    """Write all that is not of the network or an array of the rentals.

    Where the arrays are is written too: they must live as long as the kernel runs.
    """
    _point_at(state, ACCESS, access)
    _point_at(state, EGRESS, egress)
    _point_at(state, FIRST_EDGES, first_edges)
    _point_at(state, LAST_EDGES, last_edges)
    state[N_NODES] = access.size
    state[N_BAGS] = 2 * state[N_STOPS] + 2 * access.size
    state[N_KINDS] = n_kinds
    state[LEAST_RENTAL] = min(least_rental, MOST_CENTS)
    state[SECONDS] = seconds
    state[LATEST] = seconds + horizon_s
    state[DIRECT_S] = direct_s
    state[MAX_LEGS] = max_rides
    state[RENTS_ONCE] = rents_once
    state[RENTING_LEGS] = min(max_rides, beside + 1)


@inlined
def _point_at(state: Any, place: int, array: Any) -> None:
    state[ARRAYS_AT + 2 * place] = array.ctypes.data
    state[ARRAYS_AT + 2 * place + 1] = array.size
