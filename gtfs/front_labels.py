"""Labels of the four-criteria search, the bags they compete in, and the front at the goal.

A label is a row of `labels`: when one is somewhere, what was paid and emitted, the ticket one
holds, and how one came. There are four families of bags, numbered one behind the other: at stops
after a ride (`AFTER_RIDE`), at stops ready to board, at nodes after a rental, at nodes ready to
take a vehicle. A bag is a linked list by time. `state` holds the counters and the
question of one search, by the indexes below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

TIME, TOTAL, STEPS, CLOSED, AREA, EXPIRY = 0, 1, 2, 3, 4, 5
"""TOTAL is paid so far, CLOSED without the open ticket; AREA is that ticket's set, -1: none."""
NEXT, PARENT, HOW, WHAT, BOARD, ALIGHT = 6, 7, 8, 9, 10, 11
"""WHAT is the trip's number in the FrontNetwork, or the edge, by HOW."""
NODE, LEGS, BAG, DEAD = 12, 13, 14, 15

BY_DOOR, BY_RIDE, ON_FOOT, BY_RENTAL, BY_FIRST_EDGE = 0, 1, 2, 3, 4

F_MINUTE, F_LEGS, F_CENTS, F_STEPS, F_LABEL, F_EDGE = 0, 1, 2, 3, 4, 5
F_TIME, F_LEG0, F_DEPARTS, F_MG = 6, 7, 8, 9
"""A row of the front; F_LABEL -1 for a walk alone, F_EDGE the door edge taken last or -1."""

N_LABELS, N_FRONT, ROUND, LATEST, EXACT, IS_FULL = 0, 1, 2, 3, 4, 5
N_STOPS, N_NODES, N_KINDS, N_SETS, N_BAGS = 6, 7, 8, 9, 10
TRANSFER_S, SHORT_CENTS, SHORT_STOPS, MIRRORED = 11, 12, 13, 14
LEAST_RIDE, LEAST_RENTAL, LEAST_SINGLE = 15, 16, 17
SECONDS, DIRECT_S, MAX_LEGS, MOST_SINGLE = 18, 19, 20, 21
N_STATE = 22
HINT = 22

STEP_MG = 50_000
MINUTE_S = 60
INF = 1 << 30


@compiled
def wide(x: int) -> int:
    """The same in 64 bits: where all arguments are of one type, a callee is compiled once."""
    return int(np.int64(x))


@compiled
def steps_of(mg: int) -> int:
    """A leg's steps of 50 g, half a step rounded up."""
    return (mg + STEP_MG // 2) // STEP_MG


@compiled
def minute_of(time: int) -> int:
    """The minute by which one is there."""
    return -(-time // MINUTE_S)


@compiled
def beaten(front: I32, state: I64, time: int, legs: int, cents: int, steps: int) -> bool:
    """Whether a journey found is at least as good in all four; the last that was is tried first."""
    minute = minute_of(time)
    n, hint = state[N_FRONT], state[HINT]
    if (
        hint < n
        and front[hint, F_MINUTE] <= minute
        and front[hint, F_LEGS] <= legs
        and front[hint, F_CENTS] <= cents
        and front[hint, F_STEPS] <= steps
    ):
        return True
    for i in range(n):
        if front[i, F_MINUTE] > minute:
            return False
        if front[i, F_STEPS] <= steps and front[i, F_CENTS] <= cents and front[i, F_LEGS] <= legs:
            state[HINT] = i
            return True
    return False


@compiled
def arrive(
    front: I32, state: I64, time: int, legs: int, cents: int, steps: int, label: int, edge: int
) -> bool:
    """Add a journey to the front, which stays sorted by time; False if it is beaten or too late."""
    n = state[N_FRONT]
    minute = minute_of(time)
    if time > state[LATEST] or beaten(front, state, time, legs, cents, steps):
        return False
    kept = 0
    for i in range(n):
        if (
            front[i, F_MINUTE] < minute
            or front[i, F_LEGS] < legs
            or front[i, F_CENTS] < cents
            or front[i, F_STEPS] < steps
        ):
            front[kept] = front[i]
            kept += 1
    if kept + 1 >= len(front):
        state[IS_FULL] = 1
        return False
    at = kept
    while at > 0 and front[at - 1, F_MINUTE] > minute:
        front[at] = front[at - 1]
        at -= 1
    front[at, F_MINUTE] = minute
    front[at, F_TIME] = time
    front[at, F_LEGS] = legs
    front[at, F_CENTS] = cents
    front[at, F_STEPS] = steps
    front[at, F_LABEL] = label
    front[at, F_EDGE] = edge
    state[N_FRONT] = kept + 1
    return True


@compiled
def dominates(
    labels: I32, a: int, b: int, gap: I32, front: I32, state: I64, least_steps: int
) -> bool:
    """Whether whatever can follow b can follow a, no later and for no more.

    A ticket may be ignored, so a without it must only be as cheap as b was before b's. With both
    tickets used a must stay cheaper in whatever areas, and hold as long; unless what could
    come after it expires is beaten at the goal. Without EXACT, expiry is left out.
    """
    if (
        labels[a, TIME] > labels[b, TIME]
        or labels[a, STEPS] > labels[b, STEPS]
        or labels[a, TOTAL] > labels[b, TOTAL]
    ):
        return False
    area = wide(labels[b, AREA])
    if area < 0 or labels[a, TOTAL] + gap[area] <= labels[b, CLOSED]:
        return True
    mine = wide(labels[a, AREA])
    if mine < 0 or labels[a, CLOSED] + gap[mine * state[N_SETS] + area] > labels[b, CLOSED]:
        return False
    if state[EXACT] == 0 or labels[a, EXPIRY] >= labels[b, EXPIRY]:
        return True
    return beaten(
        front,
        state,
        labels[a, EXPIRY] + 1,
        wide(labels[b, LEGS] + 1),
        wide(labels[b, TOTAL]),
        labels[b, STEPS] + least_steps,
    )


@compiled
def keep(labels: I32, heads: I32, gap: I32, front: I32, state: I64, least_steps: int) -> bool:
    """Let the row behind the last label compete in its bag; False if it is dominated there."""
    new = state[N_LABELS]
    if new + 1 >= len(labels):
        state[IS_FULL] = 1
        return False
    bag, time = wide(labels[new, BAG]), wide(labels[new, TIME])
    before, x = wide(-1), wide(heads[bag])
    while x >= 0 and labels[x, TIME] <= time:
        if dominates(labels, x, new, gap, front, state, least_steps):
            return False
        if labels[x, TIME] < time:
            before = x
        x = wide(labels[x, NEXT])
    x = wide(heads[bag]) if before < 0 else wide(labels[before, NEXT])
    labels[new, NEXT] = x
    if before < 0:
        heads[bag] = new
    else:
        labels[before, NEXT] = new
    before = new
    while x >= 0:
        after = wide(labels[x, NEXT])
        if dominates(labels, new, x, gap, front, state, least_steps):
            labels[before, NEXT] = after
            labels[x, DEAD] = 1
        else:
            before = x
        x = after
    state[N_LABELS] = new + 1
    return True


@compiled
def least_steps(rest: I32, state: I64, bag: int) -> int:
    """The least steps of CO2 from a bag to the goal."""
    n_bags = state[N_BAGS]
    return min(wide(rest[n_bags + bag]), wide(rest[3 * n_bags + bag]))


@compiled
def is_hopeless(labels: I32, row: int, front: I32, state: I64, rest: I32) -> bool:
    """Whether every way on from a label ends too late or is beaten at the goal.

    Ways by rides alone, and ways with a rental among them, which cost at least that rental.
    """
    bag, legs = labels[row, BAG], labels[row, LEGS] + 1
    time, cents, steps = labels[row, TIME], labels[row, TOTAL], labels[row, STEPS]
    n_bags, n_stops = state[N_BAGS], state[N_STOPS]
    next_ride = state[LEAST_RIDE] if labels[row, AREA] < 0 else 0
    then = time + rest[bag]
    if then <= state[LATEST] and not beaten(
        front, state, then, legs, cents + next_ride, steps + rest[n_bags + bag]
    ):
        return False
    then = time + rest[2 * n_bags + bag]
    if then > state[LATEST]:
        return True
    if n_stops <= bag < 2 * n_stops + state[N_NODES]:
        legs += 1
        cents += next_ride
    cents += state[LEAST_RENTAL]
    return beaten(front, state, then, legs, cents, steps + rest[3 * n_bags + bag])


@compiled
def settle(
    labels: I32, heads: I32, gap: I32, front: I32, rest: I32, egress: I32, state: I64
) -> None:
    """Take in the row behind the last label, which has just left a vehicle: to the goal, its bag.

    A row that the front needs stays, dead, where the bag does not want it.
    """
    new = state[N_LABELS]
    node, bag = wide(labels[new, NODE]), wide(labels[new, BAG])
    wanted = egress[node] < INF and arrive(
        front,
        state,
        labels[new, TIME] + egress[node],
        wide(labels[new, LEGS]),
        wide(labels[new, TOTAL]),
        wide(labels[new, STEPS]),
        new,
        wide(-1),
    )
    if (
        state[ROUND] < state[MAX_LEGS]
        and not is_hopeless(labels, new, front, state, rest)
        and keep(labels, heads, gap, front, state, least_steps(rest, state, bag))
    ):
        return
    if wanted:
        labels[new, DEAD] = 1
        if new + 1 >= len(labels):
            state[IS_FULL] = 1
        else:
            state[N_LABELS] = new + 1
