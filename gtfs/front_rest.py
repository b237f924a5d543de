"""How long, and how much CO2, it takes at least from everywhere to the goal: what prunes labels.

Sweeps backwards from the goal, a vehicle leg a sweep, over the least times along each pattern. A
bound forgets waiting and that the quickest way is not the greenest; it never exceeds the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_labels import MAX_LEGS, N_BAGS, N_KINDS, N_NODES, N_STOPS
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

INF = 1 << 30


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
    """Write least seconds, then least milligrams, from each bag to the goal, INF if unreachable.

    After a ride or a rental only ways by another vehicle count: walking to the goal from there
    is tried at once.
    """
    n_bags, n_stops, n_nodes = state[N_BAGS], state[N_STOPS], state[N_NODES]
    rest[: 2 * n_bags] = INF
    for _ in range(state[MAX_LEGS]):
        changed = _back_by_vehicle(ren, ro, available, takes, egress, door, rest, state)
        changed = _back_by_ride(net, no, egress, rest, state) or changed
        if not changed:
            break
        _back_on_foot(net, no, ren, ro, rest, n_stops, n_nodes, n_bags)


@compiled
def _back_by_ride(net: I32, no: I64, egress: I32, rest: I32, state: I64) -> bool:
    n_positions, stop0, stops = net[no[0] : no[1]], net[no[2] : no[3]], net[no[5] : no[6]]
    mg_per_m, metres = net[no[16] : no[17]], net[no[17] : no[18]]
    run_s, dwell_s = net[no[18] : no[19]], net[no[19] : no[20]]
    n_stops, n_bags = state[N_STOPS], state[N_BAGS]
    changed = False
    for p in range(len(n_positions)):
        first = stop0[p]
        time, mg = INF, INF
        for i in range(n_positions[p] - 1, -1, -1):
            s = stops[first + i]
            time += dwell_s[first + i]
            if time < rest[n_stops + s]:
                rest[n_stops + s] = time
                changed = True
            if mg < rest[n_bags + n_stops + s]:
                rest[n_bags + n_stops + s] = mg
                changed = True
            on_foot = egress[s] < INF
            time = min(time, rest[s], egress[s])
            mg = min(mg, 0 if on_foot else rest[n_bags + s])
            if i > 0:
                time += run_s[first + i]
                mg += mg_per_m[p] * (metres[first + i] - metres[first + i - 1])
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
    edge0, edge_to = ren[ro[0] : ro[1]], ren[ro[1] : ro[2]]
    edge_s, edge_mg = ren[ro[2] : ro[3]], ren[ro[4] : ro[5]]
    n_bags, n_stops, n_nodes, n_kinds = (
        state[N_BAGS],
        state[N_STOPS],
        state[N_NODES],
        state[N_KINDS],
    )
    rented, ready = 2 * n_stops, 2 * n_stops + n_nodes
    changed = False
    for row in range(n_nodes * n_kinds):
        if available[row] == 0 or edge0[row] == edge0[row + 1]:
            continue
        node, kind = row // n_kinds, row % n_kinds
        time, mg = rest[ready + node], rest[n_bags + ready + node]
        for e in range(edge0[row], edge0[row + 1]):
            to = edge_to[e]
            if takes[to * n_kinds + kind] != 0:
                on_foot = egress[to] < INF
                time = min(time, edge_s[e] + min(rest[rented + to], egress[to]))
                mg = min(mg, edge_mg[e] + (0 if on_foot else rest[n_bags + rented + to]))
        changed = _lower(rest, n_bags, ready + node, time, mg) or changed
    for d in range(0, len(door), 5):
        node = door[d]
        if available[node * n_kinds + door[d + 1]] != 0:
            changed = _lower(rest, n_bags, ready + node, door[d + 2], door[d + 4]) or changed
    return changed


@compiled
def _lower(rest: I32, n_bags: int, bag: int, time: int, mg: int) -> bool:
    changed = False
    if time < rest[bag]:
        rest[bag] = time
        changed = True
    if mg < rest[n_bags + bag]:
        rest[n_bags + bag] = mg
        changed = True
    return changed


@compiled
def _back_on_foot(
    net: I32, no: I64, ren: I32, ro: I64, rest: I32, n_stops: int, n_nodes: int, n_bags: int
) -> None:
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    change_s = net[no[14] : no[15]]
    place0, place_to, place_s = ren[ro[6] : ro[7]], ren[ro[7] : ro[8]], ren[ro[8] : ro[9]]
    stop0, stop_to, stop_s = ren[ro[9] : ro[10]], ren[ro[10] : ro[11]], ren[ro[11] : ro[12]]
    rented, ready = 2 * n_stops, 2 * n_stops + n_nodes
    for s in range(n_stops):
        board = n_stops + s
        _lower(rest, n_bags, s, rest[board] + change_s[s], rest[n_bags + board])
        _lower(rest, n_bags, s, rest[ready + s], rest[n_bags + ready + s])
        _lower(rest, n_bags, rented + s, rest[board], rest[n_bags + board])
        for x in range(walk0[s], walk0[s + 1]):
            board = n_stops + walk_to[x]
            time, mg = rest[board] + walk_s[x], rest[n_bags + board]
            _lower(rest, n_bags, s, time, mg)
            _lower(rest, n_bags, rented + s, time, mg)
            take = ready + walk_to[x]
            _lower(rest, n_bags, s, rest[take] + walk_s[x], rest[n_bags + take])
        for x in range(place0[s], place0[s + 1]):
            take = ready + place_to[x]
            _lower(rest, n_bags, s, rest[take] + place_s[x], rest[n_bags + take])
    for node in range(n_stops, n_nodes):
        for x in range(stop0[node], stop0[node + 1]):
            board = n_stops + stop_to[x]
            time, mg = rest[board] + stop_s[x], rest[n_bags + board]
            _lower(rest, n_bags, rented + node, time, mg)
