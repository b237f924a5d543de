"""RAPTOR over a day's network: the second opinion on Trip-Based search, and one stop to all."""

from __future__ import annotations

from array import array
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from gtfs.journey import Query
from gtfs.network import DayNetwork, View, flat, network_of
from gtfs.timetable import Timetable
from gtfs.trip_based import MAX_RIDES
from tests.gtfs.raptor import FRONT_ROW, INF, search_day

I32 = NDArray[np.int32]

_OUT_SIZE = 8192
NEVER_S = INF
"""The arrival of `one_to_all` where no journey leads."""


def front_by_rounds(timetable: Timetable, query: Query) -> list[tuple[int, int]]:
    """Pareto (arrival, transfers) as `journey.search` must find them, fewest transfers first."""
    network = network_of(timetable, query.day, View.AHEAD, query.usable)
    _, out, n_journeys = _run(timetable, network, query)
    rows = out[: FRONT_ROW * n_journeys].reshape(-1, FRONT_ROW)
    return [(arrival, rides - 1) for arrival, rides in rows[:, :2].tolist()]


def one_to_all(timetable: Timetable, query: Query) -> I32:
    """The earliest arrival at every stop on the query's axis, `NEVER_S` where there is none.

    The query's targets do not matter. With `walk_at_ends` stops are also reached on foot.
    """
    network = network_of(timetable, query.day, View.AHEAD, query.usable)
    stands = network.stands
    reached, _, _ = _run(timetable, network, query._replace(targets=()))
    if query.walk_at_ends:
        for stop, seconds in query.sources:
            reached[stop] = min(reached[stop], query.seconds + seconds)
        on_foot = reached[stands.walk_from] + stands.walk_s
        at_stops = stands.walk_to < stands.n_stops
        np.minimum.at(reached, stands.walk_to[at_stops], on_foot[at_stops])
    arrivals = np.full(stands.n_stops, INF, np.int32)
    np.minimum.at(arrivals, stands.stop, reached)
    return arrivals


def _run(timetable: Timetable, network: DayNetwork, query: Query) -> tuple[I32, I32, int]:
    """When rides get to each stop, the kernel's rows, and the number of journeys."""
    n_stops, n_patterns = network.n_stops, network.n_patterns
    work, offsets = flat(
        [
            *(np.full(n_stops, INF, np.int32) for _ in range(6)),
            np.full(n_patterns, INF, np.int32),
            np.zeros(n_patterns, np.int32),
            *(np.zeros(n_stops, np.int32) for _ in range(5)),
            *(np.zeros(n_stops * (MAX_RIDES + 1), np.int32) for _ in range(4)),
        ]
    )
    out = np.zeros(_OUT_SIZE, np.int32)
    starts: list[tuple[int, int]] = [*query.sources]
    ends: list[tuple[int, int]] = [*query.targets]
    if not query.walk_at_ends:
        rides = query.came_by, query.goes_by
        starts, ends = network.stands.ends(timetable, (starts, ends), rides)
    both = array("i", chain.from_iterable(chain(starts, ends)))
    n_journeys = search_day(
        network.data,
        network.offsets,
        work,
        offsets,
        np.array(both, np.int32),
        len(starts),
        query.seconds,
        query.max_transfers + 1,
        query.walk_at_ends,
        out,
    )
    return work[:n_stops], out, n_journeys
