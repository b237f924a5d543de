"""Rounds of the four-criteria search by bus and ferry: scan patterns, a bag of tickets aboard.

Whoever boards takes the first trip (a later one changes nothing but the hour), except where a
later departure buys something: the short-hop ticket of a window that opens later, or in an EXACT
search a single ticket that holds longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.front_aboard import (
    A_AREA,
    A_BOARD,
    A_CLOSED,
    A_EXPIRY,
    A_MG,
    A_PARENT,
    A_STEPS,
    A_TOTAL,
    FLAT,
    HELD,
    LIMIT,
    SHORT,
    SINGLE,
    TICKET,
    TRIP,
    is_lost,
    step_in,
)
from gtfs.front_labels import (
    ALIGHT,
    AREA,
    BAG,
    BOARD,
    BY_RIDE,
    CLOSED,
    DEAD,
    EXACT,
    EXPIRY,
    HOW,
    IS_FULL,
    LATEST,
    LEAST_SINGLE,
    LEGS,
    MIRRORED,
    N_LABELS,
    N_SETS,
    N_STOPS,
    NEXT,
    NODE,
    PARENT,
    ROUND,
    SHORT_CENTS,
    SHORT_STOPS,
    STEPS,
    TIME,
    TOTAL,
    TRANSFER_S,
    WHAT,
    beaten,
    is_hopeless,
    least_steps,
    settle,
    steps_of,
    wide,
)
from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

INF = 1 << 30
NEVER = 1 << 29


@compiled
def ride(
    net: I32,
    no: I64,
    labels: I32,
    front: I32,
    aboard: I32,
    heads: I32,
    rest: I32,
    egress: I32,
    first: I32,
    queue: I32,
    state: I64,
    since: int,
    until: int,
) -> None:
    """Ride on from the labels [since, until) that are ready to board."""
    n_queue = _collect(net, no, labels, front, rest, first, queue, state, since, until)
    for y in range(n_queue):
        p = wide(queue[y])
        start = wide(first[p])
        first[p] = INF
        _scan(net, no, labels, front, aboard, heads, rest, egress, state, p, start)


@compiled
def _collect(
    net: I32,
    no: I64,
    labels: I32,
    front: I32,
    rest: I32,
    first: I32,
    queue: I32,
    state: I64,
    since: int,
    until: int,
) -> int:
    """Queue the patterns to scan, each from its first position with a label worth riding on."""
    serving0, serving_pattern = net[no[8] : no[9]], net[no[9] : no[10]]
    serving_position = net[no[10] : no[11]]
    n_stops = state[N_STOPS]
    n = 0
    for x in range(since, until):
        bag = labels[x, BAG]
        if labels[x, DEAD] != 0 or bag < n_stops or bag >= 2 * n_stops:
            continue
        if is_hopeless(labels, x, front, state, rest):
            labels[x, DEAD] = 1
            continue
        s = bag - n_stops
        for y in range(serving0[s], serving0[s + 1]):
            p = serving_pattern[y]
            if serving_position[y] < first[p]:
                if first[p] == INF:
                    queue[n] = p
                    n += 1
                first[p] = serving_position[y]
    return n


@compiled
def _scan(
    net: I32,
    no: I64,
    labels: I32,
    front: I32,
    aboard: I32,
    heads: I32,
    rest: I32,
    egress: I32,
    state: I64,
    p: int,
    start: int,
) -> None:
    """Go along a pattern from position `start`: alight everywhere, board where labels wait."""
    stop0, stops = net[no[2] : no[3]], net[no[5] : no[6]]
    length = wide(net[no[0] + p])
    last_round = state[ROUND] - 1
    n_aboard = wide(0)
    for i in range(wide(start), length):
        s = wide(stops[stop0[p] + i])
        for y in range(n_aboard):
            _alight(net, no, labels, front, aboard, heads, rest, egress, state, p, i, s, y)
        if i + 1 == length or state[IS_FULL] != 0:
            break
        x = wide(heads[state[N_STOPS] + s])
        while x >= 0:
            if labels[x, LEGS] == last_round and labels[x, DEAD] == 0:
                n_aboard = _board(net, no, labels, front, aboard, rest, state, p, i, s, x, n_aboard)
            x = wide(labels[x, NEXT])


@compiled
def _first_trip(net: I32, no: I64, p: int, i: int, since: int, ready: int) -> int:
    """The first trip from number `since` on that can be boarded; their number if there is none."""
    size = wide(net[no[1] + p])
    column = no[7] + net[no[4] + p] + i * size
    low, high = since, size
    while low < high:
        middle = (low + high) >> 1
        if net[column + middle] < ready:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _next_sale(net: I32, no: I64, at: int) -> int:
    """The first moment from `at` on at which short hops are sold, INF if there is none."""
    for w in range(no[25], no[26], 2):
        if at < net[w + 1]:
            return max(at, wide(net[w]))
    return INF


@compiled
def _board(  # noqa: C901, PLR0912 - one branch a ticket
    net: I32,
    no: I64,
    labels: I32,
    front: I32,
    aboard: I32,
    rest: I32,
    state: I64,
    p: int,
    i: int,
    s: int,
    x: int,
    n: int,
) -> int:
    """Board with label x at position i, on every ticket that may be worth it; those aboard."""
    size = wide(net[no[1] + p])
    column = no[7] + net[no[4] + p] + i * size
    t = _first_trip(net, no, p, i, wide(0), wide(labels[x, TIME]))
    if t == size or net[column + t] > state[LATEST]:
        return n
    cents, expiry = wide(net[no[15] + p]), wide(labels[x, EXPIRY])
    total, closed, area = wide(labels[x, TOTAL]), wide(labels[x, CLOSED]), wide(labels[x, AREA])
    gap_at, n_sets = no[24], state[N_SETS]
    steps = wide(labels[x, STEPS])
    mg = wide(net[no[16] + p] * net[no[17] + net[no[2] + p] + i])
    call, n_calls = net[no[2] + p] + i, no[6] - no[5]
    departs = wide(net[column + t])
    if cents >= 0:
        if is_lost(front, rest, state, call, n_calls, departs, total + cents, steps):
            return n
        return step_in(
            aboard, net, gap_at, state, n, t, i, mg, steps, total + cents, closed + cents, area,
            expiry, wide(INF), wide(FLAT), x,
        )  # fmt: skip
    here = wide(net[no[21] + s])
    if area >= 0 and departs <= expiry:
        area = wide(net[no[23] + area * n_sets + here])
        fare = closed + net[no[22] + area]
        if not is_lost(front, rest, state, call, n_calls, departs, fare, steps):
            n = step_in(
                aboard, net, gap_at, state, n, t, i, mg, steps, total, closed, area,
                expiry, wide(INF), wide(HELD), x,
            )  # fmt: skip
    fare = total + net[no[22] + here]
    if not is_lost(front, rest, state, call, n_calls, departs, fare, steps):
        late = t
        while late < size and net[column + late] <= state[LATEST]:
            expiry = min(net[column + late] + state[TRANSFER_S], state[LATEST])
            n = step_in(
                aboard, net, gap_at, state, n, late, i, mg, steps, total, total, here,
                expiry, wide(INF), wide(SINGLE), x,
            )  # fmt: skip
            if (
                state[EXACT] == 0
                or expiry >= state[LATEST]
                or beaten(
                    front,
                    state,
                    expiry + 1,
                    state[ROUND] + 1,
                    total + state[LEAST_SINGLE],
                    steps + least_steps(rest, state, wide(labels[x, BAG])),
                )
            ):
                break
            late += 1
    if state[SHORT_STOPS] > 0:
        if state[MIRRORED] == 0:
            sale = _next_sale(net, no, wide(net[column + t]))
            while t < size and net[column + t] < sale:
                t = _first_trip(net, no, p, i, t, sale)
                if t < size:
                    sale = _next_sale(net, no, wide(net[column + t]))
        short = total + state[SHORT_CENTS]
        departs = wide(net[column + t]) if t < size else INF
        if not is_lost(front, rest, state, call, n_calls, departs, short, steps):
            n = step_in(
                aboard, net, gap_at, state, n, t, i, mg, steps, short, short, wide(-1), wide(0),
                i + state[SHORT_STOPS], wide(SHORT), x,
            )  # fmt: skip
    return n


@compiled
def _alight(
    net: I32,
    no: I64,
    labels: I32,
    front: I32,
    aboard: I32,
    heads: I32,
    rest: I32,
    egress: I32,
    state: I64,
    p: int,
    i: int,
    s: int,
    y: int,
) -> None:
    """Let row y of those aboard get off at position i, which is stop s."""
    length, t, limit = wide(net[no[0] + p]), wide(aboard[y, TRIP]), aboard[y, LIMIT]
    cell = no[6] + net[no[4] + p] + t * length + i
    at = wide(net[cell])
    if at > state[LATEST] or i > limit:
        return
    ticket = aboard[y, TICKET]
    if ticket == SHORT and state[MIRRORED] != 0:
        size = net[no[1] + p]
        while at <= state[LATEST] and _next_sale(net, no, -at) != -at:
            t += 1
            cell += length
            at = wide(net[cell]) if t < size else INF
        if at > state[LATEST]:
            return
    total, closed, area = aboard[y, A_TOTAL], aboard[y, A_CLOSED], aboard[y, A_AREA]
    expiry = aboard[y, A_EXPIRY]
    if ticket in (HELD, SINGLE):
        if at > expiry and ticket == HELD:
            return
        area = net[no[23] + area * state[N_SETS] + net[no[21] + s]]
        price = net[no[22] + area]
        if price >= NEVER:
            return
        total = closed + price
        if at > expiry:
            closed, area = total, -1
    new = state[N_LABELS]
    labels[new, TIME] = at
    labels[new, TOTAL] = total
    mg = net[no[16] + p] * net[no[17] + net[no[2] + p] + i] - aboard[y, A_MG]
    labels[new, STEPS] = aboard[y, A_STEPS] + steps_of(wide(mg))
    labels[new, CLOSED] = closed
    labels[new, AREA] = area
    labels[new, EXPIRY] = expiry
    labels[new, PARENT] = aboard[y, A_PARENT]
    labels[new, HOW] = BY_RIDE
    labels[new, WHAT] = net[no[3] + p] + t
    labels[new, BOARD] = aboard[y, A_BOARD]
    labels[new, ALIGHT] = i
    labels[new, NODE] = s
    labels[new, LEGS] = state[ROUND]
    labels[new, BAG] = s
    labels[new, DEAD] = 0
    settle(labels, heads, net[no[24] : no[25]], front, rest, egress, state)
