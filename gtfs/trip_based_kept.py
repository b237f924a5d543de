"""Which trips of a day's network have the same changes as in the planned one.

Who alights after the last moment at which two networks differ finds the same trips ahead in both,
so what is worth changing to is the same. That holds wherever the lanes are the same from then on,
which is looked at number by number; where they are not, nothing is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

INF = 1 << 30
_DAYS = 32
"""More than a network holds, those before its own included."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Trips of two networks that have each other's changes; -1 is none."""

    before: I32
    """Of each trip whose changes are kept: its first arrival in the planned network."""
    after: I32
    """Of each trip of the planned network that such changes may lead to: its number now."""


def nothing_kept(network: tuple[I32, I64], planned: tuple[I32, I64]) -> Kept:
    """All changes of a network are to be found."""
    return Kept(*(np.full(_n_trips(of), -1, np.int32) for of in (network, planned)))


def find_kept(now: tuple[I32, I64], planned: tuple[I32, I64], n_planned: int) -> Kept:
    """Compare the arrays of two networks of the same day and view.

    `n_planned` is the number of trips of the planned timetable, which the other has grown from:
    below it the same number is the same trip in both.
    """
    if not _same_ways(now, planned):
        return nothing_kept(now, planned)
    keys, old_keys = _keys(now, n_planned), _keys(planned, n_planned)
    is_new = (keys < 0) | ~np.isin(keys, old_keys)
    is_gone = (old_keys < 0) | ~np.isin(old_keys, keys)
    return Kept(*_match(*now, *planned, is_new, is_gone))


def _n_trips(network: tuple[I32, I64]) -> int:
    _, offsets = network
    return int(offsets[19] - offsets[18])


def _same_ways(now: tuple[I32, I64], planned: tuple[I32, I64]) -> bool:
    """Whether changing takes as long in both, everywhere."""
    (data, offsets), (old, old_offsets) = now, planned
    here, there = (slice(o[11], o[18]) for o in (offsets, old_offsets))
    return np.array_equal(np.diff(offsets[11:19]), np.diff(old_offsets[11:19])) and np.array_equal(
        data[here], old[there]
    )


def _keys(network: tuple[I32, I64], n_planned: int) -> I64:
    """A number of each planned run; -1 of each other one, and of what several are laid into."""
    data, offsets = network
    trip = data[offsets[23] : offsets[24]].astype(np.int64)
    day = data[offsets[24] : offsets[25]]
    return np.where(trip < n_planned, trip * _DAYS + day + _DAYS // 2, -1)


@compiled
def _match(  # noqa: C901 - one pass over the lanes
    net: I32, no: I64, old: I32, old_no: I64, is_new: Bool, is_gone: Bool
) -> tuple[I32, I32]:
    """`Kept`: lane by lane the trips that are under way after all that is new or gone."""
    latest, old_latest = _latest(net, no), _latest(old, old_no)
    until = -INF
    for t in range(len(latest)):
        until = max(until, latest[t]) if is_new[t] else until
    for t in range(len(old_latest)):
        until = max(until, old_latest[t]) if is_gone[t] else until
    before = np.full(len(latest), -1, np.int32)
    after = np.full(len(old_latest), -1, np.int32)
    old_p = 0
    for p in range(no[1] - no[0]):
        first = _first_after(net, no, p, latest, until)
        if first == net[no[3] + p + 1]:
            continue
        old_first, n_old = 0, old_no[1] - old_no[0]
        while old_p < n_old:
            old_first = _first_after(old, old_no, old_p, old_latest, until)
            if old_first < old[old_no[3] + old_p + 1]:
                break
            old_p += 1
        if old_p == n_old or not _same_lane(net, no, p, first, old, old_no, old_p, old_first):
            before[:] = -1
            return before, after
        for t in range(first, net[no[3] + p + 1]):
            after[old_first + t - first] = t
            if _alights_from(net, no, p, t) > until:
                before[t] = old[old_no[22] + old_first + t - first]
        old_p += 1
    for p in range(old_p, old_no[1] - old_no[0]):
        if _first_after(old, old_no, p, old_latest, until) < old[old_no[3] + p + 1]:
            before[:] = -1
            break
    return before, after


@compiled
def _latest(net: I32, no: I64) -> I32:
    """The last moment of each trip at which one may board or alight."""
    latest = np.full(no[19] - no[18], -INF, np.int32)
    for p in range(no[1] - no[0]):
        length, size = net[no[0] + p], net[no[1] + p]
        trip0, event0 = net[no[3] + p], net[no[4] + p]
        for u in range(size):
            for i in range(length):
                arrives = net[no[6] + event0 + u * length + i]
                leaves = net[no[7] + event0 + i * size + u]
                at = leaves if arrives == INF else max(arrives, leaves)
                latest[trip0 + u] = max(latest[trip0 + u], at)
    return latest


@compiled
def _first_after(net: I32, no: I64, p: int, latest: I32, until: int) -> int:
    """The first trip of a lane that is under way after a moment, as all behind it are."""
    t, end = net[no[3] + p], net[no[3] + p + 1]
    while t < end and latest[t] <= until:
        t += 1
    return int(t)


@compiled
def _alights_from(net: I32, no: I64, p: int, t: int) -> int:
    """When one may first alight from a trip after a ride."""
    length, row = net[no[0] + p], no[6] + net[no[22] + t]
    for i in range(1, length):
        if net[row + i] < INF:
            return int(net[row + i])
    return INF


@compiled
def _same_lane(
    net: I32, no: I64, p: int, first: int, old: I32, old_no: I64, old_p: int, old_first: int
) -> bool:
    """Whether two lanes call at the same stops, at the same times from a trip of each on."""
    length, size, old_size = net[no[0] + p], net[no[1] + p], old[old_no[1] + old_p]
    skipped, old_skipped = first - net[no[3] + p], old_first - old[old_no[3] + old_p]
    if length != old[old_no[0] + old_p] or size - skipped != old_size - old_skipped:
        return False
    row, old_row = net[no[4] + p], old[old_no[4] + old_p]
    for i in range(length):
        if net[no[5] + net[no[2] + p] + i] != old[old_no[5] + old[old_no[2] + old_p] + i]:
            return False
        for n in range(size - skipped):
            u, v = skipped + n, old_skipped + n
            if (
                net[no[6] + row + u * length + i] != old[old_no[6] + old_row + v * length + i]
                or net[no[7] + row + i * size + u] != old[old_no[7] + old_row + i * old_size + v]
            ):
                return False
    return True
