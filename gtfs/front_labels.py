"""Labels of the four-criteria search and the bags they compete in.

A label is a row of `labels`: when one is somewhere, what was paid and emitted, the ticket one
holds, and how one came. There are four families of bags, numbered one behind the other: at stops
after a ride, at stops ready to board, at nodes after a rental, at nodes ready to take a vehicle.

What is compared is packed: steps, cents, whether rented, and seconds side by side in one integer,
with a guard bit above each, so that one subtraction says whether all are no worse. A bag is
a list, sorted by what is packed, of (packed, next) in `links`.

A kernel takes `state` alone: counters, the question, and the addresses of all arrays
(`front_layout`).
"""

from __future__ import annotations

from typing import Any

from gtfs.front_goal import arrive, beaten, limit_of, row_of
from gtfs.front_layout import (
    ALONE,
    BASE_S,
    CENTS_AT,
    EGRESS,
    EXACT,
    GAP,
    HEADS,
    IS_FULL,
    LABEL_ROW,
    LABELS,
    LEAST_RENTAL,
    LEAST_RIDE,
    LEGS_AT,
    LEVELS,
    LIMITS,
    LINKS,
    MAX_LEGS,
    MOST_CENTS,
    MOST_STEPS,
    N_LABELS,
    N_LEVELS,
    N_NODES,
    N_SETS,
    N_STOPS,
    NOW,
    RENTING,
    RENTING_LEGS,
    REST,
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

TIME, TOTAL, STEPS, CLOSED, AREA, EXPIRY = 0, 1, 2, 3, 4, 5
"""TOTAL is paid so far, CLOSED without the open ticket; AREA is that ticket's set, -1: none."""
RENTED, PARENT, HOW, WHAT, BOARD, ALIGHT = 6, 7, 8, 9, 10, 11
"""RENTED: no vehicle may be rented any more. WHAT is the trip's number in the FrontNetwork, or the
edge, by HOW."""
NODE, LEGS, BAG, DEAD = 12, 13, 14, 15

BY_DOOR, BY_RIDE, ON_FOOT, BY_RENTAL, BY_FIRST_EDGE = 0, 1, 2, 3, 4

LABEL_GUARDS = 1 << 16 | 1 << 40 | 1 << 42 | 1 << 61
RENTED_AT = 41
SECONDS_AT = LEGS_AT
"""Seconds stand where the legs of the front do, RENTED takes bits that cents leave."""


@inlined
def holds_as_well(state: Any, labels: Any, gap: Any, a: int, b: int) -> bool:
    """Whether the ticket of label a is worth as much as b's, a being no later and no dearer.

    A ticket may be ignored, so a without it must only be as cheap as b was before b's. With both
    tickets used a must stay cheaper in whatever areas, and hold as long; unless what could
    come after it expires is beaten at the goal. Without EXACT, expiry is left out.
    """
    area = wide(labels[LABEL_ROW * b + AREA])
    if area < 0 or labels[LABEL_ROW * a + TOTAL] + gap[area] <= labels[LABEL_ROW * b + CLOSED]:
        return True
    mine = wide(labels[LABEL_ROW * a + AREA])
    if (
        mine < 0
        or labels[LABEL_ROW * a + CLOSED] + gap[mine * state[N_SETS] + area]
        > labels[LABEL_ROW * b + CLOSED]
    ):
        return False
    if state[EXACT] == 0 or labels[LABEL_ROW * a + EXPIRY] >= labels[LABEL_ROW * b + EXPIRY]:
        return True
    return beaten(
        state,
        wide(labels[LABEL_ROW * a + EXPIRY]) + 1,
        wide(labels[LABEL_ROW * b + LEGS]) + 1,
        wide(labels[LABEL_ROW * b + TOTAL]),
        wide(labels[LABEL_ROW * b + STEPS]) + least_steps(state, wide(labels[LABEL_ROW * b + BAG])),
    )


@compiled
def keep(state: Any) -> bool:
    """Let the row behind the last label compete in its bag; False if it is dominated there."""
    labels, links, heads = ints(state, LABELS), longs(state, LINKS), ints(state, HEADS)
    gap = ints(state, GAP)
    new = state[N_LABELS]
    if new + 1 >= size_of(state, LABELS):
        state[IS_FULL] = 1
        return False
    bag = labels[LABEL_ROW * new + BAG]
    key = (
        (wide(labels[LABEL_ROW * new + TIME]) - state[BASE_S] << SECONDS_AT)
        + (wide(labels[LABEL_ROW * new + TOTAL]) << CENTS_AT)
        + (wide(labels[LABEL_ROW * new + RENTED]) << RENTED_AT)
        + labels[LABEL_ROW * new + STEPS]
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
            labels[LABEL_ROW * x + DEAD] = 1
        else:
            before = x
        x = after
    state[N_LABELS] = new + 1
    return True


@inlined
def least_steps(state: Any, bag: int) -> int:
    """The least steps of CO2 from a bag to the goal."""
    bound = wide(longs(state, NOW)[bag])
    return min(steps_after(bound, wide(ALONE)), steps_after(bound, wide(RENTING)))


@compiled
def is_hopeless(
    state: Any, bag: int, time: int, legs: int, cents: int, steps: int, area: int, rented: int
) -> bool:
    """Whether every way on from a bag ends too late or is beaten at the goal.

    Ways by rides alone, and ways with a rental among them, which cost at least that rental; by
    each number of legs.
    """
    if legs + state[SWEPT_LEGS] < state[MAX_LEGS]:
        return False
    most = min(state[N_LEVELS], state[RENTING_LEGS] - legs)
    n = min(state[N_LEVELS], state[MAX_LEGS] - legs) if rented == 0 else most
    next_ride = state[LEAST_RIDE] if area < 0 else wide(0)
    if not _is_in_vain(state, bag, wide(ALONE), n, time, legs, cents + next_ride, steps):
        return False
    if rented != 0:
        return True
    cents += state[LEAST_RENTAL]
    if state[N_STOPS] <= bag < 2 * state[N_STOPS] + state[N_NODES]:
        cents += next_ride
    return _is_in_vain(state, bag, wide(RENTING), most, time, legs, cents, steps)


@inlined
def _is_in_vain(
    state: Any, bag: int, kind: int, n: int, time: int, legs: int, cents: int, steps: int
) -> bool:
    """Whether all ways on of one kind are, by n bounds; mostly the least of all says so."""
    if n <= 0:
        return True
    limits, row = ints(state, LIMITS), row_of(state, cents)
    least = wide(longs(state, NOW)[bag])
    limit = limit_of(limits, row, legs + 1, steps + steps_after(least, kind))
    if time + seconds_of(least, kind) > limit:
        return True
    bounds, at = longs(state, REST), LEVELS * bag
    for level in range(n):
        bound = wide(bounds[at + level])
        limit = limit_of(limits, row, legs + level + 1, steps + steps_after(bound, kind))
        if time + seconds_of(bound, kind) <= limit:
            return False
    return True


@inlined
def is_measured(cents: int, steps: int) -> bool:
    """Whether sums are of a size that can be packed."""
    return cents <= MOST_CENTS and steps <= MOST_STEPS


@inlined
def is_label_hopeless(state: Any, labels: Any, x: int) -> bool:
    """Whether what can follow a label is by now beaten."""
    return is_hopeless(
        state,
        wide(labels[LABEL_ROW * x + BAG]),
        wide(labels[LABEL_ROW * x + TIME]),
        wide(labels[LABEL_ROW * x + LEGS]),
        wide(labels[LABEL_ROW * x + TOTAL]),
        wide(labels[LABEL_ROW * x + STEPS]),
        wide(labels[LABEL_ROW * x + AREA]),
        wide(labels[LABEL_ROW * x + RENTED]),
    )


@inlined
def may_arrive(state: Any, node: int, time: int, legs: int, cents: int, steps: int) -> bool:
    """Whether walking to the goal from a node may end on the front."""
    return not beaten(state, time + ints(state, EGRESS)[node], legs, cents, steps)


@compiled
def settle(state: Any, part: int, goes_on: bool) -> None:  # noqa: FBT001
    """Take in the row behind the last label, which has just left a vehicle: to the goal, its bag.

    A row that the front needs stays, dead, where the bag does not want it.
    """
    labels, new = ints(state, LABELS), state[N_LABELS]
    walk_s = ints(state, EGRESS)[labels[LABEL_ROW * new + NODE]]
    wanted = arrive(state, labels[LABEL_ROW * new + TIME] + walk_s, part, new, wide(-1))
    if (goes_on and keep(state)) or not wanted:
        return
    labels[LABEL_ROW * new + DEAD] = 1
    if new + 1 >= size_of(state, LABELS):
        state[IS_FULL] = 1
    else:
        state[N_LABELS] = new + 1
