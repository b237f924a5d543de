"""A ride on a line as it is seen to be now: planned and live times of its two ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from gtfs.ids import TripIdx
from gtfs.realtime_live import Kind, Live
from gtfs.realtime_values import Run
from gtfs.service_time import DAY_S, instant, seconds_at
from gtfs.timetable import Timetable
from mobility.planning.offer import TripCalls

_HALF_A_DAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SeenEnd:
    """One end of a ride."""

    stop_id: str
    stop_name: str
    planned_at: datetime
    live_at: datetime

    @property
    def late(self) -> timedelta:
        """Below zero where it is early."""
        return self.live_at - self.planned_at


@dataclass(frozen=True, slots=True)
class SeenRide:
    """A run of which a feed says how it goes."""

    trip_id: str
    service_day: date
    departure: SeenEnd
    arrival: SeenEnd

    def clock_s(self, at: datetime, timetable: Timetable) -> int:
        """Seconds of the run's service day at an instant, past 24 h in its night."""
        return seconds_at(at, self.service_day, timetable.tz)


@lru_cache(maxsize=4)
def _index(timetable: Timetable) -> dict[str, TripIdx]:
    return {trip_id: TripIdx(i) for i, trip_id in enumerate(timetable.trips.id)}


def find_seen(live: Live, ride: TripCalls, departs_at: datetime) -> SeenRide | None:
    """How the run of a trip that was to leave at about that time (within half a day) goes.

    None where the timetable has no such trip, nothing is said of the run, it was cancelled, or one
    of its two calls is left out or without data.
    """
    static = live.static
    run = _find_run(static, ride, departs_at)
    if run is None:
        return None
    planned, day = run
    events = _events(static, planned)
    current = live.runs.get(run)
    change = None if current is None else live.change_of(current)
    if current is None or change is None:
        return None
    silent = change.skipped | change.no_data
    now = _events(live.timetable, current)
    if len(now) != len(events) or silent & {ride.board_index, ride.alight_index}:
        return None
    stops = _stops(static, planned)

    def end(position: int, which: int) -> SeenEnd:
        stop = static.stops[stops[position]]
        planned_s, live_s = events[position][which], now[position][which]
        return SeenEnd(
            stop.id,
            stop.name,
            instant(day, planned_s, static.tz),
            instant(day, live_s, static.tz),
        )

    return SeenRide(ride.trip_id, day, end(ride.board_index, 1), end(ride.alight_index, 0))


def does_not_run(live: Live, ride: TripCalls, departs_at: datetime) -> bool:
    """Whether a feed says that the run is cancelled, or does not call where one gets on or off.

    Where another run is put in its place nothing is said of where that calls: False.
    """
    run = _find_run(live.static, ride, departs_at)
    if run is None or run not in live.runs:
        return False
    current = live.runs[run]
    if current is None:
        return True
    change = live.change_of(current)
    if change is None or change.kind is not Kind.CHANGED:
        return False
    return bool(change.skipped & {ride.board_index, ride.alight_index})


def _find_run(static: Timetable, ride: TripCalls, departs_at: datetime) -> Run | None:
    """The planned run that was to leave at about that time, within half a day."""
    planned = _index(static).get(ride.trip_id)
    if planned is None:
        return None
    events = _events(static, planned)
    if not 0 <= ride.board_index < ride.alight_index < len(events):
        return None
    began = departs_at - timedelta(seconds=events[ride.board_index][1]) + _HALF_A_DAY
    return Run(planned, began.astimezone(static.tz).date())


def within_hours(clock_s: int, first_s: int | None, last_s: int | None) -> bool:
    """Whether seconds of a service day lie in a window of the clock.

    Without an end the window goes on to the end of the service day.
    """
    if first_s is None:
        return True
    if last_s is None:
        return clock_s >= first_s
    return first_s <= clock_s % DAY_S <= last_s


def _events(timetable: Timetable, trip: TripIdx) -> list[tuple[int, int]]:
    """Arrival and departure of every call, in seconds of the service day."""
    patterns, events = timetable.patterns, timetable.events
    pattern = int(timetable.trips.pattern[trip])
    length = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
    at = int(patterns.event0[pattern]) + (trip - int(patterns.trip0[pattern])) * length
    both = (events.arrival[at : at + length].tolist(), events.departure[at : at + length].tolist())
    return list(zip(*both, strict=True))


def _stops(timetable: Timetable, trip: TripIdx) -> list[int]:
    patterns = timetable.patterns
    pattern = int(timetable.trips.pattern[trip])
    first, after = patterns.stop0[pattern : pattern + 2].tolist()
    stops: list[int] = patterns.stops[first:after].tolist()
    return stops
