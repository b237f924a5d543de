"""The inner loops of a search's doors, compiled: nodes on foot, and rides to the door."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtfs.front_layout import DOOR_ROW, STEP_MG
from gtfs.kernel_cache import compiled

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@compiled
def fill_rows(
    moving: Ints, held: Ints, slots: Ints, numbers: Ints, ranges: Ints, allowed: Flags,
    metres: Ints, mg_per_m: Ints, by_minute: Longs, by_km: Longs, per_cent: int, overhead_s: int,
    n_stops: int, rows: Ints, lengths: Ints, n: int,
) -> int:  # fmt: skip
    """Write from row ``n`` on a row for each vehicle that gets to the door, and its metres.

    Of each vehicle its slot, kind and range are given, of each slot the seconds in ``moving`` to
    the door, -1 for none, of each vehicle those it is ``held`` up, -1 where it may not go.
    Returns the number of rows. What takes longer than there are prices for is left out.
    """
    for i in range(len(slots)):
        number, moving_s = numbers[i], moving[slots[i]]
        if moving_s < 0 or held[i] < 0 or not allowed[number]:
            continue
        way = np.int64(metres[number, moving_s])
        seconds = np.int64(moving_s) + held[i] + overhead_s
        minutes, km = -(-seconds // 60), -(-way // 1000)
        if way > ranges[i] or minutes >= by_minute.shape[1] or km >= by_km.shape[1]:
            continue
        units = by_minute[number, minutes] + by_km[number, km]
        mg = way * mg_per_m[number]
        rows[n, 0] = slots[i] + n_stops
        rows[n, 1] = number
        rows[n, 2] = seconds
        rows[n, 3] = max((2 * units + per_cent) // (2 * per_cent), 0)
        rows[n, 4] = (mg + STEP_MG - 1) // STEP_MG
        rows[n, 5] = -1
        rows[n, 6] = mg
        lengths[n] = way
        n += 1
    return n


@compiled
def say_far(seconds: Ints, far: int, n_stops: int, most_to_vehicle: int) -> int:
    """Write ``far`` for -1, and for slots, which come behind the stops, that are too far away.

    Returns the number of stops in reach.
    """
    reached = 0
    for node in range(len(seconds)):
        if seconds[node] < 0 or (node >= n_stops and seconds[node] > most_to_vehicle):
            seconds[node] = far
        elif node < n_stops:
            reached += 1
    return reached


def warm_up() -> None:
    """Compile the loops, so that no search waits for it when first vehicles come."""
    none, longs = np.zeros(0, np.int32), np.zeros((1, 1), np.int64)
    ints, rows = np.zeros((1, 1), np.int32), np.zeros((0, DOOR_ROW), np.int32)
    fill_rows(
        none, none, none, none, none, np.zeros(1, np.bool_), ints, none, longs, longs, 1, 0, 0,
        rows, none, 0,
    )  # fmt: skip
    say_far(none, 0, 0, 0)
