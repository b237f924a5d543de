"""Who is aboard while a pattern is scanned: a bag of rows, each a trip and how it is paid for."""

from __future__ import annotations

from typing import Any

from gtfs.front_goal import beaten
from gtfs.front_layout import (
    ABOARD,
    ABOARD_KEYS,
    ABOARD_ROW,
    ALONE,
    CALL_ROW,
    CALLS,
    EXACT,
    GAP,
    IS_FULL,
    LATEST,
    LEAST_RENTAL,
    MAX_LEGS,
    MOST_SINGLE,
    N_SETS,
    RENTING,
    RENTING_LEGS,
    STEP_MG,
    SWEPT_LEGS,
)
from gtfs.front_memory import (
    ints,
    longs,
    seconds_of,
    size_of,
    steps_after,
    wide,
)
from gtfs.kernel_cache import compiled, inlined

TRIP, A_BOARD, A_MG, A_TOTAL, A_CLOSED, A_AREA, A_EXPIRY, LIMIT, TICKET, A_PARENT = range(10)
A_STEPS, A_RENTED, A_DEBT = 10, 11, 12
"""A row of those aboard; TRIP counts within the pattern, A_STEPS are those
before, A_MG is what the pattern emits up to boarding, A_DEBT the milligrams of those steps less
that, LIMIT the last position one may stay to."""
FLAT, HELD, SINGLE, SHORT = 0, 1, 2, 3
"""TICKET: a price a ride, the ticket held before, a new single ticket, a short hop."""


GUARDS = 1 << 31 | 1 << 47 | 1 << 49 | 1 << 62
MOST_TRIP = (1 << 12) - 1


@inlined
def _copy(aboard: Any, row: int, to: int) -> None:
    for i in range(ABOARD_ROW):
        aboard[ABOARD_ROW * to + i] = aboard[ABOARD_ROW * row + i]


@compiled
def is_lost(
    state: Any, call: int, departs: int, legs: int, cents: int, steps: int, rented: int
) -> bool:
    """Whether a ride that departs from a call, paid with all before it, leads nowhere new."""
    if legs + state[SWEPT_LEGS] < state[MAX_LEGS]:
        return False
    calls = longs(state, CALLS)
    bound, fewest = wide(calls[CALL_ROW * call]), wide(calls[CALL_ROW * call + 1])
    most = state[MAX_LEGS] if rented == 0 else state[RENTING_LEGS]
    alone, renting = wide(ALONE), wide(RENTING)
    needs = legs + seconds_of(fewest, alone)
    if needs <= most and not beaten(
        state, departs + seconds_of(bound, alone), needs, cents, steps + steps_after(bound, alone)
    ):
        return False
    needs = legs + seconds_of(fewest, renting)
    return bool(rented != 0 or needs > state[RENTING_LEGS]) or beaten(
        state,
        departs + seconds_of(bound, renting),
        needs,
        cents + state[LEAST_RENTAL],
        steps + steps_after(bound, renting),
    )


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
    aboard, gap = ints(state, ABOARD), ints(state, GAP)
    if n >= size_of(state, ABOARD):
        state[IS_FULL] = 1
        return n
    aboard[ABOARD_ROW * n + TRIP] = trip
    aboard[ABOARD_ROW * n + A_BOARD] = board
    aboard[ABOARD_ROW * n + A_MG] = mg
    aboard[ABOARD_ROW * n + A_STEPS] = steps
    aboard[ABOARD_ROW * n + A_RENTED] = rented
    aboard[ABOARD_ROW * n + A_DEBT] = steps * STEP_MG - mg
    aboard[ABOARD_ROW * n + A_TOTAL] = total
    aboard[ABOARD_ROW * n + A_CLOSED] = closed
    aboard[ABOARD_ROW * n + A_AREA] = area
    aboard[ABOARD_ROW * n + A_EXPIRY] = expiry
    aboard[ABOARD_ROW * n + LIMIT] = limit
    aboard[ABOARD_ROW * n + TICKET] = ticket
    aboard[ABOARD_ROW * n + A_PARENT] = parent
    keys, key = longs(state, ABOARD_KEYS), _packed(trip, rented, steps, steps * STEP_MG - mg)
    for y in range(wide(0), n):
        if ((key | GUARDS) - keys[y]) & GUARDS == GUARDS and _is_as_good(state, aboard, gap, y, n):
            return n
    kept = wide(0)
    for y in range(wide(0), n):
        if ((keys[y] | GUARDS) - key) & GUARDS != GUARDS or not _is_as_good(
            state, aboard, gap, n, y
        ):
            if kept < y:
                keys[kept] = keys[y]
                _copy(aboard, y, kept)
            kept += 1
    keys[kept] = key
    if kept < n:
        _copy(aboard, n, kept)
    return kept + 1


@inlined
def _packed(trip: int, rented: int, steps: int, debt: int) -> int:
    """What must be no worse, whatever the tickets, side by side below guards; rounded down."""
    debt = (debt + (1 << 30)) >> 1
    return (min(trip, wide(MOST_TRIP)) << 50) + (rented << 48) + (steps << 32) + debt


@inlined
def _is_as_good(state: Any, aboard: Any, gap: Any, a: int, b: int) -> bool:
    """Whether a, wherever both alight from now on, is as well off as b."""
    if (
        (aboard[ABOARD_ROW * a + TRIP] > aboard[ABOARD_ROW * b + TRIP])
        | (aboard[ABOARD_ROW * a + A_STEPS] > aboard[ABOARD_ROW * b + A_STEPS])
        | (aboard[ABOARD_ROW * a + A_DEBT] > aboard[ABOARD_ROW * b + A_DEBT])
        | (aboard[ABOARD_ROW * a + A_RENTED] > aboard[ABOARD_ROW * b + A_RENTED])
    ):
        return False
    mine, theirs = aboard[ABOARD_ROW * a + TICKET], aboard[ABOARD_ROW * b + TICKET]
    if theirs == SHORT and mine in (HELD, SINGLE):
        lasts = (
            mine == SINGLE
            or state[EXACT] == 0
            or aboard[ABOARD_ROW * a + A_EXPIRY] >= state[LATEST]
        )
        return bool(
            lasts
            and aboard[ABOARD_ROW * a + A_CLOSED] + state[MOST_SINGLE]
            <= aboard[ABOARD_ROW * b + A_TOTAL]
        )
    if mine == SHORT or theirs == SHORT:  # noqa: PLR1714 - numba knows no sets here
        cheaper = aboard[ABOARD_ROW * a + A_TOTAL] <= aboard[ABOARD_ROW * b + A_TOTAL]
        return bool(
            mine == theirs
            and cheaper
            and aboard[ABOARD_ROW * a + LIMIT] >= aboard[ABOARD_ROW * b + LIMIT]
        )
    area, other = aboard[ABOARD_ROW * a + A_AREA], aboard[ABOARD_ROW * b + A_AREA]
    n_sets = state[N_SETS]
    if mine == FLAT:
        if aboard[ABOARD_ROW * a + A_TOTAL] > aboard[ABOARD_ROW * b + A_TOTAL]:
            return False
        if (
            other < 0
            or aboard[ABOARD_ROW * a + A_TOTAL] + gap[other] <= aboard[ABOARD_ROW * b + A_CLOSED]
        ):
            return True
        if area < 0:
            return False
    if (
        aboard[ABOARD_ROW * a + A_CLOSED] + gap[area * n_sets + other]
        > aboard[ABOARD_ROW * b + A_CLOSED]
    ):
        return False
    if state[EXACT] == 0:
        return True
    longer = aboard[ABOARD_ROW * a + A_EXPIRY] >= aboard[ABOARD_ROW * b + A_EXPIRY]
    outlasts = mine != HELD or theirs == HELD or aboard[ABOARD_ROW * a + A_EXPIRY] >= state[LATEST]
    return bool(longer and outlasts)
