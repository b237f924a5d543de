"""Rounds of the four-criteria search by bus and ferry: scan patterns, a bag of tickets aboard.

Whoever boards takes the first trip (a later one changes nothing but the hour), except where a
later departure buys something: the short-hop ticket of a window that opens later, or in an EXACT
search a single ticket that holds longer.
"""

from __future__ import annotations

from typing import Any

from gtfs.front_aboard import (
    A_AREA,
    A_BOARD,
    A_CLOSED,
    A_EXPIRY,
    A_MG,
    A_PARENT,
    A_RENTED,
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
from gtfs.front_goal import beaten, part_of
from gtfs.front_labels import (
    ALIGHT,
    AREA,
    BAG,
    BOARD,
    BY_RIDE,
    CLOSED,
    DEAD,
    EXPIRY,
    HOW,
    LEGS,
    NODE,
    PARENT,
    RENTED,
    STEPS,
    TIME,
    TOTAL,
    WHAT,
    is_hopeless,
    is_label_hopeless,
    is_measured,
    least_steps,
    may_arrive,
    settle,
)
from gtfs.front_layout import (
    ABOARD,
    ABOARD_ROW,
    ALONE,
    AREA_BOTH,
    AREA_CENTS,
    AREA_OF,
    ARRIVALS,
    CENTS,
    DEPARTURES,
    EGRESS,
    EVENT0,
    EXACT,
    FIRST,
    HEADS,
    IS_FULL,
    LABEL_ROW,
    LABELS,
    LATEST,
    LEAST_SINGLE,
    LINKS,
    MAX_LEGS,
    METRES,
    MG_PER_M,
    MIRRORED,
    MOST_CENTS,
    N_LABELS,
    N_SETS,
    N_STOPS,
    NOW,
    POSITIONS,
    QUEUE,
    RENTING,
    RENTING_LEGS,
    ROUND,
    SECONDS,
    SERVING0,
    SERVING_PATTERN,
    SERVING_POSITION,
    SHORT_CENTS,
    SHORT_STOPS,
    STOP0,
    STOPS,
    TRANSFER_S,
    TRIP0,
    TRIPS,
    USEFUL,
    WINDOWS,
)
from gtfs.front_memory import (
    INF,
    ints,
    longs,
    seconds_of,
    size_of,
    steps_of,
    wide,
)
from gtfs.kernel_cache import compiled, inlined


@compiled
def ride(state: Any, since: int, until: int) -> None:
    """Ride on from the labels [since, until) that are ready to board."""
    first, queue = ints(state, FIRST), ints(state, QUEUE)
    n_queue = _collect(state, since, until)
    if state[ROUND] == 1 or state[ROUND] == state[MAX_LEGS]:
        _write_useful(state)
    for y in range(n_queue):
        p = wide(queue[y])
        start = wide(first[p])
        first[p] = INF
        _scan(state, p, start)


@compiled
def _write_useful(state: Any) -> None:
    """Of each stop the last moment at which it helps to get off there."""
    useful, now, egress = ints(state, USEFUL), longs(state, NOW), ints(state, EGRESS)
    goes_on = state[ROUND] < state[MAX_LEGS]
    for s in range(state[N_STOPS]):
        least, bound = wide(egress[s]), wide(now[s])
        if goes_on:
            soonest = min(seconds_of(bound, wide(ALONE)), seconds_of(bound, wide(RENTING)))
            least = min(least, soonest)
        useful[s] = state[LATEST] - least


@compiled
def _collect(state: Any, since: int, until: int) -> int:
    """Queue the patterns to scan, each from its first position with a label worth riding on."""
    labels, first, queue = ints(state, LABELS), ints(state, FIRST), ints(state, QUEUE)
    serving0, serving_pattern = ints(state, SERVING0), ints(state, SERVING_PATTERN)
    serving_position = ints(state, SERVING_POSITION)
    n_stops = state[N_STOPS]
    n = 0
    for x in range(since, until):
        bag = labels[LABEL_ROW * x + BAG]
        if labels[LABEL_ROW * x + DEAD] != 0 or bag < n_stops or bag >= 2 * n_stops:
            continue
        if is_label_hopeless(state, labels, x):
            labels[LABEL_ROW * x + DEAD] = 1
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
def _scan(state: Any, p: int, start: int) -> None:
    """Go along a pattern from position `start`: alight everywhere, board where labels wait."""
    labels, links, heads = ints(state, LABELS), longs(state, LINKS), ints(state, HEADS)
    stop0, stops, arrivals = ints(state, STOP0), ints(state, STOPS), ints(state, ARRIVALS)
    useful = ints(state, USEFUL)
    aboard = ints(state, ABOARD)
    length, first = wide(ints(state, POSITIONS)[p]), wide(stop0[p])
    cells = wide(ints(state, EVENT0)[p])
    last_round, n_stops = state[ROUND] - 1, state[N_STOPS]
    departures, size = ints(state, DEPARTURES), wide(ints(state, TRIPS)[p])
    n_aboard = wide(0)
    column = cells + start * size
    trip = _first_trip(departures, column, wide(0), size, state[SECONDS])
    for i in range(start, length):
        s = wide(stops[first + i])
        for y in range(n_aboard):
            at = arrivals[cells + aboard[ABOARD_ROW * y + TRIP] * length + i]
            if at <= useful[s] and i <= aboard[ABOARD_ROW * y + LIMIT]:
                _alight(state, p, i, s, y, wide(at))
        if i + 1 == length or state[IS_FULL] != 0:
            break
        column = cells + i * size
        while trip > 0 and departures[column + trip - 1] >= state[SECONDS]:
            trip -= 1
        x = wide(heads[n_stops + s])
        while x >= 0:
            if labels[LABEL_ROW * x + LEGS] == last_round and labels[LABEL_ROW * x + DEAD] == 0:
                n_aboard = _board(state, p, i, s, x, n_aboard, trip)
            x = links[2 * x + 1]


@inlined
def _first_trip(departures: Any, column: int, since: int, size: int, ready: int) -> int:
    """The first trip from number `since` on that can be boarded; their number if there is none."""
    low, high = since, size
    while low < high:
        middle = (low + high) >> 1
        if departures[column + middle] < ready:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _next_sale(state: Any, at: int) -> int:
    """The first moment from `at` on at which short hops are sold, INF if there is none."""
    windows = ints(state, WINDOWS)
    for w in range(0, size_of(state, WINDOWS), 2):
        if at < windows[w + 1]:
            return max(at, wide(windows[w]))
    return wide(INF)


@compiled
def _board(  # noqa: C901, PLR0912 - one branch a ticket
    state: Any, p: int, i: int, s: int, x: int, n: int, t: int
) -> int:
    """Board with label x at position i, on every ticket that may be worth it; those aboard.

    Trips before trip t have left before anyone set out.
    """
    labels, departures = ints(state, LABELS), ints(state, DEPARTURES)
    size, call = wide(ints(state, TRIPS)[p]), ints(state, STOP0)[p] + i
    column = wide(ints(state, EVENT0)[p]) + i * size
    ready = wide(labels[LABEL_ROW * x + TIME])
    while t < size and departures[column + t] < ready:
        t += 1
    if t == size or departures[column + t] > state[LATEST]:
        return n
    area_cents, area_both = ints(state, AREA_CENTS), ints(state, AREA_BOTH)
    cents, expiry = wide(ints(state, CENTS)[p]), wide(labels[LABEL_ROW * x + EXPIRY])
    total, closed, area = (
        wide(labels[LABEL_ROW * x + TOTAL]),
        wide(labels[LABEL_ROW * x + CLOSED]),
        wide(labels[LABEL_ROW * x + AREA]),
    )
    n_sets = state[N_SETS]
    steps, rented = wide(labels[LABEL_ROW * x + STEPS]), wide(labels[LABEL_ROW * x + RENTED])
    mg = wide(ints(state, MG_PER_M)[p]) * ints(state, METRES)[call]
    departs, legs = wide(departures[column + t]), wide(labels[LABEL_ROW * x + LEGS])
    if cents >= 0:
        if cents > MOST_CENTS or is_lost(state, call, departs, legs, total + cents, steps, rented):
            return n
        return step_in(
            state, n, t, i, mg, steps, rented, total + cents, closed + cents, area,
            expiry, wide(INF), wide(FLAT), x,
        )  # fmt: skip
    here = wide(ints(state, AREA_OF)[s])
    if area >= 0 and departs <= expiry:
        area = wide(area_both[area * n_sets + here])
        fare = min(closed + area_cents[area], wide(MOST_CENTS))
        if not is_lost(state, call, departs, legs, fare, steps, rented):
            n = step_in(
                state, n, t, i, mg, steps, rented, total, closed, area,
                expiry, wide(INF), wide(HELD), x,
            )  # fmt: skip
    fare = min(total + area_cents[here], wide(MOST_CENTS))
    if not is_lost(state, call, departs, legs, fare, steps, rented):
        late = t
        while late < size and departures[column + late] <= state[LATEST]:
            expiry = min(departures[column + late] + state[TRANSFER_S], state[LATEST])
            n = step_in(
                state, n, late, i, mg, steps, rented, total, total, here,
                expiry, wide(INF), wide(SINGLE), x,
            )  # fmt: skip
            if (
                state[EXACT] == 0
                or expiry >= state[LATEST]
                or beaten(
                    state,
                    expiry + 1,
                    legs + 2,
                    total + min(state[LEAST_SINGLE], wide(MOST_CENTS)),
                    steps + least_steps(state, wide(labels[LABEL_ROW * x + BAG])),
                )
            ):
                break
            late += 1
    if state[SHORT_STOPS] > 0:
        if state[MIRRORED] == 0:
            sale = _next_sale(state, departs)
            while t < size and departures[column + t] < sale:
                t = _first_trip(departures, column, t, size, sale)
                if t < size:
                    sale = _next_sale(state, wide(departures[column + t]))
        short = total + state[SHORT_CENTS]
        departs = wide(departures[column + t]) if t < size else wide(INF)
        if (
            departs <= state[LATEST]
            and short <= MOST_CENTS
            and not is_lost(state, call, departs, legs, short, steps, rented)
        ):
            n = step_in(
                state, n, t, i, mg, steps, rented, short, short, wide(-1), wide(0),
                i + state[SHORT_STOPS], wide(SHORT), x,
            )  # fmt: skip
    return n


@compiled
def _alight(state: Any, p: int, i: int, s: int, y: int, at: int) -> None:
    """Let row y of those aboard get off at position i, which is stop s, at a time."""
    labels, aboard = ints(state, LABELS), ints(state, ABOARD)
    t, ticket = wide(aboard[ABOARD_ROW * y + TRIP]), aboard[ABOARD_ROW * y + TICKET]
    if ticket == SHORT and state[MIRRORED] != 0:
        arrivals = ints(state, ARRIVALS)
        length, size = wide(ints(state, POSITIONS)[p]), ints(state, TRIPS)[p]
        cell = ints(state, EVENT0)[p] + t * length + i
        while at <= state[LATEST] and _next_sale(state, -at) != -at:
            t += 1
            cell += length
            at = wide(arrivals[cell]) if t < size else wide(INF)
        if at > state[LATEST]:
            return
    total, closed, area = (
        wide(aboard[ABOARD_ROW * y + A_TOTAL]),
        wide(aboard[ABOARD_ROW * y + A_CLOSED]),
        wide(aboard[ABOARD_ROW * y + A_AREA]),
    )
    expiry = wide(aboard[ABOARD_ROW * y + A_EXPIRY])
    if ticket == HELD or ticket == SINGLE:  # noqa: PLR1714, SIM109 - for numba
        if at > expiry and ticket == HELD:
            return
        area = wide(ints(state, AREA_BOTH)[area * state[N_SETS] + ints(state, AREA_OF)[s]])
        total = closed + ints(state, AREA_CENTS)[area]
        if at > expiry:
            closed, area = total, wide(-1)
    mg = wide(ints(state, MG_PER_M)[p]) * ints(state, METRES)[ints(state, STOP0)[p] + i]
    steps = aboard[ABOARD_ROW * y + A_STEPS] + steps_of(mg - aboard[ABOARD_ROW * y + A_MG])
    if not is_measured(total, steps):
        return
    part, rented = part_of(state[ROUND], total, steps), wide(aboard[ABOARD_ROW * y + A_RENTED])
    most = state[MAX_LEGS] if rented == 0 else state[RENTING_LEGS]
    goes_on = state[ROUND] < most and not is_hopeless(
        state, s, at, state[ROUND], total, steps, area, rented
    )
    if not goes_on and not may_arrive(state, s, at, state[ROUND], total, steps):
        return
    new = state[N_LABELS]
    labels[LABEL_ROW * new + TIME] = at
    labels[LABEL_ROW * new + TOTAL] = total
    labels[LABEL_ROW * new + STEPS] = steps
    labels[LABEL_ROW * new + CLOSED] = closed
    labels[LABEL_ROW * new + AREA] = area
    labels[LABEL_ROW * new + EXPIRY] = expiry
    labels[LABEL_ROW * new + PARENT] = aboard[ABOARD_ROW * y + A_PARENT]
    labels[LABEL_ROW * new + HOW] = BY_RIDE
    labels[LABEL_ROW * new + WHAT] = ints(state, TRIP0)[p] + t
    labels[LABEL_ROW * new + BOARD] = aboard[ABOARD_ROW * y + A_BOARD]
    labels[LABEL_ROW * new + ALIGHT] = i
    labels[LABEL_ROW * new + NODE] = s
    labels[LABEL_ROW * new + LEGS] = state[ROUND]
    labels[LABEL_ROW * new + BAG] = s
    labels[LABEL_ROW * new + RENTED] = rented
    labels[LABEL_ROW * new + DEAD] = 0
    settle(state, part, goes_on)
