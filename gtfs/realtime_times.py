"""The times of one run from what is planned and what is said of single calls.

GTFS Realtime, "Trip updates": a delay holds until the next call of which something is said, over
skipped calls too; NO_DATA ends it, and the plan holds again. What is said is kept; what only
follows from it gives way, so that no time runs backwards; where two things said contradict each
other, the later call waits for the earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub

from gtfs.realtime_values import CallState, CallUpdate, Said, Stretch, TimeChange
from gtfs.service_time import DAY_S

FARTHEST_S = DAY_S
"""A time that is farther from the plan, or a delay that is longer, is not believed."""


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Seconds of the service day, call by call; `uncertainty_s` -1 where nothing is said."""

    arrivals: list[int]
    departures: list[int]
    skipped: frozenset[int]
    no_data: frozenset[int]
    uncertainty_s: dict[int, int]
    repaired: int
    """Times said that ran backwards."""
    far: int
    """Times said that were not believed."""


def run_times(
    arrivals: Sequence[int],
    departures: Sequence[int],
    said: Said,
    zero: int,
    delay_s: int | None,
) -> RunTimes:
    """Apply what is said of calls (by position, ascending) to planned times.

    `zero` is the POSIX time of the service day's zero; `delay_s` the delay of the trip as a whole,
    which holds up to the first call that says something else.
    """
    if not isinstance(said, Stretch):
        return _carried(arrivals, departures, said, zero, delay_s)
    plain = _as_said(arrivals, departures, said, zero) if delay_s is None else None
    return plain or _carried(
        arrivals, departures, list(enumerate(said.calls, said.first)), zero, delay_s
    )


def _carried(
    arrivals: Sequence[int],
    departures: Sequence[int],
    said: Sequence[tuple[int, CallUpdate]],
    zero: int,
    delay_s: int | None,
) -> RunTimes:
    """Call by call, carrying a delay on to those of which nothing is said."""
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


def _as_said(
    arrivals: Sequence[int], departures: Sequence[int], said: Stretch, zero: int
) -> RunTimes | None:
    """The common case: times of all calls from one on to the last, forwards and near the plan."""
    first = said.first
    if first + len(said.calls) != len(arrivals):
        return None
    new_arrivals = [time - zero for time in said.calls.arrivals]
    new_departures = [time - zero for time in said.calls.departures]
    times = [0] * (2 * len(new_arrivals))
    times[::2], times[1::2] = new_arrivals, new_departures
    delays = [
        *map(sub, new_arrivals, arrivals[first:]),
        *map(sub, new_departures, departures[first:]),
    ]
    if sorted(times) != times or min(delays) < -FARTHEST_S or max(delays) > FARTHEST_S:
        return None
    ceiling = times[0]
    return RunTimes(
        [min(time, ceiling) for time in arrivals[:first]] + new_arrivals,
        [min(time, ceiling) for time in departures[:first]] + new_departures,
        frozenset(),
        frozenset(),
        {},
        0,
        0,
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
