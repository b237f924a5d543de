"""How long, and how many steps of CO2, it takes at least to the goal: what prunes labels.

Sweeps backwards from the goal, a vehicle leg a sweep, over the least times along each pattern; once
for ways by bus and ferry alone, once for those with a rental in them, which cost more. A bound
forgets waiting and that the quickest way is not the greenest; it never exceeds the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import MAX_LEGS, N_BAGS, N_KINDS, N_NODES, N_STOPS, STEP_MG, wide
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

INF = 1 << 30
BOUND_SECTIONS = 4
"""Of every bag: seconds and steps by rides alone, seconds and steps with a rental among them.

The same four follow for every position of a pattern, from its departure, staying aboard.
"""


@compiled
def fill_rest(
    net: I32,
    no: I64,
    ren: I32,
    ro: I64,
    available: U8,
    takes: U8,
    egress: I32,
    door: I32,
    rest: I32,
    state: I64,
) -> None:
    """Write the least from each bag to the goal, INF if unreachable.

    After a ride or a rental only ways by another vehicle count: walking to the goal from there
    is tried at once.
    """
    n_bags = state[N_BAGS]
    rest[: BOUND_SECTIONS * n_bags] = INF
    for _ in range(state[MAX_LEGS]):
        if not _back_by_ride(net, no, egress, rest, state, wide(0)):
            break
        _back_on_foot(net, no, ren, ro, rest, state, wide(0))
    for _ in range(state[MAX_LEGS]):
        changed = _back_by_vehicle(ren, ro, available, takes, egress, door, rest, state)
        if changed:
            _back_to_vehicle(net, no, ren, ro, rest, state)
        if not _back_by_ride(net, no, egress, rest, state, 2 * n_bags) and not changed:
            break
        _back_on_foot(net, no, ren, ro, rest, state, 2 * n_bags)


@compiled
def _back_by_ride(net: I32, no: I64, egress: I32, rest: I32, state: I64, section: int) -> bool:
    """From alighting to boarding, for the two sections from `section` on."""
    n_positions, stop0, stops = net[no[0] : no[1]], net[no[2] : no[3]], net[no[5] : no[6]]
    mg_per_m, metres = net[no[16] : no[17]], net[no[17] : no[18]]
    run_s, dwell_s = net[no[18] : no[19]], net[no[19] : no[20]]
    n_stops, n_bags = state[N_STOPS], state[N_BAGS]
    after, board = rest[section : section + n_stops], rest[section + n_stops :]
    after_steps, board_steps = rest[section + n_bags :], rest[section + n_bags + n_stops :]
    aboard = rest[4 * n_bags + (0 if section == 0 else 2 * len(stops)) :]
    aboard_steps = aboard[len(stops) :]
    changed = False
    for p in range(len(n_positions)):
        first, grams = stop0[p], np.int64(mg_per_m[p])
        time, mg = np.int64(INF), np.int64(INF) * STEP_MG
        for x in range(first + n_positions[p] - 1, first - 1, -1):
            s = stops[x]
            aboard[x] = time
            if time < INF:
                if time < board[s]:
                    board[s] = time
                    changed = True
                steps = (mg - grams * metres[x] + STEP_MG // 2) // STEP_MG
                aboard_steps[x] = steps
                if steps < board_steps[s]:
                    board_steps[s] = steps
                    changed = True
                time += dwell_s[x]
            if section == 0 and egress[s] < INF:
                time = min(time, np.int64(egress[s]))
                mg = min(mg, grams * metres[x])
            if after[s] < INF:
                time = min(time, np.int64(after[s]))
                mg = min(mg, grams * metres[x] + STEP_MG * np.int64(after_steps[s]))
            time += run_s[x]
    return changed


@compiled
def _back_by_vehicle(
    ren: I32,
    ro: I64,
    available: U8,
    takes: U8,
    egress: I32,
    door: I32,
    rest: I32,
    state: I64,
) -> bool:
    """From where a vehicle is left, whatever follows, to where it is taken."""
    edge0, edge_to = ren[ro[0] : ro[1]], ren[ro[1] : ro[2]]
    edge_s, edge_steps = ren[ro[2] : ro[3]], ren[ro[4] : ro[5]]
    n_bags, n_nodes, n_kinds = state[N_BAGS], state[N_NODES], state[N_KINDS]
    rented, ready = 2 * state[N_STOPS], 2 * state[N_STOPS] + n_nodes
    changed = False
    for row in range(n_nodes * n_kinds):
        if edge0[row] == edge0[row + 1] or available[row] == 0:
            continue
        node, kind = row // n_kinds, row % n_kinds
        time, steps = np.int64(INF), np.int64(INF)
        for e in range(edge0[row], edge0[row + 1]):
            to = edge_to[e]
            if takes[to * n_kinds + kind] != 0:
                left = rented + to
                here = min(rest[left], rest[2 * n_bags + left])
                green = min(rest[n_bags + left], rest[3 * n_bags + left])
                if egress[to] < INF:
                    here, green = min(here, egress[to]), 0
                time = min(time, edge_s[e] + here)
                steps = min(steps, edge_steps[e] + green)
        changed = _lower(rest, n_bags, ready + node, int(time), int(steps)) or changed
    for d in range(0, len(door), 5):
        node = door[d]
        if available[node * n_kinds + door[d + 1]] != 0:
            changed = (
                _lower(rest, n_bags, ready + node, int(door[d + 2]), int(door[d + 4])) or changed
            )
    return changed


@compiled
def _lower(rest: I32, n_bags: int, bag: int, time: int, steps: int) -> bool:
    """Lower the bounds of ways with a rental."""
    changed = False
    if time < rest[2 * n_bags + bag]:
        rest[2 * n_bags + bag] = time
        changed = True
    if steps < rest[3 * n_bags + bag]:
        rest[3 * n_bags + bag] = steps
        changed = True
    return changed


@compiled
def _back_to_vehicle(net: I32, no: I64, ren: I32, ro: I64, rest: I32, state: I64) -> None:
    """From where a vehicle is taken to where a ride ended before."""
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    place0, place_to, place_s = ren[ro[6] : ro[7]], ren[ro[7] : ro[8]], ren[ro[8] : ro[9]]
    starts_here = ren[ro[12] : ro[13]]
    n_bags, n_stops = state[N_BAGS], state[N_STOPS]
    times = rest[2 * n_bags + 2 * n_stops + state[N_NODES] :]
    steps = rest[3 * n_bags + 2 * n_stops + state[N_NODES] :]
    for s in range(n_stops):
        time, least = times[s], steps[s]
        for x in range(place0[s], place0[s + 1]):
            to = place_to[x]
            time = min(time, times[to] + place_s[x])
            least = min(least, steps[to])
        for x in range(walk0[s], walk0[s + 1]):
            to = walk_to[x]
            if starts_here[to] != 0:
                time = min(time, times[to] + walk_s[x])
                least = min(least, steps[to])
        _lower(rest, n_bags, s, int(time), int(least))


@compiled
def _back_on_foot(
    net: I32, no: I64, ren: I32, ro: I64, rest: I32, state: I64, section: int
) -> None:
    """From boarding to where a ride ended, or a vehicle was left, before."""
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    change_s = net[no[14] : no[15]]
    stop0, stop_to, stop_s = ren[ro[9] : ro[10]], ren[ro[10] : ro[11]], ren[ro[11] : ro[12]]
    n_bags, n_stops = state[N_BAGS], state[N_STOPS]
    after, board, left = rest[section:], rest[section + n_stops :], rest[section + 2 * n_stops :]
    after_steps = rest[section + n_bags :]
    board_steps = rest[section + n_bags + n_stops :]
    left_steps = rest[section + n_bags + 2 * n_stops :]
    for s in range(n_stops):
        time, steps = INF, board_steps[s]
        for x in range(walk0[s], walk0[s + 1]):
            time = min(time, board[walk_to[x]] + walk_s[x])
            steps = min(steps, board_steps[walk_to[x]])
        after[s] = min(after[s], time, board[s] + change_s[s])
        left[s] = min(left[s], time, board[s])
        after_steps[s] = min(after_steps[s], steps)
        left_steps[s] = min(left_steps[s], steps)
    for node in range(n_stops, state[N_NODES]):
        for x in range(stop0[node], stop0[node + 1]):
            left[node] = min(left[node], board[stop_to[x]] + stop_s[x])
            left_steps[node] = min(left_steps[node], board_steps[stop_to[x]])
