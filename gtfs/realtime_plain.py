"""The times of a run of which every call is named as planned, from one on to the last.

By far the most common, so that it has a kernel of its own; `realtime_times` makes the same of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import TripIdx
from gtfs.kernel_cache import compiled
from gtfs.realtime_values import TimedCalls
from gtfs.service_time import DAY_S
from gtfs.timetable import Timetable

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

FARTHEST_S = DAY_S
"""A time that is farther from the plan, or a delay that is longer, is not believed."""


class Plan:
    """The planned calls of a timetable, as the kernel reads them: in memory, and of these types."""

    def __init__(self, timetable: Timetable) -> None:
        """Copy them."""
        patterns, events, ids = timetable.patterns, timetable.events, timetable.stop_table.id
        pattern = timetable.trips.pattern
        length = np.diff(patterns.stop0).astype(np.int64)
        place = np.arange(len(pattern), dtype=np.int64) - patterns.trip0[pattern]
        self._length = length[pattern].tolist()
        self._event0 = (patterns.event0[pattern] + place * length[pattern]).tolist()
        self._stop0 = patterns.stop0[pattern].tolist()
        self._events = np.array([events.sequence, events.arrival, events.departure], np.int32)
        self._stops = np.array(patterns.stops, np.int32)
        self._id_ends, self._ids = np.array(ids.ends, np.int64), np.array(ids.blob, np.uint8)

    def times(self, trip: TripIdx, said: TimedCalls, zero: int) -> I32 | None:
        """Arrivals and departures, a row each, in seconds of the service day that begins at `zero`.

        None where a call is named otherwise, is left out, or has a time that is not believed.
        """
        length = self._length[trip]
        times = np.empty((2, length), np.int32)
        prefix = np.frombuffer(said.prefix, np.uint8)
        plain = _as_said(
            said.rows, said.text, prefix, self._events, self._event0[trip], self._stops,
            self._stop0[trip], self._ids, self._id_ends, zero, times,
        )  # fmt: skip
        return times if plain else None


@compiled
def _as_said(  # noqa: C901 - one pass over the calls
    said: I64, text: U8, prefix: U8, events: I32, event0: int, stops: I32, stop0: int, ids: U8,
    id_ends: I64, zero: int, times: I32,
) -> bool:  # fmt: skip
    """Write the times, if all calls from one on are as planned, forwards, and near the plan."""
    length = times.shape[1]
    first = length - len(said)
    if first < 0:
        return False
    last = np.int64(-1) << 62
    for i in range(len(said)):
        event, position = event0 + first + i, first + i
        if events[0, event] != said[i, 0]:
            return False
        start, end = said[i, 3], said[i, 4]
        name = id_ends[stops[stop0 + position]]
        size = id_ends[stops[stop0 + position] + 1] - name
        if end == start or size != len(prefix) + end - start:
            return False
        for k in range(size):
            letter = prefix[k] if k < len(prefix) else text[start + k - len(prefix)]
            if ids[name + k] != letter:
                return False
        for column in range(2):
            time = said[i, 1 + column] - zero
            if time < last or abs(time - events[1 + column, event]) > FARTHEST_S:
                return False
            times[column, position] = last = time
    for i in range(first):
        for column in range(2):
            times[column, i] = min(events[1 + column, event0 + i], times[0, first])
    return True
