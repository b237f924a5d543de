"""How long, and how many steps of CO2, it takes at least to the goal: what prunes labels.

Sweeps backwards from the goal, a vehicle leg a sweep, over the least times along each pattern: a
row for each bag and number of legs, of ways by rides alone and of ways with a rental among them.
A bound forgets waiting and that the quickest way is not the greenest; it never exceeds the truth.
Only patterns with a trip in the search's hours count, and after the first sweep only what is new.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_layout import (
    ARRIVALS,
    AVAILABLE,
    BEFORE,
    CALL_ROW,
    CALLS,
    CHANGE_S,
    DEPARTURES,
    DOOR_ROW,
    DWELL_S,
    EDGE0,
    EDGE_S,
    EDGE_STEPS,
    EDGE_TO,
    EGRESS,
    EVENT0,
    LAST_EDGES,
    LATEST,
    LEVELS,
    MAX_LEGS,
    METRES,
    MG_PER_M,
    N_BAGS,
    N_KINDS,
    N_LEVELS,
    N_NODES,
    N_STOPS,
    NOW,
    ONWARD,
    ONWARD_ROW,
    PLACE_WALK0,
    PLACE_WALK_S,
    PLACE_WALK_TO,
    POSITIONS,
    QUEUE,
    RENTABLE,
    RENTS_ONCE,
    REST,
    REST_ROW,
    RUN_S,
    SECONDS,
    STARTS_HERE,
    STEP_MG,
    STOP0,
    STOP_WALK0,
    STOP_WALK_S,
    STOP_WALK_TO,
    STOPS,
    SWEPT_LEGS,
    TAKES,
    TRANSFER_S,
    TRIPS,
    WALK0,
    WALK_S,
    WALK_TO,
)
from gtfs.front_memory import (
    INF,
    bits,
    fill,
    ints,
    size_of,
    wide,
)
from gtfs.kernel_cache import compiled, inlined

STRIDE = LEVELS * REST_ROW
MANY_MG = (1 << 15) * STEP_MG
"""More than any ride emits; as steps it is out of all measure."""
A_STEP, A_STEP_AT = (1 << 40) // STEP_MG, 40
"""A multiplication and a shift in place of a division by the milligrams of a step; never more."""


@compiled
def fill_rest(state: Any) -> None:
    """Write the least from each bag to the goal, with each number of vehicle legs.

    After a ride or a rental only ways by another vehicle count: walking to the goal from there
    is tried at once. Where a leg more improves nothing there is no bound: the last one says more.
    For those who have just set out one more sweep is only worth it where tickets can expire.
    """
    state[N_LEVELS] = 0
    fill(ints(state, NOW), size_of(state, NOW), wide(INF))
    fill(ints(state, BEFORE), size_of(state, BEFORE), wide(INF))
    fill(ints(state, ONWARD), size_of(state, ONWARD), wide(INF))
    n_running = _find_running(state)
    most = state[MAX_LEGS]
    if state[SECONDS] + state[TRANSFER_S] >= state[LATEST]:
        most = max(min(most, wide(1)), most - 1)
    state[SWEPT_LEGS] = most
    for legs in range(most):
        level = wide(min(legs, LEVELS - 1))
        _look_onward(state)
        _back_by_vehicle(state)
        if legs == 0:
            _back_from_door(state)
        changed = _back_by_ride(state, n_running, wide(legs + 1))
        changed |= _note_boards(state, level) | _note_ready(state, level)
        if not changed:
            state[SWEPT_LEGS] = state[MAX_LEGS]
            break
        state[N_LEVELS] = level + 1
        if legs + 1 < state[MAX_LEGS]:
            _back_on_foot(state, level)
            _back_to_stops(state, level)
    if most > LEVELS:
        _bound_the_rest(state)


@compiled
def _bound_the_rest(state: Any) -> None:
    """Let the last bound stand for all numbers of legs that have none of their own."""
    rest, now = ints(state, REST), ints(state, NOW)
    for bag in range(state[N_BAGS]):
        last = STRIDE * bag + REST_ROW * (LEVELS - 1)
        for i in range(REST_ROW):
            rest[last + i] = now[REST_ROW * bag + i]


@compiled
def _find_running(state: Any) -> int:
    """Queue the patterns of which a trip may run within the question's hours; how many.

    What is known of their calls is forgotten. Trips of a pattern do not overtake each other.
    """
    n_positions, trips, event0 = ints(state, POSITIONS), ints(state, TRIPS), ints(state, EVENT0)
    arrivals, departures = ints(state, ARRIVALS), ints(state, DEPARTURES)
    stop0, calls, queue = ints(state, STOP0), ints(state, CALLS), ints(state, QUEUE)
    n = wide(0)
    for p in range(size_of(state, POSITIONS)):
        length, size, cells = wide(n_positions[p]), wide(trips[p]), wide(event0[p])
        low, high = wide(-1), size
        while high - low > 1:
            middle = (low + high) >> 1
            if arrivals[cells + middle * length + length - 1] < state[SECONDS]:
                low = middle
            else:
                high = middle
        if high < size and departures[cells + high] <= state[LATEST]:
            queue[n] = p
            n += 1
            for x in range(CALL_ROW * stop0[p], CALL_ROW * (stop0[p] + length)):
                calls[x] = INF
    return n


@inlined
def _look_onward(state: Any) -> None:
    """Of every stop the least from alighting there to the goal, and whether that is new."""
    now, onward, egress = ints(state, NOW), ints(state, ONWARD), ints(state, EGRESS)
    for s in range(state[N_STOPS]):
        at, to = REST_ROW * s, ONWARD_ROW * s
        time, other = min(wide(now[at]), wide(egress[s])), wide(now[at + 2])
        steps = wide(now[at + 1]) if egress[s] >= INF else wide(0)
        other_steps = wide(now[at + 3])
        onward[to + 4] = (
            (time < onward[to])
            | (steps < onward[to + 1])
            | (other < onward[to + 2])
            | (other_steps < onward[to + 3])
        )
        onward[to] = time
        onward[to + 1] = steps
        onward[to + 2] = other
        onward[to + 3] = other_steps


@compiled
def _back_by_ride(state: Any, n_running: int, legs: int) -> bool:
    """From alighting, where that is new, to boarding; whether any call has a new bound."""
    n_positions, stop0, stops = ints(state, POSITIONS), ints(state, STOP0), ints(state, STOPS)
    mg_per_m, metres = ints(state, MG_PER_M), ints(state, METRES)
    run_s, dwell_s = ints(state, RUN_S), ints(state, DWELL_S)
    now, onward, calls = ints(state, NOW), ints(state, ONWARD), ints(state, CALLS)
    queue, board = ints(state, QUEUE), REST_ROW * state[N_STOPS]
    most_s = state[LATEST] - state[SECONDS]
    changed = False
    for y in range(n_running):
        p = wide(queue[y])
        first, grams = wide(stop0[p]), wide(mg_per_m[p])
        time, other, mg, other_mg = wide(INF), wide(INF), wide(MANY_MG), wide(MANY_MG)
        last = first + n_positions[p] - 1
        while last > first and onward[ONWARD_ROW * wide(stops[last]) + 4] == 0:
            last -= 1
        for x in range(last, first - 1, -1):
            s = wide(stops[x])
            at, to = REST_ROW * s, ONWARD_ROW * s
            here = grams * metres[x]
            steps = (mg - here + STEP_MG - 1) * A_STEP >> A_STEP_AT
            other_steps = (other_mg - here + STEP_MG - 1) * A_STEP >> A_STEP_AT
            changed |= _lower_call(calls, CALL_ROW * x, time, steps, legs, most_s)
            changed |= _lower_call(calls, CALL_ROW * x + 2, other, other_steps, legs, most_s)
            _lower(now, board + at, time, steps)
            _lower(now, board + at + 2, other, other_steps)
            run, dwell = wide(run_s[x]), wide(dwell_s[x])
            time = min(min(time + dwell, wide(onward[to])) + run, wide(INF))
            other = min(min(other + dwell, wide(onward[to + 2])) + run, wide(INF))
            mg = min(mg, here + min(STEP_MG * wide(onward[to + 1]), wide(MANY_MG)))
            other_mg = min(other_mg, here + min(STEP_MG * wide(onward[to + 3]), wide(MANY_MG)))
    return changed


@inlined
def _lower_call(calls: Any, at: int, seconds: int, steps: int, legs: int, most_s: int) -> bool:
    """Lower what is known of a call; no jumps."""
    before, before_steps, fewest = wide(calls[at]), wide(calls[at + 1]), wide(calls[at + 4])
    calls[at] = min(before, seconds)
    calls[at + 1] = min(before_steps, steps)
    calls[at + 4] = min(fewest, legs if seconds <= most_s else wide(INF))
    return bool((seconds < before) | (steps < before_steps))


@inlined
def _lower(now: Any, at: int, seconds: int, steps: int) -> None:
    """Lower what is known so far; no jumps."""
    now[at] = min(wide(now[at]), seconds)
    now[at + 1] = min(wide(now[at + 1]), steps)


@inlined
def _write(now: Any, at: int, rest: Any, y: int, seconds: int, steps: int) -> bool:
    """Lower what is known so far, and write it as a bound where it is new; no jumps."""
    before, before_steps = wide(now[at]), wide(now[at + 1])
    improved = (seconds < before) | (steps < before_steps)
    seconds, steps = min(seconds, before), min(steps, before_steps)
    now[at] = seconds
    now[at + 1] = steps
    rest[y] = seconds if improved else wide(INF)
    rest[y + 1] = steps
    return bool(improved)


@compiled
def _note_boards(state: Any, level: int) -> bool:
    """Write the bounds of those ready to board from what is known now; whether any is new."""
    changed = False
    for bag in range(state[N_STOPS], 2 * state[N_STOPS]):
        changed |= _note(state, bag, level)
    return changed


@compiled
def _note_ready(state: Any, level: int) -> bool:
    """The same of those ready to take a vehicle, where one ever can."""
    starts_here, n_stops, n_nodes = ints(state, STARTS_HERE), state[N_STOPS], state[N_NODES]
    changed = False
    for node in range(n_nodes):
        if node >= n_stops or starts_here[node] != 0:
            changed |= _note(state, 2 * n_stops + n_nodes + node, level)
    return changed


@inlined
def _note(state: Any, bag: int, level: int) -> bool:
    rest, now, before = ints(state, REST), ints(state, NOW), ints(state, BEFORE)
    at, y = REST_ROW * bag, STRIDE * bag + REST_ROW * level
    alone = _write(before, at, rest, y, wide(now[at]), wide(now[at + 1]))
    return alone | _write(before, at + 2, rest, y + 2, wide(now[at + 2]), wide(now[at + 3]))


@compiled
def _back_by_vehicle(state: Any) -> None:
    """From where a vehicle is left, whatever follows, to where it is taken."""
    edge0, edge_to, edge_s = ints(state, EDGE0), ints(state, EDGE_TO), ints(state, EDGE_S)
    edge_steps, takes, rentable = (
        ints(state, EDGE_STEPS),
        bits(state, TAKES),
        ints(state, RENTABLE),
    )
    egress, now = ints(state, EGRESS), ints(state, NOW)
    n_kinds, left = state[N_KINDS], 2 * state[N_STOPS]
    ready = left + state[N_NODES]
    for v in range(size_of(state, RENTABLE)):
        row = wide(rentable[v])
        node = row // n_kinds
        kind = row - node * n_kinds
        time, steps = wide(INF), wide(INF)
        for e in range(edge0[row], edge0[row + 1]):
            to = wide(edge_to[e])
            if takes[to * n_kinds + kind] == 0:
                continue
            at = REST_ROW * (left + to)
            here, green = wide(now[at]), wide(now[at + 1])
            if state[RENTS_ONCE] == 0:
                here = min(here, wide(now[at + 2]))
                green = min(green, wide(now[at + 3]))
            if egress[to] < INF:
                here, green = min(here, wide(egress[to])), wide(0)
            time = min(time, edge_s[e] + here)
            steps = min(steps, edge_steps[e] + green)
        _lower(now, REST_ROW * (ready + node) + 2, time, steps)


@inlined
def _back_from_door(state: Any) -> None:
    """From the goal door to where a vehicle is taken that is left there."""
    door, available = ints(state, LAST_EDGES), bits(state, AVAILABLE)
    now, ready = ints(state, NOW), 2 * state[N_STOPS] + state[N_NODES]
    for d in range(0, size_of(state, LAST_EDGES), DOOR_ROW):
        node = wide(door[d])
        if available[node * state[N_KINDS] + door[d + 1]] != 0:
            _lower(now, REST_ROW * (ready + node) + 2, wide(door[d + 2]), wide(door[d + 4]))


@compiled
def _back_on_foot(state: Any, level: int) -> None:
    """From boarding, and from taking a vehicle, to where a ride ended before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    place0, place_to = ints(state, PLACE_WALK0), ints(state, PLACE_WALK_TO)
    place_s, starts_here = ints(state, PLACE_WALK_S), ints(state, STARTS_HERE)
    change_s, rest, now = ints(state, CHANGE_S), ints(state, REST), ints(state, NOW)
    n_stops = state[N_STOPS]
    board = REST_ROW * n_stops
    ready = REST_ROW * (2 * n_stops + state[N_NODES]) + 2
    for s in range(n_stops):
        at = board + REST_ROW * s
        wait_s = wide(change_s[s])
        time, steps = now[at] + wait_s, wide(now[at + 1])
        other, other_steps = now[at + 2] + wait_s, wide(now[at + 3])
        if starts_here[s] != 0:
            at = ready + REST_ROW * s
            other = min(other, wide(now[at]))
            other_steps = min(other_steps, wide(now[at + 1]))
        for x in range(walk0[s], walk0[s + 1]):
            to, lasts = wide(walk_to[x]), wide(walk_s[x])
            at = board + REST_ROW * to
            time = min(time, now[at] + lasts)
            steps = min(steps, wide(now[at + 1]))
            other = min(other, now[at + 2] + lasts)
            other_steps = min(other_steps, wide(now[at + 3]))
            if starts_here[to] != 0:
                at = ready + REST_ROW * to
                other = min(other, now[at] + lasts)
                other_steps = min(other_steps, wide(now[at + 1]))
        for x in range(place0[s], place0[s + 1]):
            at = ready + REST_ROW * place_to[x]
            other = min(other, now[at] + place_s[x])
            other_steps = min(other_steps, wide(now[at + 1]))
        y = STRIDE * s + REST_ROW * level
        _write(now, REST_ROW * s, rest, y, time, steps)
        _write(now, REST_ROW * s + 2, rest, y + 2, other, other_steps)


@compiled
def _back_to_stops(state: Any, level: int) -> None:
    """From boarding to where a vehicle was left before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    stop0, stop_to = ints(state, STOP_WALK0), ints(state, STOP_WALK_TO)
    stop_s, rest, now = ints(state, STOP_WALK_S), ints(state, REST), ints(state, NOW)
    takes, n_kinds, n_stops = bits(state, TAKES), state[N_KINDS], state[N_STOPS]
    board = REST_ROW * n_stops
    for node in range(state[N_NODES]):
        taken = wide(0)
        for row in range(n_kinds * node, n_kinds * (node + 1)):
            taken |= takes[row]
        if taken == 0:
            continue
        time, steps, other, other_steps = wide(INF), wide(INF), wide(INF), wide(INF)
        if node < n_stops:
            at = board + REST_ROW * node
            time, steps = wide(now[at]), wide(now[at + 1])
            other, other_steps = wide(now[at + 2]), wide(now[at + 3])
            for x in range(walk0[node], walk0[node + 1]):
                at = board + REST_ROW * walk_to[x]
                time = min(time, now[at] + walk_s[x])
                steps = min(steps, wide(now[at + 1]))
                other = min(other, now[at + 2] + walk_s[x])
                other_steps = min(other_steps, wide(now[at + 3]))
        else:
            for x in range(stop0[node], stop0[node + 1]):
                at = board + REST_ROW * stop_to[x]
                time = min(time, now[at] + stop_s[x])
                steps = min(steps, wide(now[at + 1]))
                other = min(other, now[at + 2] + stop_s[x])
                other_steps = min(other_steps, wide(now[at + 3]))
        at, y = (
            REST_ROW * (2 * n_stops + node),
            STRIDE * (2 * n_stops + node) + REST_ROW * level,
        )
        _write(now, at, rest, y, time, steps)
        _write(now, at + 2, rest, y + 2, other, other_steps)
