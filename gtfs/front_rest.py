"""How long, and how many steps of CO2, it takes at least to the goal: what prunes labels.

Sweeps backwards from the goal, a vehicle leg a sweep, over the least times along each pattern: a
row for each bag and number of legs, of ways by rides alone and of ways with a rental among them.
A bound forgets waiting and that the quickest way is not the greenest; it never exceeds the truth.
Its four numbers lie in one (`front_layout`) and are worked on at once.
Only patterns with a trip in the search's hours count, and after the first sweep only what is new.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_layout import (
    ALONE,
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
    EDGE_BOUND,
    EDGE_TO,
    EGRESS,
    EVENT0,
    LAST_EDGES,
    LATEST,
    LEVELS,
    MAX_LEGS,
    METRES,
    MG_PER_M,
    MOST_BOUND,
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
    RENTING,
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
    longs,
    size_of,
    steps_after,
    wide,
)
from gtfs.kernel_cache import compiled, four_least, four_over, four_sum, inlined

MANY_MG = (1 << 15) * STEP_MG
"""More than any ride emits; as steps it is out of all measure."""
A_STEP, A_STEP_AT = (1 << 40) // STEP_MG, 40
"""A multiplication and a shift in place of a division by the milligrams of a step; never more."""
NEVER = -1
"""The bound where there is no way."""
HALF = (1 << RENTING) - 1
BOTH = 1 << ALONE | 1 << RENTING
"""Seconds times this are seconds in both halves of a bound."""
SECONDS_ONLY = MOST_BOUND * BOTH


@compiled
def fill_rest(state: Any) -> None:
    """Write the least from each bag to the goal, with each number of vehicle legs.

    After a ride or a rental only ways by another vehicle count: walking to the goal from there
    is tried at once. Where a leg more improves nothing there is no bound: the last one says more.
    For those who have just set out one more sweep is only worth it where tickets can expire.
    """
    state[N_LEVELS] = 0
    fill(longs(state, NOW), state[N_BAGS], wide(NEVER))
    fill(longs(state, BEFORE), state[N_BAGS], wide(NEVER))
    fill(longs(state, ONWARD), ONWARD_ROW * state[N_STOPS], wide(NEVER))
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
        if changed == 0:
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
    rest, now = longs(state, REST), longs(state, NOW)
    for bag in range(state[N_BAGS]):
        rest[LEVELS * bag + LEVELS - 1] = now[bag]


@compiled
def _find_running(state: Any) -> int:
    """Queue the patterns of which a trip may run within the question's hours; how many.

    What is known of their calls is forgotten. Trips of a pattern do not overtake each other.
    """
    n_positions, trips, event0 = ints(state, POSITIONS), ints(state, TRIPS), ints(state, EVENT0)
    arrivals, departures = ints(state, ARRIVALS), ints(state, DEPARTURES)
    stop0, calls, queue = ints(state, STOP0), longs(state, CALLS), ints(state, QUEUE)
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
                calls[x] = NEVER
    return n


@inlined
def _bound(seconds: int, steps: int) -> int:
    """The half of a bound, as far as it is measured; the other is 0."""
    return min(seconds, wide(MOST_BOUND)) | min(steps, wide(MOST_BOUND)) << 16


@inlined
def _to_door(egress_s: int) -> int:
    """The bound of whoever can walk to the goal door."""
    return wide(NEVER) if egress_s >= INF else _bound(egress_s, wide(0)) | ~wide(HALF)


@inlined
def _after(bound: int, seconds: int) -> int:
    """The bound of whoever has it so many seconds later."""
    return wide(four_sum(bound, min(seconds, wide(MOST_BOUND)) * BOTH))


@inlined
def _lower(bounds: Any, at: int, bound: int) -> int:
    """Lower what is known so far, no jumps; not 0 where it was more."""
    before = wide(bounds[at])
    least = wide(four_least(before, bound))
    bounds[at] = least
    return before ^ least


@inlined
def _write(bounds: Any, at: int, rest: Any, y: int, bound: int) -> int:
    """The same, and written as a bound of its own: a half that is not new is never."""
    new = _lower(bounds, at, bound)
    alone = wide(MOST_BOUND) if new & HALF == 0 else wide(0)
    renting = wide(MOST_BOUND) << RENTING if new >> RENTING == 0 else wide(0)
    rest[y] = bounds[at] | alone | renting
    return new


@inlined
def _look_onward(state: Any) -> None:
    """Of every stop the least from alighting there to the goal, and whether that is new."""
    now, onward, egress = longs(state, NOW), longs(state, ONWARD), ints(state, EGRESS)
    for s in range(state[N_STOPS]):
        least = wide(four_least(wide(now[s]), _to_door(wide(egress[s]))))
        onward[ONWARD_ROW * s + 1] = least ^ onward[ONWARD_ROW * s]
        onward[ONWARD_ROW * s] = least


@compiled
def _back_by_ride(state: Any, n_running: int, legs: int) -> int:
    """From alighting, where that is new, to boarding; not 0 where any call has a new bound."""
    n_positions, stop0, stops = ints(state, POSITIONS), ints(state, STOP0), ints(state, STOPS)
    mg_per_m, metres = ints(state, MG_PER_M), ints(state, METRES)
    run_s, dwell_s = ints(state, RUN_S), ints(state, DWELL_S)
    now, onward, calls = longs(state, NOW), longs(state, ONWARD), longs(state, CALLS)
    queue, board = ints(state, QUEUE), state[N_STOPS]
    alone, renting = wide(ALONE), wide(RENTING)
    most = min(state[LATEST] - state[SECONDS], wide(MOST_BOUND)) * BOTH
    changed = wide(0)
    for y in range(n_running):
        p = wide(queue[y])
        first, grams = wide(stop0[p]), wide(mg_per_m[p])
        ahead, mg, other_mg = wide(NEVER), wide(MANY_MG), wide(MANY_MG)
        last = first + n_positions[p] - 1
        while last > first and onward[ONWARD_ROW * wide(stops[last]) + 1] == 0:
            last -= 1
        for x in range(last, first - 1, -1):
            s, here = wide(stops[x]), grams * metres[x]
            there = wide(onward[ONWARD_ROW * s])
            bound = ahead & SECONDS_ONLY | _steps(mg - here) << 16 | _steps(other_mg - here) << 48
            changed |= _lower(calls, CALL_ROW * x, bound)
            _lower(calls, CALL_ROW * x + 1, legs * BOTH | wide(four_over(bound, most)))
            _lower(now, board + s, bound)
            ahead = wide(four_least(wide(four_sum(ahead, dwell_s[x] * BOTH)), there))
            ahead = wide(four_sum(ahead, run_s[x] * BOTH))
            mg = min(mg, here + STEP_MG * steps_after(there, alone))
            other_mg = min(other_mg, here + STEP_MG * steps_after(there, renting))
    return changed


@inlined
def _steps(mg: int) -> int:
    """The steps that so many milligrams begin, or fewer."""
    return max(mg + STEP_MG - 1, wide(0)) * A_STEP >> A_STEP_AT


@compiled
def _note_boards(state: Any, level: int) -> int:
    """Write the bounds of those ready to board from what is known now; not 0 where any is new."""
    changed = wide(0)
    for bag in range(state[N_STOPS], 2 * state[N_STOPS]):
        changed |= _note(state, bag, level)
    return changed


@compiled
def _note_ready(state: Any, level: int) -> int:
    """The same of those ready to take a vehicle, where one ever can."""
    starts_here, n_stops, n_nodes = ints(state, STARTS_HERE), state[N_STOPS], state[N_NODES]
    changed = wide(0)
    for node in range(n_nodes):
        if node >= n_stops or starts_here[node] != 0:
            changed |= _note(state, 2 * n_stops + n_nodes + node, level)
    return changed


@inlined
def _note(state: Any, bag: int, level: int) -> int:
    rest, now, before = longs(state, REST), longs(state, NOW), longs(state, BEFORE)
    return _write(before, bag, rest, LEVELS * bag + level, wide(now[bag]))


@compiled
def _back_by_vehicle(state: Any) -> None:
    """From where a vehicle is left, whatever follows, to where it is taken.

    BEFORE has nothing to remember of where vehicles are left: there lies what follows.
    """
    edge0, edge_to, edge_bound = ints(state, EDGE0), ints(state, EDGE_TO), ints(state, EDGE_BOUND)
    takes, rentable, egress = bits(state, TAKES), ints(state, RENTABLE), ints(state, EGRESS)
    now, onward = longs(state, NOW), longs(state, BEFORE)
    n_kinds, left = state[N_KINDS], 2 * state[N_STOPS]
    ready = left + state[N_NODES]
    for node in range(state[N_NODES]):
        here = wide(now[left + node])
        if state[RENTS_ONCE] == 0:
            here = wide(four_least(here, here >> RENTING))
        onward[left + node] = four_least(here, _to_door(wide(egress[node])))
    for v in range(size_of(state, RENTABLE)):
        row = wide(rentable[v])
        node = row // n_kinds
        kind = row - node * n_kinds
        least = wide(NEVER)
        for e in range(edge0[row], edge0[row + 1]):
            to = wide(edge_to[e])
            if takes[to * n_kinds + kind] != 0:
                there = wide(four_sum(wide(onward[left + to]), wide(edge_bound[e])))
                least = wide(four_least(least, there))
        _lower(now, ready + node, least << RENTING | HALF)


@inlined
def _back_from_door(state: Any) -> None:
    """From the goal door to where a vehicle is taken that is left there."""
    door, available = ints(state, LAST_EDGES), bits(state, AVAILABLE)
    now, ready = longs(state, NOW), 2 * state[N_STOPS] + state[N_NODES]
    for d in range(0, size_of(state, LAST_EDGES), DOOR_ROW):
        node = wide(door[d])
        if available[node * state[N_KINDS] + door[d + 1]] != 0:
            bound = _bound(wide(door[d + 2]), wide(door[d + 4]))
            _lower(now, ready + node, bound << RENTING | HALF)


@compiled
def _back_on_foot(state: Any, level: int) -> None:
    """From boarding, and from taking a vehicle, to where a ride ended before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    place0, place_to = ints(state, PLACE_WALK0), ints(state, PLACE_WALK_TO)
    place_s, starts_here = ints(state, PLACE_WALK_S), ints(state, STARTS_HERE)
    change_s, rest, now = ints(state, CHANGE_S), longs(state, REST), longs(state, NOW)
    board = state[N_STOPS]
    ready = 2 * board + state[N_NODES]
    for s in range(board):
        least = _after(wide(now[board + s]), wide(change_s[s]))
        if starts_here[s] != 0:
            least = wide(four_least(least, wide(now[ready + s])))
        for x in range(walk0[s], walk0[s + 1]):
            to, lasts = wide(walk_to[x]), wide(walk_s[x])
            least = wide(four_least(least, _after(wide(now[board + to]), lasts)))
            if starts_here[to] != 0:
                least = wide(four_least(least, _after(wide(now[ready + to]), lasts)))
        for x in range(place0[s], place0[s + 1]):
            there = _after(wide(now[ready + place_to[x]]), wide(place_s[x]))
            least = wide(four_least(least, there))
        _write(now, s, rest, LEVELS * s + level, least)


@compiled
def _back_to_stops(state: Any, level: int) -> None:
    """From boarding to where a vehicle was left before."""
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    stop0, stop_to = ints(state, STOP_WALK0), ints(state, STOP_WALK_TO)
    stop_s, rest, now = ints(state, STOP_WALK_S), longs(state, REST), longs(state, NOW)
    takes, n_kinds, n_stops = bits(state, TAKES), state[N_KINDS], state[N_STOPS]
    for node in range(state[N_NODES]):
        taken = wide(0)
        for row in range(n_kinds * node, n_kinds * (node + 1)):
            taken |= takes[row]
        if taken == 0:
            continue
        least = wide(NEVER)
        if node < n_stops:
            least = wide(now[n_stops + node])
            for x in range(walk0[node], walk0[node + 1]):
                there = _after(wide(now[n_stops + walk_to[x]]), wide(walk_s[x]))
                least = wide(four_least(least, there))
        else:
            for x in range(stop0[node], stop0[node + 1]):
                there = _after(wide(now[n_stops + stop_to[x]]), wide(stop_s[x]))
                least = wide(four_least(least, there))
        bag = 2 * n_stops + node
        _write(now, bag, rest, LEVELS * bag + level, least)
