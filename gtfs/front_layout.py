"""Where everything is that a four-criteria kernel reads: the contract between it and its callers.

A kernel takes one array of int64, `state`: first the counters, the question and what is known of
network and rentals, by the indexes here; from `ARRAYS_AT` on (address, length) of each array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

N_LABELS, N_FRONT, ROUND, LATEST, EXACT, IS_FULL = 0, 1, 2, 3, 4, 5
N_STOPS, N_NODES, N_KINDS, N_SETS, N_BAGS = 6, 7, 8, 9, 10
TRANSFER_S, SHORT_CENTS, SHORT_STOPS, MIRRORED = 11, 12, 13, 14
LEAST_RIDE, LEAST_RENTAL, LEAST_SINGLE = 15, 16, 17
SECONDS, DIRECT_S, MAX_LEGS, MOST_SINGLE, BASE_S = 18, 19, 20, 21, 22
RENTS_ONCE, N_PRICES, N_LEVELS, SWEPT_LEGS, RENTING_LEGS = 23, 24, 25, 26, 27
NOT_THERE = 2
"""In place of IS_FULL: the question names what is not there."""
N_STATE = 28
ARRAYS_AT = 28


def _places(first: int, until: int) -> Any:
    """Numbers of places, not as literals: for each of those numba would compile `ints` anew."""
    return (np.int64(place) for place in range(first, until))


(
    POSITIONS, TRIPS, STOP0, TRIP0, EVENT0, STOPS, ARRIVALS, DEPARTURES,
    SERVING0, SERVING_PATTERN, SERVING_POSITION, WALK0, WALK_TO, WALK_S,
    CHANGE_S, CENTS, MG_PER_M, METRES, RUN_S, DWELL_S, TRIP_OF, AREA_OF,
    AREA_CENTS, AREA_BOTH, GAP, WINDOWS,
) = _places(0, 26)  # fmt: skip
"""In the order of `front_network.FRONT_SECTIONS`."""
N_NET = 26
(
    EDGE0, EDGE_TO, EDGE_S, EDGE_CENTS, EDGE_STEPS, EDGE_MG, EDGE, EDGE_BOUND,
    PLACE_WALK0, PLACE_WALK_TO, PLACE_WALK_S, STOP_WALK0, STOP_WALK_TO, STOP_WALK_S, STARTS_HERE,
) = _places(26, 41)  # fmt: skip
"""In the order of `front_rentals.RENTAL_SECTIONS`."""
N_RENTAL = 15
(AVAILABLE, TAKES, RENTABLE, ACCESS, EGRESS, FIRST_EDGES, LAST_EDGES) = _places(41, 48)
(
    LABELS, LINKS, FRONT, FRONT_KEYS, ABOARD, HEADS, REST, CALLS, ONWARD, USEFUL, FIRST, QUEUE,
    OUT, DOOR_HEAD, PRICES, LIMITS, NOW, BEFORE, ABOARD_KEYS, PRICE_ROWS,
) = _places(48, 68)  # fmt: skip
N_ARRAYS = 68
STATE_SIZE = ARRAYS_AT + 2 * N_ARRAYS

LABEL_ROW = 16
FRONT_ROW = 10
ABOARD_ROW = 13
LEG_ROW = 8
DOOR_ROW = 7
"""Node, kind, seconds, cents, steps, the next row of that node, which the kernel writes, and mg."""

F_LEGS, F_CENTS, F_STEPS, F_LABEL, F_EDGE = 1, 2, 3, 4, 5
F_TIME, F_LEG0, F_DEPARTS, F_MG = 6, 7, 8, 9
"""A row of the front; F_LABEL -1 for a walk alone, F_EDGE the door edge taken last or -1."""

CENTS_AT, CENTS_BITS, LEGS_AT, MINUTE_AT = 17, 25, 43, 49
"""What is packed: bits 0 steps, 17 cents, 43 legs, 49 minute; a guard above each."""
MOST_STEPS, MOST_CENTS = (1 << 15) - 1, (1 << 23) - 1
"""What a label can have; the bits hold more, so that bounds can be added."""
LEVELS = 5
"""Up to how many legs that may follow have bounds of their own; the last stands for more."""
ALONE, RENTING = 0, 32
"""A bound is four numbers of 16 bits in one: least seconds and steps to the goal by rides alone,
and the same with a rental among them; each half begins at one of these bits, with its seconds.
`REST` has LEVELS bounds a bag, NOW the least there is so far."""
MOST_BOUND = (1 << 16) - 1
"""The most a bound can say: it takes as much, or more, or there is no way."""
ONWARD_ROW = 2
"""The same from alighting at a stop, then whether the last sweep found that anew."""
CALL_ROW = 2
"""The same of whoever departs from a call, then where the seconds stood the fewest legs that takes
within the horizon, of either kind."""
LIMIT_LEGS, LIMIT_STEPS, MOST_PRICES = 14, 128, 64
"""The size of `LIMITS`: rows of a price, each by legs and steps. `PRICES` are the prices, then the
numbers of their rows."""
PRICED = 1 << 12
"""Up to how many cents `PRICE_ROWS` names the row at once."""

STEP_MG = 50_000
MINUTE_S = 60


def point(record: NDArray[np.int64], at: int, data: NDArray[np.int32], offsets: Any) -> None:
    """Write from `at` on where arrays are that lie in `data` one behind the other."""
    n = len(offsets) - 1
    record[at : at + 2 * n : 2] = data.ctypes.data + 4 * offsets[:-1]
    record[at + 1 : at + 2 * n : 2] = np.diff(offsets)


def point_at(record: NDArray[np.int64], at: int, array: NDArray[Any], size: int) -> None:
    """Write where one array is."""
    record[at] = array.ctypes.data
    record[at + 1] = size
