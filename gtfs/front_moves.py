"""Rounds of the four-criteria search on rented vehicles and on foot."""

from __future__ import annotations

from typing import Any

from gtfs.front_goal import arrive, part_of
from gtfs.front_labels import (
    AREA,
    BAG,
    BOARD,
    BY_DOOR,
    BY_FIRST_EDGE,
    BY_RENTAL,
    CLOSED,
    DEAD,
    EXPIRY,
    HOW,
    LEGS,
    NODE,
    ON_FOOT,
    PARENT,
    RENTED,
    STEPS,
    TIME,
    TOTAL,
    WHAT,
    is_hopeless,
    is_label_hopeless,
    is_measured,
    keep,
    may_arrive,
    settle,
)
from gtfs.front_layout import (
    ACCESS,
    AVAILABLE,
    CHANGE_S,
    DOOR_HEAD,
    DOOR_ROW,
    EDGE0,
    EDGE_CENTS,
    EDGE_S,
    EDGE_STEPS,
    EDGE_TO,
    FIRST_EDGES,
    LABEL_ROW,
    LABELS,
    LAST_EDGES,
    LATEST,
    N_KINDS,
    N_LABELS,
    N_NODES,
    N_STOPS,
    PLACE_WALK0,
    PLACE_WALK_S,
    PLACE_WALK_TO,
    RENTING_LEGS,
    RENTS_ONCE,
    ROUND,
    SECONDS,
    STARTS_HERE,
    STOP_WALK0,
    STOP_WALK_S,
    STOP_WALK_TO,
    TAKES,
    WALK0,
    WALK_S,
    WALK_TO,
)
from gtfs.front_memory import (
    INF,
    bits,
    ints,
    size_of,
    wide,
)
from gtfs.kernel_cache import compiled, inlined


@compiled
def leave_door(state: Any) -> None:
    """Walk from the door to every stop and place in reach."""
    access, starts_here = ints(state, ACCESS), ints(state, STARTS_HERE)
    n_stops, n_nodes = state[N_STOPS], state[N_NODES]
    for node in range(n_nodes):
        if access[node] >= INF:
            continue
        time = state[SECONDS] + access[node]
        if node < n_stops:
            _start(state, time, node, n_stops + node)
        if node >= n_stops or starts_here[node] != 0:
            _start(state, time, node, 2 * n_stops + n_nodes + node)


@compiled
def _start(state: Any, time: int, node: int, bag: int) -> None:
    """Be ready at a node, having walked there from the door."""
    if not is_hopeless(state, bag, time, wide(0), wide(0), wide(0), wide(-1), wide(0)):
        _write_first(state, time, node, bag, wide(BY_DOOR), wide(-1))
        keep(state)


@inlined
def _write_first(state: Any, time: int, node: int, bag: int, how: int, what: int) -> None:
    labels, new = ints(state, LABELS), state[N_LABELS]
    labels[LABEL_ROW * new + TIME] = time
    labels[LABEL_ROW * new + TOTAL] = 0
    labels[LABEL_ROW * new + STEPS] = 0
    labels[LABEL_ROW * new + CLOSED] = 0
    labels[LABEL_ROW * new + AREA] = -1
    labels[LABEL_ROW * new + EXPIRY] = 0
    labels[LABEL_ROW * new + PARENT] = -1
    labels[LABEL_ROW * new + HOW] = how
    labels[LABEL_ROW * new + WHAT] = what
    labels[LABEL_ROW * new + BOARD] = -1
    labels[LABEL_ROW * new + NODE] = node
    labels[LABEL_ROW * new + LEGS] = state[ROUND]
    labels[LABEL_ROW * new + RENTED] = 0
    labels[LABEL_ROW * new + BAG] = bag
    labels[LABEL_ROW * new + DEAD] = 0


@compiled
def leave_door_riding(state: Any) -> None:
    """Ride from the door itself: the mirror image of rides to the goal door."""
    labels, door, takes = ints(state, LABELS), ints(state, FIRST_EDGES), bits(state, TAKES)
    for d in range(0, size_of(state, FIRST_EDGES), DOOR_ROW):
        node, kind = wide(door[d]), wide(door[d + 1])
        if takes[node * state[N_KINDS] + kind] == 0:
            continue
        time, cents, steps = state[SECONDS] + door[d + 2], wide(door[d + 3]), wide(door[d + 4])
        bag = 2 * state[N_STOPS] + node
        if not is_measured(cents, steps):
            continue
        part = part_of(state[ROUND], cents, steps)
        goes_on = state[ROUND] < state[RENTING_LEGS] and not is_hopeless(
            state, bag, time, state[ROUND], cents, steps, wide(-1), state[RENTS_ONCE]
        )
        if goes_on or may_arrive(state, node, time, state[ROUND], cents, steps):
            new = state[N_LABELS]
            _write_first(state, time, node, bag, wide(BY_FIRST_EDGE), wide(d // DOOR_ROW))
            labels[LABEL_ROW * new + TOTAL] = cents
            labels[LABEL_ROW * new + RENTED] = state[RENTS_ONCE]
            labels[LABEL_ROW * new + CLOSED] = cents
            labels[LABEL_ROW * new + STEPS] = steps
            settle(state, part, goes_on)


@compiled
def rent(state: Any, since: int, until: int) -> None:
    """Take vehicles with the labels [since, until) that are ready to."""
    labels, available = ints(state, LABELS), bits(state, AVAILABLE)
    edge0 = ints(state, EDGE0)
    n_kinds, ready = state[N_KINDS], 2 * state[N_STOPS] + state[N_NODES]
    if state[ROUND] > state[RENTING_LEGS]:
        return
    for x in range(since, until):
        if labels[LABEL_ROW * x + BAG] < ready or labels[LABEL_ROW * x + DEAD] != 0:
            continue
        if is_label_hopeless(state, labels, x):
            labels[LABEL_ROW * x + DEAD] = 1
            continue
        node = wide(labels[LABEL_ROW * x + NODE])
        _ride_to_door(state, x, node)
        for kind in range(n_kinds):
            row = node * n_kinds + kind
            if available[row] != 0 and edge0[row] < edge0[row + 1]:
                _ride_edges(state, x, kind, wide(edge0[row]), wide(edge0[row + 1]))


@inlined
def _ride_to_door(state: Any, x: int, node: int) -> None:
    """Take every vehicle of a place to the goal door itself."""
    labels, door, head = ints(state, LABELS), ints(state, LAST_EDGES), ints(state, DOOR_HEAD)
    available = bits(state, AVAILABLE)
    d = wide(head[node]) if size_of(state, LAST_EDGES) > 0 else wide(-1)
    while d >= 0:
        if available[node * state[N_KINDS] + door[d + 1]] != 0:
            cents, steps = (
                wide(labels[LABEL_ROW * x + TOTAL]) + door[d + 3],
                wide(labels[LABEL_ROW * x + STEPS]) + door[d + 4],
            )
            if is_measured(cents, steps):
                time, part = (
                    labels[LABEL_ROW * x + TIME] + wide(door[d + 2]),
                    part_of(state[ROUND], cents, steps),
                )
                arrive(state, time, part, x, wide(d // DOOR_ROW))
        d = wide(door[d + 5])


@compiled
def _ride_edges(state: Any, x: int, kind: int, first: int, last: int) -> None:
    """Ride the edges [first, last) on a vehicle of a kind."""
    labels, takes = ints(state, LABELS), bits(state, TAKES)
    edge_to, edge_s = ints(state, EDGE_TO), ints(state, EDGE_S)
    edge_cents, edge_steps = ints(state, EDGE_CENTS), ints(state, EDGE_STEPS)
    n_kinds, rented = state[N_KINDS], 2 * state[N_STOPS]
    since, total, before = (
        wide(labels[LABEL_ROW * x + TIME]),
        wide(labels[LABEL_ROW * x + TOTAL]),
        wide(labels[LABEL_ROW * x + STEPS]),
    )
    area = wide(labels[LABEL_ROW * x + AREA])
    for e in range(first, last):
        to = wide(edge_to[e])
        time = since + edge_s[e]
        if time > state[LATEST] or takes[to * n_kinds + kind] == 0:
            continue
        cents, steps = total + edge_cents[e], before + edge_steps[e]
        if not is_measured(cents, steps):
            continue
        part = part_of(state[ROUND], cents, steps)
        goes_on = state[ROUND] < state[RENTING_LEGS] and not is_hopeless(
            state, rented + to, time, state[ROUND], cents, steps, area, state[RENTS_ONCE]
        )
        if goes_on or may_arrive(state, to, time, state[ROUND], cents, steps):
            new = state[N_LABELS]
            _follow(state, x, time, to, rented + to, wide(BY_RENTAL), state[ROUND])
            labels[LABEL_ROW * new + WHAT] = e
            labels[LABEL_ROW * new + TOTAL] = cents
            labels[LABEL_ROW * new + RENTED] = state[RENTS_ONCE]
            labels[LABEL_ROW * new + CLOSED] += edge_cents[e]
            labels[LABEL_ROW * new + STEPS] = steps
            settle(state, part, goes_on)


@inlined
def _follow(state: Any, x: int, time: int, node: int, bag: int, how: int, legs: int) -> None:
    """Write the row behind the last label: what follows label x, paying and emitting nothing."""
    labels, new = ints(state, LABELS), state[N_LABELS]
    labels[LABEL_ROW * new + TIME] = time
    labels[LABEL_ROW * new + TOTAL] = labels[LABEL_ROW * x + TOTAL]
    labels[LABEL_ROW * new + STEPS] = labels[LABEL_ROW * x + STEPS]
    labels[LABEL_ROW * new + RENTED] = labels[LABEL_ROW * x + RENTED]
    labels[LABEL_ROW * new + CLOSED] = labels[LABEL_ROW * x + CLOSED]
    labels[LABEL_ROW * new + AREA] = labels[LABEL_ROW * x + AREA]
    labels[LABEL_ROW * new + EXPIRY] = labels[LABEL_ROW * x + EXPIRY]
    labels[LABEL_ROW * new + PARENT] = x
    labels[LABEL_ROW * new + HOW] = how
    labels[LABEL_ROW * new + WHAT] = -1
    labels[LABEL_ROW * new + BOARD] = -1
    labels[LABEL_ROW * new + NODE] = node
    labels[LABEL_ROW * new + LEGS] = legs
    labels[LABEL_ROW * new + BAG] = bag
    labels[LABEL_ROW * new + DEAD] = 0


@compiled
def walk_on(state: Any, since: int, until: int) -> None:
    """Go on from the labels [since, until), which have left a vehicle: change, or one walk."""
    labels, starts_here = ints(state, LABELS), ints(state, STARTS_HERE)
    walk0, walk_to, walk_s = ints(state, WALK0), ints(state, WALK_TO), ints(state, WALK_S)
    place0, place_to = ints(state, PLACE_WALK0), ints(state, PLACE_WALK_TO)
    stop0, stop_to = ints(state, STOP_WALK0), ints(state, STOP_WALK_TO)
    place_s, stop_s = ints(state, PLACE_WALK_S), ints(state, STOP_WALK_S)
    change_s = ints(state, CHANGE_S)
    n_stops, n_nodes = state[N_STOPS], state[N_NODES]
    ready = 2 * n_stops + n_nodes
    for x in range(since, until):
        if labels[LABEL_ROW * x + DEAD] != 0:
            continue
        node, time = wide(labels[LABEL_ROW * x + NODE]), wide(labels[LABEL_ROW * x + TIME])
        by_ride = labels[LABEL_ROW * x + BAG] < n_stops
        may_rent = by_ride and labels[LABEL_ROW * x + RENTED] == 0
        if node < n_stops:
            wait_s = wide(change_s[node]) if by_ride else wide(0)
            _step(state, x, time + wait_s, node, n_stops + node)
            if may_rent and starts_here[node] != 0:
                _step(state, x, time, node, ready + node)
            for y in range(walk0[node], walk0[node + 1]):
                to, at = wide(walk_to[y]), time + walk_s[y]
                _step(state, x, at, to, n_stops + to)
                if may_rent and starts_here[to] != 0:
                    _step(state, x, at, to, ready + to)
            if may_rent:
                for y in range(place0[node], place0[node + 1]):
                    to, at = wide(place_to[y]), time + place_s[y]
                    _step(state, x, at, to, ready + to)
        else:
            for y in range(stop0[node], stop0[node + 1]):
                to, at = wide(stop_to[y]), time + stop_s[y]
                _step(state, x, at, to, n_stops + to)


@compiled
def _step(state: Any, x: int, time: int, node: int, bag: int) -> None:
    labels = ints(state, LABELS)
    legs, cents, steps = (
        wide(labels[LABEL_ROW * x + LEGS]),
        wide(labels[LABEL_ROW * x + TOTAL]),
        wide(labels[LABEL_ROW * x + STEPS]),
    )
    area, rented = wide(labels[LABEL_ROW * x + AREA]), wide(labels[LABEL_ROW * x + RENTED])
    if not is_hopeless(state, bag, time, legs, cents, steps, area, rented):
        _follow(state, x, time, node, bag, wide(ON_FOOT), legs)
        keep(state)
