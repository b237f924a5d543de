"""Labels of the four-criteria search, the bags they compete in, and the front at the goal.

A label is a row of `labels`: when one is somewhere, what was paid and emitted, the ticket one
holds, and how one came. There are four families of bags, numbered one behind the other: at stops
after a ride, at stops ready to board, at nodes after a rental, at nodes ready to take a vehicle.

What is compared is packed: steps, cents, legs and minute (or seconds) side by side in one integer,
with a guard bit above each, so that one subtraction says whether all are no worse. A bag is
a list, sorted by what is packed, of (packed, next) in `links`.

A kernel takes `state` alone: counters, the question, and the addresses of all arrays
(`front_layout`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.front_layout import (
    ARRAYS_AT,
    BASE_S,
    BOUND_LEVELS,
    BOUNDS,
    CENTS_AT,
    CENTS_BITS,
    EGRESS,
    EXACT,
    F_CENTS,
    F_EDGE,
    F_LABEL,
    F_LEGS,
    F_STEPS,
    F_TIME,
    FRONT,
    FRONT_KEYS,
    FRONT_ROW,
    GAP,
    HEADS,
    IS_FULL,
    LABEL_ROW,
    LABELS,
    LATEST,
    LEAST_RENTAL,
    LEAST_RIDE,
    LEGS_AT,
    LINKS,
    MAX_LEGS,
    MINUTE_AT,
    MINUTE_S,
    MOST_CENTS,
    MOST_STEPS,
    N_FRONT,
    N_LABELS,
    N_NODES,
    N_SETS,
    N_STOPS,
    STEP_MG,
)
from gtfs.kernel_cache import carray, compiled, inlined, pointer_at

I64 = NDArray[np.int64]

TIME, TOTAL, STEPS, CLOSED, AREA, EXPIRY = 0, 1, 2, 3, 4, 5
"""TOTAL is paid so far, CLOSED without the open ticket; AREA is that ticket's set, -1: none."""
RENTED, PARENT, HOW, WHAT, BOARD, ALIGHT = 6, 7, 8, 9, 10, 11
"""RENTED: no vehicle may be rented any more. WHAT is the trip's number in the FrontNetwork, or the
edge, by HOW."""
NODE, LEGS, BAG, DEAD = 12, 13, 14, 15

BY_DOOR, BY_RIDE, ON_FOOT, BY_RENTAL, BY_FIRST_EDGE = 0, 1, 2, 3, 4

FRONT_GUARDS = 1 << 16 | 1 << 42 | 1 << 48 | 1 << 62
LABEL_GUARDS = 1 << 16 | 1 << 40 | 1 << 42 | 1 << 61
RENTED_AT = 41
SECONDS_AT = LEGS_AT
"""Of labels, which are compared within a bag: seconds stand where the legs of the front do,
RENTED takes bits that cents leave."""
_BOUND_PART = ~(((1 << CENTS_BITS) - 1) << CENTS_AT)
"""All of a bound but its seconds, which stand where cents do."""


@inlined
def ints(state: Any, place: int) -> Any:
    """The int32 array at a place."""
    at = ARRAYS_AT + 2 * place
    return carray(pointer_at(state[at]), (state[at + 1],), np.int32)


@inlined
def longs(state: Any, place: int) -> Any:
    """The int64 array at a place."""
    at = ARRAYS_AT + 2 * place
    return carray(pointer_at(state[at]), (state[at + 1],), np.int64)


@inlined
def bits(state: Any, place: int) -> Any:
    """The uint8 array at a place."""
    at = ARRAYS_AT + 2 * place
    return carray(pointer_at(state[at]), (state[at + 1],), np.uint8)


@inlined
def label_rows(state: Any) -> Any:
    """The labels."""
    at = ARRAYS_AT + 2 * LABELS
    return carray(pointer_at(state[at]), (state[at + 1], LABEL_ROW), np.int32)


@inlined
def front_rows(state: Any) -> Any:
    """The journeys at the goal."""
    at = ARRAYS_AT + 2 * FRONT
    return carray(pointer_at(state[at]), (state[at + 1], FRONT_ROW), np.int32)


@inlined
def wide(x: int) -> int:
    """The same in 64 bits: where all arguments are of one type, a callee is compiled once."""
    return np.int64(x)  # type: ignore[return-value]


@inlined
def steps_of(mg: int) -> int:
    """A leg's steps of 50 g, half a step rounded up."""
    return (mg + STEP_MG // 2) // STEP_MG


@inlined
def packed(state: Any, time: int, part: int) -> int:
    """What the front compares: the minute by which one is there, and `part`."""
    minute: int = (time - state[BASE_S] + MINUTE_S - 1) // MINUTE_S
    return (minute << MINUTE_AT) + part


@inlined
def part_of(legs: int, cents: int, steps: int) -> int:
    """Legs, cents and steps as the front compares them."""
    return (legs << LEGS_AT) + (cents << CENTS_AT) + steps


@inlined
def is_beaten(keys: Any, n: int, key: int) -> bool:
    """Whether a journey found is at least as good in all four."""
    guarded = key | FRONT_GUARDS
    i = np.uint64(0)
    while i < np.uint64(n) and keys[i] <= key:
        if (guarded - keys[i]) & FRONT_GUARDS == FRONT_GUARDS:
            return True
        i += np.uint64(1)
    return False


@compiled
def beaten(state: Any, time: int, part: int) -> bool:
    """Whether a journey found is no later than `time` and no worse than `part`."""
    return is_beaten(longs(state, FRONT_KEYS), state[N_FRONT], packed(state, time, part))


@compiled
def arrive(state: Any, time: int, part: int, label: int, edge: int) -> bool:
    """Add a journey to the front, which stays sorted; False if it is beaten or too late."""
    if time > state[LATEST] or part < 0:
        return False
    keys, n = longs(state, FRONT_KEYS), state[N_FRONT]
    key = packed(state, time, part)
    if is_beaten(keys, n, key):
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
    return True


@inlined
def holds_as_well(state: Any, labels: Any, gap: Any, a: int, b: int) -> bool:
    """Whether the ticket of label a is worth as much as b's, a being no later and no dearer.

    A ticket may be ignored, so a without it must only be as cheap as b was before b's. With both
    tickets used a must stay cheaper in whatever areas, and hold as long; unless what could
    come after it expires is beaten at the goal. Without EXACT, expiry is left out.
    """
    area = wide(labels[b, AREA])
    if area < 0 or labels[a, TOTAL] + gap[area] <= labels[b, CLOSED]:
        return True
    mine = wide(labels[a, AREA])
    if mine < 0 or labels[a, CLOSED] + gap[mine * state[N_SETS] + area] > labels[b, CLOSED]:
        return False
    if state[EXACT] == 0 or labels[a, EXPIRY] >= labels[b, EXPIRY]:
        return True
    part = part_of(
        wide(labels[b, LEGS]) + 1,
        wide(labels[b, TOTAL]),
        wide(labels[b, STEPS]) + least_steps(state, wide(labels[b, BAG])),
    )
    return beaten(state, wide(labels[a, EXPIRY]) + 1, part)


@compiled
def keep(state: Any) -> bool:
    """Let the row behind the last label compete in its bag; False if it is dominated there."""
    labels, links, heads = label_rows(state), longs(state, LINKS), ints(state, HEADS)
    gap = ints(state, GAP)
    new = state[N_LABELS]
    if new + 1 >= len(labels):
        state[IS_FULL] = 1
        return False
    bag = labels[new, BAG]
    key = (
        (wide(labels[new, TIME]) - state[BASE_S] << SECONDS_AT)
        + (wide(labels[new, TOTAL]) << CENTS_AT)
        + (wide(labels[new, RENTED]) << RENTED_AT)
        + labels[new, STEPS]
    )
    guarded = key | LABEL_GUARDS
    before, x = wide(-1), wide(heads[bag])
    while x >= 0 and links[2 * x] <= key:
        if (guarded - links[2 * x]) & LABEL_GUARDS == LABEL_GUARDS and holds_as_well(
            state, labels, gap, x, new
        ):
            return False
        if links[2 * x] < key:
            before = x
        x = links[2 * x + 1]
    x = wide(heads[bag]) if before < 0 else links[2 * before + 1]
    links[2 * new] = key
    links[2 * new + 1] = x
    if before < 0:
        heads[bag] = new
    else:
        links[2 * before + 1] = new
    before = new
    while x >= 0:
        after = links[2 * x + 1]
        if ((links[2 * x] | LABEL_GUARDS) - key) & LABEL_GUARDS == LABEL_GUARDS and holds_as_well(
            state, labels, gap, new, x
        ):
            links[2 * before + 1] = after
            labels[x, DEAD] = 1
        else:
            before = x
        x = after
    state[N_LABELS] = new + 1
    return True


@inlined
def least_steps(state: Any, bag: int) -> int:
    """The least steps of CO2 from a bag to the goal."""
    bounds = longs(state, BOUNDS)
    least = wide(MOST_STEPS)
    for j in range(2 * BOUND_LEVELS * bag, 2 * BOUND_LEVELS * (bag + 1)):
        if bounds[j] >= 0:
            least = min(least, bounds[j] & MOST_STEPS)
    return least


@compiled
def is_hopeless(  # noqa: C901 - twice the same loop
    state: Any, bag: int, time: int, part: int, area: int, rented: int
) -> bool:
    """Whether every way on from a bag ends too late or is beaten at the goal.

    Ways by rides alone, and ways with a rental among them, which cost at least that rental; by
    each number of legs.
    """
    bounds, keys, n = longs(state, BOUNDS), longs(state, FRONT_KEYS), state[N_FRONT]
    latest, most = state[LATEST], state[MAX_LEGS]
    next_ride = state[LEAST_RIDE] << CENTS_AT if area < 0 else wide(0)
    at = 2 * BOUND_LEVELS * bag
    cents = part + next_ride
    for j in range(at, at + BOUND_LEVELS):
        bound = bounds[j]
        if bound < 0:
            break
        then = time + bound_seconds(bound)
        whole = cents + (bound & _BOUND_PART)
        if (whole >> LEGS_AT) > most:
            break
        if then <= latest and not is_beaten(keys, n, packed(state, then, whole)):
            return False
    if rented != 0:
        return True
    cents = part + (state[LEAST_RENTAL] << CENTS_AT)
    if state[N_STOPS] <= bag < 2 * state[N_STOPS] + state[N_NODES]:
        cents += next_ride
    for j in range(at + BOUND_LEVELS, at + 2 * BOUND_LEVELS):
        bound = bounds[j]
        if bound < 0:
            break
        then = time + bound_seconds(bound)
        whole = cents + (bound & _BOUND_PART)
        if (whole >> LEGS_AT) > most:
            break
        if then <= latest and not is_beaten(keys, n, packed(state, then, whole)):
            return False
    return True


@inlined
def bound_seconds(bound: int) -> int:
    """The least seconds of a bound."""
    return (bound >> CENTS_AT) & ((1 << CENTS_BITS) - 1)


@inlined
def bound_part(bound: int) -> int:
    """The least legs and steps of a bound."""
    return bound & _BOUND_PART


@inlined
def is_measured(cents: int, steps: int) -> bool:
    """Whether sums are of a size that can be packed."""
    return cents <= MOST_CENTS and steps <= MOST_STEPS


@inlined
def is_label_hopeless(state: Any, labels: Any, x: int) -> bool:
    """Whether what can follow a label is by now beaten."""
    part = part_of(wide(labels[x, LEGS]), wide(labels[x, TOTAL]), wide(labels[x, STEPS]))
    return is_hopeless(
        state,
        wide(labels[x, BAG]),
        wide(labels[x, TIME]),
        part,
        wide(labels[x, AREA]),
        wide(labels[x, RENTED]),
    )


@inlined
def may_arrive(state: Any, node: int, time: int, part: int) -> bool:
    """Whether walking to the goal from a node ends on the front."""
    walk_s = ints(state, EGRESS)[node]
    return time + walk_s <= state[LATEST] and not beaten(state, time + walk_s, part)


@compiled
def settle(state: Any, part: int, goes_on: bool) -> None:  # noqa: FBT001
    """Take in the row behind the last label, which has just left a vehicle: to the goal, its bag.

    A row that the front needs stays, dead, where the bag does not want it.
    """
    labels, new = label_rows(state), state[N_LABELS]
    walk_s = ints(state, EGRESS)[labels[new, NODE]]
    wanted = arrive(state, labels[new, TIME] + walk_s, part, new, wide(-1))
    if (goes_on and keep(state)) or not wanted:
        return
    labels[new, DEAD] = 1
    if new + 1 >= len(labels):
        state[IS_FULL] = 1
    else:
        state[N_LABELS] = new + 1
