"""What leaves a stop next, from the timetable's own tables: no network of a day is needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import StopIdx, TripIdx
from gtfs.realtime_live import Live
from gtfs.service_time import DAY_S, instant, seconds_at, service_day
from gtfs.timetable import Timetable

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Departure:
    """A call where one may board, or could if it were not cancelled.

    `at` is when it leaves as far as is known, `planned` when it should (None: it was not planned),
    both aware UTC; `seconds` is `at` on the axis of the service day `day`. `trip` is of the
    timetable asked; of the static one for what is cancelled.
    """

    at: datetime
    planned: datetime | None
    stop: StopIdx
    line: str
    headsign: str
    trip: TripIdx
    day: date
    position: int
    seconds: int
    realtime: bool = False
    cancelled: bool = False

    @property
    def delay_s(self) -> int | None:
        """How late it is; None where that is not known."""
        if not self.realtime or self.planned is None:
            return None
        return (self.at - self.planned) // _SECOND


def list_departures(
    timetable: Timetable | Live, stops: Iterable[StopIdx], at: datetime, limit: int
) -> tuple[Departure, ...]:
    """The next `limit` departures from any of the stops at `at` (aware) or later, soonest first.

    Looks as far as the timetable goes; yesterday's trips that run past midnight are among them. Of
    a live timetable the times are those of now, and what is cancelled stands where it was planned.
    """
    wanted = sorted(set(stops))
    if limit <= 0 or not wanted:
        return ()
    live = timetable if isinstance(timetable, Live) else Live.of(timetable)
    board = _Board(live, wanted, at, limit)
    return tuple(board.list())


def next_departure(
    timetable: Timetable | Live, stops: Iterable[StopIdx], after: datetime
) -> Departure | None:
    """The first departure from any of the stops at `after` or later: when the next bus goes."""
    running = timetable.timetable if isinstance(timetable, Live) else timetable
    return next(iter(list_departures(running, stops, after, 1)), None)


class _Board:
    def __init__(self, live: Live, stops: list[StopIdx], at: datetime, limit: int) -> None:
        self._live = live
        self._timetable = live.timetable
        self._at, self._limit = at, limit
        self._boardings = tuple(_boardings(self._timetable, stops))
        self._cancelled = [(stop, call) for stop in stops for call in live.cancelled.get(stop, ())]

    def list(self) -> list[Departure]:
        """The first ones of all days."""
        timetable = self._timetable
        found = heapq.nsmallest(self._limit, self._not_running(), key=_order)
        day = max(
            service_day(self._at, timetable.tz) - timedelta(days=_longest_overrun(timetable)),
            timetable.first_day,
        )
        while day <= timetable.last_day:
            if len(found) >= self._limit and instant(day, 0, timetable.tz) > found[-1].at:
                break
            found.extend(self._on_day(day))
            found = heapq.nsmallest(self._limit, found, key=_order)
            day += timedelta(days=1)
        return found

    def _not_running(self) -> Iterator[Departure]:
        """What is cancelled, where it was planned."""
        static = self._live.static
        for stop, call in self._cancelled:
            planned = instant(call.run.day, call.seconds, static.tz)
            if planned >= self._at:
                trip = static.trip(call.run.trip)
                yield Departure(
                    at=planned,
                    planned=planned,
                    stop=stop,
                    line=static.route(trip.route).short_name,
                    headsign=trip.headsign,
                    trip=call.run.trip,
                    day=call.run.day,
                    position=call.position,
                    seconds=call.seconds,
                    realtime=True,
                    cancelled=True,
                )

    def _on_day(self, day: date) -> Iterator[Departure]:
        """The first departures of one service day, in no order."""
        timetable, limit = self._timetable, self._limit
        patterns = timetable.patterns
        active = timetable.active_services(day)
        if not active.any():
            return
        up = self._at + timedelta(microseconds=999_999)
        not_before = seconds_at(up, day, timetable.tz)
        columns: list[NDArray[np.int64]] = []
        for stop, p, position in self._boardings:
            first, last = int(patterns.trip0[p]), int(patterns.trip0[p + 1])
            length = int(patterns.stop0[p + 1] - patterns.stop0[p])
            event0 = int(patterns.event0[p])
            times = timetable.events.departure[event0 + position : patterns.event0[p + 1] : length]
            runs = active[timetable.trips.service[first:last]]
            kept = np.flatnonzero(runs & (times >= not_before))
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
            yield self._departure(day, seconds, TripIdx(trip), StopIdx(stop), position)

    def _departure(
        self, day: date, seconds: int, trip: TripIdx, stop: StopIdx, position: int
    ) -> Departure:
        timetable, change = self._timetable, self._live.change_of(trip)
        at = instant(day, seconds, timetable.tz)
        planned: datetime | None = at
        if change is not None:
            times = change.departures
            planned = None if times is None else instant(day, times[position], timetable.tz)
        view = timetable.trip(trip)
        return Departure(
            at=at,
            planned=planned,
            stop=stop,
            line=timetable.route(view.route).short_name,
            headsign=view.headsign,
            trip=trip,
            day=day,
            position=position,
            seconds=seconds,
            realtime=change is not None and position not in change.no_data,
        )


def _order(departure: Departure) -> tuple[datetime, str, int]:
    return (departure.at, departure.line, departure.trip)


def _boardings(timetable: Timetable, stops: list[StopIdx]) -> Iterator[tuple[int, int, int]]:
    """Stop, pattern and position of every call where one may board; the last call is none."""
    patterns = timetable.patterns
    lasts = patterns.stop0[1:] - 1
    boards = patterns.boards & np.isin(patterns.stops, stops)
    boards[lasts] = False
    places = np.flatnonzero(boards)
    rows = np.searchsorted(patterns.stop0, places, side="right") - 1
    yield from zip(
        patterns.stops[places].tolist(),
        rows.tolist(),
        (places - patterns.stop0[rows]).tolist(),
        strict=True,
    )


def _longest_overrun(timetable: Timetable) -> int:
    """How many days back a trip may have begun that still runs."""
    return int(timetable.events.departure.max()) // DAY_S + 1
