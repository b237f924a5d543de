"""Trips with the same calls and boarding rules as neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.tables import PatternTable
from gtfs.trip_columns import NOT_AVAILABLE, TripColumns

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


def by_pattern(trips: TripColumns) -> tuple[TripColumns, I32]:
    """Trips with patterns as neighbours, each pattern's in time order; and their patterns.

    Patterns are in the order of their first trip; trips by first departure, then by the sum of
    their arrivals, then by id.
    """
    group = _groups(trips)
    starts, ends = trips.call0[:-1], trips.call0[1:]
    sums = np.zeros(len(trips.arrival) + 1, np.int64)
    np.cumsum(trips.arrival, out=sums[1:])
    by_id = np.zeros(len(trips), np.int64)
    by_id[sorted(range(len(trips)), key=trips.id.__getitem__)] = np.arange(len(trips))
    order = np.lexsort((by_id, sums[ends] - sums[starts], trips.departure[starts], group))
    return trips.take(order), group[order]


def _groups(trips: TripColumns) -> I32:
    """The number of the pattern of each trip."""
    sizes = np.diff(trips.call0)
    code = (trips.stop.astype(np.int64) << 4) | (trips.pickup << 2) | trips.drop_off
    group = np.zeros(len(trips), np.int64)
    first_trip: list[I64] = []
    n_groups = 0
    for size in np.unique(sizes).tolist():
        members = np.flatnonzero(sizes == size)
        calls = trips.call0[members][:, None] + np.arange(size)
        rows = np.ascontiguousarray(code[calls]).view(np.dtype((np.void, 8 * size))).ravel()
        _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        group[members] = inverse + n_groups
        first_trip.append(members[first])
        n_groups += len(first)
    firsts = np.concatenate(first_trip) if first_trip else np.zeros(0, np.int64)
    number = np.zeros(n_groups, np.int32)
    number[np.argsort(firsts)] = np.arange(n_groups)
    numbered: I32 = number[group]
    return numbered


def patterns_of(trips: TripColumns, pattern_of: I32, place_of: I32) -> PatternTable:
    """The patterns of trips that `by_pattern` has put in order; `place_of` numbers their stops."""
    n_trips = len(trips)
    leads = np.flatnonzero(np.r_[True, pattern_of[1:] != pattern_of[:-1]][:n_trips])
    sizes = np.diff(trips.call0)[leads]
    stop0 = np.zeros(len(leads) + 1, np.int64)
    np.cumsum(sizes, out=stop0[1:])
    calls = np.arange(stop0[-1]) + np.repeat(trips.call0[leads] - stop0[:-1], sizes)
    pickup, drop_off = trips.pickup[calls], trips.drop_off[calls]
    return PatternTable(
        stop0=stop0.astype(np.int32),
        trip0=np.append(leads, n_trips).astype(np.int32),
        event0=np.append(trips.call0[leads], trips.call0[-1]).astype(np.int32),
        stops=place_of[trips.stop[calls]],
        boards=pickup != NOT_AVAILABLE,
        alights=drop_off != NOT_AVAILABLE,
        pickup=pickup,
        drop_off=drop_off,
    )
