"""Who is aboard while a pattern is scanned: a bag of rows, each a trip and how it is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np

from gtfs.front_labels import (
    bound_part,
    bound_seconds,
    ints,
    is_beaten,
    longs,
    packed,
    wide,
)
from gtfs.front_layout import (
    ABOARD,
    ABOARD_ROW,
    ARRAYS_AT,
    CALL_BOUNDS,
    CENTS_AT,
    EXACT,
    FRONT_KEYS,
    GAP,
    IS_FULL,
    LATEST,
    LEAST_RENTAL,
    LEGS_AT,
    MAX_LEGS,
    MOST_SINGLE,
    N_FRONT,
    N_SETS,
    STEP_MG,
)
from gtfs.kernel_cache import carray, compiled, inlined, pointer_at

TRIP, A_BOARD, A_MG, A_TOTAL, A_CLOSED, A_AREA, A_EXPIRY, LIMIT, TICKET, A_PARENT = range(10)
A_STEPS, A_RENTED = 10, 11
"""A row of those aboard; TRIP counts within the pattern, A_STEPS are those
before, A_MG is what the pattern emits up to boarding, LIMIT the last position one may stay to."""
FLAT, HELD, SINGLE, SHORT = 0, 1, 2, 3
"""TICKET: a price a ride, the ticket held before, a new single ticket, a short hop."""


@inlined
def rows_aboard(state: Any) -> Any:
    """Those aboard."""
    at = ARRAYS_AT + 2 * ABOARD
    return carray(pointer_at(state[at]), (state[at + 1], ABOARD_ROW), np.int32)


@compiled
def is_lost(state: Any, call: int, departs: int, part: int, rented: int) -> bool:
    """Whether a ride that departs from a call, paid with all before it, leads nowhere new.

    `part` has the legs before it.
    """
    bounds, keys, n = longs(state, CALL_BOUNDS), longs(state, FRONT_KEYS), state[N_FRONT]
    latest, most = state[LATEST], state[MAX_LEGS]
    bound = bounds[2 * call]
    if bound >= 0:
        then, whole = departs + bound_seconds(bound), part + bound_part(bound)
        if (
            then <= latest
            and (whole >> LEGS_AT) <= most
            and not is_beaten(keys, n, packed(state, then, whole))
        ):
            return False
    bound = bounds[2 * call + 1]
    if bound < 0 or rented != 0:
        return True
    then, whole = departs + bound_seconds(bound), part + bound_part(bound)
    if then > latest or (whole >> LEGS_AT) > most:
        return True
    whole += state[LEAST_RENTAL] << CENTS_AT
    return is_beaten(keys, n, packed(state, then, whole))


@compiled
def step_in(
    state: Any,
    n: int,
    trip: int,
    board: int,
    mg: int,
    steps: int,
    rented: int,
    total: int,
    closed: int,
    area: int,
    expiry: int,
    limit: int,
    ticket: int,
    parent: int,
) -> int:
    """Add a row to those aboard unless it is dominated there; returns how many are aboard."""
    aboard, gap = rows_aboard(state), ints(state, GAP)
    if n >= len(aboard):
        state[IS_FULL] = 1
        return n
    aboard[n, TRIP] = trip
    aboard[n, A_BOARD] = board
    aboard[n, A_MG] = mg
    aboard[n, A_STEPS] = steps
    aboard[n, A_RENTED] = rented
    aboard[n, A_TOTAL] = total
    aboard[n, A_CLOSED] = closed
    aboard[n, A_AREA] = area
    aboard[n, A_EXPIRY] = expiry
    aboard[n, LIMIT] = limit
    aboard[n, TICKET] = ticket
    aboard[n, A_PARENT] = parent
    for y in range(wide(0), n):
        if _is_as_good(state, aboard, gap, y, n):
            return n
    kept = wide(0)
    for y in range(wide(0), n):
        if not _is_as_good(state, aboard, gap, n, y):
            if kept < y:
                aboard[kept] = aboard[y]
            kept += 1
    if kept < n:
        aboard[kept] = aboard[n]
    return kept + 1


@inlined
def _is_as_good(  # noqa: C901 - one branch a pair of tickets
    state: Any, aboard: Any, gap: Any, a: int, b: int
) -> bool:
    """Whether a, wherever both alight from now on, is as well off as b."""
    if aboard[a, TRIP] > aboard[b, TRIP] or aboard[a, A_RENTED] > aboard[b, A_RENTED]:
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
        if other < 0 or aboard[a, A_TOTAL] + gap[other] <= aboard[b, A_CLOSED]:
            return True
        if area < 0:
            return False
    if aboard[a, A_CLOSED] + gap[area * n_sets + other] > aboard[b, A_CLOSED]:
        return False
    if state[EXACT] == 0:
        return True
    longer = aboard[a, A_EXPIRY] >= aboard[b, A_EXPIRY]
    outlasts = mine != HELD or theirs == HELD or aboard[a, A_EXPIRY] >= state[LATEST]
    return bool(longer and outlasts)
