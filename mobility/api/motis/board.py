"""The departures and arrivals of stops, ahead or back in time, for as many days as it takes.

``gtfs.departures`` answers what leaves next; here also what arrives, and what was before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import StopIdx, TripIdx
from gtfs.realtime_live import Live
from gtfs.service_time import DAY_S, instant, seconds_at, service_day
from gtfs.timetable import Timetable

_DAYS_WITHOUT_ANY = 14
"""So many days in a row without an event end a search."""


@dataclass(frozen=True, slots=True)
class Event:
    """One departure or arrival: ``at`` in aware UTC, at a position of a trip on a service day."""

    at: datetime
    arrival: bool
    trip: TripIdx
    day: date
    position: int
    cancelled: bool = False
    """Whether it does not take place; then the trip is one of the planned timetable."""
    trip_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """What is listed: events of these stops from ``at`` on, or before it.

    At least ``count`` events, or all within ``window``, whichever are more; those of one second
    stay together. ``pattern_wanted`` says of a pattern whether its lines are asked for.
    """

    stops: frozenset[StopIdx]
    at: datetime
    later: bool
    arrivals: bool
    departures: bool
    count: int
    window: timedelta | None = None
    routes: Collection[int] | None = None
    skipped: bool = False
    """Whether calls where nobody may get on (off) are listed too."""


def list_events(live: Live, query: BoardQuery) -> list[Event]:
    """The events in the order of time, also those before ``at``.

    Late ones stand where they are now, cancelled ones where they were planned.
    """
    timetable = live.timetable
    found = [event for event in _not_running(live, query) if _beside(event, query)]
    empty = 0
    for day in _days(timetable, query):
        fresh = [event for event in _on_day(timetable, query, day) if _beside(event, query)]
        empty = 0 if fresh else empty + 1
        found += fresh
        if empty > _DAYS_WITHOUT_ANY or _enough(timetable, query, day, found):
            break
    found.sort(key=lambda event: (event.at, event.trip, event.position, event.arrival))
    return _kept(found, query)


def _not_running(live: Live, query: BoardQuery) -> Iterator[Event]:
    """What is cancelled, or left out, where it was planned."""
    static, patterns = live.static, live.static.patterns
    for stop in sorted(query.stops):
        for call in live.cancelled.get(stop, ()):
            trip, day = call.run
            if query.routes is not None and int(static.trips.route[trip]) not in query.routes:
                continue
            gone = live.trip_of(call.run) is None
            pattern = int(static.trips.pattern[trip])
            last = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern]) - 1
            for arrival in _kinds(static, query, pattern, call.position, last):
                times = _times(static, pattern, call.position, arrival=arrival)
                seconds = int(times[trip - int(patterns.trip0[pattern])])
                at = instant(day, seconds, static.tz)
                yield Event(
                    at, arrival, trip, day, call.position, cancelled=True, trip_cancelled=gone
                )


def _beside(event: Event, query: BoardQuery) -> bool:
    return event.at >= query.at if query.later else event.at < query.at


def _days(timetable: Timetable, query: BoardQuery) -> Iterator[date]:
    """Service days in the direction asked for, beginning where trips may still run at ``at``."""
    overrun = int(timetable.events.arrival.max()) // DAY_S + 1
    today = service_day(query.at, timetable.tz)
    first, last = timetable.first_day, timetable.last_day
    if query.later:
        day = max(today - timedelta(days=overrun), first)
        while day <= last:
            yield day
            day += timedelta(days=1)
    else:
        day = min(today + timedelta(days=1), last)
        while day >= first:
            yield day
            day -= timedelta(days=1)


def _enough(timetable: Timetable, query: BoardQuery, day: date, found: list[Event]) -> bool:
    """Whether no event of a further day can belong to the answer."""
    if query.later:
        frontier = instant(day + timedelta(days=1), 0, timetable.tz)
        beyond = query.window is None or frontier > query.at + query.window
        sure = sum(event.at < frontier for event in found)
    else:
        overrun = int(timetable.events.arrival.max()) // DAY_S + 1
        frontier = instant(day + timedelta(days=overrun), 0, timetable.tz)
        beyond = query.window is None or frontier < query.at - query.window
        sure = sum(event.at >= frontier for event in found)
    return beyond and sure >= query.count


def _kept(found: list[Event], query: BoardQuery) -> list[Event]:
    if not found:
        return []
    nearest = found if query.later else found[::-1]
    edge = nearest[min(query.count, len(nearest)) - 1].at if query.count else None
    if query.window is not None:
        bound = query.at + query.window if query.later else query.at - query.window
        edge = bound if edge is None else max(edge, bound) if query.later else min(edge, bound)
    if edge is None:
        return []
    return [e for e in found if (e.at <= edge if query.later else e.at >= edge)]


def _on_day(timetable: Timetable, query: BoardQuery, day: date) -> Iterator[Event]:
    active = timetable.active_services(day)
    if not active.any():
        return
    from_s = seconds_at(query.at, day, timetable.tz) - 1
    for stop in sorted(query.stops):
        for pattern, position, last in _calls(timetable, stop):
            for arrival in _kinds(timetable, query, pattern, position, last):
                times = _times(timetable, pattern, position, arrival=arrival)
                first = int(timetable.patterns.trip0[pattern])
                services = timetable.trips.service[first : first + len(times)]
                kept = active[services] & (times >= from_s if query.later else times <= from_s + 1)
                if query.routes is not None:
                    lines = timetable.trips.route[first : first + len(times)]
                    kept &= np.isin(lines, list(query.routes))
                for n in np.flatnonzero(kept).tolist():
                    at = instant(day, int(times[n]), timetable.tz)
                    yield Event(at, arrival, TripIdx(first + n), day, position)


def _kinds(
    timetable: Timetable, query: BoardQuery, pattern: int, position: int, last: int
) -> Iterator[bool]:
    """Which of arrival (True) and departure (False) are listed of a call."""
    patterns = timetable.patterns
    at = int(patterns.stop0[pattern]) + position
    if query.departures and position < last and (query.skipped or patterns.boards[at]):
        yield False
    if query.arrivals and position > 0 and (query.skipped or patterns.alights[at]):
        yield True


def _times(
    timetable: Timetable, pattern: int, position: int, *, arrival: bool
) -> NDArray[np.int32]:
    """The seconds of one call of every trip of a pattern."""
    patterns = timetable.patterns
    length = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
    trips = int(patterns.trip0[pattern + 1] - patterns.trip0[pattern])
    first = int(patterns.event0[pattern])
    column = timetable.events.arrival if arrival else timetable.events.departure
    return column[first + position : first + trips * length : length]


def _calls(timetable: Timetable, stop: StopIdx) -> Iterator[tuple[int, int, int]]:
    """Pattern, position, and the pattern's last position, of every call at a stop."""
    starts = timetable.patterns.stop0
    places = np.flatnonzero(timetable.patterns.stops == stop)
    patterns = np.searchsorted(starts, places, side="right") - 1
    lasts = starts[patterns + 1] - starts[patterns] - 1
    rows = (patterns.tolist(), (places - starts[patterns]).tolist(), lasts.tolist())
    yield from zip(*rows, strict=True)
