"""Where the arrays of a Trip-Based search stand in its `record.Record`, and what rows they hold.

First those of `network.SECTIONS`, then those of `trip_based_transfers.Transfers`, then work arrays.
"""

from typing import Any

import numpy as np

ZERO: Any = np.int64(0)
"""Where a kernel begins to count: for a literal 0 numba compiles what it hands it to once more."""
INF = 1 << 30
FAR = 1 << 29  # no journey yet: below INF plus any negative time
JOURNEY_ROW = 6  # leaves the door, is at the other, transfers, source stop, target stop, legs
LEG_ROW = (
    8  # trip, day, from, to, positions, departure, arrival; or -1, from, to, departure, arrival
)
SEGMENT = 6  # first arrival cell, boarded at, worth until, segment before, change taken, trip
ENTRY = 3  # of a pattern: position from where a door is near, next entry, the stop there

(
    POSITIONS, TRIPS, STOP0, TRIP0, EVENT0, STOPS, ARRIVALS, DEPARTURES,
    SERVING0, SERVING_PATTERN, SERVING_POSITION, WALK0, WALK_TO, WALK_S,
    BACK0, BACK_TO, BACK_S, CHANGE_S, PATTERN_OF,
    ALIGHTING0, ALIGHTING_PATTERN, ALIGHTING_POSITION, EVENT_OF, TIMETABLE_TRIP, DAY_OFFSET,
    HOP_S, CALLS, CHANGE, RETURN0, RETURNS, UNREACHED, TRIP_INFO, LANDMARKS,
    REACHED, QUEUE, ENTRY_HEAD, ENTRIES, ACCESS, ACCESS_FROM, ACCESS_STOPS,
    EGRESS, EGRESS_TO, EGRESS_STOPS, LEAST, ENDS, OUT, LEVELS, STARTS, START_KEYS, BEST,
) = range(50)  # fmt: skip
N_ARRAYS = 50
