"""The inner loops on a street graph, compiled: shortest ways, and one to many.

All kernels lie in this file, because numba's cache notices a change of the file of a kernel and not
of one that it calls from elsewhere. Times are whole milliseconds, so that sums are exact in any
order. A graph is in rows of links: those of node n are ``first[n]`` to ``first[n + 1]``, each with
the node it leads to (in a graph for searching backwards: comes from) and its time.
"""

from __future__ import annotations

from math import cos, pi, sqrt

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M
from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

_METRES_PER_DEGREE = EARTH_RADIUS_M * pi / 180
FAR = (1 << 31) - 1
"""Milliseconds that stand for no way."""
_NODE = (1 << 32) - 1


@compiled
def metres_between(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres between two positions of one city."""
    d_lon = (lon - other_lon) * cos((lat + other_lat) / 2 * pi / 180)
    return _METRES_PER_DEGREE * sqrt((lat - other_lat) ** 2 + d_lon * d_lon)


@compiled
def _push(heap: Longs, size: int, key: int) -> Longs:
    """Add a key to a binary heap, which is returned: grown where it was full."""
    if size == len(heap):
        grown = np.empty(2 * size + 64, np.int64)
        for i in range(size):  # an assignment of slices would take seconds to compile
            grown[i] = heap[i]
        heap = grown
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[above] <= key:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = key
    return heap


@compiled
def _pop(heap: Longs, size: int) -> int:
    """Take the least key out of a binary heap of that size."""
    least = heap[0]
    key = heap[size - 1]
    at, end = 0, size - 1
    while True:
        below = 2 * at + 1
        if below >= end:
            break
        if below + 1 < end and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= key:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = key
    return int(least)


@compiled
def _spread(
    seeds: Ints, seed_ms: Ints, bound_ms: int, first: Ints, head: Ints, ms: Ints,
    best: Ints, touched: Ints, heap: Longs,
) -> tuple[int, Longs]:  # fmt: skip
    """Dijkstra (1959) from up to two nodes: times into ``best``, and how many nodes are touched."""
    size, reached = 0, 0
    for side in range(2):
        node, cost = seeds[side], seed_ms[side]
        if node >= 0 and cost <= bound_ms and cost < best[node]:
            if best[node] == FAR:
                touched[reached] = node
                reached += 1
            best[node] = cost
            heap = _push(heap, size, (np.int64(cost) << 32) | node)
            size += 1
    while size:
        key = _pop(heap, size)
        size -= 1
        node, cost = key & _NODE, key >> 32
        if cost > best[node]:
            continue
        for link in range(first[node], first[node + 1]):
            onward, there = cost + ms[link], head[link]
            if onward <= bound_ms and onward < best[there]:
                if best[there] == FAR:
                    touched[reached] = there
                    reached += 1
                best[there] = onward
                heap = _push(heap, size, (np.int64(onward) << 32) | there)
                size += 1
    return reached, heap


@compiled
def rows_from(
    seeds: Ints, seed_ms: Ints, bound_ms: int, first: Ints, head: Ints, ms: Ints
) -> tuple[Longs, Ints, Ints]:
    """From each place the nodes within the bound, sorted, and the times to them.

    ``seeds`` and ``seed_ms`` are (places, 2), -1 where there is none. Place p has
    ``nodes[ends[p]:ends[p + 1]]`` and the times beside it.
    """
    count = len(first) - 1
    best = np.full(count, FAR, np.int32)
    touched = np.empty(count, np.int32)
    heap = np.empty(1024, np.int64)
    ends = np.zeros(len(seeds) + 1, np.int64)
    nodes, times = np.empty(4096, np.int32), np.empty(4096, np.int32)
    for place in range(len(seeds)):
        reached, heap = _spread(
            seeds[place], seed_ms[place], bound_ms, first, head, ms, best, touched, heap
        )
        start = ends[place]
        ends[place + 1] = start + reached
        if start + reached > len(nodes):
            room = 2 * (start + reached)
            more_nodes, more_times = np.empty(room, np.int32), np.empty(room, np.int32)
            for i in range(start):
                more_nodes[i], more_times[i] = nodes[i], times[i]
            nodes, times = more_nodes, more_times
        for i in range(reached):
            heap = _push(heap, i, int(touched[i]))
        for i in range(reached):
            node = _pop(heap, reached - i)
            nodes[start + i], times[start + i] = node, best[node]
            best[node] = FAR
    return ends, nodes[: ends[-1]].copy(), times[: ends[-1]].copy()


@compiled
def _look_up(nodes: Ints, times: Ints, low: int, high: int, node: int) -> int:
    """The time of a node in a sorted row; FAR where it is not in it."""
    end = high
    while low < high:
        middle = (low + high) >> 1
        if nodes[middle] < node:
            low = middle + 1
        else:
            high = middle
    return int(times[low]) if low < end and nodes[low] == node else FAR


@compiled
def _by_nodes(nodes: Ints, times: Ints, start: int, end: int, seeds: Ints, seed_ms: Ints) -> int:
    """The least time over one of two nodes and a row; FAR where the row has neither."""
    best = FAR
    for side in range(2):
        if seeds[side] >= 0:
            time = _look_up(nodes, times, start, end, seeds[side])
            if time < FAR:
                best = min(best, time + seed_ms[side])
    return best


@compiled
def along_ms(edge_ms: Ints, share: float, other: float) -> int:
    """Milliseconds along one street from a share of its length to another; FAR if not allowed."""
    way = 0 if other > share else 1
    if share == other:
        return 0
    if edge_ms[way] < 0:
        return FAR
    return abs(int(edge_ms[way] * other + 0.5) - int(edge_ms[way] * share + 0.5))


@compiled
def reach_rows(
    lat: float, lon: float, edge: int, share: float, approach_ms: int, seeds: Ints, seed_ms: Ints,
    max_ms: int, least_ms_per_m: float, outward: bool,  # noqa: FBT001 - a kernel's arguments
    places: Floats, place_edge: Ints, place_share: Floats, place_approach: Ints, edge_ms: Ints,
    starts: Longs, lengths: Ints, nodes: Ints, times: Ints,
) -> Ints:  # fmt: skip
    """Whole seconds between a door and each place; -1 beyond ``max_ms``.

    The row of place p, from ``starts[p]`` on, has the times between the nodes and the place. The
    street of the door itself is looked at first.
    """
    found = np.full(len(places), -1, np.int32)
    for place in range(len(places)):
        straight = abs(lat - places[place, 0]) * _METRES_PER_DEGREE
        if place_edge[place] < 0 or not straight * least_ms_per_m <= max_ms:
            continue
        straight = metres_between(lat, lon, places[place, 0], places[place, 1])
        if straight * least_ms_per_m > max_ms:
            continue
        if lat == places[place, 0] and lon == places[place, 1]:
            found[place] = 0
            continue
        best = FAR
        if place_edge[place] == edge:
            here, there = share, place_share[place]
            if not outward:
                here, there = there, here
            on_street = along_ms(edge_ms, here, there)
            if on_street < FAR:
                best = on_street + place_approach[place]
        end = starts[place] + lengths[place]
        over_nodes = _by_nodes(nodes, times, starts[place], end, seeds, seed_ms)
        best = min(best, over_nodes)
        if best < FAR and best + approach_ms <= max_ms:
            found[place] = (best + approach_ms + 999) // 1000
    return found


@compiled
def _links_to(last: int, via: Ints, before: Ints) -> tuple[int, Ints]:
    """The node where the way to ``last`` starts, and its links in order."""
    steps, node = 0, last
    while node >= 0 and via[node] >= 0:
        steps += 1
        node = before[node]
    start = node
    links = np.empty(steps, np.int32)
    node = last
    for step in range(steps - 1, -1, -1):
        links[step] = via[node]
        node = before[node]
    return start, links


@compiled
def _least_left(node: int, goals: Ints, goal_ms: Ints, landmarks: Ints, count: int) -> int:
    """At least so long it takes from a node over one of two goals: the triangle inequality."""
    least = FAR
    for side in range(2):
        goal = goals[side]
        if goal < 0:
            continue
        bound = 0
        for i in range(count):
            here, there = landmarks[node, i], landmarks[goal, i]
            if here < FAR and there < FAR:
                bound = max(bound, there - here)
            here, there = landmarks[node, count + i], landmarks[goal, count + i]
            if here < FAR and there < FAR:
                bound = max(bound, here - there)
        least = min(least, bound + goal_ms[side])
    return least


@compiled
def _note(node: int, times: Ints, touched: Ints, reached: int) -> int:
    """Keep a node that is touched for the first time; 1 if it is."""
    if times[node] < FAR:
        return 0
    touched[reached] = node
    return 1


@compiled
def _arrived(node: int, time: int, goals: Ints, goal_ms: Ints) -> int:
    """The time of a way that ends over this node; FAR where it is no goal."""
    total = FAR
    for side in range(2):
        if node == goals[side]:
            total = min(total, time + goal_ms[side])
    return total


@compiled
def way_between(
    seeds: Ints, seed_ms: Ints, goals: Ints, goal_ms: Ints, best: int,
    first: Ints, head: Ints, ms: Ints, landmarks: Ints,
    times: Ints, via: Ints, before: Ints, touched: Ints,
) -> tuple[int, int, int, Ints]:  # fmt: skip
    """A* with landmarks (Goldberg, Harrelson 2005): milliseconds, first and last node, the links.

    ``best`` is a way known already that keeps to one street; where none is shorter, it is returned
    and the nodes are -1. ``landmarks`` are ``Net.landmarks``. The last four are a thread's own room
    for all nodes; ``times`` are FAR before and after.
    """
    half = landmarks.shape[1] // 2
    heap = np.empty(1024, np.int64)
    size, reached, last = 0, 0, -1
    for side in range(2):
        node = seeds[side]
        if node >= 0 and seed_ms[side] < times[node]:
            reached += _note(node, times, touched, reached)
            times[node], via[node], before[node] = seed_ms[side], -1, -1
            least = times[node] + _least_left(node, goals, goal_ms, landmarks, half)
            heap = _push(heap, size, (np.int64(least) << 32) | node)
            size += 1
    while size and heap[0] >> 32 < best:
        key = _pop(heap, size)
        size -= 1
        node = key & _NODE
        left = _least_left(node, goals, goal_ms, landmarks, half)
        if key >> 32 > times[node] + left:
            continue
        total = _arrived(node, times[node], goals, goal_ms)
        if total < best:
            best, last = total, node
        for link in range(first[node], first[node + 1]):
            there = head[link]
            onward = times[node] + ms[link]
            if onward < times[there]:
                reached += _note(there, times, touched, reached)
                times[there], via[there], before[there] = onward, link, node
                least = onward + _least_left(there, goals, goal_ms, landmarks, half)
                if least < best:
                    heap = _push(heap, size, (np.int64(least) << 32) | there)
                    size += 1
    start, links = _links_to(last, via, before)
    for i in range(reached):
        times[touched[i]] = FAR
    return best, start, last, links
