"""What leaves a stop next, from the timetable's own tables: no network of a day is needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import StopIdx, TripIdx
from gtfs.service_time import DAY_S, instant, seconds_at, service_day
from gtfs.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Departure:
    """A call where one may board: `planned` in aware UTC, `seconds` on the axis of `day`."""

    planned: datetime
    stop: StopIdx
    line: str
    headsign: str
    trip: TripIdx
    day: date
    position: int
    seconds: int


def list_departures(
    timetable: Timetable, stops: Iterable[StopIdx], at: datetime, limit: int
) -> tuple[Departure, ...]:
    """The next `limit` departures from any of the stops at `at` (aware) or later, soonest first.

    Looks as far as the timetable goes; yesterday's trips that run past midnight are among them.
    """
    wanted = sorted(set(stops))
    if limit <= 0 or not wanted:
        return ()
    found: list[Departure] = []
    first = service_day(at, timetable.tz) - timedelta(days=_longest_overrun(timetable))
    day = max(first, timetable.first_day)
    while day <= timetable.last_day:
        if len(found) >= limit and instant(day, 0, timetable.tz) > found[-1].planned:
            break
        found.extend(_on_day(timetable, wanted, day, at, limit))
        found = heapq.nsmallest(limit, found, key=_order)
        day += timedelta(days=1)
    return tuple(found)


def next_departure(
    timetable: Timetable, stops: Iterable[StopIdx], after: datetime
) -> Departure | None:
    """The first departure from any of the stops at `after` or later: when the next bus goes."""
    return next(iter(list_departures(timetable, stops, after, 1)), None)


def _order(departure: Departure) -> tuple[datetime, str, int]:
    return (departure.planned, departure.line, departure.trip)


def _on_day(
    timetable: Timetable, stops: list[StopIdx], day: date, at: datetime, limit: int
) -> Iterator[Departure]:
    """The first `limit` departures of one service day, in no order."""
    trips, patterns = timetable.trips, timetable.patterns
    active = timetable.active_services(day)
    if not active.any():
        return
    not_before = seconds_at(at + timedelta(microseconds=999_999), day, timetable.tz)
    columns: list[NDArray[np.int64]] = []
    for stop in stops:
        for p, position in _boardings(timetable).get(stop, ()):
            first, last = int(patterns.trip0[p]), int(patterns.trip0[p + 1])
            length = int(patterns.stop0[p + 1] - patterns.stop0[p])
            event0 = int(patterns.event0[p])
            times = timetable.events.departure[event0 + position : patterns.event0[p + 1] : length]
            kept = np.flatnonzero(active[trips.service[first:last]] & (times >= not_before))
            rows = np.empty((len(kept), 4), np.int64)
            rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = (
                times[kept],
                first + kept,
                stop,
                position,
            )
            columns.append(rows)
    table = np.concatenate([np.empty((0, 4), np.int64), *columns])
    table = table[np.argsort(table[:, 0], kind="stable")]
    if len(table) > limit:
        table = table[table[:, 0] <= table[limit - 1, 0]]
    for seconds, trip, stop, position in table.tolist():
        view = timetable.trip(TripIdx(trip))
        yield Departure(
            planned=instant(day, seconds, timetable.tz),
            stop=StopIdx(stop),
            line=timetable.route(view.route).short_name,
            headsign=view.headsign,
            trip=TripIdx(trip),
            day=day,
            position=position,
            seconds=seconds,
        )


_boarding_index: WeakKeyDictionary[Timetable, dict[StopIdx, list[tuple[int, int]]]] = (
    WeakKeyDictionary()
)


def _boardings(timetable: Timetable) -> dict[StopIdx, list[tuple[int, int]]]:
    """Pattern and position of every call where one may board; the last call is none."""
    known = _boarding_index.get(timetable)
    if known is None:
        known = {}
        patterns = timetable.patterns
        starts, boards = patterns.stop0.tolist(), patterns.boards.tolist()
        stops = patterns.stops.tolist()
        for p in range(len(starts) - 1):
            for place in range(starts[p], starts[p + 1] - 1):
                if boards[place]:
                    known.setdefault(StopIdx(stops[place]), []).append((p, place - starts[p]))
        _boarding_index[timetable] = known
    return known


def _longest_overrun(timetable: Timetable) -> int:
    """How many days back a trip may have begun that still runs."""
    return int(timetable.events.departure.max()) // DAY_S + 1
