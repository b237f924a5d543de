"""The journeys at the goal: none at least as good as another in minute, legs, cents and steps.

Their criteria are packed side by side into one integer, with a guard bit above each, so that one
subtraction says whether all are no worse. What most questions need is kept ready besides: the last
second at which one may still be there so that no journey found is as good (`LIMITS`), a row for
each price on the front, in it by legs and steps.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_layout import (
    BASE_S,
    CENTS_AT,
    CENTS_BITS,
    F_CENTS,
    F_EDGE,
    F_LABEL,
    F_LEGS,
    F_STEPS,
    F_TIME,
    FRONT_KEYS,
    IS_FULL,
    LATEST,
    LEGS_AT,
    LIMIT_LEGS,
    LIMIT_STEPS,
    LIMITS,
    MAX_LEGS,
    MINUTE_AT,
    MINUTE_S,
    MOST_PRICES,
    MOST_STEPS,
    N_FRONT,
    N_PRICES,
    PRICE_ROWS,
    PRICED,
    PRICES,
)
from gtfs.front_memory import (
    bits,
    fill,
    front_rows,
    ints,
    longs,
    wide,
)
from gtfs.kernel_cache import compiled, inlined

FRONT_GUARDS = 1 << 16 | 1 << 42 | 1 << 48 | 1 << 62
ROW = LIMIT_LEGS * LIMIT_STEPS


@inlined
def part_of(legs: int, cents: int, steps: int) -> int:
    """Legs, cents and steps as the front compares them."""
    return (legs << LEGS_AT) + (cents << CENTS_AT) + steps


@compiled
def forget_front(state: Any) -> None:
    """Begin with an empty front."""
    state[N_FRONT] = 0
    state[N_PRICES] = 1
    prices = ints(state, PRICES)
    prices[0] = -1
    prices[MOST_PRICES] = 0
    _name_row(state, wide(0), wide(PRICED), wide(0))
    fill(ints(state, LIMITS), (state[MAX_LEGS] + 1) * LIMIT_STEPS, state[LATEST])


@inlined
def _name_row(state: Any, cents: int, until: int, row: int) -> None:
    """Name the row of the prices [cents, until), as far as there are names."""
    rows = bits(state, PRICE_ROWS)
    for i in range(cents, min(until, wide(PRICED))):
        rows[i] = row


@inlined
def row_of(state: Any, cents: int) -> int:
    """Where the row of `LIMITS` for so many cents begins: that of the next lower price."""
    if cents < PRICED:
        return wide(bits(state, PRICE_ROWS)[cents]) * ROW
    prices = ints(state, PRICES)
    low, n = wide(0), state[N_PRICES]
    while n > 1:
        half = n >> 1
        low += half * wide(prices[low + half] <= cents)
        n -= half
    return wide(prices[MOST_PRICES + low]) * ROW


@inlined
def limit_of(limits: Any, row: int, legs: int, steps: int) -> int:
    """The last second at which so many legs and steps are still worth something."""
    return wide(limits[row + legs * LIMIT_STEPS + min(steps, wide(LIMIT_STEPS - 1))])


@inlined
def beaten(state: Any, time: int, legs: int, cents: int, steps: int) -> bool:
    """Whether `time` is too late, or a journey found no later and no worse in all else."""
    row, legs = row_of(state, cents), min(legs, state[MAX_LEGS])
    return time > limit_of(ints(state, LIMITS), row, legs, steps)


@compiled
def arrive(state: Any, time: int, part: int, label: int, edge: int) -> bool:
    """Add a journey to the front, which stays sorted; False if it is beaten or too late."""
    if time > state[LATEST] or part < 0:
        return False
    keys, n = longs(state, FRONT_KEYS), state[N_FRONT]
    minute = (time - state[BASE_S] + MINUTE_S - 1) // MINUTE_S
    key = (minute << MINUTE_AT) + part
    guarded = key | FRONT_GUARDS
    for i in range(n):
        if keys[i] > key:
            break
        if (guarded - keys[i]) & FRONT_GUARDS == FRONT_GUARDS:
            return False
    front = front_rows(state)
    kept = wide(0)
    for i in range(n):
        if ((keys[i] | FRONT_GUARDS) - key) & FRONT_GUARDS != FRONT_GUARDS:
            if kept < i:
                keys[kept] = keys[i]
                front[kept] = front[i]
            kept += 1
    if kept + 1 >= len(front):
        state[IS_FULL] = 1
        return False
    at = kept
    while at > 0 and keys[at - 1] > key:
        keys[at] = keys[at - 1]
        front[at] = front[at - 1]
        at -= 1
    keys[at] = key
    front[at, F_TIME] = time
    front[at, F_LEGS] = part >> LEGS_AT
    front[at, F_CENTS] = (part >> CENTS_AT) & ((1 << CENTS_BITS) - 1)
    front[at, F_STEPS] = part & MOST_STEPS * 2 + 1
    front[at, F_LABEL] = label
    front[at, F_EDGE] = edge
    state[N_FRONT] = kept + 1
    before = state[BASE_S] + MINUTE_S * (minute - 1)
    _limit(state, before, front[at, F_LEGS], front[at, F_CENTS], front[at, F_STEPS])
    return True


@inlined
def _limit(state: Any, before: int, legs: int, cents: int, steps: int) -> None:
    """Let what is no better be there `before` at the latest.

    A price for which there is no row left, or more steps than a row has, prune less, no more.
    """
    prices, limits = ints(state, PRICES), ints(state, LIMITS)
    if steps >= LIMIT_STEPS:
        return
    n, most = state[N_PRICES], state[MAX_LEGS]
    at = n
    while at > 0 and prices[at - 1] >= cents:
        at -= 1
    if (at == n or prices[at] != cents) and n < MOST_PRICES:
        for i in range(n, at, -1):
            prices[i] = prices[i - 1]
            prices[MOST_PRICES + i] = prices[MOST_PRICES + i - 1]
        prices[at] = cents
        prices[MOST_PRICES + at] = n
        cheaper, mine = prices[MOST_PRICES + at - 1] * ROW, n * ROW
        for i in range((most + 1) * LIMIT_STEPS):
            limits[mine + i] = limits[cheaper + i]
        _name_row(state, cents, wide(prices[at + 1]) if at < n else wide(PRICED), n)
        n += 1
        state[N_PRICES] = n
    for price in range(at, n):
        for more in range(legs, most + 1):
            first = prices[MOST_PRICES + price] * ROW + more * LIMIT_STEPS
            for i in range(first + steps, first + LIMIT_STEPS):
                if limits[i] <= before:
                    break
                limits[i] = before
