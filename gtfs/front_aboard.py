"""Who is aboard while a pattern is scanned: a bag of rows, each a trip and how it is paid for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import (
    EXACT,
    IS_FULL,
    LATEST,
    LEAST_RENTAL,
    MOST_SINGLE,
    N_BAGS,
    N_SETS,
    ROUND,
    STEP_MG,
    beaten,
    wide,
)
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

TRIP, A_BOARD, A_MG, A_TOTAL, A_CLOSED, A_AREA, A_EXPIRY, LIMIT, TICKET, A_PARENT = range(10)
A_STEPS = 10
"""A row of those aboard; TRIP counts within the pattern, A_STEPS are those
before, A_MG is what the pattern emits up to boarding, LIMIT the last position one may stay to."""
FLAT, HELD, SINGLE, SHORT = 0, 1, 2, 3
"""TICKET: a price a ride, the ticket held before, a new single ticket, a short hop."""


@compiled
def is_lost(
    front: I32,
    rest: I32,
    state: I64,
    call: int,
    n_calls: int,
    departs: int,
    cents: int,
    steps: int,
) -> bool:
    """Whether a ride that departs from a call, paid with all before it, leads nowhere new."""
    at = 4 * state[N_BAGS] + call
    legs = state[ROUND]
    time = departs + rest[at]
    if time <= state[LATEST] and not beaten(
        front, state, time, legs, cents, steps + rest[at + n_calls]
    ):
        return False
    time = departs + rest[at + 2 * n_calls]
    return time > state[LATEST] or beaten(
        front, state, time, legs + 1, cents + state[LEAST_RENTAL], steps + rest[at + 3 * n_calls]
    )


@compiled
def step_in(
    aboard: I32,
    net: I32,
    gap_at: int,
    state: I64,
    n: int,
    trip: int,
    board: int,
    mg: int,
    steps: int,
    total: int,
    closed: int,
    area: int,
    expiry: int,
    limit: int,
    ticket: int,
    parent: int,
) -> int:
    """Add a row to those aboard unless it is dominated there; returns how many are aboard."""
    if n >= len(aboard):
        state[IS_FULL] = 1
        return n
    aboard[n, TRIP] = trip
    aboard[n, A_BOARD] = board
    aboard[n, A_MG] = mg
    aboard[n, A_STEPS] = steps
    aboard[n, A_TOTAL] = total
    aboard[n, A_CLOSED] = closed
    aboard[n, A_AREA] = area
    aboard[n, A_EXPIRY] = expiry
    aboard[n, LIMIT] = limit
    aboard[n, TICKET] = ticket
    aboard[n, A_PARENT] = parent
    for y in range(wide(0), n):
        if _is_as_good(aboard, y, n, net, gap_at, state):
            return n
    kept = wide(0)
    for y in range(wide(0), n):
        if not _is_as_good(aboard, n, y, net, gap_at, state):
            if kept < y:
                aboard[kept] = aboard[y]
            kept += 1
    if kept < n:
        aboard[kept] = aboard[n]
    return kept + 1


@compiled
def _is_as_good(  # noqa: C901 - one branch a pair of tickets
    aboard: I32, a: int, b: int, net: I32, gap_at: int, state: I64
) -> bool:
    """Whether a, wherever both alight from now on, is as well off as b."""
    if aboard[a, TRIP] > aboard[b, TRIP]:
        return False
    farther = max(aboard[b, A_MG] - aboard[a, A_MG], 0)
    if aboard[a, A_STEPS] + (farther + STEP_MG - 1) // STEP_MG > aboard[b, A_STEPS]:
        return False
    mine, theirs = aboard[a, TICKET], aboard[b, TICKET]
    if theirs == SHORT and mine in (HELD, SINGLE):
        lasts = mine == SINGLE or state[EXACT] == 0 or aboard[a, A_EXPIRY] >= state[LATEST]
        return bool(lasts and aboard[a, A_CLOSED] + state[MOST_SINGLE] <= aboard[b, A_TOTAL])
    if mine == SHORT or theirs == SHORT:  # noqa: PLR1714 - numba knows no sets here
        cheaper = aboard[a, A_TOTAL] <= aboard[b, A_TOTAL]
        return bool(mine == theirs and cheaper and aboard[a, LIMIT] >= aboard[b, LIMIT])
    area, other = aboard[a, A_AREA], aboard[b, A_AREA]
    n_sets = state[N_SETS]
    if mine == FLAT:
        if aboard[a, A_TOTAL] > aboard[b, A_TOTAL]:
            return False
        if other < 0 or aboard[a, A_TOTAL] + net[gap_at + other] <= aboard[b, A_CLOSED]:
            return True
        if area < 0:
            return False
    if aboard[a, A_CLOSED] + net[gap_at + area * n_sets + other] > aboard[b, A_CLOSED]:
        return False
    if state[EXACT] == 0:
        return True
    longer = aboard[a, A_EXPIRY] >= aboard[b, A_EXPIRY]
    outlasts = mine != HELD or theirs == HELD or aboard[a, A_EXPIRY] >= state[LATEST]
    return bool(longer and outlasts)
