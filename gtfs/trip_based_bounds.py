"""How long it takes at least from each stop to the doors, whatever the timetable says of waiting.

Least seconds to and from a few landmarks bound those between any two stops (ALT, Goldberg and
Harrelson 2005): from s to t it takes no less than from a landmark to t less that to s, and no less
than from s to a landmark less that from t. Along a trip the bound shrinks by no more than the ride
takes, so behind the first call that is too late all are. What is bounded is the fastest ride of
each lane between two calls and every footpath, without waiting or changing, as if one might board
and alight everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled
from gtfs.record import int32_of
from gtfs.trip_based_layout import CHANGE_S, EGRESS, EGRESS_STOPS, LANDMARKS, LEAST

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_LANDMARKS = 4
_UNKNOWN = 1 << 20
"""Seconds between stops that are not connected, or farther apart than anyone bounds."""


@compiled
def find_landmarks(net: I32, no: I64) -> I32:
    """Least seconds from each landmark to every stop, row by row, then from every stop to each.

    `net` and `no` are those of a `network.DayNetwork`. Each landmark is the stop farthest from
    those before, of all that are reached from where most lanes call.
    """
    n_stops = no[18] - no[17]
    serving0 = net[no[8] : no[9]]
    rows = np.empty((2 * _LANDMARKS, n_stops), np.int32)
    if n_stops == 0:
        return rows.ravel()
    hub = int(np.argmax(serving0[1:] - serving0[:-1]))
    nearest = np.empty(n_stops, np.int32)
    _distances(net, no, hub, nearest, ahead=True)
    for k in range(_LANDMARKS):
        farthest = hub
        for s in range(n_stops):
            if nearest[farthest] < nearest[s] < _UNKNOWN:
                farthest = s
        _distances(net, no, farthest, rows[k], ahead=True)
        _distances(net, no, farthest, rows[_LANDMARKS + k], ahead=False)
        for s in range(n_stops):
            nearest[s] = rows[k, s] if k == 0 else min(nearest[s], rows[k, s])
    return rows.ravel()


@compiled
def _distances(net: I32, no: I64, start: int, seconds: I32, ahead: bool) -> None:  # noqa: FBT001
    """Least seconds from a stop to every stop, or with `ahead` False from every stop to it.

    Rides along lane after lane until nothing is reached earlier any more.
    """
    positions, stop0, stops = net[no[0] : no[1]], net[no[2] : no[3]], net[no[5] : no[6]]
    walk0, walk_to, walk_s = net[no[11] : no[12]], net[no[12] : no[13]], net[no[13] : no[14]]
    hop_s = net[no[25] : no[26]]
    seconds[:] = _UNKNOWN
    seconds[start] = 0
    is_new = True
    while is_new:
        is_new = False
        for p in range(len(positions)):
            at = np.int32(_UNKNOWN)
            for i in range(positions[p]):
                cell = stop0[p] + (i if ahead else positions[p] - 1 - i)
                s = stops[cell]
                at += hop_s[cell] if ahead else (hop_s[cell + 1] if i > 0 else 0)
                if at < seconds[s]:
                    seconds[s] = at
                    is_new = True
                at = seconds[s]
        for s in range(len(seconds)):
            for x in range(walk0[s], walk0[s + 1]):
                here, there = (s, walk_to[x]) if ahead else (walk_to[x], s)
                if seconds[here] + walk_s[x] < seconds[there]:
                    seconds[there] = seconds[here] + walk_s[x]
                    is_new = True


@compiled
def bound_ways(record: Any, n_egress: int) -> None:
    """Note in `least` how long it takes at least from every stop to the door."""
    landmarks, least = int32_of(record, LANDMARKS), int32_of(record, LEAST)
    egress, stops = int32_of(record, EGRESS), int32_of(record, EGRESS_STOPS)
    n_stops = len(int32_of(record, CHANGE_S))
    least[:] = 0
    for k in range(_LANDMARKS):
        there = landmarks[k * n_stops : (k + 1) * n_stops]
        back = landmarks[(_LANDMARKS + k) * n_stops : (_LANDMARKS + k + 1) * n_stops]
        nearest, farthest = np.int32(_UNKNOWN), np.int32(-_UNKNOWN)
        for m in range(n_egress):
            s = stops[m]
            nearest = min(nearest, np.int32(there[s] + egress[s]))
            farthest = max(farthest, np.int32(back[s] - egress[s]))
        for s in range(n_stops):
            bound = max(np.int32(nearest - there[s]), np.int32(back[s] - farthest))
            least[s] = max(least[s], bound)
