"""How long, and how many steps of CO2, it takes at least to the goal: what prunes labels.

Sweeps backwards from the goal, a vehicle leg a sweep, over the least times along each pattern; once
for ways by bus and ferry alone, once for those with a rental in them, which cost more. A bound
forgets waiting and that the quickest way is not the greenest; it never exceeds the truth.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_labels import (
    bits,
    bound_seconds,
    ints,
    longs,
    wide,
)
from gtfs.front_layout import (
    AVAILABLE,
    BOUND_LEVELS,
    BOUNDS,
    CALL_BOUNDS,
    CENTS_AT,
    CHANGE_S,
    DOOR_ROW,
    DWELL_S,
    EDGE0,
    EDGE_S,
    EDGE_STEPS,
    EDGE_TO,
    EGRESS,
    LAST_EDGES,
    LATEST,
    LEGS_AT,
    MAX_LEGS,
    METRES,
    MG_PER_M,
    MOST_STEPS,
    N_BAGS,
    N_KINDS,
    N_NODES,
    N_STOPS,
    PLACE_WALK0,
    PLACE_WALK_S,
    PLACE_WALK_TO,
    POSITIONS,
    RENTS_ONCE,
    REST,
    RUN_S,
    SECONDS,
    STARTS_HERE,
    STEP_MG,
    STOP0,
    STOP_WALK0,
    STOP_WALK_S,
    STOP_WALK_TO,
    STOPS,
    TAKES,
    WALK0,
    WALK_S,
    WALK_TO,
)
from gtfs.kernel_cache import compiled, inlined

INF = 1 << 30
SECTIONS = 4
"""Of every bag: seconds and steps by rides alone, seconds and steps with a rental among them."""


@compiled
def fill_rest(state: Any) -> None:
    """Write the least from each bag to the goal, with each number of vehicle legs.

    After a ride or a rental only ways by another vehicle count: walking to the goal from there
    is tried at once.
    """
    rest, n_bags = ints(state, REST), state[N_BAGS]
    rest[: SECTIONS * n_bags] = INF
    longs(state, BOUNDS)[:] = -1
    longs(state, CALL_BOUNDS)[:] = -1
    rents = _vehicles_exist(state)
    for legs in range(1, state[MAX_LEGS] + 1):
        changed = _back_by_vehicle(state, wide(legs)) if rents else False
        rode = _back_by_ride(state, wide(0), wide(legs))
        if rents:
            also = _back_by_ride(state, 2 * n_bags, wide(legs))
            rode = rode or also
        if not (rode or changed):
            break
        _back_on_foot(state, wide(0), wide(legs))
        if rents:
            _back_on_foot(state, 2 * n_bags, wide(legs))
            _back_to_vehicle(state, wide(legs))


@inlined
def _vehicles_exist(state: Any) -> bool:
    available, edge0 = bits(state, AVAILABLE), ints(state, EDGE0)
    for row in range(state[N_NODES] * state[N_KINDS]):
        if available[row] != 0 and edge0[row] < edge0[row + 1]:
            return True
    return len(ints(state, LAST_EDGES)) > 0


@inlined
def _note(bounds: Any, at: int, levels: int, seconds: int, legs: int, steps: int) -> None:
    """Add what is possible with one leg more; behind the last place it joins what is there."""
    bound = (legs << LEGS_AT) + (min(seconds, wide(1 << 20)) << CENTS_AT) + min(steps, MOST_STEPS)
    j = 0
    while j < levels and bounds[at + j] >= 0 and bounds[at + j] >> LEGS_AT < legs:
        j += 1
    if j == levels:
        j -= 1
        bound = bound & ((1 << LEGS_AT) - 1) | bounds[at + j] >> LEGS_AT << LEGS_AT
    bounds[at + j] = bound


@inlined
def _lower(state: Any, section: int, bag: int, seconds: int, steps: int, legs: int) -> bool:
    """Lower the bounds of a bag and note them."""
    rest, n_bags = ints(state, REST), state[N_BAGS]
    at = section + bag
    if seconds >= rest[at] and steps >= rest[at + n_bags]:
        return False
    rest[at] = min(wide(rest[at]), seconds)
    rest[at + n_bags] = min(wide(rest[at + n_bags]), steps)
    family = wide(0) if section == 0 else wide(BOUND_LEVELS)
    _note(
        longs(state, BOUNDS), 2 * BOUND_LEVELS * bag + family, wide(BOUND_LEVELS),
        wide(rest[at]), legs, wide(rest[at + n_bags]),
    )  # fmt: skip
    return True


@compiled
def _back_by_ride(state: Any, section: int, legs: int) -> bool:
    """From alighting to boarding, for the two sections from `section` on."""
    n_positions, stop0, stops = ints(state, POSITIONS), ints(state, STOP0), ints(state, STOPS)
    mg_per_m, metres = ints(state, MG_PER_M), ints(state, METRES)
    run_s, dwell_s, egress = ints(state, RUN_S), ints(state, DWELL_S), ints(state, EGRESS)
    rest, calls = ints(state, REST), longs(state, CALL_BOUNDS)
    n_stops, n_bags = state[N_STOPS], state[N_BAGS]
    horizon = state[LATEST] - state[SECONDS]
    family = wide(0) if section == 0 else wide(1)
    changed = False
    for p in range(len(n_positions)):
        first, grams = wide(stop0[p]), wide(mg_per_m[p])
        time, mg = wide(INF), wide(INF) * STEP_MG
        for x in range(first + n_positions[p] - 1, first - 1, -1):
            s = wide(stops[x])
            if time <= horizon:
                steps = (mg - grams * metres[x] + STEP_MG // 2) // STEP_MG
                _note_call(calls, 2 * x + family, time, legs, steps)
                at = section + n_stops + s
                if time < rest[at] or steps < rest[at + n_bags]:
                    _lower(state, section, n_stops + s, time, steps, legs)
                    changed = True
            if time < INF:
                time += dwell_s[x]
            at = section + s
            if section == 0 and egress[s] < INF:
                time = min(time, wide(egress[s]))
                mg = min(mg, grams * metres[x])
            if rest[at] < INF:
                time = min(time, wide(rest[at]))
                mg = min(mg, grams * metres[x] + STEP_MG * wide(rest[at + n_bags]))
            if time < INF:
                time += run_s[x]
    return changed


@inlined
def _note_call(calls: Any, at: int, seconds: int, legs: int, steps: int) -> None:
    """Lower the bound of a call, of which only the fewest legs are kept."""
    bound = calls[at]
    if bound >= 0:
        legs = bound >> LEGS_AT
        seconds = min(seconds, bound_seconds(bound))
        steps = min(steps, bound & MOST_STEPS)
    calls[at] = (legs << LEGS_AT) + (seconds << CENTS_AT) + min(steps, MOST_STEPS)


@compiled
def _back_by_vehicle(state: Any, legs: int) -> bool:  # noqa: C901 - edges, then doors
    """From where a vehicle is left, whatever follows, to where it is taken."""
    edge0, edge_to, edge_s = ints(state, EDGE0), ints(state, EDGE_TO), ints(state, EDGE_S)
    edge_steps, door = ints(state, EDGE_STEPS), ints(state, LAST_EDGES)
    available, takes = bits(state, AVAILABLE), bits(state, TAKES)
    egress, rest = ints(state, EGRESS), ints(state, REST)
    n_bags, n_nodes, n_kinds = state[N_BAGS], state[N_NODES], state[N_KINDS]
    rented, ready = 2 * state[N_STOPS], 2 * state[N_STOPS] + n_nodes
    changed = False
    for node in range(n_nodes):
        for kind in range(n_kinds):
            row = node * n_kinds + kind
            if edge0[row] == edge0[row + 1] or available[row] == 0:
                continue
            time, steps = wide(INF), wide(INF)
            for e in range(edge0[row], edge0[row + 1]):
                to = wide(edge_to[e])
                if takes[to * n_kinds + kind] != 0:
                    left = rented + to
                    here, green = wide(rest[left]), wide(rest[n_bags + left])
                    if state[RENTS_ONCE] == 0:
                        here = min(here, wide(rest[2 * n_bags + left]))
                        green = min(green, wide(rest[3 * n_bags + left]))
                    if egress[to] < INF:
                        here, green = min(here, wide(egress[to])), wide(0)
                    time = min(time, edge_s[e] + here)
                    steps = min(steps, edge_steps[e] + green)
            if time < INF and _lower(state, 2 * n_bags, ready + node, time, steps, legs):
                changed = True
    for d in range(0, len(door), DOOR_ROW):
        node = wide(door[d])
        if (
            legs == 1
            and available[node * n_kinds + door[d + 1]] != 0
            and _lower(state, 2 * n_bags, ready + node, wide(door[d + 2]), wide(door[d + 4]), legs)
        ):
            changed = True
    return changed


@compiled
def _back_to_vehicle(state: Any, legs: int) -> None:
    """From where a vehicle is taken to where a ride ended before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    place0, place_to = ints(state, PLACE_WALK0), ints(state, PLACE_WALK_TO)
    place_s, starts_here = ints(state, PLACE_WALK_S), ints(state, STARTS_HERE)
    rest, n_bags, n_stops = ints(state, REST), state[N_BAGS], state[N_STOPS]
    times = 2 * n_bags + 2 * n_stops + state[N_NODES]
    steps = times + n_bags
    for s in range(n_stops):
        time, least = wide(rest[times + s]), wide(rest[steps + s])
        for x in range(place0[s], place0[s + 1]):
            to = wide(place_to[x])
            time = min(time, rest[times + to] + place_s[x])
            least = min(least, wide(rest[steps + to]))
        for x in range(walk0[s], walk0[s + 1]):
            to = wide(walk_to[x])
            if starts_here[to] != 0:
                time = min(time, rest[times + to] + walk_s[x])
                least = min(least, wide(rest[steps + to]))
        if time < INF:
            _lower(state, 2 * n_bags, s, time, least, legs)


@compiled
def _back_on_foot(state: Any, section: int, legs: int) -> None:
    """From boarding to where a ride ended, or a vehicle was left, before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    stop0, stop_to = ints(state, STOP_WALK0), ints(state, STOP_WALK_TO)
    stop_s, change_s = ints(state, STOP_WALK_S), ints(state, CHANGE_S)
    rest, n_bags, n_stops = ints(state, REST), state[N_BAGS], state[N_STOPS]
    board = section + n_stops
    for s in range(n_stops):
        here = wide(rest[board + s])
        time, steps = wide(INF), wide(rest[board + s + n_bags])
        for x in range(walk0[s], walk0[s + 1]):
            to = board + walk_to[x]
            time = min(time, wide(rest[to]) + walk_s[x])
            steps = min(steps, wide(rest[to + n_bags]))
        if min(time, here) < INF:
            _lower(state, section, s, min(time, here + change_s[s]), steps, legs)
            _lower(state, section, 2 * n_stops + s, min(time, here), steps, legs)
    for node in range(n_stops, state[N_NODES]):
        time, steps = wide(INF), wide(INF)
        for x in range(stop0[node], stop0[node + 1]):
            to = board + stop_to[x]
            time = min(time, wide(rest[to]) + stop_s[x])
            steps = min(steps, wide(rest[to + n_bags]))
        if time < INF:
            _lower(state, section, 2 * n_stops + node, time, steps, legs)
