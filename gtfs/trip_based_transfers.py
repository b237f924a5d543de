"""Which changes between two trips are worth taking (Witt 2015, "Trip-Based … Routing").

From every call where one may alight, each pattern near by is boarded on its earliest trip that is
caught. A change is kept only if it brings somebody somewhere earlier than staying seated or than
another kept change of the same trip does. "Somewhere" is exact for the two kinds of search:

- Without footpaths at the ends only a ride reaches a door, so a change is worth it if some stop is
  *reached by a ride* earlier.
- With them a stop may also be reached on foot, and be boarded at from a moment on; a change that
  improves neither of these anywhere is worth nothing, because change times and footpaths need not
  be closed and are compared where they end. This keeps fewer.

A change that leads straight back to the call before is listed apart, as a *return*: whoever boarded
further back changes one call earlier, so it serves only who boarded at that very call; and as she
could have boarded the other trip there at once, it serves only to be there by a ride, from where
one may walk on. With footpaths at the ends that are closed, even that is worth nothing.

Found by lane: the trip caught at a place only gets later from one trip to the next, so each
neighbouring place keeps a finger on its trip (cf. Lehoux and Loiodice 2020); and a change to a trip
that was already met at that place or further back is skipped without a look at where it leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled
from gtfs.trip_based_bounds import find_landmarks
from gtfs.trip_based_kept import Kept

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]

INF = 1 << 30
_MARKED_S, _MARKED = 4 * 3600, 16
_INFO = 4  # per trip: its first arrival, up to where it marks, its pattern, nothing


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """`change[calls[2 * e] : calls[2 * e + 2]]` are the changes from arrival cell e.

    Beside it stands its arrival, `calls[2 * e + 1]`, as both are looked up together.
    Each is trip << shift | position, so that no network overflows silently.
    """

    calls: I32
    change: U32
    return0: I32
    """Empty if no return is ever worth it."""
    returns: U32
    shift: int
    unreached: U16
    """For each trip its last position: what a search marks trips by before it reaches them."""
    trip_info: I32
    landmarks: I32
    """See `trip_based_bounds`."""


_NOTHING = Transfers(
    np.zeros(0, np.int32), np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros(0, np.uint32),
    1, np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.int32),
)  # fmt: skip


def find_transfers(
    data: I32,
    offsets: I64,
    walk_at_ends: bool,  # noqa: FBT001
    planned: tuple[Transfers, Kept] | None = None,
) -> Transfers:
    """Find them for the arrays of a `network.DayNetwork`.

    Of `planned` those of the planned network are taken over that are the same.

    Raises:
        ValueError: a trip number and a position do not fit into 32 bits, or there are 2^31 changes.
    """
    positions = data[offsets[0] : offsets[1]]
    pattern_of = data[offsets[18] : offsets[19]]
    longest = int(positions.max(initial=1))
    shift = max(1, (longest - 1).bit_length())
    if longest > 1 << 16 or len(pattern_of) >= 1 << (32 - shift):
        raise ValueError(f"{len(pattern_of)} trips of up to {longest} calls are too many")
    with_returns = not (walk_at_ends and _is_closed(data, offsets))
    like, kept = planned or (_NOTHING, Kept(np.full(len(pattern_of), -1, np.int32), _NOTHING.calls))
    change0, change, return0, returns = _find(
        data, offsets, shift, walk_at_ends, with_returns, kept.before, kept.after,
        like.calls, like.change, like.return0, like.returns, like.shift,
    )  # fmt: skip
    info = np.zeros((len(pattern_of), _INFO), np.int32)
    info[:, 0] = data[offsets[22] : offsets[23]]
    info[:, 1] = _marked_until(data, offsets)
    info[:, 2] = pattern_of
    unreached = (positions[pattern_of] - 1).astype(np.uint16)
    arrivals = data[offsets[6] : offsets[7]]
    calls = np.stack([change0, np.append(arrivals, np.int32(INF))], axis=1)
    return Transfers(
        calls.ravel(),
        change,
        return0,
        returns,
        shift,
        unreached,
        info.ravel(),
        find_landmarks(data, offsets),
    )


def _marked_until(data: I32, offsets: I64) -> Any:
    """Up to which trip of its lane each one that is reached marks those after it.

    All of them would be right too. A search seldom comes to one much later; then it looks at what
    is no better, but need not mark the whole day after each trip.
    """
    positions, pattern_of = data[offsets[0] : offsets[1]], data[offsets[18] : offsets[19]]
    arrivals, event_of = data[offsets[6] : offsets[7]], data[offsets[22] : offsets[23]]
    ends = arrivals[event_of + positions[pattern_of] - 1] + (pattern_of.astype(np.int64) << 32)
    far: NDArray[Any] = np.searchsorted(ends, ends + _MARKED_S, side="right")
    lane_end = data[offsets[3] : offsets[4]][pattern_of + 1]
    return np.minimum(lane_end, np.maximum(far, np.arange(len(ends)) + _MARKED))


@compiled
def _is_closed(net: I32, no: I64) -> bool:
    """Whether two footpaths one after the other are never better than one, or than changing."""
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    change_s = net[no[17] : no[18]]
    direct = np.full(len(walk0) - 1, INF, np.int32)
    for a in range(len(walk0) - 1):
        direct[a] = change_s[a]
        for x in range(walk0[a], walk0[a + 1]):
            direct[walk_to[x]] = walk_s[x]
        for x in range(walk0[a], walk0[a + 1]):
            b = walk_to[x]
            for y in range(walk0[b], walk0[b + 1]):
                if direct[walk_to[y]] > walk_s[x] + walk_s[y]:
                    return False
        direct[a] = INF
        for x in range(walk0[a], walk0[a + 1]):
            direct[walk_to[x]] = INF
    return True


@compiled
def _find(
    net: I32,
    no: I64,
    shift: int,
    walk_at_ends: bool,  # noqa: FBT001 - kernels are called by position
    with_returns: bool,  # noqa: FBT001
    before: I32, after: I32,
    old_calls: I32, old_change: U32, old_return0: I32, old_returns: U32, old_shift: int,
) -> tuple[I32, U32, I32, U32]:  # fmt: skip
    """The changes of all trips; of `Kept` those that the old ones lead to."""
    positions, trips = net[no[0] : no[1]], net[no[1] : no[2]]
    event0, arrivals = net[no[4] : no[5]], net[no[6] : no[7]]
    n_stops, n_patterns = no[18] - no[17], no[1] - no[0]
    change0 = np.zeros(len(arrivals) + 1, np.int32)
    return0 = np.zeros(len(arrivals) + 1 if with_returns else 0, np.int32)
    found, n_found = np.empty(1 << 16, np.uint32), 0
    returns, n_returns = np.empty(1 << 12, np.uint32), 0
    labels = np.full((3, n_stops), np.iinfo(np.int64).max, np.int64)
    met = np.full(3 * n_patterns, -1, np.int32)  # by whom, trip, position
    trip0 = net[no[3] : no[4]]
    longest = positions.max() if n_patterns else 0
    kept, kept_end = np.empty(1 << 10, np.uint32), np.zeros(longest + 1, np.int64)
    back, back_end = np.empty(1 << 10, np.uint32), np.zeros(longest + 1, np.int64)
    for p in range(n_patterns):
        length = positions[p]
        near0, near = _neighbours(net, no, p)
        if near0[-1] > len(kept):
            kept, back = np.empty(near0[-1], np.uint32), np.empty(near0[-1], np.uint32)
        for t in range(trips[p]):
            row, old_row = event0[p] + t * length, before[trip0[p] + t]
            if old_row >= 0:
                more = old_calls[2 * (old_row + length)] - old_calls[2 * old_row]
                found = _with_room(found, n_found, more)
                n_found = _copy(
                    found, n_found, change0, row, old_change, old_calls, 2, old_row, length, after,
                    old_shift, shift,
                )  # fmt: skip
                if with_returns:
                    more = old_return0[old_row + length] - old_return0[old_row]
                    returns = _with_room(returns, n_returns, more)
                    n_returns = _copy(
                        returns, n_returns, return0, row, old_returns, old_return0, 1, old_row,
                        length, after, old_shift, shift,
                    )  # fmt: skip
                continue
            _changes(
                net, no, labels, met, near, near0, p, t, kept, kept_end, back, back_end, shift,
                walk_at_ends,
            )  # fmt: skip
            if max(n_found + kept_end[1], n_returns + back_end[1]) >= 1 << 31:
                raise ValueError("more changes between trips than a 32-bit index counts")
            found = _with_room(found, n_found, kept_end[1])
            n_found = _write(found, n_found, change0, row, kept, kept_end, length)
            if with_returns:
                returns = _with_room(returns, n_returns, back_end[1])
                n_returns = _write(returns, n_returns, return0, row, back, back_end, length)
    change0[-1] = n_found
    if with_returns:
        return0[-1] = n_returns
    return change0, found[:n_found].copy(), return0, returns[:n_returns].copy()


@compiled
def _with_room(old: U32, used: int, more: int) -> U32:
    if used + more <= len(old):
        return old
    new = np.empty(2 * (used + more), np.uint32)
    new[:used] = old[:used]
    return new


@compiled
def _write(to: U32, used: int, first: I32, row: int, source: U32, end: I64, length: int) -> int:
    """Write what was found for a trip, from its last call to its first, in travel order."""
    first[row] = used
    for i in range(1, length):
        first[row + i] = used
        for x in range(end[i + 1], end[i]):
            to[used] = source[x]
            used += 1
    return used


@compiled
def _copy(
    to: U32, used: int, first: I32, row: int, source: U32, begins: I32, step: int, old_row: int,
    length: int, after: I32, old_shift: int, shift: int,
) -> int:  # fmt: skip
    """Write what was found for the trip in another network, as this one numbers what it leads to.

    `begins[step * cell]` is where that of a cell begins.
    """
    old_first = begins[step * old_row]
    for i in range(length):
        first[row + i] = used + begins[step * (old_row + i)] - old_first
    mask = (1 << old_shift) - 1
    for x in range(old_first, begins[step * (old_row + length)]):
        to[used] = (after[source[x] >> old_shift] << shift) | (source[x] & mask)
        used += 1
    return used


@compiled
def _neighbours(net: I32, no: I64, p: int) -> tuple[I64, I32]:
    """Where one can board after alighting at each position: rows of 5, and where each begins.

    Pattern, position, seconds to get there, the trip caught last time, whether it leads back to
    the stop before.
    """
    positions, stop0, stops = net[no[0] : no[1]], net[no[2] : no[3]], net[no[5] : no[6]]
    serving0, serving_pattern = net[no[8] : no[9]], net[no[9] : no[10]]
    serving_position, change_s = net[no[10] : no[11]], net[no[17] : no[18]]
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    near0 = np.zeros(positions[p] + 1, np.int64)
    for i in range(1, positions[p]):
        s = stops[stop0[p] + i]
        near0[i + 1] = near0[i] + serving0[s + 1] - serving0[s]
        for x in range(walk0[s], walk0[s + 1]):
            near0[i + 1] += serving0[walk_to[x] + 1] - serving0[walk_to[x]]
    near = np.empty(5 * near0[-1], np.int32)
    o = 0
    for i in range(1, positions[p]):
        s = stops[stop0[p] + i]
        for x in range(walk0[s] - 1, walk0[s + 1]):
            here, seconds = s, change_s[s]
            if x >= walk0[s]:
                here, seconds = walk_to[x], walk_s[x]
            for y in range(serving0[here], serving0[here + 1]):
                q, j = serving_pattern[y], serving_position[y]
                near[o], near[o + 1], near[o + 2], near[o + 3] = q, j, seconds, -1
                near[o + 4] = stops[stop0[q] + j + 1] == stops[stop0[p] + i - 1]
                o += 5
    return near0, near


@compiled
def _changes(  # noqa: C901, PLR0912, PLR0915 - the innermost loop; calls would cost what they hide
    net: I32, no: I64, labels: I64, met: I32, near: I32, near0: I64, p: int, t: int,
    kept: U32, kept_end: I64, back: U32, back_end: I64, shift: int,
    walk_at_ends: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Find the changes of a trip that are worth it, and its returns, from its last call on.

    Those of call i are at [`kept_end[i + 1]`, `kept_end[i]`) of `kept`.

    Labels are the first moment at each stop: reached by a ride, reached at all, and free to board.
    What is added to them makes those of each trip less than those of all trips before it.
    """
    positions, trips = net[no[0] : no[1]], net[no[1] : no[2]]
    stop0, trip0, event0 = net[no[2] : no[3]], net[no[3] : no[4]], net[no[4] : no[5]]
    stops, change_s = net[no[5] : no[6]].view(np.uint32), net[no[17] : no[18]]
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    arrivals, departures = net[no[6] : no[7]], net[no[7] : no[8]]
    by_ride, at_all, boards = labels[0], labels[1], labels[2]
    length, stamp = positions[p], trip0[p] + t
    row, now = event0[p] + t * length, np.int64(no[19] - no[18] - stamp) << 32
    n_kept = n_back = 0
    kept_end[length] = back_end[length] = 0
    for i in range(length - 1, 0, -1):
        kept_end[i], back_end[i] = n_kept, n_back
        at, here = arrivals[row + i], stops[stop0[p] + i]
        if at == INF:
            continue
        by_ride[here] = min(by_ride[here], now + at)
        if walk_at_ends:
            at_all[here] = min(at_all[here], now + at)
            boards[here] = min(boards[here], now + at + change_s[here])
            for x in range(walk0[here], walk0[here + 1]):
                there, reach = walk_to[x], now + at + walk_s[x]
                at_all[there], boards[there] = min(at_all[there], reach), min(boards[there], reach)
        previous = stops[stop0[p] + i - 1]
        before, best_back = arrivals[row + i - 1] + change_s[previous], by_ride[previous]
        for c in range(5 * near0[i], 5 * near0[i + 1], 5):
            q, j = near[c], near[c + 1]
            size = trips[q]
            column = event0[q] + j * size
            u, ready = near[c + 3], at + near[c + 2]
            if u < 0:
                u = _first_from(departures, column, size, ready)
            elif u < size:
                u += departures[np.uint64(column + u)] < ready  # one later, mostly: without a jump
            while u < size and departures[np.uint64(column + u)] < ready:
                u += 1
            near[c + 3] = u
            if u == size or (q == p and u >= t and j >= i):
                continue
            same = met[3 * q] == stamp
            if same & (u >= met[3 * q + 1]) & (j >= met[3 * q + 2]):
                continue
            cell = event0[q] + u * positions[q]
            if near[c + 4] and before <= departures[column + size + u]:
                reach = arrivals[cell + j + 1]
                if reach < INF and now + reach < best_back:
                    best_back = now + reach
                    back[n_back] = ((trip0[q] + u) << shift) | j
                    n_back += 1
                continue
            last = met[3 * q + 2] + 1 if same and u == met[3 * q + 1] else positions[q]
            if not same or u <= met[3 * q + 1]:
                met[3 * q], met[3 * q + 1], met[3 * q + 2] = stamp, u, j
            worth, to_stop = False, stop0[q]
            for k in range(j + 1, last):
                reach, stop = arrivals[np.uint64(cell + k)], stops[np.uint64(to_stop + k)]
                is_earlier = (now + reach < by_ride[stop]) & (reach < INF)
                by_ride[stop] = now + reach if is_earlier else by_ride[stop]
                if not walk_at_ends:
                    worth |= is_earlier
                    continue
                if not is_earlier:
                    continue
                ready = reach + change_s[stop]
                worth |= (now + reach < at_all[stop]) | (now + ready < boards[stop])
                at_all[stop] = min(at_all[stop], now + reach)
                boards[stop] = min(boards[stop], now + ready)
                for x in range(walk0[stop], walk0[stop + 1]):
                    there, ready = walk_to[x], reach + walk_s[x]
                    if now + ready < boards[there]:  # who may board there is there
                        boards[there] = now + ready
                        at_all[there] = min(at_all[there], now + ready)
                        worth = True
            if worth:
                kept[n_kept] = ((trip0[q] + u) << shift) | j
                n_kept += 1
        kept_end[i], back_end[i] = n_kept, n_back


@compiled
def _first_from(departures: I32, column: int, size: int, ready: int) -> int:
    """The first trip of a column that leaves at `ready` or later; `size` if none does."""
    low, high = 0, size
    while low < high:
        middle = (low + high) >> 1
        if departures[column + middle] < ready:
            low = middle + 1
        else:
            high = middle
    return low
