"""The times of one run from what is planned and what is said of single calls.

GTFS Realtime, "Trip updates": a delay holds until the next call of which something is said, over
skipped calls too; NO_DATA ends it, and the plan holds again. What is said is kept; what only
follows from it gives way, so that no time runs backwards; where two things said contradict each
other, the later call waits for the earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gtfs.realtime_plain import FARTHEST_S
from gtfs.realtime_values import CallState, CallUpdate, TimeChange


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Seconds of the service day, call by call; `uncertainty_s` -1 where nothing is said."""

    arrivals: Sequence[int] | NDArray[np.int32]
    departures: Sequence[int] | NDArray[np.int32]
    skipped: frozenset[int] = frozenset()
    no_data: frozenset[int] = frozenset()
    uncertainty_s: Mapping[int, int] = field(default_factory=dict)
    repaired: int = 0
    """Times said that ran backwards."""
    far: int = 0
    """Times said that were not believed."""


def run_times(
    arrivals: Sequence[int],
    departures: Sequence[int],
    said: Sequence[tuple[int, CallUpdate]],
    zero: int,
    delay_s: int | None,
) -> RunTimes:
    """Apply what is said of calls (by position, ascending) to planned times.

    `zero` is the POSIX time of the service day's zero; `delay_s` the delay of the trip as a whole,
    which holds up to the first call that says something else.
    """
    reader = _Reader(zero)
    times = [time for pair in zip(arrivals, departures, strict=True) for time in pair]
    firm = bytearray(len(times))
    carried = reader.believed(delay_s)
    by_position = dict(said)
    skipped: list[int] = []
    silent: list[int] = []
    uncertainty_s: dict[int, int] = {}
    is_silent = False
    for position in range(len(arrivals)):
        at = 2 * position
        call = by_position.get(position)
        if call is not None and call.state is CallState.SKIPPED:
            skipped.append(position)
        elif call is not None and call.state is CallState.NO_DATA:
            carried, is_silent = None, True
        elif call is not None:
            is_silent = False
            _note_uncertainty(uncertainty_s, position, call)
            arrival = reader.delay(call.arrival, times[at])
            departure = reader.delay(call.departure, times[at + 1])
            firm[at], firm[at + 1] = arrival is not None, departure is not None
            if arrival is None:
                arrival = departure if carried is None else carried
            if departure is None:
                departure = arrival
            times[at] += arrival or 0
            times[at + 1] += departure or 0
            carried = carried if departure is None else departure
            continue
        if is_silent:
            silent.append(position)
        if carried is not None:
            times[at] += carried
            times[at + 1] += carried
    _forwards(times, firm)
    return RunTimes(
        times[::2],
        times[1::2],
        frozenset(skipped),
        frozenset(silent),
        uncertainty_s,
        reader.repaired,
        reader.far,
    )


class _Reader:
    """Delays out of what is said; what cannot be is left out or put right, and counted."""

    def __init__(self, zero: int) -> None:
        self._zero = zero
        self._last: int | None = None
        self.far = 0
        self.repaired = 0

    def delay(self, change: TimeChange | None, planned: int) -> int | None:
        if change is None:
            return None
        if change.time is not None:
            delay_s = self.believed(change.time - self._zero - planned)
        else:
            delay_s = self.believed(change.delay_s)
        if delay_s is None:
            return None
        if self._last is not None and planned + delay_s < self._last:
            delay_s = self._last - planned
            self.repaired += 1
        self._last = planned + delay_s
        return delay_s

    def believed(self, delay_s: int | None) -> int | None:
        if delay_s is not None and abs(delay_s) > FARTHEST_S:
            self.far += 1
            return None
        return delay_s


def _note_uncertainty(noted: dict[int, int], position: int, call: CallUpdate) -> None:
    for change in (call.departure, call.arrival):
        if change is not None and change.uncertainty_s is not None and change.uncertainty_s >= 0:
            noted[position] = change.uncertainty_s
            return


def _forwards(times: list[int], firm: bytearray) -> None:
    """Make times run forwards in place: those that are not firm give way."""
    ceiling: int | None = None
    for i in range(len(times) - 1, -1, -1):
        if firm[i]:
            ceiling = times[i]
        elif ceiling is not None and times[i] > ceiling:
            times[i] = ceiling
    for i in range(1, len(times)):
        times[i] = max(times[i], times[i - 1])
